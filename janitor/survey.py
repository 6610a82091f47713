"""Collects what the reference graph is made of, when rules ask for it. A list that fails makes its facts unknown, never
"unused".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from janitor.usage import MENTIONING, Usage, may_refer
from janitor.wholes import list_whole
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.kinds import CUSTOM_RESOURCE_DEFINITIONS, ENDPOINT_SLICES, PODS, Resource

# Groups whose types are Kubernetes' own, although their names look like those of custom ones. Snapshots are not among them.
_BUILT_IN_SUFFIX = ".k8s.io"
_SNAPSHOTS = "snapshot.storage.k8s.io"


def survey(
    cluster: Cluster,
    resources: Sequence[Resource],
    needs: frozenset[str],
    incomplete: Iterable[str],
    namespaces: Sequence[str] | None,
) -> Usage:
    """Reads what *needs* names: pods, references, endpoints, inventory. *namespaces* of None is the whole cluster.

    *incomplete* are discovery's failures: a group that is missing from discovery may hold the one object that mentions a claim.
    """
    usage = Usage()
    missing = tuple(incomplete)
    if missing:
        usage.unknown.update(
            {need: f"discovery is incomplete: {missing[0]}" for need in needs if need in ("references", "inventory")}
        )
    if "pods" in needs:
        _mentions(cluster, PODS, usage, "pods", namespaces)
    if "references" in needs and "references" not in usage.unknown:
        schemas = namespaces is None or _may_read_schemas(cluster)
        for resource in mentioning_types(cluster, resources, schemas=schemas):
            _mentions(cluster, resource, usage, "references", namespaces)
    if "endpoints" in needs:
        _slices(cluster, resources, usage, namespaces)
    if "inventory" in needs and "inventory" not in usage.unknown:
        _inventory(cluster, resources, usage, namespaces)
    return usage


def _may_read_schemas(cluster: Cluster) -> bool:
    """Who works in named namespaces need have no right on the whole cluster; asking first leaves no refusal in audit logs."""
    try:
        return cluster.can_i("list", CUSTOM_RESOURCE_DEFINITIONS)
    except ThriftError:
        return False


def mentioning_types(cluster: Cluster, resources: Iterable[Resource], *, schemas: bool = True) -> list[Resource]:
    """The built-in types of the table, and the custom types whose schema has a fitting field. Without the schemas: every custom
    type.
    """
    custom = {(it.group, it.plural): it for it in resources if "list" in it.verbs and _is_custom(it)}
    built_in = [it for it in resources if (it.group, it.plural) in MENTIONING]
    if not custom:
        return built_in
    if not schemas:
        return [*built_in, *custom.values()]
    try:
        silent = {key for crd in list_whole(cluster, CUSTOM_RESOURCE_DEFINITIONS) if (key := _silent(crd)) is not None}
    except ThriftError:
        silent = set()
    return built_in + [it for key, it in custom.items() if key not in silent]


def _is_custom(resource: Resource) -> bool:
    if resource.group == _SNAPSHOTS:
        return True
    return "." in resource.group and not resource.group.endswith(_BUILT_IN_SUFFIX)


def _silent(crd: dict[str, Any]) -> tuple[str, str] | None:
    """The group and plural of a CRD whose objects cannot mention anything, by the schemas of all its versions."""
    try:
        spec = crd["spec"]
        schemas = [version["schema"] for version in spec["versions"] if version.get("served")]
        return None if not schemas or may_refer(schemas) else (spec["group"], spec["names"]["plural"])
    except (KeyError, TypeError, AttributeError):
        return None


def _mentions(cluster: Cluster, resource: Resource, usage: Usage, need: str, namespaces: Sequence[str] | None) -> None:
    try:
        for namespace in [None] if namespaces is None or not resource.namespaced else namespaces:
            for document in list_whole(cluster, resource, namespace=namespace):
                usage.add_mentions(resource, document)
    except ThriftError as problem:
        usage.unknown.setdefault(need, str(problem))


def _slices(cluster: Cluster, resources: Iterable[Resource], usage: Usage, namespaces: Sequence[str] | None) -> None:
    resource = next((it for it in resources if (it.group, it.plural) == (ENDPOINT_SLICES.group, ENDPOINT_SLICES.plural)), None)
    if resource is None:
        usage.unknown["endpoints"] = "the cluster serves no EndpointSlices"
        return
    try:
        for namespace in [None] if namespaces is None else namespaces:
            for document in list_whole(cluster, resource, namespace=namespace):
                usage.add_slice(document)
    except ThriftError as problem:
        usage.unknown.setdefault("endpoints", str(problem))


def _inventory(cluster: Cluster, resources: Iterable[Resource], usage: Usage, namespaces: Sequence[str] | None) -> None:
    try:
        for resource in resources:
            if "list" not in resource.verbs:
                continue
            # Cluster-scoped types always: an owner may be one, and where they may not be listed the fact is unknown.
            for namespace in [None] if namespaces is None or not resource.namespaced else namespaces:
                for obj in cluster.list_metadata(resource, namespace=namespace):
                    usage.add_existing(resource, obj)
    except ThriftError as problem:
        usage.unknown.setdefault("inventory", str(problem))
