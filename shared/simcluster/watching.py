"""Watch streams: the changes of one type, filtered and written as lines, woken by commits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from shared.errors import ClusterError
from shared.simcluster.reads import check_future, matcher
from shared.simcluster.records import encode
from shared.simcluster.refusals import expired, status_body
from shared.simcluster.represent import Writer, negotiate
from shared.simcluster.routes import Target
from shared.simcluster.selectors import Matcher
from shared.simcluster.shelf import Change
from shared.simcluster.wire import Request, Response

if TYPE_CHECKING:
    from shared.simcluster.api import Api

# Seconds of real time. A real server bookmarks about once a minute; more often costs nothing here.
BOOKMARK_EVERY = 5.0
DEFAULT_TIMEOUT = 1800


class Hub:
    """Wakes the streams of a type after its commits; commits come from any thread, streams live in the server's event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._dirty: set[str] = set()
        self.closed = False
        self.bookmark_every = BOOKMARK_EVERY

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def committed(self, key: str) -> None:
        """A type changed; an empty key means that all did. Called under the store's lock: only schedules."""
        if self._loop is None or self.closed or not self._waiting:
            return
        with self._lock:
            scheduled = bool(self._dirty)
            self._dirty.add(key)
        if not scheduled:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            keys, self._dirty = self._dirty, set()
        for key in self._waiting if "" in keys else keys:
            for event in self._waiting.get(key, ()):
                event.set()

    def close(self) -> None:
        """End every stream; called in the loop."""
        self.closed = True
        for events in self._waiting.values():
            for event in events:
                event.set()

    def enter(self, key: str) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        return event

    def leave(self, key: str, event: asyncio.Event) -> None:
        events = self._waiting.get(key, set())
        events.discard(event)
        if not events:
            self._waiting.pop(key, None)


def watch(api: Api, target: Target, request: Request) -> Response:
    """A stream of changes from the resourceVersion given; without one, of the current state first. Gone (410) after
    compaction.
    """
    style = negotiate(request, collection=True)
    writer = Writer(target.kind, target.view, style, api.store.clock.now())
    stream = _Stream(api, target, writer, matcher(target, request))
    version = request.number("resourceVersion") or 0
    check_future(api, version)
    initial = request.query.get("sendInitialEvents")
    stream.position = version or api.store.rv
    if version and version < api.store.shelf(target.kind).floor and initial is None:
        raise expired(f"too old resource version: {version} ({api.store.shelf(target.kind).floor})")
    if (not version and initial is None) or request.flag("sendInitialEvents"):
        stream.start_with_state(marked=initial is not None)
    seconds = request.number("timeoutSeconds") or DEFAULT_TIMEOUT
    return Response(stream=stream.chunks(seconds, bookmarks=request.flag("allowWatchBookmarks")))


class _Stream:
    def __init__(self, api: Api, target: Target, writer: Writer, selects: Matcher | None) -> None:
        self._api, self._target, self._writer, self._selects = api, target, writer, selects
        self._first: list[bytes] = []
        self.position = 0

    def start_with_state(self, *, marked: bool) -> None:
        """Send what exists as ADDED events; *marked* ends them with the bookmark that streaming lists wait for."""
        records = self._api.store.records(self._target.kind, self._target.namespace)
        self._first = [self._writer.event("ADDED", each) for each in records if self._selects is None or self._selects(each)]
        self.position = self._api.store.rv
        if marked:
            self._first.append(self._writer.bookmark(self.position, initial_end=True))

    async def chunks(self, seconds: float, *, bookmarks: bool) -> AsyncIterator[bytes]:
        hub, key = self._api.hub, self._target.kind.key
        event = hub.enter(key)
        deadline = time.monotonic() + seconds
        try:
            yield b"".join(self._first)
            self._first = []
            while not hub.closed:
                event.clear()
                chunk = self._pending()
                if chunk:
                    yield chunk
                    if self.position < 0:
                        return
                    continue
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                quiet = not await _woken(event, min(left, hub.bookmark_every))
                if quiet and bookmarks:
                    yield self._bookmark()
                if self.position < 0:
                    return
        finally:
            hub.leave(key, event)

    def _bookmark(self) -> bytes:
        with self._api.store.lock:
            pending = self._pending()
            if self.position < 0:
                return pending
            self.position = max(self.position, self._api.store.rv)
            return pending + self._writer.bookmark(self.position)

    def _pending(self) -> bytes:
        store = self._api.store
        with store.lock:
            shelf = store.shelf(self._target.kind)
            if self.position < shelf.floor:
                floor, old = shelf.floor, self.position
                self.position = -1
                return _error(expired(f"too old resource version: {old} ({floor})"))
            changes = shelf.since(self.position)
            if not changes:
                return b""
            self.position = changes[-1].rv
            self._writer.now = store.clock.now()
            return b"".join(self._lines(changes))

    def _lines(self, changes: list[Change]) -> Iterator[bytes]:
        for change in changes:
            if self._target.namespace is not None and change.record.namespace != self._target.namespace:
                continue
            kind = _seen_as(change, self._selects)
            if kind:
                yield self._writer.event(kind, change.record)


def _seen_as(change: Change, selects: Matcher | None) -> str:
    """The event that a watcher with this selector sees: an object that begins to match is ADDED, one that ceases is DELETED."""
    if selects is None:
        return change.kind
    before = change.before is not None and selects(change.before)
    if change.kind == "DELETED":
        return "DELETED" if before else ""
    after = selects(change.record)
    if after:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else ""


def _error(error: ClusterError) -> bytes:
    return encode({"type": "ERROR", "object": status_body(error)}) + b"\n"


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
