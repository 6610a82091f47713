"""The horizontal pod autoscaler (v2): replicas follow CPU or memory utilisation, between minReplicas and maxReplicas.

A real one looks every 15 seconds; here it looks every `period` simulated seconds and soon after its target changed, which the
slow daily curve cannot tell apart. Scale-down waits for the highest recommendation of the last five minutes, as by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.kinds import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS, REPLICA_SETS, STATEFUL_SETS, Resource
from shared.simcluster.deployments import replicas_of
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import is_active, is_ready
from shared.simcluster.world import Controller, Key, World, key_of

TOLERANCE = 0.1
_TARGETS = {resource.kind: resource for resource in (DEPLOYMENTS, STATEFUL_SETS, REPLICA_SETS)}

Utilisation = Callable[[list[JsonObject], str], float | None]
"""The usage of a resource ("cpu", "memory") by pods as a share of their requests; None where there are no metrics yet."""


def desired_replicas(ready: int, ratio: float) -> int:
    """ceil(ready * usage / target), unless the ratio is within the tolerance of 1. `desired_replicas(4, 1.5) == 6`."""
    return ready if abs(ratio - 1) <= TOLERANCE else math.ceil(ready * ratio)


def targets_of(autoscaler: JsonObject) -> list[tuple[str, float]]:
    """(resource, target share) of the Resource metrics with a utilisation target; CPU at 80 % where no metric is named."""
    metrics = autoscaler["spec"].get("metrics")
    if not metrics:
        return [("cpu", 0.8)]
    found = []
    for metric in metrics:
        resource = metric.get("resource") or {}
        percent = (resource.get("target") or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and percent and resource.get("name") in ("cpu", "memory"):
            found.append((str(resource["name"]), int(percent) / 100))
    return found


class Autoscaler(Controller):
    name = "hpa"

    def __init__(self, world: World, utilisation: Utilisation, period: float) -> None:
        super().__init__(world)
        self._utilisation = utilisation
        self._period = period
        self._recent: dict[Key, list[tuple[datetime, int]]] = {}
        self.by_target: dict[tuple[str, str, str], Key] = {}

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is HORIZONTAL_POD_AUTOSCALERS:
            self._index(before, after)
        elif resource.kind in _TARGETS and after is not None and before is not None:
            key = self.by_target.get((resource.kind, *key_of(after)))
            if key is not None and before["spec"].get("replicas") != after["spec"].get("replicas"):
                self._world.after(60, self.name, key)

    def _index(self, before: JsonObject | None, after: JsonObject | None) -> None:
        if before is not None:
            self.by_target.pop(_target(before), None)
            if after is None:
                self._recent.pop(key_of(before), None)
        if after is not None:
            self.by_target[_target(after)] = key_of(after)
            if before is None or before["spec"] != after["spec"]:
                self._world.queue(self.name, key_of(after))

    def for_target(self, kind: str, key: Key) -> JsonObject | None:
        """The autoscaler of a workload, if it has one."""
        found = self.by_target.get((kind, *key))
        return self._world.get(HORIZONTAL_POD_AUTOSCALERS, found) if found is not None else None

    def sync(self, key: Key) -> None:
        autoscaler = self._world.get(HORIZONTAL_POD_AUTOSCALERS, key)
        if autoscaler is None or autoscaler["metadata"].get("deletionTimestamp"):
            return
        self._world.after(self._period, self.name, key)
        kind, namespace, name = _target(autoscaler)
        resource = _TARGETS.get(kind)
        target = self._world.get(resource, (namespace, name)) if resource is not None else None
        if resource is None or target is None:
            reason = ("AbleToScale", False, "FailedGetScale", "the HPA controller was unable to get the target's current scale")
            self._report(autoscaler, 0, 0, [], reason)
            return
        current = replicas_of(target)
        if current == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            self._report(autoscaler, 0, 0, [], ("ScalingActive", False, "ScalingDisabled", message))
            return
        wanted, metrics, condition = self._recommend(key, autoscaler, target, current)
        self._report(autoscaler, current, wanted, metrics, condition)
        if wanted != current:
            self._world.merge(resource, (namespace, name), {"spec": {"replicas": wanted}})

    def _pods(self, target: JsonObject) -> list[JsonObject]:
        owners = self._world.children(REPLICA_SETS, target) if target["kind"] == "Deployment" else [target]
        return [pod for owner in owners for pod in self._world.children(PODS, owner) if is_active(pod) and is_ready(pod)]

    def _recommend(
        self, key: Key, autoscaler: JsonObject, target: JsonObject, current: int
    ) -> tuple[int, list[JsonObject], tuple[str, bool, str, str]]:
        """(replicas, currentMetrics, condition): the largest that any metric asks for, held within the limits."""
        spec = autoscaler["spec"]
        low, high = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
        pods = self._pods(target)
        metrics: list[JsonObject] = []
        proposals = []
        for name, share in targets_of(autoscaler):
            used = self._utilisation(pods, name)
            if used is not None:
                proposals.append(desired_replicas(len(pods), used / share))
                metrics.append(
                    {"type": "Resource", "resource": {"name": name, "current": {"averageUtilization": round(used * 100)}}}
                )
        if not proposals:
            message = "the HPA was unable to compute the replica count: failed to get resource metrics"
            return min(max(current, low), high), [], ("ScalingActive", False, "FailedGetResourceMetric", message)
        stable = self._stabilised(key, current, max(proposals))
        # One step at most doubles, or adds four: the default scale-up policies.
        wanted = min(max(min(stable, max(2 * current, current + 4)), low), high)
        message = "the HPA was able to successfully calculate a replica count from cpu resource utilization"
        return wanted, metrics, ("ScalingActive", True, "ValidMetricFound", message)

    def _stabilised(self, key: Key, current: int, proposal: int) -> int:
        """The highest recommendation of the last five minutes, where that is not above the present size."""
        since = self._world.now - timedelta(seconds=300)
        recent = [(when, size) for when, size in self._recent.get(key, ()) if when >= since]
        recent.append((self._world.now, proposal))
        self._recent[key] = recent
        highest = max(size for _, size in recent)
        return proposal if proposal >= current else min(current, highest)

    def _report(
        self, autoscaler: JsonObject, current: int, wanted: int, metrics: list[JsonObject], reason: tuple[str, bool, str, str]
    ) -> None:
        old = autoscaler.get("status") or {}
        known = {each["type"]: each for each in old.get("conditions") or ()}
        able = ("AbleToScale", True, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
        rows = [reason] if reason[0] == "AbleToScale" else [able, reason]
        status: JsonObject = {
            "currentReplicas": current,
            "desiredReplicas": wanted,
            "currentMetrics": _steadied(old.get("currentMetrics") or [], metrics),
            "conditions": [self._condition(known.get(row[0]), row) for row in rows],
        }
        last = self._world.timestamp if wanted != current else old.get("lastScaleTime")
        self._world.set_status(HORIZONTAL_POD_AUTOSCALERS, autoscaler, status | ({"lastScaleTime": last} if last else {}))

    def _condition(self, old: dict[str, Any] | None, row: tuple[str, bool, str, str]) -> dict[str, Any]:
        kind, value, reason, message = row
        same = old is not None and old["status"] == str(value)
        stamp = old["lastTransitionTime"] if old is not None and same else self._world.timestamp
        return {"type": kind, "status": str(value), "lastTransitionTime": stamp, "reason": reason, "message": message}


def _percent(metric: JsonObject) -> int:
    return int(metric["resource"]["current"]["averageUtilization"])


def _steadied(old: list[JsonObject], new: list[JsonObject]) -> list[JsonObject]:
    """*old* while no metric has moved by five points: every write wakes each watch."""
    same = len(old) == len(new) and all(
        before["resource"]["name"] == after["resource"]["name"] and abs(_percent(before) - _percent(after)) < 5
        for before, after in zip(old, new, strict=True)
    )
    return old if same else new


def _target(autoscaler: JsonObject) -> tuple[str, str, str]:
    reference = autoscaler["spec"]["scaleTargetRef"]
    return str(reference["kind"]), key_of(autoscaler)[0], str(reference["name"])
