"""API objects to rows."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from resource_report.kinds import Namespace, Node, NodeMetrics, Pod, PodMetrics, Vpa
from resource_report.labels import LabelSettings
from resource_report.mapping import (
    MapSettings,
    is_running,
    namespace_row,
    node_row,
    node_usage,
    pod_row,
    pod_usage,
    targets_of,
    workload_of,
)
from shared.errors import ValueProblem
from shared.objects import Meta

SETTINGS = MapSettings("prod", LabelSettings())
GIB = 2**30


def pod(**more: Any) -> Pod:
    body = {
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web", "team": "checkout"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "web:1", "resources": {"requests": {"cpu": "1"}}}]},
        "status": {"phase": "Running"},
    }
    for key, value in more.items():
        body[key] = {**body[key], **value}  # type: ignore[dict-item]
    return msgspec.convert(body, Pod)


@pytest.mark.parametrize(
    ("status", "node", "expected"),
    [
        pytest.param({"phase": "Running"}, "n1", True, id="runs"),
        pytest.param({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}, "n1", True, id="starts"),
        pytest.param({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}, "", False, id="waits"),
        pytest.param({"phase": "Succeeded"}, "n1", False, id="ended"),
        pytest.param({"phase": "Failed"}, "n1", False, id="failed"),
        pytest.param({"phase": "Unknown"}, "n1", False, id="unknown"),
    ],
)
def test_which_pods_hold_resources(status: dict[str, Any], node: str, expected: bool) -> None:
    assert is_running(pod(status=status, spec={"nodeName": node})) is expected


@pytest.mark.parametrize(
    ("kind", "owner", "labels", "expected"),
    [
        pytest.param("ReplicaSet", "web-5d4f", {"pod-template-hash": "5d4f"}, ("Deployment", "web"), id="deployment"),
        pytest.param("ReplicaSet", "web-5d4f", {"rollouts-pod-template-hash": "5d4f"}, ("Rollout", "web"), id="rollout"),
        pytest.param("ReplicaSet", "lonely", {"pod-template-hash": "5d4f"}, ("ReplicaSet", "lonely"), id="replica set"),
        pytest.param("Job", "report-29123456", {}, ("CronJob", "report"), id="cron job"),
        pytest.param("Job", "once", {}, ("Job", "once"), id="job"),
        pytest.param("StatefulSet", "db", {}, ("StatefulSet", "db"), id="stateful set"),
        pytest.param("Node", "n1", {}, ("Node", "kube-proxy"), id="static pod"),
    ],
)
def test_workload(kind: str, owner: str, labels: dict[str, str], expected: tuple[str, str]) -> None:
    name = "kube-proxy-n1" if kind == "Node" else "any"
    meta = {"name": name, "labels": labels, "ownerReferences": [{"kind": kind, "name": owner, "controller": True}]}

    assert workload_of(msgspec.convert(meta, Meta), "n1") == expected


def test_bare_pod_has_no_workload() -> None:
    assert workload_of(Meta(name="x"), "n1") == ("", "")


def test_pod_row() -> None:
    row = pod_row(pod(), SETTINGS, {})

    assert (row.cluster, row.namespace, row.pod, row.node) == ("prod", "shop", "web-1", "n1")
    assert (row.application, row.team, row.team_source, row.user) == ("web", "checkout", "pod", True)
    assert (row.cpu_requests, row.container_images, row.containers) == (1, "web:1", "main")
    assert math.isnan(row.cpu_usage)
    assert math.isnan(row.cpu_provisioned)


def test_system_namespace_is_no_user() -> None:
    assert pod_row(pod(metadata={"namespace": "kube-system"}), SETTINGS, {}).user is False


def test_recommendation_sums_the_containers_that_are_there() -> None:
    owner = {"ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": True}]}
    targets = {("shop", "StatefulSet", "db"): {"main": (0.5, 1.0), "gone": (9.0, 9.0)}}
    row = pod_row(pod(metadata=owner), SETTINGS, targets)

    assert (row.cpu_recommendation, row.memory_recommendation, row.recommendation_source) == (0.5, 1.0, "vpa")


def test_fargate_pod() -> None:
    row = pod_row(pod(metadata={"annotations": {"CapacityProvisioned": "0.5vCPU 1GB"}}), SETTINGS, {})

    assert (row.cpu_provisioned, row.memory_provisioned) == (0.5, GIB)


def test_bad_quantity_names_itself() -> None:
    broken = pod(spec={"containers": [{"name": "x", "resources": {"requests": {"cpu": "lots"}}}]})

    with pytest.raises(ValueProblem, match="lots"):
        pod_row(broken, SETTINGS, {})


NODE = {
    "metadata": {"name": "n1", "labels": {"node.kubernetes.io/instance-type": "m6i.large", "nvidia.com/gpu.replicas": "4"}},
    "spec": {"providerID": "aws:///eu-central-1a/i-1", "unschedulable": True},
    "status": {
        "capacity": {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "8"},
        "allocatable": {"cpu": "1930m", "memory": "7Gi"},
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"kubeletVersion": "v1.34.1", "architecture": "amd64"},
    },
}


def test_node_row() -> None:
    row = node_row(msgspec.convert(NODE, Node), SETTINGS)

    assert (row.instance_type, row.region, row.zone, row.instance_id) == ("m6i.large", "eu-central-1", "eu-central-1a", "i-1")
    assert (row.cpu_capacity, row.cpu_allocatable, row.memory_allocatable) == (2, 1.93, 7 * GIB)
    assert (row.ready, row.schedulable, row.kubelet_version, row.arch) == (True, False, "v1.34.1", "amd64")
    assert (row.gpu_capacity, row.gpu_devices) == (8, 2)


@pytest.mark.parametrize(("label", "devices"), [("2", 2), ("odd", 8)])
def test_gpu_devices_that_a_label_counts(label: str, devices: float) -> None:
    node = {**NODE, "metadata": {"name": "n1", "labels": {"nvidia.com/gpu.count": label}}}

    assert node_row(msgspec.convert(node, Node), SETTINGS).gpu_devices == devices


@pytest.mark.parametrize(
    ("metadata", "team", "source"),
    [
        ({"labels": {"team": "a"}, "annotations": {"team": "b"}}, "a", "namespace"),
        ({"annotations": {"owner": "b"}}, "b", "annotation"),
        ({}, "", ""),
    ],
)
def test_namespace_row(metadata: dict[str, Any], team: str, source: str) -> None:
    found = msgspec.convert({"metadata": {"name": "kube-system", **metadata}, "status": {"phase": "Active"}}, Namespace)
    row = namespace_row(found, SETTINGS)

    assert (row.team, row.team_source, row.status, row.system) == (team, source, "Active", True)


def test_usage_of_a_pod_is_that_of_its_containers() -> None:
    measured = {"containers": [{"usage": {"cpu": "100m", "memory": "1Gi"}}, {"usage": {"cpu": "200m", "memory": "1Gi"}}]}

    assert pod_usage(msgspec.convert(measured, PodMetrics)) == (pytest.approx(0.3), 2 * GIB)
    assert pod_usage(PodMetrics()) is None
    assert node_usage(msgspec.convert({"usage": {"cpu": "1", "memory": "1Gi"}}, NodeMetrics)) == (1, GIB)
    assert node_usage(NodeMetrics()) is None


def test_targets_of_an_autoscaler() -> None:
    recommended = {"containerRecommendations": [{"containerName": "main", "target": {"cpu": "250m", "memory": "1Gi"}}]}
    body = {
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
        "status": {"recommendation": recommended},
    }

    assert targets_of(msgspec.convert(body, Vpa)) == (("shop", "Deployment", "web"), {"main": (0.25, GIB)})
    assert targets_of(msgspec.convert({**body, "status": {}}, Vpa)) is None
    assert targets_of(Vpa()) is None
