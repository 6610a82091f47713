"""The server's thread: an event loop, a listening socket with TLS, and a stop that leaves nothing open."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn
from uvicorn.server import ServerState

from shared.errors import UsageError
from shared.simcluster.api import Api
from shared.simcluster.asgi import App, Protocol
from shared.simcluster.tls import server_context

HOST = "127.0.0.1"
# Seconds that open requests get to end when the server stops; watches are told at once.
_GRACE = 2.0


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Server:
    """Serves *api* on the loopback address from `start` to `stop`. *port* 0 takes a free one."""

    def __init__(self, api: Api, port: int = 0) -> None:
        self._api = api
        self.port = port
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._running: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns when the server accepts connections. UsageError where the port is taken."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, self.port))
        except OSError as problem:
            listening.close()
            raise UsageError(f"port {self.port}: cannot listen on {HOST}: {problem.strerror or problem}") from None
        self.port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=(listening,), name=f"simcluster-{self.port}", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Ends every stream and connection and the thread; a second call does nothing."""
        running, stopping = self._running, self._stopping
        if self._thread is None or running is None or stopping is None:
            return
        running.call_soon_threadsafe(stopping.set)
        self._thread.join()
        self._thread = None

    def _run(self, listening: socket.socket) -> None:
        with listening, asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(self._serve(listening))

    async def _serve(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._running, self._stopping = loop, asyncio.Event()
        config = uvicorn.Config(
            App(self._api), http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False, timeout_keep_alive=120
        )
        config.load()
        state = ServerState()

        def protocol() -> asyncio.Protocol:
            return Protocol(config=config, server_state=state, app_state={}, _loop=loop)

        self._api.hub.attach(loop)
        listening = await loop.create_server(protocol, sock=bound, ssl=server_context(), backlog=1024)
        self._ready.set()
        await self._stopping.wait()
        listening.close()
        self._api.hub.close()
        await self._drain(state)

    async def _drain(self, state: ServerState) -> None:
        """Let answers in progress end, then break what is left: a polite TLS close would wait for clients that may be gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _GRACE
        while state.tasks and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        for connection in list(state.connections):
            connection.transport.abort()
        while state.connections and loop.time() < deadline:
            await asyncio.sleep(0.001)
