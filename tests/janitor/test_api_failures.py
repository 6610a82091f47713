"""Failures of the API, and the least rights that suffice. On the embedded cluster."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from janitor.config import Config, scope_of
from shared.simcluster import Fault, SimCluster
from tests.janitor.kit import (
    HOUR,
    Janitor,
    claim,
    config_map,
    deletes,
    names,
    pod,
    reasons,
    with_rules,
)


def test_pods_that_may_not_be_listed_keep_every_claim(sim: SimCluster, tmp_path: Path) -> None:
    rules = "rules: [{id: unused, resources: [persistentvolumeclaims], jmespath: _context.pvc_is_not_mounted, ttl: 1h}]"
    sim.create(claim("data"))
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="list", resource="pods", status=403))

    turn = Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert names(sim, "persistentvolumeclaims") == {"data"}
    assert names(sim) == set()
    assert not turn.result.ok
    assert any("persistentvolumeclaims shop/data: rule unused needs pvc_is_not_mounted" in failure for failure in turn.failures)


@pytest.mark.parametrize("resource", ["jobs", "deployments", "cronjobs", "statefulsets", "replicasets", "daemonsets"])
def test_any_list_of_the_reference_graph_that_fails_keeps_every_claim(sim: SimCluster, tmp_path: Path, resource: str) -> None:
    rules = "rules: [{id: unused, resources: [persistentvolumeclaims], jmespath: _context.pvc_is_not_referenced, ttl: 1h}]"
    sim.create(claim("data"))
    sim.faults.add(Fault(verb="list", resource=resource, drop="before"))

    Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert names(sim, "persistentvolumeclaims") == {"data"}


def test_an_unused_claim_goes_and_a_used_one_stays(sim: SimCluster, tmp_path: Path) -> None:
    rules = "rules: [{id: unused, resources: [persistentvolumeclaims], jmespath: _context.pvc_is_not_referenced, ttl: 1h}]"
    for name in ("used", "unused"):
        sim.create(claim(name))
    sim.create(pod("web", "used"))

    Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert names(sim, "persistentvolumeclaims") == {"used"}


def test_a_type_that_fails_does_not_stop_the_others(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="list", resource="secrets", status=500))

    turn = Janitor(sim, max_retries_on_throttling=0).turn(2 * HOUR)

    assert names(sim) == set()
    assert [failure for failure in turn.failures if failure.startswith("secrets: cannot be listed")]


def test_a_refused_delete_is_a_failure_one_event_and_counted_as_none(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="delete", status=403))
    janitor = Janitor(sim)

    turns = [janitor.turn(2 * HOUR), janitor.turn()]

    assert [turn.result.changed for turn in turns] == [0, 0]
    assert not turns[0].result.ok
    assert reasons(sim) == ["DeleteFailed"]
    assert names(sim) == {"old"}


def test_a_missing_right_is_one_line_however_many_objects_it_concerns(sim: SimCluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(20):
        sim.create(config_map(f"old-{number}", {"janitor/ttl": "1h"}))
    sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": config_map("key", {"janitor/ttl": "1h"})["metadata"]})
    limited = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "create", "patch"]}]
    limited.append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"]})
    sim.add_user("limited", rules=limited)

    turn = Janitor(sim, user="limited").turn(2 * HOUR)

    assert len(turn.failures) == 1
    assert turn.failures[0].endswith("(and 19 more configmaps for the same reason)")
    assert "cannot delete" in turn.failures[0]
    assert len([record for record in caplog.records if record.name.startswith("janitor")]) == 1
    assert names(sim, "secrets") == set()


def test_namespaces_that_may_not_be_listed_fail_the_turn(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="list", resource="namespaces", status=403))

    with pytest.raises(Exception, match="namespaces"):
        Janitor(sim).turn(2 * HOUR)

    assert names(sim) == {"old"}


def test_a_list_that_expires_half_way_starts_again(sim: SimCluster) -> None:
    for number in range(5):
        sim.create(config_map(f"old-{number}", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="list", resource="configmaps", status=410, every=2, times=1))

    turn = Janitor(sim, page_size=2).turn(2 * HOUR)

    assert names(sim) == set()
    assert len(deletes(sim)) == 5
    assert turn.result.ok


def test_throttling_is_waited_for(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.faults.add(Fault(verb="delete", status=429, retry_after=1, times=2))

    assert Janitor(sim).turn(2 * HOUR).result.ok
    assert names(sim) == set()


def namespaced_rules(*verbs: str) -> list[dict[str, Any]]:
    return [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs), "namespace": "shop"},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "namespace": "shop"},
    ]


def test_a_role_in_each_named_namespace_is_enough(sim: SimCluster) -> None:
    sim.add_user("limited", rules=namespaced_rules("get", "list", "delete", "create"))
    sim.create(config_map("old", {"janitor/ttl": "1h"}))
    sim.create(config_map("old", {"janitor/ttl": "1h"}, namespace="default"))
    config = Config(scope=scope_of(("all",), ("events",), ("shop",), ("kube-system",)))

    turn = Janitor(sim, config, user="limited").turn(2 * HOUR)

    assert names(sim) == set()
    assert names(sim, namespace="default") == {"old"}
    assert turn.result.ok


def test_a_named_namespace_that_does_not_exist_is_a_warning(sim: SimCluster, caplog: pytest.LogCaptureFixture) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h"}))

    turn = Janitor(sim, Config(scope=scope_of(("all",), (), ("shop", "nowhere"), ()))).turn(2 * HOUR)

    assert names(sim) == set()
    assert turn.result.ok
    assert "there is no namespace 'nowhere'" in caplog.text


def test_a_named_namespace_that_may_not_be_read_keeps_everything_in_it(sim: SimCluster) -> None:
    sim.add_user("limited", rules=[{"apiGroups": ["*"], "resources": ["configmaps"], "verbs": ["*"], "namespace": "shop"}])
    sim.create(config_map("old", {"janitor/ttl": "1h"}))

    turn = Janitor(sim, Config(scope=scope_of(("configmaps",), (), ("shop",), ())), user="limited").turn(2 * HOUR)

    assert names(sim) == {"old"}
    assert "namespace shop: cannot be read" in turn.failures[0]
