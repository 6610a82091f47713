"""The report's own metrics: what the last run covered and what it found, in USD per hour. Set from a finished report.

Clusters are the operator's own, so their ids are labels. Teams come from what tenants wrote: they are left out unless asked for,
and then only as many of the most expensive ones as the operator allows; the others are added up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import pandas as pd
from prometheus_client import CollectorRegistry, Gauge

from resource_report.notifications import Severity
from resource_report.price_types import HOURS_PER_MONTH
from resource_report.summary import Report
from shared.errors import ValueProblem
from shared.metrics import Latest
from shared.times import parse_timestamp

# What the label says of pods without a team, and of all teams beyond the limit.
NO_TEAM, OTHER_TEAMS = "(none)", "(other)"
_LONGEST_LABEL = 200


class ReportMetrics:
    """Gauges of the last run; one of something that is no longer there disappears. *teams* is how many have their own."""

    def __init__(self, registry: CollectorRegistry, *, teams: int = 0) -> None:
        self._teams = teams

        def gauge(name: str, meaning: str, *labels: str) -> Latest:
            return Latest(f"kube_thrift_report_{name}", meaning, labels, registry)

        self._generated = Gauge(
            "kube_thrift_report_generated_timestamp_seconds", "When the pages were last written.", registry=registry
        )
        # A gauge without labels begins at 0, which would read as pages of 1970 until the first ones are written.
        self._generated.set(math.nan)
        self._phases = gauge("phase_duration_seconds", "Seconds that each part of the last run took.", "phase")
        self._notes = gauge("notifications", "Notifications of the last run by severity.", "severity")
        self._stale = gauge(
            "cluster_stale", "1 where a cluster could not be read and its last data is shown.", "reported_cluster"
        )
        self._as_of = gauge("cluster_read_timestamp_seconds", "Of when the data of a cluster is.", "reported_cluster")
        self._nodes = gauge("nodes", "Nodes by how their price is known.", "reported_cluster", "price")
        self._pods = gauge("pods", "Pods.", "reported_cluster")
        self._cost = gauge("cost_usd_per_hour", "What a cluster costs.", "reported_cluster")
        self._idle = gauge("idle_cost_usd_per_hour", "Cost of what no pod requests.", "reported_cluster")
        self._slack = gauge("slack_cost_usd_per_hour", "Cost of what pods request and do not need.", "reported_cluster")
        self._team_cost = gauge("team_cost_usd_per_hour", "What the pods of a team cost.", "team")
        self._team_slack = gauge("team_slack_cost_usd_per_hour", "Cost of what a team requests and does not need.", "team")

    def update(self, report: Report, seconds: Mapping[str, float]) -> None:
        """After the pages of *report* were written; *seconds* is how long each part of the run took."""
        self._phases.show({(phase,): took for phase, took in seconds.items()})
        found = Counter(note.severity for note in report.notifications)
        self._notes.show({(severity.value,): found[severity] for severity in Severity})
        self._of_clusters(report)
        self._of_teams(report.teams)
        self._generated.set(report.generated.timestamp())

    def _of_clusters(self, report: Report) -> None:
        clusters = report.clusters
        names = [shown(name) for name in clusters["cluster"]]
        _replace(self._stale, zip(names, clusters["stale"].astype(float), strict=True))
        _replace(self._as_of, zip(names, map(_instant, clusters["as_of"]), strict=True))
        _replace(self._pods, zip(names, clusters["pods"].astype(float), strict=True))
        for gauge, column in ((self._cost, "cost"), (self._idle, "idle_cost"), (self._slack, "slack_cost")):
            _replace(gauge, zip(names, clusters[column] / HOURS_PER_MONTH, strict=True))
        counts = _prices_of(report.nodes)
        self._nodes.show(
            {
                (name, price): counts[str(cluster), price]
                for cluster, name in zip(clusters["cluster"], names, strict=True)
                for price in ("known", "estimated", "unknown")
            }
        )

    def _of_teams(self, teams: pd.DataFrame) -> None:
        if not self._teams:
            return
        ordered = teams.sort_values(["cost", "team"], ascending=[False, True])
        first, rest = ordered.iloc[: self._teams], ordered.iloc[self._teams :]
        names = [shown(name) if name else NO_TEAM for name in first["team"].astype("str")]
        for gauge, column in ((self._team_cost, "cost"), (self._team_slack, "slack_cost")):
            values = list(zip(names, first[column] / HOURS_PER_MONTH, strict=True))
            if len(rest):
                values.append((OTHER_TEAMS, float(rest[column].sum(min_count=1)) / HOURS_PER_MONTH))
            _replace(gauge, values)


def shown(text: object) -> str:
    """A label value of bounded length, whatever somebody called a cluster or a team."""
    return str(text)[:_LONGEST_LABEL]


def _replace(gauge: Latest, values: Iterable[tuple[str, float]]) -> None:
    """What is not known is left out: a gauge of NaN would spread to every sum."""
    gauge.show({(label,): value for label, value in values if not math.isnan(value)})


def _prices_of(nodes: pd.DataFrame) -> Counter[tuple[str, str]]:
    """Nodes by cluster and by how their price is known: `known`, `estimated` or `unknown`."""
    counts = Counter[tuple[str, str]]()
    for cluster, hourly, estimated in zip(nodes["cluster"], nodes["hourly_price"], nodes["price_estimated"], strict=True):
        counts[str(cluster), "unknown" if math.isnan(hourly) else "estimated" if estimated else "known"] += 1
    return counts


def _instant(text: str) -> float:
    try:
        return parse_timestamp(text).timestamp()
    except ValueProblem:
        return math.nan
