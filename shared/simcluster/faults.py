"""Faults on request: latency, refusals, dropped connections. Decides only; the HTTP layer carries it out."""

from __future__ import annotations

import random
import threading

import msgspec


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong, and for which requests. A selector that is None matches everything.

    *status* answers with that HTTP status (429 may carry *retry_after*, in seconds); *latency* waits that many real seconds
    first; *drop* "before" closes the connection without an answer and "mid" in the middle of the body. *times* ends the fault
    after so many hits, *every* n hits each n-th matching request, *probability* hits by chance (seeded, so a run repeats).
    """

    verb: str | None = None
    resource: str | None = None
    namespace: str | None = None
    name: str | None = None
    user: str | None = None
    status: int | None = None
    retry_after: float | None = None
    latency: float | None = None
    drop: str | None = None
    times: int | None = None
    every: int | None = None
    probability: float | None = None


class Subject(msgspec.Struct, frozen=True):
    """The request that a fault may hit."""

    verb: str
    resource: str
    namespace: str
    name: str
    user: str


class Faults:
    """The faults in force; safe to change from any thread while requests run."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._entries: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._entries.append((fault, [0, 0]))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def hit(self, subject: Subject) -> list[Fault]:
        """The faults that this request suffers, in the order they were added."""
        if not self._entries:
            return []
        with self._lock:
            return [fault for fault, counts in self._entries if _matches(fault, subject) and self._strikes(fault, counts)]

    def _strikes(self, fault: Fault, counts: list[int]) -> bool:
        counts[0] += 1
        if fault.every is not None and counts[0] % fault.every:
            return False
        if fault.times is not None and counts[1] >= fault.times:
            return False
        if fault.probability is not None and self._random.random() >= fault.probability:
            return False
        counts[1] += 1
        return True


def _matches(fault: Fault, subject: Subject) -> bool:
    pairs = (
        (fault.verb, subject.verb),
        (fault.resource, subject.resource),
        (fault.namespace, subject.namespace),
        (fault.name, subject.name),
        (fault.user, subject.user),
    )
    return all(wanted is None or wanted == found for wanted, found in pairs)
