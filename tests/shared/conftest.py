"""What the tests of `shared` have in common: an embedded cluster, a clock that does not wait, a server that follows a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.cluster import Cluster
from shared.simcluster import SimCluster

Answer = tuple[int, dict[str, str], bytes]


class QuickClock:
    """Real time, except that sleeping takes none: it moves this clock and is remembered in `naps`."""

    def __init__(self) -> None:
        self.naps: list[float] = []
        self.at = 0.0

    def now(self) -> datetime:
        return datetime(2026, 4, 5, 10, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as made:
        made.namespace("shop")
        yield made


@pytest.fixture
def connect(sim: SimCluster, clock: QuickClock) -> Iterator[Callable[..., Cluster]]:
    """`connect(user=None, stop=None, observe=None, **connection settings)`, closed at the end of the test."""
    opened: list[Cluster] = []

    def make(user: str | None = None, stop: threading.Event | None = None, observe: Any = None, **settings: Any) -> Cluster:
        cluster = Cluster.connect(sim.connection(user, **settings), clock=clock, stop=stop, observe=observe)
        opened.append(cluster)
        return cluster

    yield make
    for cluster in opened:
        cluster.close()


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[str, str, dict[str, str]], Answer]], str]]:
    """`scripted(answer)` serves `answer(method, path, headers)` over plain HTTP and returns the URL."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Callable[[str, str, dict[str, str]], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _respond(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = answer(self.command, self.path, dict(self.headers))
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                if headers.get("Connection") == "close":
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = _respond

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
