"""On-demand list prices from the AWS Pricing API, and the clients for every AWS call of the report.

One of the modules that import boto3; the rest of the report reaches them by name only. Endpoints of the Pricing API exist in
few regions: the client's region is the endpoint's, the region whose prices are wanted is a filter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

PAGE_SIZE = 100
# What tells a shared Linux machine from the other offers of the same type. The names are case-sensitive as they stand: some are
# camel case, some are not. Without `capacitystatus` the list holds every type again as an unused capacity reservation.
COMMON_FILTERS = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
VIRTUAL = {"tenancy": "Shared", "productFamily": "Compute Instance"}
# Bare metal is a product family of its own. Every type is listed as dedicated, newer ones at 6 or 10 % over what an ordinary
# launch costs; where there is a shared listing too, that is the ordinary price, so it is asked for last and wins.
BARE_METAL = {"tenancy": "Dedicated", "productFamily": "Compute Instance (bare metal)"}
BARE_METAL_SHARED = {**BARE_METAL, "tenancy": "Shared"}


class AwsProblem(Exception):
    """A call to AWS that gave no prices, as one line. `unreachable`: no answer at all, so the next call would time out too."""

    def __init__(self, text: str, *, no_credentials: bool = False, unreachable: bool = False) -> None:
        super().__init__(text)
        self.no_credentials = no_credentials
        self.unreachable = unreachable


@dataclass(frozen=True)
class AwsConnection:
    """How to reach AWS: time-out in seconds per HTTP call, addresses in place of the SDK's own, one session for all calls."""

    timeout: float = 10.0
    price_endpoint: str = ""
    ec2_endpoint: str = ""

    @cached_property
    def session(self) -> boto3.session.Session:
        """Made on first use, because a profile that does not exist makes it fail."""
        return boto3.session.Session()


def pricing_region(region: str) -> str:
    """The region whose Pricing API endpoint answers for *region*: the nearest of the few that exist."""
    prefix = region.partition("-")[0]
    if prefix == "cn":
        return "cn-northwest-1"
    return {"eu": "eu-central-1", "af": "eu-central-1", "ap": "ap-south-1", "me": "ap-south-1", "il": "eu-central-1"}.get(
        prefix, "us-east-1"
    )


def client(service: str, region: str, connection: AwsConnection) -> Any:
    """A boto3 client with time-outs and bounded retries. Raises AwsProblem where it cannot even be made."""
    endpoint = {"pricing": connection.price_endpoint, "ec2": connection.ec2_endpoint}.get(service, "")
    config = Config(
        connect_timeout=min(connection.timeout, 5.0),
        read_timeout=connection.timeout,
        retries={"mode": "standard", "total_max_attempts": 3},
        user_agent_extra="kube-thrift",
    )
    try:
        session: Any = connection.session
        return session.client(service, region_name=region, endpoint_url=endpoint or None, config=config)
    except (BotoCoreError, ValueError) as error:
        raise aws_problem(f"{service} {region}", error) from error


def fetch_on_demand(region: str, connection: AwsConnection, rates: Mapping[str, float]) -> dict[str, float]:
    """USD per hour of every instance type of *region*, bare metal included. *rates* gives USD per unit of other currencies.

    About ten pages of 100 types, at least three calls. Raises AwsProblem.
    """
    prices: dict[str, float] = {}
    try:
        pricing = client("pricing", pricing_region(region), connection)
        for kind in (VIRTUAL, BARE_METAL, BARE_METAL_SHARED):
            for product in _products(pricing, {"regionCode": region, **COMMON_FILTERS, **kind}):
                name, hourly = read_product(product, rates)
                if name and hourly > 0:
                    prices[name] = hourly
    except (BotoCoreError, ClientError) as error:
        raise aws_problem(f"AWS Pricing API for {region}", error) from error
    if not prices:
        raise AwsProblem(f"AWS Pricing API for {region}: no prices for that region")
    return prices


def _products(pricing: Any, filters: Mapping[str, str]) -> Iterator[str]:
    terms = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in sorted(filters.items())]
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonEC2", Filters=terms, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    for page in pages:
        yield from page.get("PriceList", ())


def read_product(text: str, rates: Mapping[str, float]) -> tuple[str, float]:
    """(instance type, USD per hour) of one entry of a PriceList, which is JSON inside a string.

    ("", 0.0) for an entry of another form; 0.0 where it has no hourly price above 0, as reservations and place-holders have.
    """
    try:
        product = json.loads(text)
        name = str(product["product"]["attributes"]["instanceType"])
        terms = product["terms"]["OnDemand"].values()
        dimensions = [dimension for term in terms for dimension in term["priceDimensions"].values()]
        amounts = [_usd(dimension["pricePerUnit"], rates) for dimension in dimensions if dimension["unit"] == "Hrs"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", 0.0
    return name, max(amounts, default=0.0)


def _usd(price: Mapping[str, str], rates: Mapping[str, float]) -> float:
    for currency, amount in price.items():
        rate = 1.0 if currency == "USD" else rates.get(currency)
        if rate is not None:
            return float(amount) * rate
    return 0.0


def aws_problem(what: str, error: Exception) -> AwsProblem:
    """*error* of botocore as one line that says what was asked and what to do where that is known."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return AwsProblem(f"{what}: no AWS credentials found", no_credentials=True)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "")) or "error"
        message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
        return AwsProblem(f"{what}: {code}: {message}" if message else f"{what}: {code}")
    return AwsProblem(f"{what}: {' '.join(str(error).split())}", unreachable=True)
