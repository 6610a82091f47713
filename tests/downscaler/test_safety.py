"""What stops changes: fights, masses that no schedule explains, a clock that jumps, the controller itself, kube-system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from downscaler.config import read_config
from downscaler.itself import itself
from downscaler.memory import Memory
from shared.errors import UsageError

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)


# ---- fights


def self_heal(world: Any, replicas: int = 3) -> None:
    """What a GitOps tool does that knows nothing of us: the manifest's size, and our annotations gone."""
    world.sim.patch("deployments", "shop", "web", {"spec": {"replicas": replicas}, "metadata": {"annotations": None}})


@pytest.mark.parametrize("strips", [True, False])
def test_a_fight_is_noticed_stopped_and_told(world: Any, strips: bool, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment()
    controller = world.controller("--enable-events", "--default-uptime=Mon-Fri 08:00-18:00 UTC")
    world.pass_time(hours=7)
    for _ in range(8):
        assert controller.lasting_turn().ok
        (self_heal if strips else lambda w: w.scale(3))(world)
        world.pass_time(minutes=1)
    assert world.replicas() == 3
    assert controller.metric("actions_total", kind="deployments", direction="down") == 5
    assert controller.metric("kept", kind="deployments", cause="fight") == 1
    assert controller.metric("fights", kind="deployments") == 1
    assert caplog.text.count("was put down 5 times within 30m and set back each time") == 1
    assert [event["reason"] for event in world.sim.list("events")].count("Fight") == 1

    # Left alone all night, also when the window has passed; the next day it is up, and the next night starts afresh.
    world.pass_time(hours=8)
    assert controller.lasting_turn().changed == 0
    world.pass_time(hours=6)
    controller.lasting_turn()
    world.pass_time(hours=12)
    assert controller.lasting_turn().changed == 1
    assert controller.metric("fights", kind="deployments") is None


def test_a_hand_that_scales_up_now_and_then_is_no_fight(world: Any) -> None:
    world.deployment(downtime="always")
    controller = world.controller()
    for _ in range(12):
        world.pass_time(minutes=20)
        controller.lasting_turn()
        assert world.replicas() == 0
        world.scale(3)


def test_fights_are_not_looked_for_where_nobody_wants_that(world: Any) -> None:
    world.deployment(downtime="always")
    controller = world.controller("--fight-flips=0")
    world.pass_time(hours=1)
    for _ in range(8):
        controller.lasting_turn()
        assert world.replicas() == 0
        world.scale(3)
        world.pass_time(minutes=1)


def test_every_write_names_its_field_manager(world: Any) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    world.controller().turn()
    managers = world.sim.get("deployments", "shop", "web")["metadata"]["managedFields"]
    own = [entry for entry in managers if entry["manager"] == "kube-thrift"]
    assert own
    assert "f:replicas" in str(own[0]["fieldsV1"])
    assert read_config([], {}).connection.field_manager == "kube-downscaler"


# ---- masses


SPACES = ("shop", "lab")


def fleet(world: Any, number: int = 30, **annotations: str) -> None:
    world.sim.namespace("lab")
    for index in range(number):
        world.deployment(f"web-{index}", replicas=1, namespace=SPACES[index % 2], **annotations)


def annotate_all(world: Any, **annotations: str | None) -> None:
    for namespace in SPACES:
        world.annotate_namespace(namespace, **annotations)


def asleep(world: Any) -> int:
    return sum(world.replicas(f"web-{index}", SPACES[index % 2]) == 0 for index in range(30))


def test_a_mass_that_no_schedule_explains_is_held_and_told(world: Any) -> None:
    fleet(world)
    annotate_all(world, downtime="always")
    world.pass_time(hours=1)
    controller = world.controller()
    result = controller.lasting_turn()
    assert not result.ok
    assert result.failures[0].startswith("30 of 30 objects would be put down although no schedule changed: held")
    assert asleep(world) == 0
    assert controller.metric("kept", kind="deployments", cause="held") == 30
    # Corrected, it is over.
    annotate_all(world, downtime=None)
    assert controller.lasting_turn().ok


@pytest.mark.parametrize(
    ("flags", "namespace", "workloads", "down"),
    [
        (("--default-downtime=always",), {}, {}, 30),
        (("--max-unscheduled=100%",), {"downtime": "always"}, {}, 30),
        ((), {"force_downtime": "true"}, {}, 0),
        ((), {"downtime": "2026-03-23T12:30:00Z-2026-03-24T00:00:00Z"}, {}, 30),
        ((), {"uptime": "Mon-Fri 00:00-08:00 UTC"}, {}, 30),
        ((), {}, {"uptime": "Tue-Sun UTC"}, 30),
        ((), {}, {"uptime": "never"}, 30),
    ],
)
def test_what_explains_a_mass_at_the_start(
    world: Any, flags: tuple[str, ...], namespace: dict[str, str], workloads: dict[str, str], down: int
) -> None:
    fleet(world, **workloads)
    annotate_all(world, **namespace)
    world.pass_time(hours=1)
    world.controller(*flags).lasting_turn()
    assert asleep(world) == down


def test_while_it_runs_only_a_recent_change_of_the_schedule_explains_a_mass(world: Any) -> None:
    fleet(world)
    controller = world.controller()
    world.pass_time(hours=10)
    assert controller.lasting_turn().ok
    # Somebody's typo at 22:00: a schedule that should have changed at 08:00.
    annotate_all(world, uptime="Mon-Fri 00:00-08:00 UTC")
    world.pass_time(minutes=1)
    controller.lasting_turn()
    assert asleep(world) == 0


def test_an_outage_at_the_moment_of_a_transition_is_caught_up(world: Any) -> None:
    fleet(world)
    annotate_all(world, uptime="Mon-Fri 08:00-18:00 UTC")
    controller = world.controller()
    controller.lasting_turn()
    world.pass_time(hours=11)
    assert controller.lasting_turn().ok
    assert asleep(world) == 30


def test_a_team_may_put_its_own_namespace_down(world: Any) -> None:
    for index in range(30):
        world.deployment(f"web-{index}", replicas=1)
    world.annotate_namespace(force_downtime="true")
    world.pass_time(hours=1)
    assert world.controller().lasting_turn().changed == 30


def test_few_objects_are_no_mass(world: Any) -> None:
    for index in range(5):
        world.deployment(f"web-{index}", downtime="always")
    world.pass_time(hours=1)
    world.controller().lasting_turn()
    assert [world.replicas(f"web-{index}") for index in range(5)] == [0] * 5


@pytest.mark.parametrize("value", ["0.5", "50", "101%", "-1%", "half"])
def test_shares_that_are_none(value: str) -> None:
    with pytest.raises(SystemExit):
        read_config([f"--max-unscheduled={value}"], {})


# ---- the clock


@pytest.mark.parametrize("jump", [timedelta(hours=8), timedelta(hours=-8), timedelta(minutes=2)])
def test_a_clock_that_jumps_puts_nothing_down_for_five_minutes(jump: timedelta) -> None:
    memory = Memory()
    memory.tick(NOON, 0.0)
    memory.tick(NOON + timedelta(seconds=30), 30.0)
    assert memory.hold == ""
    memory.tick(NOON + timedelta(seconds=60) + jump, 60.0)
    assert memory.hold.startswith("the clock has jumped")
    memory.tick(NOON + timedelta(seconds=359) + jump, 359.0)
    assert memory.hold
    memory.tick(NOON + timedelta(seconds=360) + jump, 360.0)
    assert memory.hold == ""


def test_a_long_turn_is_no_jump() -> None:
    memory = Memory()
    memory.tick(NOON, 0.0)
    memory.tick(NOON + timedelta(minutes=20), 1200.5)
    assert memory.hold == ""


def test_after_a_jump_nothing_goes_down_and_what_should_be_up_comes_up(world: Any) -> None:
    world.deployment(downtime="always")
    world.deployment("low", replicas=0, original_replicas="2")
    world.pass_time(hours=1)
    controller = world.controller()
    controller.memory.tick(world.sim.clock.now() - timedelta(hours=9), 0.0)
    controller.memory.tick(world.sim.clock.now(), 1.0)
    controller.lasting_turn()
    assert (world.replicas(), world.replicas("low")) == (3, 2)
    assert controller.metric("kept", kind="deployments", cause="hold") == 1


# ---- the controller itself, and kube-system


def own_pod(world: Any) -> None:
    world.deployment("sleeper-of-shops", downtime="always")
    uid = world.sim.get("deployments", "shop", "sleeper-of-shops")["metadata"]["uid"]
    pod = {"containers": [{"name": "main", "image": "example.org/web:1"}]}
    labels = {"app": "web"}

    def owned(kind: str, name: str, owner_uid: str) -> list[dict[str, Any]]:
        return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": owner_uid, "controller": True}]

    meta = {"name": "sleeper-of-shops-5d", "namespace": "shop", "labels": labels}
    meta["ownerReferences"] = owned("Deployment", "sleeper-of-shops", uid)
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    owner = world.sim.create({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec})
    meta = {"name": "sleeper-of-shops-5d-x2", "namespace": "shop", "labels": labels}
    meta["ownerReferences"] = owned("ReplicaSet", "sleeper-of-shops-5d", owner["metadata"]["uid"])
    world.sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod})


