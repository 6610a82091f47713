"""The values every price module passes round: a node's shape, what it costs, and the weights that split that cost.

Holds no lookup and no I/O. All money is USD per hour; memory is in bytes unless a name says GiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from shared.errors import shorten

GIB = 2**30
# A month is 30.4375 days of 24 hours, as the old tool counts it (AWS's own calculators say 730; 0.07 % apart).
HOURS_PER_MONTH = 730.5

Problem = tuple[str, str]
"""(severity, one line of text) for the notifications page; severities: `info`, `warning`, `error`."""

MAX_PROBLEMS = 200
# An exbibyte of memory: whatever is larger is no capacity.
MAX_AMOUNT = 2.0**60


@dataclass(frozen=True)
class NodeShape:
    """What is known of a node that matters for its price. Every field may be empty: `price` copes.

    `provider` is `aws`, `gcp`, `azure` or empty; `zone` a zone name (`eu-central-1b`) or AWS zone id (`euc1-az2`);
    `capacity_type` is `on-demand`, `spot`, `reserved`, `fargate` or `unknown`; `cores` and `memory_bytes` the node's capacity
    (for Fargate: what is provisioned); `instance_id` EC2's `i-...`; `arch` `amd64` or `arm64`.
    """

    provider: str = ""
    region: str = ""
    zone: str = ""
    instance_type: str = ""
    capacity_type: str = "unknown"
    cores: float = 0.0
    memory_bytes: float = 0
    gpus: float = 0
    instance_id: str = ""
    arch: str = ""

    @property
    def gib(self) -> float:
        """Memory in GiB; 0 where it is unknown or nonsense."""
        return sane(self.memory_bytes) / GIB


@dataclass(frozen=True)
class Price:
    """What one node costs.

    `hourly_usd` is what is paid (spot price, discounted or reserved rate), `list_hourly_usd` the on-demand list price of the
    same node. `source` is a short text for pages, `as_of` the date or instant the figure was true, `explanation` one sentence
    that says how it came about. `estimated` is set wherever either figure is not a price somebody published for this type.
    `capacity_type` is what the node turned out to be (EC2 knows better than a label).
    """

    hourly_usd: float
    list_hourly_usd: float
    source: str
    as_of: datetime | date | None = None
    estimated: bool = False
    explanation: str = ""
    capacity_type: str = "on-demand"

    @property
    def monthly_usd(self) -> float:
        """What is paid for a month of 730.5 hours."""
        return self.hourly_usd * HOURS_PER_MONTH


@dataclass(frozen=True)
class Ratios:
    """Weights that split a node's price: USD per core-hour, per GiB-hour and per GPU-hour. Only their proportions matter.

    A node of c cores, m GiB and g GPUs is split as c*cpu : m*memory : g*gpu.
    """

    cpu: float
    memory: float
    gpu: float
    source: str


@dataclass(frozen=True)
class Found:
    """A price that one source has for one shape, USD per hour."""

    hourly: float
    source: str
    as_of: datetime | date | None = None
    explanation: str = ""
    estimated: bool = False


class PriceSource(Protocol):
    """One layer of prices: the user's file, live AWS, the bundled table. None means: ask the next one."""

    def on_demand(self, shape: NodeShape) -> Found | None: ...

    def spot(self, shape: NodeShape) -> Found | None: ...


@dataclass
class Problems:
    """Notifications, each once, with a bound so that odd labels on many nodes cannot flood a page."""

    entries: list[Problem] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, severity: str, text: str, *, key: str = "") -> None:
        """Notes *text* once: again under the same *key* (by default the text itself) it is dropped."""
        line = shorten(" ".join(text.split()), 400)
        key = key or line
        if key in self._seen or len(self._seen) > MAX_PROBLEMS:
            return
        self._seen.add(key)
        if len(self._seen) > MAX_PROBLEMS:
            self.entries.append(("warning", f"prices: more than {MAX_PROBLEMS} problems, the rest is not listed"))
        else:
            self.entries.append((severity, line))

    def extend(self, problems: Iterable[Problem]) -> None:
        for severity, text in problems:
            self.add(severity, text)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.entries)


def sane(amount: float) -> float:
    """*amount* if it is a number above 0 that a machine may have, else 0: capacities come from a cluster and may be anything."""
    try:
        number = float(amount)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if 0 < number <= MAX_AMOUNT else 0.0
