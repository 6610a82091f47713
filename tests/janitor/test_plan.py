from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from janitor.account import breaker_key
from janitor.breaker import Trip, Verdict
from janitor.collect import Judged
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.plan import as_json_lines, as_table, difference, difference_as_text, kept_reasons, make_plan, read_previous
from shared.errors import UsageError
from shared.kinds import CONFIG_MAPS
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def due(offset: timedelta, trigger: Trigger = Trigger.TTL, source: str = "janitor/ttl") -> Due:
    return Due(NOW + offset, trigger, source)


def judged(name: str, decision: Decision) -> Judged:
    return Judged(CONFIG_MAPS, Object(metadata=Meta(name=name, namespace="shop", uid=f"u-{name}")), decision)


ALL = [
    judged("soon", Keep(Why.NOT_DUE, "", due(HOUR))),
    judged("gone", Delete(due(-50 * HOUR))),
    judged("warn", Notify(due(-HOUR), "janitor/notified", HOUR)),
    judged("safe", Keep(Why.PROTECTED, "it is marked", due(-2 * HOUR))),
    judged("held", Delete(due(-3 * HOUR, Trigger.RULE, "no-app"), matched="no-app")),
    judged("none", Keep(Why.UNDATED)),
]
TRIPPED = Verdict({"no-app": Trip("no-app", 200, "100", NOW)})


def test_a_plan_lists_what_ends_within_the_horizon_first_to_end_first() -> None:
    short = make_plan(ALL, TRIPPED, NOW, horizon=timedelta(0), stopped_by=breaker_key)
    long = make_plan(ALL, TRIPPED, NOW, horizon=2 * HOUR, stopped_by=breaker_key)

    assert [(row["name"], row["action"]) for row in short.rows] == [
        ("gone", "delete"),
        ("held", "stop"),
        ("safe", "keep"),
        ("warn", "notify"),
    ]
    assert [row["name"] for row in long.rows][-1] == "soon"
    assert short.rows[-1]["delete_at"] == "2026-03-23T11:00:00Z"
    assert short.exit_code == 2


def test_nothing_to_do_is_exit_code_0() -> None:
    plan = make_plan([ALL[3]], Verdict(), NOW, horizon=timedelta(0), stopped_by=breaker_key)

    assert plan.exit_code == 0
    assert as_table(make_plan([], Verdict(), NOW, horizon=HOUR, stopped_by=breaker_key)) == "Nothing is due.\n"


def test_a_table_for_people() -> None:
    table = as_table(make_plan(ALL, TRIPPED, NOW, horizon=2 * HOUR, stopped_by=breaker_key)).splitlines()

    assert table[0].split() == ["ACTION", "DUE", "RESOURCE", "OBJECT", "WHY"]
    assert table[1].startswith("delete  2d2h ago  configmaps  shop/gone  janitor/ttl")
    assert "breaker: rule no-app would delete 200" in table[2]
    assert "protected: it is marked" in table[3]
    assert "in 1h" in table[-1]


def test_json_lines_can_be_read_back_and_compared() -> None:
    before = make_plan(ALL[:3], Verdict(), NOW, horizon=timedelta(0), stopped_by=breaker_key)
    after = make_plan(ALL[4:5], TRIPPED, NOW, horizon=timedelta(0), stopped_by=breaker_key)

    previous = read_previous(as_json_lines(before) + "\n", "previous.json")
    found = difference(previous, after)

    assert json.loads(as_json_lines(after))["name"] == "held"
    assert ([row["name"] for row in found.doomed], [row["name"] for row in found.rescued]) == (["held"], ["gone"])
    assert difference_as_text(found).splitlines()[1] == "- configmaps shop/gone: no longer deleted (or gone)"
    assert difference_as_text(difference(previous, before)) == "No difference.\n"


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"action": "delete"}'])
def test_a_file_that_is_no_plan(text: str) -> None:
    with pytest.raises(UsageError, match="previous.json:1: no line of a plan"):
        read_previous(text, "previous.json")


def test_reasons_for_what_is_kept() -> None:
    assert kept_reasons(ALL) == {"not-due": 1, "protected": 1, "undated": 1}
