"""Horizontal pod autoscalers, disruption budgets and usage curves of the living cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.disruption import budget_status
from shared.simcluster.hpa import desired_replicas, targets_of
from shared.simcluster.live import Live
from shared.simcluster.manifests import Team, Workload, autoscaler, budget, manifest
from shared.simcluster.usage import daily_shape, usage_of

TEAM = Team("shop")
# A Monday, three in the morning in Berlin.
START = datetime(2026, 3, 23, 2, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        sim.namespace("shop")
        yield sim


def web(**changes: Any) -> Workload:
    return Workload(kind="Deployment", namespace="shop", name="web", team=TEAM, **({"replicas": 4} | changes))


def replicas(sim: SimCluster) -> int:
    return int(sim.get("deployments", "shop", "web")["spec"]["replicas"])


def scaling_active(sim: SimCluster) -> tuple[str, str]:
    conditions = sim.get("horizontalpodautoscalers", "shop", "web")["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in conditions if each["type"] == "ScalingActive")


def test_replicas_follow_the_day(sim: SimCluster) -> None:
    """Few at night, more at the busiest hour, always within the limits."""
    sim.create(manifest(web()))
    sim.create(autoscaler(web(), 2, 10))
    sizes = []
    for _ in range(24):
        sim.advance(timedelta(hours=1))
        sizes.append(replicas(sim))

    status = sim.get("horizontalpodautoscalers", "shop", "web")["status"]
    assert min(sizes) == 2
    assert 5 <= max(sizes) <= 10
    assert scaling_active(sim) == ("True", "ValidMetricFound")
    assert status["currentMetrics"][0]["resource"]["name"] == "cpu"


def test_a_target_at_zero_is_left_alone(sim: SimCluster) -> None:
    """Zero replicas switch the autoscaler off; any other size switches it on again."""
    sim.create(manifest(web()))
    sim.create(autoscaler(web(), 3, 10))
    sim.advance(timedelta(minutes=20))

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 0}})
    sim.advance(timedelta(hours=10))
    asleep, reason = replicas(sim), scaling_active(sim)
    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 1}})
    sim.advance(timedelta(minutes=5))

    assert asleep == 0
    assert reason == ("False", "ScalingDisabled")
    assert replicas(sim) >= 3


def test_limits_hold_without_metrics(sim: SimCluster) -> None:
    """Before any pod runs, only the limits count; a target that is not there is reported."""
    sim.create(manifest(web(replicas=20, cpu="900")))
    sim.create(autoscaler(web(), 2, 10))
    sim.advance(timedelta(minutes=1))
    limited, reason = replicas(sim), scaling_active(sim)

    sim.delete("deployments", "shop", "web")
    sim.advance(timedelta(minutes=12))

    [condition] = sim.get("horizontalpodautoscalers", "shop", "web")["status"]["conditions"]
    assert limited == 10
    assert reason == ("False", "FailedGetResourceMetric")
    assert (condition["type"], condition["reason"]) == ("AbleToScale", "FailedGetScale")


@pytest.mark.parametrize(("ready", "ratio", "expected"), [(4, 1.5, 6), (4, 1.09, 4), (4, 0.5, 2), (3, 0.91, 3), (3, 2.01, 7)])
def test_desired_replicas(ready: int, ratio: float, expected: int) -> None:
    """ceil(ready * ratio), and nothing within ten per cent of the target."""
    assert desired_replicas(ready, ratio) == expected


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (None, [("cpu", 0.8)]),
        ([{"type": "Resource", "resource": {"name": "memory", "target": {"averageUtilization": 70}}}], [("memory", 0.7)]),
        ([{"type": "Pods", "pods": {"metric": {"name": "requests"}}}], []),
    ],
)
def test_targets(metrics: Any, expected: list[tuple[str, float]]) -> None:
    """CPU and memory utilisation; other metrics are nobody's here."""
    assert targets_of({"spec": {"metrics": metrics}}) == expected


def test_a_budget_counts_its_pods(sim: SimCluster) -> None:
    """Four healthy pods, three to be kept: one disruption allowed."""
    sim.create(manifest(web()))
    sim.create(budget(web(), minAvailable=3))

    sim.advance(timedelta(minutes=3))

    status = sim.get("poddisruptionbudgets", "shop", "web")["status"]
    assert (status["expectedPods"], status["currentHealthy"], status["desiredHealthy"]) == (4, 4, 3)
    assert status["disruptionsAllowed"] == 1
    assert status["conditions"][0]["status"] == "True"


