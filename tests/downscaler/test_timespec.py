"""What the grammar of time specs refuses, and how it says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.schedule import next_change
from downscaler.timespec import MAX_ITEMS, Defaults, check_weekframe, parse, zone_named
from shared.errors import ValueProblem

REFUSED = [
    # name, spec, a part of the line that the user sees
    ("empty", "", "accepted: always"),
    ("blank", "   ", "accepted: always"),
    ("words", "office hours", "accepted: always"),
    ("empty item", "always,,never", "accepted: always"),
    ("trailing comma", "always,", "accepted: always"),
    ("garbage after a match", "always, rubbish", "accepted: always"),
    ("weekday misspelt", "Mon-Fry 08:00-18:00 UTC", "accepted: always"),
    ("weekday unknown", "Xyz 08:00-18:00 UTC", "accepted: always"),
    ("weekday written out", "Monday 08:00-18:00 UTC", "accepted: always"),
    ("only a zone", "Europe/Berlin", "accepted: always"),
    ("hour 25", "Mon-Fri 25:99-26:00 UTC", "24:00"),
    ("minute 60", "Mon-Fri 08:60-18:00 UTC", "24:00"),
    ("24:30", "Mon-Fri 08:00-24:30 UTC", "24:00"),
    ("24:00 as the start", "Mon-Fri 24:00-06:00 UTC", "24:00"),
    ("no zone", "Mon-Fri 08:00-18:00", "DEFAULT_TIMEZONE"),
    ("no weekdays", "08:00-18:00 UTC", "DEFAULT_WEEKFRAME"),
    ("day without a zone", "Fri", "DEFAULT_TIMEZONE"),
    ("abbreviation", "Mon-Fri 08:00-18:00 PST", "no zone 'PST'"),
    ("unknown zone", "Mon-Fri 08:00-18:00 Europe/Atlantis", "no zone 'Europe/Atlantis'"),
    ("a directory of zones", "Mon-Fri 08:00-18:00 Europe", "no zone 'Europe'"),
    ("a path as zone", "Mon-Fri 08:00-18:00 ../../etc/passwd", "no zone"),
    ("two zones", "Mon-Fri 08:00-18:00 UTC UTC", "accepted: always"),
    ("month 13", "2026-13-01T00:00:00Z-2026-12-01T00:00:00Z", "2026-04-05T10:00:00Z"),
    ("from nothing", "from", "accepted: always"),
    ("from rubbish", "from yesterday", "2026-04-05T10:00:00Z"),
    ("absolute before the calendar", "0001-01-01T00:00:00+14:00-2026-12-01T00:00:00Z", "2026-04-05T10:00:00Z"),
    ("cron: four fields", "cron(0 20 * *)/10h UTC", "five cron fields"),
    ("cron: six fields", "cron(0 20 * * * 5)/10h UTC", "five cron fields"),
    ("cron: alias", "cron(@daily)/10h UTC", "five cron fields"),
    ("cron: random", "cron(R * * * *)/10h UTC", "five cron fields"),
    ("cron: hashed", "cron(H * * * *)/10h UTC", "five cron fields"),
    ("cron: hour 24", "cron(0 24 * * *)/10h UTC", "five cron fields"),
    ("cron: words", "cron(a b c d e)/10h UTC", "five cron fields"),
    ("cron: reversed step", "cron(*/0 * * * *)/10h UTC", "five cron fields"),
    ("cron: no length", "cron(0 20 * * *) UTC", "accepted: always"),
    ("cron: bad length", "cron(0 20 * * *)/ten UTC", "1h30m"),
    ("cron: zero length", "cron(0 20 * * *)/0h UTC", "366d"),
    ("cron: endless length", "cron(0 20 * * *)/999999d UTC", "366d"),
    ("cron: no zone", "cron(0 20 * * *)/10h", "DEFAULT_TIMEZONE"),
    ("cron: open parenthesis", "cron(0 20 * * */10h UTC, always", "accepted: always"),
    ("too many items", ",".join(["always"] * (MAX_ITEMS + 1)), f"at most {MAX_ITEMS}"),
    ("other digits", "Mon-Fri ٠٨:00-18:00 UTC", "accepted: always"),
]


@pytest.mark.parametrize(("spec", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_with_the_accepted_forms(spec: str, expected: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse(spec)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "Mon-Fri 00:00-00:00 UTC",
            ["'Mon-Fri 00:00-00:00 UTC' can never match: it ends when it starts; 00:00-24:00 is the whole day"],
        ),
        ("cron(0 0 30 2 *)/1d UTC", ["'cron(0 0 30 2 *)/1d UTC' can never match: the calendar has no such day"]),
        (
            "always, 2026-03-23T10:00Z-2026-03-22T10:00Z",
            ["'2026-03-23T10:00Z-2026-03-22T10:00Z' can never match: it ends before it starts"],
        ),
        ("never", []),
        ("2026-03-23T10:00Z-2026-03-24T10:00Z", []),
        ("Mon-Fri 22:00-06:00 UTC", []),
    ],
)
def test_warnings_about_items_that_can_never_match(spec: str, expected: list[str]) -> None:
    assert list(parse(spec).warnings) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("never", True),
        ("Never", True),
        ("never,false", True),
        ("always", False),
        ("Mon-Fri 00:00-00:00 UTC", False),
        ("never,always", False),
    ],
)
def test_never_in_any_spelling_is_never(spec: str, expected: bool) -> None:
    assert parse(spec).is_never is expected


def test_a_window_up_to_the_last_second_of_the_calendar() -> None:
    spec = parse("2026-03-23T10:00Z-9999-12-31T23:59:59Z")
    assert spec.matches(datetime(2030, 1, 1, tzinfo=UTC))


def test_the_same_text_is_parsed_once() -> None:
    assert parse("Mon-Fri 08:00-18:00 UTC") is parse("Mon-Fri 08:00-18:00 UTC")
    assert parse("08:00-18:00", Defaults("UTC", "Mon-Fri")) is not parse("08:00-18:00", Defaults("UTC", "Sat-Sun"))


def test_weekframes() -> None:
    assert check_weekframe(" Mon-Fri ") == "Mon-Fri"
    with pytest.raises(ValueProblem, match="Mon-Fri"):
        check_weekframe("weekdays")


def test_zones_are_found_whatever_their_case() -> None:
    assert zone_named("utc").key == "UTC"
    assert zone_named("america/new_york").key == "America/New_York"


_ALPHABET = "MonFriSatUTC0123456789:-+,/()* TZcronalwysneverfromuntil"


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet=_ALPHABET, max_size=40))
def test_no_text_raises_anything_but_our_own_error(text: str) -> None:
    now = datetime(2026, 3, 23, 12, tzinfo=UTC)
    try:
        spec = parse(text, Defaults("UTC", "Mon-Fri"))
    except ValueProblem:
        return
    assert spec.matches(now) in (True, False)
    next_change(spec, now)
