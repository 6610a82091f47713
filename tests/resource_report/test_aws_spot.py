"""Spot prices and instances over real HTTP, against moto's EC2 server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3.session
import pytest

from resource_report.aws_prices import AwsConnection, AwsProblem
from resource_report.aws_spot import batches, fetch_instances, fetch_spot, read_instance, read_quote
from resource_report.live_prices import InstanceFacts, SpotQuote, latest_quotes
from tests.aws import moto_server, use_test_credentials

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_credentials(monkeypatch)


@pytest.fixture(scope="module")
def ec2_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


def ec2(url: str, region: str = "eu-central-1") -> Any:
    return boto3.session.Session().client("ec2", region_name=region, endpoint_url=url)


def image(url: str) -> str:
    return str(ec2(url).describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


def test_every_zone_of_the_types_in_use_has_a_price(ec2_url: str) -> None:
    quotes = fetch_spot("eu-central-1", ["m6i.large", "no-such.type", "m5.xlarge"], AwsConnection(5, "", ec2_url), NOW)

    assert {quote.instance_type for quote in quotes} == {"m6i.large", "m5.xlarge"}
    assert {quote.zone for quote in quotes} == {"eu-central-1a", "eu-central-1b", "eu-central-1c"}
    assert len(quotes) == len({(quote.zone, quote.instance_type) for quote in quotes})
    assert {quote.hourly for quote in quotes} == {0.00001}


def test_the_endpoint_of_the_environment_is_used(ec2_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", ec2_url)

    assert fetch_spot("eu-central-1", ["m6i.large"], AwsConnection(5), NOW)


def test_instances_say_how_they_were_bought(ec2_url: str) -> None:
    client = ec2(ec2_url)
    market: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}}
    common: dict[str, Any] = {"ImageId": image(ec2_url), "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1}
    spot = client.run_instances(**common, **market)["Instances"][0]["InstanceId"]
    plain = client.run_instances(**common)["Instances"][0]["InstanceId"]

    facts = fetch_instances("eu-central-1", [spot, plain, "i-00000000000000000"], AwsConnection(5, "", ec2_url))

    assert facts == {
        spot: InstanceFacts("spot", "m5.large", "eu-central-1a"),
        plain: InstanceFacts("on-demand", "m5.large", "eu-central-1a"),
    }


def test_more_than_a_hundred_instances_go_in_batches(ec2_url: str) -> None:
    reply = ec2(ec2_url).run_instances(ImageId=image(ec2_url), InstanceType="m5.large", MinCount=1, MaxCount=1)
    known = reply["Instances"][0]["InstanceId"]
    # Sorted before the known one, so that it falls into the second batch.
    gone = [f"i-{number:017x}" for number in range(150)]

    assert set(fetch_instances("eu-central-1", [*gone, known], AwsConnection(5, "", ec2_url))) == {known}


def test_nobody_listening_is_one_line() -> None:
    with pytest.raises(AwsProblem) as caught:
        fetch_spot("eu-central-1", ["m6i.large"], AwsConnection(1, "", "http://127.0.0.1:9"), NOW)

    assert caught.value.unreachable
    assert "\n" not in str(caught.value)


def test_an_instance_call_that_fails_is_one_line() -> None:
    with pytest.raises(AwsProblem, match=r"^EC2 instances in eu-central-1: "):
        fetch_instances("eu-central-1", ["i-0123456789abcdef0"], AwsConnection(1, "", "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        pytest.param({}, "on-demand", id="plain"),
        pytest.param({"InstanceLifecycle": "spot"}, "spot", id="spot"),
        pytest.param({"InstanceLifecycle": "spot", "CapacityReservationId": "cr-1"}, "spot", id="spot-in-reservation"),
        pytest.param({"InstanceLifecycle": "capacity-block"}, "reserved", id="capacity-block"),
        pytest.param({"InstanceLifecycle": "scheduled"}, "reserved", id="scheduled"),
        pytest.param({"CapacityReservationId": "cr-1"}, "reserved", id="capacity-reservation"),
        pytest.param({"InstanceLifecycle": "something-new"}, "on-demand", id="unknown"),
        pytest.param({"Placement": None}, "on-demand", id="no-placement"),
    ],
)
def test_the_lifecycle_of_an_instance(item: dict[str, Any], kind: str) -> None:
    assert read_instance(item).kind == kind


@pytest.mark.parametrize(
    "entry",
    [{}, {"SpotPrice": "x", "InstanceType": "m5.large"}, {"SpotPrice": "0", "InstanceType": "m5.large"}, {"SpotPrice": "0.1"}],
)
def test_an_entry_without_a_price_is_skipped(entry: dict[str, Any]) -> None:
    assert read_quote(entry) is None


def test_of_two_product_names_the_later_change_is_in_force() -> None:
    def quote(hourly: float, since: datetime | None) -> SpotQuote:
        return SpotQuote("eu-central-1a", "euc1-az2", "m5.large", hourly, since)

    early, late = quote(0.03, NOW.replace(hour=1)), quote(0.04, NOW.replace(hour=9))

    assert latest_quotes([late, early, quote(0.05, None)]) == (late,)
    assert latest_quotes([quote(0.05, None), early]) == (early,)


def test_batches_hold_everything_once() -> None:
    assert list(batches(["a", "b", "c"], 2)) == [["a", "b"], ["c"]]
    assert list(batches([], 2)) == []
