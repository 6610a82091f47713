"""Frames as the pages show them: order, currency, words for what is empty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from resource_report.summary import Report
from resource_report.tsv import files
from resource_report.views import Currency, Views, is_money, ordered
from tests.resource_report.sample_report import Size, sample_report


@pytest.fixture(scope="module")
def report() -> Report:
    return sample_report()


def test_teams_stand_by_slack_and_those_that_nothing_is_known_of_last(report: Report) -> None:
    teams = report.teams.assign(slack_cost=report.teams["slack_cost"].mask(report.teams["team"] == "payments"))

    shown = Views(replace(report, teams=teams), Currency()).frames["teams"]

    assert shown["team"].iloc[-1] == "payments"
    assert shown["slack_cost"].iloc[:-1].is_monotonic_decreasing


def test_what_is_empty_gets_words_and_keeps_its_id(report: Report) -> None:
    teams = Views(report, Currency()).frames["teams"]

    row = teams[teams["team_id"] == ""].iloc[0]
    assert row["team"] == "(no team)"


def test_unknown_is_last_in_both_directions() -> None:
    frame = pd.DataFrame({"a": [np.nan, 1.0, 2.0]})

    assert ordered(frame, ("a",))["a"].tolist()[:2] == [1.0, 2.0]
    assert ordered(frame, ("-a",))["a"].tolist()[:2] == [2.0, 1.0]


def test_a_currency_reaches_every_amount_and_leaves_the_report_alone(report: Report) -> None:
    euros = Views(report, Currency("EUR", 0.5))
    dollars = Views(report, Currency())

    assert euros.totals["cost"] == dollars.totals["cost"] / 2
    assert euros.totals["pods"] == dollars.totals["pods"]
    for name, frame in dollars.frames.items():
        for column in frame.select_dtypes("float").columns:
            factor = 0.5 if is_money(column) else 1.0
            assert np.allclose(sorted(frame[column].dropna() * factor), sorted(euros.frames[name][column].dropna())), (
                name,
                column,
            )


@pytest.mark.parametrize(
    ("name", "money"),
    [
        ("cost", True),
        ("slack_cost", True),
        ("hourly_price", True),
        ("spot_savings", True),
        ("cost_per_user_request_hour_cpu", True),
        ("spot_savings_share", False),
        ("cpu_usage", False),
        ("pods", False),
    ],
)
def test_which_columns_are_money(name: str, money: bool) -> None:
    assert is_money(name) is money


def test_an_estimated_price_says_so_and_a_stale_cluster_too(report: Report) -> None:
    views = Views(report, Currency())

    nodes, clusters = views.frames["nodes"], views.frames["clusters"]
    assert nodes[nodes["price_estimated"]]["price"].str.endswith(" (estimated)").all()
    assert not nodes[~nodes["price_estimated"]]["price"].str.contains("estimated").any()
    assert clusters["state"].tolist().count("current") == 1
    assert clusters[clusters["stale"]]["state"].iloc[0] == "stale, of 2026-03-23T09:30Z"


def test_a_team_has_its_own_part_of_each_cluster(report: Report) -> None:
    views = Views(report, Currency())

    shares = views.frames["team-clusters"]
    assert np.allclose(shares.groupby("team", observed=True)["share"].sum(), 1.0)
    assert np.isclose(shares["cost"].sum(), report.pods["cost"].sum())


def test_many_pages_make_a_report_compact(report: Report) -> None:
    assert not Views(report, Currency()).compact
    assert Views(sample_report(Size(applications=1100, pods=3000)), Currency()).compact


def test_an_empty_report_has_empty_tables(report: Report) -> None:
    views = Views(Report(generated=report.generated, version="0"), Currency())

    assert all(frame.empty for frame in views.frames.values())


def test_a_password_in_an_address_reaches_no_page(report: Report) -> None:
    address = "https://admin:secret@api.example.org:6443/x@y"
    views = Views(replace(report, clusters=report.clusters.assign(api_server_url=address)), Currency())

    assert set(views.frames["clusters"]["api_server_url"]) == {"https://api.example.org:6443/x@y"}
    assert all(b"secret" not in content for name, content in files(views, header=True))
