"""What replicas request, what is counted as saved, and what is said to have no effect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.savings import GIB, Amount, amount_of
from downscaler.workloads import PodSpec

MI = GIB // 1024


def container(cpu: str = "0", memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


PODS = [
    ("one container", {"containers": [container("500m", "512Mi")]}, 0.5, 0.5),
    ("two containers add up", {"containers": [container("500m", "1Gi"), container("250m", "1Gi")]}, 0.75, 2.0),
    ("a smaller init container is nothing", {"containers": [container("1")], "initContainers": [container("500m")]}, 1.0, 0.0),
    ("a larger init container counts alone", {"containers": [container("1")], "initContainers": [container("3")]}, 3.0, 0.0),
    (
        "a sidecar is added",
        {"containers": [container("1")], "initContainers": [container("500m", restartPolicy="Always")]},
        1.5,
        0.0,
    ),
    (
        "a sidecar runs beside later init containers",
        {"containers": [container("1")], "initContainers": [container("1", restartPolicy="Always"), container("3")]},
        4.0,
        0.0,
    ),
    ("overhead is added", {"containers": [container("1")], "overhead": {"cpu": "100m", "memory": "512Mi"}}, 1.1, 0.5),
    ("limits stand for requests that are missing", {"containers": [{"resources": {"limits": {"cpu": 2}}}]}, 2.0, 0.0),
    ("garbage counts as nothing", {"containers": [container("lots", "1Gi")]}, 0.0, 1.0),
    ("nothing is requested", {"containers": [{}]}, 0.0, 0.0),
    ("no containers", {}, 0.0, 0.0),
]


@pytest.mark.parametrize(("spec", "cores", "gib"), [row[1:] for row in PODS], ids=[row[0] for row in PODS])
def test_what_a_replica_requests(spec: dict[str, Any], cores: float, gib: float) -> None:
    found = amount_of(msgspec.convert(spec, PodSpec))
    assert (found.replicas, found.cores, found.gib) == pytest.approx((1.0, cores, gib))


def test_amounts_add_up() -> None:
    assert Amount(1, 2, 3) + Amount(1, 1, 1).times(2) == Amount(3, 4, 5)


def test_hours_are_integrated_from_turn_to_turn(world: Any) -> None:
    pods = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "a/b:1", **container("500m", "1Gi")}]},
    }
    world.add("Deployment", spec={"replicas": 4, "template": pods}, downtime="always")
    controller = world.controller()
    world.pass_time(minutes=30)
    for minutes in (0, 30, 15, 90):
        world.pass_time(minutes=minutes)
        controller.turn()
    # The 90 minutes without a turn are not counted: nobody knows what happened then.
    assert controller.metric("saved_replica_hours_total", namespace="shop") == pytest.approx(3.0)
    assert controller.metric("saved_core_hours_total", namespace="shop") == pytest.approx(1.5)
    assert controller.metric("saved_gib_hours_total", namespace="shop") == pytest.approx(3.0)


def test_what_objects_should_be_and_what_they_are(world: Any) -> None:
    world.deployment("asleep", 0, downtime="always", original_replicas="2", downscaled_to="0")
    world.deployment("goes-down", 2, downtime="always")
    world.deployment("comes-up", 0, original_replicas="2")
    world.deployment("stays-up")
    world.deployment("grace", downtime="always")
    world.pass_time(hours=1)
    world.sim.delete("deployments", "shop", "grace")
    world.deployment("grace", downtime="always")
    controller = world.controller()
    controller.turn()
    states = {
        (wanted, actual): controller.metric("objects", kind="deployments", wanted=wanted, actual=actual)
        for wanted in ("up", "down")
        for actual in ("up", "down")
    }
    assert states == {("up", "up"): 2, ("up", "down"): None, ("down", "up"): 1, ("down", "down"): 2}


IDLE = [
    (["--scale-children"], "--scale-children has no effect: cronjobs are not included"),
    (["--night-runs=suspend"], "--night-runs suspend has no effect: cronjobs are not included"),
    (["--downtime-max-replicas=2"], "--downtime-max-replicas 2 has no effect: horizontalpodautoscalers are not included"),
    (
        ["--include-resources=awsnlbservices,services"],
        "awsnlbservices in --include-resources has no effect: services includes them",
    ),
    (["--max-lateness=30"], "--max-lateness 30 is less than two turns: changes may be left out for that alone"),
    (["--missed-runs=skip"], "--missed-runs skip has no effect: cronjobs are not included"),
    (["--allow-volume-deletion"], "--allow-volume-deletion has no effect: statefulsets are not included"),
    (["--fight-flips=0", "--fight-window=60"], "--fight-window 60.0 has no effect: fights are not looked for"),
    (["--once", "--fight-flips=3"], "--fight-flips 3 has no effect: a single run remembers nothing"),
    (["--once", "--wakes-per-minute=3"], "--wakes-per-minute 3 has no effect: a single run waits for nothing"),
    (["--once", "--interval=60"], "--interval 60.0 has no effect: there is one turn only"),
    (
        ["--downscale-period=Mon UTC", "--default-uptime=Tue UTC"],
        "--default-uptime Tue UTC has no effect: a period is set, and where one is uptime and downtime do not count",
    ),
]


@pytest.mark.parametrize(("argv", "notice"), IDLE, ids=[" ".join(row[0]) for row in IDLE])
def test_flags_that_have_no_effect_are_named(argv: list[str], notice: str) -> None:
    assert read_config(argv, {}).notices == (notice,)


def test_variables_that_nobody_reads_are_named() -> None:
    (notice,) = read_config([], {"DRY_RUN": "true", "FORCE_UPTIME": "true", "HOME": "/root"}).notices
    assert notice.startswith("environment variables DRY_RUN, FORCE_UPTIME have no effect")
