"""What stops changes that were decided: a fight over a field, and a mass of changes that no schedule explains. Pure.

Both look at all of a turn's changes at once, which a decision on one object cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from downscaler.annotations import Complaint
from downscaler.decide import Forget, Keep, Restore, ScaleTo
from downscaler.keys import ORIGINAL, TARGET
from downscaler.memory import Memory
from downscaler.plan import Planned, Planner
from shared.times import format_duration

# So few objects are no mass, whatever share of the cluster they are.
FEW = 20


@dataclass(frozen=True, slots=True)
class Safety:
    """`max_unscheduled` is a share of all objects looked at, 1 for no limit; `fight_flips` 0 looks for no fights."""

    max_unscheduled: float = 0.5
    fight_flips: int = 5
    fight_window: timedelta = timedelta(minutes=30)

    @property
    def watch(self) -> timedelta:
        """For how long after a change somebody who sets it back has to be noticed soon: as long as flips count as a fight."""
        return self.fight_window if self.fight_flips else timedelta(seconds=1)


def settle(planned: Planned, memory: Memory) -> None:
    """Forgets an object's past flips once it is up and may be."""
    decision = planned.decision
    if isinstance(decision, Restore | Forget) or (
        isinstance(decision, Keep) and decision.cause in ("up", "excluded", "no-period")
    ):
        memory.settled(planned.workload.metadata.uid)


def without_fights(changes: Sequence[Planned], memory: Memory, safety: Safety, planner: Planner) -> list[Planned]:
    """*changes* with a Keep in place of putting down what somebody set back too often lately."""
    if not safety.fight_flips:
        return list(changes)
    return [_unfought(each, memory, safety, planner) for each in changes]


def _unfought(planned: Planned, memory: Memory, safety: Safety, planner: Planner) -> Planned:
    decision, uid = planned.decision, planned.workload.metadata.uid
    if not isinstance(decision, ScaleTo):
        return planned
    times = memory.times_put_down(uid, planner.now, safety.fight_window)
    if times >= safety.fight_flips:
        memory.fights.add(uid)
    if uid not in memory.fights:
        return planned
    window = format_duration(safety.fight_window)
    reason = f"somebody keeps setting {planned.kind.noun} back; left alone until its schedule brings it up"
    said = (
        f"was put down {safety.fight_flips} times within {window} and set back each time, by another controller "
        f"it seems; left alone until its schedule brings it up. Tell that controller to ignore {planned.kind.noun} and the "
        f"annotations {ORIGINAL} and {TARGET}"
    )
    complaint = Complaint(TARGET, "fight", "", blocking=False, said=said, word="Fight")
    return replace(planned, decision=Keep("fight", reason, decision.original), complaints=(*planned.complaints, complaint))


def without_masses(
    changes: Sequence[Planned], looked_at: int, planner: Planner, memory: Memory, safety: Safety
) -> tuple[list[Planned], str]:
    """*changes* without the unscheduled ones where these are too many, and the line that says so; empty normally."""
    if safety.max_unscheduled >= 1:
        return list(changes), ""
    since = memory.explained_since(planner.now)
    found = [each for each in changes if isinstance(each.decision, ScaleTo) and not planner.explained(each, since)]
    surprising = {id(each) for each in found}
    # A team may put its own namespace down whenever it likes.
    if len({each.workload.namespace for each in found}) <= 1 or len(surprising) <= max(FEW, safety.max_unscheduled * looked_at):
        return list(changes), ""
    reason = f"one of {len(surprising)} objects that no schedule puts down now"
    held = [replace(each, decision=Keep("held", reason)) if id(each) in surprising else each for each in changes]
    line = (
        f"{len(surprising)} of {looked_at} objects would be put down although no schedule changed: held, as more than "
        f"{safety.max_unscheduled:.0%} at once is taken for a mistake; --max-unscheduled=100% lets them go down"
    )
    return held, line
