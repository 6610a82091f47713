"""Sends Events, counts a repeated one up instead of making a second, and never lets one fail a controller."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shared.errors import AlreadyExists, NotFound, ThriftError
from shared.events import EventBudget
from shared.kinds import EVENTS
from shared.names import check_name, check_namespace
from shared.objects import Struct
from shared.transport import MERGE_PATCH, Call, Transport

LOG = logging.getLogger(__name__)
_REMEMBERED = 4096


class _Count(Struct, frozen=True):
    count: int | None = None


_decode_count = msgspec.json.Decoder(_Count).decode


class EventSink:
    """Thread-safe. Says once that events do not get through, and again only when the reason changes.

    Needs the verbs create and patch, no reading: how often an event was said is remembered here, and after a restart learnt from
    the answer to a patch.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._budget = EventBudget()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._said = ""

    def send(self, event: Mapping[str, object]) -> None:
        """Posts *event*, or counts it up where it is there already. Raises nothing of ours."""
        with self._lock:
            if not self._budget.take(event, self._transport.clock.monotonic()):
                return
        try:
            self._create_or_count(_Named.of(event), event)
        except ThriftError as problem:
            self._complain(f"events are not recorded: {problem}", type(problem).__name__)
        else:
            self._said = ""

    def _create_or_count(self, place: _Named, event: Mapping[str, object]) -> None:
        count = self._counts.get(place.subject)
        if count is not None:
            try:
                self._remember(place, self._patch(place, {"count": count + 1, "lastTimestamp": event.get("lastTimestamp")}))
                return
            except NotFound:
                # Events live for an hour or so; the next one starts anew.
                pass
        body = msgspec.json.encode(event)
        call = Call(verb="create", method="POST", path=EVENTS.path(place.namespace), subject=place.subject, body=body)
        try:
            # Repeating this create is harmless: the name is the same, so a second one is only refused.
            self._remember(place, self._transport.send(call, _decode_count).count or 1)
        except AlreadyExists:
            count = self._patch(place, {"lastTimestamp": event.get("lastTimestamp")})
            self._remember(place, self._patch(place, {"count": count + 1}))

    def _patch(self, place: _Named, change: Mapping[str, object]) -> int:
        path = EVENTS.path(place.namespace, place.name)
        body = msgspec.json.encode(change)
        call = Call(verb="patch", method="PATCH", path=path, subject=place.subject, body=body, content_type=MERGE_PATCH)
        return self._transport.send(call, _decode_count).count or 1

    def _remember(self, place: _Named, count: int) -> None:
        with self._lock:
            self._counts[place.subject] = count
            self._counts.move_to_end(place.subject)
            if len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)

    def _complain(self, text: str, kind: str) -> None:
        with self._lock:
            if kind == self._said:
                return
            self._said = kind
        LOG.warning("%s", text)


@dataclass(frozen=True)
class _Named:
    """Where an event is to live; its name and namespace are checked before they reach a path."""

    namespace: str
    name: str
    subject: str

    @classmethod
    def of(cls, event: Mapping[str, object]) -> _Named:
        metadata = event.get("metadata")
        known = metadata if isinstance(metadata, Mapping) else {}
        namespace, name = check_namespace(str(known.get("namespace", ""))), check_name(str(known.get("name", "")))
        return cls(namespace, name, f"events {namespace}/{name}")
