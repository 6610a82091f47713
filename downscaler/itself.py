"""Which objects are the controller itself: the owners of its own pod, as the API server tells. No answer is a failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from downscaler.count import LOG
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.kinds import CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, STATEFUL_SETS, Resource
from shared.objects import Object

# Kind, namespace, name. A kind of "*" is any kind.
Address = tuple[str, str, str]
_OWNERS: Mapping[str, Resource] = {
    each.kind: each for each in (REPLICA_SETS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS)
}
_DEEPEST = 5


def itself(cluster: Cluster, environ: Mapping[str, str]) -> frozenset[Address]:
    """The workloads that own the pod this process runs in; empty outside a cluster.

    The pod is named by POD_NAME or HOSTNAME, its namespace by POD_NAMESPACE or the service account. Where the pod or its owners
    may not be read, names are taken from the pod's own: `web-5d9f7c-x2x9k` is taken for a pod of `web`.
    """
    namespace = environ.get("POD_NAMESPACE", "").strip() or _own_namespace(cluster)
    name = environ.get("POD_NAME", "").strip() or environ.get("HOSTNAME", "").strip()
    if not namespace or not name:
        return frozenset()
    try:
        return frozenset(_owners(cluster, namespace, name))
    except ThriftError as error:
        LOG.info("the controller's own workload is guessed from the name of its pod: %s", error)
        return frozenset(("*", namespace, name.rsplit("-", cut)[0]) for cut in (0, 1, 2))


def _owners(cluster: Cluster, namespace: str, name: str) -> Iterator[Address]:
    about: Object = cluster.get_metadata(PODS, namespace, name)
    for _ in range(_DEEPEST):
        owner = about.metadata.controller
        if owner is None:
            return
        yield owner.kind, namespace, owner.name
        resource = _OWNERS.get(owner.kind)
        if resource is None:
            return
        about = cluster.get_metadata(resource, namespace, owner.name)


def _own_namespace(cluster: Cluster) -> str:
    try:
        return (Path(cluster.connection.service_account_dir) / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
