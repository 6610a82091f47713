"""Time specs as values: whether one matches at an instant, and when that changes next. Pure: every instant is an argument.

Weekly and cron windows live on the local wall clock: 20:00 plus ten hours is 06:00 also in the night of a DST change. Of a window
that opens inside the hour that spring skips, what remains after the jump is honoured; the hour that autumn repeats is in a window
both times. The grammar is in `timespec.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterBadDateError

from downscaler.calendars import Days, next_day

HORIZON = timedelta(days=400)
DAY_MINUTES = 24 * 60
FINEST = timedelta(seconds=1)


class Item(Protocol):
    """One member of a spec."""

    def matches(self, now: datetime) -> bool: ...

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        """Instants after *now* at which `matches` may change; the earliest change is among them."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool

    def matches(self, now: datetime) -> bool:
        return self.value

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to before `end`; None leaves that side open."""

    start: datetime | None
    end: datetime | None

    def matches(self, now: datetime) -> bool:
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        return (edge for edge in (self.start, self.end) if edge is not None and edge > now)


@dataclass(frozen=True, slots=True)
class Weekly:
    """`start` and `end` are minutes of the day, 1440 being its end; the window belongs to the day it starts on."""

    days: frozenset[int]
    start: int
    end: int
    zone: ZoneInfo

    def matches(self, now: datetime) -> bool:
        wall = _wall(self.zone, now)
        minute = wall.hour * 60 + wall.minute
        today = wall.weekday()
        if self.start <= self.end:
            return today in self.days and self.start <= minute < self.end
        return (minute >= self.start and today in self.days) or (minute < self.end and (today - 1) % 7 in self.days)

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        midnight = _wall(self.zone, now).replace(hour=0, minute=0, second=0, microsecond=0)
        overnight = DAY_MINUTES if self.end < self.start else 0
        for offset in range(-1, 9):
            day = midnight + timedelta(days=offset)
            if day.weekday() in self.days:
                yield from _instants(self.zone, day + timedelta(minutes=self.start), now)
                yield from _instants(self.zone, day + timedelta(minutes=self.end + overnight), now)


@dataclass(frozen=True, slots=True)
class Cron:
    """Open from each moment of `expression` on the wall clock for `length`."""

    expression: str
    length: timedelta
    zone: ZoneInfo

    def matches(self, now: datetime) -> bool:
        wall = _wall(self.zone, now)
        opened = cron_moment(self.expression, wall.replace(second=0, microsecond=0), -1)
        return opened is not None and wall < opened + self.length

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        minute = _wall(self.zone, now).replace(second=0, microsecond=0)
        opened = cron_moment(self.expression, minute, -1)
        opens = cron_moment(self.expression, minute, 1)
        if opened is not None:
            yield from _instants(self.zone, opened + self.length, now)
        if opens is not None:
            yield from _instants(self.zone, opens, now)


@dataclass(frozen=True, slots=True)
class Holidays:
    """The whole of each day in `days`, on the wall clock of `zone`."""

    days: Days
    zone: ZoneInfo

    def matches(self, now: datetime) -> bool:
        return _wall(self.zone, now).date() in self.days

    def boundaries(self, now: datetime) -> Iterator[datetime]:
        today = _wall(self.zone, now).date()
        turn = next_day(self.days, today, off=today not in self.days, limit=HORIZON.days)
        if turn is not None:
            yield from _instants(self.zone, datetime.combine(turn, datetime.min.time()), now)


@dataclass(frozen=True, eq=False)
class Spec:
    """A parsed time spec. `warnings` names items that can never match although they can be read."""

    text: str
    items: tuple[Item, ...]
    warnings: tuple[str, ...] = ()

    @cached_property
    def is_never(self) -> bool:
        """Whether this is `never` in any spelling, which counts as "not set" for the two periods."""
        return all(isinstance(item, Constant) and not item.value for item in self.items)

    @cached_property
    def is_always(self) -> bool:
        """Whether this is `always` in any spelling, which is how nobody says anything about uptime."""
        return any(isinstance(item, Constant) and item.value for item in self.items)

    def matches(self, now: datetime) -> bool:
        return any(item.matches(now) for item in self.items)


def next_change(spec: Spec, now: datetime) -> datetime | None:
    """The first instant after *now* at which `spec.matches` differs from now; None if none comes within 400 days."""
    state, at, end = spec.matches(now), now, now + HORIZON
    for _ in range(2000):
        candidates = [edge for item in spec.items for edge in _edges(item, at)]
        if not candidates or (at := min(candidates)) > end:
            return None
        if spec.matches(at) is not state:
            return at
    return None


def _edges(item: Item, now: datetime) -> Iterator[datetime]:
    """The item's own boundaries, and the jumps of its wall clock before the last of them."""
    edges = list(item.boundaries(now))
    yield from edges
    zone = getattr(item, "zone", None)
    if edges and zone is not None:
        yield from _jumps(zone, now, min(max(edges), now + timedelta(days=10)))


def _jumps(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The first change of the UTC offset in (start, end], found by halving; two changes are never as close as ten days."""
    # Offsets change at whole seconds.
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    before = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == before:
        return
    while end - start > FINEST:
        middle = (start + (end - start) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            start = middle
        else:
            end = middle
    yield end


@lru_cache(maxsize=4096)
def _wall(zone: ZoneInfo, now: datetime) -> datetime:
    return now.astimezone(zone).replace(tzinfo=None)


def _instants(zone: ZoneInfo, wall: datetime, now: datetime) -> Iterator[datetime]:
    """When the wall clock shows *wall*, after *now*: twice in the hour that autumn repeats."""
    for fold in (0, 1):
        instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant > now:
            yield instant


@lru_cache(maxsize=4096)
def cron_moment(expression: str, minute: datetime, direction: int) -> datetime | None:
    """The last moment at or before *minute* (direction -1) or the first after it (1), on the wall clock; None without one."""
    try:
        if direction < 0:
            moment = croniter(expression, minute + FINEST).get_prev(datetime)
        else:
            moment = croniter(expression, minute).get_next(datetime)
    except CroniterBadDateError:
        return None
    return moment if isinstance(moment, datetime) else None
