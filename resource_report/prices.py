"""What a node costs per hour: the price book, its settings and how it is put together.

    from resource_report.prices import NodeShape, PriceSettings, load_price_book
    book = load_price_book(PriceSettings(live_aws=True, cache_dir=Path("cache")), shapes, now=clock.now())
    book.price(shape) -> Price;  book.ratios(shape) -> Ratios;  book.problems -> [(severity, text), ...]

The user's own file wins over live AWS, that over the bundled table, that over an estimate. `load_price_book` is the one place
that reads files or calls AWS; the book itself is a pure lookup that never raises on an odd shape and never answers a silent 0.
boto3 is reached only through `_aws`, by name, so that importing this module (and with it the report) does not load it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

from resource_report.bundled import Bundled, load_bundled
from resource_report.discounts import Discounts, load_discounts
from resource_report.estimate import Estimator
from resource_report.live_prices import InstanceFacts
from resource_report.price_files import PriceFile, load_price_file
from resource_report.price_types import (
    GIB,
    HOURS_PER_MONTH,
    Found,
    NodeShape,
    Price,
    PriceSource,
    Problem,
    Problems,
    Ratios,
)

__all__ = [
    "GIB",
    "HOURS_PER_MONTH",
    "NodeShape",
    "Price",
    "PriceBook",
    "PriceSettings",
    "Problem",
    "Ratios",
    "load_price_book",
    "refresh",
]


@dataclass(frozen=True)
class PriceSettings:
    """Everything the flags decide about prices.

    `pricing_file` and `spot_pricing_file` are the user's CSV files (`--pricing-file`, `--spot-pricing-file`), `discounts_file`
    the YAML of discounts and reserved rates. `rates` gives USD per unit of a currency for lines priced in it
    (`{"EUR": 1.08}`); USD itself needs none.

    `live_aws` asks AWS (`--aws-prices=on` or `auto`); with `live_optional` (`auto`) missing credentials are a note, not a
    warning. `cache_dir` keeps what AWS answered; None means no cache. `on_demand_ttl` and `spot_ttl` are seconds.
    `price_endpoint` and `ec2_endpoint` replace AWS's addresses (tests, private endpoints); empty means the SDK's own choice,
    which honours `AWS_ENDPOINT_URL_PRICING` and `AWS_ENDPOINT_URL_EC2`. `timeout` is seconds per HTTP call. `ask_instances`
    asks EC2 what each instance really is (`ec2:DescribeInstances`).
    """

    pricing_file: str | Path | None = None
    spot_pricing_file: str | Path | None = None
    discounts_file: str | Path | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    live_aws: bool = False
    live_optional: bool = True
    cache_dir: Path | None = None
    on_demand_ttl: float = 24 * 3600.0
    spot_ttl: float = 3600.0
    price_endpoint: str = ""
    ec2_endpoint: str = ""
    timeout: float = 10.0
    ask_instances: bool = True


@dataclass(frozen=True)
class LivePrices:
    """What AWS answered, now or earlier: a layer of prices and what each instance id is."""

    source: PriceSource
    instances: Mapping[str, InstanceFacts]
    problems: Sequence[Problem] = ()


class PriceBook:
    """Answers the price of any shape from its layers, best first."""

    def __init__(
        self,
        layers: Sequence[PriceSource],
        bundled: Bundled,
        *,
        discounts: Discounts | None = None,
        instances: Mapping[str, InstanceFacts] | None = None,
        problems: Problems | None = None,
    ) -> None:
        self._layers = (*layers, bundled)
        self._bundled = bundled
        self._estimator = Estimator(bundled, self._layers)
        self._discounts = discounts or Discounts()
        self._instances = instances or {}
        self._problems = problems or Problems()

    @property
    def problems(self) -> list[Problem]:
        """Everything worth a notification so far, each once: unreadable lines, refused calls, estimated types."""
        return self._problems.entries

    def price(self, shape: NodeShape) -> Price:
        """The price of a node of that shape, USD per hour. Never raises; an estimate says so and is listed once as a problem."""
        kind = self.capacity_type(shape)
        shape = self._as_bought(shape, kind)
        if kind == "fargate":
            return self._fargate(shape)
        listed = self._list_price(shape)
        if kind == "spot":
            return self._spot(shape, listed)
        paid, why = self._discounts.apply(shape, listed.hourly, reserved=kind == "reserved")
        note = " ".join(part for part in (listed.explanation, why) if part)
        return Price(paid, listed.hourly, listed.source, listed.as_of, listed.estimated, note, kind)

    def ratios(self, shape: NodeShape) -> Ratios:
        """Weights that split the price of that shape into CPU, memory and GPU."""
        shape = self._as_bought(shape, self.capacity_type(shape))
        if shape.capacity_type == "fargate":
            cpu, memory, _ = self._bundled.fargate_pair(shape)
            return Ratios(cpu, memory, 0.0, "Fargate's rates")
        return self._estimator.ratios(shape, self._known(shape).hourly)

    def capacity_type(self, shape: NodeShape) -> str:
        """What the node is: EC2's own word where it was asked, else the label's; unknown counts as on-demand."""
        facts = self._instances.get(shape.instance_id)
        kind = facts.kind if facts else shape.capacity_type
        return kind if kind in {"spot", "reserved", "fargate"} else "on-demand"

    def _as_bought(self, shape: NodeShape, kind: str) -> NodeShape:
        """*shape* with what EC2 knows and the labels do not say."""
        facts = self._instances.get(shape.instance_id)
        zone, instance_type = shape.zone, shape.instance_type
        if facts is not None:
            zone, instance_type = zone or facts.zone, instance_type or facts.instance_type
        return replace(shape, capacity_type=kind, zone=zone, instance_type=instance_type)

    def _known(self, shape: NodeShape) -> Found:
        """The list price of the first layer that has one, else an estimate."""
        for layer in self._layers:
            found = layer.on_demand(shape)
            if found is not None:
                return found
        return self._estimator.on_demand(shape)

    def _list_price(self, shape: NodeShape) -> Found:
        found = self._known(shape)
        if not found.estimated:
            return found
        name = shape.instance_type or "nodes without an instance type"
        self._complain("warning" if found.hourly else "error", name, shape, found.explanation)
        return replace(found, explanation=_sentence(found.explanation))

    def _complain(self, severity: str, name: str, shape: NodeShape, why: str) -> None:
        where = f"prices: {name} in {shape.region or 'an unknown region'}"
        self._problems.add(severity, f"{where}: {why}", key=where)

    def _spot(self, shape: NodeShape, listed: Found) -> Price:
        for layer in self._layers:
            found = layer.spot(shape)
            if found is not None:
                estimated = found.estimated or listed.estimated
                return Price(found.hourly, listed.hourly, found.source, found.as_of, estimated, found.explanation, "spot")
        discount, basis = self._bundled.spot_discount(shape.instance_type)
        why = f"no spot price is known; list price less {discount:.0%}, the usual spot discount of {basis}"
        self._complain("warning", f"spot {shape.instance_type or 'nodes without an instance type'}", shape, why)
        source = f"estimated: {discount:.0%} off {listed.source}"
        words = f"{_sentence(why)} {listed.explanation}"
        return Price(listed.hourly * (1 - discount), listed.hourly, source, listed.as_of, True, words, "spot")

    def _fargate(self, shape: NodeShape) -> Price:
        found = self._bundled.fargate(shape)
        if found.hourly <= 0:
            self._complain("error", "a Fargate node", shape, "its size is unknown; counted as 0 USD")
        elif found.estimated:
            self._complain("warning", "Fargate", shape, "its rates there are not known; estimated from those of us-east-1")
        paid, why = self._discounts.apply(shape, found.hourly, reserved=False)
        note = " ".join(part for part in (found.explanation, why) if part)
        return Price(paid, found.hourly, found.source, found.as_of, found.estimated, note, "fargate")


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def load_price_book(settings: PriceSettings, shapes: Iterable[NodeShape], *, now: datetime) -> PriceBook:
    """Reads the user's files, asks AWS (or its cache) for the regions and types of *shapes*, and puts the book together.

    Raises UsageError where a file named in the settings cannot be opened at all; whatever else goes wrong is a problem of the
    book: a bad line, missing credentials, no network, a missing permission.
    """
    problems = Problems()
    layers: list[PriceSource] = []
    for path, kind in ((settings.pricing_file, "on-demand"), (settings.spot_pricing_file, "spot")):
        if path is not None:
            price_file: PriceFile = load_price_file(Path(path), kind, settings.rates)
            problems.extend(price_file.problems)
            layers.append(price_file)
    discounts, complaints = load_discounts(settings.discounts_file)
    problems.extend(complaints)
    instances: Mapping[str, InstanceFacts] = {}
    if settings.live_aws:
        live = _aws().load_live(settings, list(shapes), now)
        problems.extend(live.problems)
        layers.append(live.source)
        instances = live.instances
    return PriceBook(layers, load_bundled(), discounts=discounts, instances=instances, problems=problems)


def refresh(settings: PriceSettings, shapes: Iterable[NodeShape], *, now: datetime) -> list[Problem]:
    """Fetches the prices for *shapes* into the cache, however fresh it is, and returns what went wrong."""
    return list(_aws().load_live(settings, list(shapes), now, force=True).problems)


class _Aws(Protocol):
    """What this module needs of `aws_live`, named here because importing it would load boto3."""

    def load_live(
        self, settings: PriceSettings, shapes: list[NodeShape], now: datetime, *, force: bool = False
    ) -> LivePrices: ...


def _aws() -> _Aws:
    return cast(_Aws, importlib.import_module("resource_report.aws_live"))
