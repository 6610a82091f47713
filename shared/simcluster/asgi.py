"""The ASGI application: bytes in, bytes out, and the faults that only a connection can suffer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.simcluster.api import Api, ClientKilled, Outcome
from shared.simcluster.rbac import Identity
from shared.simcluster.refusals import Refusal
from shared.simcluster.wire import Request, Response, compress, error_response, parse_request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_logger = logging.getLogger(__name__)
_FLUSH = 0.02


class Protocol(HttpToolsProtocol):
    """Puts the connection's transport into the scope: client certificates are read from it, and faults break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport, "identity": _certified(transport)}


def _certified(transport: asyncio.Transport) -> Identity | None:
    """The identity in a client certificate: the common name is the user, organizations are the groups."""
    tls = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate:
        return None
    pairs = [pair for part in certificate.get("subject", ()) for pair in part]
    user = next((value for key, value in pairs if key == "commonName"), "")
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return Identity(user, (*groups, "system:authenticated"))


class App:
    """`app(scope, receive, send)` for uvicorn's protocol, answering from an Api."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        state = scope["state"]
        request = parse_request(scope, await _body(receive))
        try:
            outcome = self._api.handle(request, state["identity"])
        except ClientKilled as problem:
            _logger.debug("%s %s: the client was killed: %r", request.method, request.path, problem.__cause__)
            outcome = Outcome(None, drop="before")
        except Exception:
            # The last resort of the server: one request's mistake must neither end it nor go unseen.
            _logger.exception("%s %s: the embedded cluster failed", request.method, request.path)
            outcome = Outcome(error_response(Refusal("Internal error occurred", status=500, reason="InternalError")))
        if outcome.latency:
            await asyncio.sleep(outcome.latency)
        if outcome.drop == "before" or outcome.response is None:
            await _abort(state["transport"], receive)
        elif outcome.response.stream is not None:
            await self._stream(outcome, receive, send, state["transport"])
        else:
            await self._whole(request, outcome, (receive, send), state["transport"])

    async def _whole(
        self, request: Request, outcome: Outcome, channel: tuple[Receive, Send], transport: asyncio.Transport
    ) -> None:
        receive, send = channel
        response = outcome.response
        assert response is not None
        compress(response, request.headers.get("accept-encoding", ""))
        await send(_start(response, len(response.body)))
        if outcome.drop == "mid":
            await send({"type": "http.response.body", "body": response.body[: len(response.body) // 2], "more_body": True})
            # What was written must reach the client before the connection breaks; loopback needs only a moment.
            await asyncio.sleep(_FLUSH)
            await _abort(transport, receive)
        else:
            await send({"type": "http.response.body", "body": response.body})

    async def _stream(self, outcome: Outcome, receive: Receive, send: Send, transport: asyncio.Transport) -> None:
        response = outcome.response
        assert response is not None
        assert response.stream is not None
        await send(_start(response, None))
        writing = asyncio.ensure_future(_write(response, outcome.drop == "mid", send, transport))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving):
                if not task.done():
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await response.stream.aclose()  # type: ignore[attr-defined]


async def _write(response: Response, breaks: bool, send: Send, transport: asyncio.Transport) -> None:
    assert response.stream is not None
    async for chunk in response.stream:
        if breaks and chunk:
            # Half a line, so that the client sees a stream that ends inside an event.
            await send({"type": "http.response.body", "body": chunk[: len(chunk) // 2], "more_body": True})
            await asyncio.sleep(_FLUSH)
            transport.abort()
            return
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _abort(transport: asyncio.Transport, receive: Receive) -> None:
    """Break the connection, and see it broken: uvicorn would otherwise complain of an answer that never came."""
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _start(response: Response, length: int | None) -> Message:
    headers = [(b"content-type", response.content_type.encode()), (b"cache-control", b"no-cache, private")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    headers += [(key.lower().encode(), value.encode()) for key, value in response.headers.items()]
    return {"type": "http.response.start", "status": response.status, "headers": headers}
