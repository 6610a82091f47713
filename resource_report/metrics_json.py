"""The JSON files beside the pages, nested as the old tool nested them: metrics, cluster-metrics, team-metrics, application-
metrics and one file per application.

Numbers are rounded (money 2, CPU 3, memory whole); unknown is null. What came later is added, nothing was renamed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd

from resource_report.columns import ROUTES
from resource_report.views import Views, is_money

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode

AMOUNTS = ("capacity", "allocatable", "requests", "usage", "recommendation")
# What the old tool called it -> our column.
CLUSTER_KEYS = {
    "id": "cluster",
    "name": "name",
    "api_server_url": "api_server_url",
    "master_nodes": "control_plane_nodes",
    "worker_nodes": "worker_nodes",
    "kubelet_versions": "kubelet_versions",
    "worker_instance_types": "instance_types",
    "worker_instance_is_spot": "spot_nodes",
    "user_pods": "user_pods",
    "cost": "cost",
    "slack_cost": "slack_cost",
    "idle_cost": "idle_cost",
    "reserved_cost": "reserved_cost",
    "unattached_cost": "unattached_cost",
    "overhead_cost": "overhead_cost",
    "list_cost": "list_cost",
    "spot_savings": "spot_savings",
    "stale": "stale",
    "as_of": "as_of",
}
NODE_KEYS = (
    "role",
    "instance_type",
    "spot",
    "kubelet_version",
    "pool",
    "zone",
    "capacity_type",
    "cost",
    "slack_cost",
    "idle_cost",
)


def rounded(key: str, value: Any) -> Any:
    """*value* as JSON writes it: by the column's name two digits for money, three for CPU and shares, none for bytes."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if is_money(key):
        return round(value, 2)
    if "memory" in key:
        return round(value)
    return round(value, 3)


def amounts(row: Mapping[str, Any], names: Sequence[str] = AMOUNTS) -> Json:
    """{"requests": {"cpu": …, "memory": …}, …} for each of *names* that the row has."""
    return {
        name: {resource: rounded(f"{resource}_{name}", row[f"{resource}_{name}"]) for resource in ("cpu", "memory")}
        for name in names
        if f"cpu_{name}" in row
    }


def records(frame: pd.DataFrame) -> Iterator[Json]:
    """The rows of *frame* as mappings, without the cost of pandas' own."""
    keys = [str(key) for key in frame.columns]
    for values in zip(*(frame[key].tolist() for key in keys), strict=True):
        yield dict(zip(keys, values, strict=True))


