"""Each row of the table of kinds: what size an object has, what patch changes it, which targets and records it takes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from downscaler.amounts import Refusal, Size, parse_replicas
from downscaler.beside import NOTHING
from downscaler.sizes import KINDS, kinds_left_out
from downscaler.workloads import Workload
from shared.errors import ValueProblem


def workload(kind: str, spec: dict[str, Any], **more: Any) -> Workload:
    return msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec, **more}, KINDS[kind].as_type)


OFF = {"kube-downscaler-non-existent": "true"}
OTHER_OFF = {"downscaler/match-none": "true"}


def selector(keys: dict[str, str]) -> dict[str, Any]:
    return {"template": {"spec": {"nodeSelector": keys}}}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("deployments", {"replicas": 3}, 3),
        ("deployments", {"replicas": 0}, 0),
        ("deployments", {}, 1),
        ("statefulsets", {"replicas": 2}, 2),
        ("horizontalpodautoscalers", {"minReplicas": 2, "maxReplicas": 5}, 2),
        ("horizontalpodautoscalers", {"maxReplicas": 5}, 1),
        ("cronjobs", {"suspend": False}, 1),
        ("cronjobs", {"suspend": True}, 0),
        ("cronjobs", {}, 1),
        ("jobs", {"suspend": True}, 0),
        ("daemonsets", selector({"disk": "ssd"}), 1),
        ("daemonsets", {}, 1),
        ("daemonsets", selector(OFF), 0),
        ("daemonsets", selector(OTHER_OFF), 0),
        ("poddisruptionbudgets", {"minAvailable": 2}, 2),
        ("poddisruptionbudgets", {"minAvailable": "75%"}, "75%"),
        ("poddisruptionbudgets", {"maxUnavailable": 1}, 1),
        ("poddisruptionbudgets", {"minAvailable": 0}, 0),
        ("poddisruptionbudgets", {}, None),
    ],
)
def test_read(kind: str, spec: dict[str, Any], expected: Size | None) -> None:
    assert KINDS[kind].read(workload(kind, spec)) == expected


@pytest.mark.parametrize(
    ("kind", "spec", "size", "expected"),
    [
        ("deployments", {"replicas": 3}, 0, {"replicas": 0}),
        ("statefulsets", {"replicas": 0}, 3, {"replicas": 3}),
        ("horizontalpodautoscalers", {"minReplicas": 2}, 1, {"minReplicas": 1}),
        ("cronjobs", {}, 0, {"suspend": True}),
        ("cronjobs", {"suspend": True}, 1, {"suspend": False}),
        ("jobs", {}, 0, {"suspend": True}),
        ("daemonsets", {}, 0, selector(OFF)),
        ("daemonsets", selector(OFF), 1, selector({"kube-downscaler-non-existent": None})),  # type: ignore[dict-item]
        ("daemonsets", selector(OTHER_OFF), 1, selector({"downscaler/match-none": None})),  # type: ignore[dict-item]
        ("poddisruptionbudgets", {"minAvailable": 2}, 0, {"minAvailable": 0}),
        ("poddisruptionbudgets", {"maxUnavailable": 1}, "100%", {"maxUnavailable": "100%"}),
    ],
)
def test_patch(kind: str, spec: dict[str, Any], size: Size, expected: dict[str, Any]) -> None:
    assert KINDS[kind].patch(workload(kind, spec), size) == {"spec": expected}


@pytest.mark.parametrize(
    ("kind", "target", "expected"),
    [
        ("deployments", 0, 0),
        ("deployments", 2, 2),
        ("deployments", "50%", Refusal("a whole number; a percentage such as 50% works only on a PodDisruptionBudget")),
        ("statefulsets", 1, 1),
        ("cronjobs", 0, 0),
        ("cronjobs", 5, 1),
        ("cronjobs", "50%", Refusal("a whole number; a percentage such as 50% works only on a PodDisruptionBudget")),
        ("daemonsets", 1, 1),
        ("jobs", 0, 0),
        ("horizontalpodautoscalers", 2, 2),
        ("poddisruptionbudgets", 0, 0),
        ("poddisruptionbudgets", "50%", "50%"),
    ],
)
def test_reach(kind: str, target: Size, expected: Size | Refusal) -> None:
    assert KINDS[kind].reach(workload(kind, {}), target) == expected


def test_an_autoscaler_refuses_zero_and_says_what_to_do() -> None:
    refusal = KINDS["horizontalpodautoscalers"].reach(workload("horizontalpodautoscalers", {}), 0)
    assert isinstance(refusal, Refusal)
    assert refusal.reason.startswith("1 or more")


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("deployments", "3", 3),
        ("deployments", "0", 0),
        ("deployments", " 7 ", 7),
        ("deployments", "-1", 1),
        ("statefulsets", "2147483647", 2147483647),
        ("horizontalpodautoscalers", "2", 2),
        ("horizontalpodautoscalers", "-1", 1),
        ("cronjobs", "1", 1),
        ("cronjobs", "false", 1),
        ("cronjobs", "-1", 1),
        ("cronjobs", "true", 0),
        ("cronjobs", "0", 0),
        ("jobs", "False", 1),
        ("daemonsets", "1", 1),
        ("daemonsets", "false", 1),
        ("poddisruptionbudgets", "2", 2),
        ("poddisruptionbudgets", "75%", "75%"),
    ],
)
def test_recorded_originals(kind: str, text: str, expected: Size) -> None:
    assert KINDS[kind].parse_original(text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("deployments", ""),
        ("deployments", "three"),
        ("deployments", "-2"),
        ("deployments", "3.0"),
        ("deployments", "75%"),
        ("deployments", "false"),
        ("deployments", "2147483648"),
        ("cronjobs", "3"),
        ("cronjobs", "yes"),
        ("daemonsets", ""),
        ("poddisruptionbudgets", "-1"),
        ("poddisruptionbudgets", "false"),
    ],
)
def test_records_that_cannot_be_read(kind: str, text: str) -> None:
    with pytest.raises(ValueProblem, match="accepted"):
        KINDS[kind].parse_original(text)


MIN, MAX = {"minAvailable": 1}, {"maxUnavailable": 1}


@pytest.mark.parametrize(
    ("kind", "spec", "left", "right", "expected"),
    [
        ("deployments", {}, 3, 0, 1),
        ("deployments", {}, 0, 3, -1),
        ("deployments", {}, 3, 3, 0),
        ("deployments", {}, 3, "50%", None),
        ("poddisruptionbudgets", MIN, 2, 0, 1),
        ("poddisruptionbudgets", MIN, "75%", "50%", 1),
        ("poddisruptionbudgets", MIN, "75%", 0, 1),
        ("poddisruptionbudgets", MIN, 0, "75%", -1),
        ("poddisruptionbudgets", MIN, 0, "0%", 0),
        ("poddisruptionbudgets", MIN, 2, "50%", None),
        ("poddisruptionbudgets", MIN, 2, "100%", -1),
        ("poddisruptionbudgets", MIN, "100%", 2, 1),
        ("poddisruptionbudgets", MIN, "50%", 2, None),
        ("poddisruptionbudgets", MIN, "rubbish", "50%", 1),
        ("poddisruptionbudgets", MAX, 1, 0, -1),
        ("poddisruptionbudgets", MAX, 1, 2, 1),
        ("poddisruptionbudgets", MAX, "25%", "100%", 1),
        ("poddisruptionbudgets", MAX, 2, "50%", None),
    ],
)
def test_compare(kind: str, spec: dict[str, Any], left: Size, right: Size, expected: int | None) -> None:
    assert KINDS[kind].compare(workload(kind, spec), left, right) == expected


@pytest.mark.parametrize(("ceiling", "size", "expected"), [(5, 3, 3), (2, 3, 2), (None, 3, 3), (2, "50%", "50%")])
def test_an_autoscaler_never_gets_a_minimum_above_its_maximum(ceiling: int | None, size: Size, expected: Size) -> None:
    kind = KINDS["horizontalpodautoscalers"]
    assert kind.clamp(workload(kind.id, {"maxReplicas": ceiling}), size, NOTHING) == expected


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("jobs", {"conditions": [{"type": "Complete", "status": "True"}]}, True),
        ("jobs", {"conditions": [{"type": "Failed", "status": "True"}]}, True),
        ("jobs", {"conditions": [{"type": "Complete", "status": "False"}, {"type": "Suspended", "status": "True"}]}, False),
        ("jobs", {}, False),
        ("deployments", {"conditions": [{"type": "Complete", "status": "True"}]}, False),
    ],
)
def test_finished(kind: str, status: dict[str, Any], expected: bool) -> None:
    assert workload(kind, {}, status=status).finished is expected


def test_the_table_is_consistent() -> None:
    assert all(kind.id == name for name, kind in KINDS.items())
    assert all(kind.resource.plural == kind.whole for kind in KINDS.values())
    assert all(not kind.part_of or kind.resource == KINDS[kind.part_of].resource for kind in KINDS.values())


@pytest.mark.parametrize(
    ("included", "left_out"),
    [
        ("deployments", {"services"}),
        ("services", set()),
        ("services,awsnlbservices", set()),
        ("awsnlbservices", {"awselbservices"}),
        ("awselbservices", {"awsnlbservices"}),
        ("awselbservices,awsnlbservices", set()),
    ],
)
def test_no_object_is_looked_at_twice(included: str, left_out: set[str]) -> None:
    found = {kind.id for kind in kinds_left_out(KINDS[name] for name in included.split(","))}
    assert {kind for kind in found if KINDS[kind].whole == "services"} == left_out
    assert found.isdisjoint(included.split(","))
    assert found >= {"statefulsets", "ingresses", "jobs"}


def test_sizes_in_text() -> None:
    assert parse_replicas("007%") == "7%"
    assert parse_replicas("0%") == "0%"
