"""One turn's decisions: what was read about namespaces and pods, and from it the decision on any workload. Pure.

`explain` and the demo use it as the controller does; what is read again after a conflict is decided by the same planner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from downscaler.amounts import Refusal
from downscaler.annotations import Complaint, Overrides, read_overrides
from downscaler.cronruns import never_runs
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo, decide
from downscaler.forecast import grace_end, is_constant, next_edge, next_ruling, schedule_of
from downscaler.keys import DOWNTIME_REPLICAS, EXCLUDE, FORCE_UPTIME, ORIGINAL, UP_FOR, UP_UNTIL
from downscaler.patches import Stamp
from downscaler.policy import (
    AUTOSCALER,
    CONFIGURATION,
    NAMESPACE,
    SCALED,
    UNSCHEDULED,
    WORKLOAD,
    Orphans,
    Policy,
    Rules,
    Ruling,
    excluded_by,
    govern,
    ruling,
    with_forcing_pod,
    with_layer,
)
from downscaler.relations import SCALERS, Relations, said_by_scaler
from downscaler.schedule import FINEST
from downscaler.sizes import Kind
from downscaler.workloads import Workload
from shared.errors import shorten
from shared.objects import Object
from shared.times import format_duration, format_timestamp

Notes: TypeAlias = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Forced:
    """Where pods ask for uptime. `hold` says why nothing may go down while that is not known; empty when it is."""

    namespaces: frozenset[str] = frozenset()
    hold: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A workload and what to do with it. `complaints` are about its own annotations."""

    kind: Kind
    workload: Workload
    decision: Decision
    complaints: tuple[Complaint, ...] = ()
    # Why it is no longer ours to put down, if it is only looked at because it carries a record; empty for all others.
    orphaned: str = ""
    # Annotations of its own that time has turned into others; None removes one.
    notes: Notes = ()
    # The order in which it wakes, and what has to be ready before: kind, namespace, name.
    wave: int = 0
    depends_on: tuple[tuple[str, str, str], ...] = ()
    # What the schedule wants now; empty where nobody knows.
    wanted: str = ""
    # When the schedule wants something else, and what; None if nothing is in sight.
    ahead: tuple[datetime, Ruling] | None = None
    # What the schedule wants now and who said so; None where nobody knows.
    ruled: Ruling | None = None
    # The first instant at which the decision may differ only because time has passed.
    moment: datetime | None = None

    @property
    def changes(self) -> bool:
        """Whether there is something to write."""
        return bool(self.notes) or isinstance(self.decision, ScaleTo | Restore | Forget)


