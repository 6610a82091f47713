"""What AWS answered, as values: on-demand tables, spot tables, facts about instances, and the layer of prices made of them.

Pure: knows neither boto3 nor the cache's files. A table remembers when it was fetched, and why it is old where it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from resource_report.price_types import Found, NodeShape

# What may reach a call or a host name: labels come from a cluster and are not trusted.
REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}", re.ASCII)
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]{0,24}\.[a-z0-9-]{1,16}", re.ASCII)
INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}", re.ASCII)


@dataclass(frozen=True)
class OnDemandTable:
    """List prices of one region, USD per hour by instance type."""

    fetched: datetime
    prices: Mapping[str, float]
    stale: bool = False


@dataclass(frozen=True)
class SpotQuote:
    """The spot price in force in one zone, USD per hour, and since when."""

    zone: str
    zone_id: str
    instance_type: str
    hourly: float
    since: datetime | None


@dataclass(frozen=True)
class SpotTable:
    """Spot prices of one region. `asked` are the types that were asked for, whether or not AWS had a price for them."""

    fetched: datetime
    asked: frozenset[str]
    quotes: tuple[SpotQuote, ...]
    stale: bool = False


@dataclass(frozen=True)
class InstanceFacts:
    """What EC2 says of one instance: `kind` is `on-demand`, `spot` or `reserved`."""

    kind: str
    instance_type: str = ""
    zone: str = ""


@dataclass(frozen=True)
class LiveTables:
    """The tables of every region as a layer of prices. `now` gives the age that pages show."""

    on_demand_tables: Mapping[str, OnDemandTable]
    spot_tables: Mapping[str, SpotTable]
    now: datetime
    _quotes: dict[tuple[str, str], SpotQuote] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for table in self.spot_tables.values():
            for quote in table.quotes:
                for zone in filter(None, (quote.zone, quote.zone_id)):
                    self._quotes[zone, quote.instance_type] = quote

    def on_demand(self, shape: NodeShape) -> Found | None:
        table = self.on_demand_tables.get(shape.region)
        hourly = table.prices.get(shape.instance_type) if table else None
        if table is None or hourly is None or shape.provider not in {"", "aws"}:
            return None
        source = "AWS Pricing API" + self._age(table.fetched, table.stale)
        words = f"List price of {shape.instance_type} in {shape.region} by the AWS Pricing API."
        return Found(hourly, source, table.fetched, words)

    def spot(self, shape: NodeShape) -> Found | None:
        table = self.spot_tables.get(shape.region)
        if table is None or shape.provider not in {"", "aws"}:
            return None
        quote = self._quotes.get((shape.zone, shape.instance_type))
        if quote is None:
            return None if shape.zone else self._mean(shape, table)
        since = f", in force since {quote.since:%Y-%m-%d %H:%M} UTC" if quote.since else ""
        source = f"EC2 spot price history {shape.zone}" + self._age(table.fetched, table.stale)
        words = f"Spot price of {shape.instance_type} in zone {shape.zone}{since}."
        return Found(quote.hourly, source, table.fetched, words)

    def _mean(self, shape: NodeShape, table: SpotTable) -> Found | None:
        """The mean over the region's zones, for a node that does not say where it runs."""
        hourly = [quote.hourly for quote in table.quotes if quote.instance_type == shape.instance_type]
        if not hourly:
            return None
        source = f"EC2 spot price history, mean of {len(hourly)} zones" + self._age(table.fetched, table.stale)
        return Found(sum(hourly) / len(hourly), source, table.fetched, "The node's zone is unknown.", True)

    def _age(self, fetched: datetime, stale: bool) -> str:
        return f", {age(self.now - fetched)} old" if stale else ""


def age(delta: timedelta) -> str:
    """A length of time for people: `14 min`, `5 h`, `3 days`."""
    minutes = max(int(delta.total_seconds() // 60), 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def latest_quotes(quotes: list[SpotQuote]) -> tuple[SpotQuote, ...]:
    """One quote per zone and type: the two product names for Linux may both answer, and the later change is in force."""
    best: dict[tuple[str, str], SpotQuote] = {}
    for quote in quotes:
        key = (quote.zone or quote.zone_id, quote.instance_type)
        held = best.get(key)
        if held is None or (quote.since is not None and (held.since is None or quote.since > held.since)):
            best[key] = quote
    return tuple(best[key] for key in sorted(best))
