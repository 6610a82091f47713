"""The living cluster as a whole: the same seed gives the same world, nothing is lost, and standing still costs nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kinds import DEPLOYMENTS, NODES, PODS, REPLICA_SETS
from shared.simcluster import fleet
from shared.simcluster.accounting import Account, Hours, avoided
from shared.simcluster.clock import SimClock
from shared.simcluster.live import Live
from shared.simcluster.manifests import Team, Workload, manifest
from shared.simcluster.scheduling import room_of
from shared.simcluster.store import Store
from shared.simcluster.templates import demand_of, is_finished

START = datetime(2026, 3, 23, 6, tzinfo=UTC)


class World:
    """A store with its living half and nothing else."""

    def __init__(self, kind: fleet.Fleet = "empty", seed: int = 1) -> None:
        self.clock = SimClock(START)
        self.store = Store(self.clock, seed)
        fleet.load(self.store, kind, seed, START)
        self.live = Live(self.store, self.clock, seed)

    def advance(self, **length: float) -> None:
        self.live.step(self.clock.advance(timedelta(**length)))

    def account(self) -> Account:
        return self.live.ledger.account(self.clock.now())


def web(name: str = "web", replicas: int = 2, **changes: Any) -> dict[str, Any]:
    return manifest(Workload(kind="Deployment", namespace="default", name=name, team=Team("shop"), replicas=replicas, **changes))


def check_conservation(store: Store) -> None:
    """Every bound pod is on a node that exists, and no node has more requested than it can allocate."""
    rooms = {node["metadata"]["name"]: room_of(node) for node in store.list(NODES)}
    pods = [pod for pod in store.list(PODS) if pod["spec"].get("nodeName") and not is_finished(pod)]
    for pod in pods:
        rooms[pod["spec"]["nodeName"]].add(demand_of(pod["spec"]))
    for room in rooms.values():
        assert room.used_cpu <= room.cpu
        assert room.used_memory <= room.memory
        assert room.used_pods <= room.pods
    owned: dict[str, int] = defaultdict(int)
    for pod in store.list(PODS):
        owned[pod["metadata"]["ownerReferences"][0]["uid"]] += not is_finished(pod)
    for replica_set in store.list(REPLICA_SETS):
        assert owned[replica_set["metadata"]["uid"]] == replica_set["spec"]["replicas"]


def everything(store: Store) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(resource.name, store.list(resource)) for resource in store.resources()]


def test_the_same_seed_gives_the_same_world() -> None:
    """Names, uids, times, figures: all of it, after a day of the demo's fleet."""
    first, second, other = World("demo"), World("demo"), World("demo", seed=2)

    for world in (first, second, other):
        for _ in range(24):
            world.advance(hours=1)

    assert everything(first.store) == everything(second.store)
    assert first.account() == second.account()
    assert everything(first.store) != everything(other.store)


def test_the_length_of_steps_does_not_matter() -> None:
    """A day in one step and in steps of seven minutes: the same pods on the same nodes, the same hours."""
    coarse, fine = World("demo"), World("demo")

    coarse.advance(minutes=1435)
    for _ in range(205):
        fine.advance(minutes=7)

    def placed(world: World) -> list[tuple[str, str, str]]:
        pods = world.store.list(PODS)
        return [(pod["metadata"]["name"], pod["spec"].get("nodeName", ""), pod["status"].get("startTime", "")) for pod in pods]

    assert placed(coarse) == placed(fine)
    assert coarse.account().total.cores == pytest.approx(fine.account().total.cores)


