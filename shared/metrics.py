"""Prometheus metrics of one process, and the small server for /metrics, /healthz, /readyz and what a controller adds.

Each process has one registry of its own, passed around as a value, so that tests and the demo can hold several side by side.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, make_wsgi_app

from shared.clock import Clock
from shared.errors import UsageError, ValueProblem
from shared.health import Health
from shared.pages import Page

LOG = logging.getLogger(__name__)
# Seconds between looks at whether the server is to close.
_POLL = 0.1
_DURATION_BUCKETS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_LONGEST_QUERY = 2000


# Nobody else shows these pages in a frame, reads them under another type, or keeps them.
_GUARDS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)


OTHER = "(other)"
Labels = TypeVar("Labels", bound=tuple[str, ...])


class Latest:
    """A gauge whose series show one turn. Each is replaced by its next value, and only what is gone is removed.

    Clearing the gauge first would now and then let a scrape see nothing, and an alert that waits would begin anew.
    """

    def __init__(self, name: str, meaning: str, labels: Iterable[str], registry: CollectorRegistry) -> None:
        self._gauge = Gauge(name, meaning, tuple(labels), registry=registry)
        self._shown: set[tuple[str, ...]] = set()

    def show(self, values: Mapping[Labels, float]) -> None:
        """*values* by the values of the labels."""
        for labels, value in values.items():
            self._gauge.labels(*labels).set(value)
        for gone in self._shown.difference(values):
            self._gauge.remove(*gone)
        self._shown = set(values)


class Bounded:
    """Values for a label that others choose, such as namespaces, which come and go: the first *limit* as they are, then OTHER.

    A series stays for the life of its process, so that sums stay right; without a limit, each preview environment would leave
    one.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= self._limit:
                return OTHER
            self._known.add(value)
        return value


class Metrics:
    """The metrics that every controller has. Controllers add their own to `registry`.

    Labels come from small closed sets (verb, status code, a reason from code), never from what a tenant wrote. What is counted by
    outcome starts at 0, as the increase to the first 1 is one that nobody sees otherwise.
    """

    def __init__(self, controller: str, version: str, clock: Clock, registry: CollectorRegistry | None = None) -> None:
        self._clock = clock
        self.registry = registry or CollectorRegistry()
        self._controller = controller
        self._requests = self._counter("kube_thrift_api_requests", "Requests to the API server.", "verb", "code")
        self._request_seconds = Histogram(
            "kube_thrift_api_request_duration_seconds",
            "Seconds until a request was answered in full.",
            ("controller", "verb"),
            registry=self.registry,
        )
        self._turns = Histogram(
            "kube_thrift_turn_duration_seconds",
            "Seconds that one turn took.",
            ("controller",),
            registry=self.registry,
            buckets=_DURATION_BUCKETS,
        )
        self._results = self._counter("kube_thrift_turns", "Turns by result; one that did only a part has failed.", "result")
        for result in ("succeeded", "failed"):
            self._results.labels(controller, result)
        self._failed = self._gauge("kube_thrift_consecutive_failed_turns", "Turns that have failed since one succeeded.")
        self._failed.labels(controller).set(0)
        self._success = self._gauge("kube_thrift_last_success_timestamp_seconds", "When a turn last ended without a failure.")
        self._next_turn = self._gauge("kube_thrift_next_turn_timestamp_seconds", "When the next turn begins.")
        self._interval = self._gauge("kube_thrift_turn_interval_seconds", "Seconds from the start of one turn to the next.")
        self._dry_run = self._gauge("kube_thrift_dry_run", "1 where nothing is changed (--dry-run), else 0.")
        self._errors = self._counter("kube_thrift_errors", "Failures by reason.", "reason")
        Info("kube_thrift_build", "The version that runs.", registry=self.registry).info(
            {"version": version, "controller": controller}
        )
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, ("controller", *labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, ("controller",), registry=self.registry)

    def running(self, *, interval: float, dry_run: bool) -> None:
        """How this process runs: seconds from turn to turn, which alerts measure silence by, and whether it changes anything."""
        self._interval.labels(self._controller).set(interval)
        self._dry_run.labels(self._controller).set(dry_run)

    def observe_request(self, verb: str, code: int, seconds: float) -> None:
        """For `Cluster.connect(observe=...)`; *code* 0 is a request without an answer."""
        self._requests.labels(self._controller, verb, str(code) if code else "none").inc()
        self._request_seconds.labels(self._controller, verb).observe(seconds)

    def turn_ended(self, ok: bool, seconds: float) -> None:
        """For `Health(on_turn=...)`: whether the turn that has just ended succeeded, and how long it took."""
        self._turns.labels(self._controller).observe(seconds)
        self._results.labels(self._controller, "succeeded" if ok else "failed").inc()
        if not ok:
            self._failed.labels(self._controller).inc()
        else:
            self._failed.labels(self._controller).set(0)
            self._success.labels(self._controller).set(self._clock.now().timestamp())

    def resting(self, seconds: float) -> None:
        """For `Health(on_rest=...)`: the next turn begins in so many seconds."""
        self._next_turn.labels(self._controller).set((self._clock.now() + timedelta(seconds=seconds)).timestamp())

    def error(self, reason: str, amount: int = 1) -> None:
        """Counts failures. *reason* is a word from code, such as the name of an error class."""
        self._errors.labels(self._controller, reason).inc(amount)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        # The library's own looks its host name up, which takes seconds where name resolution is broken.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or opens a connection in advance as browsers do and says nothing, is no news either."""
        error = sys.exc_info()[1]
        level = logging.DEBUG if isinstance(error, OSError) else logging.WARNING
        LOG.log(level, "metrics port: %s: %s", type(error).__name__, error)


