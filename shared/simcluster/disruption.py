"""The disruption controller: how many pods of each PodDisruptionBudget may be evicted now."""

from __future__ import annotations

from collections import Counter

from shared.kinds import POD_DISRUPTION_BUDGETS, PODS, Resource
from shared.simcluster.deployments import scaled_value
from shared.simcluster.labels import selects
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import counts_alike, is_active, is_ready
from shared.simcluster.world import Controller, Key, World, key_of


def budget_status(budget: JsonObject, expected: int, healthy: int, stamp: str) -> JsonObject:
    """Status of *budget* over *expected* pods of which *healthy* are ready. Percentages are of *expected*, rounded up."""
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        desired = max(0, expected - scaled_value(spec["maxUnavailable"], expected, up=True))
    else:
        desired = scaled_value(spec.get("minAvailable", 1), expected, up=True)
    allowed = max(0, healthy - desired) if expected else 0
    old: JsonObject = next(iter((budget.get("status") or {}).get("conditions") or ()), {})
    value = "True" if allowed else "False"
    condition = {
        "type": "DisruptionAllowed",
        "status": value,
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": budget["metadata"].get("generation", 1),
        "lastTransitionTime": old.get("lastTransitionTime", stamp) if old.get("status") == value else stamp,
    }
    return {
        "observedGeneration": budget["metadata"].get("generation", 1),
        "expectedPods": expected,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "conditions": [condition],
    }


class DisruptionController(Controller):
    name = "disruption"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._by_namespace: dict[str, set[Key]] = {}

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        obj = after or before
        if obj is None:
            return
        namespace, name = key_of(obj)
        if resource is POD_DISRUPTION_BUDGETS:
            keys = self._by_namespace.setdefault(namespace, set())
            if after is None:
                keys.discard((namespace, name))
            else:
                keys.add((namespace, name))
                self._world.queue(self.name, (namespace, name))
        elif resource is PODS and namespace in self._by_namespace and not counts_alike(before, after):
            labels = obj["metadata"].get("labels") or {}
            self._world.queue_all(self.name, [key for key in self._by_namespace[namespace] if self._covers(key, labels)])

    def _covers(self, key: Key, labels: dict[str, str]) -> bool:
        budget = self._world.get(POD_DISRUPTION_BUDGETS, key)
        return budget is not None and selects(budget["spec"].get("selector"), labels)

    def _pods(self, namespace: str, budget: JsonObject) -> list[JsonObject]:
        selector = budget["spec"].get("selector")
        return [
            pod
            for pod in self._world.pods_in.get(namespace, {}).values()
            if is_active(pod) and selects(selector, pod["metadata"].get("labels") or {})
        ]

    def sync(self, key: Key) -> None:
        budget = self._world.get(POD_DISRUPTION_BUDGETS, key)
        if budget is None:
            return
        pods = self._pods(key[0], budget)
        healthy = sum(is_ready(pod) for pod in pods)
        self._world.set_status(POD_DISRUPTION_BUDGETS, budget, budget_status(budget, len(pods), healthy, self._world.timestamp))

    def may_evict(self, pods: list[JsonObject]) -> bool:
        """Whether all budgets allow *pods* to be evicted together."""
        needed: Counter[Key] = Counter()
        for pod in pods:
            labels = pod["metadata"].get("labels") or {}
            needed.update(key for key in self._by_namespace.get(key_of(pod)[0], ()) if self._covers(key, labels))
        budgets = [(self._world.get(POD_DISRUPTION_BUDGETS, key), count) for key, count in needed.items()]
        return all(
            (budget.get("status") or {}).get("disruptionsAllowed", 0) >= count for budget, count in budgets if budget is not None
        )
