"""Answers to the review kinds: may I, what may I, may they, who am I."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.simcluster.rbac import Attributes, Identity, Rule
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import bad_request
from shared.simcluster.routes import Target
from shared.simcluster.wire import Request, Response, json_response

if TYPE_CHECKING:
    from shared.simcluster.api import Api


def answer(api: Api, target: Target, request: Request, identity: Identity) -> Response:
    """POST of a review: the object comes back with its status filled in."""
    body = request.data()
    if not isinstance(body, dict):
        raise bad_request("the body must be a review object")
    spec = body.get("spec") or {}
    match target.view.plural:
        case "selfsubjectaccessreviews":
            status = _access(api, identity, spec)
        case "subjectaccessreviews":
            status = _access(api, Identity(spec.get("user", ""), tuple(spec.get("groups") or ())), spec)
        case "selfsubjectrulesreviews":
            status = _rules(api, identity, spec.get("namespace") or "")
        case _:
            status = {"userInfo": {"username": identity.user, "groups": list(identity.groups)}}
    head = {"kind": target.view.kind, "apiVersion": target.view.api_version, "metadata": {"creationTimestamp": None}}
    return json_response({**head, "spec": spec, "status": status}, 201)


def _access(api: Api, identity: Identity, spec: JsonObject) -> JsonObject:
    wanted = spec.get("resourceAttributes") or {}
    path = spec.get("nonResourceAttributes") or {}
    attributes = Attributes(
        verb=wanted.get("verb") or path.get("verb", ""),
        group=wanted.get("group") or "",
        resource=wanted.get("resource") or "",
        subresource=wanted.get("subresource") or "",
        namespace=wanted.get("namespace") or "",
        name=wanted.get("name") or "",
        path=path.get("path", ""),
    )
    allowed = api.users.allowed(identity, attributes)
    return {"allowed": True, "reason": "RBAC: allowed"} if allowed else {"allowed": False}


def _rules(api: Api, identity: Identity, namespace: str) -> JsonObject:
    resource_rules, path_rules = [], []
    for rule in api.users.rules_for(identity, namespace):
        if rule.non_resource_urls:
            path_rules.append({"verbs": list(rule.verbs), "nonResourceURLs": list(rule.non_resource_urls)})
        else:
            resource_rules.append(_resource_rule(rule))
    return {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}


def _resource_rule(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {"verbs": list(rule.verbs), "apiGroups": list(rule.api_groups), "resources": list(rule.resources)}
    if rule.resource_names:
        found["resourceNames"] = list(rule.resource_names)
    return found
