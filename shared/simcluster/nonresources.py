"""Answers to the paths that are no resources: version, health, discovery, OpenAPI. Documents are cached until the types
change.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.simcluster import discovery, openapi
from shared.simcluster.records import encode
from shared.simcluster.refusals import method_not_allowed, no_such_path, not_acceptable
from shared.simcluster.registry import Registry
from shared.simcluster.wire import Accept, Request, Response, accepted

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_HEALTH = ("/healthz", "/livez", "/readyz")
_AGGREGATED = "APIGroupDiscoveryList"
_PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


class Documents:
    """Answers from the registry, each built once per state of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._built: dict[str, bytes] = {}

    def answer(self, request: Request) -> Response:
        """NotFound for a path that does not exist."""
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        path = request.path.rstrip("/") or "/"
        if path.startswith(_HEALTH):
            return Response(body=b"ok", content_type="text/plain; charset=utf-8")
        if path in ("/api", "/apis"):
            return self._discovery(path, request)
        if path == "/openapi/v2":
            return self._swagger(request)
        return Response(body=self._cached(path, lambda: self._document(path)))

    def _cached(self, key: str, build: Callable[[], object]) -> bytes:
        if self._generation != self._registry.generation:
            self._generation, self._built = self._registry.generation, {}
        body = self._built.get(key)
        if body is None:
            body = self._built[key] = encode(build())
        return body

    def _document(self, path: str) -> object:
        parts = path.strip("/").split("/")
        match parts:
            case ["version"]:
                return VERSION
            case [""]:
                return {
                    "paths": [
                        "/api",
                        "/api/v1",
                        "/apis",
                        "/healthz",
                        "/livez",
                        "/openapi/v2",
                        "/openapi/v3",
                        "/readyz",
                        "/version",
                    ]
                }
            case ["api", version]:
                return discovery.resource_list(self._registry, "", version)
            case ["apis", group]:
                return discovery.one_group(self._registry, group)
            case ["apis", group, version] if group:
                return discovery.resource_list(self._registry, group, version)
            case ["openapi", "v3"]:
                return openapi.index(self._registry)
            case ["openapi", "v3", *rest] if rest:
                return openapi.document(self._registry, "/".join(rest))
            case _:
                raise no_such_path()

    def _discovery(self, path: str, request: Request) -> Response:
        """Aggregated where the client asks for it first, else legacy."""
        wanted = next((each for each in accepted(request.headers.get("accept", "*/*")) if _served(each)), None)
        if wanted is not None and wanted.as_kind == _AGGREGATED:
            version = wanted.version
            body = self._cached(f"{path}?{version}", lambda: discovery.aggregated(self._registry, version, core=path == "/api"))
            media = f"application/json;g=apidiscovery.k8s.io;v={version};as={_AGGREGATED}"
            return Response(body=body, content_type=media, headers={"Vary": "Accept"})
        build = discovery.api_versions if path == "/api" else lambda: discovery.group_list(self._registry)
        return Response(body=self._cached(path, build))

    def _swagger(self, request: Request) -> Response:
        """JSON, or for kubectl an empty protobuf document, which reads as one without definitions."""
        for each in accepted(request.headers.get("accept", "*/*")):
            if each.media in ("application/json", "*/*"):
                return Response(body=self._cached("/openapi/v2", lambda: openapi.swagger(self._registry)))
            if each.media == _PROTOBUF_V2:
                # With its "@" the type cannot be parsed back by clients, so the API server spells it with a dot in its answer.
                return Response(body=b"\x0a\x032.0", content_type=_PROTOBUF_V2.replace("@", "."))
        raise not_acceptable(f"only the following media types are accepted: application/json, {_PROTOBUF_V2}")


def _served(each: Accept) -> bool:
    if each.media not in ("application/json", "*/*", "application/*"):
        return False
    return not each.as_kind or (
        each.as_kind == _AGGREGATED and each.group == "apidiscovery.k8s.io" and each.version in ("v2", "v2beta1")
    )
