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
