"""What an hour of a core and of a GiB is worth, in money and in CO2, where somebody said so. Pure; `config.py` reads the file.

There are no defaults: a figure that nobody gave is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import yaml

from downscaler.workloads import PodSpec
from shared.errors import ValueProblem
from shared.filters import Names, regex_names

_KEYS = ("price-core-hour", "price-gib-hour", "co2-core-hour", "co2-gib-hour")
ACCEPTED = f"a list of entries with namespaces, node-selector, {', '.join(_KEYS)}"

_Figure = Annotated[float, msgspec.Meta(ge=0)] | None


@dataclass(frozen=True, slots=True)
class Price:
    """USD and grams of CO2 equivalent per core-hour and per GiB-hour; 0 where nobody gave a figure."""

    core_hour: float = 0.0
    gib_hour: float = 0.0
    co2_core_hour: float = 0.0
    co2_gib_hour: float = 0.0


NOTHING = Price()


@dataclass(frozen=True, slots=True)
class Entry:
    """The price of some namespaces and of pods that ask for some nodes; without a restriction of everything."""

    price: Price
    namespaces: Names | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)

    def covers(self, namespace: str, spec: PodSpec) -> bool:
        asked = spec.node_selector or {}
        return (self.namespaces is None or self.namespaces.matches(namespace)) and all(
            asked.get(key) == value for key, value in self.node_selector.items()
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """The first entry that covers a pod counts, else `otherwise`."""

    otherwise: Price = NOTHING
    entries: tuple[Entry, ...] = ()

    def of(self, namespace: str, spec: PodSpec) -> Price:
        """The price of a pod with this *spec* in *namespace*."""
        return next((each.price for each in self.entries if each.covers(namespace, spec)), self.otherwise)


class _Line(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, frozen=True):
    namespaces: list[str] | None = None
    node_selector: dict[str, str] | None = None
    price_core_hour: _Figure = None
    price_gib_hour: _Figure = None
    co2_core_hour: _Figure = None
    co2_gib_hour: _Figure = None


def parse_prices(text: str, otherwise: Price) -> Prices:
    """The entries of a YAML or JSON text; a figure that an entry leaves out is that of *otherwise*. Raises ValueProblem."""
    try:
        lines = msgspec.convert(yaml.safe_load(text), list[_Line])
    except yaml.YAMLError as error:
        raise ValueProblem(" ".join(str(error).split()), f"YAML or JSON: {ACCEPTED}") from None
    except msgspec.ValidationError as error:
        raise ValueProblem(str(error), ACCEPTED) from None
    return Prices(otherwise, tuple(_entry(line, otherwise) for line in lines))


def _entry(line: _Line, otherwise: Price) -> Entry:
    given = (line.price_core_hour, line.price_gib_hour, line.co2_core_hour, line.co2_gib_hour)
    usual = (otherwise.core_hour, otherwise.gib_hour, otherwise.co2_core_hour, otherwise.co2_gib_hour)
    for key, value in zip(_KEYS, given, strict=True):
        if value is not None and not math.isfinite(value):
            raise ValueProblem(f"{key}: {value}", "a number of at least 0")
    price = Price(*(second if first is None else first for first, second in zip(given, usual, strict=True)))
    return Entry(price, None if line.namespaces is None else regex_names(line.namespaces), line.node_selector or {})
