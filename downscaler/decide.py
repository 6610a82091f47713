"""The decision: (kind, object, policy, now) in, exactly one frozen decision with a reason out. Pure.

It reads the size r that the object has, the target t of its policy, and the record on the object: the original size o and the
size that was set when it was put down. The rules, of which `tests/downscaler/test_decide.py` has the whole table:

- Without a record: down means t if that is less than r, else nothing, so that what is parked low is never touched nor recorded.
- With a record, o is never written again. Down means t wherever r is above it; a target no longer below o ends the downtime.
- Up means back to o, or to what somebody set meanwhile (`RestorePolicy`), and the record is removed whatever happens.
- A record that cannot be read leaves the object alone: guessing could lose the original for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias

from downscaler.amounts import Patch, Refusal, Size
from downscaler.annotations import Complaint
from downscaler.beside import NOTHING, Originals, Return, read_originals
from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, TARGET
from downscaler.policy import Compat, Policy, RestorePolicy, Want, ruling
from downscaler.sizes import Kind
from downscaler.workloads import Workload
from shared.errors import ValueProblem

Cause: TypeAlias = Literal[
    "up",
    "down",
    "excluded",
    "grace",
    "parked",
    "touched",
    "no-period",
    "refused",
    "hold",
    "unread",
    "finished",
    "leaving",
    "unsized",
    "orphaned",
    "autoscaled",
    "fight",
    "waiting",
    "throttled",
    "held",
    "missed",
    "never-runs",
]


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to write. `cause` is one of few words, for metrics. `held` is the original of an object that is down now."""

    cause: Cause
    reason: str
    held: Size | None = None


@dataclass(frozen=True, slots=True)
class ScaleTo:
    """Put it at `size`, which is below `original`; `before` is the size it has. `also` is what goes along, as a merge patch."""

    before: Size
    size: Size
    original: Size
    reason: str
    also: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring it up to `size` and remove the record; with `gently` it does not do at once all that it missed.

    `also` is what comes along, as a merge patch, and `may` what comes along unless the server refuses it.
    """

    before: Size
    size: Size
    reason: str
    gently: bool = False
    also: Mapping[str, object] = field(default_factory=dict)
    may: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forget:
    """The size is right; only the record is stale."""

    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something on the object or its namespace cannot be read, so nothing is done. `own` are complaints about its record."""

    reason: str
    own: tuple[Complaint, ...] = field(default=())


Decision: TypeAlias = Keep | ScaleTo | Restore | Forget | Problem


@dataclass(frozen=True, slots=True)
class _State:
    """The size now, what it was, the size that was set (None where another downscaler wrote the record), and what went along."""

    size: Size
    original: Size
    target: Size | None
    fields: Originals


def decide(kind: Kind, workload: Workload, policy: Policy, now: datetime) -> Decision:
    """What to do with *workload* at *now*."""
    meta = workload.metadata
    recorded = meta.annotation(ORIGINAL)
    excluded = policy.exclusion(now)
    if excluded and (recorded is None or policy.upscale_target_only):
        return Keep("excluded", excluded)
    if policy.broken and not excluded:
        source, complaint = policy.broken[0]
        return Problem(f"{complaint.key} cannot be read ({source})")
    size = kind.read(workload)
    if meta.deletion_timestamp or size is None:
        return Keep("leaving", "being deleted") if meta.deletion_timestamp else Keep("unsized", f"has no {kind.noun} to change")
    if policy.compat is Compat.GO and (delayed := _delayed(workload, replace(policy, hold=""), now)) is not None:
        return delayed  # there the grace period freezes an object, also on its way up
    ruled = ruling(policy, now)
    want, why = ruled.want, ruled.reason
    if recorded is None:
        return _first(kind, workload, policy, (want, why), now)
    try:
        state = _State(size, kind.parse_original(recorded), _recorded_target(kind, workload), _recorded_fields(kind, workload))
    except ValueProblem as problem:
        key = ORIGINAL if problem.value == recorded else ORIGINAL_FIELDS
        return Problem(f"{key} cannot be read", (Complaint(key, problem.value, problem.accepted),))
    if want is Want.UP:
        return _up(kind, workload, policy, state, why)
    if want is Want.DOWN:
        return _further(kind, workload, policy, state, (why, now))
    return Keep("no-period", why, held=state.original)


