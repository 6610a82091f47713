from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from janitor.archive import BackupProblem, Cipher
from janitor.contents import bundle, guarded_by, listable
from janitor.policy import Policy
from janitor.protect import Protection, parse_pattern
from shared.cluster import Cluster
from shared.errors import Forbidden
from shared.kinds import Resource
from shared.simcluster import Fault, SimCluster


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(max_retries_on_throttling=0), clock=sim.clock) as cluster:
        yield cluster


def thing(kind: str, name: str, annotations: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations or {}},
        **body,
    }


def kept(cluster: Cluster, **more: Any) -> set[str]:
    resources = cluster.discover().preferred()
    given: dict[str, Any] = {"cipher": Cipher("k"), "skip_secrets": False} | more
    return {str(one) for one in bundle(cluster, resources, "shop", given.pop("cipher"), **given)}


def test_everything_that_nobody_makes_again(sim: SimCluster, cluster: Cluster) -> None:
    parent = sim.create(thing("ConfigMap", "cfg"))
    sim.create(thing("Secret", "key"))
    sim.create(
        thing(
            "Secret",
            "token",
            type="kubernetes.io/service-account-token",
            annotations={"kubernetes.io/service-account.name": "default"},
        )
    )
    child = thing("ConfigMap", "child")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "cfg", "uid": parent["metadata"]["uid"], "controller": True}
    child["metadata"]["ownerReferences"] = [owner]
    sim.create(child)

    assert kept(cluster) == {"configmaps shop/cfg", "secrets shop/key"}


def test_secrets_without_a_key(sim: SimCluster, cluster: Cluster) -> None:
    sim.create(thing("Secret", "key"))

    with pytest.raises(BackupProblem, match="secrets shop/key: kept"):
        kept(cluster, cipher=None)
    assert kept(cluster, cipher=None, skip_secrets=True) == set()


def test_a_type_that_cannot_be_listed(sim: SimCluster, cluster: Cluster) -> None:
    resources = cluster.discover().preferred()
    sim.faults.add(Fault(verb="list", resource="secrets", status=403))

    with pytest.raises(Forbidden):
        bundle(cluster, resources, "shop", None, skip_secrets=True)
    with pytest.raises(Forbidden):
        guarded_by(cluster, resources, "shop", Policy())


def test_what_keeps_its_namespace(sim: SimCluster, cluster: Cluster) -> None:
    resources = cluster.discover().preferred()
    sim.create(thing("ConfigMap", "cfg"))

    assert guarded_by(cluster, resources, "shop", Policy()) == ""
    assert guarded_by(cluster, resources, "shop", Policy(protection=Protection((parse_pattern("*/cfg"),)))).startswith(
        "it holds configmaps shop/cfg"
    )
    sim.create(thing("Secret", "key", {"janitor/protected": "true"}))
    assert guarded_by(cluster, resources, "shop", Policy()) == "it holds secrets shop/key: the object is marked as protected"


def test_which_types_are_looked_at() -> None:
    verbs = ("list", "delete")
    resources = [
        Resource("", "v1", "pods", "Pod", True, verbs),
        Resource("", "v1", "events", "Event", True, verbs),
        Resource("", "v1", "nodes", "Node", False, verbs),
        Resource("", "v1", "bindings", "Binding", True, ("create",)),
    ]

    assert [resource.plural for resource in listable(resources)] == ["pods"]
