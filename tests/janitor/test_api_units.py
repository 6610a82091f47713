"""Namespaces and Helm releases; dry runs; files that are broken; backups. On the embedded cluster."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from janitor.config import Backup, Config, scope_of
from shared.cluster import Cluster
from shared.kinds import Resource
from shared.simcluster import SimCluster
from tests.janitor.kit import (
    HOUR,
    RULE,
    Janitor,
    config_map,
    names,
    pod,
    reasons,
    release_part,
    with_rules,
)


def test_a_namespace_with_something_protected_inside_is_kept(sim: SimCluster) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
    sim.create(config_map("keep", {"janitor/protected": "true"}, namespace="pr-1"))

    turn = Janitor(sim).turn(2 * HOUR)

    assert "pr-1" in names(sim, "namespaces", None)
    assert turn.outcomes == ()


def test_something_protected_of_a_type_out_of_scope_keeps_its_namespace_too(sim: SimCluster) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
    sim.create(config_map("keep", {"janitor/protected": "true"}, namespace="pr-1"))

    turn = Janitor(sim, Config(scope=scope_of(("namespaces",), (), ("all",), ()))).turn(2 * HOUR)

    assert "pr-1" in names(sim, "namespaces", None)
    assert [outcome.result.value for outcome in turn.outcomes] == ["rescued"]


def test_a_helm_release_goes_as_a_whole_with_its_records(sim: SimCluster, tmp_path: Path) -> None:
    record = {"name": "sh.helm.release.v1.web.v1", "namespace": "shop", "labels": {"owner": "helm", "name": "web"}}
    sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": record, "type": "helm.sh/release.v1"})
    for name in ("a", "b"):
        sim.create(release_part(name))

    turn = Janitor(sim, with_rules(tmp_path)).turn(2 * HOUR)

    assert names(sim) == set()
    assert names(sim, "secrets") == set()
    assert {outcome.judged.due.trigger.value for outcome in turn.outcomes if outcome.judged.due} == {"helm-release"}


def test_a_helm_release_of_which_a_part_is_not_due_stays_whole(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(release_part("a"))
    sim.create(release_part("b", app="web"))

    Janitor(sim, with_rules(tmp_path)).turn(2 * HOUR)

    assert names(sim) == {"a", "b"}


def test_a_dry_run_changes_nothing_and_says_everything_once(sim: SimCluster, caplog: pytest.LogCaptureFixture) -> None:
    sim.create(config_map("web", {"janitor/ttl": "1h"}))
    janitor = Janitor(sim, dry_run=True)
    caplog.set_level(logging.INFO)

    turns = [janitor.turn(2 * HOUR), janitor.turn()]

    assert {request.verb for request in sim.requests} <= {"list", "get"}
    assert [outcome.result.value for outcome in turns[0].outcomes] == ["would-delete"]
    assert caplog.text.count("DRY RUN: configmaps shop/web: would delete") == 1
    assert reasons(sim) == []


def test_a_broken_rules_file_is_one_line_and_annotations_go_on(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.create(config_map("web"))

    turn = Janitor(sim, with_rules(tmp_path, "rules: [\n")).turn(2 * HOUR)

    assert names(sim) == {"web"}
    assert len(turn.failures) == 1
    assert turn.failures[0].startswith(str(tmp_path / "rules.yaml"))
    assert "no valid YAML" in turn.failures[0]


def test_a_rules_file_that_breaks_leaves_the_old_rules(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path))
    janitor.turn()
    sim.create(config_map("web"))
    (tmp_path / "rules.yaml").write_text(RULE + "  colour: red\n")

    turn = janitor.turn(2 * HOUR)

    assert names(sim) == set()
    assert "unknown key 'colour'" in turn.failures[0]
    assert ":6: " in turn.failures[0]
    assert "rules read before stay" in turn.failures[1]


def test_a_changed_rules_file_is_read_again(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path, "rules: []"))
    sim.create(config_map("web"))
    janitor.turn(2 * HOUR)
    (tmp_path / "rules.yaml").write_text(RULE)

    janitor.turn()

    assert names(sim) == set()


def test_an_expression_that_fails_on_one_object_leaves_the_others(sim: SimCluster, tmp_path: Path) -> None:
    rules = RULE.replace("!(metadata.labels.app)", "starts_with(metadata.annotations.size, 'x') || length(data) > `0`")
    sim.create(config_map("without") | {"data": {"a": "b"}})
    sim.create(config_map("bad", {"size": "1"}) | {"data": {"a": "b"}})
    rules = rules.replace("length(data)", "length(data) > `0` && abs(metadata.annotations.size || `1`)")

    turn = Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert names(sim) == {"bad"}
    assert ["configmaps shop/bad: rule no-app cannot be evaluated here" in failure for failure in turn.failures] == [True]


def test_an_unknown_resource_in_a_rule_is_a_warning(sim: SimCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    turn = Janitor(sim, with_rules(tmp_path, RULE.replace("[configmaps]", "[configmaps, widgets]"))).turn()

    assert turn.result.ok
    assert "the cluster serves no resource 'widgets'" in caplog.text


def test_unreadable_annotations_are_one_warning_and_one_event(sim: SimCluster, caplog: pytest.LogCaptureFixture) -> None:
    sim.create(config_map("web", {"janitor/ttl": "0s"}))
    janitor = Janitor(sim)

    turns = [janitor.turn(2 * HOUR), janitor.turn()]

    assert all(turn.result.ok for turn in turns)
    assert reasons(sim) == ["UnreadableAnnotation"]
    assert caplog.text.count("configmaps shop/web: janitor/ttl='0s' is not understood") == 1


def test_no_backup_no_deletion(sim: SimCluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sim.create(config_map("web", {"janitor/ttl": "1h"}))

    turn = Janitor(sim, Config(backup=Backup(str(tmp_path / "file" / "below")))).turn(2 * HOUR)

    assert names(sim) == {"web"}
    assert "backup to" in turn.failures[0]


def test_a_secret_without_a_key_is_neither_backed_up_nor_deleted(sim: SimCluster, tmp_path: Path) -> None:
    meta = {"name": "web", "namespace": "shop", "annotations": {"janitor/ttl": "1h"}}
    sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"password": "c2VjcmV0"}})

    turn = Janitor(sim, Config(backup=Backup(str(tmp_path / "b")))).turn(2 * HOUR)

    assert names(sim, "secrets") == {"web"}
    assert "--backup-key-file" in turn.failures[0]


def test_a_secret_with_a_key_is_encrypted(sim: SimCluster, tmp_path: Path) -> None:
    meta = {"name": "web", "namespace": "shop", "annotations": {"janitor/ttl": "1h"}}
    sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"password": "c2VjcmV0"}})
    janitor = Janitor(sim, Config(backup=Backup(str(tmp_path / "b"), key="k")))

    janitor.turn(2 * HOUR)
    assert janitor.tools.vault.sink is not None
    entry = janitor.tools.vault.sink.load(next(janitor.tools.vault.sink.ids()))

    assert names(sim, "secrets") == set()
    assert b"c2VjcmV0" not in entry.encoded()
    assert entry.objects[0].encrypted


def test_evicted_pods_wait_for_their_disruption_budget(sim: SimCluster, tmp_path: Path) -> None:
    rules = "rules: [{id: pods, resources: [pods], jmespath: '@', ttl: 1h}]"
    for number in range(2):
        body = pod(f"web-{number}")
        body["metadata"]["labels"] = {"app": "web"}
        sim.create(body | {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    status = {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}
    meta = {"name": "web", "namespace": "shop"}
    sim.create({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": budget, "status": status})

    turn = Janitor(sim, with_rules(tmp_path, rules, evict=True), max_retries_on_throttling=0).turn(2 * HOUR)

    assert [outcome.result.value for outcome in turn.outcomes] == ["postponed", "postponed"]
    assert len(names(sim, "pods")) == 2
    sim.delete("poddisruptionbudgets", "shop", "web")
    janitor = Janitor(sim, with_rules(tmp_path, rules, evict=True))
    assert [outcome.result.value for outcome in janitor.turn().outcomes] == ["deleted", "deleted"]


def test_the_audit_names_who_set_the_annotation(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(config_map("web"))
    with Cluster.connect(sim.connection(field_manager="kubectl-annotate"), clock=sim.clock) as other:
        resource = Resource("", "v1", "configmaps", "ConfigMap")
        other.patch(resource, "shop", "web", {"metadata": {"annotations": {"janitor/ttl": "1h"}}})
    janitor = Janitor(sim)
    path = tmp_path / "audit.jsonl"
    with path.open("w") as stream:
        janitor.tools.audit = stream
        janitor.turn(2 * HOUR)

    record = json.loads(path.read_text())

    assert (record["action"], record["result"], record["name"]) == ("delete", "deleted", "web")
    assert record.get("writers") == ["kubectl-annotate"]
