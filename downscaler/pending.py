"""What is not yet as its schedule wants, and since when; and until when the process may rest. Pure.

Nothing here decides about an object: it only watches what becomes of the decisions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from downscaler.decide import Decision, Keep, Restore, ScaleTo
from downscaler.plan import Planned

Direction = Literal["up", "down"]
DIRECTIONS: tuple[Direction, ...] = ("up", "down")
# Changes that were decided and have to wait: the next turn may make them, whatever the time.
RESTLESS = frozenset({"waiting", "throttled", "hold", "held"})
# As long as something is on its way it is looked at after the usual interval, but not all day for a pod that never gets ready.
WATCHED = timedelta(hours=1)


@dataclass
class Pending:
    """Which objects are on their way, by uid: where to, and since when the schedule wants that."""

    _since: dict[str, tuple[Direction, datetime]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def kept(self, planned: Planned, now: datetime) -> datetime | None:
        """Looks at an object that is left as it is at *now*. Returns since when it is on its way; None if it is not."""
        uid, known = planned.workload.metadata.uid, None
        if self._since:
            known = self._since.get(uid)
        direction = _direction(planned, known is not None)
        if direction is None:
            if known is not None:
                del self._since[uid]
            return None
        return self._note(uid, direction, now)

    def told(self, planned: Planned, decision: Decision, now: datetime) -> datetime | None:
        """Looks at an object that was told at *now* to change, or was to be told and could not be."""
        if isinstance(decision, ScaleTo | Restore):
            return self._note(planned.workload.metadata.uid, "down" if isinstance(decision, ScaleTo) else "up", now)
        return None

    def _note(self, uid: str, direction: Direction, now: datetime) -> datetime:
        known = self._since.get(uid)
        since = known[1] if known is not None and known[0] == direction else now
        self._since[uid] = (direction, since)
        self._seen.add(uid)
        return since

    def end(self, *, complete: bool) -> None:
        """A turn has ended. What it has not seen is gone if it was *complete*, else it may be in a list that failed."""
        if complete:
            self._since = {uid: found for uid, found in self._since.items() if uid in self._seen}
        self._seen.clear()

    def waits(self, now: datetime) -> Iterator[tuple[Direction, timedelta]]:
        """How long each object on its way has been so."""
        for direction, since in self._since.values():
            yield direction, max(now - since, timedelta(0))


def _direction(planned: Planned, known: bool) -> Direction | None:
    """Where an object that is left as it is was to go. One that starts or stops counts only if it was seen to be told to."""
    decision = planned.decision
    if not isinstance(decision, Keep):
        return None
    match decision.cause:
        case "waiting" | "throttled":
            return "down" if decision.held is None else "up"
        case "hold" | "held" | "fight":
            return "down"
        case "up" if known and not planned.kind.ready(planned.workload):
            return "up"
        case "down" if known and planned.workload.running:
            return "down"
    return None


@dataclass
class Outlook:
    """The time to come as a turn sees it: the next instant at which a decision may differ, and whether it may at any time."""

    next: datetime | None = None
    restless: bool = False

    def see(self, planned: Planned) -> None:
        if planned.moment is not None and (self.next is None or planned.moment < self.next):
            self.next = planned.moment
        if isinstance(planned.decision, Keep) and planned.decision.cause in RESTLESS:
            self.restless = True

    def idle(self, pending: Pending, now: datetime, quiet_from: datetime | None) -> bool:
        """Whether until then nothing happens but what others do. From *quiet_from* on the last change needs no watching."""
        watched = any(length < WATCHED for _, length in pending.waits(now))
        return not self.restless and not watched and (quiet_from is None or quiet_from <= now)
