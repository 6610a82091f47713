"""What a replica asks the cluster for, and so what is saved while it is switched off. Pure.

The requests of a pod are what the scheduler counts: of init containers only the largest, on top of the sidecars that run by then;
sidecars (init containers that are always restarted) and the pod's overhead all the time. Source: "Resource sharing within
containers", Kubernetes documentation of init and sidecar containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from downscaler.prices import NOTHING, Price
from downscaler.workloads import Container, PodSpec
from shared.errors import ValueProblem
from shared.quantity import parse_quantity

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Amount:
    """Replicas, cores and GiB of memory, by what pods request; and what an hour of them is worth in USD and in grams of CO2."""

    replicas: float = 0.0
    cores: float = 0.0
    gib: float = 0.0
    usd: float = 0.0
    co2_grams: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.replicas + other.replicas,
            self.cores + other.cores,
            self.gib + other.gib,
            self.usd + other.usd,
            self.co2_grams + other.co2_grams,
        )

    def times(self, factor: float) -> Amount:
        return Amount(self.replicas * factor, self.cores * factor, self.gib * factor, self.usd * factor, self.co2_grams * factor)


def amount_of(spec: PodSpec, price: Price = NOTHING) -> Amount:
    """One replica. A quantity that cannot be read counts as nothing."""
    cores, gib = _requested(spec, "cpu"), _requested(spec, "memory") / GIB
    usd = cores * price.core_hour + gib * price.gib_hour
    return Amount(1.0, cores, gib, usd, cores * price.co2_core_hour + gib * price.co2_gib_hour)


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
