from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from janitor.access import missing, needs, places, role_documents
from janitor.config import Backup, Config, scope_of
from janitor.rights import needed
from janitor.rules import RuleSet, parse_rules
from shared.cluster import Cluster
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS
from shared.rights import Grant, Where
from shared.simcluster import Fault, SimCluster

TYPES = (CONFIG_MAPS, DEPLOYMENTS)
SCOPE = scope_of(("configmaps", "deployments"), (), ("all",), ())
ALL = Config(scope=SCOPE)
NAMED = replace(ALL, scope=scope_of(("configmaps",), (), ("shop",), ()), own_namespace="tools")


def grants(config: Config = ALL, rules: RuleSet = RuleSet()) -> list[Grant]:  # noqa: B008
    return needed(config, dry_run=False, types=TYPES, rules=rules)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        yield cluster


def test_what_is_missing(sim: SimCluster) -> None:
    sim.add_user("limited", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"], "namespace": "shop"}])
    with Cluster.connect(sim.connection("limited"), clock=sim.clock) as cluster:
        wide = missing(cluster, ALL, grants())
        narrow = missing(cluster, NAMED, needed(NAMED, dry_run=False, types=TYPES[:1], rules=RuleSet()))

    assert "delete configmaps" in wide
    assert narrow == ["get namespaces", "create events", "patch events", "create events", "patch events"]


def test_a_role_in_a_namespace_counts_for_the_namespace_itself(sim: SimCluster) -> None:
    sim.add_user("here", rules=[{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "namespace": "shop"}])
    with Cluster.connect(sim.connection("here"), clock=sim.clock) as cluster:
        assert missing(cluster, NAMED, [Grant("get", "", "namespaces"), Grant("list", "", "configmaps", name="a")]) == [
            "list configmaps"
        ]


def test_an_administrator_is_asked_once(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        assert missing(cluster, ALL, grants()) == []
        assert cluster.calls["review"] == 1


def test_a_server_that_does_not_say_misses_nothing(sim: SimCluster) -> None:
    sim.faults.add(Fault(resource="selfsubjectaccessreviews", status=403))
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        assert missing(cluster, ALL, grants()) == []


def test_where_rights_hold() -> None:
    config = replace(NAMED, state=("tools", "memory"), backup=Backup("configmap:backups"))

    assert places(config) == {
        Where.WORK: ("shop",),
        Where.CLUSTER: (None,),
        Where.OWN: ("tools",),
        Where.STATE: ("tools",),
        Where.BACKUP: ("backups",),
    }
    assert places(ALL)[Where.WORK] == (None,)
    assert [each["metadata"].get("namespace") for each in role_documents(grants(config), config)] == ["backups", "shop", "tools"]
    assert [each["kind"] for each in role_documents(grants(), ALL)] == ["ClusterRole"]


def test_what_a_cluster_has_decides_what_is_needed(sim: SimCluster) -> None:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    schema = {
        "openAPIV3Schema": {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"claimName": {"type": "string"}}}},
        }
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.org", "scope": "Namespaced", "names": names, "versions": [version]}
    meta = {"name": "widgets.example.org"}
    sim.create({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec})
    rules = parse_rules("rules: [{id: a, resources: [cm], jmespath: _context.configmap_is_not_referenced, ttl: 1h}]", "r")

    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        found = {str(grant) for grant in needs(cluster, ALL, rules)}
        plain = {str(grant) for grant in needs(cluster, ALL, RuleSet())}

    assert {"delete deployments.apps", "list customresourcedefinitions.apiextensions.k8s.io", "list widgets.example.org"} <= found
    assert "list widgets.example.org" not in plain
    assert not any("secrets" in right for right in found | plain)
