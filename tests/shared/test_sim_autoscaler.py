"""The scheduler, the node autoscaler and the node pools of the living cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.autoscaler import best_fit, may_move
from shared.simcluster.clock import SimClock
from shared.simcluster.instance_types import GIB, INSTANCE_TYPES, InstanceType
from shared.simcluster.live import Live, LiveSettings
from shared.simcluster.manifests import Team, Workload, budget, manifest
from shared.simcluster.nodes import DEFAULT_POOLS, Pool, new_node
from shared.simcluster.scheduling import Room, allows, choose, refusal, room_of
from shared.simcluster.store import Store
from shared.simcluster.templates import Demand

TEAM = Team("shop")
START = datetime(2026, 3, 23, 9, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        sim.namespace("shop")
        yield sim


def web(replicas: int, **changes: Any) -> Workload:
    fields: dict[str, Any] = {"name": "web", "cpu": "500m", "memory": "512Mi"} | changes
    return Workload(kind="Deployment", namespace="shop", team=TEAM, replicas=replicas, **fields)


def nodes(sim: SimCluster, pool: str = "") -> list[dict[str, Any]]:
    return [node for node in sim.list("nodes") if pool in (*node["metadata"]["labels"].values(), "")]


def pending(sim: SimCluster) -> list[dict[str, Any]]:
    return [pod for pod in sim.list("pods") if not pod["spec"].get("nodeName")]


def test_a_fresh_cluster_has_its_minimum(sim: SimCluster) -> None:
    """Two nodes of the managed group, labelled and sized as EKS does it."""
    first = nodes(sim)[0]

    labels = first["metadata"]["labels"]
    assert len(nodes(sim)) == 2
    assert labels["eks.amazonaws.com/nodegroup"] == "general"
    assert labels["eks.amazonaws.com/capacityType"] == "ON_DEMAND"
    assert labels["node.kubernetes.io/instance-type"] == "m6i.xlarge"
    assert first["spec"]["providerID"].startswith(f"aws:///{labels['topology.kubernetes.io/zone']}/i-0")
    assert first["status"]["allocatable"]["cpu"] == "3920m"
    assert first["status"]["allocatable"]["pods"] == "58"


def test_pods_that_fit_nowhere_wait_and_get_nodes(sim: SimCluster) -> None:
    """Unschedulable at first, with the scheduler's message; nodes after about 90 seconds; then everything runs."""
    sim.create(manifest(web(30)))

    sim.advance(timedelta(seconds=1))
    waiting = pending(sim)
    sim.advance(timedelta(seconds=80))
    before = len(nodes(sim))
    sim.advance(timedelta(minutes=2))

    [condition] = waiting[0]["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert condition["message"] == "0/2 nodes are available: 2 Insufficient cpu."
    assert before == 2
    assert len(nodes(sim)) == 5
    assert pending(sim) == []
    assert sim.get("deployments", "shop", "web")["status"]["readyReplicas"] == 30


def test_nodes_that_nobody_needs_go(sim: SimCluster) -> None:
    """After a scale-down nodes stay for ten minutes, then go, down to the minimum; the pods left run on."""
    sim.create(manifest(web(30)))
    sim.advance(timedelta(minutes=20))

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 3}})
    sim.advance(timedelta(minutes=9))
    early = len(nodes(sim))
    sim.advance(timedelta(minutes=15))

    assert early == 5
    assert len(nodes(sim)) == 2
    assert sim.get("deployments", "shop", "web")["status"]["readyReplicas"] == 3


def test_flexible_pods_go_to_karpenter_spot_nodes(sim: SimCluster) -> None:
    """Tolerating and selecting the spot pool brings a node of the smallest type that takes them all."""
    sim.create(manifest(web(4, flexible=True)))

    sim.advance(timedelta(minutes=4))

    [spot] = nodes(sim, "spot")
    labels = spot["metadata"]["labels"]
    assert labels["karpenter.sh/capacity-type"] == "spot"
    assert labels["karpenter.sh/nodepool"] == "spot"
    assert labels["node.kubernetes.io/instance-type"] == "m6i.xlarge"
    assert labels["karpenter.k8s.aws/instance-memory"] == "16384"
    assert {pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")} == {spot["metadata"]["name"]}


def test_an_emptied_spot_pool_has_no_nodes(sim: SimCluster) -> None:
    """A pool without a minimum goes to nothing, and comes back when it is needed."""
    sim.create(manifest(web(4, flexible=True)))
    sim.advance(timedelta(minutes=20))

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 0}})
    sim.advance(timedelta(minutes=15))
    emptied = nodes(sim, "spot")
    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 4}})
    sim.advance(timedelta(minutes=4))

    assert emptied == []
    assert sim.get("deployments", "shop", "web")["status"]["readyReplicas"] == 4


