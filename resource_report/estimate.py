"""Estimates for what has no published price, and the weights that split a node's price.

Order: another size of the same family, the type's price in us-east-1 at the region's usual level, another generation of the same
class, then per core and GiB. Each answer says which of these it was. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resource_report.bundled import Bundled, class_letters, generation, size_units, split_type
from resource_report.price_types import Found, NodeShape, PriceSource, Ratios, sane


@dataclass(frozen=True)
class Rates:
    """USD per hour for one core, one GiB and one GPU."""

    cpu: float
    memory: float
    gpu: float


# What a core, a GiB and a GPU cost where nothing better is known. The first is OpenCost's published default; E2 is the cheapest
# general Google family, the rest is Google's N1/N2 list in us-central1; the Azure row is OpenCost's. They are orders of
# magnitude for a flagged estimate, not prices.
DEFAULT_RATES = {
    "": Rates(0.031611, 0.004237, 0.95),
    "aws": Rates(0.031611, 0.004237, 0.95),
    "gcp": Rates(0.031611, 0.004237, 0.95),
    "gcp:e2": Rates(0.021811, 0.002923, 0.95),
    "azure": Rates(0.039, 0.001917, 0.95),
}
HOME_REGION = "us-east-1"
# Memory per vCPU (GiB) of the three classes whose prices differ in nothing but memory.
SIBLINGS = {"c": 2.0, "m": 4.0, "r": 8.0}


class Estimator:
    """Estimates from whatever prices the layers know."""

    def __init__(self, bundled: Bundled, layers: Sequence[PriceSource]) -> None:
        self._bundled = bundled
        self._layers = layers

    def on_demand(self, shape: NodeShape) -> Found:
        """An estimate for *shape*, always. 0 only where neither type, cores nor memory are known, and then it says so."""
        if shape.provider in {"", "aws"} and shape.instance_type:
            for attempt in (self._same_family, self._same_at_home, self._other_generation, self._similar_at_home):
                found = attempt(shape)
                if found is not None:
                    return found
        return self._by_size(shape)

    def ratios(self, shape: NodeShape, list_hourly: float) -> Ratios:
        """Weights for *shape*; *list_hourly* is its list price, from which a GPU's weight is what CPU and memory leave over."""
        rates, source = self._sibling_rates(shape)
        cores, gib, gpus = sane(shape.cores), shape.gib, sane(shape.gpus)
        gpu = rates.gpu
        if gpus:
            rest = (list_hourly - cores * rates.cpu - gib * rates.memory) / gpus
            if rest > 0:
                gpu, source = rest, f"{source}; GPU: the rest of {shape.instance_type or 'the node'}'s list price"
        return Ratios(rates.cpu, rates.memory, gpu, source)

    def _known(self, shape: NodeShape) -> Found | None:
        for layer in self._layers:
            found = layer.on_demand(shape)
            if found is not None:
                return found
        return None

    def _same_family(self, shape: NodeShape) -> Found | None:
        family, size = split_type(shape.instance_type)
        wanted = size_units(size)
        if wanted is None:
            return None
        for other in ("xlarge", "large", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "24xlarge", "48xlarge"):
            found = self._known(replace(shape, instance_type=f"{family}.{other}"))
            units = size_units(other)
            if found is not None and units:
                return _scaled(found, wanted / units, f"{family}.{other}")
        return None

    def _other_generation(self, shape: NodeShape) -> Found | None:
        family, size = split_type(shape.instance_type)
        letters, wanted = class_letters(family), generation(family)
        names = self._bundled.by_letter.get(letters, ())
        for name in sorted(names, key=lambda name: _distance(name, family, wanted)):
            sibling = replace(shape, instance_type=f"{name}.{size}")
            found = self._known(sibling) or self._same_family(sibling)
            if found is not None:
                return _scaled(found, 1.0, sibling.instance_type)
        return None

    def _same_at_home(self, shape: NodeShape) -> Found | None:
        """The type's own price in the region that has everything, at the price level of the shape's region."""
        at_home = replace(shape, region=HOME_REGION, zone="")
        return None if shape.region == HOME_REGION else self._at_level(shape, self._known(at_home))

    def _similar_at_home(self, shape: NodeShape) -> Found | None:
        at_home = replace(shape, region=HOME_REGION, zone="")
        if shape.region == HOME_REGION:
            return None
        return self._at_level(shape, self._same_family(at_home) or self._other_generation(at_home))

    def _at_level(self, shape: NodeShape, found: Found | None) -> Found | None:
        factor = self._bundled.region_factors.get(shape.region, 1.0)
        return None if found is None else _scaled(found, factor, f"{shape.instance_type} in {HOME_REGION}")

    def _by_size(self, shape: NodeShape) -> Found:
        cores, gib, gpus = sane(shape.cores), shape.gib, sane(shape.gpus)
        rates, source = self._sibling_rates(shape)
        hourly = cores * rates.cpu + gib * rates.memory + gpus * rates.gpu
        if hourly <= 0:
            return Found(
                0.0, "no price", None, "no price is known and its cores and memory are unknown too; counted as 0 USD", True
            )
        words = f"estimated from {cores:g} cores, {gib:.1f} GiB" + (f" and {gpus:g} GPUs" if gpus else "")
        return Found(hourly, "estimated per core and GiB", None, f"no price is known; {words} ({source})", True)

    def _sibling_rates(self, shape: NodeShape) -> tuple[Rates, str]:
        """Rates from the c, m and r families of the same generation and make: their prices differ in memory alone.

        With p(c), p(r) the prices per vCPU at 2 and 8 GiB: memory = (p(r) - p(c)) / 6, cpu = p(c) - 2 * memory.
        For c6i, r6i in us-east-1: (0.0630 - 0.0425) / 6 = 0.00342 a GiB, 0.0357 a vCPU.
        """
        default = DEFAULT_RATES.get(shape.provider, DEFAULT_RATES[""])
        family = split_type(shape.instance_type)[0]
        if shape.provider == "gcp" and shape.instance_type.startswith("e2-"):
            return DEFAULT_RATES["gcp:e2"], "default rates of Google's E2 family"
        if shape.provider not in {"", "aws"} or class_letters(family) not in SIBLINGS:
            return default, "default rates per core, GiB and GPU"
        suffix = family[1:]
        pair = self._pair(replace(shape, instance_type=f"c{suffix}.xlarge"), replace(shape, instance_type=f"r{suffix}.xlarge"))
        if pair is None:
            return default, "default rates per core, GiB and GPU"
        lean, rich = pair
        memory = (rich.hourly - lean.hourly) / 4 / (SIBLINGS["r"] - SIBLINGS["c"])
        cpu = lean.hourly / 4 - SIBLINGS["c"] * memory
        if memory <= 0 or cpu <= 0:
            return default, "default rates per core, GiB and GPU"
        return Rates(cpu, memory, default.gpu), f"from the prices of c{suffix} and r{suffix} in {shape.region}"

    def _pair(self, lean: NodeShape, rich: NodeShape) -> tuple[Found, Found] | None:
        """The prices of both from one source: a negotiated price of one beside a list price of the other would say nothing."""
        for layer in self._layers:
            found = layer.on_demand(lean), layer.on_demand(rich)
            if found[0] is not None and found[1] is not None:
                return found[0], found[1]
        return None


def _scaled(found: Found, factor: float, basis: str) -> Found:
    times = "" if factor == 1 else f" times {factor:g}"
    words = f"no price is known; estimated as {basis}{times} ({found.source})"
    return Found(found.hourly * factor, f"estimated from {basis}", found.as_of, words, True)


def _distance(name: str, family: str, wanted: int) -> tuple[bool, int, bool, str]:
    """How far a family is from the wanted one: the same make first (`m7g` for `m9g`), then the nearest generation."""
    return _make(name) != _make(family), abs(generation(name) - wanted), generation(name) < wanted, name


def _make(family: str) -> str:
    """What follows the generation: `g` of `m7g`, `i-flex` of `m7i-flex`."""
    return re.sub(r"^[a-z]+[0-9]*", "", family)
