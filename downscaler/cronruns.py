"""CronJobs that would never run, as each of their runs lies in their own downtime. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterBadDateError

from downscaler.forecast import next_ruling, schedule_of
from downscaler.policy import Policy, Want, ruling
from downscaler.schedule import FINEST
from downscaler.timespec import zone_named
from shared.errors import ValueProblem

# Days looked at one by one, and the runs that are looked at after them, which are enough for one a month.
_NEAR = timedelta(days=60)
_FAR_RUNS = 14
# A schedule that switches on and off at moments repeats within a week.
_LOOKBACK = timedelta(days=7)
_Span: TypeAlias = tuple[datetime, datetime]


@dataclass(frozen=True)
class _Schedule:
    """A policy that is the same as any other with the same times."""

    key: Hashable
    policy: Policy = field(compare=False)


def never_runs(schedule: tuple[str, str], policy: Policy, now: datetime) -> str:
    """The fact that each run of *schedule*, a cron expression and a zone, lies in downtime; empty if one does not.

    Also empty for what is never up at all, which somebody wanted so, and for an expression that cannot be read. What is found
    holds for the day of *now*.
    """
    expression, zone = schedule
    if policy.excluded:
        return ""
    try:
        known = zone_named(zone)
    except ValueProblem:
        return ""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    never = _never(expression, known, _Schedule(schedule_of(policy), policy), day)
    return f"each of its runs ({expression}) lies in its downtime" if never else ""


@lru_cache(maxsize=4096)
def _never(expression: str, zone: ZoneInfo, schedule: _Schedule, day: datetime) -> bool:
    if not croniter.is_valid(expression) or not (spans := _spans(schedule, day)):
        # Without spans it is down for good, or for as long as anybody cares.
        return False
    runs, run = _Runs(expression, zone), day
    try:
        for begin, end in spans:
            if run < end:
                run = runs.since(begin)
                if run < end:
                    return False
        run = day + _NEAR
        for _ in range(_FAR_RUNS):
            run = runs.since(run)
            if _is_up(schedule.policy, run):
                return False
            run += FINEST
    except CroniterBadDateError:
        # It runs at no date at all.
        return False
    return True


class _Runs:
    """The runs of a cron expression, which is read once."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self._zone = zone
        self._runs = croniter(expression, datetime(2000, 1, 1, tzinfo=UTC))

    def since(self, instant: datetime) -> datetime:
        """The first run at or after *instant*. Raises CroniterBadDateError where there is none."""
        wall = instant.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
        self._runs.set_current(wall - FINEST, force=True)
        run: datetime = self._runs.get_next(datetime)
        return run.replace(tzinfo=self._zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _spans(schedule: _Schedule, day: datetime) -> tuple[_Span, ...]:
    """From when to when it is up in the days to come. Outside both periods it stays as the last of them left it."""
    policy, end = schedule.policy, day + _NEAR
    at = day - _LOOKBACK
    begin = None if ruling(policy, at).want is Want.DOWN else at
    found: list[_Span] = []
    while (coming := next_ruling(policy, at)) is not None and coming[0] < end:
        at, ruled = coming
        if ruled.want is Want.UP and begin is None:
            begin = at
        if ruled.want is Want.DOWN and begin is not None:
            found.append((begin, at))
            begin = None
    if begin is not None:
        found.append((begin, end))
    return tuple((max(begin, day), end) for begin, end in found if end > day)


def _is_up(policy: Policy, at: datetime) -> bool:
    """Whether it is up at *at*, where outside both periods it stays as the last of them left it."""
    want = ruling(policy, at).want
    if want is not Want.LEAVE:
        return want is Want.UP
    moment, state = at - _LOOKBACK, ruling(policy, at - _LOOKBACK).want
    while (coming := next_ruling(policy, moment)) is not None and coming[0] <= at:
        moment = coming[0]
        state = state if coming[1].want is Want.LEAVE else coming[1].want
    return state is not Want.DOWN
