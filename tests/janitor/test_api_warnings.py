"""Warnings, the circuit breaker, limits. On the embedded cluster."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from janitor.breaker import Limits
from janitor.config import Config
from janitor.state import acknowledge
from shared.simcluster import Fault, SimCluster
from tests.janitor.kit import (
    HOUR,
    NOTIFYING,
    Janitor,
    config_map,
    names,
    reasons,
    with_rules,
)


def test_an_owner_is_warned_once_and_the_object_goes_after_it(sim: SimCluster) -> None:
    sim.create(config_map("web", {"janitor/ttl": "3h"}))
    janitor = Janitor(sim, NOTIFYING)

    results = [janitor.turn(timedelta(minutes=30)).outcomes for _ in range(7)]

    assert [[outcome.result.value for outcome in outcomes] for outcomes in results] == [
        [],
        [],
        [],
        [],
        ["notified"],
        [],
        ["deleted"],
    ]
    assert reasons(sim) == ["DeleteNotification", "TimeToLiveExpired"]


def test_extending_after_the_warning_arms_it_again(sim: SimCluster) -> None:
    sim.create(config_map("web", {"janitor/ttl": "3h"}))
    janitor = Janitor(sim, NOTIFYING)
    janitor.turn(timedelta(minutes=150))
    sim.patch("configmaps", "shop", "web", {"metadata": {"annotations": {"janitor/ttl": "5h"}}})

    kept = janitor.turn(HOUR)
    warned = janitor.turn(HOUR)

    assert (kept.outcomes, [outcome.result.value for outcome in warned.outcomes]) == ((), ["notified"])
    assert names(sim) == {"web"}


def test_an_object_first_seen_after_its_end_is_warned_about_first(sim: SimCluster) -> None:
    sim.create(config_map("web", {"janitor/ttl": "1h"}))
    janitor = Janitor(sim, NOTIFYING)

    assert [outcome.result.value for outcome in janitor.turn(2 * HOUR).outcomes] == ["notified"]
    assert janitor.turn(timedelta(minutes=59)).outcomes == ()
    assert [outcome.result.value for outcome in janitor.turn(timedelta(minutes=1)).outcomes] == ["deleted"]


def test_without_the_right_to_patch_the_warning_is_remembered(sim: SimCluster) -> None:
    sim.add_user("limited", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "delete", "create"]}])
    sim.create(config_map("web", {"janitor/ttl": "1h"}))
    janitor = Janitor(sim, NOTIFYING, user="limited")

    first = janitor.turn(2 * HOUR)
    second = janitor.turn(HOUR)

    assert [outcome.result.value for outcome in first.outcomes] == ["notified"]
    assert [outcome.result.value for outcome in second.outcomes] == ["deleted"]
    assert first.result.ok
    assert reasons(sim) == ["DeleteNotification", "TimeToLiveExpired"]


@pytest.mark.parametrize("status", [409, 500])
def test_a_warning_that_cannot_be_written_does_not_stop_the_others(sim: SimCluster, status: int) -> None:
    for name in ("a", "b"):
        sim.create(config_map(name, {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="patch", name="a", status=status))

    turn = Janitor(sim, NOTIFYING, max_retries_on_throttling=0).turn(2 * HOUR)

    assert sorted(outcome.result.value for outcome in turn.outcomes)[-1] == "notified"
    assert "janitor/notified" in sim.get("configmaps", "shop", "b")["metadata"]["annotations"]


def test_a_rule_gone_wrong_is_stopped_before_its_first_deletion_and_acknowledged(sim: SimCluster, tmp_path: Path) -> None:
    for number in range(12):
        sim.create(config_map(f"web-{number}"))
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.namespace("tools")
    place = ("tools", "kube-janitor-state")
    config = with_rules(tmp_path, limits=Limits(per_rule=10), state=place, own_namespace="tools")
    janitor = Janitor(sim, config)

    tripped = janitor.turn(2 * HOUR)
    again = Janitor(sim, config).turn()

    assert "old" not in names(sim)
    assert len(names(sim)) == 12
    assert (tripped.trips[0].key, tripped.trips[0].count) == ("no-app", 12)
    assert not tripped.result.ok
    assert [event["reason"] for event in sim.list("events", "tools")] == ["BreakerOpen"]
    assert again.trips[0].since == tripped.trips[0].since

    assert acknowledge(janitor.cluster, place, ()) == ("no-app",)
    released = Janitor(sim, config).turn()

    assert released.result.ok
    assert names(sim) == set()
    assert "janitor/ack" not in (sim.get("configmaps", *place)["metadata"].get("annotations") or {})


def test_a_smaller_set_closes_the_breaker(sim: SimCluster, tmp_path: Path) -> None:
    for number in range(12):
        sim.create(config_map(f"web-{number}"))
    janitor = Janitor(sim, with_rules(tmp_path, limits=Limits(per_rule=10)))
    janitor.turn(2 * HOUR)
    for number in range(4):
        sim.patch("configmaps", "shop", f"web-{number}", {"metadata": {"labels": {"app": "web"}}})

    assert janitor.turn().trips == ()
    assert len(names(sim)) == 4


def test_a_loop_cannot_trickle_past_the_limit_of_its_window(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path, limits=Limits(per_rule=10, window=HOUR)))
    for turn in range(10):
        for number in range(5):
            sim.create(config_map(f"web-{turn}-{number}", creationTimestamp="2026-03-23T00:00:00Z"))
        sim.advance(HOUR + timedelta(seconds=1) if turn == 0 else timedelta(0))
    created = len(names(sim))
    five = iter(sorted(names(sim)))
    for name in names(sim):
        sim.patch("configmaps", "shop", name, {"metadata": {"labels": {"app": "web"}}})

    for _ in range(6):
        for name in [next(five) for _ in range(5)]:
            sim.patch("configmaps", "shop", name, {"metadata": {"labels": {"app": None}}})
        janitor.turn(timedelta(hours=2) if not janitor.state.memory.past and _ == 0 else timedelta(seconds=30))

    assert created - len(names(sim)) == 10


def test_a_namespace_counts_with_what_is_in_it(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("pr-1")
    for number in range(10):
        sim.create(config_map(f"web-{number}", namespace="pr-1"))
    rules = "rules: [{id: pr, resources: [namespaces], jmespath: \"starts_with(metadata.name, 'pr-')\", ttl: 1h}]"

    turn = Janitor(sim, with_rules(tmp_path, rules, limits=Limits(per_rule=10))).turn(2 * HOUR)

    assert turn.trips[0].count > 10
    assert "pr-1" in names(sim, "namespaces", None)


def test_deletes_per_minute(sim: SimCluster) -> None:
    for number in range(5):
        sim.create(config_map(f"web-{number}", {"janitor/ttl": "1h"}))
    janitor = Janitor(sim, Config(max_deletes_per_minute=2))

    left = [len(names(sim)) for _ in range(4) if janitor.turn(2 * HOUR if len(names(sim)) == 5 else timedelta(seconds=31))]

    assert left == [3, 3, 1, 1]
