"""The agenda as text: workloads of one namespace on one line, long lists cut short, days in the time zone that was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from downscaler.savings import Amount
from kube_thrift.agenda import Agenda, Event, Frame
from kube_thrift.plan_text import as_json, as_text
from kube_thrift.rates import Rates

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)


def agenda(*events: Event, zone: str = "UTC") -> Agenda:
    return Agenda(Frame(NOON, NOON + timedelta(days=4), Rates(), ZoneInfo(zone)), events, ())


def down(name: str, at: datetime = NOON, reason: str = "not in uptime", resource: str = "deployments") -> Event:
    return Event(at, "downscaler", "down", resource, "shop", name, reason, 1, 0, Amount(1, 0.5, 1))


def test_workloads_of_one_namespace_and_one_reason_share_a_line() -> None:
    text = as_text(agenda(*(down(f"web-{number}") for number in range(7)), down("db", resource="statefulsets")))

    (line,) = [line for line in text.splitlines() if "down" in line]
    assert line == (
        "  12:00  down        shop: web-0, web-1, web-2, web-3, web-4 and 3 more (-4.0 cores, -8.0 GiB): not in uptime"
    )
    assert "statefulsets db" in as_text(agenda(down("db", resource="statefulsets")))


def test_other_reasons_and_other_instants_have_lines_of_their_own() -> None:
    later = NOON + timedelta(minutes=30)
    text = as_text(agenda(down("a"), down("b", reason="in downtime"), down("c", later)))
    assert [line[2:7] for line in text.splitlines() if "down " in line] == ["12:00", "12:00", "12:30"]


def test_days_are_those_of_the_wall_clock() -> None:
    text = as_text(
        agenda(down("a", NOON + timedelta(hours=11, minutes=30)), down("b", NOON + timedelta(days=2)), zone="Europe/Berlin")
    )
    # Half past midnight in Berlin; two days later summer time has begun.
    assert "Sat 28 Mar 2026\n  00:30  down" in text
    assert "Sun 29 Mar 2026\n  14:00  down" in text
    assert text.startswith("4 days from Fri 27 Mar 2026 13:00 Europe/Berlin")


def test_what_a_tenant_wrote_steers_no_terminal() -> None:
    event = Event(NOON, "janitor", "delete", "configmaps", "shop", "a", "TTL \x1b[2J\nx" + "y" * 300)
    (line,) = [line for line in as_text(agenda(event)).splitlines() if "delete" in line]
    assert "configmaps shop/a: TTL \\x1b[2J\\nx" in line
    assert len(line) < 200


def test_an_empty_agenda() -> None:
    assert as_text(agenda()).endswith("\nNothing happens.\n\nNot requested in all: 0 core-hours, 0 GiB-hours.\n")
    assert '"events": []' in as_json(agenda())
