"""The agenda of both controllers for people, day by day, and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from downscaler.savings import Amount
from kube_thrift.agenda import Agenda, Event, Hour
from kube_thrift.ahead import NOTHING
from kube_thrift.outlet import json_text, rounded
from kube_thrift.savings_text import hours_of
from shared.logs import one_line
from shared.times import format_timestamp

# Names of one event that text shows; JSON has all.
_NAMES = 5
_REASON = 120
# What rounds to nothing is not shown.
_SMALL = 0.005


def as_text(found: Agenda) -> str:
    """Each hour in which something happens, under its day, with what is off after it."""
    frame = found.frame
    days = (frame.end - frame.start) / timedelta(days=1)
    lines = [f"{days:g} days from {frame.start.astimezone(frame.zone):%a %d %b %Y %H:%M} {frame.zone.key}; nothing is written."]
    if not found.events:
        lines += ["", "Nothing happens."]
    local = [(event.at.astimezone(frame.zone), event) for event in found.events]
    for day, of_day in groupby(local, key=lambda pair: pair[0].date()):
        lines += ["", f"{day:%a %d %b %Y}"]
        for _, of_hour in groupby(of_day, key=lambda pair: pair[0].replace(minute=0, second=0, microsecond=0)):
            events = [event for _, event in of_hour]
            lines += [*_events(found, events), *_after(found, events[-1].at)]
    lines += ["", _total(found)]
    return "\n".join(lines) + "\n"


def _events(found: Agenda, events: Sequence[Event]) -> Iterator[str]:
    """One line per event of the janitor, and one per namespace, direction and reason of the downscaler."""

    def together(event: Event) -> tuple[object, ...]:
        own = (event.resource, event.name) if event.controller == "janitor" else ()
        return event.at, event.controller, event.action, event.namespace, event.reason, own

    for _, group in groupby(sorted(events, key=lambda event: (event.order[:2], event.namespace, event.reason)), key=together):
        members = list(group)
        first = members[0]
        at = first.at.astimezone(found.frame.zone)
        yield f"  {at:%H:%M}  {first.action:<10}  {_what(members)}{_worth(found, members)}: {one_line(first.reason)[:_REASON]}"


def _what(members: Sequence[Event]) -> str:
    first = members[0]
    if first.controller == "janitor":
        return f"{first.resource} {first.namespace}/{first.name}" if first.namespace else f"{first.resource} {first.name}"
    names = [f"{each.resource} {each.name}" if each.resource != "deployments" else each.name for each in members]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{first.namespace}: {', '.join(names[:_NAMES])}{more}"


def _worth(found: Agenda, members: Sequence[Event]) -> str:
    less = sum((each.less for each in members), NOTHING)
    money = [each.money for each in members if each.money is not None]
    if max(abs(less.cores), abs(less.gib), abs(sum(money))) < _SMALL:
        return ""
    worth = f", {-sum(money):+,.2f} {found.frame.rates.currency} an hour" if money else ""
    return f" ({-less.cores:+,.1f} cores, {-less.gib:+,.1f} GiB{worth})"


def _after(found: Agenda, at: datetime) -> Iterator[str]:
    """What is off from then on, until the next event."""
    if not found.bands.sleepers:
        return
    off = found.bands.at(at)
    worth = f", {off.money:,.2f} {found.frame.rates.currency} an hour" if off.money is not None else ""
    yield f"         off now: {off.workloads:.0f} workloads, {off.amount.cores:,.1f} cores, {off.amount.gib:,.1f} GiB{worth}"


def total_of(found: Agenda) -> tuple[Amount, float | None]:
    """Replica-hours, core-hours and GiB-hours that are not requested, and their money."""
    saved = sum((hour.saved for hour in found.hours), NOTHING)
    money = [hour.money for hour in found.hours if hour.money is not None]
    return saved, sum(money) if money else None


def _total(found: Agenda) -> str:
    saved, money = total_of(found)
    worth = f", {money:,.2f} {found.frame.rates.currency}" if money is not None else ""
    return f"Not requested in all: {saved.cores:,.0f} core-hours, {saved.gib:,.0f} GiB-hours{worth}."


def as_json(found: Agenda) -> str:
    """The same and more: every event, and every hour with what is off in it."""
    frame, (saved, money) = found.frame, total_of(found)
    content = {
        "start": format_timestamp(frame.start),
        "end": format_timestamp(frame.end),
        "currency": frame.rates.currency if frame.rates.given else None,
        "total": {"saved": hours_of(saved), "money": rounded(money)},
        "events": [_event(event) for event in found.events],
        "hours": [_hour(hour, found) for hour in found.hours],
    }
    return json_text(content)


def _event(event: Event) -> dict[str, object]:
    return {
        "at": format_timestamp(event.at),
        "controller": event.controller,
        "action": event.action,
        "resource": event.resource,
        "namespace": event.namespace,
        "name": event.name,
        "before": event.before,
        "size": event.size,
        "reason": event.reason,
        "coresLess": round(event.less.cores, 3),
        "gibLess": round(event.less.gib, 3),
        "moneyPerHourLess": rounded(event.money),
    }


def _hour(hour: Hour, found: Agenda) -> dict[str, object]:
    return {
        "start": format_timestamp(hour.start),
        "events": sum(hour.start <= event.at < hour.end for event in found.events),
        "workloadsOff": round(hour.off.workloads, 3),
        "coresOff": round(hour.off.amount.cores, 3),
        "gibOff": round(hour.off.amount.gib, 3),
        "money": rounded(hour.money),
    }
