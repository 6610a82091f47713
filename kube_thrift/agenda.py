"""The agenda of both controllers: events in order of time, and what is off in each hour, with the money that it saves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from downscaler.amounts import Size
from downscaler.savings import Amount
from janitor.plan import Plan
from kube_thrift.ahead import HOUR, NOTHING, Outlook, less
from kube_thrift.bands import Bands, Off, hours
from kube_thrift.rates import Rates
from shared.times import parse_timestamp

DOWNSCALER, JANITOR = "downscaler", "janitor"
# Reasons to keep an object that time alone ends.
_ON_ITS_WAY = ("not-due", "warned", "quarantined")
# In what order events of one instant are told.
_ORDER = ("up", "down", "warn", "quarantine", "stop", "delete")


@dataclass(frozen=True)
class Frame:
    """From when to when, by which rates, and on which wall clock it is shown."""

    start: datetime
    end: datetime
    rates: Rates
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Lead:
    """How long before its end an owner is warned, and how long after it an object is kept in quarantine; zero: neither."""

    warning: timedelta = timedelta(0)
    quarantine: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that will happen. `less` is what is no longer requested because of it (negative: more), per hour of time."""

    at: datetime
    controller: str
    action: str
    resource: str
    namespace: str
    name: str
    reason: str
    before: Size | None = None
    size: Size | None = None
    less: Amount = NOTHING
    money: float | None = None

    @property
    def order(self) -> tuple[datetime, int, str, str, str]:
        return self.at, _ORDER.index(self.action), self.namespace, self.resource, self.name


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the clock, or the part of it that is looked at, and what is off in it."""

    start: datetime
    end: datetime
    off: Off

    @property
    def saved(self) -> Amount:
        """Replica-hours, core-hours and GiB-hours."""
        return self.off.amount.times((self.end - self.start) / HOUR)

    @property
    def money(self) -> float | None:
        """What that would have cost, None where nobody knows."""
        return None if self.off.money is None else self.off.money * ((self.end - self.start) / HOUR)


@dataclass(frozen=True)
class Agenda:
    """All of it: what happens, and what is off meanwhile, by the hour and at any instant."""

    frame: Frame
    events: tuple[Event, ...]
    hours: tuple[Hour, ...]
    bands: Bands = Bands()


def agenda(outlooks: Sequence[Outlook], plan: Plan, lead: Lead, frame: Frame) -> Agenda:
    """Puts both controllers' futures into one. An object that the janitor deletes is not scaled afterwards."""
    janitor = [event for row in plan.rows for event in _of_row(row, lead, frame)]
    deleted = {(event.resource, event.namespace, event.name): event.at for event in reversed(janitor) if event.action == "delete"}
    settled = []
    for outlook in outlooks:
        at = _deleted_at(outlook, deleted)
        settled.append(outlook if at is None else outlook.until_deleted(at))
    events = [event for outlook in settled for event in _of_outlook(outlook, frame)]
    events += [_valued(event, outlooks, frame.rates) if event.action == "delete" else event for event in janitor]
    bands = Bands.of(settled, frame.rates)
    spent = tuple(Hour(start, end, bands.between(start, end)) for start, end in hours(frame.start, frame.end))
    return Agenda(frame, tuple(sorted(events, key=lambda event: event.order)), spent, bands)


def _deleted_at(outlook: Outlook, deleted: Mapping[tuple[str, str, str], datetime]) -> datetime | None:
    """When the object goes, by itself or with its namespace."""
    own = deleted.get((outlook.kind.resource.name, outlook.namespace, outlook.name))
    home = deleted.get(("namespaces", "", outlook.namespace))
    return min((at for at in (own, home) if at is not None), default=None)


def _of_outlook(outlook: Outlook, frame: Frame) -> Iterator[Event]:
    due = () if outlook.due is None else (outlook.due,)
    before = outlook.off_now
    for change in (*due, *outlook.changes):
        after = outlook.off_at(change.at)
        gained = less(after, before)
        before = after
        money = frame.rates.money(outlook.key, gained)
        where = (outlook.kind.id, outlook.namespace, outlook.name)
        yield Event(change.at, DOWNSCALER, change.direction, *where, change.reason, change.before, change.size, gained, money)


def _of_row(row: Mapping[str, Any], lead: Lead, frame: Frame) -> Iterator[Event]:
    """What will become of one object: at most a warning or a quarantine, and its deletion."""
    due = parse_timestamp(row["due"])
    delete_at = parse_timestamp(row["delete_at"]) if "delete_at" in row else due + lead.quarantine
    marking = "quarantine" if lead.quarantine else "warn"
    action, marked = row["action"], None
    if action == "keep" and row["reason"] not in _ON_ITS_WAY:
        return
    if action == "stop":
        yield _janitor_event(row, frame.start, "stop", str(row["detail"]))
        return
    if action == "notify":
        marked = frame.start
    elif action == "delete":
        delete_at = frame.start
    elif row["reason"] == "not-due" and (lead.warning or lead.quarantine):
        marked = max(frame.start, due if lead.quarantine else due - lead.warning)
    for at, what in ((marked, marking), (delete_at, "delete")):
        if at is not None and at < frame.end:
            yield _janitor_event(row, at, what, str(row["why"]))


def _janitor_event(row: Mapping[str, Any], at: datetime, action: str, reason: str) -> Event:
    return Event(at, JANITOR, action, str(row["resource"]), str(row["namespace"]), str(row["name"]), reason)


def _valued(event: Event, outlooks: Sequence[Outlook], rates: Rates) -> Event:
    """A deletion with what goes away with it: the workload itself, or all that are in the namespace."""
    gone = [
        each
        for each in outlooks
        if (each.kind.resource.name, each.namespace, each.name) == (event.resource, event.namespace, event.name)
        or (event.resource == "namespaces" and each.namespace == event.name)
    ]
    money = [amount for each in gone if (amount := rates.money(each.key, each.whole)) is not None]
    return replace(event, less=sum((each.whole for each in gone), NOTHING), money=sum(money) if money else None)
