"""Deployments and ReplicaSets in the living cluster: pods made, scaled, rolled and reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.deployments import REVISION, copied_annotations, rollout_targets, scaled_value
from shared.simcluster.manifests import Team, Workload, manifest
from shared.simcluster.replicasets import deletion_order

TEAM = Team("shop")
START = datetime(2026, 3, 23, 9, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        sim.namespace("shop")
        yield sim


def web(**changes: Any) -> dict[str, Any]:
    return manifest(Workload(kind="Deployment", namespace="shop", name="web", team=TEAM, **({"replicas": 3} | changes)))


def pass_time(sim: SimCluster, **length: float) -> None:
    sim.advance(timedelta(**length))


def test_a_deployment_becomes_ready_pods(sim: SimCluster) -> None:
    """One ReplicaSet with the template's hash, three pods with all that a reader looks for, and a status that adds up."""
    sim.create(web())

    pass_time(sim, minutes=2)

    deployment = sim.get("deployments", "shop", "web")
    [replica_set] = sim.list("replicasets", "shop")
    pods = sim.list("pods", "shop")
    status = deployment["status"]
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"], status["updatedReplicas"]) == (3, 3, 3, 3)
    assert status["observedGeneration"] == deployment["metadata"]["generation"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {"Available": "True", "Progressing": "True"}
    assert deployment["metadata"]["annotations"][REVISION] == "1"
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    assert len(pods) == 3
    for pod in pods:
        assert pod["metadata"]["labels"]["pod-template-hash"] == replica_set["metadata"]["labels"]["pod-template-hash"]
        assert pod["metadata"]["ownerReferences"][0]["name"] == replica_set["metadata"]["name"]
        assert pod["status"]["phase"] == "Running"
        assert pod["status"]["qosClass"] == "Burstable"
        assert pod["status"]["podIP"]
        assert pod["status"]["containerStatuses"][0]["state"]["running"]
        assert pod["spec"]["nodeName"] in {node["metadata"]["name"] for node in sim.list("nodes")}


def test_waking_takes_the_start_up_time(sim: SimCluster) -> None:
    """From nought to ready takes what the pods' annotation says, to the second."""
    sim.create(web(replicas=0, pod_annotations={"simcluster/startup-seconds": "55"}))
    pass_time(sim, minutes=10)

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 2}})
    pass_time(sim, seconds=54)
    before = sim.get("deployments", "shop", "web")["status"].get("readyReplicas", 0)
    pass_time(sim, seconds=1)

    assert before == 0
    assert sim.get("deployments", "shop", "web")["status"]["readyReplicas"] == 2


def test_scaling_to_zero_and_back(sim: SimCluster) -> None:
    """Scaling keeps the ReplicaSet and the revision; at zero nothing is left running."""
    sim.create(web())
    pass_time(sim, minutes=2)

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 0}})
    pass_time(sim, minutes=1)
    at_zero = sim.list("pods", "shop")
    status = sim.get("deployments", "shop", "web")["status"]
    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 2}})
    pass_time(sim, minutes=2)

    assert at_zero == []
    assert status.get("replicas", 0) == 0
    assert len(sim.list("replicasets", "shop")) == 1
    assert len(sim.list("pods", "shop")) == 2
    assert sim.get("deployments", "shop", "web")["metadata"]["annotations"][REVISION] == "1"


def test_annotations_reach_the_replica_set(sim: SimCluster) -> None:
    """All annotations but kubectl's are copied to the current ReplicaSet, later ones too."""
    deployment = web(annotations={"downscaler/uptime": "always", "kubectl.kubernetes.io/last-applied-configuration": "{}"})
    sim.create(deployment)
    pass_time(sim, minutes=1)
    sim.patch("deployments", "shop", "web", {"metadata": {"annotations": {"note": "later"}}})
    pass_time(sim, minutes=1)

    [replica_set] = sim.list("replicasets", "shop")
    annotations = replica_set["metadata"]["annotations"]
    assert annotations["downscaler/uptime"] == "always"
    assert annotations["note"] == "later"
    assert annotations["deployment.kubernetes.io/desired-replicas"] == "3"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations
    assert REVISION not in copied_annotations(deployment)


