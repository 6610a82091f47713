from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from janitor.survey import mentioning_types, survey
from shared.cluster import Cluster
from shared.simcluster import Fault, SimCluster

EVERYTHING = frozenset({"pods", "references", "endpoints", "inventory"})
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CLOSED = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}


def crd(plural: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": plural.title()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(max_retries_on_throttling=0), clock=sim.clock) as cluster:
        yield cluster


def names(cluster: Cluster) -> set[str]:
    return {resource.name for resource in mentioning_types(cluster, cluster.discover().preferred())}


def test_custom_types_count_unless_their_schema_says_that_they_mention_nothing(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(crd("rollouts", OPEN))
    sim.create(crd("sizes", CLOSED))

    assert "rollouts.example.org" in names(cluster)
    assert "sizes.example.org" not in names(cluster)
    assert {"cronjobs.batch", "statefulsets.apps", "serviceaccounts"} <= names(cluster)


def test_without_the_schemas_every_custom_type_counts(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(crd("sizes", CLOSED))
    sim.faults.add(Fault(verb="list", resource="customresourcedefinitions", status=403))

    assert "sizes.example.org" in names(cluster)


def test_without_custom_types_no_schema_is_read(cluster: Cluster) -> None:
    names(cluster)

    assert cluster.calls["get"] == 0


def test_a_custom_resource_keeps_its_claim(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(crd("rollouts", OPEN))
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"template": {"spec": {"volumes": volumes}}}
    sim.create(
        {"apiVersion": "example.org/v1", "kind": "Rollouts", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    )

    usage = survey(cluster, cluster.discover().preferred(), EVERYTHING, (), None)

    assert ("PersistentVolumeClaim", "shop", "data") in usage.mentioned
    assert usage.unknown == {}
    assert usage.population["shop"] == 1


def test_in_one_namespace_only(sim: SimCluster, cluster: Cluster) -> None:
    resources = cluster.discover().preferred()
    sim.clear_requests()

    survey(cluster, resources, EVERYTHING, (), ["shop"])

    listed = [request for request in sim.requests if request.resource == "pods"]
    assert {request.namespace for request in listed} == {"shop"}


@pytest.mark.parametrize(
    ("resource", "need"),
    [("pods", "pods"), ("cronjobs", "references"), ("endpointslices", "endpoints"), ("secrets", "inventory")],
)
def test_a_list_that_fails_makes_what_depends_on_it_unknown(sim: SimCluster, cluster: Cluster, resource: str, need: str) -> None:
    resources = cluster.discover().preferred()
    sim.faults.add(Fault(verb="list", resource=resource, status=403))

    usage = survey(cluster, resources, EVERYTHING, (), None)

    assert need in usage.unknown
    assert "forbidden" in usage.unknown[need]


def test_a_group_missing_from_discovery_may_hold_the_one_reference(cluster: Cluster) -> None:
    usage = survey(cluster, cluster.discover().preferred(), EVERYTHING, ("metrics.k8s.io/v1beta1: down",), None)

    assert set(usage.unknown) == {"references", "inventory"}


def test_a_cluster_without_endpoint_slices(cluster: Cluster) -> None:
    assert "endpoints" in survey(cluster, (), frozenset({"endpoints"}), (), None).unknown


def test_nothing_is_read_where_nothing_is_needed(cluster: Cluster) -> None:
    survey(cluster, (), frozenset(), ("x",), None)

    assert sum(cluster.calls.values()) == 0
