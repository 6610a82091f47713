"""One raw HTTP request to an embedded cluster, as anybody: for tests of the server itself and for trying things out.

Nothing of the suite's own client layer is in it, so that the two are tested against each other and not against themselves.
"""

from __future__ import annotations

import gzip
import http.client
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Self

import msgspec

JSON = "application/json"


class Reply(msgspec.Struct, frozen=True):
    """What came back; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Client:
    """Requests over one kept connection. Not for several threads at once."""

    def __init__(self, address: str, authority: str, token: str | None = None, context: ssl.SSLContext | None = None) -> None:
        self._context = context or ssl.create_default_context(cadata=authority)
        self._address = address.removeprefix("https://")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request; *body* is sent as JSON unless it is bytes. Connection errors are those of http.client."""
        try:
            response = self._send(method, path, body, headers)
            content = response.read()
        except (OSError, http.client.HTTPException):
            # The next call starts over on a new connection.
            self._connection.close()
            raise
        if response.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return Reply(response.status, {key.lower(): value for key, value in response.headers.items()}, content)

    def patch(self, path: str, body: object, kind: str = "merge-patch+json") -> Reply:
        return self.call("PATCH", path, body, {"Content-Type": f"application/{kind}"})

    def watch(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The events of a watch until the server ends it. It has begun on return; the connection ends with the iterator."""
        return self._events(self._send("GET", path, None, headers))

    def _events(self, response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
        try:
            for line in response:
                yield msgspec.json.decode(line)
        finally:
            response.close()
            self._connection.close()

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str] | None) -> http.client.HTTPResponse:
        sent = {**self._headers, "Accept": JSON, **({"Content-Type": JSON} if body is not None else {}), **(headers or {})}
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        self._connection.request(method, path, data, sent)
        return self._connection.getresponse()