def test_a_budget_holds_a_node(sim: SimCluster) -> None:
    """Pods whose budget allows no eviction are not moved for consolidation."""
    guarded = web(30)
    sim.create(manifest(guarded))
    sim.advance(timedelta(minutes=20))
    sim.create(budget(guarded, maxUnavailable=0))

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 5}})
    sim.advance(timedelta(minutes=5))
    used = {pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")}
    sim.advance(timedelta(minutes=40))

    assert used <= {node["metadata"]["name"] for node in nodes(sim)}
    assert {pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")} == used


def test_a_lost_node_takes_its_pods_and_is_replaced(sim: SimCluster) -> None:
    """Deleting a node deletes its pods; their workload makes them anew, and the pool returns to its minimum."""
    sim.create(manifest(web(4)))
    sim.advance(timedelta(minutes=2))
    lost = nodes(sim)[0]["metadata"]["name"]

    sim.delete("nodes", None, lost)
    sim.advance(timedelta(minutes=5))

    assert len(nodes(sim)) == 2
    assert lost not in {pod["spec"]["nodeName"] for pod in sim.list("pods", "shop")}
    assert sim.get("deployments", "shop", "web")["status"]["readyReplicas"] == 4


def test_a_pod_that_no_node_can_take_holds_nobody_up(sim: SimCluster) -> None:
    """It waits for ever; no node is made for it, and superfluous ones still go."""
    sim.create(manifest(web(30)))
    sim.advance(timedelta(minutes=20))
    sim.create(manifest(web(1, name="giant", cpu="200")))

    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 0}})
    sim.advance(timedelta(minutes=30))

    assert len(nodes(sim)) == 2
    assert [pod["metadata"]["name"].partition("-")[0] for pod in pending(sim)] == ["giant"]


def test_a_cordoned_node_takes_no_new_pods(sim: SimCluster) -> None:
    """kubectl cordon keeps pods away; uncordon lets those in that wait."""
    for node in nodes(sim):
        sim.patch("nodes", None, node["metadata"]["name"], {"spec": {"unschedulable": True}})
    sim.create(manifest(web(1)))
    sim.advance(timedelta(seconds=5))
    waiting = len(pending(sim))

    sim.patch("nodes", None, nodes(sim)[0]["metadata"]["name"], {"spec": {"unschedulable": None}})
    sim.advance(timedelta(minutes=1))

    assert waiting == 1
    assert pending(sim) == []


def test_without_pools_no_node_comes_or_goes() -> None:
    """A fleet of somebody else's nodes is left alone."""
    clock = SimClock(START)
    store = Store(clock)
    live = Live(store, clock, settings=LiveSettings(pools=()))
    store.create(store.resource_for("deployments"), manifest(web(2)), trusted=True)

    live.step(clock.advance(timedelta(hours=1)))

    assert store.count(store.resource_for("nodes")) == 0
    assert len(store.list(store.resource_for("pods"))) == 2


def room(cpu: int = 2000, used: int = 0, **changes: Any) -> Room:
    fields: dict[str, Any] = {"name": "n", "labels": {"zone": "a"}, "taints": [], "open": True} | changes
    return Room(cpu=cpu, memory=4 * GIB, pods=10, used_cpu=used, **fields)