@dataclass(frozen=True)
class Planner:
    """Decides for one turn, at one instant. *namespaces* maps names to metadata; one that is missing there could not be read."""

    rules: Rules
    namespaces: Mapping[str, Object]
    forced: Forced
    now: datetime
    relations: Relations = field(default_factory=Relations)
    _policies: dict[str, Policy] = field(default_factory=dict, init=False, repr=False)
    _changed: dict[object, bool] = field(default_factory=dict, init=False, repr=False)
    _schedules: dict[object, tuple[tuple[datetime, Ruling] | None, datetime | None]] = field(
        default_factory=dict, init=False, repr=False
    )

    def plan(self, kind: Kind, workload: Workload) -> Planned:
        """The decision on *workload*. Never raises for what somebody wrote on it."""
        overrides, notes = self._read(workload)
        policy = self._govern(kind, workload, overrides)
        if policy is None:
            return Planned(kind, workload, Keep("unread", f"namespace {workload.namespace} could not be read"))
        if policy.scale_children.value and kind.id == "cronjobs":
            self.relations.adopt(workload, policy)
        at = self.at(workload.namespace)
        decision, ruled = self._in_time(policy, workload.namespace, decide(kind, workload, policy, at)), ruling(policy, at)
        ahead, edge = self._coming(policy, workload.namespace)
        complaints = overrides.complaints + _own(decision) + _out_of_reach(kind, workload, overrides)
        complaints += _never_runs(kind, workload, policy, decision)
        if self.rules.orphans is Orphans.REPORT and isinstance(decision, Keep) and decision.cause == "excluded":
            complaints += _asleep(workload, decision.reason)
        return Planned(
            kind,
            workload,
            decision,
            complaints,
            notes=notes,
            wave=policy.wave.value,
            wanted=ruled.want.value,
            depends_on=tuple((kind_id, ns or workload.namespace, name) for kind_id, ns, name in policy.depends_on.value),
            ahead=ahead,
            ruled=ruled,
            moment=self._moment(policy, workload, decision, edge),
        )

    def _read(self, about: Object) -> tuple[Overrides, Notes]:
        """What *about* says, with a length of time from now on as an end, and the annotations that this makes of its own."""
        overrides = read_overrides(about.metadata.annotations, self.rules.context)
        if overrides.up_for is not None:
            end = (self.now + overrides.up_for).replace(microsecond=0)
            return replace(overrides, up_until=end), ((UP_FOR, None), (UP_UNTIL, format_timestamp(end)))
        if overrides.up_until is not None and overrides.up_until <= self.now:
            return overrides, ((UP_UNTIL, None),)
        return overrides, ()

    def explained(self, planned: Planned, since: datetime) -> bool:
        """Whether a schedule has begun to want what *planned* does after *since*, or the operator's own flags or the workload's
        own annotations want it: what somebody set one by one is no mistake of a line."""
        policy = self.govern(planned.kind, planned.workload)
        if policy is None or ruling(policy, self.now).source in (CONFIGURATION, WORKLOAD):
            return True
        return self._changed_since(policy, since, self.now)

    def _coming(self, policy: Policy, namespace: str) -> tuple[tuple[datetime, Ruling] | None, datetime | None]:
        """When the schedule wants something else and what, and when anything it says may differ."""
        # A fleet has thousands of workloads and few schedules.
        late = self.rules.lateness(namespace)
        key = (late, schedule_of(policy))
        if (known := self._schedules.get(key)) is not None:
            return known
        ruled, edge = next_ruling(policy, self.now - late), next_edge(policy, self.now - late)
        ahead = None if ruled is None else (ruled[0] + late, ruled[1])
        found = self._schedules[key] = (ahead, None if edge is None else edge + late)
        return found

    def _moment(self, policy: Policy, workload: Workload, decision: Decision, edge: datetime | None) -> datetime | None:
        """When *decision* may differ only because time has passed; *edge* is that of the schedule."""
        if not isinstance(decision, Keep) or decision.cause != "grace" or (end := grace_end(policy, workload)) is None:
            return edge
        end += self.rules.lateness(workload.namespace)
        return end if edge is None else min(edge, end)

    def _in_time(self, policy: Policy, namespace: str, decision: Decision) -> Decision:
        """*decision*, or leaving the object alone where the schedule began to want it longer ago than --max-lateness."""
        limit, at = self.rules.max_lateness, self.at(namespace)
        if limit is None or not isinstance(decision, ScaleTo | Restore):
            return decision
        if ruling(policy, at).key in UNSCHEDULED or is_constant(policy) or self._changed_since(policy, at - limit - FINEST, at):
            return decision
        reason = f"its schedule changed more than {format_duration(limit)} ago and --max-lateness waits for the next change"
        held = decision.size if isinstance(decision, Restore) else None
        return Keep("missed", f"{reason}: {decision.reason}", held)

    def _changed_since(self, policy: Policy, since: datetime, at: datetime) -> bool:
        key = (since, schedule_of(policy))
        if key not in self._changed:
            coming = next_ruling(policy, since)
            self._changed[key] = coming is not None and coming[0] <= at
        return self._changed[key]

    def at(self, namespace: str) -> datetime:
        """The instant for which the workloads of *namespace* are decided: now, less its share of --jitter."""
        return self.now - self.rules.lateness(namespace)

    def plan_orphan(self, kind: Kind, workload: Workload, why: str, *, restore: bool = True) -> Planned:
        """The decision on an object that carries a record and is no longer ours: back up, or left asleep and reported."""
        if not restore:
            return Planned(kind, workload, Keep("orphaned", why), _asleep(workload, why), why)
        policy = replace(self.rules.policy, excluded=why, upscale_target_only=False)
        decision = decide(kind, workload, policy, self.now)
        return Planned(kind, workload, decision, _own(decision), why)

    def again(self, planned: Planned, workload: Workload) -> Planned:
        """The same question about *workload* as the server has it now."""
        if planned.orphaned:
            return self.plan_orphan(planned.kind, workload, planned.orphaned)
        return self.plan(planned.kind, workload)

    @property
    def stamp(self) -> Stamp:
        """What signs the records that are written this turn."""
        return Stamp(self.now, self.rules.version)

    def govern(self, kind: Kind, workload: Workload) -> Policy | None:
        """What governs *workload*, all layers folded; None if its namespace could not be read."""
        return self._govern(kind, workload, self._read(workload)[0])

    def _govern(self, kind: Kind, workload: Workload, overrides: Overrides) -> Policy | None:
        base = self.policy_of(workload.namespace)
        if base is None:
            return None
        if (inherited := self.relations.parent_policy(workload)) is not None:
            return with_layer(inherited, overrides, WORKLOAD)
        if kind.id in SCALERS:
            base = with_layer(base, self.relations.said_by_target(workload), SCALED)
        elif (scaler := self.relations.scaler_of(kind, workload)) is not None:
            self.relations.note(kind, workload, overrides)
            base = with_layer(base, said_by_scaler(scaler, self.rules.context), AUTOSCALER)
            base = replace(base, autoscaler=scaler.name, autoscaler_pauses=scaler.pauses)
        policy = govern(base, self.rules.scope, kind, workload, overrides)
        if kind.runs is None:
            return policy
        return replace(policy, never_runs=never_runs(kind.runs(workload), policy, self.at(workload.namespace)))

    def policy_of(self, namespace: str) -> Policy | None:
        """What governs the workloads in *namespace* that say nothing themselves; None if the namespace could not be read."""
        if (known := self._policies.get(namespace)) is not None:
            return known
        if (found := self.namespaces.get(namespace)) is None:
            return None
        policy = self.rules.policy
        if self.forced.hold:
            policy = replace(policy, hold=self.forced.hold)
        if namespace in self.forced.namespaces or (self.forced.namespaces and not self.rules.forced_per_namespace):
            policy = with_forcing_pod(policy)
        policy = with_layer(policy, self._read(found)[0], NAMESPACE)
        policy = excluded_by(policy, self.rules.scope.namespace_exclusion(namespace))
        self._policies[namespace] = policy
        return policy

    def namespace_notes(self) -> Iterator[tuple[Object, Notes]]:
        """What time has made of the namespaces' own annotations."""
        for namespace in self.namespaces.values():
            if namespace.metadata.annotations and (notes := self._read(namespace)[1]):
                yield namespace, notes

    def namespace_complaints(self) -> Iterator[tuple[Object, Complaint]]:
        """What cannot be read on the namespaces themselves."""
        for namespace in self.namespaces.values():
            if not self.rules.scope.namespace_exclusion(namespace.name):
                for complaint in read_overrides(namespace.metadata.annotations, self.rules.context).complaints:
                    yield namespace, complaint


