"""A forecast of what is saved, for people and for programs: totals, namespaces, workloads, and a strip of hours. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from downscaler.savings import Amount
from kube_thrift.ahead import Outlook
from kube_thrift.bands import Bands, hours
from kube_thrift.outlet import json_text, rounded
from kube_thrift.rates import Rates
from kube_thrift.strips import strip
from kube_thrift.tables import table
from shared.logs import one_line
from shared.times import format_timestamp

# Rows of one namespace that text shows; JSON has all.
_ROWS = 20
_REASON = 100


@dataclass(frozen=True)
class Forecast:
    """What was asked and what was found. *assumed* are the annotations that were tried; with none, those that are there count."""

    start: datetime
    end: datetime
    outlooks: tuple[Outlook, ...]
    rates: Rates
    assumed: Mapping[str, str]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Sum:
    """Some workloads together. `money` covers those whose cost is known; `unpriced` are those that save and whose cost is not."""

    workloads: int
    changing: int
    hours_down: float
    asked: Amount
    saved: Amount
    money: float | None
    unpriced: int
    used: float | None


def sum_of(outlooks: Sequence[Outlook], rates: Rates) -> Sum:
    """Adds up what *outlooks* save."""
    money = [rates.money(each.key, each.saved) for each in outlooks if each.hours_down]
    known = [amount for amount in money if amount is not None]
    used = [amount for each in outlooks if (amount := rates.used(each.key, each.saved)) is not None]
    return Sum(
        workloads=len(outlooks),
        changing=len(money),
        hours_down=sum(each.hours_down for each in outlooks),
        asked=sum((each.asked for each in outlooks), Amount()),
        saved=sum((each.saved for each in outlooks), Amount()),
        money=sum(known) if known or not money else None,
        unpriced=len(money) - len(known),
        used=sum(used) if used else None,
    )


def namespaces_of(outlooks: Sequence[Outlook]) -> Iterator[tuple[str, list[Outlook]]]:
    """The outlooks of each namespace, in order; *outlooks* are sorted already."""
    for namespace, group in groupby(outlooks, key=lambda each: each.namespace):
        yield namespace, list(group)


# ---- for people


def as_text(forecast: Forecast) -> str:
    """A table of namespaces, then each namespace with its workloads and its strip of hours."""
    days = (forecast.end - forecast.start) / timedelta(days=1)
    tried = " ".join(f"{key}={value!r}" for key, value in forecast.assumed.items())
    schedules = f"as if {tried} were on each workload" if tried else "with the schedules that are there"
    lines = [
        f"{days:g} days from {forecast.start.astimezone(forecast.zone):%a %d %b %Y %H:%M} {forecast.zone.key}, {schedules}; "
        "nothing is written.",
        "",
    ]
    if not forecast.outlooks:
        return "\n".join([*lines, "No workload is looked at: see --include-resources, --namespace and --selector."]) + "\n"
    total = sum_of(forecast.outlooks, forecast.rates)
    lines += [*_overview(forecast, total), "", *_notes(forecast, total)]
    for namespace, outlooks in namespaces_of(forecast.outlooks):
        if any(each.hours_down for each in outlooks):
            signs = strip(forecast.zone, forecast.start, forecast.end, Bands.of(outlooks, forecast.rates))
            lines += ["", f"{namespace}:", *_workloads(forecast, outlooks), "", *signs]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _overview(forecast: Forecast, total: Sum) -> list[str]:
    money = (f"{forecast.rates.currency} saved",) if forecast.rates.given else ()
    head = ("namespace", "workloads", "sleep", "hours down", "core-hours", "saved", "GiB-hours", "saved", "share", *money)
    rows = [_row(name, sum_of(group, forecast.rates), forecast.rates) for name, group in namespaces_of(forecast.outlooks)]
    return table(head, rows, _row("all", total, forecast.rates))


def _row(name: str, total: Sum, rates: Rates) -> Sequence[str]:
    figures = (total.hours_down, total.asked.cores, total.saved.cores, total.asked.gib, total.saved.gib)
    share = f"{total.saved.cores / total.asked.cores:.0%}" if total.asked.cores else "-"
    money = (_money(total.money),) if rates.given else ()
    return (name, f"{total.workloads}", f"{total.changing}", *(f"{figure:,.0f}" for figure in figures), share, *money)


def _money(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _notes(forecast: Forecast, total: Sum) -> list[str]:
    lines = []
    if forecast.rates.given and total.unpriced:
        lines.append(f"The cost of {total.unpriced} of the {total.changing} workloads that sleep is unknown, and not in the sum.")
    if total.saved.co2_grams:
        lines.append(f"{total.saved.co2_grams / 1000:,.1f} kg of CO2 equivalent are not caused.")
    if total.used is not None:
        lines.append(f"Of the core-hours saved, {total.used:,.0f} were in use at the rate that the report saw.")
    if not forecast.rates.given:
        lines.append("No prices: give --price-core-hour and --price-gib-hour, or the folder of a resource report with --report.")
    refused = [each for each in forecast.outlooks if each.complaints]
    lines += [f"note: {each.kind.id} {each.namespace}/{each.name}: {one_line(each.complaints[0])}" for each in refused]
    return lines


def _workloads(forecast: Forecast, outlooks: Sequence[Outlook]) -> list[str]:
    money = (f"{forecast.rates.currency} saved",) if forecast.rates.given else ()
    head = ("workload", "size", "hours down", "core-hours saved", "GiB-hours saved", *money, "why")
    asleep = sorted((each for each in outlooks if each.hours_down), key=lambda each: (-each.saved.cores, each.kind.id, each.name))
    rows = []
    for each in asleep[:_ROWS]:
        cost = (_money(forecast.rates.money(each.key, each.saved)),) if forecast.rates.given else ()
        figures = (f"{each.hours_down:,.1f}", f"{each.saved.cores:,.1f}", f"{each.saved.gib:,.1f}")
        rows.append((f"{each.kind.id} {each.name}", f"{each.size}", *figures, *cost, one_line(_why(each))[:_REASON]))
    lines = [f"  {line}" for line in table(head, rows, left=(0, len(head) - 1))]
    if len(asleep) > _ROWS:
        lines.append(f"  and {len(asleep) - _ROWS} more; -o json has all")
    if up := len(outlooks) - len(asleep):
        lines.append(f"  {up} more {'is' if up == 1 else 'are'} up all the time")
    return lines


def _why(each: Outlook) -> str:
    """Why it goes down first."""
    changes = (*((each.due,) if each.due is not None else ()), *each.changes)
    return next((change.reason for change in changes if change.direction == "down"), each.reason)


# ---- for programs


def as_json(forecast: Forecast) -> str:
    """The same figures and every change; hours, core-hours and GiB-hours, money in `currency`, null where it is not known."""
    rates = forecast.rates
    content = {
        "start": format_timestamp(forecast.start),
        "end": format_timestamp(forecast.end),
        "assumed": dict(forecast.assumed),
        "currency": rates.currency if rates.given else None,
        "total": _figures(sum_of(forecast.outlooks, rates)),
        "namespaces": [
            {
                "namespace": namespace,
                "total": _figures(sum_of(group, rates)),
                "hours": _by_hour(forecast, group),
                "workloads": [_workload(each, rates) for each in group],
            }
            for namespace, group in namespaces_of(forecast.outlooks)
        ],
    }
    return json_text(content)


def hours_of(amount: Amount) -> dict[str, float]:
    return {
        "replicaHours": round(amount.replicas, 3),
        "coreHours": round(amount.cores, 3),
        "gibHours": round(amount.gib, 3),
        "co2Grams": round(amount.co2_grams, 1),
    }


def _figures(total: Sum) -> dict[str, object]:
    return {
        "workloads": total.workloads,
        "sleeping": total.changing,
        "hoursDown": round(total.hours_down, 3),
        "requested": hours_of(total.asked),
        "saved": hours_of(total.saved),
        "money": rounded(total.money),
        "unpriced": total.unpriced,
        "usedCoreHours": rounded(total.used),
    }


def _by_hour(forecast: Forecast, outlooks: Sequence[Outlook]) -> list[dict[str, object]]:
    """What is off in each hour of the clock: the mean of cores and GiB."""
    bands = Bands.of(outlooks, forecast.rates)
    found = []
    for start, end in hours(forecast.start.astimezone(UTC), forecast.end):
        off = bands.between(start, end)
        found.append({"start": format_timestamp(start), "cores": round(off.amount.cores, 3), "gib": round(off.amount.gib, 3)})
    return found


def _workload(each: Outlook, rates: Rates) -> dict[str, object]:
    return {
        "kind": each.kind.id,
        "name": each.name,
        "size": each.size,
        "hoursDown": round(each.hours_down, 3),
        "requested": hours_of(each.asked),
        "saved": hours_of(each.saved),
        "money": rounded(rates.money(each.key, each.saved)) if each.hours_down else 0.0,
        "reason": each.reason,
        "complaints": list(each.complaints),
        "changes": [
            {
                "at": format_timestamp(change.at),
                "direction": change.direction,
                "before": change.before,
                "size": change.size,
                "reason": change.reason,
            }
            for change in each.changes
        ],
    }
