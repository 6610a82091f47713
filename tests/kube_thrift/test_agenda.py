"""The agenda: both controllers' events in one order, and the hours with what is off, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from downscaler.forecast import Transition
from downscaler.savings import Amount
from downscaler.sizes import KINDS
from janitor.plan import Plan
from kube_thrift.agenda import Agenda, Event, Frame, Lead, agenda
from kube_thrift.ahead import Outlook, Phase
from kube_thrift.rates import Rates
from shared.times import format_timestamp

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EVENING, MORNING = NOON + timedelta(hours=6), NOON + timedelta(hours=20)
FRAME = Frame(NOON, NOON + 2 * DAY, Rates(priced=True), ZoneInfo("UTC"))
WHOLE = Amount(2, 4, 8, 0.4)


def outlook(name: str = "web", *, namespace: str = "shop", asleep: bool = False) -> Outlook:
    """Four cores, down from 18:00 to 08:00; *asleep* one that is still down and due to come up."""
    kind = KINDS["deployments"]
    base = Outlook(kind, namespace, name, NOON, FRAME.end, 2, WHOLE, "because")
    up = Transition(NOON if asleep else MORNING, "up", 0, 2, "in uptime")
    if asleep:
        return Outlook(kind, namespace, name, NOON, FRAME.end, 2, WHOLE, "because", WHOLE, due=up)
    changes = (Transition(EVENING, "down", 2, 0, "not in uptime"), up)
    return Outlook(
        kind, namespace, name, base.start, base.end, 2, WHOLE, "", phases=(Phase(EVENING, MORNING, WHOLE),), changes=changes
    )


def row(resource: str, name: str, due: datetime, action: str = "keep", reason: str = "not-due", **more: Any) -> dict[str, Any]:
    where = {"namespace": more.pop("namespace", ""), "name": name, "resource": resource}
    return {"action": action, "reason": reason, "due": format_timestamp(due), "why": "TTL", **where, **more}


def of(*outlooks: Outlook, rows: tuple[dict[str, Any], ...] = (), lead: Lead = Lead()) -> Agenda:  # noqa: B008 - frozen
    return agenda(outlooks, Plan(NOON, rows), lead, FRAME)


def told(found: Agenda) -> list[tuple[str, str, str]]:
    return [(f"{event.at:%a %H:%M}", event.action, event.name) for event in found.events]


def test_the_downscalers_changes_with_what_they_are_worth() -> None:
    found = of(outlook())

    assert told(found) == [("Mon 18:00", "down", "web"), ("Tue 08:00", "up", "web")]
    assert [(event.less, event.money) for event in found.events] == [
        (WHOLE, pytest.approx(0.4)),
        (WHOLE.times(-1), pytest.approx(-0.4)),
    ]


def test_what_is_due_now_comes_first() -> None:
    found = of(outlook("api", asleep=True), outlook())

    assert told(found)[0] == ("Mon 12:00", "up", "api")
    assert found.events[0].less == WHOLE.times(-1)


def test_hours_have_the_mean_of_what_is_off_and_its_money() -> None:
    found = of(outlook(), outlook("api"))

    assert len(found.hours) == 48
    by_hour = {f"{hour.start:%a %H}": hour for hour in found.hours}
    assert (by_hour["Mon 17"].off.amount, by_hour["Mon 17"].money) == (Amount(), pytest.approx(0))
    assert (by_hour["Mon 18"].off.workloads, by_hour["Mon 18"].off.amount.cores, by_hour["Mon 18"].money) == (
        2,
        8,
        pytest.approx(0.8),
    )
    assert sum(hour.money or 0 for hour in found.hours) == pytest.approx(2 * 14 * 0.4)


def test_a_first_hour_that_has_begun_is_shorter() -> None:
    half = Frame(NOON + timedelta(minutes=30), FRAME.end, Rates(priced=True), FRAME.zone)
    asleep = Outlook(
        KINDS["deployments"], "shop", "web", half.start, half.end, 2, WHOLE, "", phases=(Phase(half.start, half.end, WHOLE),)
    )

    found = agenda([asleep], Plan(NOON, ()), Lead(), half)

    assert [f"{hour.start:%H:%M}" for hour in found.hours[:2]] == ["12:30", "13:00"]
    assert [hour.money for hour in found.hours[:2]] == [pytest.approx(0.2), pytest.approx(0.4)]


@pytest.mark.parametrize(
    ("entry", "lead", "expected"),
    [
        (row("configmaps", "a", NOON - DAY, "delete", "ttl"), Lead(), [("Mon 12:00", "delete")]),
        (row("configmaps", "a", NOON + DAY), Lead(), [("Tue 12:00", "delete")]),
        (row("configmaps", "a", NOON + DAY), Lead(timedelta(hours=6)), [("Tue 06:00", "warn"), ("Tue 12:00", "delete")]),
        (row("configmaps", "a", NOON + DAY), Lead(3 * DAY), [("Mon 12:00", "warn"), ("Tue 12:00", "delete")]),
        (
            row("configmaps", "a", NOON + DAY),
            Lead(quarantine=timedelta(hours=6)),
            [("Tue 12:00", "quarantine"), ("Tue 18:00", "delete")],
        ),
        (
            row("configmaps", "a", NOON - DAY, "notify", "ttl", delete_at=format_timestamp(NOON + DAY)),
            Lead(DAY),
            [("Mon 12:00", "warn"), ("Tue 12:00", "delete")],
        ),
        (
            row("configmaps", "a", NOON - DAY, reason="warned", delete_at=format_timestamp(EVENING)),
            Lead(DAY),
            [("Mon 18:00", "delete")],
        ),
        (row("configmaps", "a", NOON, "stop", detail="breaker"), Lead(), [("Mon 12:00", "stop")]),
        (row("configmaps", "a", NOON - DAY, reason="protected"), Lead(), []),
        (row("configmaps", "a", NOON + 3 * DAY), Lead(2 * DAY), [("Tue 12:00", "warn")]),
    ],
)
def test_what_becomes_of_an_object_of_the_janitors_plan(
    entry: dict[str, Any], lead: Lead, expected: list[tuple[str, str]]
) -> None:
    assert [(at, action) for at, action, _ in told(of(rows=(entry,), lead=lead))] == expected


def test_a_workload_that_is_deleted_is_not_scaled_afterwards_and_saves_all_of_itself() -> None:
    found = of(outlook(), rows=(row("deployments.apps", "web", NOON + timedelta(hours=12), namespace="shop"),))

    assert told(found) == [("Mon 18:00", "down", "web"), ("Tue 00:00", "delete", "web")]
    deletion = found.events[1]
    assert (deletion.less, deletion.money) == (WHOLE, pytest.approx(0.4))
    assert [hour.off.amount.cores for hour in found.hours] == [0] * 6 + [4] * 42


def test_a_namespace_takes_its_workloads_with_it() -> None:
    found = of(outlook(), outlook("api"), outlook("other", namespace="lab"), rows=(row("namespaces", "shop", NOON + DAY),))

    deletion = next(event for event in found.events if event.action == "delete")
    assert (deletion.less.cores, deletion.money) == (8, pytest.approx(0.8))
    last = found.hours[-1]
    assert (last.off.workloads, last.off.amount.cores) == (2, 8)


def test_of_two_deletions_the_first_counts() -> None:
    rows = (row("namespaces", "shop", NOON + DAY), row("deployments.apps", "web", NOON + timedelta(hours=2), namespace="shop"))
    found = of(outlook(), rows=rows)
    assert found.hours[2].off.amount.cores == 4
    assert "down" not in [event.action for event in found.events]


def test_events_of_one_instant_stand_in_a_fixed_order() -> None:
    kinds = [("downscaler", "down"), ("janitor", "delete"), ("janitor", "warn"), ("downscaler", "up")]
    events = [Event(NOON, controller, action, "deployments", "shop", "web", "") for controller, action in kinds]
    assert [event.action for event in sorted(events, key=lambda event: event.order)] == ["up", "down", "warn", "delete"]


def test_without_prices_money_is_unknown() -> None:
    found = agenda([outlook()], Plan(NOON, ()), Lead(), Frame(NOON, FRAME.end, Rates(), FRAME.zone))
    assert {event.money for event in found.events} == {None}
    assert {hour.money for hour in found.hours} == {None}
