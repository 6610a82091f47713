"""Tables, bars and charts as HTML."""

from __future__ import annotations

import math

import pandas as pd

from resource_report.cells import Cells
from resource_report.columns import COST, TEAM, Column, Table
from resource_report.files import FileNames
from resource_report.links import CustomLinks, parse_links
from resource_report.markup import (
    Groups,
    Selection,
    bare_table,
    cost_chart,
    cost_stack,
    head_fields,
    script_links,
    table_markup,
    usage_bars,
    whole_table,
)

TABLE = Table("teams", "teams", "Teams <b>", (TEAM, COST, Column("links", "Links", "links")), ("-cost",), "team", "teams.tsv")
CELLS = Cells(FileNames({"team": [("shop",)]}), CustomLinks())
NAN = math.nan


def _frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"team": ["shop"] * rows, "cost": [float(n) for n in range(rows, 0, -1)]})


def test_a_short_table_is_whole_and_asks_for_nothing() -> None:
    made = whole_table(TABLE, _frame(2), CELLS, "USD")

    assert (made.shown, made.total, made.tsv) == (2, 2, "teams.tsv")
    assert "data-src" not in made.html
    assert 'aria-label="Teams &lt;b&gt;"' in made.html
    assert "<th data-k=cost:money aria-sort=descending>Cost<small>USD/month</small>" in made.html
    assert made.html.count("<tr>") == 3


def test_a_long_table_names_its_shards_its_rows_and_where_cells_link() -> None:
    made = whole_table(TABLE, _frame(51), CELLS, "EUR")

    assert (made.shown, made.total) == (50, 51)
    assert " data-src=teams data-rows=51" in made.html
    assert "<th data-k=team data-p=team:team>Team" in made.html
    assert "EUR/month" in made.html


def test_what_a_page_selects_is_written_as_a_query() -> None:
    selection = Selection([], 7, {"team": 'a"b<c>&d'})

    for html in (table_markup(TABLE, CELLS, "USD", selection, size=10).html, bare_table(TABLE, CELLS, selection)):
        assert 'data-where="team=a%22b%3Cc%3E%26d"' in html
    assert "data-size=10" in table_markup(TABLE, CELLS, "USD", selection, size=10).html
    assert "7 rows in <a href=teams.tsv>" in bare_table(TABLE, CELLS, selection)


def test_custom_links_reach_the_browser_with_the_columns_of_the_shards() -> None:
    links = parse_links("team: [{href: 'https://x/{id}/{name}', title: 'W {name}', class: c}]")

    assert script_links(TABLE, links) == '[{"href": "https://x/{team_id}/{team_id}", "title": "W {team_id}", "class": "c"}]'
    assert script_links(TABLE, CustomLinks()) == ""
    cells = Cells(CELLS.names, links)
    assert "data-links=" in table_markup(TABLE, cells, "USD", Selection([], 1)).html
    assert "data-links=" in bare_table(TABLE, cells, Selection([], 1))
    assert head_fields(cells.columns_of(TABLE), "USD")[2] == ["Links", "", ":links", ""]


def test_groups_write_the_first_rows_of_each_and_count_all() -> None:
    frame = pd.DataFrame({"team": ["a", "b", "a", "a"], "cost": [4.0, 3.0, 2.0, 1.0]})

    groups = Groups(TABLE, frame, ("team",), 2, CELLS)

    assert [row.split("<td>")[1] for row in groups.of("a").rows] == ["4.00", "2.00"]
    assert (groups.of("a").total, groups.of("b").total, groups.of("c").total) == (3, 1, 0)
    assert groups.of("a").where == {"team": "a"}
    bare = Groups(TABLE, frame, ("team", "cost"), 0, CELLS)
    assert bare.bare
    assert (list(bare.of("a", "2.0").rows), Groups(TABLE, frame, ("team",), 0, CELLS).of("a").total) == ([], 3)


def test_usage_with_and_without_what_is_allocatable() -> None:
    row = {"cpu_usage": 1.0, "cpu_requests": 2.0, "cpu_recommendation": NAN, "memory_usage": None, "memory_requests": 2**30}

    html = usage_bars(row)

    assert "<dt class=use>used<dd>1.000 cores<dt class=req>requested<dd>2.000 cores<dt class=rec>recommended<dd>unknown" in html
    assert "allocatable" not in html
    assert "allocatable<dd>4.000 cores" in usage_bars({**row, "cpu_allocatable": 4.0})
    assert "<svg" not in usage_bars(row, compact=True)
    assert "<div class=usage data-bar>" in usage_bars(row, compact=True)


def test_what_a_cost_consists_of() -> None:
    html = cost_stack({"pods_cost": 60.0, "idle_cost": 40.0, "reserved_cost": 0.0, "overhead_cost": NAN})

    assert "<rect class=pods x=0.00% width=60.00% /><rect class=idle x=60.00% width=40.00% />" in html
    assert "<li class=idle>Idle 40.00 <small>40 %</small>" in html
    assert cost_stack({}) == ""


def test_a_chart_of_costs_and_their_slack() -> None:
    rows = cost_chart([("a", "a.html", 200.0, 50.0), ("b", "", 100.0, NAN), ("c", "", NAN, 1.0)])

    assert "<rect class=cost width=100.0% /><rect class=slack x=75.0% width=25.0% />" in rows[0].bar
    assert [(row.value, row.note) for row in rows] == [
        ("200.00", "slack 50.00"),
        ("100.00", "slack unknown"),
        ("unknown", "slack 1.00"),
    ]
    assert "width=0.0%" in rows[2].bar
    assert cost_chart([]) == []
