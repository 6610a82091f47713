from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.collect import Found, Judge, collect
from janitor.config import Config
from janitor.read import TypePlan, plan_type, read_namespaces
from janitor.rules import parse_rules
from janitor.state import State
from janitor.usage import Usage
from shared.cluster import Cluster
from shared.kinds import CONFIG_MAPS, SECRETS
from shared.simcluster import Fault, SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)
NOW = START + timedelta(hours=2)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(page_size=2), clock=sim.clock) as cluster:
        yield cluster


def judge(cluster: Cluster, **more: Any) -> Judge:
    return replace(Judge(Config(), State(), read_namespaces(cluster, Config().scope), Usage(), NOW), **more)


def config_map(name: str, namespace: str = "shop", **annotations: str) -> dict[str, Any]:
    own = {f"janitor/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, "annotations": own}}


def test_what_has_no_end_is_counted_and_forgotten(sim: SimCluster, cluster: Cluster) -> None:
    for number in range(5):
        sim.create(config_map(f"plain-{number}"))
    sim.create(config_map("later", ttl="3h"))
    sim.create(config_map("later-still", ttl="4h"))
    sim.create(config_map("due", ttl="1h"))
    sim.create(config_map("safe", ttl="1h", protected="true"))

    found = collect(cluster, (TypePlan(CONFIG_MAPS),), judge(cluster))

    assert sorted(one.obj.name for one in found.judged) == ["due", "safe"]
    assert found.reasons["undated", "configmaps"] >= 5
    assert found.counters["configmaps-with-ttl"] == 4
    assert found.next_due == START + timedelta(hours=3)
    assert [one.obj.name for one in found.deletions()] == ["due"]
    assert found.guarded == {"shop": "configmaps shop/safe"}


def test_a_plan_keeps_what_ends_later(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(config_map("later", expires="2027-01-01"))

    found = collect(cluster, (TypePlan(CONFIG_MAPS),), judge(cluster, dated=True))

    assert [str(one) for one in found.judged] == ["configmaps shop/later"]
    assert found.counters["configmaps-with-expiry"] == 1


def test_namespaces_out_of_scope_do_not_count(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(config_map("due", "kube-system", ttl="1h"))

    found = collect(cluster, (TypePlan(CONFIG_MAPS),), judge(cluster))

    assert found.judged == []
    assert found.inside["kube-system"] == 0


def test_a_type_that_two_groups_serve_is_decided_about_once(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(config_map("due", ttl="1h"))
    plan = TypePlan(CONFIG_MAPS, shared=True)

    found = collect(cluster, (plan, plan), judge(cluster))

    assert len(found.deletions()) == 1


def test_a_type_that_cannot_be_listed_is_one_line(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(config_map("due", ttl="1h"))
    sim.faults.add(Fault(verb="list", resource="secrets", status=403))

    found = collect(cluster, (TypePlan(SECRETS), TypePlan(CONFIG_MAPS)), judge(cluster))

    assert [failure.partition(":")[0] for failure in found.failures] == ["secrets"]
    assert len(found.deletions()) == 1


def test_a_list_that_breaks_half_way_decides_nothing_of_its_type(sim: SimCluster, cluster: Cluster) -> None:
    for number in range(5):
        sim.create(config_map(f"due-{number}", ttl="1h"))
    sim.faults.add(Fault(verb="list", resource="configmaps", status=403, every=2))

    assert collect(cluster, (TypePlan(CONFIG_MAPS),), judge(cluster)).judged == []


def test_terminating_objects_are_shown(sim: SimCluster, cluster: Cluster) -> None:
    body = config_map("stuck")
    body["metadata"]["finalizers"] = ["example.org/hold"]
    sim.create(body)
    sim.delete("configmaps", "shop", "stuck")

    found = collect(cluster, (TypePlan(CONFIG_MAPS),), judge(cluster))

    assert [(stuck.key, stuck.finalizers) for stuck in found.stuck] == [("shop/stuck", ("example.org/hold",))]


def test_a_rule_that_cannot_be_evaluated_is_one_line_for_all_objects(sim: SimCluster, cluster: Cluster) -> None:
    for name in ("a", "b"):
        sim.create(config_map(name) | {"data": {"x": "y"}})
    rules = parse_rules("rules: [{id: bad, resources: [cm], jmespath: 'data && abs(data)', ttl: 1h}]", "r")

    found = collect(cluster, (plan_type(CONFIG_MAPS, rules.about(CONFIG_MAPS)),), judge(cluster))

    assert len(found.trouble) == 1
    assert next(iter(found.trouble)).startswith("rule bad cannot be evaluated here")
    assert found.matches == {}


def test_merging() -> None:
    one = Found(releases={("a", "b"): Counter(due=1)}, matches={"u": {"x": 1}}, next_due=NOW)
    one.merge(Found(releases={("a", "b"): Counter(members=2)}, matches={"u": {"y": 2}}, trouble={"t": "where"}))

    assert one.releases == {("a", "b"): Counter(due=1, members=2)}
    assert one.matches == {"u": {"x": 1, "y": 2}}
    assert one.trouble == {"t": "where"}
    assert one.next_due == NOW
