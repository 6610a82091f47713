"""Reading: the lists of one turn. A list that fails is one failure and stops nothing else. Decides nothing.

Over the whole cluster a turn costs one list of namespaces, one of pods and one per kind, metadata only where that is enough. With
`--namespace` it is one read of each namespace and one list of each in it, for which rights in those namespaces are enough.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from downscaler.config import Config
from downscaler.keys import ORIGINAL
from downscaler.plan import Forced, asks_for_uptime
from downscaler.relations import AUTOSCALED, SCALERS
from downscaler.sizes import KINDS, Kind
from downscaler.workloads import Workload
from shared.cluster import Cluster
from shared.errors import ClusterError, NotFound, ThriftError, ValueProblem
from shared.kinds import NAMESPACES, PODS
from shared.objects import Object

# Pods that have ended no longer ask for anything.
LIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed"

AUTOSCALERS = KINDS["horizontalpodautoscalers"]
_LOG = logging.getLogger("downscaler")

OnFailure: TypeAlias = Callable[[ClusterError], None]
OnProblem: TypeAlias = Callable[[Object, ValueProblem], None]


def read_namespaces(cluster: Cluster, config: Config, failed: OnFailure) -> dict[str, Object]:
    """The metadata of the namespaces to work in. One that cannot be read is missing, and then everything in it is left alone:
    it might be excluded, and nobody could tell."""
    found: dict[str, Object] = {}
    if not config.namespaces:
        try:
            found.update((namespace.name, namespace) for namespace in cluster.list_metadata(NAMESPACES))
        except ClusterError as error:
            failed(error)
        return found
    for name in config.namespaces:
        found.update(read_namespace(cluster, name, failed))
    return found


def read_namespace(cluster: Cluster, name: str, failed: OnFailure) -> dict[str, Object]:
    """The metadata of one namespace; empty if it cannot be read."""
    try:
        return {name: cluster.get_metadata(NAMESPACES, None, name)}
    except ClusterError as error:
        failed(error)
        return {}


def read_forced(cluster: Cluster, config: Config, failed: OnFailure) -> Forced:
    """Where live pods ask for uptime. Of pods nothing is kept but that."""
    asking: set[str] = set()
    try:
        for namespace in config.namespaces or (None,):
            for pod in cluster.list_metadata(PODS, namespace=namespace, field_selector=LIVE_PODS):
                if asks_for_uptime(pod):
                    asking.add(pod.namespace)
                    if not config.rules.forced_per_namespace:
                        return Forced(frozenset(asking))
    except ClusterError as error:
        failed(error)
        return Forced(frozenset(asking), hold="pods could not be read, and one of them may ask for uptime")
    return Forced(frozenset(asking))


def read_recorded(cluster: Cluster, config: Config, kinds: Iterable[Kind], failed: OnFailure) -> Iterator[tuple[Kind, Workload]]:
    """Every object of *kinds* that carries a record of having been put down. Kinds that the server does not know are left out."""
    for kind in kinds:
        for namespace in config.namespaces or (None,):
            try:
                for about in cluster.list_metadata(kind.resource, namespace=namespace):
                    if about.metadata.annotation(ORIGINAL) is not None:
                        workload = cluster.get(kind.resource, about.namespace, about.name, kind.as_type)
                        if kind.includes(workload):
                            yield kind, workload
            except NotFound:
                continue
            except ClusterError as error:
                failed(error)


def may_list(cluster: Cluster, config: Config, kind: Kind) -> bool:
    """Whether the server says that we may list *kind* wherever we work. Where it does not say: no."""
    try:
        return all(cluster.can_i("list", kind.resource, namespace) for namespace in config.namespaces or (None,))
    except ThriftError:
        return False


def read_workloads(cluster: Cluster, config: Config, kind: Kind, failed: OnFailure, problem: OnProblem) -> Iterator[Workload]:
    """Every object of *kind* to work on, page by page. An object that does not decode goes to *problem*."""
    for namespace in config.namespaces or (None,):
        try:
            found = cluster.list(kind.resource, kind.as_type, namespace=namespace, on_problem=problem)
            yield from (workload for workload in found if kind.includes(workload))
        except NotFound as error:
            # A kind whose CRD went away since it was probed.
            if not kind.custom:
                failed(error)
        except ClusterError as error:
            failed(error)


def read_scalers(
    cluster: Cluster, config: Config, kinds: Iterable[Kind], failed: OnFailure, problem: Callable[[Kind], OnProblem]
) -> list[tuple[Kind, Workload]]:
    """All autoscalers that matter: those of the included kinds, and HorizontalPodAutoscalers also where what they scale is.

    Rights on those are nothing that a controller has to have; without them it works as if there were none.
    """
    included = {kind.id: kind for kind in kinds}
    found = [
        (included[scaler], workload)
        for scaler in SCALERS
        if scaler in included
        for workload in read_workloads(cluster, config, included[scaler], failed, problem(included[scaler]))
    ]
    if AUTOSCALERS.id not in included and not included.keys().isdisjoint(AUTOSCALED):
        unseen = lambda error: _LOG.debug("autoscalers are not looked at: %s", error)  # noqa: E731 - a callback, not a function
        found += [(AUTOSCALERS, each) for each in read_workloads(cluster, config, AUTOSCALERS, unseen, lambda about, value: None)]
    return found
