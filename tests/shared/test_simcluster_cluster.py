"""SimCluster itself: starting, stopping, connecting, the clock, and several at once."""

from __future__ import annotations

import http.client
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from shared.cluster import Cluster
from shared.errors import NotFound, UsageError
from shared.kinds import NAMESPACES
from shared.objects import Object
from shared.simcluster import SimClock, SimCluster

START = datetime(2026, 3, 23, tzinfo=UTC)


def test_it_starts_and_stops_quickly_and_leaves_nothing() -> None:
    began = time.monotonic()
    with SimCluster(start=START) as sim, sim.client() as client:
        assert client.call("GET", "/readyz").status == 200
        folder = sim.folder
        threads = threading.active_count()
    sim.stop()

    assert time.monotonic() - began < 2
    assert threading.active_count() < threads
    assert not folder.exists()
    with pytest.raises((OSError, http.client.HTTPException)):
        client.call("GET", "/readyz")


def test_a_cluster_that_never_listened_stops_too() -> None:
    sim = SimCluster(start=START)
    sim.namespace("shop")

    sim.stop()


def test_several_clusters_do_not_know_each_other() -> None:
    with SimCluster(start=START) as first, SimCluster(start=START) as second:
        first.namespace("shop")
        with first.client() as one, second.client() as other:
            assert one.call("GET", "/api/v1/namespaces/shop").status == 200
            assert other.call("GET", "/api/v1/namespaces/shop").status == 404


def test_a_port_that_is_taken() -> None:
    with SimCluster(start=START) as sim, pytest.raises(UsageError, match="cannot listen on"):
        SimCluster(start=START, port=int(sim.url.rpartition(":")[2])).start()


def test_the_client_layer_connects(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection()) as cluster:
        names = [namespace.name for namespace in cluster.list(NAMESPACES, Object)]

    assert names == ["default", "kube-node-lease", "kube-public", "kube-system", "shop"]


def test_a_kubeconfig_is_private_and_stands_alone(sim: SimCluster, tmp_path: Path) -> None:
    path = sim.write_kubeconfig(tmp_path / "config")

    config = yaml.safe_load(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert config["clusters"][0]["cluster"]["server"] == sim.url
    assert config["users"][0]["user"] == {"token": sim.token}


def test_objects_arranged_directly_keep_their_status(sim: SimCluster) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}

    made = sim.create({**pod, "spec": {"containers": [{"name": "a", "image": "b"}]}, "status": {"phase": "Running"}})

    assert made["status"] == {"phase": "Running"}
    assert sim.get("po", "shop", "p") == made
    assert [each["metadata"]["name"] for each in sim.list("pods", "shop")] == ["p"]
    sim.delete("pods", "shop", "p")
    with pytest.raises(NotFound):
        sim.get("pods", "shop", "p")


def test_advancing_moves_the_clock_and_collects_garbage(sim: SimCluster) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "never-was"}
    metadata = {"name": "child", "namespace": "shop", "ownerReferences": [owner]}
    sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    before = sim.clock.now()

    sim.advance(timedelta(hours=1))

    assert sim.clock.now() - before >= timedelta(hours=1)
    with pytest.raises(NotFound):
        sim.get("configmaps", "shop", "child")


def test_a_clock_that_stands_still() -> None:
    clock = SimClock(START)

    clock.sleep(90)
    clock.advance(timedelta(seconds=30))
    clock.sleep(-5)

    assert clock.now() == START + timedelta(minutes=2)
    assert clock.monotonic() == 120
    clock.set(START)
    assert clock.now() == START


def test_a_clock_with_a_speed() -> None:
    clock = SimClock(START, speed=3600)
    began = time.monotonic()
    clock.sleep(180)
    passed = (clock.now() - START).total_seconds()
    clock.speed = 0.0

    assert time.monotonic() - began >= 0.05
    assert passed >= 180
    assert clock.now() == clock.now()


def test_without_a_start_the_clock_is_real() -> None:
    assert SimClock().speed == 1.0
    assert SimClock().now() > START


def test_many_clients_at_once(sim: SimCluster) -> None:
    sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop"}})
    failures: list[int] = []

    def write(index: int) -> None:
        with sim.client() as client:
            for turn in range(10):
                reply = client.patch("/api/v1/namespaces/shop/configmaps/one", {"data": {f"k{index}-{turn}": "v"}})
                if reply.status != 200:
                    failures.append(reply.status)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(sim.get("configmaps", "shop", "one")["data"]) == 80
