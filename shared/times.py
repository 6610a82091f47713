"""Timestamps and durations, as text and as values. Pure; the clock is in `clock.py`.

All datetimes in this project are aware and in UTC; a text without a zone is read as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from shared.errors import ValueProblem

ACCEPTED_TIMESTAMP = "2026-04-05, 2026-04-05 10:00, 2026-04-05T10:00, 2026-04-05T10:00:00Z or with an offset such as +02:00"
ACCEPTED_DURATION = "a number with a unit s, m, h, d or w, also joined: 90s, 3h, 1h30m, 7d"

_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII | re.IGNORECASE
)
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhdw])+", re.ASCII)
_PART = re.compile(r"([0-9]+)([smhdw])", re.ASCII)
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_timestamp(text: str) -> datetime:
    """The instant that *text* names, in UTC. A bare date is the start of that day.

    Raises ValueProblem naming the accepted forms.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        raise ValueProblem(text, ACCEPTED_TIMESTAMP)
    date, clock, seconds, zone = match.groups()
    zone = "+00:00" if zone is None or zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{date}T{clock or '00:00'}:{seconds or '00'}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueProblem(text, ACCEPTED_TIMESTAMP) from None


def format_timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC with seconds, as Kubernetes writes it: 2026-04-05T10:00:00Z."""
    # Not strftime, which leaves out the leading zeros of years before 1000.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_duration(text: str) -> timedelta:
    """`90s`, `3h`, `1h30m`, `7d`, `2w` as a timedelta. Raises ValueProblem, also for what is too long to be a timedelta."""
    stripped = text.strip()
    if _DURATION.fullmatch(stripped) is None:
        raise ValueProblem(text, ACCEPTED_DURATION)
    try:
        return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(stripped)))
    except OverflowError:
        raise ValueProblem(text, ACCEPTED_DURATION) from None


def format_duration(length: timedelta) -> str:
    """Largest unit first, empty parts left out: 3900 s is `1h5m`, 14 days are `2w`, nothing is `0s`."""
    left = int(abs(length.total_seconds()))
    parts = []
    for unit, seconds in _SECONDS.items():
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if length < timedelta(0) else "") + ("".join(parts) or "0s")
