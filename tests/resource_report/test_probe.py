"""Asking hosts for their status, without being led astray."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resource_report.probe import ProbeSettings, probe_hosts
from shared.simcluster import tls

Served = tuple[int, list[tuple[str, str]], dict[str, int]]


@pytest.fixture
def served() -> Iterator[Served]:
    """(port, (method, path) seen, status per method)."""
    seen: list[tuple[str, str]] = []
    statuses = {"HEAD": 200, "GET": 200}

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append((self.command, self.path))
            self.send_response(statuses[self.command])
            self.send_header("Location", "https://127.0.0.1:1/")
            self.end_headers()

        do_HEAD = do_GET = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Tests say what they saw themselves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_address[1]), seen, statuses
    server.shutdown()
    server.server_close()
    thread.join()


def settings(served: Served, **more: Any) -> ProbeSettings:
    context = ssl.create_default_context(cadata=tls.authority().pem.decode())
    return ProbeSettings(**{"enabled": True, "private": True, "port": served[0], "context": context, **more})


def test_status_by_head(served: Served) -> None:
    served[2]["HEAD"] = 503

    assert probe_hosts(["localhost", "localhost"], settings(served)) == {"localhost": 503}
    assert served[1] == [("HEAD", "/")]


def test_get_where_head_is_not_known(served: Served) -> None:
    served[2].update(HEAD=405, GET=204)

    assert probe_hosts(["localhost"], settings(served)) == {"localhost": 204}


def test_redirects_are_told_and_not_followed(served: Served) -> None:
    served[2]["HEAD"] = 302

    assert probe_hosts(["localhost"], settings(served)) == {"localhost": 302}


def test_private_addresses_are_not_asked(served: Served) -> None:
    assert probe_hosts(["localhost", "127.0.0.1", "10.0.0.1"], settings(served, private=False)) == {
        "localhost": 0,
        "127.0.0.1": 0,
        "10.0.0.1": 0,
    }
    assert served[1] == []


@pytest.mark.parametrize("host", ["*.example.org", "", "a b", "x/../y", "-x", "x" * 300, "user@host", "host:80"])
def test_what_is_no_host_name_is_not_asked(served: Served, host: str) -> None:
    assert probe_hosts([host], settings(served)) == {}


def test_only_allowed_hosts(served: Served) -> None:
    assert probe_hosts(["localhost", "other.example.org"], settings(served, allow=re.compile("local.*"))) == {"localhost": 200}


def test_no_answer_is_999(served: Served) -> None:
    # The certificate is for other names.
    assert probe_hosts(["127.0.0.2"], settings(served)) == {"127.0.0.2": 999}
    assert probe_hosts(["no-such-host.invalid"], settings(served)) == {"no-such-host.invalid": 999}


def test_off_by_default() -> None:
    assert probe_hosts(["localhost"], ProbeSettings()) == {}
