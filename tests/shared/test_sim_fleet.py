"""The fleets: the demo's is what the demo promises, and a static one is whole and fast to make."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.kinds import DAEMON_SETS, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICA_SETS
from shared.simcluster import demo_fleet, fleet
from shared.simcluster.clock import SimClock
from shared.simcluster.live import Live, LiveSettings
from shared.simcluster.records import type_head
from shared.simcluster.scheduling import room_of
from shared.simcluster.static_usage import StaticUsage
from shared.simcluster.store import Store
from shared.simcluster.templates import demand_of

START = datetime(2026, 3, 23, 9, tzinfo=UTC)


def loaded(kind: fleet.Fleet) -> Store:
    store = Store(SimClock(START))
    fleet.load(store, kind, 1, START)
    return store


def annotated(key: str) -> list[str]:
    values = [obj["metadata"].get("annotations", {}).get(key) for obj in demo_fleet.objects(START)]
    return [value for value in values if value is not None]


def test_an_empty_fleet_has_the_system_namespaces() -> None:
    """Nothing else; loading over what is there changes nothing."""
    store = loaded("empty")
    fleet.load(store, "empty", 1, START)

    assert [each["metadata"]["name"] for each in store.list(NAMESPACES)] == [
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
    ]
    assert store.count(PODS) == 0


def test_the_demo_has_every_kind_and_enough_of_it() -> None:
    """At least six teams, sixty workloads, twelve namespaces, and every kind that a controller handles."""
    objects = demo_fleet.objects(START)
    kinds = Counter(obj["kind"] for obj in objects)
    teams = {obj["metadata"]["labels"]["team"] for obj in objects if obj["kind"] != "Namespace"}
    workloads = sum(kinds[kind] for kind in ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"))

    assert len(teams) >= 6
    assert workloads >= 60
    assert kinds["Namespace"] >= 12
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "Ingress"} <= set(kinds)
    names = Counter((obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects)
    assert max(names.values()) == 1


def test_the_demo_has_every_way_of_asking() -> None:
    """Office hours of three zones, a night, a cron form, exceptions, forced uptime, a floor of one, and two mistakes."""
    uptimes = annotated(demo_fleet.UPTIME)

    assert {demo_fleet.OFFICE_BERLIN, demo_fleet.OFFICE_NEW_YORK, demo_fleet.OFFICE_TOKYO, "Mon-Fry 9-5"} <= set(uptimes)
    assert {demo_fleet.NIGHT_BERLIN, demo_fleet.CRON_NIGHT, "always"} <= set(annotated(demo_fleet.DOWNTIME))
    assert set(annotated(demo_fleet.DOWN_REPLICAS)) == {"1", "lots"}
    assert annotated(demo_fleet.EXCLUDE).count("true") >= 4
    assert annotated(demo_fleet.EXCLUDE_UNTIL) == ["2026-03-26T09:00:00Z"]
    assert annotated(demo_fleet.FORCE_UPTIME) == ["2026-03-25T09:00:00+00:00-2026-03-27T09:00:00+00:00"]
    parked = [obj for obj in demo_fleet.objects(START) if obj["spec"].get("replicas") == 0]
    assert len(parked) >= 2


def test_the_demo_is_running_when_it_is_handed_over() -> None:
    """All deployments available, 120 to 250 pods on 10 to 30 nodes of two pools; workloads are weeks old."""
    store = loaded("demo")

    pods = [pod for pod in store.list(PODS) if pod["status"]["phase"] == "Running"]
    pools = Counter("karpenter.sh/nodepool" in node["metadata"]["labels"] for node in store.list(NODES))
    assert 120 <= len(pods) <= 250
    assert 10 <= sum(pools.values()) <= 30
    assert min(pools[True], pools[False]) >= 3
    for deployment in store.list(DEPLOYMENTS):
        assert deployment["status"].get("readyReplicas", 0) == deployment["spec"]["replicas"]
        assert deployment["metadata"]["creationTimestamp"] < "2026-03-03"
    for daemon_set in store.list(DAEMON_SETS):
        assert daemon_set["status"]["numberReady"] == daemon_set["status"]["desiredNumberScheduled"] > 0


def test_the_demo_requests_more_than_it_uses() -> None:
    """At a weekday's busiest hour CPU stays under 60 % of requests and memory under 85 %."""
    store = loaded("demo")
    live = Live(store, store.clock)
    pods = [pod for pod in store.list(PODS) if pod["status"]["phase"] == "Running"]

    requested = [demand_of(pod["spec"]) for pod in pods]
    used = [live.pod_usage(pod["metadata"]["namespace"], pod["metadata"]["name"]) or {} for pod in pods]

    cpu = sum(each["cpu"] for figures in used for each in figures.values()) / sum(each.cpu / 1000 for each in requested)
    memory = sum(each["memory"] for figures in used for each in figures.values()) / sum(each.memory for each in requested)
    assert 0.1 < cpu < 0.6
    assert 0.4 < memory < 0.85


def test_a_static_fleet_is_whole() -> None:
    """Five running pods per deployment with their owners, on nodes that have room; sizes as in real clusters."""
    store = loaded(100)

    rooms = {node["metadata"]["name"]: room_of(node) for node in store.list(NODES)}
    uids = {each["metadata"]["uid"]: each["metadata"]["name"] for each in store.list(REPLICA_SETS)}
    pods = store.list(PODS)
    for pod in pods:
        rooms[pod["spec"]["nodeName"]].add(demand_of(pod["spec"]))
        [owner] = pod["metadata"]["ownerReferences"]
        assert uids[owner["uid"]] == owner["name"]
        assert pod["metadata"]["managedFields"]
    assert (store.count(DEPLOYMENTS), store.count(REPLICA_SETS), len(pods), len(rooms)) == (100, 100, 500, 10)
    assert store.count(NAMESPACES) == 4 + 5
    assert all(room.used_cpu <= room.cpu and room.used_memory <= room.memory for room in rooms.values())
    sizes = [len(record.with_type(type_head("v1", "Pod"))) for record in store.names(PODS)]
    assert 2000 < sum(sizes) / len(sizes) < 4500


def test_a_static_fleet_could_live() -> None:
    """The controllers find nothing to correct in it."""
    store = loaded(20)
    before = store.list(PODS)
    live = Live(store, store.clock, settings=LiveSettings(pools=()))

    live.step(START + timedelta(hours=1))

    assert store.list(PODS) == before


def test_static_usage_adds_up() -> None:
    """Node figures are those of their pods plus the node's own; what is not there has none."""
    store = loaded(20)
    usage = StaticUsage(store)
    node = store.list(NODES)[0]["metadata"]["name"]
    pods = [pod for pod in store.list(PODS) if pod["spec"]["nodeName"] == node]

    figures = [usage.pod_usage(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods]
    total = usage.node_usage(node)

    cores = sum(each["cpu"] for containers in figures if containers for each in containers.values())
    assert len(figures) == 50
    assert total is not None
    assert total["cpu"] == pytest.approx(cores + 0.06)
    assert usage.pod_usage("default", "nobody") is None
    assert usage.node_usage("nowhere") is None


@pytest.mark.parametrize("count", [1, 20, 45])
def test_static_namespaces(count: int) -> None:
    """One for every twenty deployments, at least one."""
    store = loaded(count)
    spaces: set[Any] = {each["metadata"]["namespace"] for each in store.list(DEPLOYMENTS)}

    assert len(spaces) == max(1, count // 20)
