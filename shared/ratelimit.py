"""A token bucket over all calls of all threads. It only says how long to wait; the caller waits."""

from __future__ import annotations

import math
import threading


class TokenBucket:
    """At most `burst` calls at once and `qps` a second in the long run. `qps` of 0: no limit. Thread-safe.

    `burst` of 0 stands for as many calls as `qps`, at least one.
    """

    def __init__(self, qps: float, burst: int = 0) -> None:
        self._qps = qps
        self._burst = float(burst or max(1, math.ceil(qps)))
        self._tokens = self._burst
        self._since: float | None = None
        self._lock = threading.Lock()

    def reserve(self, monotonic: float) -> float:
        """Takes one token at the moment *monotonic* and returns the seconds to wait before it may be used.

        A token may be owed: each thread that comes while the bucket is empty is told to wait one turn longer than the one before.
        """
        if self._qps <= 0:
            return 0.0
        with self._lock:
            if self._since is not None:
                self._tokens = min(self._burst, self._tokens + max(0.0, monotonic - self._since) * self._qps)
            self._since = monotonic
            self._tokens -= 1
            return max(0.0, -self._tokens / self._qps)

    def give_back(self) -> None:
        """Returns a token that was reserved and will not be used."""
        if self._qps > 0:
            with self._lock:
                self._tokens = min(self._burst, self._tokens + 1)
