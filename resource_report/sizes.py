"""What a pod effectively requests and what a node has: quantities to amounts. Pure.

Source: the Kubernetes documentation, "Resource Management for Pods and Containers", "Init Containers" (resource sharing within
containers), "Sidecar Containers", "Pod Overhead" and "Pod-level resources".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from resource_report.kinds import Container, PodSpec, Quantity
from resource_report.rows import Amounts
from shared.quantity import parse_quantity

NOTHING = Amounts()

_MIG = re.compile(r"nvidia\.com/mig-(\d)g\..+")
_MIG_SLICES = 7  # compute slices of one device
_GPU = re.compile(r"[^/]+/(?:gpu|gpu\.shared|i915|xe)")


@lru_cache(maxsize=16384)
def number(text: Quantity) -> float:
    """A quantity as a number of at least 0. Raises ValueProblem. The same few texts come again and again: each is parsed once."""
    return max(parse_quantity(text), 0.0)


def amounts(quantities: Mapping[str, Quantity] | None) -> Amounts:
    """CPU cores, memory bytes and GPUs of a resource list; MIG slices count as sevenths of a GPU. Raises ValueProblem."""
    if not quantities:
        return NOTHING
    cpu = memory = gpu = 0.0
    for name, quantity in quantities.items():
        if name == "cpu":
            cpu = number(quantity)
        elif name == "memory":
            memory = number(quantity)
        elif "/" in name:
            gpu += number(quantity) * gpu_share(name)
    return Amounts(cpu, memory, gpu)


@lru_cache(maxsize=1024)
def gpu_share(resource: str) -> float:
    """How much of a GPU a unit of that extended resource is: 1 for `nvidia.com/gpu`, 3/7 for `nvidia.com/mig-3g.20gb`, else 0."""
    if match := _MIG.fullmatch(resource):
        return int(match[1]) / _MIG_SLICES
    return 1.0 if _GPU.fullmatch(resource) else 0.0


def effective_requests(spec: PodSpec) -> Amounts:
    """What the scheduler sets aside for the pod. Raises ValueProblem for a quantity that cannot be read.

    max(containers + sidecars, the largest init container beside the sidecars started before it) + overhead, per resource; CPU and
    memory requested for the pod as a whole replace that sum. Example: containers of 100m and 200m, a sidecar of 50m and then an
    init container of 400m: max(350m, 450m) = 450m.
    """
    running, peak = _of_containers(spec.containers), NOTHING
    sidecars = NOTHING
    for container in spec.init_containers or ():
        own = amounts(container.resources.requests if container.resources else None)
        if container.restart_policy == "Always":
            sidecars += own
            peak = peak.at_least(sidecars)
        else:
            peak = peak.at_least(sidecars + own)
    total = (running + sidecars).at_least(peak)
    whole = spec.resources.requests if spec.resources else None
    if whole:
        asked = amounts(whole)
        total = Amounts(
            cpu=asked.cpu if "cpu" in whole else total.cpu,
            memory=asked.memory if "memory" in whole else total.memory,
            gpu=total.gpu,
        )
    return total + amounts(spec.overhead)


def provisioned(text: str) -> tuple[float, float] | None:
    """Cores and bytes of Fargate's `CapacityProvisioned` annotation ("0.25vCPU 0.5GB", in GiB); None for any other form."""
    match = re.fullmatch(r"\s*([0-9.]+)vCPU\s+([0-9.]+)GB\s*", text)
    try:
        return (float(match[1]), float(match[2]) * 2**30) if match else None
    except ValueError:
        return None


def _of_containers(containers: Iterable[Container] | None) -> Amounts:
    total = NOTHING
    for container in containers or ():
        if container.resources and container.resources.requests:
            total += amounts(container.resources.requests)
    return total
