"""What an API server serves: aggregated discovery (one document), or the older one document per group where a server has none.

A group whose server is down is a named failure; the rest is still found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import ClusterError, ValueProblem
from shared.kinds import Resource
from shared.objects import Meta, Struct
from shared.transport import JSON, Call, Transport, decoder

T = TypeVar("T")

_AGGREGATED = ",".join(
    [f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")] + [JSON]
)


@dataclass(frozen=True)
class Discovery:
    """`resources` in every version, in the server's order with preferred versions first; `failures` are one-line messages."""

    resources: tuple[Resource, ...] = ()
    failures: tuple[str, ...] = ()

    def preferred(self) -> tuple[Resource, ...]:
        """Each type once, in the version that the server prefers among those that have it."""
        first: dict[tuple[str, str], Resource] = {}
        for resource in self.resources:
            first.setdefault((resource.group, resource.plural), resource)
        return tuple(first.values())


class _Scope(Struct, frozen=True):
    kind: str = ""


class _AggregatedResource(Struct, frozen=True):
    resource: str = ""
    response_kind: _Scope | None = None
    scope: str = "Namespaced"
    verbs: list[str] | None = None


class _AggregatedVersion(Struct, frozen=True):
    version: str = ""
    resources: list[_AggregatedResource] | None = None
    freshness: str = "Current"


class _AggregatedGroup(Struct, frozen=True):
    metadata: Meta = Meta()
    versions: list[_AggregatedVersion] | None = None


class _LegacyResource(Struct, frozen=True):
    name: str = ""
    kind: str = ""
    namespaced: bool = True
    verbs: list[str] | None = None


class _LegacyResourceList(Struct, frozen=True):
    resources: list[_LegacyResource] | None = None


class _GroupVersion(Struct, frozen=True):
    group_version: str = ""
    version: str = ""


class _LegacyGroup(Struct, frozen=True):
    name: str = ""
    versions: list[_GroupVersion] | None = None
    preferred_version: _GroupVersion = _GroupVersion()


class _Root(Struct, frozen=True):
    """The answer to /api and /apis in either form: `items` when aggregated, `versions` or `groups` when not."""

    kind: str = ""
    items: list[_AggregatedGroup] | None = None
    groups: list[_LegacyGroup] | None = None


class _CoreRoot(Struct, frozen=True):
    kind: str = ""
    items: list[_AggregatedGroup] | None = None
    versions: list[str] | None = None


def discover(transport: Transport) -> Discovery:
    """Asks for /api and /apis. Raises ClusterError when neither answers."""
    resources: list[Resource] = []
    failures: list[str] = []
    for part in (_core, _groups):
        resources += part(transport, failures)
    return Discovery(tuple(resources), tuple(failures))


def _core(transport: Transport, failures: list[str]) -> Iterator[Resource]:
    root = _fetch(transport, "/api", _CoreRoot)
    if root.kind == "APIGroupDiscoveryList":
        yield from _aggregated(root.items or (), failures)
        return
    for version in root.versions or ():
        yield from _legacy(transport, "", version, failures)


def _groups(transport: Transport, failures: list[str]) -> Iterator[Resource]:
    root = _fetch(transport, "/apis", _Root)
    if root.kind == "APIGroupDiscoveryList":
        yield from _aggregated(root.items or (), failures)
        return
    for group in root.groups or ():
        versions = [item.version for item in group.versions or ()]
        # A stable sort: the preferred version to the front, the others as the server lists them.
        for version in sorted(versions, key=lambda version: version != group.preferred_version.version):
            yield from _legacy(transport, group.name, version, failures)


def _aggregated(groups: list[_AggregatedGroup] | tuple[()], failures: list[str]) -> Iterator[Resource]:
    for group in groups:
        for version in group.versions or ():
            if version.freshness == "Stale":
                failures.append(f"{_title(group.metadata.name, version.version)}: the server behind it does not answer")
            for item in version.resources or ():
                if item.resource and item.response_kind is not None and item.response_kind.kind:
                    yield Resource(
                        group=group.metadata.name,
                        version=version.version,
                        plural=item.resource,
                        kind=item.response_kind.kind,
                        namespaced=item.scope == "Namespaced",
                        verbs=tuple(item.verbs or ()),
                    )


def _legacy(transport: Transport, group: str, version: str, failures: list[str]) -> Iterator[Resource]:
    title = _title(group, version)
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        found = _fetch(transport, path, _LegacyResourceList)
    except (ClusterError, ValueProblem) as problem:
        failures.append(f"{title}: {problem}")
        return
    for item in found.resources or ():
        if "/" not in item.name and item.name:
            yield Resource(group, version, item.name, item.kind, item.namespaced, tuple(item.verbs or ()))


def _title(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _fetch(transport: Transport, path: str, as_type: type[T]) -> T:
    call = Call(verb="discover", method="GET", path=path, subject=path, accept=_AGGREGATED)
    return transport.send(call, decoder(as_type))
