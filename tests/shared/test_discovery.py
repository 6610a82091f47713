"""Discovery in its three forms, against the embedded cluster and against servers that are older or half broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.cluster import Cluster, Connection
from shared.discovery import Discovery
from shared.errors import ClusterError
from shared.kinds import Resource
from shared.simcluster import SimCluster

Connect = Callable[..., Cluster]
WIDGET = Resource("example.org", "v2", "widgets", "Widget", True, ("get", "list"))
OLD_WIDGET = Resource("example.org", "v1", "widgets", "Widget", True, ("get", "list"))
GADGET = Resource("example.org", "v1", "gadgets", "Gadget", False, ("list",))


def discover(url: str, clock: Any) -> Discovery:
    with Cluster.connect(Connection(server=url), clock=clock) as cluster:
        return cluster.discover()


def test_two_requests_are_enough_for_a_server_of_today(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    found = cluster.discover()
    assert cluster.calls["discover"] == 2
    deployments = next(resource for resource in found.resources if resource.name == "deployments.apps")
    assert (deployments.kind, deployments.version, deployments.namespaced) == ("Deployment", "v1", True)
    assert {"get", "list", "watch", "patch", "delete"} <= set(deployments.verbs)
    assert not next(resource for resource in found.resources if resource.name == "nodes").namespaced
    assert not any("/" in resource.plural for resource in found.resources)


def test_both_forms_of_the_embedded_cluster_agree(
    sim: SimCluster, connect: Connect, scripted: Callable[..., str], clock: Any
) -> None:
    import requests

    def without_aggregation(method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        plain = {"Accept": "application/json", "Authorization": f"Bearer {sim.token}"}
        answer = requests.get(sim.url + path, headers=plain, verify=sim.ca_file, timeout=10)
        return answer.status_code, {}, answer.content

    old = discover(scripted(without_aggregation), clock)
    assert set(old.preferred()) == set(connect().discover().preferred())
    assert old.failures == ()


def test_the_preferred_version_of_each_type() -> None:
    found = Discovery((WIDGET, OLD_WIDGET, GADGET))
    assert found.preferred() == (WIDGET, GADGET)


def item(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    scope = "Namespaced" if resource.namespaced else "Cluster"
    subresource = {"subresource": "status", "responseKind": kind, "verbs": ["get"]}
    return {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": scope,
        "verbs": list(resource.verbs),
        "subresources": [subresource],
    }


def test_an_aggregated_answer_with_a_server_that_is_down(scripted: Callable[..., str], clock: Any) -> None:
    versions = [
        {"version": "v2", "resources": [item(WIDGET), {"resource": "odd"}], "freshness": "Current"},
        {"version": "v1", "resources": [item(OLD_WIDGET), item(GADGET)], "freshness": "Current"},
    ]
    groups = [
        {"metadata": {"name": "example.org"}, "versions": versions},
        {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]},
        {"metadata": {"name": "empty.example"}},
    ]
    documents = {
        "/api": {"kind": "APIGroupDiscoveryList", "items": []},
        "/apis": {"kind": "APIGroupDiscoveryList", "items": groups},
    }
    found = discover(scripted(lambda method, path, headers: (200, {}, json.dumps(documents[path]).encode())), clock)
    assert found.resources == (WIDGET, OLD_WIDGET, GADGET)
    assert found.failures == ("metrics.k8s.io/v1beta1: the server behind it does not answer",)


LEGACY: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list"]},
            {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
        ]
    },
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "example.org",
                "versions": [
                    {"groupVersion": "example.org/v1", "version": "v1"},
                    {"groupVersion": "example.org/v2", "version": "v2"},
                ],
                "preferredVersion": {"groupVersion": "example.org/v2", "version": "v2"},
            },
            {"name": "metrics.k8s.io", "versions": [{"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"}]},
        ],
    },
    "/apis/example.org/v1": {
        "resources": [
            {"name": "widgets", "kind": "Widget", "namespaced": True, "verbs": ["get", "list"]},
            {"name": "gadgets", "kind": "Gadget", "namespaced": False, "verbs": ["list"]},
        ]
    },
    "/apis/example.org/v2": {"resources": [{"name": "widgets", "kind": "Widget", "namespaced": True, "verbs": ["get", "list"]}]},
}


def test_an_older_server_with_a_group_that_is_down(scripted: Callable[..., str], clock: Any) -> None:
    def answer(method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path in LEGACY:
            return 200, {}, json.dumps(LEGACY[path]).encode()
        return 503, {}, b'{"kind": "Status", "message": "no endpoints"}'

    found = discover(scripted(answer), clock)
    assert found.resources == (Resource("", "v1", "pods", "Pod", True, ("list",)), WIDGET, OLD_WIDGET, GADGET)
    assert found.preferred()[1:] == (WIDGET, GADGET)
    assert found.failures == ("metrics.k8s.io/v1beta1: /apis/metrics.k8s.io/v1beta1: server error 503: no endpoints",)


def test_a_server_that_answers_nothing_is_an_error(scripted: Callable[..., str], clock: Any) -> None:
    with pytest.raises(ClusterError):
        discover(scripted(lambda method, path, headers: (500, {}, b"")), clock)
