"""The price book: which layer wins, what each price says of itself, and that it answers for any shape at all."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_report.bundled import load_bundled
from resource_report.live_prices import InstanceFacts, LiveTables, OnDemandTable, SpotQuote, SpotTable
from resource_report.price_types import MAX_PROBLEMS, Problems, sane
from resource_report.prices import GIB, NodeShape, PriceBook, PriceSettings, load_price_book

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NODE = NodeShape("aws", "us-east-1", "us-east-1a", "m6i.large", "on-demand", 2, 8 * GIB)
LIVE = LiveTables(
    {"us-east-1": OnDemandTable(NOW, {"m6i.large": 0.097})},
    {
        "us-east-1": SpotTable(
            NOW,
            frozenset({"m6i.large"}),
            (
                SpotQuote("us-east-1a", "use1-az2", "m6i.large", 0.04, NOW.replace(hour=9)),
                SpotQuote("us-east-1b", "use1-az4", "m6i.large", 0.12, None),
            ),
        )
    },
    NOW,
)


def book(text: str = "", spot: str = "", folder: Path | None = None, **settings: object) -> PriceBook:
    files = {}
    for key, content in (("pricing_file", text), ("spot_pricing_file", spot)):
        if content and folder is not None:
            path = folder / f"{key}.csv"
            path.write_text(content)
            files[key] = path
    return load_price_book(PriceSettings(**files, **settings), [], now=NOW)  # type: ignore[arg-type]


def live_book(**arguments: object) -> PriceBook:
    return PriceBook([LIVE], load_bundled(), **arguments)  # type: ignore[arg-type]


def test_the_bundled_table_answers_without_anything_else() -> None:
    prices = book()
    price = prices.price(NODE)

    assert (price.hourly_usd, price.list_hourly_usd, price.estimated) == (0.096, 0.096, False)
    assert price.source == f"bundled table {load_bundled().as_of.isoformat()}"
    assert price.as_of == load_bundled().as_of
    assert price.monthly_usd == pytest.approx(0.096 * 730.5)
    assert prices.problems == []


def test_live_prices_win_over_the_bundled_table() -> None:
    assert live_book().price(NODE).hourly_usd == 0.097


def test_the_users_file_wins_over_the_bundled_table(tmp_path: Path) -> None:
    prices = book("us-east-1,m6i.large,73.05\n", folder=tmp_path)

    assert prices.price(NODE).hourly_usd == pytest.approx(0.1)
    assert prices.price(NODE).source == "pricing file pricing_file.csv line 1"
    assert prices.price(replace(NODE, instance_type="m6i.xlarge")).hourly_usd == 0.192


def test_the_users_spot_file_is_for_spot_nodes_only(tmp_path: Path) -> None:
    prices = book("", "us-east-1,m6i.large,29.22\n", folder=tmp_path)

    spot = prices.price(replace(NODE, capacity_type="spot"))

    assert (spot.hourly_usd, spot.list_hourly_usd, spot.estimated) == (pytest.approx(0.04), 0.096, False)
    assert prices.price(NODE).hourly_usd == 0.096


def test_spot_without_a_price_takes_the_usual_discount_and_says_so() -> None:
    prices = book()
    price = prices.price(replace(NODE, capacity_type="spot"))

    assert price.list_hourly_usd == 0.096
    assert 0.2 * 0.096 < price.hourly_usd < 0.6 * 0.096
    assert price.estimated
    assert price.source.startswith("estimated: ")
    assert [severity for severity, _ in prices.problems] == ["warning"]


def test_a_live_spot_price_above_the_list_price_is_shown_as_it_is() -> None:
    price = live_book().price(replace(NODE, capacity_type="spot", zone="us-east-1b"))

    assert price.hourly_usd > price.list_hourly_usd
    assert not price.estimated


@pytest.mark.parametrize("zone", ["us-east-1a", "use1-az2"])
def test_a_zone_may_be_a_name_or_an_id(zone: str) -> None:
    assert live_book().price(replace(NODE, capacity_type="spot", zone=zone)).hourly_usd == 0.04


def test_an_unknown_zone_takes_the_mean_and_says_so() -> None:
    price = live_book().price(replace(NODE, capacity_type="spot", zone=""))

    assert price.hourly_usd == pytest.approx(0.08)
    assert price.estimated
    assert price.source == "EC2 spot price history, mean of 2 zones"


def test_what_ec2_says_replaces_the_label() -> None:
    facts = {"i-1": InstanceFacts("spot", "m6i.large", "us-east-1b"), "i-2": InstanceFacts("on-demand", "m6i.xlarge", "")}
    prices = live_book(instances=facts)

    assert prices.price(replace(NODE, instance_id="i-1")).capacity_type == "spot"
    assert prices.price(replace(NODE, instance_id="i-2", capacity_type="spot")).capacity_type == "on-demand"
    assert prices.price(NodeShape("aws", "us-east-1", instance_id="i-1")).hourly_usd == 0.12


@pytest.mark.parametrize(
    ("capacity_type", "kind"),
    [("on-demand", "on-demand"), ("unknown", "on-demand"), ("", "on-demand"), ("reserved", "reserved"), ("SPOT", "on-demand")],
)
def test_capacity_types(capacity_type: str, kind: str) -> None:
    assert book().price(replace(NODE, capacity_type=capacity_type)).capacity_type == kind


def test_reserved_capacity_without_a_rate_costs_the_list_price_and_says_why() -> None:
    price = book().price(replace(NODE, capacity_type="reserved"))

    assert price.hourly_usd == price.list_hourly_usd == 0.096
    assert "no rate is configured" in price.explanation


def test_discounts_change_what_is_paid_and_not_the_list_price(tmp_path: Path) -> None:
    path = tmp_path / "discounts.yaml"
    path.write_text("all: 10%\nreserved:\n  - {family: m6i, discount: 50%}\n")
    prices = book(discounts_file=path)

    plain, reserved = prices.price(NODE), prices.price(replace(NODE, capacity_type="reserved"))
    spot = prices.price(replace(NODE, capacity_type="spot"))

    assert (plain.hourly_usd, plain.list_hourly_usd) == (pytest.approx(0.0864), 0.096)
    assert (reserved.hourly_usd, reserved.list_hourly_usd) == (pytest.approx(0.048), 0.096)
    assert spot.hourly_usd == book().price(replace(NODE, capacity_type="spot")).hourly_usd


@pytest.mark.parametrize(
    ("region", "arch", "hourly"),
    [
        pytest.param("us-east-1", "amd64", 0.25 * 0.04048 + 0.5 * 0.004445, id="x86"),
        pytest.param("us-east-1", "arm64", 0.25 * 0.03238 + 0.5 * 0.00356, id="graviton"),
        pytest.param("eu-central-1", "amd64", 0.25 * 0.04656 + 0.5 * 0.00511, id="frankfurt"),
        pytest.param("sa-east-1", "amd64", 1.59 * (0.25 * 0.04048 + 0.5 * 0.004445), id="region-not-in-table"),
    ],
)
def test_fargate_is_priced_by_what_is_provisioned(region: str, arch: str, hourly: float) -> None:
    shape = NodeShape("aws", region, capacity_type="fargate", cores=0.25, memory_bytes=GIB / 2, arch=arch)
    price = book().price(shape)

    assert price.hourly_usd == pytest.approx(hourly)
    assert (price.estimated, price.capacity_type) == (True, "fargate")


def test_fargate_is_split_by_its_own_rates() -> None:
    ratios = book().ratios(NodeShape("aws", "us-east-1", capacity_type="fargate", cores=1, memory_bytes=GIB))

    assert (ratios.cpu, ratios.memory, ratios.gpu) == (0.04048, 0.004445, 0.0)


def test_an_unknown_type_is_listed_once_and_never_costs_nothing() -> None:
    prices = book()
    for memory in (15.5, 15.6, 15.7):
        shape = NodeShape("gcp", "europe-west1", "", "n2-standard-4", "on-demand", 4, memory * GIB)
        assert prices.price(shape).hourly_usd > 0
        assert prices.price(shape).estimated

    assert len(prices.problems) == 1
    assert "n2-standard-4 in europe-west1" in prices.problems[0][1]


def test_a_node_of_which_nothing_is_known_is_an_error_not_a_silent_zero() -> None:
    prices = book()
    price = prices.price(NodeShape())

    assert (price.hourly_usd, price.estimated) == (0.0, True)
    assert [severity for severity, _ in prices.problems] == ["error"]


def test_a_flood_of_odd_types_is_bounded() -> None:
    prices = book()
    for number in range(3 * MAX_PROBLEMS):
        prices.price(NodeShape("aws", "us-east-1", "", f"zz{number}.large", "on-demand", 2, GIB))

    assert len(prices.problems) == MAX_PROBLEMS + 1
    assert prices.problems[-1][1].endswith("the rest is not listed")


def test_a_problem_is_one_bounded_line() -> None:
    problems = Problems()
    problems.add("warning", "a\nb " + "x" * 1000)

    assert [len(text) for _, text in problems] == [400]
    assert "\n" not in problems.entries[0][1]


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        (4, 4.0),
        (0.5, 0.5),
        (0, 0.0),
        (-1, 0.0),
        (math.nan, 0.0),
        (math.inf, 0.0),
        (10**400, 0.0),
        (1e30, 0.0),
        ("4", 4.0),
        ("x", 0.0),
    ],
)
def test_amounts_that_no_machine_has_are_zero(amount: float, read: float) -> None:
    assert sane(amount) == read


NUMBERS = st.floats() | st.integers(-(10**30), 10**30)


@given(
    shape=st.builds(
        NodeShape,
        provider=st.sampled_from(["aws", "gcp", "azure", "", "x"]),
        region=st.sampled_from(["us-east-1", "eu-central-1", "sa-east-1", ""]) | st.text(max_size=20),
        zone=st.text(max_size=20),
        instance_type=st.sampled_from(["m6i.large", "p9.metal", "m.", ".large", "g5.xlarge", "c6i.900xlarge"])
        | st.text(max_size=30),
        capacity_type=st.sampled_from(["on-demand", "spot", "reserved", "fargate", "unknown", "odd"]),
        cores=NUMBERS,
        memory_bytes=NUMBERS,
        gpus=NUMBERS,
        instance_id=st.text(max_size=20),
        arch=st.sampled_from(["amd64", "arm64", ""]),
    )
)
def test_any_shape_has_a_price_and_weights(shape: NodeShape) -> None:
    prices = PriceBook([LIVE], load_bundled())
    price, ratios = prices.price(shape), prices.ratios(shape)

    assert math.isfinite(price.hourly_usd)
    assert price.hourly_usd > 0 or ("error" in dict(prices.problems))
    assert price.source
    assert min(ratios.cpu, ratios.memory) > 0
    assert ratios.gpu >= 0
