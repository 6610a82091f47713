"""Numbers as the pages write them, and cells that keep names text."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from resource_report.cells import Cells, bar_svg, bar_text, field_column, link_fields, shard_field, written
from resource_report.columns import APPLICATION, COST, Column, Table
from resource_report.files import FileNames
from resource_report.links import CustomLinks, parse_links

NAN = math.nan


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("money", 1234.565, "1,234.57"),
        ("money", -0.001, "0.00"),
        ("money", NAN, "unknown"),
        ("cpu", 0.25, "0.250"),
        ("cpu", 12.3444, "12.34"),
        ("cpu", 1234.56, "1,234.6"),
        ("mem", 0, "0 B"),
        ("mem", 512 * 1024, "512 KiB"),
        ("mem", 1.25 * 2**30, "1.3 GiB"),
        ("mem", 2**40, "1 TiB"),
        ("mem", 2**70, "1048576 PiB"),
        ("pct", 0.1234, "12.3 %"),
        ("pct", 1, "100 %"),
        ("rate", 0.12345, "0.1235"),
        ("int", 50000, "50,000"),
        ("status", 0, "not checked"),
        ("status", 999, "no answer"),
        ("status", 404, "404"),
        ("bool", True, "Yes"),
        ("bool", False, "No"),
        ("text", "a<b", "a<b"),
        ("text", None, "unknown"),
    ],
)
def test_written(kind: str, value: object, text: str) -> None:
    assert written(kind, value) == text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 2.0, 1.5, 4.0), ["req width=50.0%", "use width=25.0%", "rec x=37.5%"]),
        ((1.0, 2.0, 1.5), ["req width=100.0%", "use width=50.0%", "rec x=75.0%"]),
        ((9.0, 2.0, NAN, 4.0), ["req width=50.0%", "use width=100.0%"]),
        ((NAN, 2.0, NAN), ["req width=100.0%"]),
        ((NAN, NAN, NAN, NAN), []),
        ((0.0, 0.0, 0.0, 0.0), ["req width=0.0%", "use width=0.0%", "rec x=0.0%"]),
    ],
)
def test_bars(values: tuple[float, ...], expected: list[str]) -> None:
    assert bar_svg(*values) == f"<svg class=bar aria-hidden=true>{''.join(f'<rect class={one} />' for one in expected)}</svg>"


def test_the_figures_beside_a_bar() -> None:
    assert bar_text("cpu", (0.25, 1.0, 0.5)) == "0.250 / 1.000"
    assert bar_text("mem", (NAN, 2**30, NAN, 2**31)) == "? / 1 GiB / 2 GiB"


def test_rows_escape_names_link_to_pages_and_say_unknown() -> None:
    table = Table(
        "t", "t", "T", (APPLICATION, Column("spot", "Spot", "bool"), COST, Column("links", "", "links")), ("cost",), "application"
    )
    frame = pd.DataFrame({"application": ["shop", "<b>&\"'"], "spot": [True, False], "cost": [1.5, NAN]})
    links = parse_links("application: [{href: 'https://x/{id}', title: '{id}'}]")
    cells = Cells(FileNames({"application": [("shop",)]}), links)

    assert cells.rows(table, frame) == [
        '<tr><th scope=row><a href="application-shop.html">shop</a><td>Yes<td>1.50'
        '<td><a class="custom" href="https://x/shop" rel="noopener noreferrer">shop</a>',
        "<tr><th scope=row>&lt;b&gt;&amp;&quot;&#x27;<td>No<td class=unknown>unknown"
        '<td><a class="custom" href="https://x/%3Cb%3E%26%22%27" rel="noopener noreferrer">&lt;b&gt;&amp;&quot;&#x27;</a>',
    ]
    assert [column.key for column in Cells(cells.names, CustomLinks()).columns_of(table)] == ["application", "spot", "cost"]


def test_placeholders_and_their_columns() -> None:
    assert field_column("pod", "name") == "pod"
    assert field_column("cluster", "name") == "name"
    assert field_column("cluster", "id") == "cluster"
    assert field_column("ingress", "name") == "name"
    assert shard_field("team", "id") == "team_id"
    assert link_fields("team", {"team": "(no team)", "team_id": ""}) == {"id": "", "name": ""}