def test_the_demo_fleet_conserves() -> None:
    """Every two hours of more than a day."""
    world = World("demo")
    for _ in range(15):
        world.advance(hours=2)
        check_conservation(world.store)
    # Whatever waited for a node then has one.
    waiting = set(world.live.scheduler.waiting)
    world.advance(minutes=4)
    assert not waiting & world.live.scheduler.waiting


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 25), st.integers(0, 1800)), max_size=12))
def test_random_scaling_conserves(changes: list[tuple[int, int, int]]) -> None:
    """Whatever is scaled whenever: nothing is overcommitted, and in the end everything that was wanted runs."""
    world = World()
    for index in range(4):
        world.store.create(DEPLOYMENTS, web(f"web-{index}", cpu="700m", memory="1Gi"))
    for index, replicas, seconds in changes:
        world.store.merge(DEPLOYMENTS, "default", f"web-{index}", {"spec": {"replicas": replicas}})
        world.advance(seconds=seconds)
        if seconds:
            check_conservation(world.store)

    world.advance(minutes=30)

    check_conservation(world.store)
    for deployment in world.store.list(DEPLOYMENTS):
        assert deployment["status"].get("readyReplicas", 0) == deployment["spec"]["replicas"]


def test_a_restarted_living_half_goes_on() -> None:
    """A second `Live` over the same store takes over: pods that were starting become ready, nothing is made twice."""
    world = World()
    world.store.create(DEPLOYMENTS, web(replicas=3))
    world.advance(seconds=5)
    world.live.close()

    world.live = Live(world.store, world.clock, 1)
    world.advance(minutes=3)
    before = everything(world.store)
    world.advance(minutes=60)

    assert world.store.get(DEPLOYMENTS, "default", "web")["status"]["readyReplicas"] == 3
    assert len(world.store.list(PODS)) == 3
    assert [name for name, _ in before] == [name for name, _ in everything(world.store)]


def test_standing_still_costs_nothing() -> None:
    """A thousand steps in which nothing is due take well under the few milliseconds that one may."""
    world = World("demo")
    world.advance(seconds=0)
    begun = time.perf_counter()

    for _ in range(1000):
        world.advance(seconds=0)

    assert time.perf_counter() - begun < 1.0


def test_one_odd_object_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """A manifest that the API would refuse is named in one line; its neighbours run."""
    world = World()
    broken = web("broken")
    broken["spec"]["template"] = None
    world.store.create(DEPLOYMENTS, broken, trusted=True)
    world.store.create(DEPLOYMENTS, web("sound"))

    world.advance(minutes=3)

    assert world.store.get(DEPLOYMENTS, "default", "sound")["status"]["readyReplicas"] == 2
    assert any("default/broken" in record.getMessage() for record in caplog.records)


def test_a_clock_set_back_changes_nothing() -> None:
    """The past is not lived again."""
    world = World()
    world.advance(hours=1)
    before = everything(world.store)

    world.live.step(START)

    assert everything(world.store) == before


def test_the_ledger_integrates_requests() -> None:
    """Two pods of half a core and one GiB for two hours; one hour's worth less when they stop after one."""
    world = World()
    world.store.create(DEPLOYMENTS, web(replicas=2, cpu="500m", memory="1Gi"))
    world.advance(seconds=0)
    world.live.ledger.reset(world.clock.now())

    world.advance(hours=1)
    world.store.merge(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 0}})
    world.advance(hours=1)

    account = world.account()
    assert account.teams == {"shop": Hours(2.0, 1.0, 2.0)}
    assert account.nodes == {("general", "m6i.xlarge"): 4.0}
    assert account.node_hours == 4.0


def test_avoided_is_the_difference() -> None:
    """Team by team and pool by pool, teams of either side."""
    until = START
    without = Account(until, {"a": Hours(10, 5, 20), "b": Hours(1, 1, 1)}, {("general", "m6i.xlarge"): 100.0})
    with_controller = Account(until, {"a": Hours(4, 2, 8)}, {("general", "m6i.xlarge"): 60.0})

    saved = avoided(without, with_controller)

    assert saved.teams == {"a": Hours(6, 3, 12), "b": Hours(1, 1, 1)}
    assert saved.nodes == {("general", "m6i.xlarge"): 40.0}
    assert saved.total == Hours(7, 4, 13)
