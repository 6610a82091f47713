"""When specs match, and when that changes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.schedule import next_change
from downscaler.timespec import Defaults, parse

# 2026-03-23 is a Monday. Berlin is at UTC+1 until 2026-03-29 01:00 UTC, then at UTC+2 until 2026-10-25 01:00 UTC.


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MATCHES = [
    # name, spec, instant in UTC, matches
    ("always", "always", "2026-03-23T00:00", True),
    ("never", "never", "2026-03-23T00:00", False),
    ("capitals", "Always", "2026-03-23T00:00", True),
    ("true", "TRUE", "2026-03-23T00:00", True),
    ("false", "false", "2026-03-23T00:00", False),
    ("always within a list", "never, ALWAYS", "2026-03-23T00:00", True),
    ("weekly: first minute", "Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-23T07:00", True),
    ("weekly: minute before", "Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-23T06:59:59", False),
    ("weekly: last second", "Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-23T16:59:59", True),
    ("weekly: end is open", "Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-23T17:00", False),
    ("weekly: Saturday", "Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-28T12:00", False),
    ("weekday of the zone, not of UTC", "Mon-Mon 00:00-24:00 Pacific/Auckland", "2026-03-22T12:00", True),
    ("lower case weekdays", "mon-fri 08:00-18:00 UTC", "2026-03-23T12:00", True),
    ("spaces round the dash", "Mon - Fri 08:00 - 18:00 UTC", "2026-03-23T12:00", True),
    ("single day", "Mon 08:00-18:00 UTC", "2026-03-23T12:00", True),
    ("single day, other day", "Fri 08:00-18:00 UTC", "2026-03-23T12:00", False),
    ("whole single day", "Mon UTC", "2026-03-23T23:59", True),
    ("whole days", "Mon-Tue UTC", "2026-03-25T00:00", False),
    ("one-digit hours", "Mon-Fri 8:00-18:00 UTC", "2026-03-23T08:00", True),
    ("weekdays wrap: Sunday", "Sat-Mon 10:00-12:00 UTC", "2026-03-22T11:00", True),
    ("weekdays wrap: Monday", "Sat-Mon 10:00-12:00 UTC", "2026-03-23T11:00", True),
    ("weekdays wrap: Tuesday", "Sat-Mon 10:00-12:00 UTC", "2026-03-24T11:00", False),
    ("Sun-Thu: Friday", "Sun-Thu 10:00-12:00 UTC", "2026-03-27T11:00", False),
    ("24:00", "Mon-Fri 18:00-24:00 UTC", "2026-03-23T23:59:59", True),
    ("24:00 ends the day", "Mon-Mon 18:00-24:00 UTC", "2026-03-24T00:00", False),
    ("to midnight as 00:00", "Mon 20:00-00:00 UTC", "2026-03-23T23:30", True),
    ("to midnight as 00:00, after", "Mon 20:00-00:00 UTC", "2026-03-24T00:00", False),
    ("overnight: evening", "Mon-Fri 22:00-06:00 UTC", "2026-03-23T22:00", True),
    ("overnight: next morning", "Mon-Fri 22:00-06:00 UTC", "2026-03-24T05:59", True),
    ("overnight: over", "Mon-Fri 22:00-06:00 UTC", "2026-03-24T06:00", False),
    ("overnight: Saturday morning belongs to Friday", "Mon-Fri 22:00-06:00 UTC", "2026-03-28T05:00", True),
    ("overnight: Monday morning belongs to Sunday", "Mon-Fri 22:00-06:00 UTC", "2026-03-23T05:00", False),
    ("overnight: single day, next morning", "Fri 22:00-06:00 UTC", "2026-03-28T05:00", True),
    ("overnight: single day, its own morning", "Fri 22:00-06:00 UTC", "2026-03-27T05:00", False),
    ("overnight: Fri-Fri", "Fri-Fri 22:00-06:00 UTC", "2026-03-28T05:00", True),
    ("overnight: Sunday to Monday", "Sun 22:00-06:00 UTC", "2026-03-23T05:00", True),
    ("same start and end never matches", "Mon-Sun 00:00-00:00 UTC", "2026-03-23T00:00", False),
    ("list: second item", "Mon 01:00-02:00 UTC,Mon 11:00-13:00 UTC", "2026-03-23T12:00", True),
    ("list: none", "Mon 01:00-02:00 UTC, Tue 11:00-13:00 UTC", "2026-03-23T12:00", False),
    ("absolute: start is included", "2026-03-23T10:00:00+00:00-2026-03-23T12:00:00+00:00", "2026-03-23T10:00", True),
    ("absolute: end is included", "2026-03-23T10:00:00+00:00-2026-03-23T12:00:00+00:00", "2026-03-23T12:00", True),
    ("absolute: after", "2026-03-23T10:00:00+00:00-2026-03-23T12:00:00+00:00", "2026-03-23T12:00:01", False),
    ("absolute: offsets", "2026-03-23T10:00:00+02:00-2026-03-23T12:00:00+02:00", "2026-03-23T08:00", True),
    ("absolute: negative offsets", "2026-03-23T10:00:00-05:00-2026-03-23T12:00:00-05:00", "2026-03-23T16:00", True),
    ("absolute: Z and spaces", "2026-03-23T10:00:00Z - 2026-03-23T12:00:00Z", "2026-03-23T11:00", True),
    ("absolute: without seconds", "2026-03-23T10:00Z-2026-03-23T12:00Z", "2026-03-23T09:59", False),
    ("from", "from 2026-03-23T10:00:00Z", "2026-03-23T10:00", True),
    ("from: before", "From 2026-03-23T10:00:00Z", "2026-03-23T09:59:59", False),
    ("until", "until 2026-03-23T10:00:00Z", "2026-03-23T09:59:59", True),
    ("until: over", "UNTIL 2026-03-23T10:00:00Z", "2026-03-23T10:00", False),
    ("from a day", "from 2026-03-23", "2026-03-23T00:00", True),
    ("Etc zone", "Mon-Fri 08:00-18:00 Etc/GMT+5", "2026-03-23T13:00", True),
    ("zone with dashes", "Mon-Fri 08:00-18:00 America/Port-au-Prince", "2026-03-23T12:00", True),
    ("zone with digits", "Mon-Fri 08:00-18:00 EST5EDT", "2026-03-23T12:00", True),
    ("zone in lower case", "Mon-Fri 08:00-18:00 europe/berlin", "2026-03-23T07:00", True),
    ("cron: opens", "cron(0 20 * * 1-5)/10h UTC", "2026-03-23T20:00", True),
    ("cron: a second before", "cron(0 20 * * 1-5)/10h UTC", "2026-03-23T19:59:59", False),
    ("cron: next morning", "cron(0 20 * * 1-5)/10h UTC", "2026-03-24T05:59:59", True),
    ("cron: closes", "cron(0 20 * * 1-5)/10h UTC", "2026-03-24T06:00", False),
    ("cron: Saturday evening", "cron(0 20 * * 1-5)/10h UTC", "2026-03-28T20:00", False),
    ("cron: commas stay inside", "cron(0 8,12 * * *)/1h UTC, never", "2026-03-23T12:30", True),
    ("cron: in a zone", "cron(0 20 * * *)/2h Europe/Berlin", "2026-03-23T19:30", True),
    ("cron: names of days", "cron(0 9 * * mon)/1h UTC", "2026-03-23T09:30", True),
    ("cron: first Monday", "cron(0 9 * * mon#1)/1h UTC", "2026-03-23T09:30", False),
    ("cron: last day of the month", "cron(0 9 L * *)/1h UTC", "2026-03-31T09:30", True),
    ("cron: overlapping windows", "cron(0 * * * *)/90m UTC", "2026-03-23T09:59", True),
    ("cron: no such day", "cron(0 0 30 2 *)/1d UTC", "2026-03-23T09:30", False),
    # DST, spring: at 02:00 local the clock shows 03:00 (2026-03-29 01:00 UTC).
    ("spring: the hours before the jump", "Sun 00:00-04:00 Europe/Berlin", "2026-03-29T00:59", True),
    ("spring: 03:00 is an hour after 02:00 would have been", "Sun 00:00-04:00 Europe/Berlin", "2026-03-29T01:59", True),
    ("spring: 04:00 local is 02:00 UTC", "Sun 00:00-04:00 Europe/Berlin", "2026-03-29T02:00", False),
    ("spring: what remains of a window that opens in the gap", "Sun 02:30-03:30 Europe/Berlin", "2026-03-29T01:15", True),
    ("spring: nothing remains of a window inside the gap", "Sun 02:00-03:00 Europe/Berlin", "2026-03-29T01:00", False),
    ("spring: overnight ends by the wall clock", "Sat 22:00-06:00 Europe/Berlin", "2026-03-29T03:59", True),
    ("spring: overnight is an hour shorter", "Sat 22:00-06:00 Europe/Berlin", "2026-03-29T04:00", False),
    ("spring: cron that opens in the gap", "cron(30 2 * * *)/2h Europe/Berlin", "2026-03-29T01:00", True),
    ("spring: cron in the gap closes by the wall clock", "cron(30 2 * * *)/2h Europe/Berlin", "2026-03-29T02:30", False),
    ("spring: cron over the jump", "cron(0 20 * * *)/10h Europe/Berlin", "2026-03-29T03:59", True),
    ("spring: cron over the jump, over", "cron(0 20 * * *)/10h Europe/Berlin", "2026-03-29T04:00", False),
    # DST, autumn: at 03:00 local the clock shows 02:00 again (2026-10-25 01:00 UTC).
    ("autumn: the repeated hour, first", "Sun 02:00-03:00 Europe/Berlin", "2026-10-25T00:30", True),
    ("autumn: the repeated hour, second", "Sun 02:00-03:00 Europe/Berlin", "2026-10-25T01:30", True),
    ("autumn: after it", "Sun 02:00-03:00 Europe/Berlin", "2026-10-25T02:00", False),
    ("autumn: overnight is an hour longer", "Sat 22:00-06:00 Europe/Berlin", "2026-10-25T04:59", True),
    ("autumn: overnight ends by the wall clock", "Sat 22:00-06:00 Europe/Berlin", "2026-10-25T05:00", False),
    ("autumn: cron over the change", "cron(0 20 * * *)/10h Europe/Berlin", "2026-10-25T04:59", True),
    ("autumn: cron over the change, over", "cron(0 20 * * *)/10h Europe/Berlin", "2026-10-25T05:00", False),
    ("autumn: cron in the repeated hour, second", "cron(30 2 * * *)/15m Europe/Berlin", "2026-10-25T01:40", True),
]


@pytest.mark.parametrize(("spec", "instant", "expected"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_matches(spec: str, instant: str, expected: bool) -> None:
    assert parse(spec).matches(utc(instant)) is expected


@pytest.mark.parametrize(
    ("spec", "instant", "expected"),
    [
        ("Mon-Fri 08:00-18:00", "2026-03-23T07:00", True),
        ("Mon-Fri 08:00-18:00 UTC", "2026-03-23T07:00", False),
        ("08:00-18:00", "2026-03-24T07:00", True),
        ("08:00-18:00", "2026-03-28T07:00", False),
        ("08:00-18:00 UTC", "2026-03-23T07:00", False),
        ("Sat 08:00-18:00", "2026-03-28T07:00", True),
        ("Fri", "2026-03-26T23:00", True),
        ("cron(0 8 * * *)/1h", "2026-03-23T07:00", True),
    ],
)
def test_default_zone_and_weekdays(spec: str, instant: str, expected: bool) -> None:
    assert parse(spec, Defaults("Europe/Berlin", "Mon-Fri")).matches(utc(instant)) is expected


@pytest.mark.parametrize(
    ("spec", "now", "expected"),
    [
        ("always", "2026-03-23T00:00", None),
        ("never", "2026-03-23T00:00", None),
        ("Mon-Sun 00:00-24:00 UTC", "2026-03-23T00:00", None),
        ("Mon-Sun 00:00-00:00 UTC", "2026-03-23T00:00", None),
        ("Mon-Fri 08:00-18:00 UTC", "2026-03-23T12:00", "2026-03-23T18:00"),
        ("Mon-Fri 08:00-18:00 UTC", "2026-03-27T18:00", "2026-03-30T08:00"),
        ("Mon-Fri 08:00-18:00 Europe/Berlin", "2026-03-27T18:00", "2026-03-30T06:00"),
        ("Fri 22:00-06:00 UTC", "2026-03-27T23:00", "2026-03-28T06:00"),
        ("Mon 08:00-12:00 UTC,Mon 12:00-14:00 UTC", "2026-03-23T09:00", "2026-03-23T14:00"),
        ("2026-03-23T10:00:00Z-2026-03-23T12:00:00Z", "2026-03-23T00:00", "2026-03-23T10:00"),
        ("2026-03-23T10:00:00Z-2026-03-23T12:00:00Z", "2026-03-23T11:00", "2026-03-23T12:00:01"),
        ("2026-03-23T10:00:00Z-2026-03-23T12:00:00Z", "2026-03-23T13:00", None),
        ("from 2026-03-24T00:00:00Z", "2026-03-23T13:00", "2026-03-24T00:00"),
        ("until 2026-03-24T00:00:00Z", "2026-03-23T13:00", "2026-03-24T00:00"),
        ("from 2036-03-24T00:00:00Z", "2026-03-23T13:00", None),
        ("cron(0 20 * * 1-5)/10h UTC", "2026-03-23T13:00", "2026-03-23T20:00"),
        ("cron(0 20 * * 1-5)/10h UTC", "2026-03-23T21:00", "2026-03-24T06:00"),
        ("cron(0 0 30 2 *)/10h UTC", "2026-03-23T21:00", None),
        ("cron(0 * * * *)/2h UTC", "2026-03-23T21:30", None),
        ("cron(0 9 29 2 *)/2h UTC", "2027-03-01T00:00", "2028-02-29T09:00"),
        ("Sun 02:30-03:30 Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:00"),
        ("Sun 01:30-02:30 Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:30"),
        ("Sun 01:30-02:30 Europe/Berlin", "2026-10-25T00:30", "2026-10-25T01:00"),
        ("cron(30 2 * * *)/2h Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:00"),
        ("Mon UTC,2026-03-30T00:00:00Z-2026-03-30T05:00:00Z", "2026-03-24T00:00", "2026-03-30T00:00"),
    ],
)
def test_next_change(spec: str, now: str, expected: str | None) -> None:
    assert next_change(parse(spec), utc(now)) == (utc(expected) if expected else None)


def test_the_change_at_a_jump_is_found_from_any_fraction_of_a_second() -> None:
    now = utc("2026-03-29T00:30") + timedelta(microseconds=300_000)
    assert next_change(parse("Sun 02:30-03:30 Europe/Berlin"), now) == utc("2026-03-29T01:00")


_DAYS = st.sampled_from(["Mon", "Sun", "Fri-Mon", "Mon-Fri", "Sat-Sun", "Mon-Sun"])
_HOURS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30]))
_ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
_WEEKLY = st.builds("{} {}-{} {}".format, _DAYS, _HOURS, _HOURS, _ZONES)
_CRONS = st.builds(
    "cron({} {} * * {})/{}m {}".format,
    st.sampled_from([0, 15, 30]),
    st.integers(0, 23),
    st.sampled_from(["*", "1-5", "0,6"]),
    st.sampled_from([15, 60, 300, 600]),
    _ZONES,
)
# Around both changes of Berlin and of New York, and of Lord Howe, whose clock moves by half an hour.
_STARTS = st.sampled_from(["2026-03-07T00:00", "2026-03-28T00:00", "2026-04-04T00:00", "2026-10-24T00:00", "2026-10-31T00:00"])


@settings(max_examples=150, deadline=None)
@given(st.lists(_WEEKLY | _CRONS, min_size=1, max_size=2), _STARTS, st.integers(0, 191))
def test_next_change_is_the_first_quarter_hour_that_differs(items: list[str], start: str, quarters: int) -> None:
    spec = parse(",".join(items))
    now = utc(start) + timedelta(minutes=15 * quarters)
    state = spec.matches(now)
    steps = (now + timedelta(minutes=15 * step) for step in range(1, 4 * 24 * 3))
    first = next((at for at in steps if spec.matches(at) is not state), None)
    found = next_change(spec, now)
    if first is None:
        assert found is None or found >= now + timedelta(days=3) - timedelta(minutes=15)
    else:
        assert found == first
