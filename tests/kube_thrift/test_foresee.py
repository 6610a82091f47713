"""Reading for a forecast: autoscalers after their targets, what is assumed is nowhere written, and what fails is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from downscaler.config import Config, read_config
from janitor.selectors import parse_selector
from kube_thrift.foresee import Chosen, Foreseen, foresee
from shared.cluster import Cluster
from shared.simcluster import SimCluster
from tests.kube_thrift.kit import deployment

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
NIGHTS = {"downscaler/downtime": "Mon-Sun 20:00-06:00 UTC"}
KEDA = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {"plural": "scaledobjects", "singular": "scaledobject", "kind": "ScaledObject"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW - timedelta(days=1)) as made:
        made.namespace("shop")
        for name in ("web", "api", "queue"):
            made.create(deployment("shop", name))
        made.advance(timedelta(days=1))
        yield made


def looked(sim: SimCluster, chosen: Chosen, *argv: str, user: str | None = None) -> Foreseen:
    config: Config = read_config([f"--kubeconfig={sim.connection(user).kubeconfig}", *argv], {})
    with Cluster.connect(config.connection, clock=sim.clock) as cluster:
        return foresee(cluster, config, NOW, NOW + timedelta(days=1), chosen)


def test_what_is_assumed_is_on_the_chosen_alone_and_nowhere_on_the_cluster(sim: SimCluster) -> None:
    found = looked(sim, Chosen(parse_selector("app=web"), NIGHTS))

    assert [(each.name, each.hours_down) for each in found.outlooks] == [("web", 10)]
    assert all("annotations" not in each["metadata"] for each in sim.list("deployments"))
    assert [each.hours_down for each in looked(sim, Chosen(assumed=NIGHTS)).outlooks] == [10, 10, 10]


def test_a_scaled_object_sleeps_for_its_target(sim: SimCluster) -> None:
    sim.create(KEDA)
    sim.create(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "queue", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"name": "queue"}, "minReplicaCount": 1},
        }
    )

    found = looked(sim, Chosen(assumed=NIGHTS), "--include-resources=deployments,scaledobjects")

    by_kind = {(each.kind.id, each.name): each for each in found.outlooks}
    # The controller leaves the target to the autoscaler, which is paused; both cores of the target are off then.
    assert by_kind["deployments", "queue"].hours_down == 0
    assert by_kind["scaledobjects", "queue"].saved.cores == 2 * 10
    assert found.failures == []


def test_a_kind_that_the_server_does_not_have_is_no_failure(sim: SimCluster) -> None:
    found = looked(sim, Chosen(), "--include-resources=deployments,rollouts")
    assert ({each.kind.id for each in found.outlooks}, found.failures) == ({"deployments"}, [])


def test_what_does_not_decode_is_named_and_stops_nobody(sim: SimCluster) -> None:
    sim.create(KEDA)
    meta = {"name": "odd", "namespace": "shop"}
    sim.create({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": meta, "spec": {"scaleTargetRef": "queue"}})

    found = looked(sim, Chosen(), "--include-resources=deployments,scaledobjects")

    assert len(found.outlooks) == 3
    assert [line.partition(":")[0] for line in found.failures] == ["scaledobjects shop/odd"]


def test_lists_that_are_refused_are_named(sim: SimCluster) -> None:
    sim.add_user("ann", rules=[{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}])

    found = looked(sim, Chosen(assumed=NIGHTS), user="ann")

    # Without its namespace nothing is known of a workload, so nothing is foretold of it.
    assert [each.hours_down for each in found.outlooks] == [0, 0, 0]
    assert len(found.failures) == 2
