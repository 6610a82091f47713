from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from janitor.access import missing, needed, role
from janitor.config import Backup, Config, scope_of
from janitor.policy import Policy
from janitor.read import TypePlan
from janitor.rules import RuleSet, parse_rules
from shared.cluster import Cluster
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS
from shared.simcluster import Fault, SimCluster

PLANS = (TypePlan(CONFIG_MAPS), TypePlan(DEPLOYMENTS))
NAMED = replace(Config(), scope=scope_of(("all",), (), ("shop",), ()))


def needs(config: Config = Config(), rules: RuleSet = RuleSet()) -> set[str]:  # noqa: B008
    return {f"{verb} {resource.name}" for verb, resource in needed(config, PLANS, rules)}


def test_without_warnings_nothing_is_patched() -> None:
    assert "patch configmaps" not in needs()
    assert {
        "list namespaces",
        "get namespaces",
        "create events",
        "get configmaps",
        "list configmaps",
        "delete deployments.apps",
    } <= needs()


@pytest.mark.parametrize("policy", [Policy(notification=timedelta(hours=1)), Policy(quarantine=timedelta(hours=1))])
def test_warnings_are_written_on_the_objects(policy: Policy) -> None:
    assert "patch deployments.apps" in needs(Config(policy=policy))


def test_a_rule_may_need_it_too() -> None:
    rules = parse_rules("rules: [{id: a, resources: [cm], jmespath: kind, ttl: 1h, notify: 1h}]", "r")

    assert "patch deployments.apps" in needs(rules=rules)


def test_named_namespaces_are_not_listed() -> None:
    assert "list namespaces" not in needs(NAMED)


@pytest.mark.parametrize("config", [Config(state=("a", "b")), Config(backup=Backup("configmap:tools"))])
def test_the_janitors_own_config_maps(config: Config) -> None:
    assert {"create configmaps", "patch configmaps"} <= needs(config)


def test_types_with_the_same_verbs_share_a_rule() -> None:
    rules = role(needed(Config(), PLANS, RuleSet()))["rules"]

    assert {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["delete", "get", "list"]} in rules
    assert {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]} in rules


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        yield cluster


def test_what_is_missing(sim: SimCluster) -> None:
    sim.add_user("limited", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"], "namespace": "shop"}])
    with Cluster.connect(sim.connection("limited"), clock=sim.clock) as cluster:
        wide = missing(cluster, Config(), needed(Config(), PLANS, RuleSet()))
        narrow = missing(cluster, NAMED, needed(NAMED, PLANS[:1], RuleSet()))

    assert "delete configmaps" in wide
    assert narrow == ["get namespaces", "create events", "patch events"]


def test_an_administrator_is_asked_once(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        assert missing(cluster, Config(), needed(Config(), PLANS, RuleSet())) == []
        assert cluster.calls["review"] == 1


def test_a_server_that_does_not_say_misses_nothing(sim: SimCluster) -> None:
    sim.faults.add(Fault(resource="selfsubjectaccessreviews", status=403))
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        assert missing(cluster, Config(), needed(Config(), PLANS, RuleSet())) == []
