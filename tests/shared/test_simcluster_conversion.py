"""Between the versions of a type: nothing that a client wrote is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from shared.kinds import EVENTS, HORIZONTAL_POD_AUTOSCALERS, Resource
from shared.simcluster.conversion import METRICS_ANNOTATION, differs, inward, outward

V1 = Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NEW_EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 50}}}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "5"}}}


def scaler(*metrics: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"minReplicas": 1, "maxReplicas": 3, **({"metrics": list(metrics)} if metrics else {})}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": spec,
        "status": {},
    }


@pytest.mark.parametrize("metrics", [(), (CPU,), (CPU, MEMORY), (MEMORY,), (CPU, QUEUE)])
def test_an_autoscaler_survives_the_old_version(metrics: tuple[dict[str, Any], ...]) -> None:
    old = outward(scaler(*metrics), V1)

    back = inward(old, V1, HORIZONTAL_POD_AUTOSCALERS)

    back["metadata"].pop("annotations", None)
    assert back == scaler(*metrics)


def test_the_old_version_of_an_autoscaler() -> None:
    obj = scaler(CPU, MEMORY)
    obj["spec"]["behavior"] = {"scaleDown": {}}
    current = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 33}}}
    obj["status"] = {"currentReplicas": 2, "conditions": [], "currentMetrics": [current]}

    old = outward(obj, V1)

    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"] == {"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
    assert old["status"] == {"currentReplicas": 2, "currentCPUUtilizationPercentage": 33}
    assert '"memory"' in old["metadata"]["annotations"][METRICS_ANNOTATION]


def test_an_event_survives_the_new_group() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod"},
        "message": "m",
        "source": {"component": "c"},
        "count": 2,
        "reason": "R",
    }

    new = outward(dict(obj), NEW_EVENTS)

    assert (new["regarding"], new["note"], new["deprecatedCount"], new["reason"]) == ({"kind": "Pod"}, "m", 2, "R")
    assert inward(new, NEW_EVENTS, EVENTS) == obj


@pytest.mark.parametrize(
    ("resource", "expected"), [(V1, True), (NEW_EVENTS, True), (HORIZONTAL_POD_AUTOSCALERS, False), (EVENTS, False)]
)
def test_which_versions_differ(resource: Resource, expected: bool) -> None:
    assert differs(resource) == expected
