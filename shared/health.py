"""Whether the loop makes progress: what /healthz and /readyz answer. Knows time only as numbers it is given."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Health:
    """Thread-safe. `stop` is the process's stop event: set by the loop's signal handlers, watched by the clock and the cluster.

    Alive: a turn has ended within `max(3 * interval, turn_deadline) + grace` seconds; what a rest lasts beyond *interval* comes
    on top. Ready: one turn has succeeded. After a turn *on_turn* is told whether it succeeded and how many seconds it took, and
    *on_rest* for how many seconds the process means to rest.
    """

    def __init__(
        self,
        interval: float,
        *,
        turn_deadline: float = 0.0,
        grace: float = 60.0,
        stop: threading.Event | None = None,
        on_turn: Callable[[bool, float], None] | None = None,
        on_rest: Callable[[float], None] | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.limit = max(3 * interval, turn_deadline) + grace
        self._interval = interval
        self._on_turn, self._on_rest = on_turn, on_rest
        self._lock = threading.Lock()
        self._begun = 0.0
        self._last_end: float | None = None
        self._ready = False

    def begun(self, monotonic: float) -> None:
        """A turn begins at *monotonic* seconds; for the first one, time starts to count here."""
        with self._lock:
            self._begun = monotonic
            if self._last_end is None:
                self._last_end = monotonic

    def ended(self, monotonic: float, ok: bool) -> None:
        """The turn that began last has ended at *monotonic* seconds."""
        with self._lock:
            self._last_end = monotonic
            self._ready = self._ready or ok
            seconds = monotonic - self._begun
        if self._on_turn is not None:
            self._on_turn(ok, seconds)

    def resting(self, monotonic: float, seconds: float) -> None:
        """From *monotonic* on the process means to rest for *seconds*."""
        with self._lock:
            # A rest as long as usual is what the limit allows for; only what goes beyond it is added.
            if self._last_end is not None:
                self._last_end = max(self._last_end, monotonic + seconds - self._interval)
        if self._on_rest is not None:
            self._on_rest(seconds)

    def alive(self, monotonic: float) -> bool:
        """True also before the first turn has begun: the process is still starting."""
        with self._lock:
            return self._last_end is None or monotonic - self._last_end <= self.limit

    def ready(self) -> bool:
        with self._lock:
            return self._ready