def _first(kind: Kind, workload: Workload, policy: Policy, schedule: tuple[Want, str], now: datetime) -> Decision:
    """No record: the object was not put down, or not by anybody who remembers."""
    want, why = schedule
    if want is Want.UP and any(workload.metadata.annotation(key) is not None for key in (TARGET, ORIGINAL_FIELDS)):
        return Forget(f"a record without an original size; {why}")
    size = kind.read(workload)
    if want is not Want.DOWN or size is None:
        return Keep("up" if want is Want.UP else "no-period", why)
    if workload.finished:
        return Keep("finished", "has run to its end")
    target = _target(kind, workload, policy)
    if isinstance(target, Refusal):
        return Keep("refused", _refused(policy, target))
    order = kind.compare(workload, size, target)
    if order is None:
        return Keep("refused", f"{size} and {target} cannot be compared")
    low = target if order > 0 else size
    also = _falls(kind, workload, policy, low, NOTHING)
    if order <= 0 and not also:
        return Keep("parked", f"{kind.noun} {size}: not above the target {target}")
    if policy.never_runs and not policy.suspend_night_runs:
        return Keep("never-runs", f"{policy.never_runs}, and it would never run")
    if policy.autoscaler and (policy.autoscaler_pauses or target != 0):
        return Keep("autoscaled", f"{policy.autoscaler} decides its size and is put down instead, if its kind is included")
    if (danger := kind.danger(workload)) and not policy.allow_volume_deletion.value:
        return Keep("refused", danger)
    return _delayed(workload, policy, now) or ScaleTo(size, low, size, _with(also, why), also)


def _further(kind: Kind, workload: Workload, policy: Policy, state: _State, timing: tuple[str, datetime]) -> Decision:
    """Down with a record: keep it where the target of today says, and never touch the original."""
    why, now = timing
    target = _target(kind, workload, policy)
    if isinstance(target, Refusal):
        return Keep("refused", _refused(policy, target), held=state.original)
    target = kind.clamp(workload, target, state.fields)
    below_original = kind.compare(workload, state.original, target)
    if below_original is not None and below_original <= 0:
        if not _holds(kind, policy, state.original, state.fields):
            return _up(kind, workload, policy, state, f"the target {target} is not below the original {state.original}")
        target = state.original
    order = kind.compare(workload, state.size, target)
    if below_original is None or order is None:
        return Keep("refused", f"{state.size} and {target} cannot be compared", held=state.original)
    also = _falls(kind, workload, policy, target, state.fields)
    if order == 0 and not also:
        return Keep("down", why, held=state.original)
    change = ScaleTo(state.size, target, state.original, _with(also, why), also)
    if order >= 0:
        return _delayed(workload, policy, now, state.original) or change
    if state.target is not None and state.size != state.target:
        return Keep("touched", f"somebody set {state.size}, below the target {target}", held=state.original)
    return replace(change, reason=f"the target was raised; {change.reason}")


def _falls(kind: Kind, workload: Workload, policy: Policy, low: Size, fields: Originals) -> Patch:
    """What has to change beside a size of *low*."""
    return {} if kind.beside is None else kind.beside.fall(workload, low, policy.downtime_max_replicas.value, fields)


def _holds(kind: Kind, policy: Policy, low: Size, fields: Originals) -> bool:
    return kind.beside is not None and kind.beside.holds(low, policy.downtime_max_replicas.value, fields)


