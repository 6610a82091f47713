"""The one door to an API server: connect, list, get, patch, create, delete, emit, discover. Nothing else here sends a request.

Everything a controller needs to know of HTTP ends here: pages, retries, rate limit, deadlines, credentials and the errors of the
client library, which leave as `shared.errors`. Dry run is decided here and nowhere else: writes then send nothing.
Only `shared/transport.py` imports pykube (for its configuration, authentication and HTTP session), and only this module uses that
one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TypeVar

import msgspec

from shared import listing, pool
from shared.clock import Clock, SystemClock
from shared.discovery import Discovery, discover
from shared.errors import ThriftError, ValueProblem
from shared.eventsink import EventSink
from shared.kinds import Resource
from shared.kubeconfig import SERVICE_ACCOUNT, load_access
from shared.names import check_name, check_namespace, describe
from shared.objects import Meta, Object, Struct
from shared.transport import MERGE_PATCH, METADATA, Call, Limits, Transport, decoder

T = TypeVar("T")
ObjectT = TypeVar("ObjectT", bound=Object)
Item = TypeVar("Item")
Result = TypeVar("Result")

OnProblem = Callable[[Object, ValueProblem], None]
Observer = Callable[[str, int, float], None]


@dataclass(frozen=True)
class Connection:
    """Where the API server is, who we are there, and how hard we may push. Made from flags; opens nothing.

    `timeout` is in seconds per HTTP call, `qps` in calls per second over everything that is sent (0: no limit of our own).
    """

    kubeconfig: str | None = None
    context: str | None = None
    server: str | None = None
    timeout: float = 10.0
    qps: float = 0.0
    burst: int = 0
    workers: int = 16
    page_size: int = 1000
    max_retries_on_conflict: int = 3
    max_retries_on_throttling: int = 5
    dry_run: bool = False
    user_agent: str = "kube-thrift"
    field_manager: str = "kube-thrift"
    service_account_dir: str = SERVICE_ACCOUNT
    # Namespaces in which events may be written, for who has rights in these only; empty: in any.
    events_in: tuple[str, ...] = ()


class Cluster:
    """One API server. Safe to use from several threads.

    `calls` counts requests by verb ("list", "get", "patch", "create", "delete", "discover", "review"), retries and pages
    included; `list_sequences` counts lists, however many pages each took. Setting `stop` ends `run_all` and retries early.
    """

    def __init__(self, connection: Connection, transport: Transport, stop: threading.Event) -> None:
        self.connection = connection
        self.stop = stop
        self.list_sequences = 0
        self._transport = transport
        self._events = EventSink(transport)

    @classmethod
    def connect(
        cls,
        connection: Connection,
        *,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        observe: Observer | None = None,
    ) -> Cluster:
        """Reads the configuration; no request is sent.

        *clock* paces retries, the rate limit and deadlines. *observe* is told the verb, the status (0: no answer) and the seconds
        of each request. Raises UsageError with one line for a kubeconfig that is missing, unreadable or incomplete.
        """
        stop = stop or threading.Event()
        access = load_access(connection.kubeconfig, connection.context, connection.server, connection.service_account_dir)
        limits = Limits(
            timeout=connection.timeout,
            qps=connection.qps,
            burst=connection.burst,
            pool=connection.workers,
            throttle_retries=connection.max_retries_on_throttling,
            user_agent=connection.user_agent,
        )
        transport = Transport(access, limits, clock=clock or SystemClock(stop), stop=stop, observe=observe)
        return cls(connection, transport, stop)

    @property
    def dry_run(self) -> bool:
        return self.connection.dry_run

    @property
    def server(self) -> str:
        """The API server's URL, for messages."""
        return self._transport.server

    @property
    def calls(self) -> Counter[str]:
        return self._transport.calls

    @property
    def received(self) -> int:
        """Bytes of all answers so far."""
        return self._transport.received

    # ---- reading

    def list(
        self,
        resource: Resource,
        as_type: type[ObjectT],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        on_problem: OnProblem | None = None,
    ) -> Iterator[ObjectT]:
        """Every object of *resource*, decoded as *as_type*; in one namespace or in all of them.

        Requests are sent while iterating, one page at a time, and nothing of a page is kept once it was yielded. A list that
        expires half-way (410) starts again and leaves out what was already yielded. An object that does not decode goes to
        *on_problem*, as far as its metadata could be read, and is left out. Raises ClusterError while iterating.
        """
        if namespace is not None:
            check_namespace(namespace)
        self.list_sequences += 1
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = listing.Query(resource, namespace, {k: v for k, v in selectors.items() if v}, self.connection.page_size)
        return listing.list_objects(self._transport, query, as_type, on_problem)

    def list_metadata(
        self, resource: Resource, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> Iterator[Object]:
        """Like `list`, but the server sends nothing except metadata: a fraction of the bytes where objects are large."""
        if namespace is not None:
            check_namespace(namespace)
        self.list_sequences += 1
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        params = {k: v for k, v in selectors.items() if v}
        query = listing.Query(resource, namespace, params, self.connection.page_size, metadata_only=True)
        return listing.list_objects(self._transport, query, Object, None)

    def get(self, resource: Resource, namespace: str | None, name: str, as_type: type[ObjectT]) -> ObjectT:
        """One object. Raises NotFound, or ValueProblem where it does not decode as *as_type*."""
        return self._transport.send(self._call("get", resource, namespace, name), decoder(as_type))

    def get_metadata(self, resource: Resource, namespace: str | None, name: str) -> Object:
        call = replace(self._call("get", resource, namespace, name), accept=METADATA)
        return self._transport.send(call, decoder(Object))

    def get_json(self, path: str, as_type: type[T], *, params: Mapping[str, str] | None = None) -> T:
        """Any path of the server (`/version`), decoded as *as_type*."""
        call = Call(verb="get", method="GET", path=path, subject=path, params=dict(params or {}))
        return self._transport.send(call, decoder(as_type))

    def discover(self) -> Discovery:
        """Every type that the server serves. A group whose server is down is named in `failures` and left out."""
        return discover(self._transport)

    def can_i(self, verb: str, resource: Resource, namespace: str | None = None, name: str = "") -> bool:
        """Whether the server's rules allow us *verb* on *resource*, asked of the server; on one object where *name* is given."""
        plural, _, subresource = resource.plural.partition("/")
        attributes = {"verb": verb, "group": resource.group, "version": resource.version, "resource": plural}
        attributes |= {key: value for key, value in (("subresource", subresource), ("name", name)) if value}
        if namespace is not None:
            attributes["namespace"] = check_namespace(namespace)
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        call = Call(verb="review", method="POST", path=path, subject="selfsubjectaccessreviews", body=msgspec.json.encode(body))
        return self._transport.send(call, decoder(_Review)).status.allowed

    # ---- writing: the dry-run gate is here

    def patch(  # noqa: PLR0913 - an object's address is three of these
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Mapping[str, object],
        *,
        resource_version: str | None = None,
        as_type: type[ObjectT] = Object,  # type: ignore[assignment]  # no defaults in 3.11
        subresource: str | None = None,
    ) -> ObjectT:
        """Applies *body*, a sparse JSON merge patch, and returns the object as the server now has it.

        With *resource_version* the server refuses when anybody else wrote in between (Conflict); only then a dropped connection
        is tried again. In a dry run nothing is sent and an object with this name comes back.
        """
        call = self._call("patch", resource, namespace, name, subresource)
        if self.dry_run:
            return as_type(metadata=Meta(name=name, namespace=namespace, resource_version=resource_version or ""))
        if resource_version:
            metadata = body.get("metadata")
            known = metadata if isinstance(metadata, Mapping) else {}
            body = {**body, "metadata": {**known, "resourceVersion": resource_version}}
        call = replace(
            call,
            body=msgspec.json.encode(body),
            content_type=MERGE_PATCH,
            params={"fieldManager": self.connection.field_manager},
            idempotent=bool(resource_version),
        )
        return self._transport.send(call, decoder(as_type))

    def create(
        self, resource: Resource, namespace: str | None, body: Mapping[str, object], *, server_dry_run: bool = False
    ) -> Object:
        """Creates the object *body*. Raises AlreadyExists. Tried again only where the server surely did not see it."""
        call = self._call("create", resource, namespace, None)
        if self.dry_run:
            return msgspec.convert(body, Object)
        params = {"fieldManager": self.connection.field_manager} | ({"dryRun": "All"} if server_dry_run else {})
        call = replace(call, body=msgspec.json.encode(body), params=params, idempotent=False)
        return self._transport.send(call, decoder(Object))

    def delete(  # noqa: PLR0913 - an object's address is three of these, its preconditions two
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace_period_seconds: int | None = None,
        server_dry_run: bool = False,
    ) -> None:
        """Deletes one object. With *uid* a namesake made since is safe, with *resource_version* one that changed (Conflict).

        An object that is gone when a dropped connection is tried again counts as deleted; otherwise raises NotFound.
        """
        call = self._call("delete", resource, namespace, name)
        if self.dry_run:
            return
        options: dict[str, object] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if preconditions := {k: v for k, v in (("uid", uid), ("resourceVersion", resource_version)) if v}:
            options["preconditions"] = preconditions
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if server_dry_run:
            options["dryRun"] = ["All"]
        self._transport.send(replace(call, body=msgspec.json.encode(options), absent_is_done=True), _ignore)

    def emit(self, event: Mapping[str, object]) -> None:
        """Posts an Event made by `shared.events.event_body`. Never raises for the server's answer: a failure is logged once.

        One that belongs in a namespace outside `connection.events_in` is left out: those about a Namespace live in `default`.
        """
        metadata = event.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, Mapping) else None
        allowed = self.connection.events_in
        if not self.dry_run and (not allowed or namespace in allowed):
            self._events.send(event)

    # ---- many at once

    def run_all(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result | ThriftError]]:
        """*work* on every item, `connection.workers` at a time, results in order of completion.

        A ThriftError is a result, any other exception is raised here. Items are taken as there is room, and none once `stop` is
        set.
        """
        return pool.run_all(work, items, self.connection.workers, self.stop)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Inside this block no call, wait or retry goes on beyond *seconds* in all; from then on calls raise Unavailable."""
        with self._transport.deadline(seconds):
            yield

    def close(self) -> None:
        """Closes the connections. The cluster may be used again; it then opens new ones."""
        self._transport.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _call(
        self, verb: str, resource: Resource, namespace: str | None, name: str | None, subresource: str | None = None
    ) -> Call:
        if namespace is not None:
            check_namespace(namespace)
        if name is not None:
            check_name(name)
        path = resource.path(namespace, name, subresource)
        return Call(verb=verb, method=_METHODS[verb], path=path, subject=describe(resource, namespace, name))


_METHODS = {"get": "GET", "patch": "PATCH", "create": "POST", "delete": "DELETE"}


class _Allowed(Struct, frozen=True):
    allowed: bool = False


class _Review(Struct, frozen=True):
    status: _Allowed = _Allowed()


def _ignore(content: bytes) -> None:
    """A delete is answered with the object or a Status; nobody reads either."""