class _DualServer(_Server):
    """Answers over IPv4 and IPv6: in an IPv6 cluster, probes come over that alone."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _QuietHandler(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """A probe every few seconds is no news."""


class MetricsServer:
    """Serves until `close`. `port` is the real one, also where 0 was asked for."""

    def __init__(self, server: WSGIServer) -> None:
        self.port: int = server.server_port
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start_metrics_server(
    port: int,
    metrics: Metrics,
    health: Health,
    clock: Clock,
    *,
    address: str = "",
    pages: Mapping[str, Page] | None = None,
) -> MetricsServer:
    """Listens on *port* of all addresses. Raises UsageError when the port is taken or not ours to open.

    /healthz answers 503 when no turn has ended for too long, /readyz until the first turn has succeeded. *pages* are further
    paths, for GET only; nobody is asked who he is.
    """
    application = _application(metrics, health, clock, pages or {})
    try:
        dual = not address and socket.has_dualstack_ipv6()
        server = make_server(address, port, application, _DualServer if dual else _Server, _QuietHandler)
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: {(error.strerror or str(error)).lower()}") from None
    return MetricsServer(server)


def _application(metrics: Metrics, health: Health, clock: Clock, pages: Mapping[str, Page]) -> Callable[..., Iterable[bytes]]:
    exposition = make_wsgi_app(metrics.registry)
    here = ", ".join(["/metrics", "/healthz", *pages])

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            answer: Iterable[bytes] = exposition(environ, start_response)
            return answer
        if path == "/healthz":
            alive = health.alive(clock.monotonic())
            return _answer(
                start_response, "200 OK" if alive else "503 Service Unavailable", "ok" if alive else "no turn has ended in time"
            )
        if path == "/readyz":
            ready = health.ready()
            return _answer(
                start_response, "200 OK" if ready else "503 Service Unavailable", "ok" if ready else "no turn has succeeded yet"
            )
        if path in pages:
            return _page(pages[path], environ, start_response)
        return _answer(start_response, "404 Not Found", f"{here} and /readyz are here")

    return application


def _page(page: Page, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
        return _answer(start_response, "405 Method Not Allowed", "this can only be read: GET")
    query = environ.get("QUERY_STRING", "")
    if len(query) > _LONGEST_QUERY:
        return _answer(start_response, "414 URI Too Long", f"a query has {_LONGEST_QUERY} characters at most")
    try:
        found = page(dict(parse_qsl(query, keep_blank_values=True)))
    except ValueProblem as problem:
        return _answer(start_response, "400 Bad Request", str(problem))
    length = ("Content-Length", str(len(found.body)))
    start_response("200 OK", [("Content-Type", found.content_type), length, *_GUARDS, *found.headers])
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [found.body]


def _answer(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    body = text.encode() + b"\n"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *_GUARDS])
    return [body]
