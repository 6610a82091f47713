"""Answers to create, update, patch, delete and deletecollection on objects themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.simcluster import apply, deletion, strictness, writes
from shared.simcluster.jsonpatches import json_patch
from shared.simcluster.patches import merge_patch
from shared.simcluster.problems import bad_value
from shared.simcluster.reads import matcher
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import bad_request, invalid, no_such_path, not_found, success, unsupported_media_type
from shared.simcluster.represent import Writer, negotiate
from shared.simcluster.routes import Target
from shared.simcluster.strategic import strategic_merge
from shared.simcluster.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shared.simcluster.api import Api

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def options(request: Request, target: Target) -> writes.Options:
    """dryRun, the field manager (by default the user agent up to its slash, as the API server takes it) and the subresource."""
    dry_run = request.query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise bad_request(f'invalid dryRun value {dry_run[:40]!r}: supported values: "All"')
    manager = request.query.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0] or "unknown"
    return writes.Options(subresource=target.subresource, dry_run=dry_run == "All", manager=manager)


def body_object(request: Request, target: Target) -> JsonObject:
    """The object in the body, checked to be of the kind and place that the path names."""
    obj = request.data()
    if b"null" in request.body:
        obj = _without_nulls(obj)
    if not isinstance(obj, dict) or not isinstance(obj.setdefault("metadata", {}), dict):
        raise bad_request("the body must be an object with metadata")
    view = target.view
    obj = {"apiVersion": view.api_version, "kind": view.kind, **obj}
    if (obj["apiVersion"], obj["kind"]) != (view.api_version, view.kind):
        sent = f"{obj['apiVersion']}, Kind={obj['kind']}"
        raise bad_request(f"{sent} in the body does not match {view.api_version}, Kind={view.kind} of the path")
    metadata = obj["metadata"]
    if target.namespace is not None and metadata.setdefault("namespace", target.namespace) != target.namespace:
        raise bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request "
            f"({metadata['namespace']!r}, {target.namespace!r})"
        )
    return obj


def _without_nulls(value: Any) -> Any:
    """A null in a new object says nothing, in any field."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def answer(api: Api, target: Target, request: Request, obj: JsonObject, status: int = 200) -> Response:
    """A written object, as whole JSON or in the metadata form that the client asked for."""
    style = negotiate(request, collection=False)
    if style.form == "metadata":
        return json_response(
            {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}, status
        )
    return json_response(obj, status)


def create(api: Api, target: Target, request: Request) -> Response:
    if target.kind.resource.namespaced and target.namespace is None:
        raise no_such_path()
    obj = body_object(request, target)
    warnings = _unknown_fields(request, target, obj)
    made = writes.create(api.store, target.view, obj, options(request, target))
    return _warning(answer(api, target, request, made, 201), warnings)


