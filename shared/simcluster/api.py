"""The API server without its sockets: one request in, one answer out, synchronously and under the store's lock.

Authentication, authorization, faults and recording happen here, in the API server's order; the answers themselves come from the
modules by verb.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from shared.errors import ClusterError
from shared.simcluster import crds, metrics_api, nonresources, posts, reads, reviews, subresources, watching
from shared.simcluster.faults import Fault, Faults, Subject
from shared.simcluster.metrics_api import Usage
from shared.simcluster.paging import Pages
from shared.simcluster.rbac import Attributes, Identity, Users, refusal, service_account
from shared.simcluster.refusals import Refusal, bad_request, method_not_allowed
from shared.simcluster.routes import Parts, Target, find, plain_verb, split
from shared.simcluster.store import Store
from shared.simcluster.wire import Request, Response, error_response

if TYPE_CHECKING:
    from shared.simcluster.catalog import Type
    from shared.simcluster.shelf import Change

# Requests remembered for inspection; the oldest are forgotten.
RECORDED = 100_000
_WRITES = ("create", "update", "patch", "delete", "deletecollection")

OnWrite = Callable[[str, str, str, str], None]
"""Called with (verb, resource, namespace, name) before a write that a client sent is carried out."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it was answered. `verb` is the API verb ("get" for discovery and health); `resource` the plural."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str | None = None
    namespace: str | None = None
    name: str = ""
    user: str = ""
    status: int = 0
    accept: str = ""
    path: str = ""
    query: dict[str, str] = {}


class ClientKilled(Exception):
    """An `on_write` callback raised: the client is taken to have died before its write; chained to what was raised."""


class Outcome(msgspec.Struct):
    """An answer, and what faults do to it: seconds to wait first, and where to break the connection ("before", "mid")."""

    response: Response | None
    latency: float = 0.0
    drop: str | None = None


