"""Manifests of workloads from short descriptions: what a fleet is written in. Pure.

The result is what a person would apply: the API server's defaults are added when it is loaded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shared.simcluster.records import JsonObject
from shared.simcluster.templates import ANNOTATION_TIME_ZONE

Extras = dict[str, Any]

_REGISTRY = "registry.example.org"


class Team(msgspec.Struct, frozen=True):
    """Who owns workloads, and where they work."""

    name: str
    zone: str = "Europe/Berlin"


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """One workload. `cpu` and `memory` are the requests of its main container; `annotations` those of the object itself.

    `application` and `component` become labels; `flexible` pods run on the spot pool. `spec` is merged into the object's spec,
    for what only a few workloads have (a schedule, a strategy, volume claims), `pod` into its pods'. `pod_annotations` steer
    the simulated life.
    """

    kind: str
    namespace: str
    name: str
    team: Team
    replicas: int = 1
    cpu: str = "250m"
    memory: str = "512Mi"
    application: str = ""
    component: str = "backend"
    flexible: bool = False
    annotations: dict[str, str] = {}
    pod_annotations: dict[str, str] = {}
    spec: Extras = {}
    pod: Extras = {}


def labels_of(workload: Workload) -> dict[str, str]:
    application = workload.application or workload.name
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/managed-by": "Helm",
        "application": application,
        "component": workload.component,
        "team": workload.team.name,
    }


def _main_container(workload: Workload) -> JsonObject:
    serves = workload.kind in ("Deployment", "StatefulSet")
    probe: JsonObject = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10}
    probe |= {"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
    return {
        "name": workload.name,
        "image": f"{_REGISTRY}/{workload.team.name}/{workload.name}:1.{len(workload.name)}.0",
        "env": [
            {"name": "SERVICE_NAME", "value": workload.name},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
        ],
        **({"ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]} if serves else {}),
        "resources": {"requests": {"cpu": workload.cpu, "memory": workload.memory}, "limits": {"memory": workload.memory}},
        **({"readinessProbe": probe, "livenessProbe": {**probe, "initialDelaySeconds": 15}} if serves else {}),
    }


def _template(workload: Workload, restart: str) -> JsonObject:
    annotations = dict(workload.pod_annotations)
    if workload.team.zone != "Europe/Berlin":
        annotations[ANNOTATION_TIME_ZONE] = workload.team.zone
    flexible: JsonObject = {
        "nodeSelector": {"workload-class": "flexible"},
        "tolerations": [{"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}],
    }
    return {
        "metadata": {"labels": labels_of(workload), **({"annotations": annotations} if annotations else {})},
        "spec": {
            "restartPolicy": restart,
            "containers": [_main_container(workload)],
            **(flexible if workload.flexible else {}),
            **workload.pod,
        },
    }


def _deployment(workload: Workload) -> JsonObject:
    return {"replicas": workload.replicas, "selector": _selector(workload), "template": _template(workload, "Always")}


def _stateful_set(workload: Workload) -> JsonObject:
    return {**_deployment(workload), "serviceName": workload.name}


def _daemon_set(workload: Workload) -> JsonObject:
    return {"selector": _selector(workload), "template": _template(workload, "Always")}


def _job(workload: Workload) -> JsonObject:
    return {"template": _template(workload, "OnFailure")}


def _cron_job(workload: Workload) -> JsonObject:
    return {"schedule": "0 * * * *", "jobTemplate": {"metadata": {"labels": labels_of(workload)}, "spec": _job(workload)}}


def _selector(workload: Workload) -> JsonObject:
    return {"matchLabels": {"app.kubernetes.io/name": workload.name, "team": workload.team.name}}


_KINDS = {
    "Deployment": ("apps/v1", _deployment),
    "StatefulSet": ("apps/v1", _stateful_set),
    "DaemonSet": ("apps/v1", _daemon_set),
    "Job": ("batch/v1", _job),
    "CronJob": ("batch/v1", _cron_job),
}


def _metadata(workload: Workload, name: str) -> JsonObject:
    annotations = {"annotations": dict(workload.annotations)} if workload.annotations else {}
    return {"name": name, "namespace": workload.namespace, "labels": labels_of(workload), **annotations}


def manifest(workload: Workload) -> JsonObject:
    """The object that *workload* describes."""
    api_version, spec = _KINDS[workload.kind]
    return {
        "apiVersion": api_version,
        "kind": workload.kind,
        "metadata": _metadata(workload, workload.name),
        "spec": {**spec(workload), **workload.spec},
    }


def autoscaler(workload: Workload, low: int, high: int, percent: int = 65) -> JsonObject:
    """A HorizontalPodAutoscaler on CPU for *workload*. Annotations stay with the workload."""
    target = {"type": "Utilization", "averageUtilization": percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(msgspec.structs.replace(workload, annotations={}), workload.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def budget(workload: Workload, **limit: object) -> JsonObject:
    """A PodDisruptionBudget for *workload*: `minAvailable=` or `maxUnavailable=`."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(msgspec.structs.replace(workload, annotations={}), workload.name),
        "spec": {**limit, "selector": _selector(workload)},
    }


def service(workload: Workload) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(msgspec.structs.replace(workload, annotations={}), workload.name),
        "spec": {
            "type": "ClusterIP",
            "selector": _selector(workload)["matchLabels"],
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def ingress(workload: Workload, host: str) -> JsonObject:
    backend = {"service": {"name": workload.name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _metadata(msgspec.structs.replace(workload, annotations={}), workload.name),
        "spec": {"ingressClassName": "alb", "rules": [{"host": host, "http": {"paths": [path]}}]},
    }


def namespace(name: str, team: str = "", annotations: dict[str, str] | None = None) -> JsonObject:
    labels = {"kubernetes.io/metadata.name": name, **({"team": team} if team else {})}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels, **({"annotations": annotations} if annotations else {})},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
