"""Writes: one sparse patch each, conflicts decided anew, lost answers, failures of single objects."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from downscaler.count import Tally
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo
from downscaler.patches import patch_of
from downscaler.plan import Planned
from downscaler.sizes import KINDS
from shared.errors import ThriftError
from shared.simcluster import Fault

if TYPE_CHECKING:
    from tests.downscaler.conftest import World

RECORD = {"downscaler/original-replicas": "3", "downscaler/downscaled-to": "0"}
NO_RECORD = dict.fromkeys(RECORD)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (ScaleTo(3, 0, 3, ""), {"metadata": {"annotations": RECORD}, "spec": {"replicas": 0}}),
        (Restore(0, 3, ""), {"metadata": {"annotations": NO_RECORD}, "spec": {"replicas": 3}}),
        (Forget(""), {"metadata": {"annotations": NO_RECORD}}),
        (Keep("up", ""), None),
        (Problem(""), None),
    ],
)
def test_patches_are_sparse_and_hold_size_and_record_together(decision: Decision, expected: dict[str, Any] | None) -> None:
    kind = KINDS["deployments"]
    workload = msgspec.convert({"metadata": {"name": "web"}, "spec": {"replicas": 3}}, kind.as_type)
    assert patch_of(kind, workload, decision) == expected


def once(world: World, action: Any) -> None:
    """Runs *action* before the next write of a client, and never again."""

    def callback(verb: str, resource: str, namespace: str, name: str) -> None:
        if resource == "deployments":
            remove()
            action()

    remove = world.sim.on_write(callback)


def test_a_conflict_is_decided_anew_on_what_the_other_wrote(world: World) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    once(world, lambda: world.scale(5))
    result = world.controller().turn()
    assert (result.ok, result.changed) == (True, 1)
    assert (world.replicas(), world.record()) == (0, {"original-replicas": "5", "downscaled-to": "0"})


def test_a_conflict_after_which_there_is_nothing_to_do(world: World) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    once(world, lambda: world.annotate(exclude="true"))
    result = world.controller().turn()
    assert (result.ok, result.changed) == (True, 0)
    assert (world.replicas(), world.record()) == (3, {})


@pytest.mark.parametrize("when", ["before the write", "after a conflict"])
def test_an_object_deleted_meanwhile_is_no_failure(world: World, when: str) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    if when == "before the write":
        once(world, lambda: world.sim.delete("deployments", "shop", "web"))
    else:
        once(world, lambda: world.scale(5))
        world.sim.faults.add(Fault(verb="get", resource="deployments", status=404))
    result = world.controller().turn()
    assert (result.ok, result.changed) == (True, 0)


@pytest.mark.parametrize(("retries", "patches"), [(0, 1), (2, 3)])
def test_conflicts_are_retried_a_bounded_number_of_times(world: World, retries: int, patches: int) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    world.sim.on_write(
        lambda *_: world.sim.patch("deployments", "shop", "web", {"metadata": {"labels": {"n": str(len(world.sim.requests))}}})
    )
    result = world.controller(max_retries_on_conflict=retries).turn()
    assert not result.ok
    assert len(result.failures) == 1
    assert "shop/web" in result.failures[0]
    assert [request.status for request in world.sim.requests if request.verb == "patch"] == [409] * patches
    assert (world.replicas(), world.record()) == (3, {})


@pytest.mark.parametrize("drop", ["before", "mid"])
def test_a_lost_answer_costs_nothing(world: World, drop: str) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    world.sim.faults.add(Fault(verb="patch", drop=drop, times=1))
    assert world.controller().turn().ok
    assert (world.replicas(), world.record()) == (0, {"original-replicas": "3", "downscaled-to": "0"})


def test_one_object_that_cannot_be_written_does_not_stop_the_others(world: World) -> None:
    for name in ("a", "b", "c"):
        world.deployment(name, downtime="always")
    world.pass_time(hours=1)
    world.sim.faults.add(Fault(verb="patch", name="b", status=422))
    controller = world.controller()
    result = controller.turn()
    assert (result.changed, len(result.failures)) == (2, 1)
    assert "deployments shop/b" in result.failures[0]
    assert [world.replicas(name) for name in ("a", "b", "c")] == [0, 3, 0]
    world.sim.faults.clear()
    assert controller.turn().changed == 1


def test_a_failed_write_names_its_object(world: World) -> None:
    kind = KINDS["deployments"]
    workload = msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}}, kind.as_type)
    tally = Tally(world.sim.clock.now())
    tally.applied(Planned(kind, workload, Forget("")), ThriftError("no"))
    assert tally.failures == [("ThriftError", "deployments shop/web: no")]


def test_writes_go_out_in_parallel(world: World) -> None:
    for number in range(24):
        world.deployment(f"web-{number}", downtime="always")
    world.pass_time(hours=1)
    world.sim.faults.add(Fault(verb="patch", latency=0.2))
    begun = perf_counter()
    assert world.controller().turn().changed == 24
    assert perf_counter() - begun < 24 * 0.2
