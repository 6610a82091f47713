"""What containers use: a daily curve per workload, as a share of what it requests. Pure: the same arguments, the same figures.

CPU peaks in the business hours of the workload's time zone and rests at night and at weekends; memory moves little. Shares are
those of ordinary fleets: CPU 10 to 50 % of requests at the peak, memory 40 to 80 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from shared.quantity import parse_quantity
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import (
    ANNOTATION_CPU,
    ANNOTATION_MEMORY,
    ANNOTATION_TIME_ZONE,
    container_requests,
    controller_of,
    ends_by_itself,
    fraction,
    workload_name,
)

DEFAULT_TIME_ZONE = "Europe/Berlin"
_NOISE_SECONDS = 300
_NIGHT = 0.15
_WEEKEND = 0.35


class Profile(msgspec.Struct, frozen=True):
    """How a workload uses what it requests: shares of the requests at the daily peak, and its time zone.

    `steady` workloads (daemons, jobs) know no time of day.
    """

    workload: str
    cpu: float
    memory: float
    zone: str = DEFAULT_TIME_ZONE
    steady: bool = False


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _share(text: str | None, default: float) -> float:
    try:
        return min(max(float(text), 0.0), 2.0) if text is not None else default
    except ValueError:
        return default


@lru_cache(maxsize=8192)
def _profile(workload: str, cpu: str | None, memory: str | None, zone: str, steady: bool) -> Profile:
    low, spread = (0.5, 0.4) if steady else (0.10, 0.40)
    return Profile(
        workload,
        _share(cpu, low + spread * fraction("cpu", workload)),
        _share(memory, 0.40 + 0.40 * fraction("memory", workload)),
        zone,
        steady,
    )


def pod_profile(pod: JsonObject) -> Profile:
    """The profile of a pod's workload: what the pod's annotations say, else chosen by the workload's name.

    Pods of DaemonSets and those that end by themselves work steadily, all others by the clock.
    """
    metadata = pod["metadata"]
    annotations = metadata.get("annotations") or {}
    owner = controller_of(pod)
    return _profile(
        f"{metadata.get('namespace')}/{workload_name(pod)}",
        annotations.get(ANNOTATION_CPU),
        annotations.get(ANNOTATION_MEMORY),
        annotations.get(ANNOTATION_TIME_ZONE, DEFAULT_TIME_ZONE),
        ends_by_itself(pod) or (owner is not None and owner["kind"] == "DaemonSet"),
    )


@lru_cache(maxsize=256)
def daily_shape(now: datetime, zone: str) -> float:
    """The share of the peak load at *now*: 1 in a business day's middle, 0.15 at night, a third of it at weekends.

    Two smooth hills, at 10:30 and 15:30 local time: 06:00 gives 0.19, 09:00 0.85, 13:00 0.86, 20:00 0.24.
    """
    local = now.astimezone(_zone(zone))
    hour = local.hour + local.minute / 60
    hill = max(math.exp(-(((hour - peak) / 2.6) ** 2)) for peak in (10.5, 15.5))
    between = math.exp(-(((hour - 13) / 3.0) ** 2))
    load = max(hill, 0.83 * between)
    return _NIGHT + (1 - _NIGHT) * load * (_WEEKEND if local.weekday() >= 5 else 1.0)


def noise(now: datetime, *names: str) -> float:
    """A number from -1 to 1 that stays for five minutes and depends on *names* and the time alone."""
    return 2 * fraction("noise", *names, int(now.timestamp()) // _NOISE_SECONDS) - 1


@lru_cache(maxsize=16384)
def load_at(profile: Profile, now: datetime) -> float:
    """The workload's load at *now* as a share of its peak, noise included."""
    shape = 0.9 if profile.steady else daily_shape(now, profile.zone)
    return shape * (1 + 0.08 * noise(now, profile.workload))


def _limit(container: JsonObject, name: str) -> float:
    limits = (container.get("resources") or {}).get("limits") or {}
    try:
        return parse_quantity(limits[name]) if name in limits else math.inf
    except ValueError:
        return math.inf


def cpu_usage(profile: Profile, pod: str, container: JsonObject, now: datetime, load: float | None = None) -> float:
    """Cores that one container of the pod named *pod* uses, never above its limit.

    *load* replaces the daily curve: the share of its CPU request at which the pod works, for pods whose work is shared out
    among replicas.
    """
    requested, _ = container_requests(container)
    share = profile.cpu * load_at(profile, now) if load is None else load
    used = requested * share * (1 + 0.12 * noise(now, profile.workload, pod, str(container.get("name", ""))))
    # A container that no limit holds back still cannot use arbitrarily more than it asked for: nodes are shared.
    return max(0.0, min(used, _limit(container, "cpu"), 4 * requested))


@lru_cache(maxsize=16384)
def _memory_share(profile: Profile, now: datetime) -> float:
    wave = math.sin(2 * math.pi * (now.timestamp() / 259200 + fraction("wave", profile.workload)))
    hour = 0.0 if profile.steady else daily_shape(now, profile.zone) - 0.5
    return profile.memory * (1 + 0.05 * wave + 0.04 * hour)


def memory_usage(profile: Profile, pod: str, container: JsonObject, now: datetime) -> float:
    """Bytes that one container uses: they breathe with a period of three days and follow the load a little."""
    _, requested = container_requests(container)
    wave = math.sin(2 * math.pi * (now.timestamp() / 259200 + fraction("wave", profile.workload)))
    hour = 0.0 if profile.steady else daily_shape(now, profile.zone) - 0.5
    used = (
        requested
        * profile.memory
        * (1 + 0.05 * wave + 0.04 * hour + 0.02 * noise(now, pod, str(container.get("name", "")), "memory"))
    )
    return max(0.0, min(used, 0.97 * _limit(container, "memory")))


def is_running(pod: JsonObject) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running" and bool(pod["spec"].get("nodeName"))


def usage_of(pod: JsonObject, now: datetime, load: float | None = None) -> dict[str, dict[str, float]]:
    """{container: {"cpu": cores, "memory": bytes}} of a running pod; empty for any other, as the metrics API has nothing on it.

    *load*: see `cpu_usage`.
    """
    if not is_running(pod):
        return {}
    profile = pod_profile(pod)
    name = str(pod["metadata"]["name"])
    return {
        str(each.get("name", "")): {
            "cpu": cpu_usage(profile, name, each, now, load),
            "memory": memory_usage(profile, name, each, now),
        }
        for each in _running_containers(pod)
    }


def utilisation(pods: Iterable[JsonObject], resource: str, now: datetime, load: float | None = None) -> float | None:
    """The summed usage of *resource* ("cpu", "memory") by running *pods* as a share of their requests; None where none runs."""
    used = requested = 0.0
    for pod in pods:
        if not is_running(pod):
            continue
        profile, name = pod_profile(pod), str(pod["metadata"]["name"])
        for container in _running_containers(pod):
            cores, amount = container_requests(container)
            if resource == "cpu":
                used, requested = used + cpu_usage(profile, name, container, now, load), requested + cores
            else:
                used, requested = used + memory_usage(profile, name, container, now), requested + amount
    return used / requested if requested else None


def _running_containers(pod: JsonObject) -> list[JsonObject]:
    """The containers and the native sidecars."""
    sidecars = [each for each in pod["spec"].get("initContainers") or () if each.get("restartPolicy") == "Always"]
    return [*pod["spec"]["containers"], *sidecars]