def _with(also: Patch, why: str) -> str:
    """*why*, and the maximum that goes along, as the size alone would not tell that anything changes."""
    spec = also.get("spec")
    ceiling = spec.get("maxReplicas") if isinstance(spec, Mapping) else None
    return why if ceiling is None else f"{why}; maxReplicas {ceiling}"


def _target(kind: Kind, workload: Workload, policy: Policy) -> Size | Refusal:
    """The size while down. GoKubeDownscaler has no such size for what is only on or off."""
    off_only = policy.compat is Compat.GO and kind.switch
    return kind.reach(workload, 0 if off_only else policy.downtime_replicas.value)


def _refused(policy: Policy, refusal: Refusal) -> str:
    target = policy.downtime_replicas
    return f"the target {target.value} ({target.source}) is not possible; accepted: {refusal.reason}"


def _up(kind: Kind, workload: Workload, policy: Policy, state: _State, why: str) -> Decision:
    """Up with a record: go back, and forget."""
    goal = kind.clamp(workload, _goal(kind, workload, policy, state), state.fields)
    rest = Return({}, {})
    if kind.beside is not None:
        rest = kind.beside.recall(workload, goal, state.fields, policy.restore is RestorePolicy.ALWAYS)
    if goal == state.size and not rest.must:
        return Forget(f"already at {state.size}; {why}")
    return Restore(state.size, goal, _with(rest.must, why), policy.skip_missed_runs, rest.must, rest.may)


def _goal(kind: Kind, workload: Workload, policy: Policy, state: _State) -> Size:
    order = kind.compare(workload, state.original, state.size)
    off = state.original == 0 or state.original == kind.reach(workload, 0)
    if state.original == state.size or (off and order == -1):
        return state.size  # what was off by itself never switches a running object off
    if policy.restore is RestorePolicy.ALWAYS:
        return state.original
    if policy.restore is RestorePolicy.IF_UNTOUCHED:
        put = state.target if state.target is not None else kind.reach(workload, policy.downtime_replicas.value)
        return state.original if state.size == put else state.size
    if not order:  # the same by another name; a count against a percentage, which only a change by hand can bring about
        return state.size
    return state.original if order > 0 else state.size


def _recorded_fields(kind: Kind, workload: Workload) -> Originals:
    """What went along with the size. Raises ValueProblem."""
    return NOTHING if kind.beside is None else read_originals(workload)


def _recorded_target(kind: Kind, workload: Workload) -> Size | None:
    """What was set; None if nobody wrote it or it cannot be read, which only means that a change by hand goes unnoticed."""
    text = workload.metadata.annotation(TARGET)
    if text is None:
        return None
    try:
        return kind.parse_original(text)
    except ValueProblem:
        return None


def _delayed(workload: Workload, policy: Policy, now: datetime, held: Size | None = None) -> Keep | None:
    """The reasons to put scaling down off: the hold of a turn that could not read everything, and the grace period."""
    if policy.hold:
        return Keep("hold", policy.hold, held)
    since = deployed(workload, policy)
    grace = policy.grace_period
    if since is not None and now - since <= grace.value:
        return Keep("grace", f"within {int(grace.value.total_seconds())} s of its deployment ({grace.source})", held)
    return None


def deployed(workload: Workload, policy: Policy) -> datetime | None:
    """From when the grace period counts: the creation, or the last deployment where that is known and later."""
    if policy.compat is Compat.GO and policy.deployed_at is not None:
        return policy.deployed_at
    return max((instant for instant in (_created(workload), policy.deployed_at) if instant is not None), default=None)


def _created(workload: Workload) -> datetime | None:
    try:
        return workload.metadata.created
    except ValueProblem:
        return None


def without_refused(decision: Decision) -> Restore | None:
    """*decision* without what the server may refuse; None if there is nothing of that."""
    if not isinstance(decision, Restore) or not decision.may:
        return None
    return replace(decision, may={}, reason=f"{decision.reason}; the server gave it other ports than before")