@pytest.mark.parametrize(
    ("spec", "expected", "healthy", "allowed"),
    [
        ({"minAvailable": 2}, 4, 4, 2),
        ({"minAvailable": "50%"}, 5, 5, 2),
        ({"maxUnavailable": 1}, 4, 3, 0),
        ({"maxUnavailable": "34%"}, 3, 3, 2),
        ({"minAvailable": 1}, 0, 0, 0),
        ({}, 3, 3, 2),
    ],
)
def test_budget_arithmetic(spec: dict[str, Any], expected: int, healthy: int, allowed: int) -> None:
    """Percentages are of the expected pods, rounded up."""
    status = budget_status({"metadata": {}, "spec": spec}, expected, healthy, "2026-03-23T00:00:00Z")

    assert status["disruptionsAllowed"] == allowed


@pytest.mark.parametrize(
    ("hour", "day", "zone", "low", "high"),
    [
        (3, 23, "UTC", 0.15, 0.16),
        (6, 23, "UTC", 0.15, 0.25),
        (9, 23, "UTC", 0.7, 0.9),
        (10, 23, "UTC", 0.9, 1.0),
        (13, 23, "UTC", 0.8, 0.9),
        (20, 23, "UTC", 0.15, 0.3),
        (15, 28, "UTC", 0.4, 0.5),
        (10, 23, "America/New_York", 0.15, 0.25),
        (10, 23, "no such zone", 0.9, 1.0),
    ],
)
def test_the_day(hour: int, day: int, zone: str, low: float, high: float) -> None:
    """Business hours of the zone are busy, nights and weekends are not."""
    assert low <= daily_shape(datetime(2026, 3, day, hour, tzinfo=UTC), zone) <= high


def running_pod(**annotations: str) -> dict[str, Any]:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    return {
        "metadata": {"name": "web-x", "namespace": "shop", "annotations": {f"simcluster/{k}": v for k, v in annotations.items()}},
        "spec": {"nodeName": "n", "containers": [{"name": "web", "resources": resources}]},
        "status": {"phase": "Running"},
    }


def test_usage_is_a_typical_share_of_requests() -> None:
    """CPU under half of the request at all hours, memory between 35 and 90 per cent; the same question has the same answer."""
    day = [datetime(2026, 3, 23, hour, tzinfo=UTC) for hour in range(24)]

    figures = [usage_of(running_pod(), hour)["web"] for hour in day]

    assert figures == [usage_of(running_pod(), hour)["web"] for hour in day]
    assert all(0 < each["cpu"] < 0.65 for each in figures)
    assert all(0.35 < each["memory"] / 1024**3 < 0.9 for each in figures)
    assert max(each["cpu"] for each in figures) > 3 * min(each["cpu"] for each in figures)


def test_usage_listens_to_annotations() -> None:
    """The shares that a fleet gives; what cannot be read counts as not said."""
    noon = datetime(2026, 3, 23, 9, 30, tzinfo=UTC)

    dear = usage_of(running_pod(**{"cpu-usage": "0.9", "memory-usage": "0.5"}), noon)["web"]
    broken = usage_of(running_pod(**{"cpu-usage": "lots"}), noon)["web"]

    assert dear["cpu"] > 0.75
    assert dear["memory"] == pytest.approx(0.5 * 1024**3, rel=0.12)
    assert broken == usage_of(running_pod(), noon)["web"]


def test_pods_that_do_not_run_use_nothing(sim: SimCluster) -> None:
    """No figures for a pending pod, for an unknown one and for an unknown node; node sums cover their pods."""
    sim.create(manifest(web(replicas=1)))
    sim.advance(timedelta(seconds=5))
    live = sim.live
    assert isinstance(live, Live)
    name = sim.list("pods", "shop")[0]["metadata"]["name"]
    pending = live.pod_usage("shop", name)
    sim.advance(timedelta(minutes=2))

    figures = live.pod_usage("shop", name)
    node = live.node_usage(sim.list("pods", "shop")[0]["spec"]["nodeName"])

    assert pending is None
    assert live.pod_usage("shop", "nobody") is None
    assert live.node_usage("nowhere") is None
    assert figures is not None
    assert node is not None
    assert node["cpu"] >= figures["web"]["cpu"]
    assert node["memory"] >= figures["web"]["memory"]
