"""An invented fleet as a finished `Report`, at any size and the same for the same seed.

For tests of pages and files only: costs are split plausibly, not by the cost model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from resource_report import tables
from resource_report.notifications import Notification, Severity
from resource_report.summary import Report

GIB = 2**30
TYPES = {"m6i.xlarge": (4, 16, 168.0), "m7g.2xlarge": (8, 32, 285.0), "c6i.2xlarge": (8, 16, 300.0), "r6i.xlarge": (4, 32, 221.0)}
WORDS = (
    "checkout",
    "search",
    "catalog",
    "ledger",
    "mailer",
    "gateway",
    "reports",
    "stock",
    "pricing",
    "login",
    "images",
    "orders",
)
TEAMS = ("payments", "discovery", "fulfilment", "platform", "identity", "marketing", "data", "mobile", "finance", "support")
KINDS = ("Deployment", "Deployment", "Deployment", "StatefulSet", "DaemonSet", "CronJob")
HOSTILE = '<script>alert("x")</script>\'"&'


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    clusters: int = 2
    nodes: int = 24
    pods: int = 400
    applications: int = 30
    teams: int = 8
    namespaces: int = 14
    ingresses: int = 20


SMALL = Size()
LARGE = Size(clusters=2, nodes=1000, pods=50_000, applications=2000, teams=150, namespaces=200, ingresses=300)


def sample_report(size: Size = SMALL, *, seed: int = 7, hostile: bool = False, measured: bool = True) -> Report:
    """A whole report. *hostile* puts markup, quotes and path tricks into names; without *measured* there is no usage at all."""
    rng = np.random.default_rng(seed)
    clusters = _cluster_ids(size, hostile)
    nodes = _nodes(rng, size, clusters)
    pods = _pods(rng, size, nodes, clusters, hostile=hostile, measured=measured)
    pods, nodes = _costs(pods, nodes)
    groups = _groups(pods, size, rng)
    frames = {
        **groups,
        "nodes": tables.conform(nodes, tables.NODES),
        "pods": tables.conform(pods, tables.PODS),
        "pools": tables.conform(_node_groups(nodes, ["cluster", "pool"]), tables.POOLS),
        "clusters": tables.conform(_clusters(nodes, pods), tables.CLUSTERS),
        "ingresses": tables.conform(_ingresses(rng, size, pods, hostile=hostile), tables.INGRESSES),
        "prices": tables.conform(_prices(nodes), tables.PRICES),
    }
    frames["reconciliation"] = tables.conform(_reconciliation(frames["clusters"], frames["pools"]), tables.RECONCILIATION)
    return Report(
        generated=datetime(2026, 3, 23, 9, 30, tzinfo=UTC),
        version="0.1.0",
        notifications=_notifications(hostile),
        totals=_totals(frames),
        settings={"cost model": "split", "basis": "request", "prices": "bundled table of 2026-02-01"},
        seconds={"collect": 3.2, "compute": 1.1},
        **frames,
    )


def _cluster_ids(size: Size, hostile: bool) -> list[str]:
    named = ["prod-eu", "staging-eu", "prod-us", "tools"] + [f"edge-{n}" for n in range(size.clusters)]
    chosen = named[: size.clusters]
    return [*chosen[:-1], "arn:aws:eks:eu-central-1:123456789012:cluster/../../etc/passwd"] if hostile else chosen


def _nodes(rng: np.random.Generator, size: Size, clusters: list[str]) -> pd.DataFrame:
    types = rng.choice(list(TYPES), size.nodes)
    spot = rng.random(size.nodes) < 0.45
    number = np.arange(size.nodes)
    rate = np.array([TYPES[name][2] for name in types])
    share = np.where(spot, rng.uniform(0.3, 0.45, size.nodes), 1.0)
    cores = np.array([float(TYPES[name][0]) for name in types])
    gib = np.array([float(TYPES[name][1]) for name in types])
    control = number < len(clusters)
    return pd.DataFrame(
        {
            "cluster": [clusters[n % len(clusters)] for n in number],
            "node": [f"ip-10-{n // 250}-{n % 250}-{(n * 37) % 250}.eu-central-1.compute.internal" for n in number],
            "role": np.where(control, "control-plane", "worker"),
            "worker": ~control,
            "pool": np.where(control, "control-plane", np.where(spot, "spot-burst", "general")),
            "provider": "aws",
            "region": "eu-central-1",
            "zone": [f"eu-central-1{'abc'[n % 3]}" for n in number],
            "instance_type": types,
            "arch": np.where(types == "m7g.2xlarge", "arm64", "amd64"),
            "capacity_type": np.where(spot & ~control, "spot", "on-demand"),
            "spot": spot & ~control,
            "kubelet_version": np.where(number % 7 == 0, "v1.35.2", "v1.36.0"),
            "ready": number % 97 != 5,
            "schedulable": number % 41 != 3,
            "cpu_capacity": cores,
            "memory_capacity": gib * GIB,
            "gpu_capacity": 0.0,
            "cpu_allocatable": cores - 0.08,
            "memory_allocatable": (gib - 1.4) * GIB,
            "gpu_allocatable": 0.0,
            "cost": rate * np.where(control, 1.0, share),
            "list_cost": rate,
            "spot_savings": np.where(spot & ~control, rate * (1 - share), 0.0),
            "hourly_price": rate * np.where(control, 1.0, share) / 730.5,
            "list_hourly_price": rate / 730.5,
            "price_source": np.where(spot, "AWS spot price history", "AWS Pricing API"),
            "price_as_of": "2026-03-23T09:16Z",
            "price_estimated": number % 19 == 4,
            "price_explanation": np.where(
                spot, "Spot price of the node's zone, 14 minutes old.", "On-demand, Linux, shared tenancy, eu-central-1."
            ),
        }
    )


def _pods(
    rng: np.random.Generator, size: Size, nodes: pd.DataFrame, clusters: list[str], *, hostile: bool, measured: bool
) -> pd.DataFrame:
    applications = _application_names(size, hostile)
    app = rng.integers(0, size.applications, size.pods)
    team_of = rng.integers(0, size.teams, size.applications)
    namespace_of = rng.integers(0, size.namespaces, size.applications)
    teams = [TEAMS[n] if n < len(TEAMS) else f"team-{n:03d}" for n in range(size.teams)]
    teams[-1] = "" if size.teams > 2 else teams[-1]
    namespaces = [("kube-system" if n == 0 else f"{TEAMS[n % 10]}-{n}") for n in range(size.namespaces)]
    if hostile:
        teams[0], namespaces[1] = f"team/..{HOSTILE}", "-formula"
    node = rng.integers(0, len(nodes), size.pods)
    cpu = rng.choice([0.05, 0.1, 0.25, 0.5, 1.0], size.pods)
    memory = rng.choice([64, 128, 256, 512, 1024], size.pods) * 2.0**20
    known = (rng.random(size.pods) < 0.93) & measured
    labelled = app % 23 != 11
    namespace = [namespaces[n] for n in namespace_of[app]]
    used = np.where(known, cpu * rng.uniform(0.02, 0.9, size.pods), np.nan)
    resident = np.where(known, (memory * rng.uniform(0.2, 1.1, size.pods)).round(), np.nan)
    letters = np.array(list("bcdfghjklmnpqrstvwxz2456789"))
    suffix = ["".join(row) for row in letters[rng.integers(0, len(letters), (size.pods, 5))]]
    names = [applications[n] if label else f"job-{n}" for n, label in zip(app, labelled, strict=True)]
    plain = [
        name if name.isascii() and name.replace("-", "").isalnum() else f"app-{n}" for name, n in zip(names, app, strict=True)
    ]
    return pd.DataFrame(
        {
            "cluster": nodes["cluster"].to_numpy()[node],
            "namespace": namespace,
            "pod": [f"{name}-7d9f{n % 97:02d}-{end}" for name, n, end in zip(plain, app, suffix, strict=True)],
            "node": nodes["node"].to_numpy()[node],
            "node_row": node,
            "application": [
                name if label else f"(unlabelled) {space}" for name, label, space in zip(names, labelled, namespace, strict=True)
            ],
            "labelled": labelled,
            "component": np.where(app % 3 == 0, rng.choice(["web", "worker"], size.pods), ""),
            "team": [teams[n] for n in team_of[app]],
            "team_source": "pod",
            "workload_kind": [KINDS[n % len(KINDS)] for n in app],
            "workload": plain,
            "user": [name != "kube-system" for name in namespace],
            "container_images": [f"registry.example.org/{name}:1.{n % 40}" for name, n in zip(plain, app, strict=True)],
            "containers": "main",
            "cpu_requests": cpu,
            "memory_requests": memory,
            "gpu_requests": 0.0,
            "cpu_usage": used,
            "memory_usage": resident,
            "cpu_recommendation": np.minimum(used * 1.15 + 0.01, cpu * 1.4),
            "memory_recommendation": (resident * 1.15).round(),
            "recommendation_source": np.where(known, "usage", ""),
            "attached": True,
            "spot": nodes["spot"].to_numpy()[node],
        }
    )


def _application_names(size: Size, hostile: bool) -> list[str]:
    names = [f"{WORDS[n % len(WORDS)]}-{TEAMS[(n // len(WORDS)) % len(TEAMS)]}-{n:04d}" for n in range(size.applications)]
    if hostile:
        names[:6] = [HOSTILE, "../../escape", "javascript:alert(1)", "metrics", "Shop", "shop"]
    return names


def _costs(pods: pd.DataFrame, nodes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pods charged half for CPU, half for memory, at most all of the node; the rest idle; a fixed share reserved."""
    row = pods["node_row"].to_numpy()
    cost = nodes["cost"].to_numpy()
    wanted = pods["cpu_requests"].groupby(row).sum().reindex(range(len(nodes)), fill_value=0.0).to_numpy()
    weight = pods["cpu_requests"].to_numpy() / np.maximum(wanted, nodes["cpu_allocatable"].to_numpy())[row]
    pods = pods.assign(cost=cost[row] * 0.93 * weight)
    slack = pods["cost"] * (1 - pods["cpu_recommendation"] / pods["cpu_requests"]).clip(0, 1)
    pods = pods.assign(slack_cost=slack, cpu_cost=pods["cost"] / 2, memory_cost=pods["cost"] / 2, gpu_cost=0.0)
    sums = pods.assign(pods=1).groupby(row)[_SUMS].sum(min_count=1).reindex(range(len(nodes)))
    nodes = nodes.assign(**{name: sums[name].to_numpy() for name in _SUMS if name not in {"cost", "pods"}})
    nodes = nodes.assign(
        pods=sums["pods"].fillna(0).to_numpy(),
        pods_cost=sums["cost"].fillna(0.0).to_numpy(),
        reserved_cost=cost * 0.07,
        unattached_cost=0.0,
        coverage=0.93,
    )
    return pods, nodes.assign(idle_cost=nodes["cost"] - nodes["pods_cost"] - nodes["reserved_cost"])


