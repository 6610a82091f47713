"""The TSV files: the old tool's columns in their old order under their old names, ours after them.

Money has two digits, CPU three, memory is whole (MiB where the heading says so, else bytes); unknown is an empty cell. Rows
are sorted by id. Cells hold no tabs and no line breaks, and a text that a spreadsheet would run as a formula gets an
apostrophe in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from resource_report.columns import ROUTES
from resource_report.views import Views, in_currency

MIB = 2**20
# As texts 50,000 rows of 16 columns would take 60 MB.
ROWS_AT_ONCE = 5000

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Field:
    """One column.

    Its heading, the frame's column, and how it is written (text, int, cpu, bytes, mib, money, rate, share or yesno).
    """

    heading: str
    key: str
    kind: str = "text"


def clean(text: str) -> str:
    """*text* as one cell. Excel and its like run a cell that starts with one of `=+-@`: an apostrophe makes it text."""
    text = _BREAKS.sub(" ", text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _numbers(write: Callable[[float], str]) -> Callable[[Sequence[Any]], list[str]]:
    return lambda values: [write(value) if value == value else "" for value in values]


def _texts(values: Sequence[Any]) -> list[str]:
    made: dict[str, str] = {}
    return [made.get(value) or made.setdefault(value, clean(str(value))) for value in values]


WRITERS: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    "text": _texts,
    "int": _numbers(lambda value: str(round(value))),
    "cpu": _numbers(lambda value: f"{value:.3f}"),
    "bytes": _numbers(lambda value: str(round(value))),
    "mib": _numbers(lambda value: str(int(value / MIB))),
    "money": _numbers(lambda value: f"{round(value, 2) + 0.0:.2f}"),
    "rate": _numbers(lambda value: f"{value:.6f}"),
    "share": _numbers(lambda value: f"{value:.4f}"),
    "yesno": lambda values: ["Yes" if value else "No" for value in values],
}

_USED = (
    Field("CPU Requests", "cpu_requests", "cpu"),
    Field("Memory Requests", "memory_requests", "bytes"),
    Field("CPU Usage", "cpu_usage", "cpu"),
    Field("Memory Usage", "memory_usage", "bytes"),
)
_COST = (Field("Cost [{currency}]", "cost", "money"), Field("Slack Cost [{currency}]", "slack_cost", "money"))
_RECOMMENDED = (
    Field("CPU Recommendation [cores]", "cpu_recommendation", "cpu"),
    Field("Memory Recommendation [bytes]", "memory_recommendation", "bytes"),
    Field("GPU Requests", "gpu_requests", "cpu"),
    Field("Spot Cost [{currency}]", "spot_cost", "money"),
    Field("Coverage", "coverage", "share"),
)
_SIZES = tuple(
    Field(f"{label} {amount.capitalize()}{unit}", f"{key}_{amount}", kind)
    for amount in ("capacity", "allocatable", "requests", "usage")
    for label, key, unit, kind in (("CPU", "cpu", "", "cpu"), ("Memory", "memory", " [MiB]", "mib"))
)
_PARTS = tuple(
    Field(f"{part.capitalize()} Cost [{{currency}}]", f"{part}_cost", "money")
    for part in ("pods", "idle", "reserved", "unattached")
)
_LIST = (Field("List Cost [{currency}]", "list_cost", "money"), Field("Spot Savings [{currency}]", "spot_savings", "money"))
_CLUSTER = (Field("Cluster ID", "cluster"), Field("API Server URL", "api_server_url"))
_ROUTE = (
    *_CLUSTER,
    Field("Namespace", "namespace"),
    Field("Name", "name"),
    Field("Application", "application"),
    Field("Host", "host"),
    Field("Status", "status", "int"),
    Field("Rule", "rule"),
    Field("Backend", "backend"),
    Field("TLS", "tls"),
)

FILES: dict[str, tuple[Field, ...]] = {
    "clusters": (
        *_CLUSTER,
        Field("Master Nodes", "control_plane_nodes", "int"),
        Field("Worker Nodes", "worker_nodes", "int"),
        Field("Worker Instance Type", "instance_types"),
        Field("Kubelet Version", "kubelet_versions"),
        *_SIZES,
        *_COST,
        Field("Spot Nodes", "spot_nodes", "int"),
        Field("Pods", "pods", "int"),
        *_PARTS,
        Field("Overhead Cost [{currency}]", "overhead_cost", "money"),
        *_LIST,
        Field("Coverage", "coverage", "share"),
        Field("Stale", "stale", "yesno"),
    ),
    "nodes": (
        Field("Cluster ID", "cluster"),
        Field("Node", "node"),
        Field("Role", "role"),
        Field("Instance Type", "instance_type"),
        Field("Spot Instance", "spot", "yesno"),
        Field("Kubelet Version", "kubelet_version"),
        *_SIZES,
        _COST[0],
        _COST[1],
        Field("Pool", "pool"),
        Field("Capacity Type", "capacity_type"),
        Field("Zone", "zone"),
        Field("Pods", "pods", "int"),
        *_PARTS,
        *_LIST,
        Field("Price Source", "price_source"),
        Field("Price Estimated", "price_estimated", "yesno"),
    ),
    "pools": (
        Field("Cluster ID", "cluster"),
        Field("Pool", "pool"),
        Field("Role", "role"),
        Field("Instance Types", "instance_types"),
        Field("Nodes", "nodes", "int"),
        Field("Spot Nodes", "spot_nodes", "int"),
        Field("Pods", "pods", "int"),
        *_SIZES,
        *_COST,
        *_PARTS,
        *_LIST,
    ),
    "namespaces": (
        Field("Name", "namespace"),
        Field("Status", "status"),
        Field("Cluster", "cluster"),
        Field("Pods", "pods", "int"),
        *_USED,
        *_COST,
        Field("Team", "team"),
        *_RECOMMENDED,
    ),
    "teams": (
        Field("ID", "team"),
        Field("Clusters", "clusters", "int"),
        Field("Applications", "applications", "int"),
        Field("Pods", "pods", "int"),
        *_USED,
        *_COST,
        *_RECOMMENDED,
    ),
    "applications": (
        Field("ID", "application"),
        Field("Team", "team"),
        Field("Clusters", "clusters_count", "int"),
        Field("Pods", "pods", "int"),
        *_USED,
        *_COST,
        Field("Cluster IDs", "clusters"),
        Field("Namespaces", "namespaces"),
        Field("Active", "active"),
        *_RECOMMENDED,
    ),
    "workloads": (
        Field("Cluster ID", "cluster"),
        Field("Namespace", "namespace"),
        Field("Kind", "workload_kind"),
        Field("Name", "workload"),
        Field("Application", "application"),
        Field("Component", "component"),
        Field("Team", "team"),
        Field("Pods", "pods", "int"),
        *_USED,
        *_COST,
        Field("VPA", "vpa", "yesno"),
        Field("HPA", "hpa"),
        *_RECOMMENDED,
    ),
    "pods": (
        *_CLUSTER,
        Field("Namespace", "namespace"),
        Field("Name", "pod"),
        Field("Application", "application"),
        Field("Component", "component"),
        Field("Container Images", "container_images"),
        *_USED,
        Field("CPU Recommendation", "cpu_recommendation", "cpu"),
        Field("Memory Recommendation", "memory_recommendation", "bytes"),
        *_COST,
        Field("Team", "team"),
    ),
    "prices": (
        Field("Instance Type", "instance_type"),
        Field("Region", "region"),
        Field("Zone", "zone"),
        Field("Capacity Type", "capacity_type"),
        Field("Nodes", "nodes", "int"),
        Field("Paid [{currency}/h]", "hourly_price", "rate"),
        Field("On-Demand List [{currency}/h]", "list_hourly_price", "rate"),
        _COST[0],
        Field("List Cost [{currency}]", "list_cost", "money"),
        Field("Source", "price_source"),
        Field("As Of", "price_as_of"),
        Field("Estimated", "price_estimated", "yesno"),
        Field("Explanation", "price_explanation"),
    ),
    "reconciliation": (
        Field("Level", "level"),
        Field("Cluster ID", "cluster"),
        Field("Pool", "pool"),
        *_PARTS,
        Field("Overhead Cost [{currency}]", "overhead_cost", "money"),
        _COST[0],
        Field("Difference [{currency}]", "difference", "money"),
    ),
    **{table.name: _ROUTE for table in ROUTES.values()},
}

# These follow all others, and only where a run shares anything.
_SHARED = (
    Field("Shared Cost [{currency}]", "shared_cost", "money"),
    Field("Shared Idle Cost [{currency}]", "shared_idle_cost", "money"),
    Field("Shared Overhead Cost [{currency}]", "shared_overhead_cost", "money"),
)
_SHARING = frozenset({"namespaces", "teams", "applications", "workloads", "pods"})

_ORDER: dict[str, tuple[str, ...]] = {
    "clusters": ("cluster",),
    "nodes": ("cluster", "node"),
    "pools": ("cluster", "pool"),
    "namespaces": ("namespace", "cluster"),
    "teams": ("team",),
    "applications": ("application",),
    "workloads": ("cluster", "namespace", "workload_kind", "workload"),
    "pods": ("cluster", "namespace", "pod"),
    "prices": ("instance_type", "region", "zone", "capacity_type"),
    "reconciliation": ("rank", "cluster", "pool"),
    **{table.name: ("cluster", "namespace", "name", "host", "rule") for table in ROUTES.values()},
}

SLACK_HEADINGS = ("Cluster ID", "API Server URL", "Namespace", "Name", "Resource", "Amount", "Potential Savings")
SLACK_ROWS = 20


def as_tsv(fields: Sequence[Field], frame: pd.DataFrame, currency: str) -> bytes:
    """*frame* as a TSV file with a heading row."""
    heading = "\t".join(field.heading.format(currency=currency) for field in fields)
    parts = [heading.encode() + b"\n"]
    for start in range(0, len(frame), ROWS_AT_ONCE):
        piece = frame.iloc[start : start + ROWS_AT_ONCE]
        columns = [WRITERS[field.kind](piece[field.key].tolist()) for field in fields]
        lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
        parts.append(lines.encode("utf-8", "replace") + b"\n")
    return b"".join(parts)


def files(views: Views, *, header: bool) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every TSV file. *header* gives slack.tsv a heading, which it did not have."""
    clusters = views.frames["clusters"]
    urls = dict(zip(clusters["cluster"].astype(str), clusters["api_server_url"].astype(str), strict=True))
    for name, own in FILES.items():
        fields = (*own, *_SHARED) if views.report.sharing and name in _SHARING else own
        frame = _raw_ids(views.frames[name])
        frame = frame.sort_values(list(_ORDER[name]), kind="stable")
        if name == "applications":
            frame = frame.assign(clusters_count=[len(set(filter(None, text.split(",")))) for text in frame["clusters"]])
        if any(field.key == "api_server_url" for field in fields) and "api_server_url" not in frame:
            frame = frame.assign(api_server_url=frame["cluster"].astype(str).map(urls).fillna(""))
        yield f"{name}.tsv", as_tsv(fields, frame, views.currency.code)
    yield "slack.tsv", slack_tsv(views, urls, header=header)


