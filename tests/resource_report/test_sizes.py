"""Effective requests, as tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from resource_report.kinds import PodSpec
from resource_report.rows import Amounts
from resource_report.sizes import amounts, effective_requests, gpu_share, number, provisioned
from shared.errors import ValueProblem

GIB = 2**30


def container(cpu: str = "0", memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"name": "x", "resources": {"requests": {"cpu": cpu, "memory": memory} | more.pop("extra", {})}, **more}


@pytest.mark.parametrize(
    ("spec", "cores", "gib"),
    [
        pytest.param({}, 0, 0, id="nothing"),
        pytest.param({"containers": [{"name": "x"}]}, 0, 0, id="no requests"),
        pytest.param({"containers": [container("100m", "1Gi"), container("0.2", "512Mi")]}, 0.3, 1.5, id="containers add up"),
        pytest.param({"containers": [container("100m")], "initContainers": [container("500m", "2Gi")]}, 0.5, 2, id="init peak"),
        pytest.param(
            {"containers": [container("400m")], "initContainers": [container("300m"), container("200m")]},
            0.4,
            0,
            id="one at a time",
        ),
        pytest.param(
            {"containers": [container("300m")], "initContainers": [container("50m", restartPolicy="Always"), container("400m")]},
            0.45,
            0,
            id="an init container beside an earlier sidecar",
        ),
        pytest.param(
            {"containers": [container("300m")], "initContainers": [container("300m"), container("50m", restartPolicy="Always")]},
            0.35,
            0,
            id="a sidecar runs beside the containers",
        ),
        pytest.param({"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Gi"}}, 1.25, 1, id="overhead"),
        pytest.param(
            {"containers": [container("1", "1Gi")], "resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "1"}},
            3,
            1,
            id="requested for the pod as a whole",
        ),
    ],
)
def test_effective_requests(spec: dict[str, Any], cores: float, gib: float) -> None:
    found = effective_requests(msgspec.convert(spec, PodSpec))

    assert (found.cpu, found.memory) == (pytest.approx(cores), pytest.approx(gib * GIB))


@pytest.mark.parametrize(
    ("resource", "share"),
    [
        ("nvidia.com/gpu", 1),
        ("amd.com/gpu", 1),
        ("nvidia.com/gpu.shared", 1),
        ("nvidia.com/mig-3g.20gb", 3 / 7),
        ("example.org/fpga", 0),
        ("nvidia.com/gpumem", 0),
    ],
)
def test_gpu_share(resource: str, share: float) -> None:
    assert gpu_share(resource) == pytest.approx(share)


def test_gpus_of_a_pod_come_from_its_containers() -> None:
    spec = {"containers": [container(extra={"nvidia.com/gpu": "2"})], "resources": {"requests": {"cpu": "1"}}}

    assert effective_requests(msgspec.convert(spec, PodSpec)).gpu == 2


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("129e6", 129e6), ("-1", 0), ("+1", 1), (3, 3), ("100n", 1e-7)])
def test_numbers(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "one", "1.5.1", "1KiB"])
def test_what_is_no_quantity_is_said(text: str) -> None:
    with pytest.raises(ValueProblem, match="not understood"):
        amounts({"cpu": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.25vCPU 0.5GB", (0.25, 0.5 * GIB)),
        ("4vCPU 30GB", (4, 30 * GIB)),
        ("", None),
        ("4 CPUs", None),
        ("1.2.3vCPU 1GB", None),
    ],
)
def test_fargate_size(text: str, expected: tuple[float, float] | None) -> None:
    assert provisioned(text) == expected


def test_amounts_add_and_compare_by_resource() -> None:
    assert Amounts(1, 2, 3) + Amounts(1, 1, 1) == Amounts(2, 3, 4)
    assert Amounts(1, 5, 0).at_least(Amounts(2, 1, 1)) == Amounts(2, 5, 1)
