"""Services, Ingresses and Gateways, each decision as a named case; the cases are built as in the other conformance tables."""

from __future__ import annotations

import pytest

from tests.downscaler.outcomes import DOWN, Row, kinds, outcome

OFF_CLASS = "kube-downscaler-ingress-class"

ROWS: list[Row] = [
    *kinds(
        "services",
        ("a load balancer", "down ClusterIP", {"type": "LoadBalancer"}, DOWN),
        ("ports on the nodes", "down ClusterIP", {"type": "NodePort"}, DOWN),
        ("inside only", "keep parked", {"type": "ClusterIP"}, DOWN),
        ("no type is inside only", "keep parked", {}, DOWN),
        ("a name only", "keep parked", {"type": "ExternalName"}, DOWN),
        ("a target of one", "keep parked", {"type": "LoadBalancer"}, {**DOWN, "downtime-replicas": "1"}),
        ("a target in percent", "keep refused", {"type": "LoadBalancer"}, {**DOWN, "downtime-replicas": "50%"}),
        ("up", "up LoadBalancer", {"type": "ClusterIP"}, {"original-replicas": "LoadBalancer"}),
        ("up to ports on the nodes", "up NodePort", {"type": "ClusterIP"}, {"original-replicas": "NodePort"}),
        ("up to a name", "up ExternalName", {"type": "ClusterIP"}, {"original-replicas": "ExternalName"}),
        ("half way up by hand", "up LoadBalancer", {"type": "NodePort"}, {"original-replicas": "LoadBalancer"}),
        ("more by hand", "forget", {"type": "LoadBalancer"}, {"original-replicas": "NodePort"}),
        ("more by hand at night", "down ClusterIP", {"type": "LoadBalancer"}, {**DOWN, "original-replicas": "NodePort"}),
        ("a name by hand", "keep refused", {"type": "ExternalName"}, {**DOWN, "original-replicas": "LoadBalancer"}),
        ("the target was raised", "up LoadBalancer", {}, {**DOWN, "downtime-replicas": "1", "original-replicas": "LoadBalancer"}),
        ("record is garbage", "problem", {"type": "ClusterIP"}, {"original-replicas": "loadbalancer"}),
        (
            "what went along is garbage",
            "problem",
            {"type": "ClusterIP"},
            {"original-replicas": "LoadBalancer", "original-fields": "x"},
        ),
        ("a record without an original", "forget", {"type": "LoadBalancer"}, {"original-fields": "{}"}),
    ),
    *kinds("awselbservices", ("a load balancer", "down ClusterIP", {"type": "LoadBalancer"}, DOWN)),
    *kinds("awsnlbservices", ("up", "up LoadBalancer", {"type": "ClusterIP"}, {"original-replicas": "LoadBalancer"})),
    *kinds(
        "ingresses",
        ("a class", "down kube-downscaler-ingress-class", {"ingressClassName": "nginx-internal"}, DOWN),
        ("a class by annotation", "down kube-downscaler-ingress-class", {}, {**DOWN, "kubernetes.io/ingress.class": "alb"}),
        ("no class", "down kube-downscaler-ingress-class", {}, DOWN),
        ("up", "up nginx-internal", {"ingressClassName": OFF_CLASS}, {"original-replicas": "nginx-internal"}),
        ("up to no class", "up -1", {"ingressClassName": OFF_CLASS}, {"original-replicas": "-1"}),
        (
            "up by annotation",
            "up alb",
            {},
            {"kubernetes.io/ingress.class": "kube-downscaler-ingress-class", "original-replicas": "alb"},
        ),
        (
            "the field counts where both are",
            "up nginx",
            {"ingressClassName": OFF_CLASS},
            {"kubernetes.io/ingress.class": "alb", "original-replicas": "nginx"},
        ),
        ("asleep", "keep down", {"ingressClassName": OFF_CLASS}, {**DOWN, "original-replicas": "nginx"}),
        ("asleep by hand", "keep parked", {"ingressClassName": OFF_CLASS}, DOWN),
        ("record is garbage", "problem", {"ingressClassName": OFF_CLASS}, {"original-replicas": "a b"}),
    ),
    *kinds(
        "gateways",
        ("a class", "down kube-downscaler-gateway-class", {"gatewayClassName": "aws-alb"}, DOWN),
        ("no class", "keep unsized", {}, DOWN),
        ("up", "up aws-alb", {"gatewayClassName": "kube-downscaler-gateway-class"}, {"original-replicas": "aws-alb"}),
    ),
    *(
        (
            f"{kind}: one that belongs to another object",
            "keep excluded",
            {"kind": kind, "spec": spec, "own": DOWN, "owner": "Gateway"},
        )
        for kind, spec in (
            ("services", {"type": "LoadBalancer"}),
            ("awselbservices", {"type": "LoadBalancer"}),
            ("ingresses", {"ingressClassName": "nginx"}),
            ("gateways", {"gatewayClassName": "aws-alb"}),
        )
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_exposure(row: Row) -> None:
    assert outcome(**row[2]) == row[1]


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS)
