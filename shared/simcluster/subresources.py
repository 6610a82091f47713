"""Answers to subresources: status, scale, eviction, binding, log, token, finalize."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.kinds import POD_DISRUPTION_BUDGETS, PODS
from shared.simcluster import deletion, posts, writes
from shared.simcluster.catalog import Scale
from shared.simcluster.rbac import service_account
from shared.simcluster.records import JsonObject, Record, lookup
from shared.simcluster.refusals import bad_request, conflict, invalid, method_not_allowed, not_found, stale, too_many_requests
from shared.simcluster.routes import Target
from shared.simcluster.selectors import matches_selector
from shared.simcluster.wire import Request, Response, json_response
from shared.times import format_timestamp

if TYPE_CHECKING:
    from shared.simcluster.api import Api


def answer(api: Api, target: Target, request: Request) -> Response:
    """Dispatch by subresource; the parent object must exist."""
    handler = _HANDLERS[target.subresource or ""]
    record = api.store.record(target.kind, target.namespace, target.name)
    if record is None:
        raise not_found(target.view, target.name)
    return handler(api, target, request)


def _current(api: Api, target: Target) -> Record:
    record = api.store.record(target.kind, target.namespace, target.name)
    if record is None:
        raise not_found(target.view, target.name)
    return record


def _status(api: Api, target: Target, request: Request) -> Response:
    from shared.simcluster import reads

    match target.verb:
        case "get":
            return reads.get(api, target, request)
        case "update":
            return posts.update(api, target, request)
        case "patch":
            return posts.patch(api, target, request)
        case _:
            raise method_not_allowed()


def scale_object(obj: JsonObject, scale: Scale) -> JsonObject:
    """The autoscaling/v1 Scale of *obj*."""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
    status: JsonObject = {"replicas": lookup(obj, scale.status) or 0}
    selector = lookup(obj, scale.selector) if scale.selector else None
    if selector:
        status["selector"] = selector if isinstance(selector, str) else _selector_text(selector)
    spec = {"replicas": lookup(obj, scale.spec) or 0}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _selector_text(selector: JsonObject) -> str:
    labels = selector.get("matchLabels") if "matchLabels" in selector or "matchExpressions" in selector else selector
    parts = [f"{key}={value}" for key, value in sorted((labels or {}).items())]
    for each in selector.get("matchExpressions") or ():
        values = ",".join(each.get("values") or ())
        forms = {"In": f"{each['key']} in ({values})", "NotIn": f"{each['key']} notin ({values})", "Exists": each["key"]}
        parts.append(forms.get(each.get("operator"), f"!{each['key']}"))
    return ",".join(parts)


def _scale(api: Api, target: Target, request: Request) -> Response:
    """Reads and writes spec.replicas through the Scale kind."""
    scale = target.kind.scale or Scale()
    current = api.store.decoded(target.kind, target.view, _current(api, target))
    shown = scale_object(current, scale)
    if target.verb == "get":
        return json_response(shown)
    if target.verb == "update":
        wanted = request.data()
    elif target.verb == "patch":
        wanted = posts.patch_change(target, request)(shown)
    else:
        raise method_not_allowed()
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        message = f"Invalid value: {replicas}: should be a non-negative integer"
        raise invalid(
            "Scale", "autoscaling", target.name, [{"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}]
        )
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    if version not in (None, "", current["metadata"]["resourceVersion"]):
        raise stale(target.view, target.name)
    options = posts.options(request, target)
    changed = writes.patch(
        api.store, target.view, target.place, lambda obj: _set(obj, scale.spec, replicas), writes.rescaled(options)
    )
    return json_response(scale_object(changed, scale))


def _set(obj: JsonObject, path: str, value: Any) -> JsonObject:
    *parents, last = path.split(".")
    node = obj
    for part in parents:
        node = node.setdefault(part, {})
    node[last] = value
    return obj


def _eviction(api: Api, target: Target, request: Request) -> Response:
    """Deletes the pod unless a disruption budget forbids it (429)."""
    body = request.data() if request.body.strip() else {}
    record = _current(api, target)
    for budget in api.store.list(POD_DISRUPTION_BUDGETS, target.namespace):
        selector = (budget.get("spec") or {}).get("selector")
        allowed = (budget.get("status") or {}).get("disruptionsAllowed")
        if matches_selector(selector, record.labels) and allowed == 0:
            name = budget["metadata"]["name"]
            cause = {"reason": "DisruptionBudget", "message": f"The disruption budget {name} does not allow it now.", "field": ""}
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise too_many_requests(message, seconds=10, causes=[cause])  # type: ignore[list-item]
    options = body.get("deleteOptions") or {}
    preconditions = options.get("preconditions") or {}
    dry_run = "All" in (options.get("dryRun") or [request.query.get("dryRun", "")])
    wish = deletion.Wish(uid=preconditions.get("uid"), resource_version=preconditions.get("resourceVersion"), dry_run=dry_run)
    deletion.delete(api.store, target.view, target.place, wish)
    return json_response({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _binding(api: Api, target: Target, request: Request) -> Response:
    """Assigns the pod to a node."""
    node = ((request.data() or {}).get("target") or {}).get("name")
    if not node:
        raise bad_request("target.name: Required value")
    pod = api.store.get(PODS, target.namespace, target.name)
    if pod["spec"].get("nodeName"):
        raise conflict(target.view, target.name, f"pod {target.name} is already assigned to node {pod['spec']['nodeName']!r}")
    pod["spec"]["nodeName"] = node
    conditions = [each for each in (pod.get("status") or {}).get("conditions") or () if each.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_timestamp(api.store.clock.now())}
    pod["status"] = {**(pod.get("status") or {}), "conditions": [*conditions, scheduled]}
    api.store.update(PODS, pod, trusted=True)
    return json_response({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _log(api: Api, target: Target, request: Request) -> Response:
    """Containers here say nothing: an empty log, once the container is known."""
    pod = api.store.get(PODS, target.namespace, target.name)
    names = [each.get("name") for each in (pod.get("spec") or {}).get("containers") or ()]
    container = request.query.get("container")
    if container and container not in names:
        raise bad_request(f"container {container} is not valid for pod {target.name}")
    if not container and len(names) > 1:
        listed = " ".join(str(name) for name in names)
        raise bad_request(f"a container name must be specified for pod {target.name}, choose one of: [{listed}]")
    return Response(body=b"", content_type="text/plain")


def _token(api: Api, target: Target, request: Request) -> Response:
    """A bound token of a service account that expires on the cluster's clock."""
    body = request.data() if request.body.strip() else {}
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or 3600
    if not isinstance(seconds, int) or seconds < 600:
        message = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": "spec.expirationSeconds"}
        raise invalid("TokenRequest", "authentication.k8s.io", "", [cause])  # type: ignore[list-item]
    expires = api.store.clock.now() + timedelta(seconds=seconds)
    token = api.users.add_token(service_account(target.namespace or "", target.name), expires=expires)
    status = {"token": token, "expirationTimestamp": format_timestamp(expires)}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return json_response(
        {**head, "metadata": {"name": target.name, "namespace": target.namespace}, "spec": spec, "status": status}, 201
    )


def _finalize(api: Api, target: Target, request: Request) -> Response:
    """A namespace's own finalizers: nothing holds here once its contents are gone, so the object comes back as it is."""
    return json_response(api.store.decoded(target.kind, target.view, _current(api, target)))


_HANDLERS: dict[str, Callable[[Api, Target, Request], Response]] = {
    "status": _status,
    "scale": _scale,
    "eviction": _eviction,
    "binding": _binding,
    "log": _log,
    "token": _token,
    "finalize": _finalize,
}
