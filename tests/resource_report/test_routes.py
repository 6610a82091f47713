"""Routes to rows: the odd shapes; the usual ones are read from a cluster in test_collect."""

from __future__ import annotations

import msgspec
import pytest

from resource_report.kinds import HttpRoute, Ingress, IngressRoute, RouteGroup, Service
from resource_report.labels import LabelSettings
from resource_report.routes import (
    Backends,
    http_route_routes,
    ingress_route_routes,
    ingress_routes,
    new_row,
    route_group_routes,
)
from resource_report.rows import IngressRow

LABELS = LabelSettings()


def start() -> IngressRow:
    return IngressRow(kind="x", cluster="prod", namespace="shop", name="r")


def test_ingress_with_only_a_default_backend() -> None:
    found = msgspec.convert({"spec": {"defaultBackend": {"service": {"name": "web"}}}}, Ingress)

    assert [(row.host, services) for row, services in ingress_routes(found, start)] == [("", ("web",))]


def test_ingress_rule_without_paths_and_with_a_resource_backend() -> None:
    paths = [{"path": "/a", "backend": {"resource": {"name": "bucket"}}}, {"path": "/b", "backend": {"service": {"name": "web"}}}]
    rules = [{"host": "a"}, {"host": "b", "http": {"paths": paths}}]
    found = msgspec.convert({"spec": {"rules": rules}}, Ingress)

    assert [(row.host, row.rule, services) for row, services in ingress_routes(found, start)] == [
        ("a", "", ()),
        ("b", "/a, /b", ("web",)),
    ]


@pytest.mark.parametrize(
    ("match", "hosts"),
    [
        ("Host(`a.example.org`)", ["a.example.org"]),
        ("Host(`a`, `b`) && PathPrefix(`/x`)", ["a", "b"]),
        ('HostSNI("c")', ["c"]),
        ("PathPrefix(`/x`)", [""]),
        ("HostRegexp(`x.*`)", [""]),
    ],
)
def test_hosts_of_a_traefik_rule(match: str, hosts: list[str]) -> None:
    found = msgspec.convert({"spec": {"routes": [{"match": match}]}}, IngressRoute)

    assert [row.host for row, _ in ingress_route_routes(found, start)] == hosts


def test_routes_without_hosts_are_one_row() -> None:
    assert [row.host for row, _ in http_route_routes(HttpRoute(), start)] == [""]
    assert [row.host for row, _ in route_group_routes(RouteGroup(), start)] == [""]
    assert list(ingress_route_routes(IngressRoute(), start)) == []
    assert list(ingress_routes(Ingress(), start)) == []


def test_application_of_the_objects_own_labels() -> None:
    found = msgspec.convert({"metadata": {"name": "r", "namespace": "shop", "labels": {"app": "web"}}}, Ingress)

    assert new_row("Ingress", "prod", found, LABELS).application == "web"


def test_a_service_that_nobody_asked_for_is_not_remembered() -> None:
    backends = Backends({("shop", "web")}, LABELS)
    for name in ("web", "other"):
        body = {"metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": {"app": name}}}
        backends.see_service(msgspec.convert(body, Service))

    assert backends.application("shop", ["web"]) == "web"
    assert backends.application("shop", ["other"]) == ""
    assert backends.application("elsewhere", ["web"]) == ""
