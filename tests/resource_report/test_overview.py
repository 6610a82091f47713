"""The overview: what could be saved, what is saved, and what limits both figures."""

from __future__ import annotations

import math
from dataclasses import replace

from resource_report.cells import Cells
from resource_report.links import CustomLinks
from resource_report.notifications import Notification, Severity
from resource_report.overview import DATA_FILES, navigation, overview_page, run_script
from resource_report.pages import Page
from resource_report.summary import Report
from resource_report.tsv import FILES
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import Size, sample_report


def _page(report: Report, currency: Currency | None = None) -> Page:
    views = Views(report, currency or Currency())
    return overview_page(views, Cells(views.names, CustomLinks()), report.notifications)


def test_spot_savings_in_money_and_per_cent_of_the_list_price() -> None:
    report = sample_report()
    spot = report.nodes[report.nodes["spot"]]

    tile = _page(report).context["spot"]

    assert tile.value == f"{spot['spot_savings'].sum():,.2f}"
    assert tile.note.startswith(f"{100 * spot['spot_savings'].sum() / spot['list_cost'].sum():.1f}".removesuffix(".0") + " %")
    assert tile.note.endswith(f"of the on-demand list price of {len(spot)} spot nodes.")


def test_without_spot_nodes_nothing_is_saved() -> None:
    report = sample_report()
    tile = _page(replace(report, totals={**report.totals, "spot_nodes": 0.0})).context["spot"]

    assert (tile.value, tile.note) == ("0.00", "There are no spot nodes.")


def test_unknown_slack_is_no_promise() -> None:
    for totals in ({}, {"slack_cost": math.nan, "cost": 10.0}):
        tile = _page(replace(sample_report(), totals=totals)).context["slack"]
        assert (tile.value, tile.unit) == ("unknown", "")
    tile = _page(replace(sample_report(), totals={"slack_cost": 5.0, "cost": 0.0})).context["slack"]
    assert tile.note == "of nothing"


def test_the_worst_notifications_stand_in_front_and_hints_do_not() -> None:
    context = _page(sample_report()).context

    assert [note.severity.value for note in context["worst"]] == ["error"]
    assert context["warnings"] == "1 warning: prices (1)"
    assert _page(replace(sample_report(), notifications=())).context["warnings"] == ""


def test_many_warnings_are_counted_by_what_they_are_about() -> None:
    subjects = ["prices"] * 3 + ["nodes/a", "nodes/b", "metrics", "vpa", "hpa"]
    notes = tuple(Notification(Severity.WARNING, "", subject, f"{n}") for n, subject in enumerate(subjects))

    text = _page(replace(sample_report(), notifications=notes)).context["warnings"]

    assert text == "8 warnings: prices (3), nodes (2), metrics (1), vpa (1) and others"


def test_the_chart_adds_up_to_what_all_teams_cost() -> None:
    report = sample_report(Size(teams=30, applications=90, pods=900))
    chart = _page(report).context["chart"]

    assert chart[-1].label == f"{len(report.teams) - 12} others"
    shown = sum(float(row.value.replace(",", "")) for row in chart)
    assert abs(shown - report.teams["cost"].sum()) < 0.1


def test_the_first_teams_are_those_with_most_slack() -> None:
    table = _page(sample_report()).context["table"]

    assert table.name == "teams"
    assert table.shown == min(10, table.total)


def test_another_currency() -> None:
    page = _page(sample_report(), Currency("EUR", 0.9))

    assert page.context["slack"].unit == "EUR/month"


def test_every_data_file_is_listed_and_every_page_reachable() -> None:
    views = Views(sample_report(), Currency())
    assert {name for name in DATA_FILES if name.endswith(".tsv")} == {f"{name}.tsv" for name in FILES if name != "httproutes"} | {
        "slack.tsv"
    }
    hrefs = [href for _, href in navigation()]
    assert len(hrefs) == len(set(hrefs))
    script = run_script(views.report, Cells(views.names, CustomLinks()), "USD")
    assert script.startswith(b'thriftRun({"time":"2026-03-23 09:30 UTC"')
