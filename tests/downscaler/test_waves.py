"""Waves and dependencies: who waits for whom in the morning and in the evening, for how long, and how many wake at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from downscaler.annotations import Context, read_overrides
from downscaler.config import read_config
from downscaler.plan import Forced, Planner
from downscaler.policy import Rules
from downscaler.sizes import KINDS
from downscaler.waves import Progress
from shared.objects import Object

OFFICE = "Mon-Fri 08:00-18:00 UTC"
CHAIN = ("database", "api", "frontend")
BY_WAVE: dict[str, dict[str, str]] = {"database": {}, "api": {"wave": "1"}, "frontend": {"wave": "2"}}
BY_NAME: dict[str, dict[str, str]] = {
    "database": {},
    "api": {"depends_on": "shop/deployment/database"},
    "frontend": {"depends_on": "deploy/api"},
}


def status(world: Any, name: str, ready: int | None = None, replicas: int | None = None, namespace: str = "shop") -> None:
    """What the Deployment's own controller would report: nothing runs in a cluster that stands still."""
    own = world.replicas(name, namespace)
    body = {"status": {"replicas": own if replicas is None else replicas, "readyReplicas": own if ready is None else ready}}
    world.sim.patch("deployments", namespace, name, body, subresource="status")


def chain(world: Any, how: dict[str, dict[str, str]]) -> None:
    world.annotate_namespace(uptime=OFFICE)
    for name in CHAIN:
        world.deployment(name, 2, **how[name])
        status(world, name)


def up(world: Any, *names: str) -> str:
    return " ".join(name for name in names or CHAIN if world.replicas(name))


def evening(world: Any, controller: Any) -> None:
    world.pass_time(hours=7)
    for _ in CHAIN:
        controller.lasting_turn()
        for name in CHAIN:
            status(world, name)
    assert up(world) == ""
    world.pass_time(hours=13)


@pytest.mark.parametrize("how", [BY_WAVE, BY_NAME], ids=["waves", "dependencies"])
def test_down_in_reverse_order_and_up_in_order(world: Any, how: dict[str, dict[str, str]]) -> None:
    chain(world, how)
    controller = world.controller()
    world.pass_time(hours=7)
    seen = []
    for _ in range(3):
        controller.lasting_turn()
        seen.append(up(world))
        for name in CHAIN:
            status(world, name)
    assert seen == ["database api", "database", ""]

    world.pass_time(hours=13)
    seen = []
    for _ in range(4):
        controller.lasting_turn()
        seen.append(up(world))
        for name in CHAIN:
            status(world, name)
    assert seen == ["database", "database api", "database api frontend", "database api frontend"]


@pytest.mark.parametrize("how", [BY_WAVE, BY_NAME], ids=["waves", "dependencies"])
def test_what_is_not_ready_is_waited_for_and_not_for_ever(world: Any, how: dict[str, dict[str, str]]) -> None:
    chain(world, how)
    controller = world.controller("--wave-timeout=600")
    evening(world, controller)
    controller.lasting_turn()
    status(world, "database", ready=1)
    controller.lasting_turn()
    assert up(world) == "database"
    assert controller.metric("kept", kind="deployments", cause="waiting") == 2

    world.pass_time(minutes=10)
    controller.lasting_turn()
    assert up(world) == "database"
    world.pass_time(seconds=1)
    controller.lasting_turn()
    assert up(world).startswith("database api")


def test_a_single_run_waits_for_nothing(world: Any) -> None:
    chain(world, BY_NAME)
    world.pass_time(hours=7)
    world.controller("--once").lasting_turn()
    assert up(world) == ""


def test_pods_that_are_still_there_are_waited_for_in_the_evening(world: Any) -> None:
    chain(world, BY_NAME)
    controller = world.controller()
    world.pass_time(hours=7)
    controller.lasting_turn()
    status(world, "frontend", replicas=1)
    controller.lasting_turn()
    assert up(world) == "database api"
    status(world, "frontend")
    controller.lasting_turn()
    assert up(world) == "database"


