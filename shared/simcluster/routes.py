"""From a method and a path to what is asked for: which type, where, and by which API verb. Pure."""

from __future__ import annotations

import msgspec

from shared.kinds import Resource
from shared.simcluster.catalog import Type
from shared.simcluster.refusals import method_not_allowed, no_such_path
from shared.simcluster.registry import Registry
from shared.simcluster.wire import Request, path_parts

_ON_ONE = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "HEAD": "get"}
_ON_ALL = {"GET": "list", "POST": "create", "DELETE": "deletecollection", "HEAD": "list"}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A resource request. `namespace` is None across all namespaces and for cluster-scoped types; `name` is empty for a
    collection.
    """

    kind: Type
    view: Resource
    verb: str
    namespace: str | None = None
    name: str = ""
    subresource: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace or "", self.name


class Parts(msgspec.Struct, frozen=True):
    """A resource path taken apart, whether anybody serves it or not."""

    group: str
    version: str
    namespace: str | None
    plural: str
    name: str
    subresource: str | None
    extra: bool


def split(path: str) -> Parts | None:
    """The parts of a path below /api/VERSION or /apis/GROUP/VERSION; None for the paths that are no resources."""
    parts = path_parts(path)
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) >= 3 and (group, rest[2]) not in (("", "status"), ("", "finalize")):
        namespace, rest = rest[1], rest[2:]
    name, subresource = rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else None
    return Parts(group, version, namespace, rest[0], name, subresource, len(rest) > 3)


def plain_verb(request: Request, parts: Parts) -> str:
    """The API verb of a request, judged by its form alone."""
    if request.method == "POST":
        return "create"
    verb = (_ON_ONE if parts.name else _ON_ALL).get(request.method, request.method.lower())
    return "watch" if verb == "list" and request.flag("watch") else verb


def find(parts: Parts, request: Request, registry: Registry) -> Target:
    """What *parts* name. NotFound where nobody serves it, Invalid (405) for a method that it does not take."""
    group, version, namespace = parts.group, parts.version, parts.namespace
    kind = registry.served(group, version, parts.plural)
    if kind is None or parts.extra or (namespace is not None and not kind.resource.namespaced):
        raise no_such_path()
    name, subresource = parts.name, parts.subresource
    if subresource is not None and subresource not in kind.subresources:
        raise no_such_path()
    if name and namespace is None and kind.resource.namespaced:
        raise no_such_path()
    verb = _verb(request, kind, name, subresource)
    return Target(kind=kind, view=kind.view(group, version), verb=verb, namespace=namespace, name=name, subresource=subresource)


def _verb(request: Request, kind: Type, name: str, subresource: str | None) -> str:
    """The API verb, which authorization and faults speak of."""
    if subresource in ("binding", "eviction", "token"):
        verb = "create" if request.method == "POST" else ""
    else:
        verb = (_ON_ONE if name else _ON_ALL).get(request.method, "")
    if verb == "list" and request.flag("watch"):
        verb = "watch"
    if not verb or (subresource is None and verb not in kind.verbs):
        raise method_not_allowed()
    return verb