OWN = {"POD_NAME": "sleeper-of-shops-5d-x2", "POD_NAMESPACE": "shop"}


@pytest.mark.parametrize("environ", [OWN, {"HOSTNAME": OWN["POD_NAME"], "POD_NAMESPACE": "shop"}])
def test_it_never_scales_itself(world: Any, environ: dict[str, str]) -> None:
    own_pod(world)
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    controller = world.controller()
    controller.be(environ)
    controller.turn()
    assert (world.replicas(), world.replicas("sleeper-of-shops")) == (0, 3)


def test_without_the_right_to_read_its_pod_it_goes_by_the_pods_name(world: Any) -> None:
    own_pod(world)
    world.sim.add_user("blind", rules=[])
    cluster = world.controller(user="blind").cluster
    assert ("*", "shop", "sleeper-of-shops") in itself(cluster, OWN)


@pytest.mark.parametrize("environ", [{}, {"HOSTNAME": "laptop"}, {"POD_NAMESPACE": "shop"}])
def test_outside_a_cluster_it_is_nothing(world: Any, environ: dict[str, str]) -> None:
    assert itself(world.controller().cluster, environ) == frozenset()


@pytest.mark.parametrize(
    ("flags", "down"),
    [
        (("--exclude-namespaces=",), False),
        (("--exclude-namespaces=other",), False),
        (("--allow-kube-system",), False),
        (("--exclude-namespaces=", "--allow-kube-system"), True),
    ],
)
def test_kube_system_is_left_alone_unless_somebody_says_it_twice(world: Any, flags: tuple[str, ...], down: bool) -> None:
    world.deployment("coredns", namespace="kube-system", downtime="always")
    world.pass_time(hours=1)
    world.controller(*flags).turn()
    assert (world.replicas("coredns", "kube-system") == 0) is down


def test_a_fight_window_of_nothing_is_refused() -> None:
    with pytest.raises((UsageError, SystemExit)):
        read_config(["--fight-window=0"], {})
