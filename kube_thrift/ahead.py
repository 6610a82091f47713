"""What the downscaler will do to one workload until some instant, and what that leaves unrequested meanwhile. Pure.

Every step is the controller's own decision on the object as it would be by then (`downscaler/forecast.py`); nothing is guessed.
What a replica asks for is what its pod template requests, as in the controller's own counters of hours saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from downscaler.amounts import Size
from downscaler.decide import Keep
from downscaler.forecast import Step, Transition, steps
from downscaler.keys import ORIGINAL
from downscaler.plan import Planner
from downscaler.prices import Prices
from downscaler.relations import SCALERS
from downscaler.savings import Amount, amount_of
from downscaler.sizes import Kind
from downscaler.workloads import Workload
from shared.errors import ValueProblem

HOUR = timedelta(hours=1)
NOTHING = Amount()
NO_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Phase:
    """From `start` to before `end` it is down, and `off` is not requested."""

    start: datetime
    end: datetime
    off: Amount

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR


@dataclass(frozen=True, slots=True)
class Outlook:
    """One workload from `start` to `end`. `whole` is what it requests while up; cores and GiB are 0 where no template says so.

    `reason` is that of the decision now, `off_now` what is off before it, `due` the change of size that it makes, if any;
    `changes` are those to come.
    """

    kind: Kind
    namespace: str
    name: str
    start: datetime
    end: datetime
    size: Size | None
    whole: Amount
    reason: str
    off_now: Amount = NOTHING
    due: Transition | None = None
    phases: tuple[Phase, ...] = ()
    changes: tuple[Transition, ...] = ()
    complaints: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Its kind as the API spells it, its namespace, its name."""
        return self.kind.resource.kind, self.namespace, self.name

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR

    @property
    def hours_down(self) -> float:
        return sum(phase.hours for phase in self.phases)

    @property
    def saved(self) -> Amount:
        """Replica-hours, core-hours and GiB-hours that are not requested."""
        return sum((phase.off.times(phase.hours) for phase in self.phases), NOTHING)

    @property
    def asked(self) -> Amount:
        """The same hours of what it would request if it were always up."""
        return self.whole.times(self.hours)

    def off_at(self, instant: datetime) -> Amount:
        """What is off at one instant, a change at that very instant being done."""
        return next((phase.off for phase in self.phases if phase.start <= instant < phase.end), NOTHING)

    def until_deleted(self, at: datetime) -> Outlook:
        """The same where the object is deleted at *at*: from then on all of it is off, and nothing else happens to it."""
        before = tuple(replace(phase, end=min(phase.end, at)) for phase in self.phases if phase.start < at)
        after = (Phase(at, self.end, self.whole),) if at < self.end else ()
        changes = tuple(change for change in self.changes if change.at < at)
        return replace(self, phases=(*before, *after), changes=changes)


class Foresight:
    """Looks ahead, workload by workload, in the order of the controller: targets before their autoscalers."""

    def __init__(self, planner: Planner, end: datetime, prices: Prices = NO_PRICES) -> None:
        self._planner, self._end, self._prices = planner, end, prices
        self._targets: dict[tuple[str, str, str], Amount] = {}

    def outlook(self, kind: Kind, workload: Workload) -> Outlook:
        """What will happen to *workload*. Raises nothing for what is written on it."""
        planner = self._planner
        planned = planner.plan(kind, workload)
        late = planner.rules.lateness(workload.namespace)
        policy, unit = planner.govern(kind, workload), self._unit(kind, workload)
        found = Outlook(
            kind,
            workload.namespace,
            workload.name,
            planner.now,
            self._end,
            original_of(kind, workload),
            whole=_times(kind, original_of(kind, workload), unit),
            reason=planned.decision.reason,
            off_now=_off(kind, workload, unit) or NOTHING,
            complaints=tuple(complaint.text for complaint in planned.complaints),
        )
        if policy is None or (policy.broken and not policy.exclusion(planner.now - late)):
            return found
        missed = isinstance(planned.decision, Keep) and planned.decision.cause == "missed"
        taken = list(_until(steps(kind, workload, policy, planner.now - late, missed=missed), self._end - late))
        changes = [step.transition for step in taken[1:]]
        return replace(
            found,
            due=None if missed else taken[0].transition,
            phases=tuple(_phases(kind, taken, self._end - late, (unit, late))),
            changes=tuple(replace(change, at=change.at + late) for change in changes if change is not None),
        )

    def _unit(self, kind: Kind, workload: Workload) -> Amount:
        """What one of what its size counts requests; for an autoscaler that pauses its target, all of the target."""
        if kind.id in SCALERS:
            target = workload.spec.scale_target_ref
            named = None if target is None else self._targets.get((target.kind, workload.namespace, target.name))
            return named if named is not None and kind.id == "scaledobjects" else NOTHING
        pod = workload.spec.template.spec
        unit = amount_of(pod, self._prices.of(workload.namespace, pod)) if pod.containers else Amount(1.0)
        if kind.id == "daemonsets":
            unit = unit.times(workload.status.desired_number_scheduled or 0)
        self._targets[kind.resource.kind, workload.namespace, workload.name] = _times(kind, original_of(kind, workload), unit)
        return unit


def less(whole: Amount, part: Amount) -> Amount:
    """*whole* without *part*."""
    return whole + part.times(-1)


def original_of(kind: Kind, workload: Workload) -> Size | None:
    """The size that it has while up: the recorded one while it is down, else the one it has."""
    recorded = workload.metadata.annotation(ORIGINAL)
    if recorded is None:
        return kind.read(workload)
    try:
        return kind.parse_original(recorded)
    except ValueProblem:
        return kind.read(workload)


# What these count has no pods of its own, or none whose requests anybody knows. Sizes that are words have none either.
_WITHOUT_PODS = frozenset({"cronjobs", "jobs", "poddisruptionbudgets", "horizontalpodautoscalers"})


def _times(kind: Kind, size: Size | None, unit: Amount) -> Amount:
    """*size* of *unit*: a count of replicas, a switch, or an autoscaler with all of its target."""
    if kind.id in _WITHOUT_PODS:
        return NOTHING
    if kind.id == "scaledobjects":
        return unit
    return unit.times(size) if isinstance(size, int) else NOTHING


def _until(taken: Iterable[Step], end: datetime) -> Iterator[Step]:
    for step in taken:
        if step.at >= end:
            return
        yield step


def _phases(kind: Kind, taken: list[Step], end: datetime, how: tuple[Amount, timedelta]) -> Iterator[Phase]:
    """The times in which it is down; steps that change nothing are joined."""
    unit, late = how
    last: Phase | None = None
    ends = [step.at for step in taken[1:]] + [end]
    for step, until in zip(taken, ends, strict=True):
        off = _off(kind, step.workload, unit)
        if off is None:
            continue
        phase = Phase(step.at + late, until + late, off)
        if last is not None and last.end == phase.start and last.off == off:
            last = replace(last, end=phase.end)
            continue
        if last is not None:
            yield last
        last = phase
    if last is not None:
        yield last


def _off(kind: Kind, workload: Workload, unit: Amount) -> Amount | None:
    """What is off, None where the workload is up."""
    size, original = kind.read(workload), original_of(kind, workload)
    if size is None or original is None or kind.compare(workload, original, size) != 1:
        return None
    whole = _times(kind, original, unit)
    if kind.id == "scaledobjects":
        return whole if size == 0 else NOTHING
    return less(whole, _times(kind, size, unit))
