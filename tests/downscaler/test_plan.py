"""The planner of a turn: what it makes of namespaces, pods and workloads together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from downscaler.decide import Keep, Problem, ScaleTo
from downscaler.plan import Forced, Planned, Planner, asks_for_uptime
from downscaler.policy import NEVER, Policy, Rules, Scope, Setting
from downscaler.sizes import KINDS
from shared.filters import regex_names
from shared.objects import Object

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
SLEEP = Rules(Policy(uptime=Setting(NEVER)), Scope(namespaces=regex_names(["kube-system"])))


def meta(name: str, namespace: str | None = None, **annotations: str) -> dict[str, Any]:
    own = {f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"metadata": {"name": name, "namespace": namespace, "annotations": own}}


def planner(*namespaces: dict[str, Any], rules: Rules = SLEEP, forced: Forced = Forced()) -> Planner:  # noqa: B008 - immutable
    return Planner(rules, {each["metadata"]["name"]: msgspec.convert(each, Object) for each in namespaces}, forced, NOW)


def plan(by: Planner, **annotations: str) -> Planned:
    kind = KINDS["deployments"]
    return by.plan(kind, msgspec.convert(meta("web", "shop", **annotations) | {"spec": {"replicas": 3}}, kind.as_type))


def test_a_namespace_that_was_not_read_leaves_its_workloads_alone() -> None:
    decision = plan(planner(meta("lab"))).decision
    assert decision == Keep("unread", "namespace shop could not be read")


def test_a_namespaces_policy_is_folded_once() -> None:
    by = planner(meta("shop", downtime_replicas="1"))
    assert by.policy_of("shop") is by.policy_of("shop")
    decision = plan(by).decision
    assert isinstance(decision, ScaleTo)
    assert decision.size == 1


def test_a_hold_reaches_every_workload() -> None:
    assert plan(planner(meta("shop"), forced=Forced(hold="not known"))).decision == Keep("hold", "not known")


@pytest.mark.parametrize(
    ("per_namespace", "asking", "up"), [(False, "lab", True), (False, "shop", True), (True, "lab", False), (True, "shop", True)]
)
def test_pods_that_ask_for_uptime(per_namespace: bool, asking: str, up: bool) -> None:
    rules = Rules(SLEEP.policy, forced_per_namespace=per_namespace)
    decision = plan(planner(meta("shop"), rules=rules, forced=Forced(frozenset({asking})))).decision
    assert isinstance(decision, Keep) is up


def test_complaints_of_a_workload_and_its_record() -> None:
    planned = plan(planner(meta("shop")), exclude_until="soon", grace_period="x")
    assert [complaint.key for complaint in planned.complaints] == ["downscaler/exclude-until", "downscaler/grace-period"]
    planned = plan(planner(meta("shop")), original_replicas="few")
    assert isinstance(planned.decision, Problem)
    assert [complaint.key for complaint in planned.complaints] == ["downscaler/original-replicas"]
    assert not planned.changes


def test_a_target_that_its_kind_cannot_take_is_complained_of_by_day() -> None:
    awake = planner(meta("shop"), rules=Rules())
    (complaint,) = plan(awake, downtime_replicas="50%").complaints
    assert (complaint.key, complaint.value, complaint.blocking) == ("downscaler/downtime-replicas", "50%", False)
    assert complaint.effect == "it is not scaled down"
    asleep = plan(planner(meta("shop")), downtime_replicas="50%").decision
    assert isinstance(asleep, Keep)
    assert asleep.reason.startswith("the target 50% (workload annotation) is not possible; accepted: a whole number")


def test_a_broken_namespace_is_complained_of_once_and_not_on_each_workload() -> None:
    by = planner(meta("shop", uptime="x"), meta("lab"), meta("kube-system", uptime="x"))
    planned = plan(by)
    assert planned.decision == Problem("downscaler/uptime cannot be read (namespace annotation)")
    assert planned.complaints == ()
    assert [(namespace.name, complaint.key) for namespace, complaint in by.namespace_complaints()] == [
        ("shop", "downscaler/uptime")
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("True", True), (" TRUE ", True), ("false", False), ("always", False), ("", False)]
)
def test_only_true_on_a_pod_asks_for_uptime(value: str, expected: bool) -> None:
    assert asks_for_uptime(msgspec.convert(meta("build", "lab", force_uptime=value), Object)) is expected
    assert not asks_for_uptime(msgspec.convert({"metadata": {"name": "build"}}, Object))


# ---- --max-lateness, on the embedded cluster

EVENING = {"downtime": "Mon-Fri 14:00-20:00 UTC"}


def late(world: Any, *flags: str) -> Any:
    return world.controller("--max-lateness=600", *flags)


@pytest.mark.parametrize(("minutes", "replicas"), [(119, 3), (120, 0), (125, 0), (130, 0), (131, 3), (180, 3)])
def test_what_the_schedule_began_to_want_longer_ago_is_left_out(world: Any, minutes: int, replicas: int) -> None:
    world.deployment(**EVENING)
    world.pass_time(minutes=minutes)
    controller = late(world)
    assert controller.turn().ok
    assert world.replicas() == replicas
    assert (controller.metric("kept", kind="deployments", cause="missed") == 1) is (minutes > 130)


def test_it_waits_for_the_next_change_in_the_morning_too(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment(**EVENING)
    world.pass_time(hours=2, minutes=5)
    late(world).turn()
    world.pass_time(hours=7)
    caplog.set_level("DEBUG", "downscaler")
    late(world).turn()
    assert world.replicas() == 0
    assert (
        "left as it is: its schedule changed more than 10m ago and --max-lateness waits for the next change: in uptime"
        in caplog.text
    )
    world.controller().turn()
    assert world.replicas() == 3


def test_what_is_set_by_hand_between_two_changes_stays(world: Any) -> None:
    world.deployment(**EVENING)
    world.pass_time(hours=2, minutes=5)
    late(world).turn()
    world.pass_time(hours=1)
    world.scale(2)
    late(world).turn()
    assert world.replicas() == 2
    world.pass_time(hours=5)
    late(world).turn()
    assert world.replicas() == 3


@pytest.mark.parametrize(
    ("own", "replicas"),
    [
        ({"downtime": "always"}, 0),
        ({"uptime": "never"}, 0),
        ({**EVENING, "force_uptime": "true", "original_replicas": "5"}, 5),
        ({"force_downtime": "Mon-Fri 13:00-20:00 UTC"}, 0),
        ({**EVENING, "exclude": "true", "original_replicas": "5"}, 5),
        ({**EVENING, "up_for": "3h", "original_replicas": "5"}, 5),
    ],
)
def test_what_is_no_change_of_the_schedule_is_done_at_any_time(world: Any, own: dict[str, str], replicas: int) -> None:
    world.deployment(**own)
    world.pass_time(hours=3)
    late(world).turn()
    assert world.replicas() == replicas


def test_the_end_of_an_exception_is_a_change(world: Any) -> None:
    world.deployment(**EVENING, up_until="2026-03-23T15:00:00Z")
    world.pass_time(hours=3, minutes=5)
    late(world).turn()
    assert world.replicas() == 0


def test_the_lateness_of_a_namespace_does_not_count(world: Any) -> None:
    """A namespace whose schedule --jitter makes late is late on purpose."""
    world.deployment(**EVENING)
    controller = late(world, "--jitter=3600")
    own = controller.config.rules.lateness("shop")
    assert own.total_seconds() > 600
    world.pass_time(hours=2, seconds=own.total_seconds() + 300)
    controller.turn()
    assert world.replicas() == 0