def _out_of_reach(kind: Kind, workload: Workload, overrides: Overrides) -> tuple[Complaint, ...]:
    """The complaint about a target that the workload names itself and its kind cannot take, said by day already."""
    target = overrides.downtime_replicas
    reached = None if target is None else kind.reach(workload, target)
    if not isinstance(reached, Refusal):
        return ()
    return (Complaint(DOWNTIME_REPLICAS, str(target), reached.reason, "it is not scaled down", blocking=False),)


def _never_runs(kind: Kind, workload: Workload, policy: Policy, decision: Decision) -> tuple[Complaint, ...]:
    """The hint that an object never does what it is there for, said by day already."""
    if kind.runs is None or not policy.never_runs or kind.read(workload) != 1 or isinstance(decision, Problem):
        return ()
    if policy.suspend_night_runs:
        said = f"{policy.never_runs}: it never runs; {EXCLUDE}=true leaves it on"
    else:
        said = f"{policy.never_runs}: it is left on, as it would never run; --night-runs=suspend suspends it"
    return (Complaint("schedule", kind.runs(workload)[0], "", blocking=False, said=said, word="NeverRuns"),)


def _own(decision: Decision) -> tuple[Complaint, ...]:
    return decision.own if isinstance(decision, Problem) else ()


def _asleep(workload: Workload, why: str) -> tuple[Complaint, ...]:
    """The report that *workload* stays asleep, nothing if it is not."""
    if (recorded := workload.metadata.annotation(ORIGINAL)) is None:
        return ()
    said = f"was put down from {shorten(recorded)!r} and is left asleep: {why}; --orphans=restore brings it up"
    return (Complaint(ORIGINAL, recorded, "", blocking=False, said=said, word="Orphaned"),)


def asks_for_uptime(pod: Object) -> bool:
    """Whether *pod* carries the annotation that keeps its cluster, or its namespace, up."""
    return (pod.metadata.annotation(FORCE_UPTIME) or "").strip().lower() == "true"
