"""What an hour of a workload costs: by the cost that a resource report shows for it, or by the downscaler's own prices.

A price that nobody gave is unknown, never zero. Reads a report from a folder or over HTTP; asks no cluster.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from downscaler.prices import Prices
from downscaler.savings import Amount
from kube_thrift.fetch import TooLarge, fetch
from resource_report.price_types import HOURS_PER_MONTH
from shared.errors import UsageError
from shared.flags import FlagParser, Flags, env_flag, number

FILE = "workloads.tsv"
USD = "USD"
_TIMEOUT = 20.0
_LARGEST = 200 * 2**20
_COST = re.compile(r"Cost \[([A-Z]{3})\]")
_NEEDED = ("Cluster ID", "Namespace", "Kind", "Name", "Pods", "CPU Usage")

# The kind as the API spells it, the namespace, the name.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What the report says of one workload: money per hour of each of its pods, and the cores that each used (None: unknown)."""

    hourly: float | None
    used: float | None


@dataclass(frozen=True)
class Rates:
    """The report's own figures in its currency, which win; whether amounts have a worth in USD, by the downscaler's prices."""

    priced: bool = False
    currency: str = USD
    report: Mapping[Key, Known] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        return bool(self.report) or self.priced

    def money(self, key: Key, amount: Amount) -> float | None:
        """What *amount*, in replica-hours, core-hours and GiB-hours of the workload *key*, costs; None where nobody knows."""
        known = self.report.get(key)
        if known is not None and known.hourly is not None:
            return known.hourly * amount.replicas
        if not self.priced or self.currency != USD:
            return None
        # Replicas without a worth are those whose requests or whose price nobody knows.
        return None if amount.replicas and not amount.usd else amount.usd

    def used(self, key: Key, amount: Amount) -> float | None:
        """The core-hours of *amount* that were in use when the report was made; None where it does not know the workload."""
        known = self.report.get(key)
        return None if known is None or known.used is None else known.used * amount.replicas


def add_rate_flags(flags: FlagParser) -> None:
    """--report and --report-cluster."""
    env_flag(flags, "--report", help="folder or URL of a resource report, whose cost of each workload counts")
    env_flag(flags, "--report-cluster", help="which cluster of that report this one is; not needed where it has one only")


def rates_from(flags: Flags, prices: Prices) -> Rates:
    """The rates that the flags of `add_rate_flags` and the downscaler's *prices* describe. Raises UsageError of one line."""
    priced = prices != Prices()
    if flags.report_cluster and not flags.report:
        raise UsageError("--report-cluster chooses a cluster of --report: give that too")
    if not flags.report:
        return Rates(priced)
    currency, known = read_report(flags.report, flags.report_cluster)
    return Rates(priced, currency, known)


def read_report(place: str, cluster: str | None = None) -> tuple[str, dict[Key, Known]]:
    """The currency of a report, and its workloads of one cluster. Raises UsageError for what is no report."""
    lines = _fetch(place).splitlines()
    heads = lines[0].split("\t") if lines else []
    cost = next((head for head in heads if _COST.fullmatch(head)), None)
    if cost is None or not set(_NEEDED) <= set(heads):
        raise UsageError(f"--report {place}: {FILE} is not that of a resource report: a column is missing")
    rows = [dict(zip(heads, line.split("\t"), strict=False)) for line in lines[1:]]
    clusters = sorted({row["Cluster ID"] for row in rows})
    if cluster is None and len(clusters) > 1:
        raise UsageError(f"--report {place}: choose one with --report-cluster (there are: {', '.join(clusters)})")
    if cluster is not None and cluster not in clusters:
        raise UsageError(f"--report-cluster {cluster}: not in that report (there are: {', '.join(clusters) or 'none'})")
    chosen = [row for row in rows if cluster is None or row["Cluster ID"] == cluster]
    match = _COST.fullmatch(cost)
    currency = match[1] if match else USD
    return currency, {(row["Kind"], row["Namespace"], row["Name"]): _known(row, cost) for row in chosen}


def _known(row: Mapping[str, str], cost: str) -> Known:
    pods = _number(row.get("Pods", ""))
    if not pods:
        return Known(None, None)
    month, used = _number(row.get(cost, "")), _number(row.get("CPU Usage", ""))
    return Known(None if month is None else month / HOURS_PER_MONTH / pods, None if used is None else used / pods)


def _number(text: str) -> float | None:
    try:
        return number(0)(text)
    except ValueError:
        return None


def _fetch(place: str) -> str:
    """The text of the report's table. A URL may name the folder or any page in it."""
    if urllib.parse.urlsplit(place).scheme in ("http", "https"):
        return _download(place)
    folder = Path(place)
    try:
        return (folder / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--report {place}: {FILE}: {getattr(error, 'strerror', None) or error}") from None


def _download(place: str) -> str:
    parts = urllib.parse.urlsplit(place)
    path = parts.path if parts.path.endswith("/") or not parts.path.endswith(".html") else parts.path.rpartition("/")[0]
    address = urllib.parse.urlunsplit((parts.scheme, parts.netloc, f"{path.rstrip('/')}/{FILE}", "", ""))
    try:
        code, content = fetch(address, limit=_LARGEST, timeout=_TIMEOUT)
        if code != requests.codes.ok:
            raise UsageError(f"--report {place}: {FILE}: the server answers {code}")
        return content.decode("utf-8")
    except TooLarge:
        raise UsageError(f"--report {place}: {FILE}: larger than {_LARGEST // 2**20} MiB") from None
    except (requests.RequestException, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"--report {place}: {FILE}: {' '.join(str(error).split())[:200]}") from None
