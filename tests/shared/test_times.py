"""Timestamps and durations as text: every accepted form, and problems for the rest."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ValueProblem
from shared.times import format_duration, format_timestamp, parse_duration, parse_timestamp

TEN = datetime(2026, 4, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-04-05", datetime(2026, 4, 5, tzinfo=UTC)),
        ("2026-04-05 10:00", TEN),
        ("2026-04-05T10:00", TEN),
        ("2026-04-05T10:00:00", TEN),
        ("2026-04-05T10:00Z", TEN),
        ("2026-04-05T10:00:00Z", TEN),
        ("2026-04-05t10:00:00z", TEN),
        ("2026-04-05T10:00:00.123456789Z", TEN),
        ("2026-04-05T12:00:00+02:00", TEN),
        ("2026-04-05T04:30:00-05:30", TEN),
        (" 2026-04-05T10:00:00Z ", TEN),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read_in_utc(text: str, instant: datetime) -> None:
    assert parse_timestamp(text) == instant
    assert parse_timestamp(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-4-5",
        "2026-02-29",
        "2026-13-01",
        "2026-04-05T25:00",
        "2026-04-05T10:61",
        "2026-04-05T10:00:00+99:99",
        "0000-01-01",
        "0001-01-01T00:00+10:00",
        "9999-12-31T23:59-10:00",
        "2026-04-05T10",
        "٢026-04-05",
        "2026-04-05Z",
        "1775383200",
    ],
)
def test_any_other_text_is_a_problem_that_names_the_forms(text: str) -> None:
    with pytest.raises(ValueProblem, match="2026-04-05T10:00:00Z"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("3h", timedelta(hours=3)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta(0)),
        (" 5m ", timedelta(minutes=5)),
        ("1d1d", timedelta(days=2)),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "5", "h", "1.5h", "-1h", "1y", "5 m", "1h 30m", "999999999w", "٣h", "1H", "forever", "1" * 40 + "d"]
)
def test_any_other_duration_is_a_problem(text: str) -> None:
    with pytest.raises(ValueProblem, match="1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=3900), "1h5m"),
        (timedelta(days=14), "2w"),
        (timedelta(seconds=59.9), "59s"),
        (timedelta(minutes=-5), "-5m"),
        (timedelta(days=8, seconds=1), "1w1d1s"),
    ],
)
def test_a_duration_is_written(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_a_problem(text: str) -> None:
    for parse in (parse_timestamp, parse_duration):
        with suppress(ValueProblem):
            parse(text)


@given(st.text(alphabet="0123456789-:+TZ .", max_size=30))
def test_no_text_that_looks_like_a_time_raises_anything_but_a_problem(text: str) -> None:
    with suppress(ValueProblem):
        parse_timestamp(text)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001 - the zone is added below
def test_a_written_timestamp_is_read_again(moment: datetime) -> None:
    instant = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_timestamp(format_timestamp(instant)) == instant


@given(st.integers(min_value=0, max_value=10**9))
def test_a_written_duration_is_read_again(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length
