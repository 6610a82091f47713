"""What a running process says about its objects: rows, the turn above them, and which rows a query gets."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from downscaler.status import HIGHEST_LIMIT, ONLY, Query, Row, Status, as_json, parse_query
from shared.errors import ValueProblem
from shared.simcluster import Fault

SHOWN = "--metrics-port=7979"
OFFICE = "Mon-Fri 08:00-18:00 UTC"


def status(controller: Any, **query: Any) -> Status:
    found: Status = controller.report.board.status(Query(**query))
    return found


def rows(controller: Any, **query: Any) -> dict[str, Row]:
    return {row.name: row for row in status(controller, **query).objects}


def test_an_object_with_all_that_is_known_of_it(world: Any) -> None:
    world.deployment()
    world.annotate_namespace(uptime=OFFICE)
    controller = world.controller(SHOWN)
    controller.lasting_turn()
    (row,) = status(controller).objects
    assert msgspec.to_builtins(row) == {
        "kind": "deployments",
        "namespace": "shop",
        "name": "web",
        "size": 3,
        "wanted": "up",
        "actual": "up",
        "cause": "up",
        "reason": f"in uptime {OFFICE} (namespace annotation)",
        "decidedBy": "downscaler/uptime (namespace annotation)",
        "next": {"at": "2026-03-23T18:00:00Z", "want": "down"},
    }


def test_a_night_seen_turn_by_turn(world: Any) -> None:
    world.deployment(uptime=OFFICE)
    controller = world.controller(SHOWN)
    world.pass_time(hours=6)
    controller.lasting_turn()
    down = rows(controller)["web"]
    assert (down.actual, down.cause, down.size, down.original, down.since) == (
        "down",
        "scaled-down",
        0,
        3,
        "2026-03-23T18:00:00Z",
    )
    world.pass_time(minutes=1)
    controller.lasting_turn()
    asleep = rows(controller)["web"]
    assert (asleep.actual, asleep.cause, asleep.size, asleep.original, asleep.since) == ("down", "down", 0, 3, "")
    world.pass_time(hours=14)
    controller.lasting_turn()
    up = rows(controller)["web"]
    assert (up.wanted, up.actual, up.cause, up.size, up.original) == ("up", "up", "brought-up", 3, None)
    turn = status(controller).turn
    assert turn is not None
    assert (turn.at, turn.ok, turn.changed, turn.next_due) == ("2026-03-24T08:01:00Z", True, 1, "2026-03-24T18:00:00Z")


def test_what_waits_says_for_what_and_since_when(world: Any) -> None:
    world.deployment("database", 0, original_replicas="1")
    world.deployment("api", 0, original_replicas="1", depends_on="deployment/database")
    controller = world.controller(SHOWN)
    for _ in range(3):
        controller.lasting_turn()
        world.pass_time(minutes=1)
    (api,) = status(controller, only="waiting").objects
    assert (api.name, api.cause, api.wanted, api.actual) == ("api", "waiting", "up", "down")
    assert api.reason == "waits for deployments shop/database, which is not ready"
    assert api.since == "2026-03-23T12:00:00Z"
    assert set(rows(controller, only="pending")) == {"database", "api"}


def test_fights_are_shown(world: Any) -> None:
    world.deployment(downtime="always")
    controller = world.controller(SHOWN)
    world.pass_time(hours=1)
    for _ in range(7):
        controller.lasting_turn()
        world.scale(3)
        world.pass_time(minutes=1)
    row = rows(controller, only="fights")["web"]
    assert (row.wanted, row.actual, row.size, row.original) == ("down", "up", 3, None)
    assert row.reason.startswith("somebody keeps setting replicas back")


def test_holds_and_failures_stand_above_the_rows(world: Any) -> None:
    world.deployment(downtime="always")
    world.deployment("low", 0, original_replicas="2")
    world.pass_time(hours=1)
    controller = world.controller(SHOWN)
    controller.memory.tick(world.sim.clock.now() - timedelta(hours=9), 0.0)
    controller.memory.tick(world.sim.clock.now(), 1.0)
    world.sim.faults.add(Fault(verb="patch", resource="deployments", name="low", status=403))
    controller.lasting_turn()
    turn = status(controller).turn
    assert turn is not None
    assert [(hold.cause, hold.objects) for hold in turn.holds] == [("clock", 1)]
    assert not turn.ok
    assert "deployments shop/low" in turn.failures[0]
    assert set(rows(controller, only="held")) == {"web"}
    low = rows(controller, only="broken")["low"]
    assert (low.cause, low.wanted, low.actual, low.since) == ("failed", "up", "down", "2026-03-23T13:00:00Z")


def test_a_mass_names_itself(world: Any) -> None:
    world.sim.namespace("lab")
    for index in range(30):
        world.deployment(f"web-{index}", 1, "shop" if index % 2 else "lab")
    for namespace in ("shop", "lab"):
        world.annotate_namespace(namespace, downtime="always")
    world.pass_time(hours=1)
    controller = world.controller(SHOWN)
    controller.lasting_turn()
    found = status(controller, only="held", limit=1)
    assert found.turn is not None
    assert [(hold.cause, hold.objects) for hold in found.turn.holds] == [("mass", 30)]
    assert found.turn.holds[0].reason.startswith("30 of 30 objects would be put down")
    assert (found.matching, len(found.objects)) == (30, 1)


def test_a_broken_value_has_no_decider(world: Any) -> None:
    world.deployment(uptime="Mon-Fry")
    controller = world.controller(SHOWN)
    controller.lasting_turn()
    row = rows(controller, only="broken")["web"]
    assert (row.cause, row.decided_by, row.actual) == ("broken", "", "")
    assert row.reason == "downscaler/uptime cannot be read (workload annotation)"


def test_pages_of_rows_are_complete_and_in_order(world: Any) -> None:
    world.sim.namespace("lab")
    for index in range(25):
        world.deployment(f"web-{index}", 1, "shop" if index % 2 else "lab")
    controller = world.controller(SHOWN)
    controller.lasting_turn()
    seen: list[str] = []
    after = ""
    for _ in range(3):
        found = status(controller, limit=10, after=after)
        assert found.matching == 25
        seen += [row.key for row in found.objects]
        after = found.after
    assert after == ""
    assert (len(seen), seen) == (25, sorted(seen))
    assert {row.namespace for row in status(controller, namespace="lab").objects} == {"lab"}
    assert [row.name for row in status(controller, kind="deployments", name="web-3").objects] == ["web-3"]
    assert status(controller, kind="cronjobs").objects == []
    assert status(controller, after="zzz").objects == []


def test_before_the_first_turn_nothing_is_known(world: Any) -> None:
    found = status(world.controller(SHOWN))
    assert (found.turn, found.objects, found.matching, found.after) == (None, [], 0, "")
    assert set(found.counts) == {"objects", *ONLY}


def test_the_document_is_plain_json(world: Any) -> None:
    world.deployment()
    controller = world.controller(SHOWN, "--dry-run", "--max-interval=1h")
    controller.lasting_turn()
    document = msgspec.json.decode(as_json(status(controller)))
    assert document["controller"] | {"version": "", "started": ""} == {
        "version": "",
        "started": "",
        "dryRun": True,
        "interval": 30.0,
        "maxInterval": 3600.0,
    }
    assert document["turn"] == {
        "at": "2026-03-23T12:00:00Z",
        "ok": True,
        "changed": 0,
        "failures": [],
        "holds": [],
        "nextDue": "",
    }
    assert document["counts"]["objects"] == len(document["objects"]) == 1


QUERIES = [
    ({}, Query()),
    ({"namespace": " shop ", "limit": ""}, Query(namespace="shop")),
    ({"kind": "Deployment", "name": "web", "only": "waiting"}, Query(kind="deployments", name="web", only="waiting")),
    (
        {"kind": "widgets.example.org", "limit": "10000", "after": "shop/x/y"},
        Query("", "widgets.example.org", "", "", 10000, "shop/x/y"),
    ),
]


@pytest.mark.parametrize(("given", "expected"), QUERIES)
def test_queries(given: dict[str, str], expected: Query) -> None:
    assert parse_query(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"name_space": "x"},
            "'name_space' is not understood; accepted: the parameters namespace, kind, name, only, limit, after",
        ),
        ({"namespace": "../x"}, "accepted: a namespace"),
        ({"name": "a b"}, "accepted: a name"),
        ({"only": "all"}, "accepted: only=pending, waiting"),
        ({"limit": "0"}, f"accepted: limit=1 to {HIGHEST_LIMIT}"),
        ({"limit": "10001"}, "accepted: limit"),
        ({"limit": "-1"}, "accepted: limit"),
        ({"limit": "²"}, "accepted: limit"),
    ],
)
def test_queries_that_cannot_be_read(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse_query(given)
    assert said in str(caught.value)


def test_nothing_is_kept_where_nobody_can_ask(world: Any) -> None:
    for argv in ((), (SHOWN, "--no-status"), (SHOWN, "restore-all")):
        controller = world.controller(*argv)
        assert controller.report.board is None
        assert controller.report.draft() is None


def test_rows_are_small(world: Any) -> None:
    for index in range(50):
        world.deployment(f"web-{index}", uptime=OFFICE)
    controller = world.controller(SHOWN)
    controller.lasting_turn()
    found = status(controller).objects
    # Texts that are equal are one text, and so is the next transition.
    for shared in ("reason", "next", "namespace", "decided_by"):
        assert len({id(getattr(row, shared)) for row in found}) == 1
    assert sum(sys.getsizeof(row) + sys.getsizeof(row.name) for row in found) / len(found) < 300
