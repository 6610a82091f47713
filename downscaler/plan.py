"""One turn's decisions: what was read about namespaces and pods, and from it the decision on any workload. Pure.

`explain` and the demo use it as the controller does; what is read again after a conflict is decided by the same planner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from downscaler.annotations import DOWNTIME_REPLICAS, FORCE_UPTIME, Complaint, Overrides, read_overrides
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo, decide
from downscaler.policy import NAMESPACE, Policy, Rules, excluded_by, govern, with_forcing_pod, with_layer
from downscaler.sizes import Kind, Refusal
from downscaler.workloads import Workload
from shared.objects import Object


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

    @property
    def changes(self) -> bool:
        """Whether there is something to write."""
        return isinstance(self.decision, ScaleTo | Restore | Forget)


@dataclass(frozen=True)
class Planner:
    """Decides for one turn, at one instant. *namespaces* maps names to metadata; one that is missing there could not be read."""

    rules: Rules
    namespaces: Mapping[str, Object]
    forced: Forced
    now: datetime
    _policies: dict[str, Policy] = field(default_factory=dict, init=False, repr=False)

    def plan(self, kind: Kind, workload: Workload) -> Planned:
        """The decision on *workload*. Never raises for what somebody wrote on it."""
        base = self.policy_of(workload.namespace)
        if base is None:
            return Planned(kind, workload, Keep("unread", f"namespace {workload.namespace} could not be read"))
        overrides = read_overrides(workload.metadata.annotations, self.rules.context)
        decision = decide(kind, workload, govern(base, self.rules.scope, kind, workload, overrides), self.now)
        own = decision.own if isinstance(decision, Problem) else ()
        return Planned(kind, workload, decision, overrides.complaints + own + _out_of_reach(kind, workload, overrides))

    def govern(self, kind: Kind, workload: Workload) -> Policy | None:
        """What governs *workload*, all layers folded; None if its namespace could not be read."""
        base = self.policy_of(workload.namespace)
        if base is None:
            return None
        return govern(base, self.rules.scope, kind, workload, read_overrides(workload.metadata.annotations, self.rules.context))

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
        policy = with_layer(policy, read_overrides(found.metadata.annotations, self.rules.context), NAMESPACE)
        policy = excluded_by(policy, self.rules.scope.namespace_exclusion(namespace))
        self._policies[namespace] = policy
        return policy

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


def asks_for_uptime(pod: Object) -> bool:
    """Whether *pod* carries the annotation that keeps its cluster, or its namespace, up."""
    return (pod.metadata.annotation(FORCE_UPTIME) or "").strip().lower() == "true"
