"""Discounts and reserved rates from the user's YAML file: what is paid where that is not the list price.

    all: 5%                       # a flat discount on everything that is not spot
    families: {m6i: 12%, fargate: 20%}
    instance-types: {m6i.large: 20%}
    rates:                        # Savings Plan or Reserved Instance rates, USD per hour, or a discount
      - {instance-type: m6i.large, region: eu-central-1, hourly: 0.0712, name: compute savings plan 2026}
    reserved:                     # the same form, for nodes in reserved capacity only
      - {family: p5, discount: 40%}

The most special entry alone counts: reserved, then rates, then instance type, family, all. Spot prices are market prices and
are left alone. Reads that one file; everything else is arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from resource_report.bundled import split_type
from resource_report.price_types import NodeShape, Problem
from shared.errors import UsageError, ValueProblem, shorten

ACCEPTED_KEYS = ("all", "families", "instance-types", "rates", "reserved")
ACCEPTED_RATE_KEYS = ("name", "region", "family", "instance-type", "hourly", "discount")
ACCEPTED_DISCOUNT = "a discount such as 12% or 0.12, from 0 to below 100%"
ACCEPTED_HOURLY = "USD per hour above 0, such as 0.0712"

T = TypeVar("T")


@dataclass(frozen=True)
class Rate:
    """One line of `rates` or `reserved`: what it applies to, and USD per hour or (where that is None) a discount of 0..1."""

    name: str
    region: str = ""
    family: str = ""
    instance_type: str = ""
    hourly: float | None = None
    discount: float = 0.0

    def rank(self, shape: NodeShape) -> int:
        """How special this rate is for *shape*; 0 is no match."""
        family = split_type(shape.instance_type)[0]
        score = 1
        for mine, theirs, weight in (
            (self.instance_type, shape.instance_type, 4),
            (self.family, family, 2),
            (self.region, shape.region, 1),
        ):
            if mine and mine != theirs:
                return 0
            score += weight if mine else 0
        return score


@dataclass(frozen=True)
class Discounts:
    """All discounts; an empty one means that everybody pays the list price."""

    everything: float = 0.0
    families: Mapping[str, float] = field(default_factory=dict)
    instance_types: Mapping[str, float] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()
    reserved: tuple[Rate, ...] = ()

    def apply(self, shape: NodeShape, list_hourly: float, *, reserved: bool) -> tuple[float, str]:
        """(what is paid in USD per hour, a sentence that says why; empty where it is the list price)."""
        rate = (_best(self.reserved, shape) if reserved else None) or _best(self.rates, shape)
        if rate is not None:
            if rate.hourly is not None:
                return rate.hourly, f"Paid: {rate.hourly:g} USD per hour, {rate.name}."
            return list_hourly * (1 - rate.discount), f"Paid: {rate.discount:.4g} of the list price off, {rate.name}."
        for discount, words in self._plain(shape):
            if discount:
                return list_hourly * (1 - discount), f"Paid: list price less {100 * discount:.4g} % ({words})."
        return list_hourly, "Reserved capacity; no rate is configured for it, so the list price." if reserved else ""

    def _plain(self, shape: NodeShape) -> list[tuple[float, str]]:
        family = "fargate" if shape.capacity_type == "fargate" else split_type(shape.instance_type)[0]
        return [
            (self.instance_types.get(shape.instance_type, 0.0), f"discount of {shape.instance_type}"),
            (self.families.get(family, 0.0), f"discount of the {family} family"),
            (self.everything, "general discount"),
        ]


def load_discounts(path: str | Path | None) -> tuple[Discounts, list[Problem]]:
    """The discounts of the file and a problem for each entry that cannot be read. None gives no discounts.

    Raises UsageError where the file cannot be opened or is not YAML.
    """
    if path is None:
        return Discounts(), []
    try:
        content: object = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"discounts file {path}: {' '.join(str(error).split())}") from error
    return _Reader(str(path)).read(content)


class _Reader:
    """Reads the parsed YAML entry by entry, keeping one problem per entry that is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._problems: list[Problem] = []

    def read(self, content: object) -> tuple[Discounts, list[Problem]]:
        sections = self._mapping(content if content is not None else {}, "the file")
        for key in sections:
            if key not in ACCEPTED_KEYS:
                self._complain(key, key, f"the keys {', '.join(ACCEPTED_KEYS)}")
        everything = self._try("all", parse_discount, sections["all"]) if "all" in sections else None
        discounts = Discounts(
            everything=everything or 0.0,
            families=self._table("families", sections.get("families")),
            instance_types=self._table("instance-types", sections.get("instance-types")),
            rates=self._rates("rates", sections.get("rates")),
            reserved=self._rates("reserved", sections.get("reserved")),
        )
        return discounts, self._problems

    def _table(self, section: str, content: object) -> dict[str, float]:
        table: dict[str, float] = {}
        for name, value in self._mapping(content or {}, section).items():
            discount = self._try(f"{section}.{name}", parse_discount, value)
            if discount is not None:
                table[name] = discount
        return table

    def _rates(self, section: str, content: object) -> tuple[Rate, ...]:
        if content is None:
            return ()
        if not isinstance(content, list):
            self._complain(section, content, "a list of mappings")
            return ()
        rates = (self._try(f"{section}[{index}]", parse_rate, entry) for index, entry in enumerate(content))
        return tuple(rate for rate in rates if rate is not None)

    def _mapping(self, content: object, where: str) -> dict[str, object]:
        if isinstance(content, dict):
            return {str(key): value for key, value in content.items()}
        self._complain(where, content, "a mapping")
        return {}

    def _try(self, where: str, parse: Callable[[object], T], value: object) -> T | None:
        try:
            return parse(value)
        except ValueProblem as problem:
            self._complain(where, problem.value, problem.accepted)
            return None

    def _complain(self, where: str, value: object, accepted: str) -> None:
        text = f"discounts file {self._path}: {where}: {shorten(str(value))!r} is not understood; accepted: {accepted}"
        self._problems.append(("warning", text))