def files(views: Views) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every JSON file."""
    yield "metrics.json", _encode(metrics(views))
    yield "cluster-metrics.json", cluster_metrics(views)
    applications = {row["application"]: group_metrics(row, "application") for row in _sorted(views, "applications")}
    yield "team-metrics.json", _encode(team_metrics(views, applications))
    yield "application-metrics.json", _encode(applications)
    yield from application_files(views, applications)


def _sorted(views: Views, name: str) -> Iterator[Json]:
    frame = views.frames[name]
    keys = [key for key in ("cluster", "namespace", "team_id", "application", "node", "pod", "name") if key in frame]
    return records(frame.sort_values(keys, kind="stable"))


def metrics(views: Views) -> Json:
    """metrics.json: the figures of all clusters together."""
    totals, report = views.totals, views.report

    def pair(cpu: str, memory: str) -> Json:
        return {"cpu": rounded(cpu, totals.get(cpu)), "memory": rounded(memory, totals.get(memory))}

    body: Json = {name: totals.get(name) for name in ("clusters", "teams", "applications", "worker_nodes", "pods")}
    body = {name: int(value) if known_number(value) else value for name, value in body.items()}
    body["now"] = report.generated.isoformat()
    for name in ("allocatable", "requests", "usage"):
        body[name] = pair(f"cpu_{name}", f"memory_{name}")
    body["user_requests"] = pair("user_cpu_requests", "user_memory_requests")
    body["cost"] = rounded("cost", totals.get("cost"))
    per_hour = {resource: totals.get(f"cost_per_user_request_hour_{resource}") for resource in ("cpu", "memory")}
    body["cost_per_user_request_hour"] = {
        resource: round(value, 6) if known_number(value) and value is not None else None for resource, value in per_hour.items()
    }
    body["slack_cost"] = rounded("slack_cost", totals.get("slack_cost"))
    body["duration"] = round(sum(report.seconds.values()), 3)
    body["version"] = report.version
    body["currency"] = views.currency.code
    for name in ("idle_cost", "reserved_cost", "unattached_cost", "overhead_cost", "list_cost", "spot_savings"):
        body[name] = rounded(name, totals.get(name))
    body["notifications"] = len(report.notifications)
    return body


def known_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def cluster_metrics(views: Views) -> bytes:
    """cluster-metrics.json: every cluster with its nodes, namespaces, ingresses, and its pods by "namespace/name".

    Pods are encoded one by one: as Python objects 50,000 of them would take 60 MB.
    """
    pods: dict[str, list[bytes]] = {}
    for row, pod in pod_bodies(views):
        if views.compact:
            # pods.tsv has the rest of 50,000 pods in a third of the space.
            for key in ("requests", "usage", "recommendation", "component"):
                pod.pop(key, None)
        else:
            pod |= {
                "application": row["application"],
                "team": row["team_id"],
                "container_images": row["container_images"].split(","),
            }
        pods.setdefault(row["cluster"], []).append(_member(f"{row['namespace']}/{row['pod']}", _encode(pod)))
    members = []
    for name, body in _clusters(views).items():
        inner = b'"pods":{' + b",".join(pods.pop(name, [])) + b"}"
        members.append(_member(name, _encode(body)[:-1] + b"," + inner + b"}"))
    return b"{" + b",".join(members) + b"}"


def _member(key: str, value: bytes) -> bytes:
    return _encode(key) + b":" + value


def _clusters(views: Views) -> Json:
    """The clusters by id, with everything but their pods."""
    clusters: Json = {}
    for row in _sorted(views, "clusters"):
        body = {name: rounded(name, row[key]) for name, key in CLUSTER_KEYS.items()}
        body["worker_instance_is_spot"] = row["spot_nodes"] > 0
        for name in ("kubelet_versions", "worker_instance_types"):
            body[name] = [text for text in body[name].split(",") if text]
        user_requests = {resource: rounded(f"{resource}_x", row[f"user_{resource}_requests"]) for resource in ("cpu", "memory")}
        parts: Json = {"nodes": {}, "namespaces": {}, "ingresses": []}
        clusters[row["cluster"]] = {**body, **amounts(row), "user_requests": user_requests, **parts}
    for row in _sorted(views, "nodes"):
        node = {key: rounded(key, row[key]) for key in NODE_KEYS}
        _put(clusters, row, "nodes", row["node"], {**node, **amounts(row, AMOUNTS[:4])})
    for row in _sorted(views, "namespaces"):
        facts = {"status": row["status"], "email": row["email"], "team": row["team_id"]}
        _put(clusters, row, "namespaces", row["namespace"], facts)
    for row in _sorted(views, "ingresses"):
        if row["cluster"] in clusters:
            keys = ("namespace", "name", "application", "host", "status")
            clusters[row["cluster"]]["ingresses"].append([row[key] for key in keys])
    return clusters


def _put(clusters: Json, row: Json, part: str, key: str, body: Json) -> None:
    if row["cluster"] in clusters:
        clusters[row["cluster"]][part][key] = body


def pod_bodies(views: Views) -> Iterator[tuple[Json, Json]]:
    """(row, what every file says of that pod), by cluster, namespace and name."""
    frame = views.frames["pods"]
    sizes = {
        name: frame[name].round(3 if name.startswith("cpu") else 0)
        for resource in ("cpu", "memory")
        for name in (f"{resource}_requests", f"{resource}_usage", f"{resource}_recommendation")
    }
    keys = [
        "cluster",
        "namespace",
        "pod",
        "application",
        "component",
        "team_id",
        "container_images",
        "cost",
        "slack_cost",
        *sizes,
    ]
    frame = frame[["cluster", "namespace", "pod", "application", "component", "team_id", "container_images"]].assign(
        cost=frame["cost"].round(2), slack_cost=frame["slack_cost"].round(2), **sizes
    )
    frame = frame.sort_values(["cluster", "namespace", "pod"], kind="stable")
    for values in zip(*(frame[key].tolist() for key in keys), strict=True):
        row = dict(zip(keys, values, strict=True))
        body: Json = {
            name: {"cpu": row[f"cpu_{name}"], "memory": _whole(row[f"memory_{name}"])}
            for name in ("requests", "usage", "recommendation")
        }
        if row["component"]:
            body["component"] = row["component"]
        body["cost"], body["slack_cost"] = row["cost"], row["slack_cost"]
        yield row, body


def _whole(value: float) -> int | None:
    return int(value) if value == value else None


def group_metrics(row: Json, kind: str) -> Json:
    """What is said of a team or an application."""
    body: Json = {"id": row["application"] if kind == "application" else row["team_id"]}
    for key in ("cost", "slack_cost", "pods", "coverage", "spot_cost", "daemonset_cost"):
        body[key] = rounded(key, row[key])
    body |= amounts(row, AMOUNTS[2:])
    if kind == "application":
        active = {"yes": True, "no": False}.get(row["active"])
        clusters = [text.strip() for text in row["clusters"].split(",") if text.strip()]
        body |= {"clusters": clusters, "team": row["team_id"], "active": active}
    else:
        body |= {"clusters": row["clusters"], "applications": row["applications"]}
    return body


def team_metrics(views: Views, applications: Json) -> Json:
    """team-metrics.json: every team with its share of each of its applications, keyed by id under "application"."""
    teams = {row["team_id"]: group_metrics(row, "team") | {"application": {}} for row in _sorted(views, "teams")}
    for row in _sorted(views, "team-applications"):
        if row["team_id"] in teams:
            body = {key: rounded(key, row[key]) for key in ("cost", "slack_cost", "pods")}
            teams[row["team_id"]]["application"][row["application"]] = {
                "id": row["application"],
                **body,
                **amounts(row, AMOUNTS[2:]),
            }
    return teams


def application_files(views: Views, applications: Json) -> Iterator[tuple[str, bytes]]:
    """application-<id>.json: its figures, its routes of every kind, and its pods."""
    routes: dict[str, dict[str, list[Json]]] = {}
    for table in ROUTES.values():
        for row in _sorted(views, table.name):
            if row["application"]:
                body = {key: row[key] for key in ("cluster", "namespace", "name", "host", "status")}
                routes.setdefault(row["application"], {}).setdefault(table.name, []).append(body)
    pods: dict[str, list[Json]] = {}
    for row, body in () if views.compact else pod_bodies(views):
        place = {"cluster": row["cluster"], "namespace": row["namespace"], "name": row["pod"]}
        pods.setdefault(row["application"], []).append(place | body)
    for application, body in applications.items():
        name = views.names.page("application", application, ending=".json")
        found = {table.name: routes.get(application, {}).get(table.name, []) for table in ROUTES.values()}
        # With very many applications the pods stand in cluster-metrics.json and pods.tsv only: a third copy would be 12 MB.
        yield name, _encode({**body, **found, **({} if views.compact else {"pods": pods.get(application, [])})})
