"""A strip of hours: one row per day of the wall clock, one sign per hour. Pure.

A day of a clock change has 23 or 25 hours, and as many signs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kube_thrift.ahead import HOUR
from kube_thrift.bands import Bands

UP, PARTLY, DOWN, OUTSIDE = "#", "+", ".", " "
LEGEND = f"{UP} up  {PARTLY} partly down  {DOWN} down"
_MARGIN = 14
# Shares below and above which an hour counts as up or down altogether.
_SOME, _MOST = 0.005, 0.995


def strip(zone: ZoneInfo, start: datetime, end: datetime, bands: Bands) -> list[str]:
    """The hours of those that sleep at all; hours outside *start* and *end* are left empty."""
    if not bands.sleepers:
        return []
    ticks = "".join(f"{hour:<6}" for hour in range(0, 24, 6)).rstrip()
    lines = [f"{'':{_MARGIN}}{ticks:<24}  {zone.key}; {LEGEND}"]
    day = start.astimezone(zone).date()
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=zone)) < end:
        day += timedelta(days=1)
        signs, at = [], midnight.astimezone(UTC)
        until = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        while at < until:
            signs.append(_sign(bands, max(at, start), min(at + HOUR, until, end)))
            at += HOUR
        lines.append(f"  {midnight:%a %d %b}".ljust(_MARGIN) + "".join(signs))
    return lines


def _sign(bands: Bands, start: datetime, end: datetime) -> str:
    if start >= end:
        return OUTSIDE
    share = bands.between(start, end).workloads / bands.sleepers
    if share < _SOME:
        return UP
    return DOWN if share > _MOST else PARTLY
