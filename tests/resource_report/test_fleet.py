"""Several clusters at once: limits, stale data, the cache."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resource_report.clusters import ClusterRef
from resource_report.collect import CollectSettings, Hooks
from resource_report.fleet import Fleet, FleetSettings
from resource_report.hooks import HookRunner
from resource_report.labels import LabelSettings
from resource_report.mapping import MapSettings
from resource_report.state import State
from shared.cluster import Connection
from shared.simcluster import Fault, SimCluster
from tests.resource_report.clusters import node, pod

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
HOOKS = Hooks(HookRunner("--map-node-hook", None), HookRunner("--map-pod-hook", None))
SETTINGS = FleetSettings(CollectSettings(MapSettings("", LabelSettings())))


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW) as made:
        made.namespace("shop")
        made.create(node("n1"))
        made.create(pod("shop", "web"))
        yield made


def fleet(sim: SimCluster, folder: Path, settings: FleetSettings = SETTINGS) -> Fleet:
    return Fleet(settings, State(folder), sim.clock, threading.Event())


def test_clusters_are_read_side_by_side(sim: SimCluster, tmp_path: Path) -> None:
    refs = [ClusterRef(f"c{number}", f"name {number}", sim.connection()) for number in range(6)]
    snapshots, budget = fleet(sim, tmp_path).read(refs, HOOKS)

    assert [snapshot.cluster for snapshot in snapshots] == [ref.id for ref in refs]
    assert {row.cluster for snapshot in snapshots for row in snapshot.pods} == {ref.id for ref in refs}
    assert (budget.clusters, budget.failed) == (6, 0)
    assert budget.lists == sum(1 for request in sim.requests if request.verb == "list")


def test_a_cluster_that_fails_later_keeps_its_data_marked_stale(sim: SimCluster, tmp_path: Path) -> None:
    refs = [ClusterRef("prod", "Production", sim.connection(max_retries_on_throttling=0))]
    fleet(sim, tmp_path).read(refs, HOOKS)
    sim.faults.add(Fault(resource="pods", status=403))

    snapshots, budget = fleet(sim, tmp_path).read(refs, HOOKS)

    assert [row.pod for row in snapshots[0].pods] == ["web"]
    assert (snapshots[0].stale, snapshots[0].as_of, budget.failed) == (True, "2026-03-23T12:00:00Z", 1)
    assert "its data is of 2026-03-23T12:00:00Z" in snapshots[0].notifications[-1].message


def test_without_earlier_data_nothing_is_known(sim: SimCluster, tmp_path: Path) -> None:
    refs = [ClusterRef("prod", "prod", Connection(server="http://127.0.0.1:1", timeout=1.0))]
    settings = FleetSettings(SETTINGS.collect, timeout=2.0)
    snapshots, _ = fleet(sim, tmp_path, settings).read(refs, HOOKS)

    assert (snapshots[0].stale, snapshots[0].pods) == (True, [])
    assert "there is no earlier data" in snapshots[0].notifications[0].message


def test_cache_is_used_without_a_request(sim: SimCluster, tmp_path: Path) -> None:
    refs = [ClusterRef("prod", "prod", sim.connection())]
    fleet(sim, tmp_path).read(refs, HOOKS)
    sim.clear_requests()

    snapshots, _ = fleet(sim, tmp_path, FleetSettings(SETTINGS.collect, use_cache=True)).read(refs, HOOKS)

    assert len(snapshots[0].pods) == 1
    assert sim.requests == []


def test_a_folder_that_cannot_be_written_is_a_notification(sim: SimCluster, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")

    snapshots, _ = fleet(sim, blocked).read([ClusterRef("prod", "prod", sim.connection())], HOOKS)

    assert len(snapshots[0].pods) == 1
    assert "could not be kept for later" in snapshots[0].notifications[0].message
