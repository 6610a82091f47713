"""Beside the test_api_*.py files, where most of applying is shown on the embedded cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from janitor.apply import Hands, Outcome, Result, decide_unmanaged, delete, notify, oldest_first
from janitor.collect import Judge, Judged
from janitor.config import Config, scope_of
from janitor.decide import Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.read import Namespaces
from janitor.state import State
from janitor.usage import Usage
from shared.cluster import Cluster
from shared.kinds import CONFIG_MAPS, NAMESPACES, Resource
from shared.objects import Meta, Object
from shared.simcluster import SimCluster

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
START = NOW - timedelta(hours=2)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        yield cluster


def hands(cluster: Cluster, config: Config = Config()) -> Hands:  # noqa: B008
    judge = Judge(config, State(), Namespaces(), Usage(), NOW)
    return Hands(cluster, judge, {}, cluster.discover().preferred())


def judged(resource: Resource, name: str, namespace: str | None = "shop", hours: int = 1, uid: str = "u") -> Judged:
    due = Due(NOW - timedelta(hours=hours), Trigger.TTL, "janitor/ttl")
    return Judged(resource, Object(metadata=Meta(name=name, namespace=namespace, uid=uid)), Delete(due))


def config_map(sim: SimCluster, name: str = "web", ttl: str = "1h") -> str:
    meta = {"name": name, "namespace": "shop", "annotations": {"janitor/ttl": ttl}}
    return str(sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})["metadata"]["uid"])


def test_the_longest_overdue_goes_first_and_namespaces_last() -> None:
    order = [
        judged(NAMESPACES, "pr-1", None, 9),
        judged(CONFIG_MAPS, "b", hours=1),
        judged(CONFIG_MAPS, "a", hours=1),
        judged(CONFIG_MAPS, "c", hours=5),
    ]

    assert [one.obj.name for one in oldest_first(order)] == ["c", "a", "b", "pr-1"]


def test_an_outcome_is_one_line() -> None:
    assert str(Outcome(judged(CONFIG_MAPS, "web"), Result.WOULD_DELETE, "why")) == "configmaps shop/web: would delete: why"
    assert str(Outcome(judged(CONFIG_MAPS, "web"), Result.GONE)) == "configmaps shop/web: gone"


def test_a_dry_run_asks_nothing(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection(dry_run=True), clock=sim.clock) as cluster:
        ready = hands(cluster)
        sim.clear_requests()
        warning = Notify(Due(NOW, Trigger.TTL, "janitor/ttl"), "janitor/notified", timedelta(hours=1))

        assert delete(judged(CONFIG_MAPS, "web"), ready).result is Result.WOULD_DELETE
        assert notify(judged(CONFIG_MAPS, "web"), warning, ready).result is Result.WOULD_NOTIFY
        assert sim.requests == []


def test_a_server_side_dry_run_deletes_nothing(sim: SimCluster, cluster: Cluster) -> None:
    one = judged(CONFIG_MAPS, "web", uid=config_map(sim))
    ready = hands(cluster)
    ready.server_dry_run = True

    assert delete(one, ready).result is Result.WOULD_DELETE
    assert sim.get("configmaps", "shop", "web")


def test_another_object_of_the_same_name_is_not_the_one(sim: SimCluster, cluster: Cluster) -> None:
    config_map(sim)

    outcome = delete(judged(CONFIG_MAPS, "web", uid="another"), hands(cluster))

    assert (outcome.result, sim.get("configmaps", "shop", "web")["metadata"]["name"]) == (Result.CHANGED, "web")


def test_an_object_that_is_gone(cluster: Cluster) -> None:
    assert delete(judged(CONFIG_MAPS, "web"), hands(cluster)).result is Result.GONE


def test_a_name_that_is_no_name_is_a_failure_and_no_request(sim: SimCluster, cluster: Cluster) -> None:
    ready = hands(cluster)
    sim.clear_requests()

    outcome = delete(judged(CONFIG_MAPS, "../secrets/key"), ready)

    assert outcome.result is Result.FAILED
    assert sim.requests == []


def test_a_namespace_out_of_scope_by_now(sim: SimCluster, cluster: Cluster) -> None:
    one = judged(CONFIG_MAPS, "web", uid=config_map(sim))

    outcome = delete(one, hands(cluster, Config(scope=scope_of(("all",), (), ("all",), ("shop",)))))

    assert outcome.detail == "its namespace is out of scope now"


def test_a_namespace_of_which_not_everything_is_known_stays(sim: SimCluster, cluster: Cluster) -> None:
    made = sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
    ready = hands(cluster)
    ready.incomplete = ("metrics.k8s.io/v1beta1: down",)

    outcome = delete(judged(NAMESPACES, "pr-1", None, uid=made["metadata"]["uid"]), ready)

    assert outcome.result is Result.RESCUED
    assert "not fully known" in outcome.detail


def test_a_member_of_a_release_that_cannot_be_read_is_kept(cluster: Cluster) -> None:
    decision = decide_unmanaged(judged(CONFIG_MAPS, "nothing"), hands(cluster))

    assert isinstance(decision, Keep)
    assert decision.why is Why.UNKNOWN
