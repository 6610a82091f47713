"""The whole table of sizes: r the object has, t the target, o the recorded original, s the recorded size that was set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.amounts import Size
from downscaler.annotations import NOTHING
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo, decide
from downscaler.policy import ALWAYS, NEVER, Policy, RestorePolicy, Scope, Setting, govern
from downscaler.sizes import KINDS

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
UP = Policy()
DOWN = Policy(uptime=Setting(NEVER))
LEAVE = Policy(upscale_period=Setting(ALWAYS), downscale_period=Setting(ALWAYS))


def shaped(kind: str, size: Size | None) -> dict[str, Any]:
    """A spec of *kind* with that size."""
    match kind:
        case "cronjobs" | "jobs":
            return {"suspend": size == 0}
        case "daemonsets":
            return {"template": {"spec": {"nodeSelector": {"kube-downscaler-non-existent": "true"} if size == 0 else {}}}}
        case "horizontalpodautoscalers":
            return {"minReplicas": size, "maxReplicas": 6}
        case "poddisruptionbudgets":
            return {} if size is None else {"minAvailable": size}
    return {"replicas": size}


def run(
    policy: Policy,
    size: Size | None,
    original: str | None = None,
    put: str | None = None,
    target: Size = 0,
    kind: str = "deployments",
    **spec: Any,
) -> Decision:
    """The decision on an object a day old."""
    annotations = {"downscaler/original-replicas": original, "downscaler/downscaled-to": put}
    meta = {
        "name": "web",
        "namespace": "shop",
        "creationTimestamp": "2026-03-22T12:00:00Z",
        "annotations": {key: value for key, value in annotations.items() if value is not None},
    }
    workload = msgspec.convert({"metadata": meta, "spec": shaped(kind, size) | spec}, KINDS[kind].as_type)
    return decide(KINDS[kind], workload, replace(policy, downtime_replicas=Setting(target)), NOW)


def short(decision: Decision) -> tuple[Any, ...]:
    """The decision without its reason."""
    match decision:
        case Keep(cause=cause):
            return ("keep", cause)
        case ScaleTo(size=size, original=original):
            return ("scale", size, original)
        case Restore(size=size):
            return ("restore", size)
        case Forget():
            return ("forget",)
        case Problem():
            return ("problem",)


TABLE = [
    # name, policy, r, o, s, t, expected
    # -- without a record
    ("up, running", UP, 3, None, None, 0, ("keep", "up")),
    ("up, parked at zero", UP, 0, None, None, 0, ("keep", "up")),
    ("up, below a target of one", UP, 0, None, None, 1, ("keep", "up")),
    ("down, running", DOWN, 3, None, None, 0, ("scale", 0, 3)),
    ("down, running, to two", DOWN, 3, None, None, 2, ("scale", 2, 3)),
    ("down, parked at zero", DOWN, 0, None, None, 0, ("keep", "parked")),
    ("down, parked at zero, target one", DOWN, 0, None, None, 1, ("keep", "parked")),
    ("down, at the target", DOWN, 2, None, None, 2, ("keep", "parked")),
    ("down, below the target", DOWN, 1, None, None, 2, ("keep", "parked")),
    ("down, percentage for a count", DOWN, 3, None, None, "50%", ("keep", "refused")),
    ("no period, running", LEAVE, 3, None, None, 0, ("keep", "no-period")),
    # -- down with a record: the original is never written again
    ("down already", DOWN, 0, "3", "0", 0, ("keep", "down")),
    ("down already, by another tool", DOWN, 0, "3", None, 0, ("keep", "down")),
    ("raised by hand at night", DOWN, 5, "3", "0", 0, ("scale", 0, 3)),
    ("raised to the original by hand at night", DOWN, 3, "3", "0", 0, ("scale", 0, 3)),
    ("raised a little by hand at night", DOWN, 1, "3", "0", 0, ("scale", 0, 3)),
    ("target lowered while down", DOWN, 1, "3", "1", 0, ("scale", 0, 3)),
    ("target raised while down", DOWN, 0, "3", "0", 1, ("scale", 1, 3)),
    ("target raised while down, another tool's record", DOWN, 0, "3", None, 1, ("scale", 1, 3)),
    ("target raised to the original", DOWN, 0, "3", "0", 3, ("restore", 3)),
    ("target raised above the original", DOWN, 0, "3", "0", 7, ("restore", 3)),
    ("target above the original, raised by hand", DOWN, 5, "3", "0", 7, ("forget",)),
    ("lowered below the target by hand", DOWN, 0, "3", "1", 1, ("keep", "touched")),
    ("target raised after lowering by hand", DOWN, 0, "3", "1", 2, ("keep", "touched")),
    ("target became impossible", DOWN, 0, "3", "0", "50%", ("keep", "refused")),
    ("recorded zero, down", DOWN, 0, "0", None, 0, ("forget",)),
    ("recorded zero, down, raised by hand", DOWN, 2, "0", None, 0, ("forget",)),
    ("no period with a record", LEAVE, 0, "3", "0", 0, ("keep", "no-period")),
    # -- up with a record
    ("wakes", UP, 0, "3", "0", 0, ("restore", 3)),
    ("wakes from one", UP, 1, "3", "1", 1, ("restore", 3)),
    ("wakes, another tool's record", UP, 0, "3", None, 0, ("restore", 3)),
    ("wakes although the target changed meanwhile", UP, 0, "3", "0", 1, ("restore", 3)),
    ("wakes, another tool's record, target changed", UP, 1, "3", None, 0, ("restore", 3)),
    ("raised to the original by hand: the record is stale", UP, 3, "3", "0", 0, ("forget",)),
    ("raised above the original by hand", UP, 5, "3", "0", 0, ("forget",)),
    ("raised below the original by hand", UP, 2, "3", "0", 0, ("restore", 3)),
    ("lowered by hand below what was set", UP, 0, "3", "1", 1, ("restore", 3)),
    ("recorded zero, parked", UP, 0, "0", None, 0, ("forget",)),
    ("recorded zero, running", UP, 4, "0", None, 0, ("forget",)),
    ("recorded -1 is an unset field, which is one", UP, 0, "-1", None, 0, ("restore", 1)),
    ("record of the size that was set only, unreadable", UP, 0, "3", "rubbish", 0, ("restore", 3)),
    ("left-over of a record", UP, 3, None, "0", 0, ("forget",)),
    ("left-over of a record, going down", DOWN, 3, None, "1", 0, ("scale", 0, 3)),
    # -- garbage in the record: untouched, whatever the time
    ("garbage, up", UP, 0, "three", None, 0, ("problem",)),
    ("garbage, down", DOWN, 3, "three", None, 0, ("problem",)),
    ("garbage, no period", LEAVE, 0, "", None, 0, ("problem",)),
    ("too large to be true", UP, 0, "99999999999", None, 0, ("problem",)),
]


@pytest.mark.parametrize(
    ("policy", "size", "original", "put", "target", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_sizes(policy: Policy, size: int, original: str | None, put: str | None, target: Size, expected: tuple[Any, ...]) -> None:
    assert short(run(policy, size, original, put, target)) == expected


@pytest.mark.parametrize(
    ("restore", "size", "original", "put", "target", "expected"),
    [
        (RestorePolicy.ALWAYS, 0, "3", "0", 0, ("restore", 3)),
        (RestorePolicy.ALWAYS, 5, "3", "0", 0, ("restore", 3)),
        (RestorePolicy.ALWAYS, 3, "3", "0", 0, ("forget",)),
        (RestorePolicy.ALWAYS, 5, "0", "0", 0, ("forget",)),
        (RestorePolicy.IF_UNTOUCHED, 0, "3", "0", 0, ("restore", 3)),
        (RestorePolicy.IF_UNTOUCHED, 1, "3", "0", 0, ("forget",)),
        (RestorePolicy.IF_UNTOUCHED, 5, "3", "0", 0, ("forget",)),
        (RestorePolicy.IF_UNTOUCHED, 0, "3", "1", 1, ("forget",)),
        (RestorePolicy.IF_UNTOUCHED, 1, "3", None, 1, ("restore", 3)),
        (RestorePolicy.IF_UNTOUCHED, 1, "3", None, 0, ("forget",)),
        (RestorePolicy.MAX, 5, "3", "0", 0, ("forget",)),
    ],
)
def test_restore_policies(
    restore: RestorePolicy, size: int, original: str, put: str | None, target: int, expected: tuple[Any, ...]
) -> None:
    assert short(run(Policy(restore=restore), size, original, put, target)) == expected


KIND_ROWS = [
    # name, kind, policy, r, o, s, t, expected
    ("CronJob down", "cronjobs", DOWN, 1, None, None, 0, ("scale", 0, 1)),
    ("CronJob suspended by its owner", "cronjobs", DOWN, 0, None, None, 0, ("keep", "parked")),
    ("CronJob with a target of one is never suspended", "cronjobs", DOWN, 1, None, None, 1, ("keep", "parked")),
    ("CronJob wakes", "cronjobs", UP, 0, "1", "0", 0, ("restore", 1)),
    ("CronJob wakes from a record in the other form", "cronjobs", UP, 0, "false", None, 0, ("restore", 1)),
    ("CronJob that was suspended before", "cronjobs", UP, 0, "true", None, 0, ("forget",)),
    ("CronJob resumed by hand", "cronjobs", UP, 1, "1", "0", 0, ("forget",)),
    ("CronJob whose target was raised while down", "cronjobs", DOWN, 0, "1", "0", 1, ("restore", 1)),
    ("Job down", "jobs", DOWN, 1, None, None, 0, ("scale", 0, 1)),
    ("Job wakes", "jobs", UP, 0, "1", "0", 0, ("restore", 1)),
    ("DaemonSet down", "daemonsets", DOWN, 1, None, None, 0, ("scale", 0, 1)),
    ("DaemonSet parked", "daemonsets", DOWN, 0, None, None, 0, ("keep", "parked")),
    ("DaemonSet wakes", "daemonsets", UP, 0, "1", "0", 0, ("restore", 1)),
    ("DaemonSet wakes from a record in the other form", "daemonsets", UP, 0, "false", None, 0, ("restore", 1)),
    ("StatefulSet down", "statefulsets", DOWN, 3, None, None, 0, ("scale", 0, 3)),
    ("HPA: zero is not possible", "horizontalpodautoscalers", DOWN, 3, None, None, 0, ("keep", "refused")),
    ("HPA down to one", "horizontalpodautoscalers", DOWN, 3, None, None, 1, ("scale", 1, 3)),
    ("HPA wakes", "horizontalpodautoscalers", UP, 1, "3", "1", 1, ("restore", 3)),
    ("HPA wakes to its lowered maximum", "horizontalpodautoscalers", UP, 1, "9", "1", 1, ("restore", 6)),
    ("HPA at its lowered maximum already", "horizontalpodautoscalers", UP, 6, "9", "1", 1, ("forget",)),
    ("HPA whose target became zero while down", "horizontalpodautoscalers", DOWN, 1, "3", "1", 0, ("keep", "refused")),
    ("HPA whose raised target is above its maximum", "horizontalpodautoscalers", DOWN, 1, "9", "1", 7, ("scale", 6, 9)),
    ("PDB relaxed to nothing", "poddisruptionbudgets", DOWN, 2, None, None, 0, ("scale", 0, 2)),
    ("PDB in percent", "poddisruptionbudgets", DOWN, "75%", None, None, "25%", ("scale", "25%", "75%")),
    ("PDB is not tightened", "poddisruptionbudgets", DOWN, 1, None, None, 2, ("keep", "parked")),
    ("PDB that cannot be compared", "poddisruptionbudgets", DOWN, 2, None, None, "50%", ("keep", "refused")),
    ("PDB that cannot be compared while down", "poddisruptionbudgets", DOWN, 0, "2", "0", "50%", ("keep", "refused")),
    ("PDB wakes", "poddisruptionbudgets", UP, 0, "75%", "0", 0, ("restore", "75%")),
    ("PDB changed by hand to another unit", "poddisruptionbudgets", UP, "50%", "2", "0", 0, ("forget",)),
    ("PDB without a budget", "poddisruptionbudgets", DOWN, None, None, None, 0, ("keep", "unsized")),
]


@pytest.mark.parametrize(
    ("kind", "policy", "size", "original", "put", "target", "expected"),
    [row[1:] for row in KIND_ROWS],
    ids=[row[0] for row in KIND_ROWS],
)
def test_kinds(
    kind: str, policy: Policy, size: Size, original: str | None, put: str | None, target: Size, expected: tuple[Any, ...]
) -> None:
    assert short(run(policy, size, original, put, target, kind)) == expected


def budget(policy: Policy, allowed: Size, original: str | None, target: Size) -> tuple[Any, ...]:
    return short(run(policy, None, original, None, target, "poddisruptionbudgets", maxUnavailable=allowed))


def test_a_budget_of_unavailable_pods_is_relaxed_upwards_only() -> None:
    assert budget(DOWN, 1, None, 0) == ("keep", "parked")
    assert budget(DOWN, 1, None, 3) == ("scale", 3, 1)
    assert budget(DOWN, "25%", None, "100%") == ("scale", "100%", "25%")
    assert budget(UP, 3, "1", 3) == ("restore", 1)
    assert budget(UP, 3, "0", 3) == ("restore", 0)


def test_what_is_finished_is_not_suspended() -> None:
    job = {"metadata": {"name": "a", "namespace": "b"}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    workload = msgspec.convert(job, KINDS["jobs"].as_type)
    assert short(decide(KINDS["jobs"], workload, DOWN, NOW)) == ("keep", "finished")


def test_what_is_being_deleted_is_left_alone() -> None:
    meta = {"name": "a", "namespace": "b", "deletionTimestamp": "2026-03-23T11:00:00Z"}
    workload = msgspec.convert({"metadata": meta, "spec": {"replicas": 3}}, KINDS["deployments"].as_type)
    assert short(decide(KINDS["deployments"], workload, DOWN, NOW)) == ("keep", "leaving")


@pytest.mark.parametrize(
    ("created", "deployed", "grace", "expected"),
    [
        ("2026-03-23T11:50:00Z", None, 900, ("keep", "grace")),
        ("2026-03-23T11:45:00Z", None, 900, ("keep", "grace")),
        ("2026-03-23T11:44:59Z", None, 900, ("scale", 0, 3)),
        ("2026-03-23T11:50:00Z", None, 300, ("scale", 0, 3)),
        ("2026-03-22T00:00:00Z", datetime(2026, 3, 23, 11, 55, tzinfo=UTC), 900, ("keep", "grace")),
        ("2026-03-23T11:55:00Z", datetime(2026, 3, 22, tzinfo=UTC), 900, ("keep", "grace")),
        (None, None, 900, ("scale", 0, 3)),
        ("long ago", None, 900, ("scale", 0, 3)),
    ],
)
def test_grace(created: str | None, deployed: datetime | None, grace: int, expected: tuple[Any, ...]) -> None:
    policy = Policy(uptime=Setting(NEVER), grace_period=Setting(timedelta(seconds=grace)), deployed_at=deployed)
    workload = msgspec.convert(
        {"metadata": {"name": "a", "creationTimestamp": created}, "spec": {"replicas": 3}}, KINDS["deployments"].as_type
    )
    assert short(decide(KINDS["deployments"], workload, policy, NOW)) == expected


def test_grace_delays_no_wake_up_and_delays_lowering_again() -> None:
    record = {"downscaler/original-replicas": "3", "downscaler/downscaled-to": "0"}
    meta = {"name": "a", "creationTimestamp": "2026-03-23T11:59:00Z", "annotations": record}
    kind = KINDS["deployments"]
    assert short(decide(kind, msgspec.convert({"metadata": meta, "spec": {"replicas": 0}}, kind.as_type), UP, NOW)) == (
        "restore",
        3,
    )
    again = decide(kind, msgspec.convert({"metadata": meta, "spec": {"replicas": 2}}, kind.as_type), DOWN, NOW)
    assert short(again) == ("keep", "grace")


def test_a_hold_stops_going_down_and_nothing_else() -> None:
    hold = "pods could not be read"
    assert short(run(Policy(uptime=Setting(NEVER), hold=hold), 3)) == ("keep", "hold")
    assert short(run(Policy(uptime=Setting(NEVER), hold=hold), 3, "3", "0")) == ("keep", "hold")
    assert short(run(Policy(hold=hold), 0, "3", "0")) == ("restore", 3)


def test_excluded_and_down_comes_back_unless_only_targets_are_scaled() -> None:
    assert short(run(Policy(excluded="excluded"), 0, "3", "0")) == ("restore", 3)
    assert short(run(Policy(excluded="excluded"), 3)) == ("keep", "excluded")
    assert short(run(Policy(excluded="excluded", upscale_target_only=True), 0, "3", "0")) == ("keep", "excluded")
    assert short(run(Policy(excluded="excluded"), 0, "0", None)) == ("forget",)


def test_reasons_name_the_layer_that_decided() -> None:
    assert run(DOWN, 3).reason == "not in uptime never (configuration)"
    assert run(UP, 3).reason == "in uptime always (configuration)"
    assert run(LEAVE, 3).reason == "in the upscale period and the downscale period at once"
    assert (
        run(Policy(force_downtime=Setting(ALWAYS, "namespace annotation")), 3).reason
        == "downtime is forced (namespace annotation)"
    )


def test_a_broken_record_is_named_with_the_forms_accepted() -> None:
    decision = run(UP, 0, "three")
    assert isinstance(decision, Problem)
    (complaint,) = decision.own
    assert "downscaler/original-replicas='three'" in complaint.text
    assert "a whole number" in complaint.text


def test_ungoverned_workloads_share_their_namespaces_policy() -> None:
    workload = msgspec.convert({"metadata": {"name": "web"}}, KINDS["deployments"].as_type)
    assert govern(UP, Scope(), KINDS["deployments"], workload, NOTHING) is UP


_COUNT = st.integers(0, 5)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([UP, DOWN, LEAVE]),
    _COUNT,
    st.none() | _COUNT,
    st.none() | _COUNT,
    _COUNT,
    st.sampled_from(list(RestorePolicy)),
)
def test_a_decision_that_is_carried_out_is_followed_by_keep(
    policy: Policy, size: int, original: int | None, put: int | None, target: int, restore: RestorePolicy
) -> None:
    policy = replace(policy, restore=restore)
    first = run(policy, size, None if original is None else str(original), None if put is None else str(put), target)
    match first:
        case ScaleTo(size=new, original=kept):
            assert original is None or kept == original
            assert new < kept
            second = run(policy, int(new), str(kept), str(new), target)
        case Restore(size=new):
            second = run(policy, int(new), None, None, target)
        case Forget():
            second = run(policy, size, None, None, target)
        case _:
            second = first
    # A size that was restored because the target is no longer below it is at most that target, so nothing lowers it again.
    assert isinstance(second, Keep) or (
        policy.uptime.value is NEVER and isinstance(first, Forget) and isinstance(second, ScaleTo)
    )
