"""Shards: scripts that can only call one function, columns that read back as the frame."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_report.cells import Cells
from resource_report.columns import PODS_TABLE, TEAMS, Column, Table
from resource_report.files import FileNames
from resource_report.links import CustomLinks, parse_links
from resource_report.shards import SHARD_ROWS, ShardIndex, as_script, numbers, shard_columns, shards, words_of
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import Size, sample_report

NO_LINKS = Cells(FileNames({}), CustomLinks())


def arguments(script: bytes) -> list[Any]:
    """The arguments of a shard's call."""
    text = script.decode()
    return list(json.loads(f"[{text[text.index('(') + 1 : text.rindex(')')]}]"))


@given(st.recursive(st.text() | st.none() | st.integers(-(2**53), 2**53), lambda inner: st.lists(inner, max_size=4)))
def test_a_script_is_a_call_and_nothing_else(value: object) -> None:
    script = as_script("thriftShard", value)

    assert b"<" not in script
    assert "\u2028" not in script.decode()
    assert "\u2029" not in script.decode()
    assert arguments(script) == [value]


def test_markup_in_a_name_cannot_end_the_script() -> None:
    script = as_script("f", "</script><!--\u2028")

    assert script == b'f("\\u003c/script>\\u003c!--\\u2028");\n'


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("money", [1.005, 2.0, float("nan")], [1.0, 2.0, None]),
        ("cpu", [0.12345], [0.123]),
        ("mem", [1024.0 * 7 + 600, float("nan")], [8, None]),
        ("int", [3], [3]),
        ("pct", [0.123456], [0.1235]),
    ],
)
def test_numbers_are_rounded_and_unknown_is_null(kind: str, values: list[float], expected: list[Any]) -> None:
    assert numbers(pd.Series(values), kind) == expected


def test_texts_that_repeat_become_words_and_others_stay() -> None:
    frame = pd.DataFrame({"a": ["x", "y", "x", "x"], "b": ["1", "2", "3", "1"]})

    found = words_of(frame, "a", None, NO_LINKS)

    assert found is not None
    assert (found.texts, found.places, found.as_json()) == (["x", "y"], [0, 1, 0, 0], {"d": ["x", "y"]})
    assert words_of(frame, "b", None, NO_LINKS) is None


def test_the_same_text_with_two_pages_is_two_words() -> None:
    cells = Cells(FileNames({"node": [("a", "n"), ("b/b", "n")]}), CustomLinks())
    column = Column("node", "Node", page="node", ids=("cluster", "node"))

    found = words_of(pd.DataFrame({"cluster": ["a", "b/b", "a"], "node": ["n", "n", "n"]}), "node", column, cells)

    assert found is not None
    assert (found.texts, found.links, found.places) == (["n", "n"], [None, cells.names.page("node", "b/b", "n")], [0, 1, 0])


def test_every_row_comes_back() -> None:
    views = Views(sample_report(Size(pods=SHARD_ROWS + 123), hostile=True), Currency())
    frame = views.frames["pods"]
    made = list(shards(PODS_TABLE, frame, Cells(views.names, CustomLinks())))

    assert [name for name, _ in made] == ["tables/pods-words.js", "tables/pods-0.js", "tables/pods-1.js"]
    (_, _, words), *pieces = (arguments(content) for _, content in made)
    columns: dict[str, list[Any]] = {}
    for _, _, piece in pieces:
        for key, values in piece.items():
            columns.setdefault(key, []).extend(words[key]["d"][value] if key in words else value for value in values)
    for key in ("pod", "cluster", "namespace", "application", "team"):
        assert columns[key] == frame[key].astype(str).tolist()
    assert columns["cost"] == frame["cost"].round(2).tolist()


def test_a_link_is_named_only_where_it_cannot_be_made() -> None:
    names = FileNames({"team": [("shop",), ("a/b",)]})
    frame = pd.DataFrame({"team": ["shop", "a/b", "gone"]})
    table = Table("t", "t", "T", (Column("team", "Team", page="team", ids=("team",)),), ("team",))

    _, _, words = arguments(next(shards(table, frame, Cells(names, CustomLinks())))[1])

    assert words == {"team": {"d": ["shop", "a/b", "gone"], "h": [None, names.page("team", "a/b"), ""]}}


def test_shards_hold_what_bars_links_and_pages_need() -> None:
    cells = Cells(FileNames({}), parse_links("team: [{href: 'https://x/{id}'}]"))

    keys = [key for key, _, _ in shard_columns(TEAMS, cells)]

    assert {"cpu_usage", "cpu_requests", "cpu_recommendation", "team_id", "team"} <= set(keys)
    assert "links" not in keys
    assert "team_id" not in [key for key, _, _ in shard_columns(TEAMS, NO_LINKS)]


def test_a_bool_stays_one() -> None:
    table = Table("t", "t", "T", (Column("name", "N"), Column("vpa", "VPA", "bool")), ("name",))
    frame = pd.DataFrame({"name": [f"n{n}" for n in range(11)], "vpa": [True] * 11})

    _, _, piece = arguments(list(shards(table, frame, NO_LINKS))[1][1])

    assert piece["vpa"] == [True] * 11


def test_the_index_knows_every_table_with_rows_and_changes_with_their_content() -> None:
    def index(rows: int, name: str = "n") -> dict[str, Any]:
        made = ShardIndex()
        table = Table("t", "t", "T", (Column("name", "N"),), ("name",))
        list(made.files(table, pd.DataFrame({"name": [f"{name}{n}" for n in range(rows)]}), NO_LINKS))
        return dict(arguments(made.script())[0])

    assert index(0) == {}
    assert index(1)["t"]["rows"] == 1
    assert index(SHARD_ROWS + 1)["t"]["shards"] == 2
    assert index(11)["t"]["version"] == index(11)["t"]["version"] != index(11, "m")["t"]["version"]
    assert msgspec.json.encode(index(11))