class Api:
    """Everything behind the sockets of one embedded cluster."""

    def __init__(self, store: Store, seed: int = 0) -> None:
        self.store = store
        self.users = Users(store)
        self.pages = Pages()
        self.faults = Faults(seed)
        self.usage = Usage()
        self.hub = watching.Hub()
        self.requests: deque[Seen] = deque(maxlen=RECORDED)
        self.on_write: list[OnWrite] = []
        self.documents = nonresources.Documents(store.registry)
        store.subscribe(self.hub.committed)
        store.after_commit.append(self._committed)

    def _committed(self, kind: Type, change: Change) -> None:
        if kind.key == crds.KEY:
            crds.changed(self.store, change)

    def handle(self, request: Request, certificate: Identity | None = None) -> Outcome:
        """Answer *request*. Never raises for what a client did; what an `on_write` callback raises breaks the connection."""
        identity = Identity("")
        target: Target | None = None
        outcome = Outcome(None)
        try:
            identity = self.users.authenticate(request.headers.get("authorization", ""), certificate)
            identity = self._impersonated(identity, request)
            parts = split(request.path)
            self._authorize(identity, parts, request)
            target = find(parts, request, self.store.registry) if parts is not None else None
            self._suffer(identity, target, request, outcome)
            if outcome.response is None and outcome.drop != "before":
                outcome.response = self._answer(identity, target, request)
        except ClusterError as error:
            outcome.response = error_response(error)
        self._record(identity, target, request, outcome)
        return outcome

    def _impersonated(self, identity: Identity, request: Request) -> Identity:
        """Who the request acts as (`kubectl --as`); needs the verb impersonate."""
        user = request.headers.get("impersonate-user")
        if not user:
            return identity
        group = request.headers.get("impersonate-group")
        for resource, name in (("users", user), ("groups", group)):
            wanted = Attributes(verb="impersonate", resource=resource, name=name or "")
            if name and not self.users.allowed(identity, wanted):
                raise refusal(identity, wanted)
        prefix, _, account = user.rpartition("system:serviceaccount:")
        if not prefix and account.count(":") == 1:
            return service_account(*account.split(":"))
        return Identity(user, (*((group,) if group else ()), "system:authenticated"))

    def _authorize(self, identity: Identity, parts: Parts | None, request: Request) -> None:
        """Before anything is looked up: who may not ask learns nothing of what there is."""
        wanted = Attributes(verb=request.method.lower(), path=request.path) if parts is None else _attributes(parts, request)
        if not self.users.allowed(identity, wanted):
            raise refusal(identity, wanted)

    def _suffer(self, identity: Identity, target: Target | None, request: Request, outcome: Outcome) -> None:
        if target is None:
            subject = Subject("get", "", "", "", identity.user)
        else:
            subject = Subject(target.verb, target.view.plural, target.namespace or "", target.name, identity.user)
        for fault in self.faults.hit(subject):
            outcome.latency += fault.latency or 0.0
            outcome.drop = fault.drop or outcome.drop
            if fault.status is not None and outcome.response is None:
                outcome.response = _fault_response(fault)

    def _answer(self, identity: Identity, target: Target | None, request: Request) -> Response:
        if target is None:
            return self.documents.answer(request)
        if target.verb in _WRITES and not target.kind.virtual:
            self._announce(target, request)
        with self.store.lock:
            try:
                return self._carry_out(identity, target, request)
            except (AttributeError, LookupError, TypeError, ValueError) as problem:
                if not request.body:
                    raise
                # The API server decodes into types and refuses a text where an object belongs; here it shows when it is used.
                raise bad_request(f"{target.view.kind} cannot be read: a field has a wrong type: {problem}") from problem

    def _carry_out(self, identity: Identity, target: Target, request: Request) -> Response:
        if target.view.group == "metrics.k8s.io":
            return metrics_api.answer(self, target, request)
        if target.kind.virtual:
            return reviews.answer(self, target, request, identity)
        if target.subresource is not None:
            return subresources.answer(self, target, request)
        handler = _HANDLERS.get(target.verb)
        if handler is None:
            raise method_not_allowed()
        return handler(self, target, request)

    def _announce(self, target: Target, request: Request) -> None:
        if not self.on_write:
            return
        name = target.name or _name_in_body(request)
        for callback in list(self.on_write):
            try:
                callback(target.verb, target.view.plural, target.namespace or "", name)
            except Exception as problem:
                raise ClientKilled(str(problem)) from problem

    def _record(self, identity: Identity, target: Target | None, request: Request, outcome: Outcome) -> None:
        seen = Seen(
            verb=target.verb if target is not None else "get",
            group=target.view.group if target is not None else "",
            resource=target.view.plural if target is not None else "",
            subresource=target.subresource if target is not None else None,
            namespace=target.namespace if target is not None else None,
            name=target.name if target is not None else "",
            user=identity.user,
            status=outcome.response.status if outcome.response is not None else 0,
            accept=request.headers.get("accept", ""),
            path=request.path,
            query=request.query,
        )
        self.requests.append(seen)


def _attributes(parts: Parts, request: Request) -> Attributes:
    verb, name, namespace = plain_verb(request, parts), parts.name, parts.namespace or ""
    if (parts.group, parts.plural) == ("", "namespaces"):
        # A named namespace counts as being in itself, so that a Role in it may grant `get` on it.
        namespace = name
    selected = _ONE_NAME.fullmatch(request.query.get("fieldSelector", ""))
    if verb in ("list", "watch") and selected:
        name = selected.group(1)
    return Attributes(
        verb=verb,
        group=parts.group,
        resource=parts.plural,
        subresource=parts.subresource or "",
        namespace=namespace,
        name=name,
    )


_ONE_NAME = re.compile(r"metadata\.name==?([^,]+)")
_HANDLERS: dict[str, Callable[[Api, Target, Request], Response]] = {
    "get": reads.get,
    "list": reads.list_all,
    "watch": watching.watch,
    "create": posts.create,
    "update": posts.update,
    "patch": posts.patch,
    "delete": posts.delete,
    "deletecollection": posts.delete_collection,
}

_REASONS = {
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: a fault was asked for"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}


def _fault_response(fault: Fault) -> Response:
    status = fault.status or 500
    reason, message = _REASONS.get(status, ("", "a fault was asked for"))
    response = error_response(Refusal(message, status=status, reason=reason))
    if fault.retry_after is not None:
        response.headers = {"Retry-After": f"{fault.retry_after:g}"}
    return response


def _name_in_body(request: Request) -> str:
    """The name of an object about to be created, for `on_write`; empty where there is none (yet)."""
    try:
        body = request.data()
    except ClusterError:
        return ""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
