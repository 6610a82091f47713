"""The cells that `kubectl get` prints, per type, and ages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.simcluster.catalog import BUILT_IN, Column, Type
from shared.simcluster.podphase import pod_status
from shared.simcluster.printers import human
from shared.simcluster.tables import cells, columns, json_path

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
HOUR_AGO = "2026-03-23T11:00:00Z"
METADATA = {"name": "x", "creationTimestamp": HOUR_AGO}
TYPES = {kind.key: kind for kind in BUILT_IN}
CUSTOM = next(kind for kind in BUILT_IN if kind.key == "leases.coordination.k8s.io")


def row(key: str, obj: dict[str, Any]) -> list[Any]:
    kind = TYPES[key]
    shown = cells(kind, kind.resource, {"metadata": METADATA, **obj}, NOW)
    priorities = [column["priority"] for column in columns(kind, kind.resource)]
    return [cell for cell, priority in zip(shown, priorities, strict=True) if priority == 0]


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (10800 - 1, "179m"),
        (10800, "3h"),
        (3 * 3600 + 720, "3h12m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (51 * 3600, "2d3h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (740 * 86400, "2y10d"),
        (3650 * 86400, "10y"),
    ],
)
def test_ages(length: int, text: str) -> None:
    assert human(timedelta(seconds=length)) == text


HPA_SPEC = {
    "scaleTargetRef": {"kind": "Deployment", "name": "web"},
    "minReplicas": 2,
    "maxReplicas": 5,
    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
}
HPA_STATUS = {
    "currentReplicas": 3,
    "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40}}}],
}


@pytest.mark.parametrize(
    ("key", "obj", "shown"),
    [
        ("namespaces", {"status": {"phase": "Active"}}, ["x", "Active", "60m"]),
        (
            "deployments.apps",
            {"spec": {"replicas": 3}, "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}},
            ["x", "2/3", 3, 2, "60m"],
        ),
        ("deployments.apps", {}, ["x", "0/0", 0, 0, "60m"]),
        ("statefulsets.apps", {"spec": {"replicas": 1}, "status": {}}, ["x", "0/1", "60m"]),
        ("replicasets.apps", {"spec": {"replicas": 2}, "status": {"replicas": 1}}, ["x", 2, 1, 0, "60m"]),
        ("daemonsets.apps", {"status": {"desiredNumberScheduled": 4}}, ["x", 4, 0, 0, 0, 0, "<none>", "60m"]),
        (
            "jobs.batch",
            {
                "spec": {"completions": 1},
                "status": {
                    "succeeded": 1,
                    "startTime": HOUR_AGO,
                    "completionTime": "2026-03-23T11:01:30Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            ["x", "Complete", "1/1", "90s", "60m"],
        ),
        ("jobs.batch", {"spec": {"parallelism": 3}}, ["x", "Running", "0/1 of 3", "", "60m"]),
        (
            "cronjobs.batch",
            {"spec": {"schedule": "* * * * *", "suspend": True}, "status": {"lastScheduleTime": HOUR_AGO, "active": [{}]}},
            ["x", "* * * * *", "<none>", "True", 1, "60m", "60m"],
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            {"spec": HPA_SPEC, "status": HPA_STATUS},
            ["x", "Deployment/web", "cpu: 40%/80%", "2", 5, 3, "60m"],
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            {"spec": {**HPA_SPEC, "metrics": []}},
            ["x", "Deployment/web", "<none>", "2", 5, 0, "60m"],
        ),
        (
            "poddisruptionbudgets.policy",
            {"spec": {"minAvailable": 1}, "status": {"disruptionsAllowed": 2}},
            ["x", "1", "N/A", 2, "60m"],
        ),
        (
            "nodes",
            {
                "spec": {"unschedulable": True},
                "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.32.1"}},
            },
            ["x", "Ready,SchedulingDisabled", "<none>", "60m", "v1.32.1"],
        ),
        ("nodes", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, ["x", "NotReady", "<none>", "60m", ""]),
        (
            "services",
            {
                "spec": {
                    "type": "LoadBalancer",
                    "clusterIP": "10.0.0.1",
                    "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
                }
            },
            ["x", "LoadBalancer", "10.0.0.1", "<pending>", "80:30080/TCP", "60m"],
        ),
        (
            "persistentvolumeclaims",
            {
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "v"},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
            },
            ["x", "Bound", "v", "1Gi", "RWO", "", "<unset>", "60m"],
        ),
        ("configmaps", {"data": {"a": "b"}, "binaryData": {"c": "d"}}, ["x", 2, "60m"]),
        ("limitranges", {}, ["x", "60m"]),
        (
            "events",
            {
                "type": "Normal",
                "reason": "Scaled",
                "message": "m\n",
                "involvedObject": {"kind": "Pod", "name": "p"},
                "lastTimestamp": HOUR_AGO,
                "count": 1,
            },
            ["60m", "Normal", "Scaled", "pod/p", "m"],
        ),
        (
            "events",
            {
                "involvedObject": {"kind": "Pod", "name": "p"},
                "lastTimestamp": HOUR_AGO,
                "firstTimestamp": "2026-03-23T10:00:00Z",
                "count": 4,
            },
            ["60m (x4 over 120m)", "", "", "pod/p", ""],
        ),
    ],
)
def test_rows(key: str, obj: dict[str, Any], shown: list[Any]) -> None:
    assert row(key, obj) == shown


@pytest.mark.parametrize("key", [kind.key for kind in BUILT_IN if not kind.virtual])
def test_no_content_breaks_a_table(key: str) -> None:
    for odd in ("text", [], 7, {"conditions": "text", "replicas": [], "containers": 3, "metrics": [1], "ports": "x"}):
        assert row(key, {"spec": odd, "status": odd, "data": odd})


@pytest.mark.parametrize(
    ("status", "metadata", "shown"),
    [
        ({}, {}, "Unknown"),
        ({"phase": "Pending"}, {}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, {}, "Evicted"),
        ({"phase": "Running"}, {"deletionTimestamp": HOUR_AGO}, "Terminating"),
        (
            {"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            {},
            "CrashLoopBackOff",
        ),
        ({"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]}, {}, "Completed"),
        ({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, {}, "ExitCode:3"),
        ({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}, {}, "Init:0/1"),
        (
            {"phase": "Pending", "initContainerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            {},
            "Init:ImagePullBackOff",
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]},
            {},
            "Init:Error",
        ),
        ({"phase": "Running", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 0}}}]}, {}, "Running"),
    ],
)
def test_the_status_of_a_pod(status: dict[str, Any], metadata: dict[str, Any], shown: str) -> None:
    assert pod_status({"metadata": metadata, "spec": {"initContainers": [{}]}, "status": status}) == shown


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("spec.size", [3]),
        (".spec.list[0].a", [1]),
        (".spec.list[*].a", [1, 2]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".metadata.labels['example.com/a']", ["b"]),
        (".spec.none.deeper", []),
        (".spec.size[0]", []),
        ("$(not a path)", []),
    ],
)
def test_json_paths(path: str, found: list[Any]) -> None:
    obj = {
        "metadata": {"labels": {"example.com/a": "b"}},
        "spec": {"size": 3, "list": [{"a": 1}, {"a": 2}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }

    assert json_path(obj, path) == found


def test_columns_of_a_custom_resource() -> None:
    own = (
        Column("Size", "integer", ".spec.size"),
        Column("On", "boolean", ".spec.on"),
        Column("Tags", "string", ".spec.tags[*]"),
        Column("Since", "date", ".metadata.creationTimestamp"),
        Column("None", "string", ".none"),
    )
    kind = Type(
        resource=CUSTOM.resource,
        served=CUSTOM.served,
        singular="thing",
        custom=True,
        columns={CUSTOM.resource.version: own},
    )
    obj = {"metadata": METADATA, "spec": {"size": 3, "on": False, "tags": ["a", True]}}

    assert cells(kind, kind.resource, obj, NOW) == ["x", 3, False, "a,true", "60m", None]
