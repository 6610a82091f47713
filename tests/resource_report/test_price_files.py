"""The user's price files: both forms, what matches what, and lines that cannot be read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from resource_report.price_files import (
    MAX_LINE_PROBLEMS,
    PriceFile,
    load_price_file,
    parse_price_file,
)
from resource_report.price_types import NodeShape
from shared.errors import UsageError

NODE = NodeShape("aws", "eu-central-1", "eu-central-1b", "m6i.large")


def hourly(text: str, shape: NodeShape = NODE, rates: dict[str, float] | None = None) -> float | None:
    rows, problems = parse_price_file(text, "prices.csv", rates or {})
    assert problems == []
    found = PriceFile("prices.csv", "on-demand", tuple(rows)).on_demand(shape)
    return None if found is None else found.hourly


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("eu-central-1,m6i.large,84.0075\n", 0.115, id="old-form-monthly"),
        pytest.param(" eu-central-1 , m6i.large , 84.0075 \r\n", 0.115, id="spaces-and-crlf"),
        pytest.param("eu-west-1,m6i.large,84\n", None, id="other-region"),
        pytest.param("region,type,monthly_usd\neu-central-1,m6i.large,84.0075\n", 0.115, id="old-columns-with-header"),
        pytest.param("region,type,price,unit\neu-central-1,m6i.large,0.1,hour\n", 0.1, id="hourly-unit"),
        pytest.param("region,type,price,unit\neu-central-1,m6i.large,73.05,monthly\n", 0.1, id="monthly-unit"),
        pytest.param("region,type,price,unit\neu-central-1,m6i.large,876.6,year\n", 0.1, id="yearly-unit"),
        pytest.param("region,type,price\neu-central-1,m6i.large,73.05\n", 0.1, id="no-unit-is-monthly"),
        pytest.param("Region,Instance Type,Hourly USD\neu-central-1,m6i.large,0.1\n", 0.1, id="spreadsheet-header"),
        pytest.param("type,hourly_usd,owner\nm6i.large,0.1,platform\n", 0.1, id="extra-column-no-region"),
        pytest.param("# ours\n\nregion,type,hourly_usd\n# dear\neu-central-1,m6i.large,0.1\n", 0.1, id="comments"),
        pytest.param("*,m6i.large,73.05\n", 0.1, id="any-region"),
        pytest.param("eu-*,m6i.*,73.05\n", 0.1, id="patterns"),
        pytest.param("*,*,73.05\n", 0.1, id="anything"),
        pytest.param("region,type,zone,hourly_usd\neu-central-1,m6i.large,eu-central-1b,0.1\n", 0.1, id="zone"),
        pytest.param("region,type,zone,hourly_usd\neu-central-1,m6i.large,eu-central-1c,0.1\n", None, id="other-zone"),
        pytest.param("type,price,unit,currency\nm6i.large,0.1,hour,EUR\n", 0.11, id="currency"),
        pytest.param("type,price,unit,currency,rate\nm6i.large,0.1,hour,SEK,0.5\n", 0.05, id="rate-of-the-line"),
        pytest.param("eu-central-1,m6i.large,0\n", 0.0, id="zero-that-somebody-wrote"),
        pytest.param("", None, id="empty"),
    ],
)
def test_both_forms(text: str, expected: float | None) -> None:
    assert hourly(text, rates={"EUR": 1.1}) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param("*,*,1\n*,m6i.*,2\neu-central-1,m6i.large,3\n", 3, id="exact-before-patterns"),
        pytest.param("*,m6i.*,2\n*,*,1\n", 2, id="longer-pattern-before-star"),
        pytest.param("eu-central-1,*,1\n*,m6i.large,2\n", 2, id="type-before-region"),
        pytest.param("eu-central-1,m6i.large,1\neu-central-1,m6i.large,2\n", 2, id="later-line"),
    ],
)
def test_the_most_special_line_wins(lines: str, expected: float) -> None:
    assert hourly(lines) == pytest.approx(expected / 730.5)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("eu-central-1,m6i.large", "region,type,monthly USD", id="two-columns"),
        pytest.param("eu-central-1,m6i.large,1,2", "region,type,monthly USD", id="four-columns"),
        pytest.param("eu-central-1,,1", "region,type,monthly USD", id="no-type"),
        pytest.param("eu-central-1,m6i.large,dear", "'dear' is not understood; accepted: a number", id="not-a-number"),
        pytest.param("eu-central-1,m6i.large,-1", "'-1' is not understood", id="negative"),
        pytest.param("eu-central-1,m6i.large,nan", "'nan' is not understood", id="nan"),
        pytest.param("eu-central-1,m6i.large,inf", "'inf' is not understood", id="infinite"),
        pytest.param("eu-central-1,m6i.large,", "'' is not understood", id="empty-number"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_the_others_are_read(line: str, told: str) -> None:
    rows, problems = parse_price_file(f"# prices\n{line}\neu-central-1,m6i.large,73.05\n", "my.csv", {})

    assert [row.line for row in rows] == [3]
    assert len(problems) == 1
    assert problems[0][1].startswith("price file my.csv line 2: ")
    assert told in problems[0][1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("m6i.large,1,week,USD", "'week' is not understood; accepted: hour, month or year", id="unit"),
        pytest.param("m6i.large,1,hour,CHF", "'CHF' is not understood; accepted: USD, a currency with", id="currency"),
    ],
)
def test_a_bad_cell_of_the_wider_form_is_told(line: str, told: str) -> None:
    rows, problems = parse_price_file(f"type,price,unit,currency\n{line}\n", "my.csv", {})

    assert rows == []
    assert told in problems[0][1]


def test_a_flood_of_bad_lines_is_summed_up() -> None:
    _, problems = parse_price_file("x\n" * (MAX_LINE_PROBLEMS + 5), "my.csv", {})

    assert len(problems) == MAX_LINE_PROBLEMS + 1
    assert problems[-1][1] == "price file my.csv: 5 more lines cannot be read"


def test_a_field_beyond_the_limit_of_csv_is_a_problem_and_reading_goes_on() -> None:
    rows, problems = parse_price_file(f"{'x' * 200_000},a,1\neu-central-1,m6i.large,1\n", "my.csv", {})

    assert len(problems) == 1
    assert [row.line for row in rows] == [2]


def test_a_file_is_of_one_kind(tmp_path: Path) -> None:
    path = tmp_path / "spot.csv"
    path.write_text("\ufeffeu-central-1,m6i.large,73.05\n", encoding="utf-8")

    price_file = load_price_file(path, "spot", {})
    found = price_file.spot(NODE)

    assert price_file.on_demand(NODE) is None
    assert found is not None
    assert (found.hourly, found.source) == (pytest.approx(0.1), "pricing file spot.csv line 1")
    assert isinstance(found.as_of, date)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "not-text"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "prices.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=r"price file .*prices\.csv: "):
        load_price_file(path, "on-demand", {})
