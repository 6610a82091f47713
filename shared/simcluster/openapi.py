"""OpenAPI documents, as much of them as kubectl reads: that writes take `fieldValidation`, which kinds exist, and the schemas of
CRDs. Pure.

Built-in kinds are described as open objects: kubectl then leaves validation to the server and patches by its own compiled types.
"""

from __future__ import annotations

from typing import Any

from shared.kinds import Resource
from shared.simcluster import discovery
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import no_such_path
from shared.simcluster.registry import Registry

_INFO = {"title": "Kubernetes", "version": "v1.32.4"}
_PARAMETERS: list[JsonObject] = [
    {"name": name, "in": "query", "description": text, "schema": {"type": "string", "uniqueItems": True}}
    for name, text in (
        ("dryRun", "All: process the request and store nothing."),
        ("fieldManager", "The name of the actor that makes the change."),
        ("fieldValidation", "Ignore, Warn or Strict: what to do with unknown and duplicate fields."),
    )
]


def group_version_path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def index(registry: Registry) -> JsonObject:
    """/openapi/v3: where each group version's document is; the hash changes with the types so that caches notice."""
    paths = {}
    for group, versions in discovery.groups(registry).items():
        for version in versions:
            path = group_version_path(group, version)
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={registry.generation:08X}"}
    return {"paths": paths}


def document(registry: Registry, path: str) -> JsonObject:
    """/openapi/v3/apis/GROUP/VERSION. NotFound for a group version that nobody serves."""
    parts = path.split("/")
    group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else ("/".join(parts[1:-1]), parts[-1])
    kinds = discovery.groups(registry).get(group, {}).get(version)
    if not kinds:
        raise no_such_path()
    paths: JsonObject = {}
    schemas: JsonObject = {}
    for kind, view in kinds:
        name = _schema_name(view)
        schemas[name] = _schema(kind, view)
        paths |= _paths(kind, view, name)
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}


def _schema_name(view: Resource) -> str:
    return f"sim.{view.group or 'core'}.{view.version}.{view.kind}"


def _schema(kind: Type, view: Resource) -> JsonObject:
    schema: JsonObject = {"type": "object", "description": f"{view.kind} of {view.api_version}."}
    schema |= kind.schemas.get(view.version) or {"x-kubernetes-preserve-unknown-fields": True}
    properties = dict(schema.get("properties") or {})
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string"}
    properties["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema["properties"] = properties
    schema["x-kubernetes-group-version-kind"] = [{"group": view.group, "version": view.version, "kind": view.kind}]
    return schema


def _paths(kind: Type, view: Resource, schema: str) -> JsonObject:
    collection = view.path("{namespace}")
    place: list[JsonObject] = []
    if view.namespaced:
        place.append({"name": "namespace", "in": "path", "required": True, "schema": {"type": "string"}})
    named = [*place, {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    found: JsonObject = {}
    if "list" in kind.verbs or "create" in kind.verbs:
        found[collection] = {"parameters": place} | {
            method: _operation(method, verb, view, schema)
            for method, verb in (("get", "list"), ("post", "create"), ("delete", "deletecollection"))
            if verb in kind.verbs
        }
    if "get" in kind.verbs:
        found[f"{collection}/{{name}}"] = {"parameters": named} | {
            method: _operation(method, verb, view, schema)
            for method, verb in (("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete"))
            if verb in kind.verbs
        }
    return found


def _operation(method: str, verb: str, view: Resource, schema: str) -> JsonObject:
    reference = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    action = {"create": "post", "update": "put"}.get(verb, verb)
    operation: JsonObject = {
        "operationId": f"{verb}{view.kind}",
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": view.group, "version": view.version, "kind": view.kind},
    }
    if method in ("post", "put", "patch"):
        operation["parameters"] = _PARAMETERS
        operation["requestBody"] = {"content": _bodies(method, reference)}
    return operation


def _bodies(method: str, reference: JsonObject) -> JsonObject:
    # Strategic merge is not listed on purpose: kubectl would then look for merge keys in these open schemas, instead of in its
    # own types.
    types: tuple[str, ...] = ("application/json",)
    if method == "patch":
        types = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
    return dict.fromkeys(types, reference)


def swagger(registry: Registry) -> dict[str, Any]:
    """/openapi/v2 in JSON: valid and without definitions."""
    return {"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": {}}