_SUMS = [
    "pods",
    "cost",
    "slack_cost",
    "cpu_requests",
    "memory_requests",
    "gpu_requests",
    "cpu_usage",
    "memory_usage",
    "cpu_recommendation",
    "memory_recommendation",
]


def _measures(pods: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    marked = pods.assign(
        pods=1,
        daemonset_cost=pods["cost"].where(pods["workload_kind"] == "DaemonSet", 0.0),
        spot_cost=pods["cost"].where(pods["spot"], 0.0),
        coverage=pods["slack_cost"].notna().astype(float),
    )
    groups = marked.groupby(by, observed=True, sort=True)
    summed = groups[[*_SUMS, "daemonset_cost", "spot_cost"]].sum(min_count=1)
    counted = {name: groups[f"{name}"].nunique() for name in ("cluster", "namespace", "application") if name not in by}
    summed = summed.assign(coverage=groups["coverage"].mean(), **{f"{name}_count": value for name, value in counted.items()})
    return summed.reset_index()


def _groups(pods: pd.DataFrame, size: Size, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    teams = _measures(pods, ["team"]).rename(
        columns={"cluster_count": "clusters", "namespace_count": "namespaces", "application_count": "applications"}
    )
    applications = _measures(pods, ["application"])
    by_application = pods.groupby("application", observed=True)
    for name, column in (("team", "team"), ("clusters", "cluster"), ("namespaces", "namespace")):
        joined = by_application[column].agg(lambda values: ", ".join(sorted(set(values))))
        applications[name] = applications["application"].map(joined)
    applications["labelled"] = ~applications["application"].str.startswith("(unlabelled)")
    applications["active"] = "yes"
    namespaces = _measures(pods, ["cluster", "namespace"]).assign(status="Active", email="team@example.org")
    namespaces["team"] = [TEAMS[n % len(TEAMS)] for n in range(len(namespaces))]
    workloads = _measures(pods, ["cluster", "namespace", "workload_kind", "workload", "application", "component", "team"])
    workloads["hpa"] = np.where(np.arange(len(workloads)) % 9 == 0, "2-10", "")
    rename = {"cluster_count": "clusters", "namespace_count": "namespaces"}
    return {
        "teams": tables.conform(teams, tables.TEAMS),
        "applications": tables.conform(applications, tables.APPLICATIONS),
        "team_applications": tables.conform(
            _measures(pods, ["team", "application"]).rename(columns=rename), tables.TEAM_APPLICATIONS
        ),
        "components": tables.conform(_measures(pods, ["application", "component"]).rename(columns=rename), tables.COMPONENTS),
        "namespaces": tables.conform(namespaces, tables.NAMESPACES),
        "workloads": tables.conform(workloads, tables.WORKLOADS),
    }


def _node_groups(nodes: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    sums = [name for name in nodes.columns if name in {**tables.POOLS, **tables.CLUSTERS} and nodes[name].dtype.kind in "fi"]
    sums = [name for name in sums if name not in {"coverage"}]
    groups = nodes.assign(nodes=1, spot_nodes=nodes["spot"].astype(int)).groupby(by)
    joined = {name: groups[column].agg(lambda values: ",".join(sorted(set(values)))) for name, column in _JOINED.items()}
    counts = groups[["nodes", "spot_nodes"]].sum()
    return groups[sums].sum(min_count=1).join(counts).assign(coverage=0.93, **joined).reset_index()


_JOINED = {
    "instance_types": "instance_type",
    "capacity_types": "capacity_type",
    "role": "role",
    "kubelet_versions": "kubelet_version",
    "regions": "region",
}


def _clusters(nodes: pd.DataFrame, pods: pd.DataFrame) -> pd.DataFrame:
    frame = _node_groups(nodes, ["cluster"])
    user = pods[pods["user"]].groupby("cluster")
    frame = frame.assign(
        name=frame["cluster"],
        api_server_url=[f"https://{n}.k8s.example.org" for n in range(len(frame))],
        as_of="2026-03-23T09:30Z",
        stale=[n == 1 for n in range(len(frame))],
        control_plane_nodes=frame["cluster"].map(nodes[~nodes["worker"]].groupby("cluster").size()).fillna(0),
        ingresses=12,
        user_pods=frame["cluster"].map(user.size()).fillna(0),
        user_cpu_requests=frame["cluster"].map(user["cpu_requests"].sum()),
        user_memory_requests=frame["cluster"].map(user["memory_requests"].sum()),
        overhead_cost=73.05,
    )
    cost = frame["cost"] + frame["overhead_cost"]
    return frame.assign(
        worker_nodes=frame["nodes"] - frame["control_plane_nodes"],
        cost=cost,
        cost_per_user_request_hour_cpu=0.5 * cost / 730.5 / frame["user_cpu_requests"],
        cost_per_user_request_hour_memory=0.5 * cost / 730.5 / (frame["user_memory_requests"] / GIB),
    )


def _ingresses(rng: np.random.Generator, size: Size, pods: pd.DataFrame, *, hostile: bool) -> pd.DataFrame:
    chosen = pods.iloc[rng.integers(0, len(pods), size.ingresses)]
    kinds = [("Ingress", "Ingress", "Ingress", "RouteGroup", "IngressRoute", "HTTPRoute")[n % 6] for n in range(size.ingresses)]
    hosts = [f"{name}.example.org" for name in chosen["workload"]]
    if hostile:
        hosts[0] = 'javascript:alert("host")<img src=x>'
    return pd.DataFrame(
        {
            "kind": kinds,
            "cluster": chosen["cluster"].to_numpy(),
            "namespace": chosen["namespace"].to_numpy(),
            "name": chosen["workload"].to_numpy(),
            "application": chosen["application"].to_numpy(),
            "host": hosts,
            "status": [(200, 0, 404, 503, 999)[n % 5] for n in range(size.ingresses)],
            "rule": "PathPrefix(`/`)",
            "backend": chosen["workload"].to_numpy(),
            "tls": "",
        }
    )


def _prices(nodes: pd.DataFrame) -> pd.DataFrame:
    keys = ["region", "zone", "instance_type", "capacity_type"]
    groups = nodes.groupby(keys)
    first = groups[
        ["hourly_price", "list_hourly_price", "price_source", "price_as_of", "price_estimated", "price_explanation"]
    ].first()
    return first.join(groups[["cost", "list_cost"]].sum()).assign(nodes=groups.size()).reset_index()


def _reconciliation(clusters: pd.DataFrame, pools: pd.DataFrame) -> pd.DataFrame:
    parts = ["pods_cost", "idle_cost", "reserved_cost", "unattached_cost", "overhead_cost", "cost"]
    total = clusters[parts].sum().to_frame().T.assign(level="total", cluster="", pool="")
    rows = [total, clusters.assign(level="cluster", pool=""), pools.assign(level="pool", overhead_cost=0.0)]
    frame: Any = pd.concat(
        [row[["level", "cluster", "pool", *parts]].astype({"cluster": str, "pool": str}) for row in rows], ignore_index=True
    )
    return frame.assign(difference=(frame["cost"] - frame[parts[:5]].sum(axis=1)).round(6))  # type: ignore[no-any-return]


def _totals(frames: dict[str, pd.DataFrame]) -> dict[str, float]:
    clusters = frames["clusters"]
    numbers = clusters.select_dtypes("number").sum(min_count=1).to_dict()
    spot = frames["nodes"][frames["nodes"]["spot"]]
    user_cpu, user_gib = numbers["user_cpu_requests"], numbers["user_memory_requests"] / GIB
    return {
        **{str(key): float(value) for key, value in numbers.items()},
        "clusters": len(clusters),
        "stale_clusters": float(clusters["stale"].sum()),
        "teams": len(frames["teams"]),
        "applications": len(frames["applications"]),
        "coverage": float(frames["pods"]["slack_cost"].notna().mean()),
        "spot_savings_share": float(spot["spot_savings"].sum() / spot["list_cost"].sum()) if len(spot) else float("nan"),
        "cost_per_user_request_hour_cpu": 0.5 * numbers["cost"] / 730.5 / user_cpu,
        "cost_per_user_request_hour_memory": 0.5 * numbers["cost"] / 730.5 / user_gib,
    }


def _notifications(hostile: bool) -> tuple[Notification, ...]:
    notes = (
        Notification(
            Severity.ERROR,
            "staging-eu",
            "cluster",
            "no answer within 10 s; the data of 2026-03-22 is shown",
            "check the API server",
        ),
        Notification(
            Severity.WARNING,
            "prod-eu",
            "prices",
            "2 nodes of type x9z.large have an estimated price",
            "name it in --pricing-file",
        ),
        Notification(Severity.INFO, "prod-eu", "metrics", "7 % of the pods were not measured"),
    )
    return (*notes, Notification(Severity.WARNING, HOSTILE, HOSTILE, HOSTILE, HOSTILE)) if hostile else notes
