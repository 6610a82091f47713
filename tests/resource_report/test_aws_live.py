"""Live prices end to end: the book against the Pricing stand-in and moto's EC2, with cache, age and every kind of failure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3.session
import pytest

from resource_report.prices import NodeShape, PriceSettings, load_price_book, refresh
from tests.aws import moto_server, use_test_credentials
from tests.resource_report.pricing_standin import PricingStandIn, Refusal, product

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NODE = NodeShape("aws", "eu-central-1", "eu-central-1b", "m6i.large", "on-demand", 2, 8 * 2**30)
SPOT = replace(NODE, capacity_type="spot")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_credentials(monkeypatch)


@pytest.fixture(scope="module")
def ec2_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def pricing() -> Iterator[PricingStandIn]:
    with PricingStandIn([product("m6i.large", 0.1151), product("c6i.xlarge", 0.194), product("r6i.xlarge", 0.304)]) as standin:
        yield standin


@pytest.fixture
def settings(pricing: PricingStandIn, ec2_url: str, tmp_path: Path) -> PriceSettings:
    return PriceSettings(live_aws=True, cache_dir=tmp_path / "cache", price_endpoint=pricing.url, ec2_endpoint=ec2_url, timeout=5)


def test_live_prices_say_where_they_come_from(settings: PriceSettings) -> None:
    book = load_price_book(settings, [NODE, SPOT], now=NOW)

    on_demand, spot = book.price(NODE), book.price(SPOT)

    assert (on_demand.hourly_usd, on_demand.source, on_demand.as_of) == (0.1151, "AWS Pricing API", NOW)
    assert (spot.hourly_usd, spot.list_hourly_usd) == (0.00001, 0.1151)
    assert spot.source == "EC2 spot price history eu-central-1b"
    assert not spot.estimated
    assert book.problems == []


def test_a_second_run_asks_nothing(settings: PriceSettings, pricing: PricingStandIn) -> None:
    load_price_book(settings, [NODE], now=NOW)
    asked = len(pricing.requests)

    book = load_price_book(replace(settings, ec2_endpoint="http://127.0.0.1:9"), [NODE, SPOT], now=NOW + timedelta(minutes=59))

    assert len(pricing.requests) == asked
    assert book.price(SPOT).hourly_usd == 0.00001
    assert book.problems == []


def test_prices_are_fetched_again_after_a_day(settings: PriceSettings, pricing: PricingStandIn) -> None:
    load_price_book(settings, [NODE], now=NOW)
    pricing.products = [product("m6i.large", 0.2)]

    assert load_price_book(settings, [NODE], now=NOW + timedelta(hours=23)).price(NODE).hourly_usd == 0.1151
    assert load_price_book(settings, [NODE], now=NOW + timedelta(hours=24)).price(NODE).hourly_usd == 0.2


def test_a_new_type_is_asked_for_within_the_hour(settings: PriceSettings) -> None:
    load_price_book(settings, [SPOT], now=NOW)
    other = replace(SPOT, instance_type="m5.xlarge")

    book = load_price_book(settings, [SPOT, other], now=NOW + timedelta(minutes=1))

    assert book.price(other).source == "EC2 spot price history eu-central-1b"


def test_refresh_fetches_whatever_the_cache_holds(settings: PriceSettings, pricing: PricingStandIn) -> None:
    load_price_book(settings, [NODE], now=NOW)
    asked = len(pricing.requests)

    assert refresh(settings, [NODE], now=NOW + timedelta(minutes=1)) == []

    assert len(pricing.requests) == 2 * asked


def test_the_last_known_prices_outlive_a_refusal_and_show_their_age(settings: PriceSettings, pricing: PricingStandIn) -> None:
    load_price_book(settings, [NODE], now=NOW)
    pricing.refuse = Refusal("AccessDeniedException", "not authorized to perform: pricing:GetProducts")

    book = load_price_book(replace(settings, ec2_endpoint="http://127.0.0.1:9"), [NODE, SPOT], now=NOW + timedelta(days=3))

    assert (book.price(NODE).hourly_usd, book.price(NODE).source) == (0.1151, "AWS Pricing API, 3 days old")
    assert book.price(SPOT).source == "EC2 spot price history eu-central-1b, 3 days old"
    assert book.price(NODE).as_of == NOW
    texts = [text for _, text in book.problems]
    assert texts[0] == (
        "prices: AWS Pricing API for eu-central-1: AccessDeniedException: not authorized to perform: pricing:GetProducts; "
        "using those of 3 days ago"
    )
    assert texts[1].startswith("prices: EC2 spot prices for eu-central-1: ")
    assert len(texts) == 2


def test_without_cache_a_refusal_falls_back_to_the_bundled_table(settings: PriceSettings, pricing: PricingStandIn) -> None:
    pricing.refuse = Refusal("AccessDeniedException", "no")
    shape = replace(NODE, region="us-east-1", zone="us-east-1a")

    book = load_price_book(settings, [shape], now=NOW)

    assert book.price(shape).hourly_usd == pytest.approx(0.096)
    assert book.price(shape).source.startswith("bundled table 20")
    assert [severity for severity, _ in book.problems] == ["warning"]
    assert book.problems[0][1].endswith("AccessDeniedException: no; using the bundled table")


@pytest.mark.parametrize(("optional", "severity"), [(True, "info"), (False, "warning")])
def test_without_credentials_there_is_one_line(
    settings: PriceSettings, monkeypatch: pytest.MonkeyPatch, optional: bool, severity: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    elsewhere = replace(NODE, region="eu-west-1", zone="eu-west-1a", instance_id="i-0123456789abcdef0")

    book = load_price_book(replace(settings, live_optional=optional), [NODE, elsewhere], now=NOW)

    assert book.problems == [
        (severity, "prices: AWS Pricing API for eu-central-1: no AWS credentials found; using the bundled table")
    ]


def test_an_endpoint_that_does_not_answer_is_asked_once(settings: PriceSettings, tmp_path: Path) -> None:
    nobody = replace(settings, price_endpoint="http://127.0.0.1:9", ec2_endpoint="http://127.0.0.1:9", timeout=1)
    shapes = [replace(NODE, region=region, instance_id="i-0123456789abcdef0") for region in ("eu-central-1", "eu-west-1")]

    book = load_price_book(nobody, shapes, now=NOW)

    whats = [text.split(": ")[1] for _, text in book.problems]
    assert whats == ["AWS Pricing API for eu-central-1", "EC2 spot prices for eu-central-1", "EC2 spot prices for eu-west-1"]


def test_ec2_knows_better_than_a_label(settings: PriceSettings, ec2_url: str) -> None:
    client: Any = boto3.session.Session().client("ec2", region_name="eu-central-1", endpoint_url=ec2_url)
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = client.run_instances(
        ImageId=image, InstanceType="m6i.large", MinCount=1, MaxCount=1, InstanceMarketOptions={"MarketType": "spot"}
    )["Instances"][0]["InstanceId"]
    unlabelled = NodeShape("aws", "eu-central-1", instance_id=instance, cores=2, memory_bytes=8 * 2**30)

    book = load_price_book(settings, [NODE, unlabelled], now=NOW)
    price = book.price(unlabelled)

    assert (price.capacity_type, price.hourly_usd, price.list_hourly_usd) == ("spot", 0.00001, 0.1151)
    assert json.loads((settings.cache_dir or Path()).joinpath("aws-eu-central-1.json").read_text())["instances"] == {
        instance: ["spot", "m6i.large", "eu-central-1a"]
    }


def test_labels_that_are_no_names_reach_no_call(settings: PriceSettings, pricing: PricingStandIn) -> None:
    shapes = [
        replace(NODE, region="evil.example/"),
        replace(NODE, region="../../etc"),
        replace(NODE, provider="gcp", region="europe-west1"),
        replace(NODE, capacity_type="fargate"),
    ]

    book = load_price_book(settings, shapes, now=NOW)

    assert pricing.requests == []
    assert book.problems == []


def test_nodes_without_a_type_ask_for_no_spot_prices(settings: PriceSettings) -> None:
    nobody = replace(settings, ec2_endpoint="http://127.0.0.1:9")

    assert load_price_book(nobody, [replace(NODE, instance_type="")], now=NOW).problems == []


def test_a_cache_that_cannot_be_written_is_one_line_and_prices_are_live(settings: PriceSettings, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")

    book = load_price_book(settings, [NODE], now=NOW)

    assert book.price(NODE).source == "AWS Pricing API"
    assert book.problems == [("warning", f"price cache {tmp_path / 'cache'}: File exists")]


def test_instances_are_not_asked_for_when_that_is_off(settings: PriceSettings) -> None:
    shape = replace(NODE, instance_type="", instance_id="i-0123456789abcdef0")
    nobody = replace(settings, ec2_endpoint="http://127.0.0.1:9", ask_instances=False)

    assert load_price_book(nobody, [shape], now=NOW).problems == []


def test_weights_come_from_live_siblings(settings: PriceSettings) -> None:
    ratios = load_price_book(settings, [NODE], now=NOW).ratios(NODE)

    assert ratios.memory == pytest.approx((0.304 - 0.194) / 4 / 6)
    assert ratios.cpu == pytest.approx(0.194 / 4 - 2 * ratios.memory)


def test_importing_the_prices_does_not_load_boto3() -> None:
    check = "import sys, resource_report.prices; sys.exit(any(name in sys.modules for name in ('boto3', 'botocore')))"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
