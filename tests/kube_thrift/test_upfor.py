"""Asking for uptime: what is written, what is refused, and that the downscaler reads what was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from downscaler.config import read_config
from downscaler.count import Report
from downscaler.main import run_once
from kube_thrift.targets import Target
from kube_thrift.upfor import ask, read_length, scalable
from shared.cluster import Cluster
from shared.errors import NotFound, UsageError
from shared.metrics import Metrics
from shared.simcluster import SimCluster

NIGHT = datetime(2026, 3, 23, 22, tzinfo=UTC)
WEB = Target("deploy", "web")


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}
    body = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": body}


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NIGHT - timedelta(days=1)) as made:
        made.namespace("shop", annotations={"downscaler/uptime": "Mon-Fri 08:00-18:00 UTC"})
        made.create(workload("Deployment", "web"))
        made.advance(timedelta(days=1))
        yield made


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(), clock=sim.clock) as made:
        yield made


def turn(sim: SimCluster, cluster: Cluster) -> int:
    """One turn of the downscaler; returns the size of the Deployment after it."""
    config = read_config(["--once", f"--kubeconfig={cluster.connection.kubeconfig}"], {})
    assert run_once(cluster, config, sim.clock.now(), Report(Metrics("kube-downscaler", "test", sim.clock))).ok
    return int(sim.get("deployments", "shop", "web")["spec"]["replicas"])


def annotations(sim: SimCluster, kind: str, namespace: str | None, name: str) -> dict[str, str]:
    return dict(sim.get(kind, namespace, name)["metadata"].get("annotations") or {})


def test_a_sleeping_workload_wakes_for_as_long_as_was_asked(sim: SimCluster, cluster: Cluster) -> None:
    assert turn(sim, cluster) == 0

    said = ask(cluster, WEB, "shop", "3h", sim.clock.now())

    assert said == (
        "deployments shop/web: up until 2026-03-24T01:00:00Z, 3h from now; asleep now, it wakes in the controller's next turn"
    )
    assert annotations(sim, "deployments", "shop", "web")["downscaler/up-for"] == "3h"
    assert turn(sim, cluster) == 2
    assert annotations(sim, "deployments", "shop", "web") == {"downscaler/up-until": "2026-03-24T01:00:00Z"}
    sim.advance(timedelta(hours=3, minutes=1))
    assert turn(sim, cluster) == 0


def test_a_whole_namespace_wakes(sim: SimCluster, cluster: Cluster) -> None:
    assert turn(sim, cluster) == 0

    assert ask(cluster, Target("ns", "shop"), "elsewhere", "90m", sim.clock.now()) == (
        "namespaces shop: up until 2026-03-23T23:30:00Z, 1h30m from now"
    )
    assert turn(sim, cluster) == 2


def test_a_dry_run_writes_nothing(sim: SimCluster) -> None:
    with Cluster.connect(sim.connection(dry_run=True), clock=sim.clock) as dry:
        assert ask(dry, WEB, "shop", "3h", sim.clock.now()).endswith("(dry run)")
    assert annotations(sim, "deployments", "shop", "web") == {}


@pytest.mark.parametrize(("value", "noted"), [("true", True), ("false", False)])
def test_what_is_excluded_is_pointed_out(sim: SimCluster, cluster: Cluster, value: str, noted: bool) -> None:
    sim.patch("deployments", "shop", "web", {"metadata": {"annotations": {"downscaler/exclude": value}}})

    assert ("downscaler/exclude is set on it" in ask(cluster, WEB, "shop", "1h", sim.clock.now())) is noted


def test_what_belongs_to_somebody_else_is_refused(sim: SimCluster, cluster: Cluster) -> None:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": "1"}
    meta = {"name": "tick-1", "namespace": "shop", "ownerReferences": [owner]}
    sim.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": pod}})

    with pytest.raises(UsageError, match="jobs shop/tick-1: cannot be scaled: it belongs to CronJob tick, ask for that"):
        ask(cluster, Target("job", "tick-1"), "shop", "1h", NIGHT)


def test_what_is_being_deleted_is_refused(sim: SimCluster, cluster: Cluster) -> None:
    sim.patch("deployments", "shop", "web", {"metadata": {"finalizers": ["example.org/wait"]}})
    sim.delete("deployments", "shop", "web")

    with pytest.raises(UsageError, match="deployments shop/web: cannot be scaled: it is being deleted"):
        ask(cluster, WEB, "shop", "1h", NIGHT)


def test_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="deployments shop/nobody"):
        ask(cluster, Target("deploy", "nobody"), "shop", "1h", NIGHT)
    with pytest.raises(NotFound, match="namespaces nowhere"):
        ask(cluster, Target("ns", "nowhere"), "shop", "1h", NIGHT)


@pytest.mark.parametrize("text", ["3", "", "3x", "-1h", "0s", "32d", "1h 30m", "٣h"])
def test_lengths_that_the_controller_would_not_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not understood; accepted: "):
        read_length(text)


@pytest.mark.parametrize(
    ("kind", "known"), [("deploy", "deployments"), ("StatefulSet", "statefulsets"), ("cj", "cronjobs"), ("Namespaces", None)]
)
def test_kinds_by_any_name(kind: str, known: str | None) -> None:
    found = scalable(kind)
    assert (found.id if found else None) == known


@pytest.mark.parametrize("kind", ["pod", "rs", "configmap", "no-such-kind"])
def test_kinds_that_cannot_be_scaled(kind: str) -> None:
    with pytest.raises(UsageError, match="cannot be scaled; accepted: namespace, deployments"):
        scalable(kind)
