"""What a finished report says of itself to Prometheus."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from resource_report.notifications import Notification, Severity
from resource_report.report_metrics import NO_TEAM, OTHER_TEAMS, ReportMetrics
from resource_report.summary import Report
from tests.resource_report.sample_report import SMALL, sample_report

PREFIX = "kube_thrift_report_"
PHASES = {"read": 2.5, "write": 0.5}


class Shown:
    """The gauges after one or more reports."""

    def __init__(self, teams: int = 0) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ReportMetrics(self.registry, teams=teams)

    def after(self, report: Report) -> Shown:
        self.metrics.update(report, PHASES)
        return self

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(PREFIX + name, labels)

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels.values()): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == PREFIX + name
        }


@pytest.fixture(scope="module")
def report() -> Report:
    return sample_report(SMALL)


def test_clusters_show_their_size_and_their_cost_per_hour(report: Report) -> None:
    shown = Shown().after(report)

    for _, row in report.clusters.iterrows():
        cluster = row["cluster"]
        assert shown.value("pods", reported_cluster=cluster) == row["pods"]
        for name, column in (("cost", "cost"), ("idle_cost", "idle_cost"), ("slack_cost", "slack_cost")):
            assert shown.value(f"{name}_usd_per_hour", reported_cluster=cluster) == pytest.approx(row[column] / 730.5)
        assert shown.value("cluster_stale", reported_cluster=cluster) == float(row["stale"])
    assert sum(shown.all("cost_usd_per_hour").values()) == pytest.approx(report.clusters["cost"].sum() / 730.5)
    assert shown.value("generated_timestamp_seconds") == report.generated.timestamp()
    assert shown.all("phase_duration_seconds") == {("read",): 2.5, ("write",): 0.5}


def test_before_the_first_report_there_is_no_age_of_it() -> None:
    generated = Shown().value("generated_timestamp_seconds")

    assert generated is not None
    assert math.isnan(generated)


def test_nodes_are_counted_by_how_their_price_is_known(report: Report) -> None:
    nodes = report.nodes.copy()
    nodes["cluster"] = "prod"
    clusters = report.clusters.head(2).assign(cluster=["prod", "empty"])
    nodes["price_estimated"] = [number < 3 for number in range(len(nodes))]
    nodes.loc[nodes.index[0], "hourly_price"] = math.nan

    shown = Shown().after(replace(report, nodes=nodes, clusters=clusters))

    expected = {("prod", "unknown"): 1.0, ("prod", "estimated"): 2.0, ("prod", "known"): len(nodes) - 3.0}
    assert shown.all("nodes") == expected | {("empty", price): 0.0 for price in ("known", "estimated", "unknown")}


def test_a_stale_cluster_shows_the_age_of_its_data(report: Report) -> None:
    clusters = report.clusters.head(2).assign(
        cluster=["old", "unread"], stale=True, as_of=["2026-03-23T12:00:00Z", ""], slack_cost=[1.0, math.nan]
    )

    shown = Shown().after(replace(report, clusters=clusters))

    assert shown.all("cluster_stale") == {("old",): 1.0, ("unread",): 1.0}
    assert shown.all("cluster_read_timestamp_seconds") == {("old",): datetime(2026, 3, 23, 12, tzinfo=UTC).timestamp()}
    assert shown.all("slack_cost_usd_per_hour").keys() == {("old",)}


def test_what_is_gone_disappears(report: Report) -> None:
    first = report.clusters["cluster"].iloc[0]
    shown = Shown(teams=2).after(report).after(replace(report, clusters=report.clusters.head(1), teams=report.teams.head(0)))

    for name in ("pods", "cost_usd_per_hour", "cluster_stale"):
        assert shown.all(name).keys() == {(first,)}
    assert shown.all("team_cost_usd_per_hour") == {}


def teams_of(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["team", "cost", "slack_cost"])


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(0, {}, id="not asked for"),
        pytest.param(1, {("shop",): 3.0, (OTHER_TEAMS,): 3.0}, id="the others are added up"),
        pytest.param(2, {("shop",): 3.0, (NO_TEAM,): 2.0, (OTHER_TEAMS,): 1.0}, id="pods without a team"),
        pytest.param(9, {("shop",): 3.0, (NO_TEAM,): 2.0, ("data",): 1.0}, id="fewer than allowed"),
    ],
)
def test_teams_are_as_many_as_allowed(report: Report, limit: int, expected: dict[tuple[str, ...], float]) -> None:
    teams = teams_of(("data", 730.5, 1.0), ("shop", 3 * 730.5, math.nan), ("", 2 * 730.5, math.nan))

    shown = Shown(limit).after(replace(report, teams=teams))

    assert shown.all("team_cost_usd_per_hour") == pytest.approx(expected)
    assert (NO_TEAM,) not in shown.all("team_slack_cost_usd_per_hour"), "what is not known is no number"


def test_every_severity_has_a_number(report: Report) -> None:
    notes = (Notification(Severity.WARNING, "prod", "prices", "a"), Notification(Severity.WARNING, "prod", "prices", "b"))

    shown = Shown().after(replace(report, notifications=notes))

    assert shown.all("notifications") == {("error",): 0.0, ("warning",): 2.0, ("info",): 0.0}


def test_names_that_tenants_chose_are_cut_and_escaped(report: Report) -> None:
    teams = teams_of(('evil"} 1\nfake_metric 2', 5.0, 1.0), ("x" * 5000, 4.0, 1.0))

    text = generate_latest(Shown(5).after(replace(report, teams=teams)).registry).decode()

    assert "\nfake_metric" not in text
    assert max(map(len, text.splitlines())) < 400
