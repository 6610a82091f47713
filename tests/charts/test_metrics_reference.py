"""docs/metrics.md names every metric and every label that the code knows, and no other; names keep to Prometheus' conventions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from downscaler.measures import Measures
from janitor.metrics import JanitorMetrics
from resource_report.report_metrics import ReportMetrics
from shared.clock import SystemClock
from shared.metrics import Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
# What a name ends with, and the unit that it is in then. The first that fits counts.
UNITS = {
    "_timestamp_seconds": "Unix time",
    "_start_time_seconds": "Unix time",
    "_seconds": "s",
    "_seconds_total": "s",
    "_bytes": "bytes",
    "_usd_per_hour": "USD/h",
    "_usd_total": "USD",
    "_grams_total": "g",
    "_replica_hours_total": "replica-hours",
    "_core_hours_total": "core-hours",
    "_gib_hours_total": "GiB-hours",
    "_dry_run": "0 or 1",
    "_stale": "0 or 1",
    "_open": "0 or 1",
    "_info": "1",
}
EXPOSED = {"counter": "_total", "info": "_info"}


class Recorder(CollectorRegistry):
    """Remembers what was registered, as a metric with labels shows nothing of itself before it has a value."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Collector] = []

    def register(self, collector: Collector) -> None:
        self.seen.append(collector)
        super().register(collector)


@dataclass(frozen=True)
class Known:
    name: str
    of: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def unit(self) -> str:
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "number")

    @property
    def row(self) -> str:
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.name}` | {self.of} | {self.type} | {labels} | {self.unit} | {self.meaning} |"


def known() -> list[Known]:
    """Every metric of every controller, the common ones once."""
    registry = Recorder()
    metrics = Metrics("kube-janitor", "1", SystemClock(), registry)
    found = list(_described(registry.seen, "all"))
    begins = len(registry.seen)
    for of, make in (
        ("downscaler", lambda: Measures(registry, late_after=timedelta(minutes=15), longest_gap=timedelta(hours=1))),
        ("janitor", lambda: JanitorMetrics(metrics)),
        ("report", lambda: ReportMetrics(registry, teams=1)),
    ):
        make()
        found += _described(registry.seen[begins:], of)
        begins = len(registry.seen)
    return found


def _described(collectors: list[Collector], of: str) -> Iterator[Known]:
    for collector in collectors:
        labels = tuple(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            extra = tuple(family.samples[0].labels) if family.type == "info" else ()
            name = family.name + EXPOSED.get(family.type, "")
            yield Known(name, of, family.type, labels or extra, family.documentation)


KNOWN = known()


def table(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_the_table_of_metrics_is_the_registries() -> None:
    assert table("All metrics") == [metric.row for metric in KNOWN]


def test_every_label_is_explained() -> None:
    explained = [line.split("|")[1].strip().strip("`") for line in table("Labels")]

    assert explained == sorted({label for metric in KNOWN for label in metric.labels})


@pytest.mark.parametrize("metric", KNOWN, ids=lambda metric: metric.name)
def test_names_keep_to_the_conventions(metric: Known) -> None:
    """Snake case, a prefix of ours (or of the process), `_total` on counters alone, no odd units, a sentence of help."""
    assert re.fullmatch(r"(kube_thrift|kube_janitor|process)_[a-z0-9]+(_[a-z0-9]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert not re.search(r"_(ms|millis|milliseconds|minutes|kb|mb|gb|percent)(_|$)", metric.name)
    assert re.match(r"[A-Z0-9].*\.$", metric.meaning)


def test_no_two_metrics_have_one_name() -> None:
    names = [metric.name for metric in KNOWN]
    assert len(names) == len(set(names))
