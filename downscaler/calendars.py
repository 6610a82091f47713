"""Days off as values: public holidays by country, and named calendars of dates or ICS text. Pure; files are read in `config.py`.

Public holidays come from the `holidays` library, asked for a year at a time. A named calendar is text: one date or range a line,
a date without a year for every year, or the content of an ICS file.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from shared.errors import ValueProblem

ACCEPTED_HOLIDAYS = "holidays(NAME): a country such as DE, one of its regions such as DE-BE, or a calendar of --calendars"
ACCEPTED_DATES = "one date a line: 2026-12-24, 2026-12-24/2027-01-01 (both included), or --12-25 for every year"
LONGEST_RANGE = 400

_CODE = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,4}))?", re.ASCII)
_YEARLY = re.compile(r"--(\d{2})-(\d{2})", re.ASCII)


class Days(Hashable, Protocol):
    """A set of days."""

    def __contains__(self, day: date, /) -> bool: ...


@dataclass(frozen=True)
class Calendar:
    """A named set of days; `yearly` holds (month, day). Names are compared in lower case."""

    name: str
    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def __contains__(self, day: date) -> bool:
        return day in self.dates or (day.month, day.day) in self.yearly


@dataclass(frozen=True)
class Public:
    """The public holidays of a country, or of one of its regions."""

    country: str
    region: str | None = None

    def __contains__(self, day: date) -> bool:
        return day in _public(self.country, self.region, day.year)


@lru_cache(maxsize=1024)
def _public(country: str, region: str | None, year: int) -> frozenset[date]:
    # A large library that only those pay for who name a country.
    from holidays import country_holidays

    return frozenset(country_holidays(country, subdiv=region, years=year))


def days_named(name: str, calendars: tuple[Calendar, ...]) -> Days:
    """The calendar *name*, else the country or region of that code. Raises ValueProblem."""
    wanted = name.strip()
    for calendar in calendars:
        if calendar.name == wanted.lower():
            return calendar
    match = _CODE.fullmatch(wanted.upper())
    if match is None:
        raise ValueProblem(name, ACCEPTED_HOLIDAYS)
    found = Public(match[1], match[2])
    try:
        _public(found.country, found.region, 2026)
    except NotImplementedError:
        raise ValueProblem(name, ACCEPTED_HOLIDAYS) from None
    return found


@lru_cache(maxsize=4096)
def next_day(days: Days, day: date, *, off: bool, limit: int) -> date | None:
    """The first day from *day* on that is in *days* (*off*) or is not; None if none comes within *limit* days."""
    for offset in range(limit):
        try:
            candidate = day + timedelta(days=offset)
        except OverflowError:
            return None
        if (candidate in days) is off:
            return candidate
    return None


def parse_calendar(name: str, text: str) -> Calendar:
    """*text* as lines of dates, or as ICS if it begins like that. Raises ValueProblem with the line that cannot be read."""
    if text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        return _parse_ics(name, text)
    dates: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if match := _YEARLY.fullmatch(content):
            yearly.add(_month_day(match))
        else:
            dates.update(_range(content))
    return Calendar(name.lower(), frozenset(dates), frozenset(yearly))


def _month_day(match: re.Match[str]) -> tuple[int, int]:
    month, day = int(match[1]), int(match[2])
    try:
        date(2024, month, day)  # a leap year: 29 February is a day
    except ValueError:
        raise ValueProblem(match[0], ACCEPTED_DATES) from None
    return month, day


def _range(text: str) -> Iterator[date]:
    first, _, last = text.partition("/")
    try:
        start = date.fromisoformat(first.strip())
        end = date.fromisoformat(last.strip()) if last else start
    except ValueError:
        raise ValueProblem(text, ACCEPTED_DATES) from None
    if not timedelta(0) <= end - start <= timedelta(days=LONGEST_RANGE):
        raise ValueProblem(text, f"a range from the earlier to the later day, of at most {LONGEST_RANGE} days")
    return (start + timedelta(days=offset) for offset in range((end - start).days + 1))


def _parse_ics(name: str, text: str) -> Calendar:
    """All-day and timed events alike cover the days they touch; of recurring ones only yearly ones are understood."""
    from icalendar import Calendar as Ics

    dates: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    try:
        for event in Ics.from_ical(text).walk("VEVENT"):
            covered = list(_event_days(event))
            rule = event.get("RRULE")
            if rule is None:
                dates.update(covered)
            elif [str(each).upper() for each in rule.get("FREQ", [])] == ["YEARLY"] and set(rule) <= {"FREQ", "INTERVAL", "WKST"}:
                yearly.update((day.month, day.day) for day in covered)
            else:
                raise ValueProblem(
                    f"RRULE of {event.get('SUMMARY', 'an event')}", "events without a rule, or with FREQ=YEARLY alone"
                )
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        if isinstance(error, ValueProblem):
            raise
        raise ValueProblem(f"calendar {name}", f"ICS as of RFC 5545; {error}") from None
    return Calendar(name.lower(), frozenset(dates), frozenset(yearly))


def _event_days(event: Any) -> Iterator[date]:
    start = event.decoded("DTSTART")
    end = event.decoded("DTEND") if "DTEND" in event else start + event.decoded("DURATION") if "DURATION" in event else start
    first = start.date() if isinstance(start, datetime) else start
    if isinstance(end, datetime):
        # An event that ends at midnight does not touch the day that begins then.
        last = (end - timedelta(microseconds=1)).date() if end > start else first
    else:
        last = end - timedelta(days=1) if end > start else first
    yield from _range(f"{first.isoformat()}/{last.isoformat()}")
