"""Objects of a small cluster for the tests of reading: nodes, pods, routes, and the custom types that a cluster may have."""

from __future__ import annotations

from typing import Any

from shared.simcluster import SimCluster

CUSTOM = {
    "verticalpodautoscalers": ("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler"),
    "routegroups": ("zalando.org", "v1", "RouteGroup"),
    "httproutes": ("gateway.networking.k8s.io", "v1", "HTTPRoute"),
    "ingressroutes": ("traefik.io", "v1alpha1", "IngressRoute"),
}


def add_type(sim: SimCluster, plural: str, *, group: str = "", version: str = "") -> None:
    """Makes the server serve one of the custom types, of another group or version where given."""
    own_group, own_version, kind = CUSTOM[plural]
    group, version = group or own_group, version or own_version
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    sim.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{plural}.{group}",
                "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"},
            },
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": plural, "singular": plural[:-1], "kind": kind, "listKind": f"{kind}List"},
                "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
            },
        }
    )


def node(name: str, *, cpu: str = "4", memory: str = "16Gi", **labels: str) -> dict[str, Any]:
    known = {"node.kubernetes.io/instance-type": "m5.xlarge", "topology.kubernetes.io/region": "eu-central-1"}
    size = {"cpu": cpu, "memory": memory, "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**known, **{key.replace("__", "/"): value for key, value in labels.items()}}},
        "spec": {"providerID": f"aws:///eu-central-1a/i-{name}"},
        "status": {"capacity": size, "allocatable": size, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def pod(namespace: str, name: str, *, on: str = "n1", cpu: str = "1", memory: str = "1Gi", **metadata: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": cpu, "memory": memory}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"nodeName": on, "containers": [{"name": "main", "image": "registry.example.org/web:1", "resources": requests}]},
        "status": {"phase": "Running"},
    }


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    """Owner references to a controller of that kind."""
    version = "batch/v1" if kind == "Job" else "apps/v1"
    return [{"apiVersion": version, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def ingress(namespace: str, name: str, host: str, service: str, **metadata: Any) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}], "tls": [{"hosts": [host], "secretName": "cert"}]},
    }


def service(namespace: str, name: str, selector: dict[str, str] | None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}], **({"selector": selector} if selector else {})},
    }