def update(api: Api, target: Target, request: Request) -> Response:
    obj = body_object(request, target)
    if target.kind.custom and not obj["metadata"].get("resourceVersion"):
        problem = bad_value("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid(target.view.kind, target.view.group, target.name, [problem])
    if obj["metadata"].setdefault("name", target.name) != target.name:
        raise bad_request(
            f"the name of the object ({obj['metadata']['name']}) does not match the name on the URL ({target.name})"
        )
    warnings = _unknown_fields(request, target, obj)
    changed = writes.patch(api.store, target.view, target.place, lambda _: obj, options(request, target))
    return _warning(answer(api, target, request, changed), warnings)


def patch(api: Api, target: Target, request: Request) -> Response:
    """The four patch types; server-side apply may create."""
    kind = request.content_type
    if kind == "application/apply-patch+yaml":
        return _apply(api, target, request)
    change, warnings = patch_change(target, request), list[str]()

    def checked(current: JsonObject) -> JsonObject:
        wanted = change(current)
        warnings.extend(_unknown_fields(request, target, wanted) if isinstance(wanted, dict) else ())
        return wanted

    changed = writes.patch(api.store, target.view, target.place, checked, options(request, target))
    return _warning(answer(api, target, request, changed), warnings)


def _unknown_fields(request: Request, target: Target, obj: JsonObject) -> list[str]:
    return strictness.check(target.kind, target.view.version, obj, request.query.get("fieldValidation", "Warn"))


def _warning(response: Response, warnings: list[str]) -> Response:
    """Warnings travel in a header; kubectl prints them."""
    if warnings:
        texts = [text.replace("\\", "\\\\").replace('"', '\\"') for text in warnings]
        response.headers = {**response.headers, "Warning": ", ".join(f'299 - "{text}"' for text in texts)}
    return response


def patch_change(target: Target, request: Request) -> writes.Change:
    """The request's patch as a change of an object. Invalid (415) for a type that the resource does not take."""
    kind, body = request.content_type, request.data()
    if kind not in PATCH_TYPES or (target.kind.custom and kind == "application/strategic-merge-patch+json"):
        known = ", ".join(PATCH_TYPES[:2] if target.kind.custom else PATCH_TYPES)
        raise unsupported_media_type(f"the body of the request was in an unknown format - accepted media types include: {known}")
    if kind == "application/json-patch+json":
        return lambda current: json_patch(current, body, target.view, target.name)
    if not isinstance(body, dict):
        raise bad_request("a merge patch must be a JSON object")
    if kind == "application/merge-patch+json":
        return lambda current: _as_object(merge_patch(current, body))
    return lambda current: strategic_merge(current, body)


def _as_object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _apply(api: Api, target: Target, request: Request) -> Response:
    body = request.data()
    manager = request.query.get("fieldManager", "")
    if not isinstance(body, dict) or not manager:
        raise bad_request("PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch")
    body.setdefault("metadata", {}).setdefault("name", target.name)
    if target.namespace is not None:
        body["metadata"].setdefault("namespace", target.namespace)
    wish = apply.Wish(manager=manager, force=request.flag("force"), options=options(request, target))
    created, obj = apply.apply(api.store, target.view, target.place, body, wish)
    return answer(api, target, request, obj, 201 if created else 200)


def delete_wish(request: Request) -> deletion.Wish:
    """DeleteOptions from the body and, as older clients send them, from the query."""
    body = request.data() if request.body.strip() else {}
    if not isinstance(body, dict):
        raise bad_request("DeleteOptions must be an object")
    preconditions = body.get("preconditions") or {}
    propagation = body.get("propagationPolicy") or request.query.get("propagationPolicy") or ""
    if (body.get("orphanDependents") or request.flag("orphanDependents")) and not propagation:
        propagation = "Orphan"
    return deletion.Wish(
        propagation=propagation,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run="All" in (body.get("dryRun") or [request.query.get("dryRun", "")]),
    )


def delete(api: Api, target: Target, request: Request) -> Response:
    record = api.store.record(target.kind, target.namespace, target.name)
    if record is None:
        raise not_found(target.view, target.name)
    wish = delete_wish(request)
    shown = api.store.decoded(target.kind, target.view, record)
    left = deletion.delete(api.store, target.view, target.place, wish)
    if left is not None:
        return answer(api, target, request, left)
    if wish.dry_run or target.kind.key == "pods":
        return json_response(shown)
    return json_response(success(target.view, target.name, record.uid))


def delete_collection(api: Api, target: Target, request: Request) -> Response:
    """Deletes what the selectors match, and answers with the list of it."""
    selects = matcher(target, request)
    wish = delete_wish(request)
    records = api.store.records(target.kind, target.namespace)
    chosen = records if selects is None else list(filter(selects, records))
    writer = Writer(target.kind, target.view, negotiate(request, collection=True), api.store.clock.now())
    body = writer.page(chosen, {"resourceVersion": str(api.store.rv)})
    for record in chosen:
        if api.store.record(target.kind, record.namespace, record.name) is not None:
            deletion.delete(api.store, target.view, (record.namespace, record.name), wish)
    return Response(body=body)