def test_a_new_template_rolls_to_a_new_replica_set(sim: SimCluster) -> None:
    """The rollout never falls under replicas - maxUnavailable and ends with the old ReplicaSet empty, revision 2."""
    sim.create(web(replicas=4))
    pass_time(sim, minutes=2)
    container = sim.get("deployments", "shop", "web")["spec"]["template"]["spec"]["containers"][0]

    sim.patch("deployments", "shop", "web", {"spec": {"template": {"spec": {"containers": [container | {"image": "new:2"}]}}}})
    ready = []
    for _ in range(30):
        pass_time(sim, seconds=10)
        ready.append(sim.get("deployments", "shop", "web")["status"].get("readyReplicas", 0))

    sizes = sorted(each["spec"]["replicas"] for each in sim.list("replicasets", "shop"))
    assert min(ready) >= 3
    assert sizes == [0, 4]
    assert {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")} == {"new:2"}
    assert sim.get("deployments", "shop", "web")["metadata"]["annotations"][REVISION] == "2"


def test_a_rollback_uses_the_old_replica_set_again(sim: SimCluster) -> None:
    """The old template comes back as revision 3 and makes no third ReplicaSet."""
    sim.create(web())
    pass_time(sim, minutes=2)
    container = sim.get("deployments", "shop", "web")["spec"]["template"]["spec"]["containers"][0]
    for image in ("new:2", container["image"]):
        sim.patch("deployments", "shop", "web", {"spec": {"template": {"spec": {"containers": [container | {"image": image}]}}}})
        pass_time(sim, minutes=10)

    assert len(sim.list("replicasets", "shop")) == 2
    assert {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")} == {container["image"]}
    assert sim.get("deployments", "shop", "web")["metadata"]["annotations"][REVISION] == "3"


def test_recreate_stops_before_it_starts(sim: SimCluster) -> None:
    """With the Recreate strategy no two templates ever run together."""
    sim.create(web(spec={"strategy": {"type": "Recreate"}}))
    pass_time(sim, minutes=2)
    container = sim.get("deployments", "shop", "web")["spec"]["template"]["spec"]["containers"][0]

    sim.patch("deployments", "shop", "web", {"spec": {"template": {"spec": {"containers": [container | {"image": "new:2"}]}}}})
    pass_time(sim, minutes=2)

    assert {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")} == {"new:2"}
    assert len(sim.list("pods", "shop")) == 3


def test_a_deleted_pod_is_replaced_and_a_deleted_deployment_leaves_nothing(sim: SimCluster) -> None:
    """The ReplicaSet makes up for a lost pod; deleting the Deployment takes everything with it."""
    sim.create(web())
    pass_time(sim, minutes=2)
    victim = sim.list("pods", "shop")[0]["metadata"]["name"]

    sim.delete("pods", "shop", victim)
    pass_time(sim, minutes=2)
    names = [pod["metadata"]["name"] for pod in sim.list("pods", "shop")]
    sim.delete("deployments", "shop", "web")
    pass_time(sim, minutes=1)

    assert len(names) == 3
    assert victim not in names
    assert sim.list("pods", "shop") == sim.list("replicasets", "shop") == []


def test_history_is_limited(sim: SimCluster) -> None:
    """Emptied ReplicaSets beyond revisionHistoryLimit are deleted, the oldest first."""
    sim.create(web(replicas=1, spec={"revisionHistoryLimit": 1}))
    container = sim.get("deployments", "shop", "web")["spec"]["template"]["spec"]["containers"][0]
    for number in range(4):
        patch = {"spec": {"template": {"spec": {"containers": [container | {"image": f"new:{number}"}]}}}}
        sim.patch("deployments", "shop", "web", patch)
        pass_time(sim, minutes=5)

    images = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in sim.list("replicasets", "shop")]
    assert sorted(images) == ["new:2", "new:3"]


def test_a_paused_deployment_scales_but_does_not_roll(sim: SimCluster) -> None:
    """While paused the old template keeps running at the new size; resuming rolls it."""
    sim.create(web())
    pass_time(sim, minutes=2)
    container = sim.get("deployments", "shop", "web")["spec"]["template"]["spec"]["containers"][0]
    template = {"spec": {"containers": [container | {"image": "new:2"}]}}

    sim.patch("deployments", "shop", "web", {"spec": {"paused": True, "replicas": 5, "template": template}})
    pass_time(sim, minutes=5)
    paused = [pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")]
    sim.patch("deployments", "shop", "web", {"spec": {"paused": None}})
    pass_time(sim, minutes=10)

    assert paused == [container["image"]] * 5
    assert {pod["spec"]["containers"][0]["image"] for pod in sim.list("pods", "shop")} == {"new:2"}


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [("25%", 4, True, 1), ("25%", 5, True, 2), ("25%", 5, False, 1), (3, 10, True, 3), ("100%", 3, False, 3)],
)
def test_int_or_percent(value: object, total: int, up: bool, expected: int) -> None:
    """Percentages are of the total, rounded as asked; numbers are themselves."""
    assert scaled_value(value, total, up=up) == expected


def replica_set(name: str, replicas: int, available: int) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "availableReplicas": available},
    }


@pytest.mark.parametrize(
    ("replicas", "new", "old", "expected"),
    [
        (4, (0, 0), None, {"new": 4}),
        (4, (0, 0), (4, 4), {"new": 1, "old": 3}),
        (4, (1, 0), (3, 3), {"new": 2}),
        (4, (2, 2), (3, 3), {"new": 2, "old": 1}),
        (0, (0, 0), (4, 4), {"new": 0, "old": 0}),
    ],
    ids=["nothing old", "first step", "wait for the new pod", "new pods are ready", "scaled to zero meanwhile"],
)
def test_rollout_steps(replicas: int, new: tuple[int, int], old: tuple[int, int] | None, expected: dict[str, int]) -> None:
    """Each step stays within maxSurge and maxUnavailable (25 % of 4: one pod each)."""
    deployment = {"metadata": {"name": "web"}, "spec": {"replicas": replicas}}
    others = [replica_set("old", *old)] if old else []

    targets = rollout_targets(deployment, replica_set("new", *new), others)

    assert targets == expected


def test_scale_down_takes_the_least_useful_pods() -> None:
    """Unbound before bound, pending before running, cheap before dear, young before old."""

    def pod(name: str, node: str, phase: str, created: str, cost: str = "0") -> dict[str, Any]:
        ready = [{"type": "Ready", "status": "True"}] if phase == "Running" else []
        return {
            "metadata": {
                "name": name,
                "creationTimestamp": created,
                "annotations": {"controller.kubernetes.io/pod-deletion-cost": cost},
            },
            "spec": {"nodeName": node},
            "status": {"phase": phase, "conditions": ready},
        }

    pods = [
        pod("old", "n", "Running", "2026-03-01T00:00:00Z"),
        pod("young", "n", "Running", "2026-03-02T00:00:00Z"),
        pod("dear", "n", "Running", "2026-03-03T00:00:00Z", cost="5"),
        pod("starting", "n", "Pending", "2026-03-01T00:00:00Z"),
        pod("unbound", "", "Pending", "2026-03-01T00:00:00Z"),
    ]

    assert [each["metadata"]["name"] for each in deletion_order(pods)] == ["unbound", "starting", "young", "old", "dear"]
