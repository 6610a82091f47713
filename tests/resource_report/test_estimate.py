"""Estimates: in which order they are tried, and the weights that split a price."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from resource_report.bundled import load_bundled
from resource_report.estimate import DEFAULT_RATES, Estimator
from resource_report.live_prices import LiveTables, OnDemandTable
from resource_report.price_types import GIB, NodeShape

NODE = NodeShape("aws", "us-east-1", "", "m6i.large", "on-demand", 2, 8 * GIB)


@pytest.fixture
def estimator() -> Estimator:
    return Estimator(load_bundled(), (load_bundled(),))


@pytest.mark.parametrize(
    ("region", "instance_type", "hourly", "source"),
    [
        pytest.param("us-east-1", "m6i.7xlarge", 7 * 0.192, "estimated from m6i.xlarge", id="size-between"),
        pytest.param("us-east-1", "m6i.nano", 0.192 / 32, "estimated from m6i.xlarge", id="size-below"),
        pytest.param("us-east-1", "p4d.12xlarge", 12 * 0.91490175, "estimated from p4d.24xlarge", id="family-of-one-size"),
        pytest.param("us-east-1", "m9g.large", 0.08976, "estimated from m8g.large", id="next-generation-same-make"),
        pytest.param("us-east-1", "m9x.large", 0.12172, "estimated from m8a.large", id="next-generation-other-make"),
        pytest.param("us-east-1", "p7.48xlarge", 55.04, "estimated from p5.48xlarge", id="gpu-generation"),
        pytest.param("sa-east-1", "m6i.large", 1.59 * 0.096, "estimated from m6i.large in us-east-1", id="region-not-in-table"),
        pytest.param("sa-east-1", "m9g.large", 1.59 * 0.08976, "estimated from m9g.large in us-east-1", id="both-unknown"),
        pytest.param("eu-central-1", "m9g.large", 0.10752, "estimated from m8g.large", id="generation-there-before-level"),
        pytest.param("mars-north-1", "m6i.large", 0.096, "estimated from m6i.large in us-east-1", id="no-such-region"),
        pytest.param("eu-central-1", "p4d.24xlarge", 1.2 * 21.957642, "estimated from p4d.24xlarge in us-east-1", id="not-there"),
    ],
)
def test_the_nearest_known_price_is_taken(
    estimator: Estimator, region: str, instance_type: str, hourly: float, source: str
) -> None:
    found = estimator.on_demand(replace(NODE, region=region, instance_type=instance_type))

    assert found.estimated
    assert found.source.startswith(source)
    assert found.hourly == pytest.approx(hourly, rel=1e-3)


@pytest.mark.parametrize(
    ("shape", "hourly"),
    [
        pytest.param(NodeShape("aws", "us-east-1", "", "hpc9.big", "", 4, 16 * GIB), 4 * 0.031611 + 16 * 0.004237, id="aws"),
        pytest.param(NodeShape("gcp", "x", "", "n2-standard-4", "", 4, 16 * GIB), 4 * 0.031611 + 16 * 0.004237, id="gcp"),
        pytest.param(NodeShape("gcp", "x", "", "e2-standard-4", "", 4, 16 * GIB), 4 * 0.021811 + 16 * 0.002923, id="gcp-e2"),
        pytest.param(NodeShape("azure", "x", "", "D4s_v5", "", 4, 16 * GIB), 4 * 0.039 + 16 * 0.001917, id="azure"),
        pytest.param(NodeShape("", "", "", "", "", 4, 16 * GIB), 4 * 0.031611 + 16 * 0.004237, id="somewhere"),
        pytest.param(NodeShape("", "", "", "", "", 4, 16 * GIB, 2), 4 * 0.031611 + 16 * 0.004237 + 2 * 0.95, id="gpus"),
        pytest.param(NodeShape("", "", "", "", "", 4, 0), 4 * 0.031611, id="memory-unknown"),
        pytest.param(NodeShape(), 0.0, id="nothing-known"),
    ],
)
def test_else_cores_memory_and_gpus_are_counted(estimator: Estimator, shape: NodeShape, hourly: float) -> None:
    found = estimator.on_demand(shape)

    assert found.hourly == pytest.approx(hourly)
    assert found.estimated


def test_weights_of_the_general_families_come_from_their_siblings(estimator: Estimator) -> None:
    """c6i.xlarge 0.170 and r6i.xlarge 0.252 for 4 vCPUs: (0.0630 - 0.0425) / 6 a GiB, 0.0425 - 2 of these a vCPU."""
    ratios = estimator.ratios(NODE, 0.096)

    assert ratios.memory == pytest.approx(0.0034167, rel=1e-4)
    assert ratios.cpu == pytest.approx(0.0356667, rel=1e-4)
    assert ratios.source == "from the prices of c6i and r6i in us-east-1"
    assert 2 * ratios.cpu + 8 * ratios.memory == pytest.approx(0.096, rel=0.03)


@pytest.mark.parametrize("instance_type", ["t3.large", "i4i.large", "", "m5zn.large", "mx.large"])
def test_weights_of_other_families_are_the_defaults(estimator: Estimator, instance_type: str) -> None:
    ratios = estimator.ratios(replace(NODE, instance_type=instance_type), 0.1)

    default = DEFAULT_RATES["aws"]
    assert (ratios.cpu, ratios.memory, ratios.gpu) == (default.cpu, default.memory, default.gpu)


def test_weights_take_both_siblings_from_one_source() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    negotiated = LiveTables({"us-east-1": OnDemandTable(now, {"c6i.xlarge": 0.05})}, {}, now)
    both = Estimator(load_bundled(), (negotiated, load_bundled()))

    assert both.ratios(NODE, 0.096) == Estimator(load_bundled(), (load_bundled(),)).ratios(NODE, 0.096)


def test_weights_that_prices_contradict_are_the_defaults() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    odd = LiveTables({"us-east-1": OnDemandTable(now, {"c6i.xlarge": 0.01, "r6i.xlarge": 1.0})}, {}, now)

    assert Estimator(load_bundled(), (odd,)).ratios(NODE, 0.1).cpu == DEFAULT_RATES["aws"].cpu


def test_a_gpu_weighs_what_cpu_and_memory_leave_of_the_price(estimator: Estimator) -> None:
    ratios = estimator.ratios(NodeShape("aws", "us-east-1", "", "g5.xlarge", "", 4, 16 * GIB, 1), 1.006)

    assert ratios.gpu == pytest.approx(1.006 - 4 * ratios.cpu - 16 * ratios.memory)
    assert "GPU: the rest of g5.xlarge's list price" in ratios.source


def test_a_gpu_of_a_node_too_cheap_for_it_weighs_the_default(estimator: Estimator) -> None:
    assert estimator.ratios(NodeShape("aws", "us-east-1", "", "g5.xlarge", "", 4, 16 * GIB, 1), 0.01).gpu == 0.95
