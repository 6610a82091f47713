"""A forecast as text and as JSON: sums, long lists cut short, and nothing of a tenant's that could steer a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from downscaler.forecast import Transition
from downscaler.savings import Amount
from downscaler.sizes import KINDS
from kube_thrift.ahead import Outlook, Phase
from kube_thrift.rates import Rates
from kube_thrift.savings_text import Forecast, as_json, as_text, sum_of

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
END = NOON + timedelta(days=7)
ONE = Amount(1, 2, 4, 1)


def outlook(name: str, hours: int = 10, whole: Amount = ONE, reason: str = "not in uptime", namespace: str = "shop") -> Outlook:
    phases = (Phase(NOON, NOON + timedelta(hours=hours), whole),) if hours else ()
    changes = (Transition(NOON + timedelta(hours=hours), "up", 0, 1, "in uptime"),) if hours else ()
    due = Transition(NOON, "down", 1, 0, reason) if hours else None
    return Outlook(KINDS["deployments"], namespace, name, NOON, END, 1, whole, "now", due=due, phases=phases, changes=changes)


def forecast(*outlooks: Outlook, rates: Rates = Rates(priced=True)) -> Forecast:  # noqa: B008 - frozen
    return Forecast(NOON, END, outlooks, rates, {}, ZoneInfo("UTC"))


def test_sums() -> None:
    total = sum_of([outlook("a"), outlook("b", 20), outlook("c", 0)], Rates(priced=True))

    assert (total.workloads, total.changing, total.hours_down, total.unpriced) == (3, 2, 30, 0)
    assert (total.saved, total.asked) == (ONE.times(30), ONE.times(3 * 168))
    assert total.money == pytest.approx(30 * 2 * 0.5)


def test_money_that_nobody_knows_is_unknown_and_counted() -> None:
    unknown = outlook("a", whole=Amount(1))
    assert (sum_of([unknown], Rates(priced=True)).money, sum_of([unknown], Rates(priced=True)).unpriced) == (None, 1)
    assert sum_of([outlook("b", 0)], Rates(priced=True)).money == 0
    text = as_text(forecast(unknown))
    assert "unknown" in text
    assert "The cost of 1 of the 1 workloads that sleep is unknown" in text


def test_long_lists_are_cut_short_and_say_so() -> None:
    text = as_text(forecast(*(outlook(f"web-{number:02}") for number in range(25))))
    assert text.count("  deployments web-") == 20
    assert "  and 5 more; -o json has all" in text
    assert (
        len(json.loads(as_json(forecast(*(outlook(f"web-{number:02}") for number in range(25)))))["namespaces"][0]["workloads"])
        == 25
    )


def test_the_reason_is_that_of_going_down_and_steers_no_terminal() -> None:
    text = as_text(forecast(outlook("web", reason="not in uptime \x1b[2J\n" + "x" * 500)))
    row = next(line for line in text.splitlines() if line.startswith("  deployments web"))
    assert "not in uptime \\x1b[2J\\n" in row
    assert len(row) < 200


def test_namespaces_come_one_by_one_and_those_that_never_sleep_only_in_the_table() -> None:
    text = as_text(forecast(outlook("a", 0, namespace="lab"), outlook("b")))
    assert "\nshop:\n" in text
    assert "\nlab:\n" not in text
    assert [line.split()[0] for line in text.splitlines()[4:6]] == ["lab", "shop"]


def test_hours_of_json_cover_the_whole_time() -> None:
    hours = json.loads(as_json(forecast(outlook("a"))))["namespaces"][0]["hours"]
    assert len(hours) == 168
    assert [hour["cores"] for hour in hours] == [2] * 10 + [0] * 158
