"""What is inside a Namespace that is about to go: whether something in it has to stay, and its manifests for the backup.

Deleting a Namespace deletes everything in it, so this looks at every type that the server serves, in scope or not. A type that
cannot be
listed keeps the Namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from janitor.archive import Cipher, Kept, keep
from janitor.policy import Policy
from janitor.protect import RECREATED, marked_because
from janitor.usage import DERIVED
from janitor.wholes import list_whole, object_of
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.kinds import Resource
from shared.objects import Object

_TOKEN = "kubernetes.io/service-account-token"


def listable(resources: Iterable[Resource]) -> list[Resource]:
    """The types of which a Namespace can hold objects that are worth a look."""
    return [
        it
        for it in resources
        if it.namespaced and {"list", "delete"} <= set(it.verbs) and it.plural not in ("events", "controllerrevisions")
    ]


def guarded_by(cluster: Cluster, resources: Iterable[Resource], namespace: str, policy: Policy) -> str:
    """The first object in *namespace* that is marked as protected, in words; empty for none. Raises ThriftError."""

    def work(resource: Resource) -> str:
        for obj in cluster.list_metadata(resource, namespace=namespace):
            why = marked_because(resource, obj, policy.keys, policy.protection)
            if why:
                return f"it holds {resource.name} {obj.key}: {why}"
        return ""

    return _first(cluster, work, resources)


def _first(cluster: Cluster, work: Callable[[Resource], str], resources: Iterable[Resource]) -> str:
    found = ""
    for _, result in cluster.run_all(work, listable(resources)):
        if isinstance(result, ThriftError):
            raise result
        found = found or result
    return found


def bundle(
    cluster: Cluster, resources: Iterable[Resource], namespace: str, cipher: Cipher | None, *, skip_secrets: bool
) -> list[Kept]:
    """Everything in *namespace* that nobody would write again: not what has a controller, not what the control plane makes.

    Raises ThriftError where a type cannot be listed, and BackupProblem for a Secret without a key.
    """
    kept: list[Kept] = []
    for resource in listable(resources):
        if resource.plural in DERIVED:
            continue
        for document in list_whole(cluster, resource, namespace=namespace):
            obj = object_of(document)
            if not _remade(resource, obj, str(document.get("type", ""))):
                one = keep(resource, document, cipher, skip_secrets=skip_secrets)
                kept += [one] if one is not None else []
    return kept


def _remade(resource: Resource, obj: Object, type_of_secret: str) -> bool:
    """Whether a controller or the control plane makes the object again by itself."""
    recreated = (resource.group, resource.plural, obj.name) in RECREATED
    return obj.metadata.controller is not None or recreated or type_of_secret == _TOKEN
