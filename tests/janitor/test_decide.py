"""Beside the conformance table: what decisions carry, and how they combine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from janitor.annotations import format_warned
from janitor.decide import Delete, Keep, Notify, Why, decide
from janitor.policy import NamespaceView, Policy, Subject
from janitor.rules import parse_rules
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOME = NamespaceView(Object(metadata=Meta(name="shop")))


def subject(**annotations: str) -> Subject:
    own = {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()}
    meta = Meta(name="web", namespace="shop", uid="u", creation_timestamp="2026-03-23T08:00:00Z", annotations=own)
    return Subject(DEPLOYMENTS, Object(metadata=meta), namespace=HOME)


def test_a_deletion_carries_the_options_of_its_rule() -> None:
    rules = parse_rules(
        "rules: [{id: a, resources: [deploy], jmespath: kind, ttl: 1h, propagationPolicy: Orphan, gracePeriodSeconds: 5}]", ""
    ).rules

    decision = decide(subject(), rules, Policy(), NOW)

    assert isinstance(decision, Delete)
    assert (decision.propagation, decision.grace, decision.matched) == ("Orphan", 5, "a")
    assert decision.due.at == NOW - HOUR


def test_a_deletion_by_annotation_has_the_old_options() -> None:
    decision = decide(subject(janitor_ttl="1h"), (), Policy(), NOW)

    assert isinstance(decision, Delete)
    assert (decision.propagation, decision.grace, decision.matched) == ("Background", None, "")


def test_a_warning_says_how_long_the_owner_has() -> None:
    decision = decide(subject(janitor_ttl="1h"), (), Policy(notification=HOUR), NOW)

    assert isinstance(decision, Notify)
    assert (decision.key, decision.wait) == ("janitor/notified", HOUR)


def test_what_is_kept_says_when_it_ends_and_why_it_stays() -> None:
    decision = decide(subject(janitor_ttl="1h", janitor_protected="true"), (), Policy(), NOW)

    assert isinstance(decision, Keep)
    assert decision.due is not None
    assert decision.detail == "the object is marked as protected"


def test_unreadable_values_travel_with_whatever_is_decided() -> None:
    deleted = decide(subject(janitor_ttl="1h", janitor_expires="soon"), (), Policy(), NOW)
    kept = decide(subject(janitor_ttl="x"), (), Policy(), NOW)

    assert isinstance(deleted, Delete)
    assert [problem.key for problem in (*deleted.problems, *kept.problems)] == ["janitor/expires", "janitor/ttl"]


def test_the_detail_of_a_warned_object_names_its_end() -> None:
    marked = subject(janitor_ttl="1h", janitor_notified=format_warned(NOW - HOUR / 2, NOW - HOUR))

    decision = decide(marked, (), Policy(notification=HOUR), NOW)

    assert isinstance(decision, Keep)
    assert decision.why is Why.WARNED
    assert decision.detail == "warned; deleted after 2026-03-23T10:30:00Z"


def test_a_lead_longer_than_the_calendar_warns_at_once() -> None:
    decision = decide(subject(janitor_ttl="3h"), (), Policy(notification=timedelta(days=999_999)), NOW)

    assert isinstance(decision, Notify)


def test_a_rule_whose_end_lies_beyond_the_calendar_dates_nothing() -> None:
    rules = parse_rules("rules: [{id: a, resources: [cm], jmespath: kind, ttl: 50000w, timestamp: 'annotation:at'}]", "").rules
    meta = Meta(name="a", namespace="shop", creation_timestamp="2026-03-23T08:00:00Z", annotations={"at": "9990-01-01"})

    decision = decide(Subject(CONFIG_MAPS, Object(metadata=meta), namespace=HOME), rules, Policy(), NOW)

    assert isinstance(decision, Keep)
    assert decision.due is None


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_the_moment_of_the_end(late: timedelta) -> None:
    decision = decide(subject(janitor_ttl="2h"), (), Policy(), NOW + late)

    assert isinstance(decision, Delete) is bool(late)
