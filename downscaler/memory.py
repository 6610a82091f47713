"""What a process keeps from one turn to the next. Nothing here is needed to restore a workload: that is on the objects. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from downscaler.pending import Pending
from downscaler.sizes import Kind
from downscaler.waves import Progress

# Kinds that are not scaled are looked through for forgotten sleepers this often, as that costs a list of each.
ORPHANS_EVERY = timedelta(hours=1)
# What the wall clock may differ from the time that passed before it counts as a jump, and how long nothing goes down after one.
JUMP = timedelta(seconds=60)
HOLD_AFTER_JUMP = timedelta(minutes=5)
# How far before the last good turn a transition still explains what is due now.
SLACK = timedelta(hours=1)
# At the start any schedule that repeats within a week explains what is due.
LOOKBACK = timedelta(days=7)


@dataclass
class Memory:
    """One process's memory; a new one remembers nothing, and everything still works."""

    looked_for_orphans: datetime | None = None
    # The configured kinds that the server has, and when it was asked.
    kinds: tuple[Kind, ...] = ()
    probed: datetime | None = None
    # The wall clock and the seconds of a clock that never jumps, both at the last turn; and how long a jump holds.
    _seen: tuple[datetime, float] | None = None
    hold: str = ""
    _hold_until: float | None = None
    _last_good: datetime | None = None
    # When each object was put down lately, by uid; and those that somebody keeps setting back.
    _put_down: dict[str, deque[datetime]] = field(default_factory=dict)
    fights: set[str] = field(default_factory=set)
    progress: Progress = field(default_factory=Progress)
    pending: Pending = field(default_factory=Pending)
    # How often the clock has jumped, and when anything was changed last.
    jumps: int = 0
    last_change: datetime | None = None

    def orphans_due(self, now: datetime) -> bool:
        """Whether to look for orphans at *now*; the answer yes is remembered."""
        due = self.looked_for_orphans is None or not timedelta(0) <= now - self.looked_for_orphans < ORPHANS_EVERY
        if due:
            self.looked_for_orphans = now
        return due

    # ---- the clock

    def tick(self, now: datetime, monotonic: float) -> None:
        """Compares the wall clock with the seconds that passed since the last turn, and sets `hold`."""
        if self._seen is not None:
            passed = timedelta(seconds=monotonic - self._seen[1])
            if abs(now - self._seen[0] - passed) > JUMP:
                self.jumps += 1
                self._hold_until = monotonic + HOLD_AFTER_JUMP.total_seconds()
        self._seen = (now, monotonic)
        if self._hold_until is None or monotonic >= self._hold_until:
            self._hold_until, self.hold = None, ""
        else:
            self.hold = "the clock has jumped, and nothing goes down until it has run evenly for five minutes"

    def explained_since(self, now: datetime) -> datetime:
        """From when on a transition of the schedule explains what is due at *now*."""
        return now - LOOKBACK if self._last_good is None else min(self._last_good, now) - SLACK

    def good(self, now: datetime) -> None:
        """A turn without a failure has ended."""
        self._last_good = now

    def quiet_from(self, watch: timedelta) -> datetime | None:
        """When the last change has been watched for *watch*; None if there was none."""
        return None if self.last_change is None else self.last_change + watch

    # ---- fights

    def put_down(self, uid: str, now: datetime) -> None:
        self._put_down.setdefault(uid, deque(maxlen=100)).append(now)

    def times_put_down(self, uid: str, now: datetime, window: timedelta) -> int:
        """How often the object was put down within *window* before *now*."""
        return sum(now - window <= each for each in self._put_down.get(uid, ()))

    def settled(self, uid: str) -> None:
        """The object is up and may be: what happened to it before no longer counts."""
        self._put_down.pop(uid, None)
        self.fights.discard(uid)
