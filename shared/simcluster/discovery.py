"""What the server says it serves: the legacy documents (/api, /apis, one per group version) and aggregated discovery. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from shared.kinds import Resource
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import no_such_path
from shared.simcluster.registry import Registry

# Kinds that subresources speak, where they differ from the parent's: name -> (group, version, kind, verbs).
_SUBRESOURCE_KINDS: dict[str, tuple[str, str, str]] = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_SUBRESOURCE_VERBS: dict[str, tuple[str, ...]] = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
}

Groups = dict[str, dict[str, list[tuple[Type, Resource]]]]


def groups(registry: Registry) -> Groups:
    """Types by group and version, core first, versions in order of preference."""
    found: Groups = {}
    for kind in registry:
        for view in kind.views():
            found.setdefault(view.group, {}).setdefault(view.version, []).append((kind, view))
    return {group: dict(sorted(versions.items(), key=_preference)) for group, versions in found.items()}


def _preference(pair: tuple[str, Any]) -> tuple[int, int, int]:
    """v2 before v1 before v1beta1 before v1alpha1: the API server's version priority."""
    version = pair[0].removeprefix("v")
    for rank, word in enumerate(("alpha", "beta")):
        major, found, minor = version.partition(word)
        if found and major.isdigit():
            return 2 - rank, -int(major), -int(minor or 0)
    return 0, -int(version) if version.isdigit() else 0, 0


def api_versions() -> JsonObject:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group_list(registry: Registry) -> JsonObject:
    found = [_group(group, versions) for group, versions in groups(registry).items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def _group(group: str, versions: Iterable[str]) -> JsonObject:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def one_group(registry: Registry, group: str) -> JsonObject:
    versions = groups(registry).get(group)
    if not versions or not group:
        raise no_such_path()
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}


def resource_list(registry: Registry, group: str, version: str) -> JsonObject:
    """The legacy document of one group version."""
    kinds = groups(registry).get(group, {}).get(version)
    if not kinds:
        raise no_such_path()
    entries = [entry for kind, view in kinds for entry in _legacy_entries(kind, view)]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _legacy_entries(kind: Type, view: Resource) -> Iterator[JsonObject]:
    entry: JsonObject = {"name": view.plural, "singularName": kind.singular, "namespaced": view.namespaced, "kind": view.kind}
    entry["verbs"] = list(kind.verbs)
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    yield entry
    for name in kind.subresources:
        group, version, spoken, verbs = _subresource(view, name)
        more: JsonObject = {"name": f"{view.plural}/{name}", "singularName": "", "namespaced": view.namespaced, "kind": spoken}
        more["verbs"] = list(verbs)
        if name in _SUBRESOURCE_KINDS:
            more |= {"group": group, "version": version}
        yield more


def _subresource(view: Resource, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    group, version, kind = _SUBRESOURCE_KINDS.get(name, (view.group, view.version, view.kind))
    return group, version, kind, _SUBRESOURCE_VERBS.get(name, ("create",))


def aggregated(registry: Registry, version: str, *, core: bool) -> JsonObject:
    """APIGroupDiscoveryList in *version* (v2 or v2beta1): the core group under /api, all others under /apis."""
    items = [
        {"metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}, "versions": listed}
        for group, versions in groups(registry).items()
        if bool(group) is not core
        for listed in [[_version(name, kinds) for name, kinds in versions.items()]]
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}


def _version(version: str, kinds: list[tuple[Type, Resource]]) -> JsonObject:
    return {"version": version, "resources": [_entry(kind, view) for kind, view in kinds], "freshness": "Current"}


def _entry(kind: Type, view: Resource) -> JsonObject:
    entry: JsonObject = {
        "resource": view.plural,
        "responseKind": {"group": view.group, "version": view.version, "kind": view.kind},
        "scope": "Namespaced" if view.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    below = []
    for name in kind.subresources:
        group, version, spoken, verbs = _subresource(view, name)
        below.append(
            {
                "subresource": name,
                "responseKind": {"group": group, "version": version, "kind": spoken},
                "verbs": list(verbs),
            }
        )
    if below:
        entry["subresources"] = below
    return entry
