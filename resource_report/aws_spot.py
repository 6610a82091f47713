"""Spot prices per zone, and what each instance really is, from EC2. One of the modules that reach boto3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from resource_report.aws_prices import AwsConnection, aws_problem, client
from resource_report.live_prices import InstanceFacts, SpotQuote, latest_quotes

# Linux has two product names; an older account may have prices under only one of them.
PRODUCTS = ("Linux/UNIX", "Linux/UNIX (Amazon VPC)")
MAX_TYPES = 100
MAX_INSTANCES = 100
# EC2's words for how an instance was bought; absent means on-demand. All but spot are capacity paid for in advance.
RESERVED_LIFECYCLES = frozenset({"scheduled", "capacity-block", "interruptible-capacity-reservation"})


def fetch_spot(region: str, types: Iterable[str], connection: AwsConnection, now: datetime) -> tuple[SpotQuote, ...]:
    """The spot prices in force at *now* for *types*, one per zone and type. Raises AwsProblem.

    With both ends of the window at *now* EC2 answers with the last change before it: the price in force.
    """
    quotes: list[SpotQuote] = []
    try:
        pages = client("ec2", region, connection).get_paginator("describe_spot_price_history")
        for batch in batches(sorted(types), MAX_TYPES):
            for page in pages.paginate(
                StartTime=now,
                EndTime=now,
                ProductDescriptions=list(PRODUCTS),
                # A filter, because a type that EC2 does not know would make the parameter of that name fail the call.
                Filters=[{"Name": "instance-type", "Values": batch}],
            ):
                quotes.extend(filter(None, map(read_quote, page.get("SpotPriceHistory", ()))))
    except (BotoCoreError, ClientError) as error:
        raise aws_problem(f"EC2 spot prices for {region}", error) from error
    return latest_quotes(quotes)


def read_quote(entry: dict[str, Any]) -> SpotQuote | None:
    """One entry of the history, or None where it holds no usable price."""
    try:
        hourly = float(entry["SpotPrice"])
        instance_type = str(entry["InstanceType"])
    except (KeyError, TypeError, ValueError):
        return None
    since = entry.get("Timestamp")
    return SpotQuote(
        zone=str(entry.get("AvailabilityZone") or ""),
        zone_id=str(entry.get("AvailabilityZoneId") or ""),
        instance_type=instance_type,
        hourly=hourly,
        since=since if isinstance(since, datetime) else None,
    ) if hourly > 0 else None  # fmt: skip


def fetch_instances(region: str, ids: Iterable[str], connection: AwsConnection) -> dict[str, InstanceFacts]:
    """What EC2 says of each instance of *ids* that it still knows. Raises AwsProblem."""
    facts: dict[str, InstanceFacts] = {}
    try:
        pages = client("ec2", region, connection).get_paginator("describe_instances")
        for batch in batches(sorted(ids), MAX_INSTANCES):
            # A filter, because one id that is gone would make the parameter of that name fail the whole batch.
            for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": batch}]):
                for reservation in page.get("Reservations", ()):
                    facts.update((item["InstanceId"], read_instance(item)) for item in reservation.get("Instances", ()))
    except (BotoCoreError, ClientError) as error:
        raise aws_problem(f"EC2 instances in {region}", error) from error
    return facts


def read_instance(item: dict[str, Any]) -> InstanceFacts:
    """How an instance was bought, its type and zone."""
    lifecycle = item.get("InstanceLifecycle")
    reserved = lifecycle in RESERVED_LIFECYCLES or (not lifecycle and bool(item.get("CapacityReservationId")))
    kind = "spot" if lifecycle == "spot" else "reserved" if reserved else "on-demand"
    zone = str((item.get("Placement") or {}).get("AvailabilityZone") or "")
    return InstanceFacts(kind, str(item.get("InstanceType") or ""), zone)


def batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """*items* in lists of at most *size*."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
