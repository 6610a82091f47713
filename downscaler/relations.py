"""Who scales whom: autoscalers and their targets, CronJobs and their Jobs. Pure.

An autoscaler and its target are governed together, whichever of them carries the annotation: what the other one says lies one
layer below what it says itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from downscaler.annotations import NOTHING, Context, Overrides, read_overrides
from downscaler.policy import Policy
from downscaler.sizes import Kind
from downscaler.workloads import Workload

# Kind of the target, namespace, name.
_Address = tuple[str, str, str]
# Autoscalers that keep working when their target is at zero, and are therefore paused themselves.
_PAUSING = "scaledobjects"
SCALERS = ("horizontalpodautoscalers", _PAUSING)
# What a HorizontalPodAutoscaler can scale, of the kinds that are scaled here.
AUTOSCALED = ("deployments", "statefulsets", "rollouts")


@dataclass(frozen=True, slots=True)
class Scaler:
    """An autoscaler as its target sees it."""

    kind: Kind
    workload: Workload

    @property
    def name(self) -> str:
        return f"{self.kind.resource.kind} {self.workload.name}"

    @property
    def pauses(self) -> bool:
        return self.kind.id == _PAUSING


@dataclass
class Relations:
    """What one turn knows of them. `scalers` is complete from the start; targets and parents are noted as they come by."""

    scalers: dict[_Address, Scaler] = field(default_factory=dict)
    _targets: dict[_Address, Overrides] = field(default_factory=dict)
    _parents: dict[str, Policy] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[tuple[Kind, Workload]]) -> Relations:
        """From all autoscalers. Of two on one target a ScaledObject counts, whose own autoscaler the other one is."""
        relations = cls()
        for kind, workload in found:
            if (address := target_of(workload)) is not None:
                known = relations.scalers.get(address)
                if known is None or not known.pauses:
                    relations.scalers[address] = Scaler(kind, workload)
        return relations

    def scaler_of(self, kind: Kind, workload: Workload) -> Scaler | None:
        return self.scalers.get((kind.resource.kind, workload.namespace, workload.name)) if self.scalers else None

    def note(self, kind: Kind, workload: Workload, overrides: Overrides) -> None:
        """Remembers what a target says, for its autoscaler, which is looked at later."""
        self._targets[kind.resource.kind, workload.namespace, workload.name] = overrides

    def said_by_target(self, workload: Workload) -> Overrides:
        """What the target of an autoscaler says."""
        address = target_of(workload)
        return NOTHING if address is None else self._targets.get(address, NOTHING)

    def adopt(self, workload: Workload, policy: Policy) -> None:
        """Remembers a CronJob whose Jobs follow it."""
        self._parents[workload.metadata.uid] = policy

    def parent_policy(self, workload: Workload) -> Policy | None:
        """What governs a Job that follows its CronJob; None for every other object."""
        owner = workload.metadata.controller if self._parents else None
        return None if owner is None else self._parents.get(owner.uid)

    @property
    def has_parents(self) -> bool:
        return bool(self._parents)


def target_of(workload: Workload) -> _Address | None:
    """What an autoscaler scales."""
    target = workload.spec.scale_target_ref
    return None if target is None or not target.name else (target.kind, workload.namespace, target.name)


def said_by_scaler(scaler: Scaler, context: Context) -> Overrides:
    return read_overrides(scaler.workload.metadata.annotations, context)
