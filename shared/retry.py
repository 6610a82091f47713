"""When a failed call is sent again, and how long to wait before. Pure: the dice are an argument, the waiting is the caller's.

Whether a repeat is safe is decided by what the server may have done already: a call that changes something is repeated only where
it cannot have been carried out, or where carrying it out twice comes to the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import ClusterError, Throttled

# A server that asks for a longer pause than this is reported instead of waited for, in seconds.
LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Failure:
    """One failed attempt. `harmless` says that the server cannot have acted on it: refused before it was sent, or turned away."""

    problem: ClusterError
    harmless: bool
    permanent: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """`throttled` repeats after 429, `other` after 5xx answers and broken connections; waits double from `base` to `cap` seconds.

    With the defaults the waits before the repeats are at most 0.2, 0.4, 0.8 and 1.6 s, so a dead server is reported after 1.5 to
    3 s.
    """

    throttled: int = 5
    other: int = 4
    base: float = 0.2
    cap: float = 10.0

    def pause(self, failure: Failure, *, repeats: int, idempotent: bool, dice: float) -> float | None:
        """Seconds to wait before the next attempt after *repeats* earlier ones, or None: give up. *dice* is in [0, 1)."""
        allowed = self.throttled if isinstance(failure.problem, Throttled) else self.other
        if failure.permanent or repeats >= allowed or not (idempotent or failure.harmless):
            return None
        if failure.retry_after is not None:
            # The server's word is the least we wait; the dice keep many clients from coming back in the same instant.
            pause = failure.retry_after * (1 + 0.1 * dice)
            return pause if failure.retry_after <= LONGEST_PAUSE else None
        return min(self.cap, self.base * 2.0 ** min(repeats, 30)) * (0.5 + 0.5 * dice)


def parse_retry_after(text: str | None) -> float | None:
    """Seconds of a `Retry-After` header; None where it is missing or is not a plain number (API servers send whole seconds)."""
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None
