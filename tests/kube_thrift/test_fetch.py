"""A GET of bounded size, against a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kube_thrift.fetch import TooLarge, fetch

ELSEWHERE = "http://127.0.0.1:1/"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        moved = self.path == "/moved"
        body = self.path.encode()
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", ELSEWHERE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_status_and_body(address: str) -> None:
    assert fetch(f"{address}/x", limit=100, timeout=5, params={"a": "b c"}) == (200, b"/x?a=b+c")


def test_a_redirect_is_an_answer_and_not_followed(address: str) -> None:
    assert fetch(f"{address}/moved", limit=100, timeout=5) == (302, b"/moved")


def test_no_more_is_read_than_asked_for(address: str) -> None:
    assert fetch(f"{address}/1234", limit=5, timeout=5)[1] == b"/1234"
    with pytest.raises(TooLarge, match="more than 4 bytes"):
        fetch(f"{address}/1234", limit=4, timeout=5)
