"""The grammar of time specs: text in, `schedule.Spec` out. Pure.

A spec is a comma list of items, any of which may match; commas inside `cron(...)` do not separate. All items are parsed before
any is evaluated, so that garbage late in a list is noticed. Items:

    always, never                            also true, false; any case
    Mon-Fri 08:00-18:00 Europe/Berlin        weekdays, hours, IANA zone; a single day (Fri); the whole day without hours
    Fri 22:00-06:00 UTC                      a window whose end is before its start ends the next morning
    2026-12-24T00:00:00+01:00 - 2026-12-27T00:00:00+01:00       both ends included
    from 2026-12-24T00:00:00Z, until 2026-12-27T00:00:00Z
    cron(0 20 * * 1-5)/10h Europe/Berlin     a window that opens at each cron moment and stays open that long
    holidays(DE-BE) Europe/Berlin            whole days: public holidays of a country or region, or a named calendar
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from croniter.croniter import CroniterError

from downscaler.calendars import Calendar, days_named
from downscaler.schedule import DAY_MINUTES, FINEST, Constant, Cron, Holidays, Item, Span, Spec, Weekly, cron_moment
from shared.errors import ValueProblem
from shared.times import parse_duration, parse_timestamp

ACCEPTED = (
    "always, never, 'Mon-Fri 08:00-18:00 Europe/Berlin', 'Fri 22:00-06:00 UTC', "
    "'2026-12-24T00:00:00Z - 2026-12-27T00:00:00Z', 'from TIME', 'until TIME', 'cron(0 20 * * 1-5)/10h Europe/Berlin', "
    "'holidays(DE-BE) Europe/Berlin', "
    "or several of these joined by commas"
)
MAX_ITEMS = 100
LONGEST_CRON_WINDOW = timedelta(days=366)

_WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
_CONSTANTS = {"always": True, "true": True, "never": False, "false": False}
_INSTANT = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)"
_ABSOLUTE = re.compile(rf"({_INSTANT})\s*-\s*({_INSTANT})", re.ASCII | re.IGNORECASE)
_DIRECTED = re.compile(r"(from|until)\s+(\S.*)", re.ASCII | re.IGNORECASE)
_CRON = re.compile(r"cron\(([^()]*)\)\s*/\s*(\S+)(?:\s+(\S+))?", re.ASCII | re.IGNORECASE)
_HOLIDAYS = re.compile(r"holidays\(\s*([A-Za-z0-9_.-]{1,63})\s*\)(?:\s+(\S+))?", re.ASCII | re.IGNORECASE)
_CRON_FIELD = re.compile(r"(?![hr](?:/|$))[0-9a-z*,/#?-]{1,60}", re.ASCII | re.IGNORECASE)
_DAYS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?", re.ASCII | re.IGNORECASE)
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", re.ASCII)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a spec may leave out, and name: `timezone` is an IANA name, `weekframe` weekdays such as `Mon-Fri`."""

    timezone: str | None = None
    weekframe: str | None = None
    calendars: tuple[Calendar, ...] = ()
    # Whether the end of an absolute window is outside it.
    end_excluded: bool = False


NO_DEFAULTS = Defaults()


@lru_cache(maxsize=4096)
def parse(text: str, defaults: Defaults = NO_DEFAULTS) -> Spec:
    """The spec that *text* stands for. Raises ValueProblem naming the accepted forms, or the part that is wrong."""
    parts = _split(text)
    if len(parts) > MAX_ITEMS:
        raise ValueProblem(text, f"at most {MAX_ITEMS} items")
    items = tuple(_parse_item(part, text, defaults) for part in parts)
    warnings = (f"{part!r} can never match{why}" for part, item in zip(parts, items, strict=True) if (why := _never(item)))
    return Spec(text, items, tuple(warnings))


def check_weekframe(text: str) -> str:
    """*text* if it is a weekday or a range of weekdays, else ValueProblem."""
    if _days(text.strip()) is None:
        raise ValueProblem(text, "a weekday range such as Mon-Fri, or one weekday")
    return text.strip()


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The time zone *name*; case is forgiven. Raises ValueProblem for what the IANA database does not hold."""
    if _ZONE.fullmatch(name):
        for candidate in (name, _zones_by_lower_case().get(name.lower(), "")):
            try:
                return ZoneInfo(candidate)
            except (KeyError, ValueError, OSError):  # not there; not a zone; a directory of zones such as "Europe"
                continue
    raise ValueProblem(name, "an IANA time zone such as Europe/Berlin, America/New_York or UTC; most abbreviations are none")


@lru_cache(maxsize=1)
def _zones_by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def _split(text: str) -> list[str]:
    """The comma list, with commas inside parentheses left alone. An empty item stays and is refused by the parser."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