@pytest.mark.parametrize(
    ("spec", "changes", "reason"),
    [
        ({}, {}, ""),
        ({}, {"open": False}, "node(s) were not ready"),
        ({"nodeSelector": {"zone": "b"}}, {}, "node(s) didn't match Pod's node affinity/selector"),
        ({}, {"taints": [{"key": "spot", "effect": "NoSchedule"}]}, "node(s) had untolerated taint(s)"),
        ({"tolerations": [{"key": "spot", "operator": "Exists"}]}, {"taints": [{"key": "spot", "effect": "NoSchedule"}]}, ""),
        ({"tolerations": [{"operator": "Exists"}]}, {"taints": [{"key": "any", "value": "x", "effect": "NoExecute"}]}, ""),
        ({}, {"taints": [{"key": "soft", "effect": "PreferNoSchedule"}]}, ""),
    ],
)
def test_where_a_pod_may_go(spec: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    """Readiness, node selection and taints, in the scheduler's words."""
    assert allows(room(**changes), spec) == reason


def test_the_emptiest_node_wins() -> None:
    """Least allocated; what is too full is left out, and the refusal counts the reasons."""
    full, half, empty = room(name="full", used=1900), room(name="half", used=1000), room(name="empty", used=100)
    small, large = Demand(500, GIB), Demand(2500, GIB)

    chosen = choose([full, half, empty], {}, small)

    assert chosen is empty
    assert choose([full], {}, small) is None
    assert refusal([full, half], {}, large) == "0/2 nodes are available: 2 Insufficient cpu."
    assert refusal([], {}, small) == "no nodes available to schedule pods"


def pods(count: int, cpu: str) -> list[dict[str, Any]]:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}
    return [{"spec": {"containers": [container], "tolerations": [{"operator": "Exists"}]}} for _ in range(count)]


@pytest.mark.parametrize(
    ("count", "cpu", "chosen", "left"),
    [(3, "1", "m6i.xlarge", 0), (6, "1", "c7i.2xlarge", 0), (3, "7", "c7i.2xlarge", 2), (1, "9", None, 1)],
    ids=["the smallest that takes all", "a larger one", "the one that takes most", "none takes any"],
)
def test_best_fit(count: int, cpu: str, chosen: str | None, left: int) -> None:
    """Karpenter's choice among the spot pool's types."""
    spot = DEFAULT_POOLS[1]

    def empty(instance: InstanceType) -> Room:
        return room_of(new_node(spot, instance, spot.zones[0], "n", START))

    found = best_fit(pods(count, cpu), spot, empty)

    assert (found[0].name if found else None) == chosen
    assert (len(found[2]) if found else count) == left


@pytest.mark.parametrize(
    ("kind", "annotations", "expected"),
    [
        ("ReplicaSet", {}, True),
        ("Job", {}, False),
        ("", {}, False),
        ("ReplicaSet", {"karpenter.sh/do-not-disrupt": "true"}, False),
        ("ReplicaSet", {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}, False),
    ],
)
def test_which_pods_may_be_moved(kind: str, annotations: dict[str, str], expected: bool) -> None:
    """Only pods that somebody makes anew, no job's, and none that says no."""
    owners = [{"kind": kind, "name": "x", "controller": True}] if kind else []
    pod = {"metadata": {"name": "p", "annotations": annotations, "ownerReferences": owners}}

    assert may_move(pod) is expected


@pytest.mark.parametrize(
    ("name", "vcpu", "gib", "arch", "cpu", "max_pods"),
    [
        ("m6i.large", 2, 8, "amd64", 1930, 29),
        ("m7g.medium", 1, 4, "arm64", 940, 8),
        ("c7i.2xlarge", 8, 16, "amd64", 7910, 58),
        ("r6i.4xlarge", 16, 128, "amd64", 15890, 234),
        ("t3.medium", 2, 4, "amd64", 1930, 17),
    ],
)
def test_instance_types(name: str, vcpu: int, gib: int, arch: str, cpu: int, max_pods: int) -> None:
    """Sizes as AWS lists them; allocatable CPU as EKS reserves it; pods as the CNI limits them."""
    instance = INSTANCE_TYPES[name]

    assert (instance.vcpu, instance.memory, instance.arch) == (vcpu, gib * GIB, arch)
    assert (instance.cpu_allocatable, instance.max_pods) == (cpu, max_pods)
    assert 0.6 * instance.memory < instance.memory_allocatable < 0.96 * instance.memory


def test_a_managed_group_has_one_type() -> None:
    """Of a managed node group only the first type is used."""
    group = Pool(name="g", types=("m6i.large", "m6i.xlarge"))

    assert [each.name for each in group.candidates()] == ["m6i.large"]
