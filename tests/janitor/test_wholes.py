from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from janitor import wholes
from janitor.wholes import get_whole, list_whole, object_of
from shared.cluster import Cluster
from shared.errors import Gone, NotFound, ValueProblem
from shared.kinds import CONFIG_MAPS
from shared.simcluster import Fault, SimCluster


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        for number in range(wholes.PAGE_SIZE + 50):
            meta = {"name": f"web-{number}", "namespace": "shop", "labels": {"odd": str(number % 2)}}
            cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"number": str(number)}})
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(max_retries_on_throttling=0), clock=sim.clock) as cluster:
        yield cluster


def test_whole_objects_come_page_by_page(cluster: Cluster) -> None:
    found = list(list_whole(cluster, CONFIG_MAPS, namespace="shop", label_selector="odd=1"))

    assert len(found) == 125
    assert found[0]["data"]["number"]
    assert len(list(list_whole(cluster, CONFIG_MAPS))) > wholes.PAGE_SIZE
    assert cluster.calls["get"] == 3


def test_a_list_that_expires_starts_again_and_gives_nothing_twice(sim: SimCluster, cluster: Cluster) -> None:
    sim.faults.add(Fault(verb="list", resource="configmaps", status=410, every=2, times=1))

    names = [one["metadata"]["name"] for one in list_whole(cluster, CONFIG_MAPS, namespace="shop", label_selector="odd")]

    assert len(names) == len(set(names)) == 250


def test_a_list_that_always_expires_is_given_up(sim: SimCluster, cluster: Cluster) -> None:
    sim.faults.add(Fault(verb="list", resource="configmaps", status=410, every=2))

    with pytest.raises(Gone):
        list(list_whole(cluster, CONFIG_MAPS, namespace="shop"))


def test_one_object(cluster: Cluster) -> None:
    assert get_whole(cluster, CONFIG_MAPS, "shop", "web-1")["data"] == {"number": "1"}
    with pytest.raises(NotFound):
        get_whole(cluster, CONFIG_MAPS, "shop", "nothing")


@pytest.mark.parametrize(("namespace", "name"), [("shop", "../secrets/key"), ("shop/../x", "a"), ("shop", "a/b")])
def test_names_that_would_leave_their_place(cluster: Cluster, namespace: str, name: str) -> None:
    with pytest.raises(ValueProblem):
        get_whole(cluster, CONFIG_MAPS, namespace, name)
    if "/" in namespace:
        with pytest.raises(ValueProblem):
            list(list_whole(cluster, CONFIG_MAPS, namespace=namespace))


def test_the_metadata_of_a_whole_object() -> None:
    assert object_of({"metadata": {"name": "a", "generation": 3}, "spec": 5}).name == "a"
    assert object_of({}).name == ""
    with pytest.raises(msgspec.ValidationError):
        object_of({"metadata": {"name": 5}})
