"""What a Service may have by its type: filled in, cleared and refused, as a table and through the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import Invalid
from shared.simcluster import SimCluster

HTTP = {"port": 80, "protocol": "TCP", "targetPort": 80}
LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "loadBalancerClass": "service.k8s.aws/nlb"}
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as sim:
        yield sim


def create(sim: SimCluster, spec: dict[str, Any], name: str = "web", **annotations: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "annotations": annotations}
    made = sim.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [dict(HTTP)], **spec}})
    return made["spec"]  # type: ignore[no-any-return]


def patch(sim: SimCluster, spec: dict[str, Any], **annotations: str | None) -> dict[str, Any]:
    body = {"metadata": {"annotations": annotations}, "spec": spec}
    return sim.patch("services", "default", "web", body)["spec"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({}, set()),
        ({"type": "NodePort"}, {"externalTrafficPolicy"}),
        ({"type": "LoadBalancer"}, {"externalTrafficPolicy", "allocateLoadBalancerNodePorts"}),
        (LOCAL, {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort", "loadBalancerClass"}),
    ],
)
def test_what_the_server_fills_in(sim: SimCluster, spec: dict[str, Any], fields: set[str]) -> None:
    made = create(sim, spec)
    dependent = {
        "externalTrafficPolicy",
        "allocateLoadBalancerNodePorts",
        "healthCheckNodePort",
        "loadBalancerClass",
        "loadBalancerSourceRanges",
    }
    assert made.keys() & dependent == fields
    assert ("nodePort" in made["ports"][0]) is bool(fields)


def test_a_load_balancer_without_ports_on_the_nodes(sim: SimCluster) -> None:
    made = create(sim, {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False})
    assert "nodePort" not in made["ports"][0]


def test_another_type_clears_what_it_has_no_room_for(sim: SimCluster) -> None:
    before = create(sim, LOCAL)
    port = before["ports"][0]["nodePort"]
    assert patch(sim, {"type": "NodePort"})["ports"][0]["nodePort"] == port
    inside = patch(sim, {"type": "ClusterIP"})
    assert inside["clusterIP"] == before["clusterIP"]
    assert not inside.keys() & {"externalTrafficPolicy", "healthCheckNodePort", "loadBalancerClass"}
    assert inside["ports"] == [HTTP]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "spec.loadBalancerSourceRanges"),
        ({"loadBalancerClass": "a/b"}, "spec.loadBalancerClass"),
        ({"type": "NodePort", "allocateLoadBalancerNodePorts": True}, "spec.allocateLoadBalancerNodePorts"),
        ({"externalTrafficPolicy": "Local"}, "spec.externalTrafficPolicy"),
        ({"ports": [{**HTTP, "nodePort": 30080}]}, "spec.ports[0].nodePort"),
    ],
)
def test_what_the_type_has_no_room_for_is_refused(sim: SimCluster, spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid, match="may") as refused:
        create(sim, spec)
    assert [cause["field"] for cause in refused.value.details["causes"]] == [field]  # type: ignore[attr-defined]


def test_source_ranges_have_to_go_with_the_type(sim: SimCluster) -> None:
    """Unlike the rest they are never cleared by themselves."""
    create(sim, {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}, **{RANGES: "10.0.0.0/8"})
    with pytest.raises(Invalid, match="'LoadBalancer'"):
        patch(sim, {"type": "ClusterIP"})
    with pytest.raises(Invalid, match="load-balancer-source-ranges"):
        patch(sim, {"type": "ClusterIP", "loadBalancerSourceRanges": None})
    assert patch(sim, {"type": "ClusterIP", "loadBalancerSourceRanges": None}, **{RANGES: None})["type"] == "ClusterIP"


def test_a_load_balancer_keeps_its_class(sim: SimCluster) -> None:
    create(sim, {"type": "LoadBalancer"})
    with pytest.raises(Invalid, match="may not change once set"):
        patch(sim, {"loadBalancerClass": "service.k8s.aws/nlb"})
