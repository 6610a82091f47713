"""The clock: the only reader of the wall clock. Everything else is given a time, or is given a Clock.

Decisions never import this module; the process around them does.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a process needs of time. Tests and the embedded cluster bring their own, which may run faster or stand still."""

    def now(self) -> datetime:
        """The current instant, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back. For measuring lengths, not for telling the time."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits that long; returns at once for zero and less."""
        ...


class SystemClock:
    """The real clock. A sleep ends early when `stop` is set, so that a process told to end does not finish its nap first."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.stop.wait(seconds)
