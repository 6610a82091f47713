"""Faults on request, and what clients see of them."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest

from shared.errors import Conflict
from shared.simcluster import Fault, SimCluster
from shared.simcluster.client import Client
from shared.simcluster.faults import Faults, Subject

PODS = "/api/v1/pods"
LIST_PODS = Subject("list", "pods", "", "", "bob")
BROKEN = (http.client.HTTPException, OSError)


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def hits(fault: Fault, count: int, subject: Subject = LIST_PODS) -> str:
    faults = Faults(seed=1)
    faults.add(fault)
    return "".join("x" if faults.hit(subject) else "." for _ in range(count))


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        (Fault(), "xxxxxx"),
        (Fault(times=2), "xx...."),
        (Fault(every=3), "..x..x"),
        (Fault(every=2, times=1), ".x...."),
        (Fault(verb="get"), "......"),
        (Fault(resource="pods", verb="list", user="bob"), "xxxxxx"),
        (Fault(namespace="shop"), "......"),
        (Fault(probability=0.0), "......"),
        (Fault(probability=1.0), "xxxxxx"),
    ],
)
def test_which_requests_a_fault_hits(fault: Fault, pattern: str) -> None:
    assert hits(fault, len(pattern)) == pattern


def test_chance_repeats_with_the_seed() -> None:
    first, second = (hits(Fault(probability=0.5), 40) for _ in range(2))

    assert first == second
    assert {"x", "."} == set(first)


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout")]
)
def test_refusals(sim: SimCluster, client: Client, status: int, reason: str) -> None:
    sim.faults.add(Fault(status=status, retry_after=2, times=1))

    reply = client.call("GET", PODS)

    assert (reply.status, reply.json["reason"], reply.headers["retry-after"]) == (status, reason, "2")
    assert client.call("GET", PODS).status == 200


def test_a_refused_write_is_not_carried_out(sim: SimCluster, client: Client) -> None:
    sim.faults.add(Fault(verb="create", status=500, times=1))

    client.call("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "one"}})

    assert "one" not in [obj["metadata"]["name"] for obj in sim.list("configmaps", "shop")]


def test_latency(sim: SimCluster, client: Client) -> None:
    sim.faults.add(Fault(latency=0.2))
    start = time.monotonic()

    assert client.call("GET", PODS).status == 200
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize("drop", ["before", "mid"])
def test_a_dropped_connection(sim: SimCluster, client: Client, drop: str) -> None:
    sim.faults.add(Fault(verb="list", drop=drop, times=1))

    with pytest.raises(BROKEN):
        client.call("GET", PODS)
    assert client.call("GET", PODS).status == 200
    assert [request.status for request in sim.requests] == [0 if drop == "before" else 200, 200]


def test_a_watch_dropped_in_the_middle_of_an_event(sim: SimCluster, client: Client) -> None:
    sim.faults.add(Fault(verb="watch", drop="mid", times=1))

    with pytest.raises((ValueError, *BROKEN)):
        list(client.watch("/api/v1/namespaces?watch=1"))


def test_clearing_ends_all_faults(sim: SimCluster, client: Client) -> None:
    sim.faults.add(Fault(status=500))
    sim.faults.clear()

    assert client.call("GET", PODS).status == 200


def test_a_conflicting_writer_gets_in_first(sim: SimCluster, client: Client) -> None:
    made = sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop"}})
    seen = []

    def write_first(verb: str, resource: str, namespace: str, name: str) -> None:
        seen.append((verb, resource, namespace, name))
        sim.patch(resource, namespace, name, {"data": {"by": "another"}})

    remove = sim.on_write(write_first)
    precondition = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"by": "me"}}
    refused = client.patch("/api/v1/namespaces/shop/configmaps/one", precondition)
    remove()
    accepted = client.patch("/api/v1/namespaces/shop/configmaps/one", {"data": {"by": "me"}})

    assert (refused.status, refused.json["reason"]) == (409, "Conflict")
    assert accepted.json["data"] == {"by": "me"}
    assert seen == [("patch", "configmaps", "shop", "one")]


def test_a_client_killed_before_its_write(sim: SimCluster, client: Client) -> None:
    def kill(verb: str, resource: str, namespace: str, name: str) -> None:
        raise Conflict("killed")

    remove = sim.on_write(kill)
    with pytest.raises(BROKEN):
        client.call("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "one"}})
    remove()

    assert "one" not in [obj["metadata"]["name"] for obj in sim.list("configmaps", "shop")]
    assert client.call("GET", PODS).status == 200
