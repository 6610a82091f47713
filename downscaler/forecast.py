"""What will happen to a workload as far as anybody knows now: its next transitions, decided at each moment that matters. Pure.

Nothing is guessed: each step applies the patch that the controller would send to the object as it would be then.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from downscaler.amounts import Size
from downscaler.decide import Decision, Restore, ScaleTo, decide, deployed
from downscaler.patches import patch_of, patched
from downscaler.policy import Policy, Ruling, ruling
from downscaler.schedule import FINEST, HORIZON, Spec, next_change
from downscaler.sizes import Kind
from downscaler.workloads import Workload

# Moments looked at for one workload; a spec that changes every minute has more of them than anybody wants to read.
_MOST_MOMENTS = 500


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of size that is to come. `direction` is `up` or `down`."""

    at: datetime
    direction: str
    before: Size
    size: Size
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One moment that matters: what is decided then, and the object as it is from then on."""

    at: datetime
    decision: Decision
    workload: Workload

    @property
    def transition(self) -> Transition | None:
        """The change of size, if the decision is one."""
        if not isinstance(self.decision, ScaleTo | Restore):
            return None
        direction = "down" if isinstance(self.decision, ScaleTo) else "up"
        return Transition(self.at, direction, self.decision.before, self.decision.size, self.decision.reason)


def steps(kind: Kind, workload: Workload, policy: Policy, now: datetime, *, missed: bool = False) -> Iterator[Step]:
    """*now*, and each moment after it within 400 days at which the decision on *workload* may be another one, in order.

    With *missed* what is due at *now* is left out.
    """
    at = now
    for _ in range(_MOST_MOMENTS):
        decision = decide(kind, workload, policy, at)
        if (patch := patch_of(kind, workload, decision)) is not None and not (missed and at == now):
            workload = patched(workload, patch)
        yield Step(at, decision, workload)
        moment = next_moment(policy, workload, at)
        if moment is None or moment - now > HORIZON:
            return
        at = moment


def transitions(
    kind: Kind, workload: Workload, policy: Policy, now: datetime, count: int = 3, *, missed: bool = False
) -> list[Transition]:
    """The next *count* changes of size after *now*, within 400 days. What is due at *now* is taken as done, or as *missed*."""
    changes = (step.transition for step in steps(kind, workload, policy, now, missed=missed) if step.at > now)
    return list(islice((change for change in changes if change is not None), count))


def next_moment(policy: Policy, workload: Workload, now: datetime) -> datetime | None:
    """The first instant after *now* at which the decision on *workload* may differ only because time has passed."""
    return min((moment for moment in _moments(policy, workload, now) if moment > now), default=None)


def next_edge(policy: Policy, now: datetime) -> datetime | None:
    """The first instant after *now* at which what *policy* says may differ, the grace period left aside."""
    ends = (until for until in _ends(policy) if until is not None and until > now)
    return min(ends if policy.excluded else _scheduled(policy, now), default=None)


def grace_end(policy: Policy, workload: Workload) -> datetime | None:
    """The first instant at which *workload* is no longer within its grace period; None if that is not known or never comes."""
    since = deployed(workload, policy)
    if since is None or since >= datetime.max.replace(tzinfo=since.tzinfo) - policy.grace_period.value - timedelta(days=1):
        return None
    return since + policy.grace_period.value + FINEST


def next_ruling(policy: Policy, now: datetime) -> tuple[datetime, Ruling] | None:
    """When the schedule wants something else than now, and what; None if that is not within 400 days."""
    if policy.excluded:
        return None
    state, at = ruling(policy, now).want, now
    for _ in range(_MOST_MOMENTS):
        moment = min(_scheduled(policy, at), default=None)
        if moment is None or moment - now > HORIZON:
            return None
        at, ruled = moment, ruling(policy, moment)
        if ruled.want is not state:
            return at, ruled
    return None


def _moments(policy: Policy, workload: Workload, now: datetime) -> Iterator[datetime]:
    yield from _scheduled(policy, now)
    if (end := grace_end(policy, workload)) is not None:
        yield end


def _specs(policy: Policy) -> tuple[Spec, ...]:
    return (
        policy.uptime.value,
        policy.downtime.value,
        policy.upscale_period.value,
        policy.downscale_period.value,
        policy.force_uptime.value,
        policy.force_downtime.value,
    )


def _ends(policy: Policy) -> tuple[datetime | None, ...]:
    return tuple(None if until is None else until.value for until in (policy.exclude_until, policy.up_until))


def schedule_of(policy: Policy) -> Hashable:
    """What two policies have in common whose rulings come at the same instants: all but the layers that they name."""
    return _specs(policy), _ends(policy), bool(policy.excluded), policy.overlap


def is_constant(policy: Policy) -> bool:
    """Whether its schedule never wants anything else than now."""
    return not any(_ends(policy)) and all(spec.is_always or spec.is_never for spec in _specs(policy))


def _scheduled(policy: Policy, now: datetime) -> Iterator[datetime]:
    for spec in _specs(policy):
        if (change := _change(spec, now)) is not None:
            yield change
    for until in _ends(policy):
        if until is not None and until > now:
            yield until


@lru_cache(maxsize=4096)
def _change(spec: Spec, now: datetime) -> datetime | None:
    """`next_change`, which a fleet asks for the same few specs at the same instant, over and over."""
    return next_change(spec, now)
