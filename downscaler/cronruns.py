"""CronJobs that would never run, as each of their runs lies in their own downtime. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from downscaler.forecast import next_ruling, schedule_of
from downscaler.policy import Policy, Want, ruling
from downscaler.schedule import FINEST, HORIZON, cron_moment
from downscaler.timespec import zone_named
from shared.errors import ValueProblem

# So many runs, each of another night, are taken for all.
_ENOUGH = 60
# A schedule that switches on and off at moments repeats within a week.
_LOOKBACK = timedelta(days=7)


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
    if policy.excluded or not croniter.is_valid(expression):
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
    policy = schedule.policy
    run = _run(expression, zone, day)
    for _ in range(_ENOUGH):
        if run is None or _is_up(policy, run):
            return False
        if run - day > HORIZON:
            return True
        up = _next(policy, run, Want.UP)
        if up is None:
            # Down for good, or for as long as anybody can see.
            return False
        run, down = _run(expression, zone, up), _next(policy, up, Want.DOWN)
        if run is not None and (down is None or run < down):
            return False
    return True


def _run(expression: str, zone: ZoneInfo, since: datetime) -> datetime | None:
    """The first run at or after *since*."""
    wall = since.astimezone(zone).replace(tzinfo=None, microsecond=0)
    moment = cron_moment(expression, wall - FINEST, 1)
    return None if moment is None else moment.replace(tzinfo=zone).astimezone(UTC)


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


def _next(policy: Policy, after: datetime, want: Want) -> datetime | None:
    """When the schedule first says *want* after *after*; None if nobody can see that."""
    moment = after
    while (coming := next_ruling(policy, moment)) is not None:
        moment = coming[0]
        if coming[1].want is want:
            return moment
    return None
