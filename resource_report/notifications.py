"""What a run has to tell its readers: missing prices, missing metrics, stale clusters, unreadable objects. Values only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # a cluster or a whole section is missing or stale
    WARNING = "warning"  # a figure is estimated or unknown
    INFO = "info"


@dataclass(frozen=True)
class Notification:
    """One line for the notifications page and the log. `remedy` says what to do about it, or is empty."""

    severity: Severity
    cluster: str  # raw id, "" where it concerns the whole run
    subject: str  # "metrics", "prices", "ingresses", "nodes/ip-10-0-0-1", ...
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.cluster}: " if self.cluster else ""
        return f"{where}{self.subject}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class Complaints:
    """Notifications about single objects, as many per kind as a page can bear; the rest is counted. Thread-safe."""

    def __init__(self, cluster: str, limit: int = 20) -> None:
        self.cluster = cluster
        self._limit = limit
        self._notes: list[Notification] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def object(self, kind: str, name: str, message: str) -> None:
        """Something is wrong with one object, which was left out."""
        with self._lock:
            self._counts[kind] += 1
            listed = self._counts[kind] <= self._limit
        if listed:
            self._notes.append(Notification(Severity.WARNING, self.cluster, f"{kind}/{name}", message))

    def add(self, severity: Severity, subject: str, message: str, remedy: str = "") -> None:
        self._notes.append(Notification(severity, self.cluster, subject, message, remedy))

    def notifications(self) -> list[Notification]:
        more = [
            Notification(Severity.WARNING, self.cluster, kind, f"{count - self._limit} more objects could not be read")
            for kind, count in self._counts.items()
            if count > self._limit
        ]
        return [*self._notes, *more]


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def ordered(notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    """Without duplicates, the worst first, then by cluster and subject, so that two runs over the same state read the same."""
    unique = dict.fromkeys(notifications)
    return tuple(sorted(unique, key=lambda note: (_ORDER[note.severity], note.cluster, note.subject, note.message)))
