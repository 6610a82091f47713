"""How objects are deleted: requests, preconditions, order, events. On the embedded cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from janitor.config import Config, scope_of
from shared.simcluster import SimCluster
from tests.janitor.kit import (
    HOUR,
    RULE,
    Janitor,
    config_map,
    deletes,
    names,
    reasons,
    with_rules,
)


def test_a_due_object_goes_with_both_preconditions_and_in_the_background(sim: SimCluster) -> None:
    made = sim.create(config_map("old", {"janitor/ttl": "1h"}))
    bodies: list[tuple[str, str, str]] = []
    sim.on_write(lambda verb, resource, namespace, name: bodies.append((verb, resource, name)))

    turn = Janitor(sim).turn(2 * HOUR)

    assert names(sim) == set()
    assert turn.result.ok
    assert turn.result.changed == 1
    assert ("delete", "configmaps", "old") in bodies
    assert turn.outcomes[0].judged.obj.metadata.resource_version == made["metadata"]["resourceVersion"]


def test_a_turn_without_anything_due_sends_no_write_and_no_read_of_single_objects(sim: SimCluster) -> None:
    sim.create(config_map("young", {"janitor/ttl": "7d"}))
    janitor = Janitor(sim)
    sim.clear_requests()

    janitor.turn()

    assert {request.verb for request in sim.requests} <= {"list", "get"}
    assert not [request for request in sim.requests if request.verb == "get" and request.name]
    assert all("PartialObjectMetadataList" in request.accept for request in sim.requests if request.verb == "list")


def test_types_that_nothing_can_affect_are_not_listed(sim: SimCluster, tmp_path: Path) -> None:
    scope = replace(Config().scope, annotated=scope_of(("pods",), (), ("all",), ()).include_resources)
    janitor = Janitor(sim, with_rules(tmp_path, scope=scope))
    sim.clear_requests()

    janitor.turn()

    assert {request.resource for request in sim.requests if request.verb == "list"} == {"namespaces", "pods", "configmaps"}


def test_only_included_types_are_listed(sim: SimCluster) -> None:
    janitor = Janitor(sim, Config(scope=scope_of(("configmaps",), (), ("all",), ())))
    sim.clear_requests()

    janitor.turn()

    assert {request.resource for request in sim.requests if request.verb == "list"} == {"namespaces", "configmaps"}


def test_whole_objects_are_read_only_where_a_rule_looks_inside(sim: SimCluster, tmp_path: Path) -> None:
    janitor = Janitor(sim, with_rules(tmp_path, RULE.replace("!(metadata.labels.app)", "!(data)")))
    sim.clear_requests()

    janitor.turn()

    whole = {
        request.resource for request in sim.requests if request.verb == "list" and "PartialObjectMetadata" not in request.accept
    }
    assert whole == {"configmaps"}


def test_discovery_happens_once_per_turn_in_two_requests(sim: SimCluster) -> None:
    janitor = Janitor(sim)

    janitor.turn()

    assert janitor.cluster.calls["discover"] == 2


def test_both_ends_due_is_one_event_and_one_delete(sim: SimCluster) -> None:
    sim.create(config_map("old", {"janitor/ttl": "1h", "janitor/expires": "2026-03-23T10:30:00Z"}))

    Janitor(sim).turn(2 * HOUR)

    assert deletes(sim) == ["old"]
    assert reasons(sim) == ["ExpiryTimeReached"]


def test_the_events_have_the_old_reasons(sim: SimCluster) -> None:
    sim.create(config_map("a", {"janitor/ttl": "1h"}))
    sim.create(config_map("b", {"janitor/expires": "2026-03-23T10:30:00Z"}))

    Janitor(sim).turn(2 * HOUR)

    assert reasons(sim) == ["ExpiryTimeReached", "TimeToLiveExpired"]
    event = sim.list("events", "shop")[0]
    assert event["source"] == {"component": "kube-janitor"}
    assert event["involvedObject"]["kind"] == "ConfigMap"


def test_an_event_about_a_namespace_lands_in_default(sim: SimCluster) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})

    Janitor(sim).turn(2 * HOUR)

    assert [(event["reason"], event["involvedObject"]["name"]) for event in sim.list("events", "default")] == [
        ("TimeToLiveExpired", "pr-1")
    ]


def test_namespaces_go_last_and_the_longest_overdue_first(sim: SimCluster) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "10m"})
    sim.create(config_map("late", {"janitor/ttl": "1h"}))
    sim.create(config_map("early", {"janitor/ttl": "30m"}))

    Janitor(sim).turn(2 * HOUR)

    assert deletes(sim) == ["early", "late", "pr-1"]


def test_the_same_name_in_two_groups_is_handled_once_each(sim: SimCluster) -> None:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {"group": "serving.knative.dev", "scope": "Namespaced", "names": {"plural": "services", "kind": "Service"}}
    spec["versions"] = [{"name": "v1", "served": True, "storage": True, "schema": schema}]  # type: ignore[assignment]
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "services.serving.knative.dev"},
    }
    sim.create({**crd, "spec": spec})
    meta = {"name": "web", "namespace": "shop", "annotations": {"janitor/ttl": "1h"}}
    sim.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}})
    sim.create({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": meta})

    Janitor(sim).turn(2 * HOUR)

    assert deletes(sim) == ["web", "web"]
    assert not names(sim, "services")


def test_a_deployment_and_its_replica_set_are_one_delete_and_one_event(sim: SimCluster) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "example.org/main:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    meta = {"name": "web", "namespace": "shop", "annotations": {"janitor/ttl": "1h"}}
    parent = sim.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": parent["metadata"]["uid"], "controller": True}
    child = {**meta, "name": "web-1", "ownerReferences": [owner]}
    sim.create({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": child, "spec": spec})

    Janitor(sim).turn(2 * HOUR)

    assert deletes(sim) == ["web"]
    assert reasons(sim) == ["TimeToLiveExpired"]


def test_an_object_stuck_on_its_finalizer_is_one_event_and_one_delete_in_a_hundred_turns(sim: SimCluster) -> None:
    sim.create(config_map("stuck", {"janitor/ttl": "1h"}, finalizers=["example.org/hold"]))
    janitor = Janitor(sim)

    turns = [janitor.turn(2 * HOUR)] + [janitor.turn(timedelta(seconds=30)) for _ in range(99)]

    assert deletes(sim) == ["stuck"]
    assert reasons(sim) == ["TimeToLiveExpired"]
    assert turns[-1].found.stuck[0].finalizers == ("example.org/hold",)
