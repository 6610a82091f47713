from __future__ import annotations

from collections.abc import Iterator

import pytest

from janitor.annotations import Keys
from janitor.config import Scope, scope_of
from janitor.names import resource_names
from janitor.read import plan_type, plan_types, read_namespaces, unresolved
from janitor.rules import RuleSet, parse_rules
from shared.cluster import Cluster
from shared.errors import Forbidden
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, LEASES, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS, Resource
from shared.simcluster import Fault, SimCluster

VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, verbs=("list", "delete"))
SERVICES = Resource("", "v1", "services", "Service")
KNATIVE = Resource("serving.knative.dev", "v1", "services", "Service")
WIDE, NO_RULES, KEYS = Scope(), RuleSet(), Keys()
KNOWN = [NAMESPACES, PODS, DEPLOYMENTS, CONFIG_MAPS, SERVICES, KNATIVE, LEASES, VOLUMES]


def rules(resources: str, jmespath: str = "metadata.name", more: str = "") -> RuleSet:
    return parse_rules(f"rules: [{{id: a, resources: {resources}, jmespath: {jmespath!r}, ttl: 1h{more}}}]", "r")


def planned(scope: Scope = WIDE, given: RuleSet = NO_RULES, keys: Keys = KEYS) -> list[str]:
    return [plan.resource.name for plan in plan_types(KNOWN, scope, given, keys)]


def test_everything_that_may_be_deleted_is_listed() -> None:
    assert planned() == ["pods", "deployments.apps", "configmaps", "services", "services.serving.knative.dev"]


def test_cluster_scoped_types_only_on_demand() -> None:
    assert "persistentvolumes" in planned(Scope(cluster_scoped=True))


def test_types_that_nothing_can_affect_are_left_out() -> None:
    scope = Scope(annotated=resource_names(["pods"]))

    assert planned(scope) == ["pods"]
    assert planned(scope, rules("[configmaps]")) == ["pods", "configmaps"]


def test_a_label_is_selected_by_the_server() -> None:
    scope = Scope(annotated=resource_names(["pods"]))

    selectors = {plan.resource.plural: plan.selector for plan in plan_types(KNOWN, scope, RuleSet(), Keys(ttl_labels=("ttl",)))}
    several = {plan.resource.plural: plan.selector for plan in plan_types(KNOWN, scope, RuleSet(), Keys(ttl_labels=("ttl", "b")))}

    assert (selectors["pods"], selectors["configmaps"]) == ("", "ttl")
    assert several["configmaps"] == ""


def test_a_kind_that_two_groups_serve_is_compared_by_uid() -> None:
    shared = {plan.resource.name: plan.shared for plan in plan_types(KNOWN, Scope(), RuleSet(), Keys())}

    assert shared["services"]
    assert shared["services.serving.knative.dev"]
    assert not shared["pods"]


@pytest.mark.parametrize(
    ("resource", "given", "whole"),
    [
        (PODS, RuleSet(), False),
        (PODS, rules("[pods]"), False),
        (PODS, rules("[pods]", "status.phase"), True),
        (PODS, rules("[pods]", more=", timestamp: changed"), True),
        (DEPLOYMENTS, rules("[pods]", "status.phase"), False),
        (VOLUMES, RuleSet(), True),
        (SECRETS, rules("[secrets]", "_context.secret_is_not_referenced"), True),
        (PERSISTENT_VOLUME_CLAIMS, rules("[pvc]", "_context.pvc_is_not_referenced"), False),
    ],
)
def test_what_is_read_whole(resource: Resource, given: RuleSet, whole: bool) -> None:
    assert plan_type(resource, given.about(resource)).whole is whole


def test_a_hook_needs_whole_objects() -> None:
    assert plan_type(PODS, (), hook=True).whole


def test_names_that_nothing_answers_to() -> None:
    scope = scope_of(("pods", "widgets"), ("gadgets",), ("all",), ())

    assert unresolved(rules("[pods, things]"), scope, KNOWN) == (
        "rule a (line 1): the cluster serves no resource 'things'",
        "--include-resources: the cluster serves no resource 'widgets'",
        "--exclude-resources: the cluster serves no resource 'gadgets'",
    )
    assert unresolved(RuleSet(), Scope(exclude_resources=resource_names([])), KNOWN) == ()


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop", annotations={"janitor/default-ttl": "x"})
        yield cluster


def test_namespaces_are_one_list(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        found = read_namespaces(cluster, Scope())

        assert {"shop", "default"} <= found.allowed
        assert "kube-system" not in found.allowed
        assert found.view("shop").problem is not None
        assert "could not be read" in found.view("nowhere").unreadable
        assert dict(cluster.calls) == {"list": 1}


def test_named_namespaces_are_read_one_by_one(sim: SimCluster) -> None:
    sim.faults.add(Fault(verb="get", name="default", status=403))
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        found = read_namespaces(cluster, scope_of(("all",), (), ("shop", "default", "nowhere"), ()))

    assert found.allowed == {"shop"}
    assert found.warnings == ["--include-namespaces: there is no namespace 'nowhere'"]
    assert len(found.failures) == 1
    assert found.view("default").unreadable


def test_a_list_that_is_forbidden_ends_the_turn(sim: SimCluster) -> None:
    sim.faults.add(Fault(verb="list", resource="namespaces", status=403))
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster, pytest.raises(Forbidden):
        read_namespaces(cluster, Scope())