def _raw_ids(frame: pd.DataFrame) -> pd.DataFrame:
    """The ids themselves, where a page shows words for an empty one."""
    shown = [name for name in ("team", "pool") if f"{name}_id" in frame]
    return frame.assign(**{name: frame[f"{name}_id"] for name in shown})


def slack_tsv(views: Views, urls: dict[str, str], *, header: bool) -> bytes:
    """The old list of the largest gaps between requests and usage: per cluster 20 for CPU and 20 for memory, by application.

    An application without a label is named after its pod, without the pod's last part. Pods that were not measured are left
    out. The gap is valued at the cluster's cost per allocatable core or byte, as it was; it says less than the slack cost of
    the pages.
    """
    lines = ["\t".join(SLACK_HEADINGS)] if header else []
    clusters = in_currency(views.report.clusters, views.currency)
    for cluster in clusters.sort_values("cluster").to_dict("records"):
        name = str(cluster["cluster"])
        pods = views.report.pods[views.report.pods["cluster"] == name]
        for resource in ("cpu", "memory"):
            allocatable = cluster[f"{resource}_allocatable"]
            price = cluster["cost"] / allocatable if allocatable and allocatable > 0 else 0.0
            for (namespace, application), gap in _gaps(pods, resource).items():
                amount = f"{gap:3.2f}" if resource == "cpu" else f"{gap / MIB:6.0f}Mi"
                symbol = "$" if views.currency.code == "USD" else f"{views.currency.code} "
                cells = (name, urls.get(name, ""), namespace, application)
                lines.append(
                    "\t".join([*map(clean, cells), resource, amount, f"{symbol}{gap * price:.2f} potential monthly savings"])
                )
    return "".join(line + "\n" for line in lines).encode("utf-8", "replace")


def _gaps(pods: pd.DataFrame, resource: str) -> dict[tuple[str, str], float]:
    gaps = pods[f"{resource}_requests"] - pods[f"{resource}_usage"]
    names = pods["application"].astype(str).where(pods["labelled"], pods["pod"].str.rsplit("-", n=1).str[0])
    summed = gaps.groupby([pods["namespace"].astype(str), names]).sum(min_count=1).dropna()
    largest = (
        summed.reset_index(name="gap").sort_values(["gap", "namespace"], ascending=[False, True], kind="stable").head(SLACK_ROWS)
    )
    return {(str(row[1]), str(row[2])): float(row[3]) for row in largest.itertuples()}
