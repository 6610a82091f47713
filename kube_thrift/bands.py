"""Many outlooks laid over one another: what is off between two instants, for all workloads together. Pure.

A fleet has thousands of workloads and few schedules, so that hours are added up over the times that occur, not over workloads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from downscaler.savings import Amount
from kube_thrift.ahead import HOUR, NOTHING, Outlook
from kube_thrift.rates import Rates

_MOMENT = timedelta(microseconds=1)


@dataclass
class Band:
    """All phases from `start` to before `end`: how many workloads, what is off, and what an hour of it costs, None if unknown."""

    start: datetime
    end: datetime
    workloads: int = 0
    off: Amount = NOTHING
    money: float | None = None

    def share(self, start: datetime, end: datetime) -> float:
        """The part of the time between two instants for which it lasts."""
        overlap = min(self.end, end) - max(self.start, start)
        return overlap / (end - start) if overlap > timedelta(0) else 0.0


@dataclass(frozen=True)
class Off:
    """What is off in some time, as a mean: workloads, amounts, and money per hour, None where nobody knows any of it."""

    workloads: float
    amount: Amount
    money: float | None


@dataclass(frozen=True)
class Bands:
    """The bands of some outlooks, and how many of those are down at all."""

    bands: tuple[Band, ...] = ()
    sleepers: int = 0
    priced: bool = False

    @classmethod
    def of(cls, outlooks: Iterable[Outlook], rates: Rates) -> Bands:
        found: dict[tuple[datetime, datetime], Band] = {}
        sleepers = 0
        for outlook in outlooks:
            sleepers += bool(outlook.phases)
            for phase in outlook.phases:
                band = found.setdefault((phase.start, phase.end), Band(phase.start, phase.end))
                band.workloads += 1
                band.off += phase.off
                if (cost := rates.money(outlook.key, phase.off)) is not None:
                    band.money = (band.money or 0.0) + cost
        bands = tuple(found[key] for key in sorted(found))
        return cls(bands, sleepers, any(band.money is not None for band in bands))

    def between(self, start: datetime, end: datetime) -> Off:
        """The means over the time between two instants, of which the second is later."""
        workloads, amount, money = 0.0, NOTHING, 0.0
        for band in self.bands:
            if (share := band.share(start, end)) > 0:
                workloads += share * band.workloads
                amount += band.off.times(share)
                money += share * (band.money or 0.0)
        return Off(workloads, amount, money if self.priced else None)

    def at(self, instant: datetime) -> Off:
        """The same at one instant, a change at that very instant being done."""
        return self.between(instant, instant + _MOMENT)


def hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours of the clock between two instants in UTC; the first and the last may be shorter."""
    at = start
    while at < end:
        until = min(at.replace(minute=0, second=0, microsecond=0) + HOUR, end)
        yield at, until
        at = until