def _parse_item(item: str, text: str, defaults: Defaults) -> Item:
    if item.lower() in _CONSTANTS:
        return Constant(_CONSTANTS[item.lower()])
    if match := _ABSOLUTE.fullmatch(item):
        end = parse_timestamp(match[2])
        return Span(parse_timestamp(match[1]), end if defaults.end_excluded else _after(end))
    if match := _DIRECTED.fullmatch(item):
        instant = parse_timestamp(match[2])
        return Span(instant, None) if match[1].lower() == "from" else Span(None, instant)
    if match := _HOLIDAYS.fullmatch(item):
        zone = _zone(match[2] or defaults.timezone or "UTC", text, defaults)
        return Holidays(days_named(match[1], defaults.calendars), zone)
    if match := _CRON.fullmatch(item):
        return _parse_cron(match, text, defaults)
    return _parse_weekly(item, text, defaults)


def _after(instant: datetime) -> datetime:
    """The end of the second *instant*: absolute windows include their end."""
    try:
        return instant + FINEST
    except OverflowError:  # the last second that a datetime can hold
        return instant


def _parse_cron(match: re.Match[str], text: str, defaults: Defaults) -> Cron:
    fields = match[1].split()
    valid = len(fields) == 5 and all(_CRON_FIELD.fullmatch(field) for field in fields)
    expression = " ".join(fields)
    try:
        valid = valid and bool(croniter.expand(expression))
    except (CroniterError, ValueError, KeyError, IndexError):
        valid = False
    if not valid:
        raise ValueProblem(text, "five cron fields within cron(...): minute hour day month weekday")
    length = parse_duration(match[2])
    if not timedelta(0) < length <= LONGEST_CRON_WINDOW:
        raise ValueProblem(text, "a window length after cron(...)/ between 1m and 366d")
    return Cron(expression, length, _zone(match[3], text, defaults))


def _parse_weekly(item: str, text: str, defaults: Defaults) -> Weekly:
    words = re.sub(r"\s*-\s*", "-", item).split()
    days = _days(words[0]) if words else None
    if days is not None:
        words.pop(0)
    hours = _HOURS.fullmatch(words[0]) if words else None
    if hours is not None:
        words.pop(0)
    if (days is None and hours is None) or len(words) > 1:
        raise ValueProblem(text, ACCEPTED)
    if days is None and (days := _days(defaults.weekframe or "")) is None:
        raise ValueProblem(text, "weekdays before the hours (Mon-Fri 08:00-18:00 UTC), unless DEFAULT_WEEKFRAME is set")
    start, end = _minutes(hours, text) if hours else (0, DAY_MINUTES)
    return Weekly(days, start, end, _zone(words[0] if words else None, text, defaults))


def _days(text: str) -> frozenset[int] | None:
    """`Mon-Fri`, `Sat-Mon` (over the end of the week) or `Fri` as a set of 0 (Monday) to 6; None for anything else."""
    match = _DAYS.fullmatch(text)
    if match is None:
        return None
    first, last = match[1].lower(), (match[2] or match[1]).lower()
    if first not in _WEEKDAYS or last not in _WEEKDAYS:
        return None
    length = (_WEEKDAYS[last] - _WEEKDAYS[first]) % 7
    return frozenset((_WEEKDAYS[first] + step) % 7 for step in range(length + 1))


def _minutes(hours: re.Match[str], text: str) -> tuple[int, int]:
    h1, m1, h2, m2 = (int(group) for group in hours.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if max(m1, m2) > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueProblem(text, "hours from 00:00 to 24:00, such as 08:00-18:00 or 22:00-06:00")
    return start, end


def _zone(name: str | None, text: str, defaults: Defaults) -> ZoneInfo:
    name = name or defaults.timezone
    if name is None:
        raise ValueProblem(text, "an IANA time zone at the end (Mon-Fri 08:00-18:00 UTC), unless DEFAULT_TIMEZONE is set")
    try:
        return zone_named(name)
    except ValueProblem as problem:
        raise ValueProblem(text, f"{problem.accepted}; there is no zone {name[:60]!r}") from None


def _never(item: Item) -> str:
    """Why *item* can never match, as the tail of a sentence; empty if it can, or says so itself."""
    match item:
        case Weekly(start=start, end=end) if start == end:
            return ": it ends when it starts; 00:00-24:00 is the whole day"
        case Span(start=datetime() as opens, end=datetime() as closes) if closes <= opens:
            return ": it ends before it starts"
        case Holidays(days=Calendar(dates=dates, yearly=yearly)) if not dates and not yearly:
            return ": the calendar is empty"
        case Cron(expression=expression) if cron_moment(expression, _EPOCH, 1) is None:
            return ": the calendar has no such day"
    return ""
