"""How the embedded cluster says no: our own error types with the details that a Kubernetes `Status` body carries.

Raised by the store and everything above it, so that in-process callers catch `shared.errors` types and the HTTP layer can still
write the body that kubectl and client-go read. Source of the wording: the Kubernetes API conventions, "Response Status Kind".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from shared.errors import AlreadyExists, ClusterError, Conflict, Forbidden, Gone, Invalid, NotFound, Unauthorized
from shared.kinds import Resource


class Cause(TypedDict):
    """One thing wrong with an object: `field` is its path, `reason` the machine-readable kind of mistake."""

    reason: str
    message: str
    field: str


class Refusal(ClusterError):
    """A refusal with `details` as they stand in the Status body."""

    def __init__(self, message: str, *, status: int, reason: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message, status=status, reason=reason)
        self.details = dict(details or {})
        self.continue_token = ""


class RefusedUnauthorized(Refusal, Unauthorized): ...


class RefusedForbidden(Refusal, Forbidden): ...


class RefusedNotFound(Refusal, NotFound): ...


class RefusedConflict(Refusal, Conflict): ...


class RefusedAlreadyExists(Refusal, AlreadyExists): ...


class RefusedGone(Refusal, Gone): ...


class RefusedInvalid(Refusal, Invalid): ...


def describe(resource: Resource) -> str:
    """`deployments.apps`, as the server names a resource in its messages."""
    return resource.name


def _details(resource: Resource, name: str, **more: object) -> dict[str, object]:
    details: dict[str, object] = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details | more


def not_found(resource: Resource, name: str) -> Refusal:
    message = f'{describe(resource)} "{name}" not found'
    return RefusedNotFound(message, status=404, reason="NotFound", details=_details(resource, name))


def no_such_path() -> Refusal:
    """The answer for a path or a kind that nobody serves; clients tell it from a missing object by the empty details."""
    return RefusedNotFound("the server could not find the requested resource", status=404, reason="NotFound")


def already_exists(resource: Resource, name: str) -> Refusal:
    message = f'{describe(resource)} "{name}" already exists'
    return RefusedAlreadyExists(message, status=409, reason="AlreadyExists", details=_details(resource, name))


def conflict(resource: Resource, name: str, why: str) -> Refusal:
    message = f'Operation cannot be fulfilled on {describe(resource)} "{name}": {why}'
    return RefusedConflict(message, status=409, reason="Conflict", details=_details(resource, name))


def stale(resource: Resource, name: str) -> Refusal:
    """The optimistic-concurrency conflict: somebody else wrote first."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> Refusal:
    """422 with one cause per mistake; the message joins them as the API server does."""
    texts = [f"{cause['field']}: {cause['message']}" for cause in causes]
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    full_kind = f"{kind}.{group}" if group else kind
    details: dict[str, object] = {"name": name, "kind": kind, "causes": list(causes)}
    if group:
        details["group"] = group
    return RefusedInvalid(f'{full_kind} "{name}" is invalid: {joined}', status=422, reason="Invalid", details=details)


def bad_request(message: str) -> Refusal:
    return RefusedInvalid(message, status=400, reason="BadRequest")


def unsupported_media_type(message: str) -> Refusal:
    return RefusedInvalid(message, status=415, reason="UnsupportedMediaType")


def not_acceptable(message: str) -> Refusal:
    return RefusedInvalid(message, status=406, reason="NotAcceptable")


def method_not_allowed() -> Refusal:
    message = "the server does not allow this method on the requested resource"
    return RefusedInvalid(message, status=405, reason="MethodNotAllowed")


def expired(message: str) -> Refusal:
    """410: a continue token or a watch position that compaction has swept away."""
    return RefusedGone(message, status=410, reason="Expired")


def unauthorized() -> Refusal:
    return RefusedUnauthorized("Unauthorized", status=401, reason="Unauthorized")


def forbidden(resource: Resource | None, name: str, message: str) -> Refusal:
    details = _details(resource, name) if resource is not None else {}
    return RefusedForbidden(message, status=403, reason="Forbidden", details=details)


def too_many_requests(message: str, *, seconds: int, causes: Sequence[Cause] = ()) -> Refusal:
    """429, as the eviction subresource answers when a disruption budget forbids it."""
    details: dict[str, object] = {"retryAfterSeconds": seconds}
    if causes:
        details["causes"] = list(causes)
    return Refusal(message, status=429, reason="TooManyRequests", details=details)


def status_body(error: ClusterError) -> dict[str, object]:
    """The `Status` object for *error*, as it goes over the wire."""
    metadata: dict[str, object] = {}
    body: dict[str, object] = {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure"}
    body["message"] = str(error)
    if error.reason:
        body["reason"] = error.reason
    if isinstance(error, Refusal):
        if error.details:
            body["details"] = error.details
        if error.continue_token:
            metadata["continue"] = error.continue_token
    body["code"] = error.status or 500
    return body


def success(resource: Resource, name: str, uid: str) -> dict[str, object]:
    """The `Status` object that answers a delete which removed its object at once."""
    details = _details(resource, name, uid=uid)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
