"""What a replica asks the cluster for, and so what is saved while it is switched off. Pure.

The requests of a pod are what the scheduler counts: of init containers only the largest, on top of the sidecars that run by then;
sidecars (init containers that are always restarted) and the pod's overhead all the time. Source: "Resource sharing within
containers", Kubernetes documentation of init and sidecar containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from downscaler.workloads import Container, PodSpec
from shared.errors import ValueProblem
from shared.quantity import parse_quantity

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Amount:
    """Replicas, cores and GiB of memory, by what pods request."""

    replicas: float = 0.0
    cores: float = 0.0
    gib: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.replicas + other.replicas, self.cores + other.cores, self.gib + other.gib)

    def times(self, factor: float) -> Amount:
        return Amount(self.replicas * factor, self.cores * factor, self.gib * factor)


def amount_of(spec: PodSpec) -> Amount:
    """One replica. A quantity that cannot be read counts as nothing."""
    return Amount(1.0, _requested(spec, "cpu"), _requested(spec, "memory") / GIB)


def _requested(spec: PodSpec, resource: str) -> float:
    sidecars = largest = 0.0
    for container in spec.init_containers or ():
        own = _request(container, resource)
        if container.restart_policy == "Always":
            sidecars += own
        largest = max(largest, sidecars if container.restart_policy == "Always" else sidecars + own)
    running = sidecars + sum(_request(container, resource) for container in spec.containers or ())
    return max(largest, running) + _quantity(spec.overhead or {}, resource)


def _request(container: Container, resource: str) -> float:
    asked = container.resources.requests or {}
    return _quantity(asked if resource in asked else container.resources.limits or {}, resource)


def _quantity(amounts: Mapping[str, str | float], resource: str) -> float:
    try:
        return float(parse_quantity(str(amounts.get(resource, "0"))))
    except ValueProblem:
        return 0.0
