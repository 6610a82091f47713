"""Live tables: ages in words, and what may reach a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from resource_report.live_prices import INSTANCE_ID, INSTANCE_TYPE, REGION, LiveTables, OnDemandTable, SpotQuote, SpotTable, age
from resource_report.price_types import NodeShape

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
THEN = NOW - timedelta(hours=5)
TABLES = LiveTables(
    {"eu-central-1": OnDemandTable(THEN, {"m6i.large": 0.115}, stale=True)},
    {"eu-central-1": SpotTable(THEN, frozenset(), (SpotQuote("eu-central-1a", "", "m6i.large", 0.04, THEN),), stale=True)},
    NOW,
)
NODE = NodeShape("aws", "eu-central-1", "eu-central-1a", "m6i.large")


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(minutes=14, seconds=30), "14 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3), "3 days"),
        (timedelta(seconds=-5), "0 min"),
    ],
)
def test_ages_are_short(delta: timedelta, words: str) -> None:
    assert age(delta) == words


def test_what_is_stale_shows_its_age() -> None:
    on_demand, spot = TABLES.on_demand(NODE), TABLES.spot(NODE)

    assert on_demand is not None
    assert spot is not None
    assert on_demand.source == "AWS Pricing API, 5 h old"
    assert spot.source == "EC2 spot price history eu-central-1a, 5 h old"
    assert "in force since 2026-11-24 07:00 UTC" in spot.explanation


@pytest.mark.parametrize(
    "shape",
    [
        NodeShape("gcp", "eu-central-1", "eu-central-1a", "m6i.large"),
        NodeShape("aws", "eu-west-1", "eu-west-1a", "m6i.large"),
        NodeShape("aws", "eu-central-1", "eu-central-1a", "m7i.large"),
        NodeShape("aws", "eu-central-1", "", "m7i.large"),
    ],
)
def test_what_is_not_in_the_tables_is_none(shape: NodeShape) -> None:
    assert TABLES.on_demand(shape) is None or shape.instance_type == "m6i.large"
    assert TABLES.spot(shape) is None


@pytest.mark.parametrize("name", ["us-east-1", "eu-central-1", "ap-southeast-3", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_names_of_regions(name: str) -> None:
    assert REGION.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "europe-west1", "us-east-1.evil.example", "us-east-1/", "US-EAST-1", "us-east-1\n", "a" * 500]
)
def test_what_is_no_region(name: str) -> None:
    assert not REGION.fullmatch(name)


@pytest.mark.parametrize("name", ["m6i.large", "u-6tb1.112xlarge", "c7i-flex.xlarge", "m7i.metal-24xl"])
def test_names_of_types(name: str) -> None:
    assert INSTANCE_TYPE.fullmatch(name)


@pytest.mark.parametrize("name", ["", "m6i", "n2-standard-4", "Standard_D4s_v5", "m6i.large\n", "m6i.large.large", "<b>.large"])
def test_what_is_no_type(name: str) -> None:
    assert not INSTANCE_TYPE.fullmatch(name)


@pytest.mark.parametrize(("name", "good"), [("i-0123456789abcdef0", True), ("i-0123abcd", True), ("i-xyz", False), ("", False)])
def test_ids_of_instances(name: str, good: bool) -> None:
    assert bool(INSTANCE_ID.fullmatch(name)) is good
