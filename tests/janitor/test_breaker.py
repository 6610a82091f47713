from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.breaker import ANNOTATIONS, WHOLE_PASS, Limits, Past, Planned, Trip, Verdict, judge

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEFAULTS = Limits()
NOTHING: dict[str, Any] = {"past": (), "totals": {}, "rule_limits": {}, "open_trips": {}, "acknowledged": {}}


def judged(planned: list[Planned], limits: Limits = DEFAULTS, **more: Any) -> Verdict:
    given = NOTHING | more
    return judge(planned, given.pop("past"), given.pop("totals"), limits, now=NOW, **given)


def many(count: int, key: str = "rule-a", kind: str = "configmaps", weight: int = 1) -> list[Planned]:
    return [Planned(key, kind, weight)] * count


@pytest.mark.parametrize(
    ("planned", "more", "tripped"),
    [
        pytest.param(many(100), {}, set(), id="at the limit of a rule"),
        pytest.param(many(101), {}, {"rule-a"}, id="beyond the limit of a rule"),
        pytest.param(many(60) + many(60, "rule-b"), {}, set(), id="two rules"),
        pytest.param(many(400, ANNOTATIONS), {}, set(), id="annotations have no limit of their own"),
        pytest.param(many(501, ANNOTATIONS), {}, {WHOLE_PASS}, id="the limit of a pass"),
        pytest.param(many(2, weight=60), {}, {"rule-a"}, id="namespaces weigh what they hold"),
        pytest.param(many(26), {"totals": {"configmaps": 100}}, {"rule-a"}, id="more than a quarter"),
        pytest.param(many(25), {"totals": {"configmaps": 100}}, set(), id="a quarter"),
        pytest.param(many(99), {"totals": {"configmaps": 99}}, set(), id="a small type has no percentage"),
        pytest.param(many(60, ANNOTATIONS), {"totals": {"configmaps": 100}}, set(), id="annotations have no percentage"),
        pytest.param(many(6), {"rule_limits": {"rule-a": 5}}, {"rule-a"}, id="maxDeletions"),
        pytest.param(many(200), {"rule_limits": {"rule-a": 1000}}, set(), id="a larger maxDeletions"),
        pytest.param(many(1), {"rule_limits": {"rule-a": 0}}, {"rule-a"}, id="maxDeletions of none"),
        pytest.param(many(1), {"past": [Past("rule-a", NOW - MINUTE, 100)]}, {"rule-a"}, id="what the window saw"),
        pytest.param(many(1), {"past": [Past("rule-a", NOW - 11 * MINUTE, 100)]}, set(), id="what the window has forgotten"),
        pytest.param(many(1), {"past": [Past("rule-b", NOW - MINUTE, 100)]}, set(), id="what another rule did"),
        pytest.param(many(1, ANNOTATIONS), {"past": [Past("x", NOW - MINUTE, 500)]}, {WHOLE_PASS}, id="the window of a pass"),
        pytest.param(many(101), {"acknowledged": {"rule-a": 101}}, set(), id="acknowledged"),
        pytest.param(many(102), {"acknowledged": {"rule-a": 101}}, {"rule-a"}, id="more than was acknowledged"),
        pytest.param([], {}, set(), id="nothing"),
    ],
)
def test_which_breakers_open(planned: list[Planned], more: dict[str, Any], tripped: set[str]) -> None:
    assert set(judged(planned, **more).trips) == tripped


def test_limits_of_zero_are_off() -> None:
    assert judged(many(10_000), Limits(0, 0, 0), totals={"configmaps": 10_000}).trips == {}


def test_an_acknowledgement_is_spent_by_the_turn_that_uses_it() -> None:
    assert judged(many(101), acknowledged={"rule-a": 101, "rule-b": 5}).spent == {"rule-a"}


def test_a_breaker_that_stays_open_knows_since_when() -> None:
    earlier = Trip("rule-a", 150, "100 in 10 minutes", NOW - MINUTE)

    assert judged(many(101), open_trips={"rule-a": earlier}).trips["rule-a"].since == NOW - MINUTE
    assert judged(many(101)).trips["rule-a"].since == NOW


def test_what_a_breaker_stops() -> None:
    verdict = judged(many(101) + many(1, "rule-b"))

    assert verdict.stops("rule-a") is not None
    assert verdict.stops("rule-b") is None
    assert judged(many(600, ANNOTATIONS) + many(1, "rule-b")).stops("rule-b") is not None


def test_the_line_says_what_is_held_back_and_why() -> None:
    text = str(judged(many(101)).trips["rule-a"])
    whole = str(judged(many(501, ANNOTATIONS)).trips[WHOLE_PASS])

    assert (
        text
        == "breaker: rule rule-a would delete 101 objects, the limit is 100 in 10 minutes; nothing of it is deleted before an ack"
    )
    assert "all triggers together would delete 501 objects" in whole
    assert "25 % of 100 configmaps" in str(judged(many(26), totals={"configmaps": 100}).trips["rule-a"])
