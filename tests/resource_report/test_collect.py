"""Reading one cluster: sections that fail, labels and owners, routes, and how many lists it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from resource_report.collect import CollectSettings, Hooks, Memory, collect
from resource_report.hooks import HookRunner
from resource_report.labels import LabelSettings
from resource_report.mapping import MapSettings
from resource_report.rows import Snapshot
from resource_report.teams import TeamMapping, TeamRule
from shared.cluster import Cluster
from shared.errors import ClusterError
from shared.simcluster import Fault, SimCluster
from tests.resource_report.clusters import add_type, ingress, node, owned, pod, service

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
MAPPING = MapSettings("prod", LabelSettings())
GIB = 2**30
Read = Callable[..., Snapshot]


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW) as made:
        made.namespace("shop", labels={"team": "retail"}, annotations={"email": "retail@example.org"})
        made.create(node("n1"))
        yield made


@pytest.fixture
def read(sim: SimCluster) -> Read:
    def reading(
        user: str | None = None,
        memory: Memory | None = None,
        hooks: Hooks | None = None,
        connection: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Snapshot:
        chosen = CollectSettings(**{"mapping": MAPPING, **settings})
        hooks = hooks or Hooks(HookRunner("--map-node-hook", None), HookRunner("--map-pod-hook", None))
        with Cluster.connect(sim.connection(user, **(connection or {})), clock=sim.clock) as cluster:
            return collect(cluster, chosen, hooks, memory or Memory(), sim.clock)

    return reading


def messages(snapshot: Snapshot) -> list[str]:
    return [str(note) for note in snapshot.notifications]


def test_nodes_pods_and_usage(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web", labels={"app": "web"}))
    sim.create(pod("shop", "waiting", on=""))
    sim.set_usage("pods", "shop", "web", {"main": {"cpu": 0.5, "memory": GIB}})
    sim.set_usage("nodes", None, "n1", {"cpu": 1.0, "memory": 2 * GIB})

    found = read()

    assert [row.pod for row in found.pods] == ["web"]
    assert (found.pods[0].cpu_usage, found.pods[0].memory_usage) == (0.5, GIB)
    assert (found.nodes[0].cpu_usage, found.nodes[0].memory_usage) == (1.0, 2 * GIB)
    assert (found.cluster, found.as_of) == ("prod", "2026-03-23T12:00:00Z")
    assert found.notifications == []


def test_a_pod_without_metrics_has_unknown_usage(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web"))

    assert math.isnan(read().pods[0].cpu_usage)


@pytest.mark.parametrize(
    ("resource", "group", "section"),
    [
        pytest.param("namespaces", "", "namespaces", id="namespaces"),
        pytest.param("pods", "metrics.k8s.io", "usage of pods", id="usage of pods"),
        pytest.param("nodes", "metrics.k8s.io", "usage of nodes", id="usage of nodes"),
        pytest.param("ingresses", "networking.k8s.io", "ingresses", id="ingresses"),
        pytest.param("horizontalpodautoscalers", "autoscaling", "horizontalpodautoscalers", id="autoscalers"),
        pytest.param("verticalpodautoscalers", "autoscaling.k8s.io", "verticalpodautoscalers", id="vertical autoscalers"),
        pytest.param("deployments", "apps", "deployments", id="owners"),
    ],
)
def test_a_missing_permission_costs_its_section_and_names_the_rule(
    sim: SimCluster, read: Read, resource: str, group: str, section: str
) -> None:
    add_type(sim, "verticalpodautoscalers")
    sim.namespace("nobody")
    labels = {"pod-template-hash": "1"}
    sim.create(pod("nobody", "web", labels=labels, ownerReferences=owned("ReplicaSet", "web-1")))
    everything = ["nodes", "pods", "namespaces", "ingresses", "horizontalpodautoscalers", "verticalpodautoscalers"]
    everything += ["deployments", "services"]
    groups = ["", "metrics.k8s.io", "networking.k8s.io", "autoscaling", "autoscaling.k8s.io", "apps"]
    rules = [
        {"apiGroups": [at], "resources": [name for name in everything if (name, at) != (resource, group)], "verbs": ["list"]}
        for at in groups
    ]
    sim.add_user("reader", rules=rules)

    found = read("reader")

    assert len(found.pods) == len(found.nodes) == 1
    assert [note.subject for note in found.notifications] == [section]
    rule = f'apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["list"]'
    assert found.notifications[0].remedy == f"add to the report's ClusterRole: {rule}"


@pytest.mark.parametrize("resource", ["nodes", "pods"])
def test_nodes_and_pods_are_essential(sim: SimCluster, read: Read, resource: str) -> None:
    names = [name for name in ("nodes", "pods", "namespaces") if name != resource]
    rules = [{"apiGroups": [""], "resources": names, "verbs": ["list"]}]
    sim.add_user("reader", rules=rules)

    with pytest.raises(ClusterError, match=resource):
        read("reader")


def test_an_object_that_cannot_be_read_is_left_out_and_named(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "good"))
    with sim.store.lock:
        broken = sim.create(pod("shop", "bad"))
        broken["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "lots"}}
        sim.store.create(
            sim.store.resource_for("pods"), {**broken, "metadata": {"name": "odd", "namespace": "shop"}}, trusted=True
        )

    found = read()

    assert sorted(row.pod for row in found.pods) == ["bad", "good"]
    assert any("pods/shop/odd" in text and "lots" in text for text in messages(found))


def test_many_bad_objects_are_counted_and_not_all_listed(sim: SimCluster, read: Read) -> None:
    body = pod("shop", "x")
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "lots"}}
    for number in range(30):
        named = {**body, "metadata": {"name": f"odd-{number}", "namespace": "shop"}}
        sim.store.create(sim.store.resource_for("pods"), named, trusted=True)

    found = messages(read())

    assert len(found) == 21
    assert found[-1] == "prod: pods: 10 more objects could not be read"


# ---- teams


def test_team_comes_from_the_first_that_names_one(sim: SimCluster, read: Read) -> None:
    sim.namespace("bare", annotations={"owner": "annotated"})
    sim.namespace("mapped")
    template = {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    sim.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "shop", "labels": {"team": "api-team"}},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "api"}}, "template": template},
        }
    )
    hashed = {"pod-template-hash": "5d4f", "app": "api"}
    sim.create(pod("shop", "own", labels={"team": "pod-team"}))
    sim.create(pod("shop", "api-5d4f-1", labels=hashed, ownerReferences=owned("ReplicaSet", "api-5d4f")))
    sim.create(pod("shop", "bare"))
    sim.create(pod("bare", "one"))
    sim.create(pod("mapped", "two", labels={"app": "billing"}))
    rule = TeamRule(re.compile("mapped"), re.compile("bill.*"), "finance")

    found = {row.pod: (row.team, row.team_source) for row in read(teams=TeamMapping((rule,))).pods}

    assert found == {
        "own": ("pod-team", "pod"),
        "api-5d4f-1": ("api-team", "workload"),
        "bare": ("retail", "namespace"),
        "one": ("annotated", "annotation"),
        "two": ("finance", "mapping"),
    }


def test_a_job_with_a_number_is_no_cron_job_unless_there_is_one(sim: SimCluster, read: Read) -> None:
    sim.create(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "report", "namespace": "shop"},
            "spec": {
                "schedule": "0 * * * *",
                "jobTemplate": {
                    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "x", "image": "x"}]}}}
                },
            },
        }
    )
    sim.create(pod("shop", "a", ownerReferences=owned("Job", "report-29123456")))
    sim.create(pod("shop", "b", ownerReferences=owned("Job", "import-20260323")))

    found = {row.pod: (row.workload_kind, row.workload) for row in read().pods}

    assert found == {"a": ("CronJob", "report"), "b": ("Job", "import-20260323")}


# ---- autoscalers


@pytest.mark.parametrize("version", ["v1", "v1beta2"])
def test_vertical_autoscaler_of_either_version(sim: SimCluster, read: Read, version: str) -> None:
    add_type(sim, "verticalpodautoscalers", version=version)
    recommended = {"containerRecommendations": [{"containerName": "main", "target": {"cpu": "250m", "memory": "1Gi"}}]}
    sim.create(
        {
            "apiVersion": f"autoscaling.k8s.io/{version}",
            "kind": "VerticalPodAutoscaler",
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}},
            "status": {"recommendation": recommended},
        }
    )
    sim.create(pod("shop", "db-0", ownerReferences=owned("StatefulSet", "db")))

    found = read()

    assert (found.pods[0].cpu_recommendation, found.pods[0].recommendation_source) == (0.25, "vpa")
    assert [(row.workload_kind, row.workload, row.vpa) for row in found.workloads] == [("StatefulSet", "db", True)]


def test_horizontal_autoscaler(sim: SimCluster, read: Read) -> None:
    sim.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9},
        }
    )

    assert [(row.workload_kind, row.workload, row.hpa) for row in read().workloads] == [("Deployment", "web", "1-9")]


def test_without_a_metrics_api_usage_is_unknown_and_said(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web"))
    with sim.store.lock:
        for kind in [kind for kind in sim.store.registry if kind.resource.group == "metrics.k8s.io"]:
            sim.store.registry.remove(kind.key)

    found = read()

    assert math.isnan(found.pods[0].cpu_usage)
    assert [note.remedy for note in found.notifications] == ["install metrics-server"]


# ---- routes


def test_ingress_without_a_label_gets_the_application_behind_it(sim: SimCluster, read: Read) -> None:
    sim.create(service("shop", "by-selector", {"app": "web"}))
    sim.create(service("shop", "by-pods", {"tier": "front"}))
    sim.create(service("shop", "by-two", {"shared": "yes"}))
    sim.create(service("shop", "no-selector", None))
    for name in ("by-selector", "by-pods", "by-two", "no-selector", "missing"):
        sim.create(ingress("shop", name, f"{name}.example.org", name))
    sim.create(ingress("shop", "labelled", "labelled.example.org", "by-pods", labels={"app": "own"}))
    sim.create(pod("shop", "a", labels={"tier": "front", "app": "shopfront", "shared": "yes"}))
    sim.create(pod("shop", "b", labels={"app": "other", "shared": "yes"}))

    found = {row.name: row.application for row in read().ingresses}

    assert found == {
        "by-selector": "web",
        "by-pods": "shopfront",
        "by-two": "",
        "no-selector": "",
        "missing": "",
        "labelled": "own",
    }


def test_every_kind_of_route(sim: SimCluster, read: Read) -> None:
    for plural in ("routegroups", "httproutes", "ingressroutes"):
        add_type(sim, plural)
    add_type(sim, "ingressroutes", group="traefik.containo.us")
    named = {"metadata": {"name": "r", "namespace": "shop", "labels": {"app": "web"}}}
    sim.create({"apiVersion": "zalando.org/v1", "kind": "RouteGroup", **named,
                "spec": {"hosts": ["a.example.org", "b.example.org"],
                         "backends": [{"name": "x", "serviceName": "web"}]}})  # fmt: skip
    sim.create({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", **named,
                "spec": {"hostnames": ["c.example.org"], "rules": [{"backendRefs": [{"name": "web"}]}]}})  # fmt: skip
    routes = [
        {"match": "Host(`d.example.org`) || Host(`e.example.org`)", "services": [{"name": "web"}]},
        {"match": "PathPrefix(`/x`)", "services": [{"name": "x"}, {"name": "y"}]},
    ]
    for group in ("traefik.io", "traefik.containo.us"):
        sim.create({"apiVersion": f"{group}/v1alpha1", "kind": "IngressRoute", **named,
                    "spec": {"routes": routes, "tls": {"certResolver": "acme"}}})  # fmt: skip

    found = read(route_groups=True, ingress_routes=True)

    rows = [(row.kind, row.host, row.backend, row.tls) for row in found.ingresses]
    traefik = [
        ("IngressRoute", "d.example.org", "web", "acme"),
        ("IngressRoute", "e.example.org", "web", "acme"),
        ("IngressRoute", "", "x, y", "acme"),
    ]
    assert rows == [
        ("HTTPRoute", "c.example.org", "web", ""),
        ("RouteGroup", "a.example.org", "web", ""),
        ("RouteGroup", "b.example.org", "web", ""),
        *traefik,
        *traefik,
    ]
    assert {row.application for row in found.ingresses} == {"web"}
    assert {row.kind for row in read().ingresses} == {"HTTPRoute"}


# ---- what it costs, and what goes wrong


def test_lists_only_what_is_served(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web", labels={"team": "a"}))
    sim.clear_requests()

    read()

    lists = {(request.group, request.resource) for request in sim.requests if request.verb == "list"}
    assert lists == {
        ("", "nodes"),
        ("", "pods"),
        ("", "namespaces"),
        ("metrics.k8s.io", "nodes"),
        ("metrics.k8s.io", "pods"),
        ("networking.k8s.io", "ingresses"),
        ("autoscaling", "horizontalpodautoscalers"),
    }
    assert {request.verb for request in sim.requests} <= {"list", "get"}


def test_without_discovery_everything_is_tried(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web"))
    sim.faults.add(Fault(verb="get", status=403, times=4))

    found = read(connection={"max_retries_on_throttling": 0})

    assert len(found.pods) == 1
    assert found.notifications[0].subject == "API discovery"


def test_pages(sim: SimCluster, read: Read) -> None:
    for number in range(25):
        sim.create(pod("shop", f"web-{number}"))

    assert len(read(connection={"page_size": 10}).pods) == 25


def test_nodes_left_out_and_virtual_nodes(sim: SimCluster, read: Read) -> None:
    sim.create(node("out", pool="gpu"))
    sim.create(node("similar", pool="gpu-large"))
    sim.create(node("virtual", type="virtual-kubelet"))

    found = read(exclude_nodes=(("pool", "gpu"),))

    assert [row.node for row in found.nodes] == ["n1", "similar"]
    assert found.excluded_nodes == ["out", "virtual"]


def test_samples_of_one_run_are_averaged_and_runs_are_smoothed(sim: SimCluster, read: Read) -> None:
    sim.create(pod("shop", "web"))
    memory = Memory()
    sim.set_usage("pods", "shop", "web", {"main": {"cpu": 1.0, "memory": GIB}})
    read(memory=memory, alpha=0.5)
    sim.set_usage("pods", "shop", "web", {"main": {"cpu": 3.0, "memory": 3 * GIB}})

    found = read(memory=memory, alpha=0.5, samples=3, sample_seconds=10.0)

    assert (found.pods[0].cpu_usage, found.pods[0].memory_usage) == (2.0, 2 * GIB)
    assert (sim.clock.now() - NOW).total_seconds() >= 20


def test_pod_hook_changes_rows_and_its_errors_stay_apart(sim: SimCluster, read: Read) -> None:
    def hook(found: Any, mapped: dict[str, Any]) -> None:
        if found.name == "broken":
            raise RuntimeError("no such thing")
        mapped["team"] = found.labels["squad"]
        mapped["requests"]["cpu"] *= 2
        mapped["recommendation"] = {"cpu": 0.25, "memory": 1.0}

    sim.create(pod("shop", "broken"))
    sim.create(pod("shop", "web", labels={"squad": "blue"}))
    runner = HookRunner("--map-pod-hook", hook)

    found = {row.pod: row for row in read(hooks=Hooks(HookRunner("--map-node-hook", None), runner)).pods}

    assert (found["web"].team, found["web"].cpu_requests, found["web"].recommendation_source) == ("blue", 2, "hook")
    assert (found["broken"].team, found["broken"].cpu_requests) == ("retail", 1)
    assert "failed once, first for shop/broken: RuntimeError: no such thing" in runner.notifications()[0].message
