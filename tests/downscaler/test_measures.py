"""The gauges that alerts are written on: what is late, what is held, clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from downscaler.measures import Counts, Late, Measures, Saved
from downscaler.savings import Amount
from shared.simcluster import Fault

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
READY = {"status": {"replicas": 3, "readyReplicas": 3}}


def late(controller: Any, direction: str = "up") -> tuple[float, float]:
    return controller.metric("late_objects", direction=direction), controller.metric("late_seconds", direction=direction)


def test_a_workload_that_does_not_get_ready_is_late(world: Any) -> None:
    world.deployment(uptime="Mon-Fri 08:00-18:00 UTC")
    world.deployment("crashes")
    controller = world.controller("--late-after=10m")
    world.pass_time(hours=10)
    controller.lasting_turn()
    world.pass_time(hours=10)
    # Woken at 08:00; what crashed before nobody woke.
    controller.lasting_turn()
    assert late(controller) == (0, 0)
    world.pass_time(minutes=10)
    controller.lasting_turn()
    assert late(controller) == (0, 600)
    world.pass_time(minutes=1)
    controller.lasting_turn()
    assert late(controller) == (1, 660)
    world.sim.patch("deployments", "shop", "web", READY, subresource="status")
    controller.lasting_turn()
    assert late(controller) == (0, 0)


def test_what_waits_for_its_wave_or_cannot_be_written_is_late(world: Any) -> None:
    world.deployment("database", 0, original_replicas="1")
    world.deployment("api", 0, original_replicas="1", depends_on="deployment/database")
    world.sim.faults.add(Fault(verb="patch", resource="deployments", name="database", status=403))
    controller = world.controller("--wave-timeout=1h")
    for _ in range(2):
        assert not controller.lasting_turn().ok
        world.pass_time(minutes=20)
    assert not controller.lasting_turn().ok
    assert late(controller) == (2, 2400)
    world.sim.delete("deployments", "shop", "database")
    controller.lasting_turn()
    assert late(controller) == (1, 2400)


def test_a_restart_counts_again_from_its_first_turn(world: Any) -> None:
    world.deployment("api", 0, original_replicas="1")
    world.sim.faults.add(Fault(verb="patch", resource="deployments", status=403))
    for _ in range(2):
        controller = world.controller()
        controller.lasting_turn()
        world.pass_time(minutes=10)
        controller.lasting_turn()
        assert late(controller) == (0, 600)


def test_nothing_is_late_on_a_dry_run_or_on_purpose(world: Any) -> None:
    world.deployment("parked", 0, downtime="always")
    world.deployment("new", downtime="always", grace_period="900")
    world.deployment("asleep", 0, original_replicas="1")
    controller = world.controller("--dry-run")
    for _ in range(3):
        controller.lasting_turn()
        world.pass_time(minutes=7)
    assert (late(controller), late(controller, "down")) == ((0, 0), (0, 0))


def test_a_mass_that_is_held(world: Any) -> None:
    world.sim.namespace("lab")
    for index in range(30):
        world.deployment(f"web-{index}", 1, "shop" if index % 2 else "lab")
    for namespace in ("shop", "lab"):
        world.annotate_namespace(namespace, downtime="always")
    world.pass_time(hours=1)
    controller = world.controller()
    controller.lasting_turn()
    assert [controller.metric("held", cause=cause) for cause in ("mass", "clock", "unread")] == [30, 0, 0]
    world.pass_time(minutes=20)
    controller.lasting_turn()
    assert late(controller, "down") == (30, 1200)


def test_holds_after_a_jump_and_while_pods_cannot_be_read(world: Any) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    controller = world.controller()
    controller.lasting_turn()
    assert controller.metric("clock_jumps_total") == 0
    world.scale(3)
    controller.memory.tick(world.sim.clock.now() - timedelta(hours=9), 0.0)
    controller.memory.tick(world.sim.clock.now(), 1.0)
    controller.lasting_turn()
    assert controller.metric("clock_jumps_total") == 1
    assert [controller.metric("held", cause=cause) for cause in ("mass", "clock", "unread")] == [0, 1, 0]
    world.sim.faults.add(Fault(verb="list", resource="pods", status=403))
    controller.lasting_turn()
    assert [controller.metric("held", cause=cause) for cause in ("mass", "clock", "unread")] == [0, 0, 1]


def test_the_gauges_are_there_before_the_first_turn() -> None:
    registry = CollectorRegistry()
    Late(registry, timedelta(minutes=15))
    for name, labels in (
        ("late_objects", {"direction": "up"}),
        ("late_seconds", {"direction": "down"}),
        ("held", {"cause": "mass"}),
    ):
        assert registry.get_sample_value(f"kube_thrift_downscaler_{name}", labels) == 0


@pytest.mark.parametrize(("hours", "counted"), [(1.0, 2.0), (1.01, None), (-1.0, None)])
def test_a_gap_between_turns_that_is_too_long_is_not_counted(hours: float, counted: float | None) -> None:
    registry = CollectorRegistry()
    saved = Saved(registry)
    saved.turn(NOON, {"shop": Amount(replicas=2.0)})
    saved.turn(NOON + timedelta(hours=hours), {})
    assert registry.get_sample_value("kube_thrift_downscaler_saved_replica_hours_total", {"namespace": "shop"}) == counted


def test_writes_are_counted_from_zero() -> None:
    registry = CollectorRegistry()
    measures = Measures(registry, late_after=timedelta(minutes=10), longest_gap=timedelta(hours=1))

    measures.turn(Counts(kept={("deployments", "up"): 500}, invalid={}, avoided={}, states={}, ahead={}))

    for direction in ("down", "up"):
        labels = {"kind": "deployments", "direction": direction}
        assert registry.get_sample_value("kube_thrift_downscaler_actions_total", labels) == 0
