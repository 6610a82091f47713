"""Pods from templates, selectors and the kubelets' part: what the controllers of the living cluster share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.instance_types import GIB, MIB
from shared.simcluster.kubelet import run_seconds, startup_seconds
from shared.simcluster.labels import accepts_node, selects, tolerates
from shared.simcluster.scheduling import room_of
from shared.simcluster.templates import Demand, PodIdentity, demand_of, new_pod, qos_class, suffix, template_hash, workload_name
from shared.simcluster.usage import usage_of, utilisation

START = datetime(2026, 3, 23, 9, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        yield sim


def container(cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    requests = {name: amount for name, amount in (("cpu", cpu), ("memory", memory)) if amount}
    return {"name": "c", "image": "nginx:1", "resources": {"requests": requests}} | more


@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        ({"containers": [container("500m", "1Gi"), container("250m", "512Mi")]}, 750, GIB + 512 * MIB),
        ({"containers": [container("500m", "1Gi")], "initContainers": [container("2", "128Mi")]}, 2000, GIB),
        ({"containers": [container("500m")], "initContainers": [container("100m", restartPolicy="Always")]}, 600, 0),
        ({"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "128Mi"}}, 1250, 128 * MIB),
        ({"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]}, 2000, 0),
        ({"containers": [{"name": "c"}]}, 0, 0),
        ({"containers": [container("a lot", "1Gi")]}, 0, GIB),
        ({}, 0, 0),
    ],
    ids=["sum", "largest init", "sidecar", "overhead", "limits stand in", "nothing", "unreadable", "empty"],
)
def test_what_a_pod_asks_for(spec: dict[str, Any], cpu: int, memory: int) -> None:
    """The scheduler's count, in millicores and bytes."""
    assert demand_of(spec) == Demand(cpu, memory)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: dict[str, Any], expected: str) -> None:
    """By the API's rule on requests and limits."""
    assert qos_class({"containers": [{"name": "c", "resources": resources}]}) == expected


def test_a_new_pod_is_complete() -> None:
    """Template, labels and owner, the service account's token, the node tolerations and the server's defaults."""
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}},
        "spec": {"containers": [container("1")], "initContainers": [container("1")]},
    }
    owner = {"kind": "ReplicaSet", "name": "web-5", "controller": True}

    pod = new_pod(
        template, PodIdentity(namespace="shop", name="web-5-x", owner=owner, labels={"extra": "y"}, generate_name="web-5-")
    )

    assert pod["metadata"]["labels"] == {"app": "web", "extra": "y"}
    assert pod["metadata"]["annotations"] == {"note": "x"}
    assert pod["spec"]["serviceAccountName"] == "default"
    assert {each["key"] for each in pod["spec"]["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }
    [volume] = pod["spec"]["volumes"]
    for each in (*pod["spec"]["containers"], *pod["spec"]["initContainers"]):
        assert each["volumeMounts"][-1]["name"] == volume["name"]
    assert pod["status"]["phase"] == "Pending"


def test_names_and_hashes_depend_on_their_input_alone() -> None:
    """The same in every run; another template, another hash; only letters and digits that Kubernetes generates."""
    first, second = {"spec": {"a": 1, "b": 2}}, {"spec": {"b": 2, "a": 1}}

    assert template_hash(first) == template_hash(second) != template_hash({"spec": {"a": 2}})
    assert suffix(5, "x", 1) == suffix(5, "x", 1) != suffix(5, "x", 2)
    assert set(suffix(12, "any")) <= set("bcdfghjklmnpqrstvwxz2456789")


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"kind": "ReplicaSet", "name": "web-5d4f"}, "web"),
        ({"kind": "Job", "name": "export-29570880"}, "export"),
        ({"kind": "StatefulSet", "name": "db"}, "db"),
        (None, "bare"),
    ],
)
def test_workload_names(owner: dict[str, str] | None, expected: str) -> None:
    """The workload behind a pod, whatever generation of it."""
    owners = [owner | {"controller": True}] if owner else []

    assert workload_name({"metadata": {"name": "bare", "ownerReferences": owners}}) == expected


LABELS = {"app": "web", "tier": "front", "cores": "8"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["4"]}]}, True),
        ({"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["4"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["4"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Roughly"}]}, False),
    ],
)
def test_label_selectors(selector: dict[str, Any] | None, expected: bool) -> None:
    """Labels and expressions must all hold; no selector selects nothing."""
    assert selects(selector, LABELS) is expected


