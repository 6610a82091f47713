"""The bundled price table: AWS list prices for no credentials, read from `data/aws_prices.json`.

A price is a base per family and region (USD per hour of its `xlarge`) times the size's multiplier; the data file lists the
sizes of each family, with a multiplier wherever the name does not say it. Nominal sizes follow rules by family, with the
exceptions listed in the file. Holds no network, clock or environment; the table is read once per process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

from resource_report.price_types import Found, NodeShape, sane

# Sizes below xlarge, in units of one xlarge.
_SMALL = {"nano": 1 / 32, "micro": 1 / 16, "small": 1 / 8, "medium": 1 / 4, "large": 1 / 2, "xlarge": 1.0}
_BIG = re.compile(r"(?:metal-)?([1-9][0-9]{0,2})xl(?:arge)?", re.ASCII)


@dataclass(frozen=True)
class Family:
    """One instance family: `sizes` maps a size's name to its price multiplier (1 = xlarge); `gib` is memory per vCPU."""

    name: str
    sizes: Mapping[str, float]
    gib: float
    spot: float


@dataclass(frozen=True)
class Bundled:
    """The table as a layer of prices."""

    as_of: date
    families: Mapping[str, Family]
    prices: Mapping[str, Mapping[str, float]]
    shapes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fargate_rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    region_factors: Mapping[str, float] = field(default_factory=dict)
    computed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    default_spot: float = 0.6

    @property
    def source(self) -> str:
        """The text for pages."""
        return f"bundled table {self.as_of.isoformat()}"

    def hourly(self, region: str, instance_type: str) -> float | None:
        """The list price in USD per hour, or None where the table has no such family, size or region."""
        family_name, size = split_type(instance_type)
        family = self.families.get(family_name)
        base = self.prices.get(region, {}).get(family_name)
        if family is None or base is None or size not in family.sizes:
            return None
        return round(base * family.sizes[size], 6)

    def on_demand(self, shape: NodeShape) -> Found | None:
        if shape.provider not in {"", "aws"}:
            return None
        hourly = self.hourly(shape.region, shape.instance_type)
        if hourly is None:
            return None
        words = f"List price of {shape.instance_type} in {shape.region}, {self.source}"
        derived = split_type(shape.instance_type)[0] in self.computed.get(shape.region, ())
        if derived:
            words += ", computed from a sibling family's price there"
        return Found(hourly, self.source, self.as_of, f"{words}.", derived)

    def spot(self, shape: NodeShape) -> Found | None:
        """None, always: spot prices change by the hour, so a bundled one would be an estimate dressed as a price."""
        return None

    def spot_discount(self, instance_type: str) -> tuple[float, str]:
        """The usual spot discount (0..1) for that type, and the words that say of what."""
        family = self.families.get(split_type(instance_type)[0])
        return (family.spot, f"the {family.name} family") if family else (self.default_spot, "spot machines at large")

    def nominal(self, instance_type: str) -> tuple[float, float] | None:
        """(vCPUs, GiB of memory) as AWS states them for that type, or None."""
        if instance_type in self.shapes:
            return self.shapes[instance_type]
        family_name, size = split_type(instance_type)
        family = self.families.get(family_name)
        units = size_units(size)
        if family is None or units is None or size not in family.sizes:
            return None
        vcpus = max(4 * units, 1.0)
        return vcpus, vcpus * family.gib

    def fargate_pair(self, shape: NodeShape) -> tuple[float, float, bool]:
        """(USD per vCPU-hour, USD per GB-hour, whether the table names that region) of Fargate on Linux."""
        prefix = "arm:" if shape.arch == "arm64" else ""
        exact = self.fargate_rates.get(prefix + shape.region)
        if exact is not None:
            return (*exact, True)
        factor = self.region_factors.get(shape.region, 1.0)
        cpu, memory = self.fargate_rates[f"{prefix}us-east-1"]
        return cpu * factor, memory * factor, False

    def fargate(self, shape: NodeShape) -> Found:
        """The price of a Fargate pod's node from its provisioned cores and memory, which *shape* carries.

        Always an estimate: the table's Fargate rates were not read from a price list.
        """
        cpu, memory, exact = self.fargate_pair(shape)
        cores, gib = sane(shape.cores), shape.gib
        words = f"Fargate: {cores:g} vCPU at {cpu:.5f} and {gib:.2f} GiB at {memory:.6f} USD per hour"
        if not exact:
            words += f", estimated from the rates of us-east-1 and the price level of {shape.region or 'an unknown region'}"
        return Found(cores * cpu + gib * memory, f"Fargate rates, {self.source}", self.as_of, f"{words}.", True)

    @cached_property
    def by_letter(self) -> Mapping[str, tuple[str, ...]]:
        """Families by their leading letters (`m`, `c`, `inf`), newest generation first."""
        groups: dict[str, list[str]] = {}
        for name in self.families:
            groups.setdefault(class_letters(name), []).append(name)
        return {letters: tuple(sorted(names, key=generation, reverse=True)) for letters, names in groups.items()}


def split_type(instance_type: str) -> tuple[str, str]:
    """`m6i.2xlarge` as ("m6i", "2xlarge"); anything without a dot is all family."""
    family, _, size = instance_type.partition(".")
    return family, size


def size_units(size: str) -> float | None:
    """How many xlarges a size is by its name: `large` 0.5, `4xlarge` 4, `metal-24xl` 24; None for `metal` and the unknown."""
    if size in _SMALL:
        return _SMALL[size]
    match = _BIG.fullmatch(size)
    return float(match.group(1)) if match else None


def class_letters(family: str) -> str:
    """The class of a family: `m` of `m7i-flex`, `inf` of `inf2`."""
    match = re.match(r"[a-z]+", family)
    return match.group() if match else ""


def generation(family: str) -> int:
    """The generation of a family: 7 of `m7i-flex`, 0 where there is none."""
    match = re.match(r"[a-z]+([0-9]{1,3})", family, re.ASCII)
    return int(match.group(1)) if match else 0


@lru_cache(maxsize=1)
def load_bundled() -> Bundled:
    """The table of this package."""
    text = resources.files("resource_report").joinpath("data/aws_prices.json").read_text(encoding="utf-8")
    return parse_bundled(json.loads(text))


def parse_bundled(data: dict[str, Any]) -> Bundled:
    """The table from its JSON form; the data file's `format` key explains that form."""
    families = {
        name: Family(name, _sizes(row["sizes"]), float(row["gib"]), float(row["spot"])) for name, row in data["families"].items()
    }
    return Bundled(
        as_of=date.fromisoformat(data["as_of"]),
        families=families,
        prices=data["prices"],
        shapes={name: (float(vcpus), float(gib)) for name, (vcpus, gib) in data["shapes"].items()},
        fargate_rates={region: (float(cpu), float(memory)) for region, (cpu, memory) in data["fargate"].items()},
        region_factors=data["region_factors"],
        computed={region: frozenset(names.split()) for region, names in data["computed"].items()},
        default_spot=float(data["default_spot"]),
    )


def _sizes(text: str) -> dict[str, float]:
    sizes: dict[str, float] = {}
    for word in text.split():
        name, _, multiplier = word.partition("=")
        units = float(multiplier) if multiplier else size_units(name)
        if units is None:
            raise ValueError(f"size {word!r} needs a multiplier")
        sizes[name] = units
    return sizes