def test_a_circle_is_nobodys_night(world: Any) -> None:
    circle = {
        "database": {"depends_on": "deploy/frontend"},
        "api": {"depends_on": "deploy/database"},
        "frontend": {"depends_on": "deploy/api"},
    }
    chain(world, circle)
    controller = world.controller()
    world.pass_time(hours=7)
    controller.lasting_turn()
    assert up(world) == ""
    world.pass_time(hours=13)
    controller.lasting_turn()
    assert up(world) == "database api frontend"


@pytest.mark.parametrize("on", ["shop/deployment/nobody", "other/statefulset/database", "deployment/asleep"])
def test_nobody_waits_for_what_is_not_coming(world: Any, on: str) -> None:
    world.deployment("asleep", 0, downtime="always", original_replicas="2", downscaled_to="0")
    world.deployment(replicas=0, original_replicas="3", depends_on=on)
    world.controller().lasting_turn()
    assert world.replicas() == 3


def test_dependencies_cross_namespaces(world: Any) -> None:
    world.sim.namespace("data")
    world.deployment("database", 0, namespace="data", original_replicas="1")
    world.deployment(replicas=0, original_replicas="3", depends_on="data/deployment/database")
    controller = world.controller()
    controller.lasting_turn()
    assert (world.replicas("database", "data"), world.replicas()) == (1, 0)
    status(world, "database", namespace="data")
    controller.lasting_turn()
    assert world.replicas() == 3


def test_waves_of_one_namespace_are_nothing_to_another(world: Any) -> None:
    world.sim.namespace("data")
    world.deployment("database", 0, namespace="data", original_replicas="1")
    world.deployment(replicas=0, original_replicas="3", wave="5")
    world.controller().lasting_turn()
    assert world.replicas() == 3


def test_a_pod_that_never_gets_ready_is_not_waited_for_all_day(world: Any) -> None:
    world.deployment("broken", 2)
    controller = world.controller()
    controller.lasting_turn()
    world.pass_time(hours=1)
    world.deployment(replicas=0, original_replicas="3", wave="1")
    controller.lasting_turn()
    assert world.replicas() == 3


def test_a_single_run_keeps_nothing_waiting(world: Any) -> None:
    for name in CHAIN:
        world.deployment(name, 0, original_replicas="2", **BY_WAVE[name])
    world.controller().turn()
    assert up(world) == "database api frontend"


# ---- how many at once


def test_a_ceiling_on_wakes_per_minute(world: Any) -> None:
    for index in range(10):
        world.deployment(f"web-{index}", 0, original_replicas="1", wave=str(-index))
    controller = world.controller("--wakes-per-minute=4", "--wave-timeout=0.001")

    def awake() -> int:
        return sum(world.replicas(f"web-{index}") for index in range(10))

    world.annotate_namespace()
    for index in range(10):
        world.annotate(f"web-{index}", wave=None)
    counts = []
    for _ in range(5):
        controller.lasting_turn()
        counts.append(awake())
        world.pass_time(seconds=30)
    assert counts == [4, 6, 8, 10, 10]
    assert controller.metric("kept", kind="deployments", cause="throttled") is None


def test_the_ceiling_is_for_waking_only(world: Any) -> None:
    for index in range(3):
        world.deployment(f"web-{index}", downtime="always")
    world.pass_time(hours=1)
    assert world.controller("--wakes-per-minute=1").lasting_turn().changed == 3


def test_allowances_are_not_saved_up() -> None:
    progress, now = Progress(), datetime.fromisoformat("2026-03-23T08:00:00+00:00")
    assert progress.allowance(now, 5) == 5
    assert progress.allowance(now + timedelta(hours=1), 5) == 5
    progress.spend(5)
    assert progress.allowance(now + timedelta(hours=1, seconds=24), 5) == 2
    # A clock that goes back gives nothing and takes nothing.
    assert progress.allowance(now, 5) == 2


def test_jitter_is_a_namespaces_own_and_always_the_same() -> None:
    rules = Rules(jitter=timedelta(minutes=10))
    late = {f"team-{index}": rules.lateness(f"team-{index}") for index in range(50)}
    assert late == {name: rules.lateness(name) for name in late}
    assert all(timedelta(0) <= each < timedelta(minutes=10) for each in late.values())
    assert len(set(late.values())) > 40
    assert Rules().lateness("team-1") == timedelta(0)