def parse_discount(value: object) -> float:
    """`"12%"`, `0.12` or `"0.12"` as 0.12. Raises ValueProblem."""
    text = str(value).strip() if not isinstance(value, bool) else ""
    percent = text.endswith("%")
    try:
        number = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise ValueProblem(value, ACCEPTED_DISCOUNT) from None
    if not 0 <= number < 1:
        raise ValueProblem(value, ACCEPTED_DISCOUNT)
    return number


def parse_rate(value: object) -> Rate:
    """One entry of `rates` or `reserved`. Raises ValueProblem naming what is wrong with it."""
    if not isinstance(value, dict) or not set(map(str, value)) <= set(ACCEPTED_RATE_KEYS):
        raise ValueProblem(value, f"a mapping of {', '.join(ACCEPTED_RATE_KEYS)}")
    if ("hourly" in value) == ("discount" in value):
        raise ValueProblem(value, "either hourly or discount")
    return Rate(
        name=str(value.get("name") or "configured rate"),
        region=str(value.get("region") or ""),
        family=str(value.get("family") or ""),
        instance_type=str(value.get("instance-type") or ""),
        hourly=_parse_hourly(value["hourly"]) if "hourly" in value else None,
        discount=parse_discount(value["discount"]) if "discount" in value else 0.0,
    )


def _parse_hourly(value: object) -> float:
    try:
        number = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        raise ValueProblem(value, ACCEPTED_HOURLY) from None
    if not (math.isfinite(number) and number > 0):
        raise ValueProblem(value, ACCEPTED_HOURLY)
    return number


def _best(rates: tuple[Rate, ...], shape: NodeShape) -> Rate | None:
    ranked = [(rate.rank(shape), -index, rate) for index, rate in enumerate(rates) if rate.rank(shape)]
    return max(ranked, key=lambda entry: entry[:2])[2] if ranked else None
