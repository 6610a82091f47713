"""JSON files: nested as before, rounded, unknown as null."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resource_report.metrics_json import files, rounded
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import Size, sample_report


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {name: json.loads(content) for name, content in files(Views(sample_report(), Currency()))}


def test_metrics_have_all_the_old_keys(made: dict[str, Any]) -> None:
    body = made["metrics.json"]

    assert set(body) >= {
        *("clusters", "teams", "applications", "now", "worker_nodes", "allocatable", "requests", "usage", "user_requests"),
        *("pods", "cost", "cost_per_user_request_hour", "slack_cost", "duration", "version"),
    }
    assert body["clusters"] == 2
    assert body["now"] == "2026-03-23T09:30:00+00:00"
    assert set(body["cost_per_user_request_hour"]) == {"cpu", "memory"}
    assert body["cost"] == round(body["cost"], 2)


def test_a_cluster_holds_its_nodes_and_its_pods_by_namespace_and_name(made: dict[str, Any]) -> None:
    body = made["cluster-metrics.json"]["prod-eu"]

    assert body["api_server_url"] == "https://0.k8s.example.org"
    assert isinstance(body["worker_instance_types"], list)
    assert set(body["requests"]) == {"cpu", "memory"}
    name, pod = next(iter(body["pods"].items()))
    assert name.count("/") == 1
    assert set(pod) >= {"requests", "usage", "recommendation", "application", "team", "cost", "slack_cost", "container_images"}
    node = next(iter(body["nodes"].values()))
    assert set(node) >= {
        "role",
        "instance_type",
        "spot",
        "kubelet_version",
        "cost",
        "capacity",
        "allocatable",
        "requests",
        "usage",
    }
    assert sum(len(cluster["pods"]) for cluster in made["cluster-metrics.json"].values()) == made["metrics.json"]["pods"]
    assert body["ingresses"][0][3].endswith(".example.org")
    assert next(iter(body["namespaces"].values())) == {"status": "Active", "email": "team@example.org", "team": "payments"}


def test_teams_hold_their_own_share_of_their_applications(made: dict[str, Any]) -> None:
    for team in made["team-metrics.json"].values():
        assert sum(app["cost"] for app in team["application"].values()) == pytest.approx(team["cost"], abs=0.05)
        assert team["applications"] == len(team["application"])


def test_an_application_has_its_pods_and_routes_of_every_kind(made: dict[str, Any]) -> None:
    for identity, application in made["application-metrics.json"].items():
        views = Views(sample_report(), Currency())
        own = made[views.names.page("application", identity, ending=".json")]
        assert len(own["pods"]) == application["pods"]
        assert {"ingresses", "routegroups", "ingressroutes", "httproutes"} <= set(own)
        assert set(own["pods"][0]) >= {"cluster", "namespace", "name", "requests", "usage", "cost", "slack_cost"}
        break


def test_what_is_not_measured_is_null() -> None:
    made = {name: json.loads(content) for name, content in files(Views(sample_report(measured=False), Currency()))}

    assert made["metrics.json"]["slack_cost"] is None
    pod = next(iter(made["cluster-metrics.json"]["prod-eu"]["pods"].values()))
    assert pod["usage"] == {"cpu": None, "memory": None}
    assert pod["slack_cost"] is None
    assert pod["cost"] > 0


def test_a_large_report_says_each_thing_once() -> None:
    size = Size(applications=1100, pods=3000)
    made = {name: json.loads(content) for name, content in files(Views(sample_report(size), Currency()))}

    assert len(made["cluster-metrics.json"]["prod-eu"]["pods"]) > 1000
    assert "container_images" not in next(iter(made["cluster-metrics.json"]["prod-eu"]["pods"].values()))
    assert all(
        "pods" not in body or isinstance(body["pods"], int) for name, body in made.items() if name.startswith("application-")
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("cost", 1.23456, 1.23),
        ("slack_cost", float("nan"), None),
        ("cpu_usage", 0.12345, 0.123),
        ("memory_usage", 1234.6, 1235),
        ("pods", 7, 7),
        ("role", "worker", "worker"),
        ("cost", float("inf"), None),
    ],
)
def test_rounding(key: str, value: object, expected: object) -> None:
    assert rounded(key, value) == expected