def test_a_namespace_changes_late_by_its_share() -> None:
    rules = read_config(["--jitter=10m", f"--default-uptime={OFFICE}"], {}).rules
    late = rules.lateness("shop")
    assert late > timedelta(0)
    kind = KINDS["deployments"]
    workload = msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 2}}, kind.as_type)
    edge = datetime.fromisoformat("2026-03-23T18:00:00+00:00")
    space = msgspec.convert({"metadata": {"name": "shop"}}, Object)

    def changes(at: datetime) -> bool:
        return Planner(rules, {"shop": space}, Forced(), at).plan(kind, workload).changes

    assert not changes(edge + late - timedelta(seconds=1))
    assert changes(edge + late)
    ahead = Planner(rules, {"shop": space}, Forced(), edge).plan(kind, workload).ahead
    assert ahead is not None
    assert ahead[0] == edge + late


# ---- the annotations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop/deployment/web", (("deployments", "shop", "web"),)),
        ("sts/db, a/Deployment/b", (("statefulsets", "", "db"), ("deployments", "a", "b"))),
        ("", ()),
        ("web", None),
        ("shop/pod/web", None),
        ("/deployment/web", None),
        ("shop/deployment/", None),
        ("a/b/c/d", None),
    ],
)
def test_dependencies_as_text(text: str, expected: tuple[tuple[str, str, str], ...] | None) -> None:
    overrides = read_overrides({"downscaler/depends-on": text}, Context())
    assert overrides.depends_on == expected
    assert bool(overrides.complaints) is (expected is None)


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("-5", -5), ("1000", 1000), ("1001", None), ("1.5", None), ("first", None), ("", None)]
)
def test_waves_as_text(text: str, expected: int | None) -> None:
    overrides = read_overrides({"downscaler/wave": text}, Context())
    assert overrides.wave == expected
    assert bool(overrides.complaints) is (expected is None)


# ---- kinds of --custom-kinds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("widgets/one", (("widgets.example.org", "", "one"),)),
        ("widget/one", (("widgets.example.org", "", "one"),)),
        ("data/widgets.example.org/one", (("widgets.example.org", "data", "one"),)),
        ("policy/one", (("policies.example.org", "", "one"),)),
        ("box/one", (("boxes.example.org", "", "one"),)),
        ("service/web", (("services", "", "web"),)),
        ("awsnlbservices/web", (("services", "", "web"),)),
        ("gadget/one", None),
    ],
)
def test_described_kinds_may_be_named(text: str, expected: object) -> None:
    described = ",".join(f"example.org/v1/{plural}:spec.n" for plural in ("widgets", "policies", "boxes"))
    context = read_config([f"--custom-kinds={described}"], {}).rules.context
    overrides = read_overrides({"downscaler/depends-on": text}, context)
    assert overrides.depends_on == expected
    if expected is None:
        assert "one of deployments" in overrides.complaints[0].accepted
        assert "boxes.example.org" in overrides.complaints[0].accepted


def test_an_object_of_a_described_kind_wakes_before_what_depends_on_it(world: Any) -> None:
    served = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"plural": "clusters", "kind": "Cluster"}
    definition = {"group": "db.example.org", "scope": "Namespaced", "names": names, "versions": [served]}
    world.sim.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "clusters.db.example.org"},
            "spec": definition,
        }
    )
    meta = {"name": "main", "namespace": "shop"}
    world.sim.create({"apiVersion": "db.example.org/v1", "kind": "Cluster", "metadata": meta, "spec": {"instances": 2}})
    world.annotate_namespace(uptime=OFFICE)
    world.deployment("api", 2, depends_on="cluster/main")
    status(world, "api")
    controller = world.controller("--custom-kinds=db.example.org/v1/clusters:spec.instances")

    def state() -> tuple[int, int]:
        return world.sim.list("clusters", group="db.example.org")[0]["spec"]["instances"], world.replicas("api")

    def turn() -> tuple[int, int]:
        controller.lasting_turn()
        status(world, "api")
        return state()

    world.pass_time(hours=7)
    assert [turn(), turn()] == [(2, 0), (0, 0)]
    world.pass_time(hours=13)
    assert [turn(), turn()] == [(2, 0), (2, 2)]
