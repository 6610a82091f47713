"""StatefulSets and DaemonSets in the living cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.manifests import Team, Workload, manifest

TEAM = Team("shop")
START = datetime(2026, 3, 23, 9, tzinfo=UTC)
CLAIM = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}}


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        sim.namespace("shop")
        yield sim


def database(**spec: Any) -> dict[str, Any]:
    spec = {"volumeClaimTemplates": [CLAIM]} | spec
    return manifest(Workload(kind="StatefulSet", namespace="shop", name="db", team=TEAM, replicas=3, spec=spec))


def names(sim: SimCluster, kind: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in sim.list(kind, "shop")]


def test_ordinal_pods_come_one_after_another(sim: SimCluster) -> None:
    """OrderedReady: the second pod waits for the first; each has its claim, and the claims are bound."""
    sim.create(database())

    sim.advance(timedelta(seconds=20))
    early = names(sim, "pods")
    sim.advance(timedelta(minutes=5))

    assert early == ["db-0"]
    assert names(sim, "pods") == ["db-0", "db-1", "db-2"]
    assert names(sim, "persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    assert {claim["status"]["phase"] for claim in sim.list("persistentvolumeclaims", "shop")} == {"Bound"}
    volumes = sim.list("persistentvolumes")
    assert {volume["spec"]["claimRef"]["name"] for volume in volumes} == {"data-db-0", "data-db-1", "data-db-2"}
    assert volumes[0]["spec"]["capacity"] == {"storage": "8Gi"}
    pod = sim.get("pods", "shop", "db-1")
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-1"
    status = sim.get("statefulsets", "shop", "db")["status"]
    assert (status["replicas"], status["readyReplicas"], status["currentReplicas"]) == (3, 3, 3)
    assert status["currentRevision"] == status["updateRevision"]


def test_parallel_pods_come_at_once(sim: SimCluster) -> None:
    """podManagementPolicy Parallel does not wait."""
    sim.create(database(podManagementPolicy="Parallel"))

    sim.advance(timedelta(seconds=1))

    assert names(sim, "pods") == ["db-0", "db-1", "db-2"]


@pytest.mark.parametrize(
    ("policy", "left"),
    [({}, ["data-db-0", "data-db-1", "data-db-2"]), ({"whenScaled": "Delete", "whenDeleted": "Retain"}, ["data-db-0"])],
    ids=["retained", "deleted"],
)
def test_scaling_down_takes_the_highest_ordinals(sim: SimCluster, policy: dict[str, str], left: list[str]) -> None:
    """Claims stay unless persistentVolumeClaimRetentionPolicy says otherwise."""
    sim.create(database(persistentVolumeClaimRetentionPolicy=policy))
    sim.advance(timedelta(minutes=5))

    sim.patch("statefulsets", "shop", "db", {"spec": {"replicas": 1}})
    sim.advance(timedelta(minutes=1))

    assert names(sim, "pods") == ["db-0"]
    assert names(sim, "persistentvolumeclaims") == left
    assert len(sim.list("persistentvolumes")) == len(left)


def test_a_new_template_replaces_one_pod_at_a_time(sim: SimCluster) -> None:
    """From the highest ordinal down, never two pods missing."""
    sim.create(database())
    sim.advance(timedelta(minutes=5))
    container = sim.get("statefulsets", "shop", "db")["spec"]["template"]["spec"]["containers"][0]

    sim.patch("statefulsets", "shop", "db", {"spec": {"template": {"spec": {"containers": [container | {"image": "new:2"}]}}}})
    ready = []
    for _ in range(40):
        sim.advance(timedelta(seconds=10))
        ready.append(sim.get("statefulsets", "shop", "db")["status"].get("readyReplicas", 0))

    assert min(ready) >= 2
    assert {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")} == {"new:2"}


def daemon(**pod: Any) -> dict[str, Any]:
    return manifest(Workload(kind="DaemonSet", namespace="shop", name="agent", team=TEAM, cpu="50m", memory="64Mi", pod=pod))


def test_a_daemon_runs_on_every_node(sim: SimCluster) -> None:
    """One Ready pod per node, and the status says so."""
    sim.create(daemon())

    sim.advance(timedelta(minutes=2))

    nodes = {node["metadata"]["name"] for node in sim.list("nodes")}
    assert {pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")} == nodes
    status = sim.get("daemonsets", "shop", "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberMisscheduled"]) == (len(nodes), len(nodes), 0)


def test_a_node_selector_that_matches_nothing_stops_a_daemon(sim: SimCluster) -> None:
    """The off-hours trick: no node matches, no pod is left; taking the selector away brings them back."""
    sim.create(daemon())
    sim.advance(timedelta(minutes=2))

    sim.patch("daemonsets", "shop", "agent", {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}})
    sim.advance(timedelta(minutes=1))
    stopped = names(sim, "pods")
    desired = sim.get("daemonsets", "shop", "agent")["status"]["desiredNumberScheduled"]
    sim.patch("daemonsets", "shop", "agent", {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": None}}}}})
    sim.advance(timedelta(minutes=2))

    assert stopped == []
    assert desired == 0
    assert len(names(sim, "pods")) == len(sim.list("nodes"))


def test_daemons_keep_off_tainted_nodes(sim: SimCluster) -> None:
    """A taint that is not tolerated keeps the pod away; the cordon's does not."""
    first, second = [node["metadata"]["name"] for node in sim.list("nodes")]
    sim.patch("nodes", None, first, {"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}})
    sim.patch("nodes", None, second, {"spec": {"unschedulable": True}})

    sim.create(daemon())
    sim.advance(timedelta(minutes=2))

    assert [pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")] == [second]
    assert sim.list("pods", "shop")[0]["status"]["phase"] == "Running"


def test_a_new_daemon_template_replaces_pod_after_pod(sim: SimCluster) -> None:
    """RollingUpdate keeps all but one node served; OnDelete touches nothing."""
    sim.create(daemon())
    sim.create(daemon() | {"metadata": {"name": "idle", "namespace": "shop"}})
    sim.patch("daemonsets", "shop", "idle", {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    sim.advance(timedelta(minutes=2))
    container = sim.get("daemonsets", "shop", "agent")["spec"]["template"]["spec"]["containers"][0]

    ready = []
    for name in ("agent", "idle"):
        sim.patch("daemonsets", "shop", name, {"spec": {"template": {"spec": {"containers": [container | {"image": "new:2"}]}}}})
    for _ in range(30):
        sim.advance(timedelta(seconds=10))
        ready.append(sim.get("daemonsets", "shop", "agent")["status"]["numberReady"])

    images: dict[str, set[str]] = {}
    for pod in sim.list("pods", "shop"):
        images.setdefault(pod["metadata"]["generateName"], set()).add(pod["spec"]["containers"][0]["image"])
    assert min(ready) >= 1
    assert images == {"agent-": {"new:2"}, "idle-": {container["image"]}}


def test_a_daemon_waits_on_a_full_node(sim: SimCluster) -> None:
    """A pod that does not fit stays pending for its node, and the set is deleted whole."""
    huge = manifest(Workload(kind="DaemonSet", namespace="shop", name="agent", team=TEAM, cpu="64", memory="64Mi"))
    sim.create(huge)

    sim.advance(timedelta(minutes=5))
    pending = {pod["status"]["phase"] for pod in sim.list("pods", "shop")}
    nodes = len(sim.list("nodes"))
    sim.delete("daemonsets", "shop", "agent")
    sim.advance(timedelta(minutes=1))

    assert pending == {"Pending"}
    assert nodes == 2
    assert names(sim, "pods") == []


def test_a_failed_ordinal_is_made_anew(sim: SimCluster) -> None:
    """A pod that has ended does not count; its name comes back running."""
    sim.create(database())
    sim.advance(timedelta(minutes=5))

    sim.patch("pods", "shop", "db-1", {"status": {"phase": "Failed"}}, subresource="status")
    sim.advance(timedelta(minutes=2))

    assert sim.get("pods", "shop", "db-1")["status"]["phase"] == "Running"


def test_claims_may_go_with_their_set(sim: SimCluster) -> None:
    """whenDeleted Delete makes the set an owner of its claims; OnDelete leaves old pods alone."""
    policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}
    sim.create(database(updateStrategy={"type": "OnDelete"}, ordinals={"start": 5}, **policy))
    sim.advance(timedelta(minutes=5))
    container = sim.get("statefulsets", "shop", "db")["spec"]["template"]["spec"]["containers"][0]
    sim.patch("statefulsets", "shop", "db", {"spec": {"template": {"spec": {"containers": [container | {"image": "new:2"}]}}}})
    sim.advance(timedelta(minutes=5))
    kept = {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")}
    claims = names(sim, "persistentvolumeclaims")

    sim.delete("statefulsets", "shop", "db")
    sim.advance(timedelta(minutes=1))

    assert kept == {container["image"]}
    assert claims == ["data-db-5", "data-db-6", "data-db-7"]
    assert names(sim, "pods") == names(sim, "persistentvolumeclaims") == []