def _has(key: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "Exists"}]}


def _required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"nodeSelector": {"app": "web"}}, True),
        ({"nodeSelector": {"app": "api"}}, False),
        (_required({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}), True),
        (_required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["other"]}]}), False),
        (_required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}), True),
        (_required({}), False),
        (_required(_has("no"), _has("app")), True),
    ],
)
def test_node_selection(spec: dict[str, Any], expected: bool) -> None:
    """Any term of the required affinity, all of a term; an empty term matches nothing."""
    assert accepts_node(spec, "node-1", LABELS) is expected


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], False),
        ([{"operator": "Exists"}], True),
        ([{"key": "spot", "operator": "Exists"}], True),
        ([{"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}], True),
        ([{"key": "spot", "value": "false"}], False),
        ([{"key": "gpu", "operator": "Exists"}], False),
        ([{"key": "spot", "operator": "Exists", "effect": "NoExecute"}], False),
    ],
)
def test_tolerations(tolerations: list[dict[str, str]], expected: bool) -> None:
    """Key, value and effect, each only where it is given."""
    assert tolerates(tolerations, [{"key": "spot", "value": "true", "effect": "NoSchedule"}]) is expected


def test_start_and_run_times_are_the_workloads_own() -> None:
    """Chosen by the workload's name within their ranges, or given by annotation; nonsense counts as not given."""

    def pod(restart: str = "Always", **annotations: str) -> dict[str, Any]:
        owner = {"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}
        steered = {f"simcluster/{key.replace('_', '-')}": value for key, value in annotations.items()}
        return {
            "metadata": {"name": "web-5d4f-x", "namespace": "shop", "ownerReferences": [owner], "annotations": steered},
            "spec": {"restartPolicy": restart},
        }

    assert 25 <= startup_seconds(pod()) <= 55
    assert 3 <= startup_seconds(pod("Never")) <= 8
    assert 60 <= run_seconds(pod("Never")) <= 600
    assert startup_seconds(pod(startup_seconds="12")) == 12
    assert startup_seconds(pod(startup_seconds="soon")) == startup_seconds(pod())


def test_a_bare_pod_runs_and_may_end(sim: SimCluster) -> None:
    """Pods without an owner are scheduled and started too; one that ends by itself ends, with its exit code."""
    spec = {
        "containers": [container("100m", "64Mi")],
        "initContainers": [container("50m", restartPolicy="Always", name="sidecar"), container("50m", name="migrate")],
    }
    sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "serves", "namespace": "default"}, "spec": spec})
    metadata = {"name": "ends", "namespace": "default", "annotations": {"simcluster/exit-code": "3"}}
    sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | {"restartPolicy": "Never"}})

    sim.advance(timedelta(minutes=15))

    serves, ends = sim.get("pods", "default", "serves")["status"], sim.get("pods", "default", "ends")["status"]
    assert (serves["phase"], ends["phase"]) == ("Running", "Failed")
    assert ends["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    assert ["running" in each["state"] for each in serves["initContainerStatuses"]] == [True, False]


def test_a_node_whose_size_cannot_be_read_takes_nothing() -> None:
    """Broken allocatable is no room at all."""
    ready = [{"type": "Ready", "status": "True"}]
    node = {
        "metadata": {"name": "n"},
        "status": {"conditions": ready, "allocatable": {"cpu": "many", "memory": "1Gi", "pods": "5"}},
    }

    room = room_of(node)

    assert room.obstacle(Demand(1, 1)) == "Insufficient cpu"
    assert room.pool == ""


def test_limits_hold_usage_down() -> None:
    """A container never uses more than its limits; utilisation of nobody is unknown."""
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "50m", "memory": "256Mi"}}
    broken = {"requests": {"cpu": "1"}, "limits": {"cpu": "several"}}
    pod = {
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"nodeName": "n", "containers": [{"name": "a", "resources": resources}, {"name": "b", "resources": broken}]},
        "status": {"phase": "Running"},
    }

    figures = usage_of(pod, START)

    assert figures["a"]["cpu"] == 0.05
    assert figures["a"]["memory"] == pytest.approx(0.97 * 256 * MIB)
    assert 0 < figures["b"]["cpu"] < 1
    assert utilisation([], "cpu", START) is None
    assert utilisation([pod], "memory", START) == pytest.approx(0.5, abs=0.4)
    assert utilisation([pod | {"status": {"phase": "Pending"}}], "cpu", START) is None
