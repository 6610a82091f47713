"""The clock of an embedded cluster: it stands still until told to move, runs at a speed, or follows the real time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SimClock:
    """A `shared.clock.Clock` whose time the owner controls.

    *start* None begins at the real time and runs with it. *speed* is simulated seconds per real second; 0 stands still, and then
    `sleep` moves the time itself, so that a controller's loop lives a day in no time. Safe to use from several threads.
    """

    def __init__(self, start: datetime | None = None, *, speed: float | None = None) -> None:
        if start is None:
            from shared.clock import SystemClock  # the one reader of the wall clock

            start = SystemClock().now()
            speed = 1.0 if speed is None else speed
        self._lock = threading.Lock()
        self._base = start.astimezone(UTC)
        self._origin = self._base
        self._speed = speed or 0.0
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The simulated instant, aware and in UTC."""
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        if not self._speed:
            return self._base
        return self._base + timedelta(seconds=(time.monotonic() - self._since) * self._speed)

    def monotonic(self) -> float:
        """Simulated seconds since the clock was made."""
        return (self.now() - self._origin).total_seconds()

    def set(self, instant: datetime) -> None:
        """Jump to *instant*."""
        with self._lock:
            self._base = instant.astimezone(UTC)
            self._since = time.monotonic()

    def advance(self, length: timedelta) -> datetime:
        """Move by *length* and return the new instant."""
        with self._lock:
            self._base = self._now() + length
            self._since = time.monotonic()
            return self._base

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._base = self._now()
            self._since = time.monotonic()
            self._speed = speed

    def sleep(self, seconds: float) -> None:
        """Let *seconds* of simulated time pass: at once when the clock stands still, else by waiting."""
        if self._speed:
            time.sleep(max(0.0, seconds) / self._speed)
        else:
            self.advance(timedelta(seconds=max(0.0, seconds)))
