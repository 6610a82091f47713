"""Event bodies, their names, and the budget per object."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventBudget, event_body
from shared.kinds import DEPLOYMENTS, NAMESPACES, Resource
from shared.objects import Meta, Object

NOW = datetime(2026, 4, 5, 10, tzinfo=UTC)
WEB = Object(metadata=Meta(name="web", namespace="shop", uid="u1", resource_version="7"))
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def body(
    obj: Object = WEB, *, resource: Resource = DEPLOYMENTS, reason: str = "ScaledDown", message: str = "scaled from 3 to 0"
) -> dict[str, Any]:
    return event_body(component="kube-downscaler", obj=obj, resource=resource, reason=reason, message=message, now=NOW)


def test_a_body_names_the_object_and_who_says_it() -> None:
    made = body()
    assert made["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "namespace": "shop",
        "uid": "u1",
        "resourceVersion": "7",
    }
    assert made["metadata"]["namespace"] == "shop"
    assert (made["reason"], made["message"], made["type"], made["count"]) == ("ScaledDown", "scaled from 3 to 0", "Normal", 1)
    assert made["firstTimestamp"] == made["lastTimestamp"] == "2026-04-05T10:00:00Z"
    assert made["source"] == {"component": "kube-downscaler"}
    assert made["reportingComponent"] == "kube-downscaler"


def test_events_about_cluster_scoped_objects_live_in_default() -> None:
    made = body(Object(metadata=Meta(name="shop", uid="u2")), resource=NAMESPACES)
    assert made["metadata"]["namespace"] == "default"
    assert "namespace" not in made["involvedObject"]


def test_the_same_thing_said_twice_has_the_same_name() -> None:
    assert body()["metadata"] == body()["metadata"]


@pytest.mark.parametrize(
    "other",
    [
        body(message="scaled from 4 to 0"),
        body(reason="ScaledUp"),
        body(Object(metadata=Meta(name="web", namespace="shop", uid="u9"))),
    ],
)
def test_anything_else_has_another_name(other: dict[str, Any]) -> None:
    assert other["metadata"]["name"] != body()["metadata"]["name"]


def test_a_long_message_is_cut_to_what_the_server_takes_and_stays_on_one_line() -> None:
    made = body(message="very\nlong " * 500, reason="R" * 500)
    assert len(str(made["message"])) == 1024
    assert "\n" not in str(made["message"])
    assert len(str(made["reason"])) == 128


@given(st.text(min_size=1, max_size=300), st.text(max_size=50))
def test_every_name_makes_a_valid_event_name(name: str, message: str) -> None:
    made = body(Object(metadata=Meta(name=name, uid="u")), message=message)["metadata"]["name"]
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 253


@pytest.mark.parametrize("name", ["system:node-1", "Web", "a..b", "-a-", "..."])
def test_names_that_events_may_not_have_are_bent(name: str) -> None:
    assert SUBDOMAIN.fullmatch(body(Object(metadata=Meta(name=name)))["metadata"]["name"])


def test_an_object_gets_a_burst_and_then_one_at_a_time() -> None:
    budget = EventBudget(burst=3, refill=10)
    assert [budget.take(body(), 0) for _ in range(4)] == [True, True, True, False]
    assert [budget.take(body(), at) for at in (5, 10, 11, 20)] == [False, True, False, True]


def test_another_object_has_a_budget_of_its_own() -> None:
    budget = EventBudget(burst=1, refill=10)
    other = body(Object(metadata=Meta(name="api", namespace="shop", uid="u2")))
    assert [budget.take(body(), 0), budget.take(body(), 0), budget.take(other, 0)] == [True, False, True]


def test_a_budget_remembers_only_so_many_objects() -> None:
    budget = EventBudget(burst=1, refill=1e9, size=2)
    for uid in ("a", "b", "c"):
        assert budget.take(body(Object(metadata=Meta(name="x", uid=uid))), 0)
    assert budget.take(body(Object(metadata=Meta(name="x", uid="a"))), 0)
    assert not budget.take(body(Object(metadata=Meta(name="x", uid="c"))), 0)


def test_an_event_without_an_object_counts_too() -> None:
    budget = EventBudget(burst=1)
    assert [budget.take({}, 0), budget.take({}, 0)] == [True, False]
