"""On-demand prices over real HTTP, against a stand-in that refuses what the Pricing API refuses."""

from __future__ import annotations

from collections.abc import Iterator

import boto3.session
import pytest
from botocore.exceptions import ClientError

from resource_report.aws_prices import (
    AwsConnection,
    AwsProblem,
    fetch_on_demand,
    pricing_region,
    read_product,
)
from tests.aws import use_test_credentials
from tests.resource_report.pricing_standin import PricingStandIn, Refusal, product

CATALOGUE = [
    product("m6i.large", 0.115),
    product("m6i.large", 0.0, capacitystatus="AllocatedCapacityReservation"),
    product("m6i.large", 0.115, capacitystatus="UnusedCapacityReservation"),
    product("m6i.large", 0.207, operatingSystem="Windows"),
    product("m6i.large", 0.595, preInstalledSw="SQL Std"),
    product("m6i.large", 0.122, tenancy="Dedicated"),
    product("m6i.large", 0.096, regionCode="us-east-1"),
    product("m6i.large", 0.05, marketoption="CapacityBlock"),
    product("c7g.xlarge", 0.1654),
    product("zz1.large", 0.0),
    product("m6i.metal", 7.36, tenancy="Dedicated", productFamily="Compute Instance (bare metal)"),
    product("c6g.metal", 2.6322, tenancy="Dedicated", productFamily="Compute Instance (bare metal)"),
    product("c6g.metal", 2.4832, productFamily="Compute Instance (bare metal)"),
]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_credentials(monkeypatch)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_PRICING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pricing() -> Iterator[PricingStandIn]:
    with PricingStandIn(CATALOGUE) as standin:
        yield standin


def connection(standin: PricingStandIn) -> AwsConnection:
    return AwsConnection(timeout=5, price_endpoint=standin.url)


def test_only_ordinary_linux_of_the_region_is_taken(pricing: PricingStandIn) -> None:
    prices = fetch_on_demand("eu-central-1", connection(pricing), {})

    assert prices == {"m6i.large": 0.115, "c7g.xlarge": 0.1654, "m6i.metal": 7.36, "c6g.metal": 2.4832}


def test_three_calls_fetch_a_region_with_every_filter_spelled_as_the_service_does(pricing: PricingStandIn) -> None:
    fetch_on_demand("eu-central-1", connection(pricing), {})

    sent = [{one["Field"]: one["Value"] for one in body["Filters"]} for body in pricing.requests]
    common = {
        "regionCode": "eu-central-1",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    assert sent == [
        {**common, "tenancy": "Shared", "productFamily": "Compute Instance"},
        {**common, "tenancy": "Dedicated", "productFamily": "Compute Instance (bare metal)"},
        {**common, "tenancy": "Shared", "productFamily": "Compute Instance (bare metal)"},
    ]
    assert {body["MaxResults"] for body in pricing.requests} == {100}
    assert {one["Type"] for body in pricing.requests for one in body["Filters"]} == {"TERM_MATCH"}


def test_all_pages_are_read() -> None:
    catalogue = [product(f"m{number}.large", 0.1 + number / 1000) for number in range(1, 251)]
    with PricingStandIn(catalogue) as pricing:
        prices = fetch_on_demand("eu-central-1", connection(pricing), {})

    assert len(prices) == 250
    assert [body.get("NextToken") for body in pricing.requests] == [None, "page:100", "page:200", None, None]


def test_the_endpoint_of_the_environment_is_used(pricing: PricingStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", pricing.url)

    assert fetch_on_demand("eu-central-1", AwsConnection(timeout=5), {})["m6i.large"] == 0.115


def test_yuan_need_a_rate() -> None:
    catalogue = [product("m6i.large", 0.8, currency="CNY", regionCode="cn-north-1")]
    with PricingStandIn(catalogue) as pricing:
        assert fetch_on_demand("cn-north-1", connection(pricing), {"CNY": 0.14}) == {"m6i.large": pytest.approx(0.112)}
        with pytest.raises(AwsProblem, match="no prices for that region"):
            fetch_on_demand("cn-north-1", connection(pricing), {})


def test_a_refusal_is_one_line(pricing: PricingStandIn) -> None:
    pricing.refuse = Refusal(
        "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized\nto perform: pricing:GetProducts"
    )

    with pytest.raises(AwsProblem) as caught:
        fetch_on_demand("eu-central-1", connection(pricing), {})

    assert str(caught.value) == (
        "AWS Pricing API for eu-central-1: AccessDeniedException: "
        "User: arn:aws:iam::1:user/x is not authorized to perform: pricing:GetProducts"
    )
    assert not caught.value.unreachable


def test_nobody_listening_is_one_line() -> None:
    with pytest.raises(AwsProblem) as caught:
        fetch_on_demand("eu-central-1", AwsConnection(timeout=1, price_endpoint="http://127.0.0.1:9"), {})

    assert caught.value.unreachable
    assert "\n" not in str(caught.value)


def test_no_credentials_is_told_apart(pricing: PricingStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(AwsProblem, match="no AWS credentials found") as caught:
        fetch_on_demand("eu-central-1", connection(pricing), {})

    assert caught.value.no_credentials
    assert pricing.requests == []


def one_filter(field: str, kind: str = "TERM_MATCH") -> dict[str, object]:
    return {"Filters": [{"Type": kind, "Field": field, "Value": "x"}]}


def test_a_profile_that_does_not_exist_is_one_line(pricing: PricingStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nosuch")

    with pytest.raises(AwsProblem, match=r"^pricing eu-central-1: The config profile \(nosuch\) could not be found$"):
        fetch_on_demand("eu-central-1", connection(pricing), {})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(one_filter("capacityStatus"), "InvalidParameter", id="case"),
        pytest.param(one_filter("regioncode"), "InvalidParameter", id="case-of-region"),
        pytest.param(one_filter("colour"), "InvalidParameter", id="unknown-field"),
        pytest.param(one_filter("memory", "MATCH"), "InvalidParameter", id="unknown-type"),
        pytest.param({"MaxResults": 101}, "InvalidParameter", id="page-too-large"),
        pytest.param({"ServiceCode": "AmazonEC3"}, "InvalidParameter", id="service"),
        pytest.param({"NextToken": "elsewhere"}, "InvalidNextToken", id="token"),
    ],
)
def test_the_stand_in_refuses_what_the_service_refuses(pricing: PricingStandIn, arguments: dict[str, object], code: str) -> None:
    client = boto3.session.Session().client("pricing", region_name="us-east-1", endpoint_url=pricing.url)

    with pytest.raises(ClientError, match=code):
        client.get_products(**{"ServiceCode": "AmazonEC2", **arguments})


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("us-west-2", "us-east-1"),
        ("eu-north-1", "eu-central-1"),
        ("ap-southeast-1", "ap-south-1"),
        ("me-south-1", "ap-south-1"),
        ("cn-north-1", "cn-northwest-1"),
        ("us-gov-west-1", "us-east-1"),
        ("sa-east-1", "us-east-1"),
    ],
)
def test_the_nearest_endpoint_is_asked(region: str, endpoint: str) -> None:
    assert pricing_region(region) == endpoint


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"product": {"attributes": {"instanceType": "x"}}, "terms": {"OnDemand": 7}}']
)
def test_an_entry_of_another_form_is_no_price(text: str) -> None:
    assert read_product(text, {}) == ("", 0.0)
