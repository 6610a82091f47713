"""What only shows over several turns. On the embedded cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from janitor.breaker import Limits
from janitor.config import Backup, Config, scope_of
from janitor.policy import Policy
from shared.simcluster import Fault, SimCluster
from tests.janitor.kit import (
    HOUR,
    NOTIFYING,
    RULE,
    Janitor,
    config_map,
    interfere,
    names,
    reasons,
    release_part,
    results,
    with_rules,
)


def test_a_rule_that_has_to_match_three_times_in_a_row(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("tools")
    config = with_rules(tmp_path, RULE + "  occurrences: 3\n", state=("tools", "state"))
    sim.create(config_map("web"))
    sim.advance(2 * HOUR)

    # Every turn is a process of its own, as in a CronJob.
    first = [results(Janitor(sim, config).turn()) for _ in range(2)]
    sim.patch("configmaps", "shop", "web", {"metadata": {"labels": {"app": "web"}}})
    Janitor(sim, config).turn()
    sim.patch("configmaps", "shop", "web", {"metadata": {"labels": {"app": None}}})
    again = [results(Janitor(sim, config).turn()) for _ in range(3)]

    assert first == [[], []]
    assert again == [[], [], ["deleted"]]


def test_a_new_rule_soaks_for_a_day(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path, policy=Policy(soak=timedelta(days=1))))
    sim.create(config_map("web"))

    assert [results(janitor.turn(after)) for after in (2 * HOUR, 23 * HOUR, HOUR)] == [[], [], ["deleted"]]


def test_a_quarantine_marks_and_deletes_later(sim: SimCluster) -> None:
    janitor = Janitor(sim, Config(policy=Policy(quarantine=timedelta(days=1))))
    sim.create(config_map("web", {"janitor/ttl": "1h"}))

    assert [results(janitor.turn(after)) for after in (2 * HOUR, 23 * HOUR, HOUR)] == [["notified"], [], ["deleted"]]
    assert reasons(sim) == ["Quarantined", "TimeToLiveExpired"]


def test_a_warning_ahead_of_the_end_is_remembered_without_the_right_to_patch(sim: SimCluster) -> None:
    sim.add_user("limited", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "delete", "create"]}])
    sim.create(config_map("web", {"janitor/ttl": "3h"}))
    janitor = Janitor(sim, NOTIFYING, user="limited")

    turns = [janitor.turn(timedelta(minutes=30)) for _ in range(7)]

    assert [results(turn) for turn in turns] == [[], [], [], [], ["notified"], [], ["deleted"]]


def test_a_release_that_a_rule_wants_gone_counts_against_the_rule(sim: SimCluster, tmp_path: Path) -> None:
    for number in range(12):
        sim.create(release_part(f"part-{number}"))

    turn = Janitor(sim, with_rules(tmp_path, limits=Limits(per_rule=10))).turn(2 * HOUR)

    assert [trip.key for trip in turn.trips] == ["no-app"]
    assert len(names(sim)) == 12


def test_a_release_is_warned_about_as_a_whole(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(release_part("a"))
    sim.create(release_part("b"))
    janitor = Janitor(sim, with_rules(tmp_path, policy=Policy(notification=HOUR)))

    assert results(janitor.turn(2 * HOUR)) == ["notified", "notified"]
    assert results(janitor.turn(HOUR)) == ["deleted", "deleted"]


def test_a_release_record_that_is_protected_stays(sim: SimCluster, tmp_path: Path) -> None:
    own = {"janitor/protected": "true"}
    record = {
        "name": "sh.helm.release.v1.web.v1",
        "namespace": "shop",
        "labels": {"owner": "helm", "name": "web"},
        "annotations": own,
    }
    sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": record, "type": "helm.sh/release.v1"})
    sim.create(release_part("a"))

    turn = Janitor(sim, with_rules(tmp_path)).turn(2 * HOUR)

    assert results(turn) == ["deleted", "rescued"]


def test_a_part_of_a_release_that_changed_meanwhile_stays(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(release_part("a"))
    sim.create(release_part("b"))
    interfere(sim, lambda: sim.patch("configmaps", "shop", "b", {"metadata": {"labels": {"app": "web"}}}))

    assert results(Janitor(sim, with_rules(tmp_path)).turn(2 * HOUR)) == ["deleted", "rescued"]


def test_a_rule_that_looks_inside_namespaces(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("pr-1")
    rules = (
        "rules: [{id: pr, resources: [ns], jmespath: \"status.phase == 'Active' && starts_with(metadata.name, 'pr-')\", ttl: 1h}]"
    )
    janitor = Janitor(sim, with_rules(tmp_path, rules))
    sim.faults.add(Fault(verb="list", resource="namespaces", status=403, every=2, times=1))

    failed = janitor.turn(2 * HOUR)
    done = janitor.turn()

    assert "namespaces: cannot be listed" in failed.failures[0]
    assert results(done) == ["deleted"]


def test_a_namespace_that_is_empty(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("pr-1")
    sim.namespace("pr-2")
    sim.create(config_map("web", namespace="pr-2"))
    condition = "_context.namespace_is_empty && starts_with(metadata.name, 'pr-')"
    rules = f'rules: [{{id: pr, resources: [ns], jmespath: "{condition}", ttl: 1h}}]'

    turn = Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert turn.result.ok, turn.failures
    assert [outcome.judged.obj.name for outcome in turn.outcomes] == ["pr-1"]


def test_a_cluster_scoped_object(sim: SimCluster) -> None:
    meta = {"name": "old", "annotations": {"janitor/ttl": "1h"}}
    sim.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta, "rules": []})
    sim.create(config_map("x", {"janitor/ttl": "1h"}))

    without = Janitor(sim).turn(2 * HOUR)
    turn = Janitor(sim, Config(scope=replace(Config().scope, cluster_scoped=True))).turn()

    assert [outcome.judged.obj.name for outcome in (*without.outcomes, *turn.outcomes)] == ["x", "old"]
    assert [event["reason"] for event in sim.list("events", "default")] == ["TimeToLiveExpired"]


def test_a_hook_and_its_failure(sim: SimCluster, tmp_path: Path) -> None:
    rules = "rules: [{id: idle, resources: [cm], jmespath: '_context.requests == `0`', ttl: 1h}]"
    for name in ("idle", "busy", "unknown"):
        sim.create(config_map(name))
    sim.create(config_map("own", {"janitor/ttl": "7d"}))
    asked: list[str] = []

    def hook(resource: Any, cache: dict[str, Any]) -> dict[str, Any]:
        asked.append(resource.name)
        if resource.name == "unknown":
            raise RuntimeError("no metrics")
        return {"requests": 5 if resource.name == "busy" else 0}

    janitor = Janitor(sim, with_rules(tmp_path, rules, scope=scope_of(("configmaps",), (), ("shop",), ())))
    janitor.tools.hook = hook
    turn = janitor.turn(2 * HOUR)

    assert names(sim) == {"busy", "unknown", "own"}
    assert "own" not in asked
    assert any("hook failed: RuntimeError: no metrics" in failure for failure in turn.failures)


@pytest.mark.parametrize(("status", "result"), [(404, "gone"), (409, "changed")])
def test_a_warning_that_comes_too_late(sim: SimCluster, status: int, result: str) -> None:
    sim.create(config_map("web", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="patch", resource="configmaps", status=status))

    turn = Janitor(sim, NOTIFYING).turn(2 * HOUR)

    assert results(turn) == [result]
    assert reasons(sim) == []


def test_a_turn_stops_between_two_objects_when_it_is_told_to(sim: SimCluster) -> None:
    for name in ("a", "b"):
        sim.create(config_map(name, {"janitor/ttl": "1h"}))
    janitor = Janitor(sim)
    interfere(sim, janitor.cluster.stop.set)

    assert results(janitor.turn(2 * HOUR)) == ["deleted"]


def test_wait_after_delete(sim: SimCluster) -> None:
    for name in ("a", "b"):
        sim.create(config_map(name, {"janitor/ttl": "1h"}))
    janitor = Janitor(sim, Config(wait_after_delete=60))
    sim.advance(2 * HOUR)
    before = sim.clock.now()

    janitor.turn()

    assert sim.clock.now() - before == timedelta(minutes=2)


def test_old_backups_are_pruned_after_new_ones(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, Config(backup=Backup(str(tmp_path / "b"), retention=timedelta(days=1))))
    sim.create(config_map("a", {"janitor/ttl": "1h"}))
    janitor.turn(2 * HOUR)
    sim.create(config_map("b", {"janitor/ttl": "1h"}))
    janitor.turn(timedelta(days=2))

    assert janitor.tools.vault.sink is not None
    assert [".b." in identity for identity in janitor.tools.vault.sink.ids()] == [True]


def test_a_rules_file_that_disappears_leaves_the_old_rules(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path))
    janitor.turn()
    (tmp_path / "rules.yaml").unlink()
    sim.create(config_map("web"))

    turn = janitor.turn(2 * HOUR)

    assert results(turn) == ["deleted"]
    assert "cannot be read, the rules read before stay" in turn.failures[0]


def test_a_rules_file_that_was_never_there(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(config_map("web"))
    sim.create(config_map("old", {"janitor/ttl": "1h"}))

    turn = Janitor(sim, Config(rules_file=str(tmp_path / "nothing.yaml"))).turn(2 * HOUR)

    assert names(sim) == {"web"}
    assert "cannot be read, nothing is deleted by rules" in turn.failures[0]


def test_a_state_that_cannot_be_read_is_one_failure(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="get", resource="configmaps", name="state", status=403))

    turn = Janitor(sim, Config(state=("shop", "state"))).turn(2 * HOUR)

    assert "old" not in names(sim)
    assert [failure for failure in turn.failures if "state shop/state cannot be read" in failure]


def test_an_event_served_by_two_groups_is_one_object(sim: SimCluster) -> None:
    meta = {"name": "web.1", "namespace": "shop", "annotations": {"janitor/ttl": "1h"}}
    involved = {"kind": "ConfigMap", "name": "web", "namespace": "shop"}
    sim.create({"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": involved})

    turn = Janitor(sim, Config(scope=scope_of(("events",), (), ("shop",), ()))).turn(2 * HOUR)

    assert results(turn) == ["deleted"]
