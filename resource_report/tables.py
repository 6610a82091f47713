"""Rows to DataFrames: the only place that names columns and their types. No arithmetic on money here, no network, no clock.

Units everywhere: CPU in cores, memory in bytes, GPUs in devices, money in USD per month of 730.5 hours, hourly prices in USD.
A number that is not known is NaN and stays NaN; it is never replaced by zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

TEXT = "str"  # mostly unique values
LABEL = "category"  # a few values repeated over many rows
NUMBER = "float64"
COUNT = "int64"
FLAG = "bool"

Schema = Mapping[str, str]

RESOURCES = ("cpu", "memory", "gpu")
UNIT = {"cpu": 1.0, "memory": float(2**30), "gpu": 1.0}  # what a rate is per: a core, a GiB, a GPU

# What every group of pods carries. `coverage` is the share of its pods (0..1) for which usage or a recommendation is known;
# `slack_cost` is NaN while it is known for none. `daemonset_cost` and `spot_cost` are parts of `cost`.
MEASURES: Schema = {
    "pods": COUNT,
    "cpu_requests": NUMBER,
    "memory_requests": NUMBER,
    "gpu_requests": NUMBER,
    "cpu_usage": NUMBER,
    "memory_usage": NUMBER,
    "cpu_recommendation": NUMBER,
    "memory_recommendation": NUMBER,
    "cost": NUMBER,
    "slack_cost": NUMBER,
    "daemonset_cost": NUMBER,
    "spot_cost": NUMBER,
    "coverage": NUMBER,
}

# What pods take of their cluster's shared pods, idle cost and overhead, beside their cost; NaN while nothing is to be shared.
SHARED: Schema = {"shared_cost": NUMBER, "shared_idle_cost": NUMBER, "shared_overhead_cost": NUMBER}

CAPACITY: Schema = {
    "cpu_capacity": NUMBER,
    "memory_capacity": NUMBER,
    "gpu_capacity": NUMBER,
    "cpu_allocatable": NUMBER,
    "memory_allocatable": NUMBER,
    "gpu_allocatable": NUMBER,
}

NODES: Schema = {
    "cluster": LABEL,
    "node": TEXT,
    "role": LABEL,  # "worker", "control-plane" or the label's value
    "worker": FLAG,
    "pool": LABEL,  # "" where no label names a pool
    "provider": LABEL,  # "aws", "gcp", "azure" or ""
    "region": LABEL,
    "zone": LABEL,
    "instance_type": LABEL,
    "instance_id": TEXT,
    "arch": LABEL,
    "capacity_type": LABEL,  # on-demand, spot, reserved, fargate or unknown
    "spot": FLAG,
    "kubelet_version": LABEL,
    "ready": FLAG,
    "schedulable": FLAG,
    **CAPACITY,
    "gpu_devices": NUMBER,  # physical GPUs; `gpu_capacity` counts shares when time-sliced
    **MEASURES,  # usage here is the node's own, requests and slack those of its pods; cost is the node's
    "pods_cost": NUMBER,
    "idle_cost": NUMBER,
    "reserved_cost": NUMBER,
    "unattached_cost": NUMBER,  # the price of a node whose size is unknown, so that it cannot be split
    "list_cost": NUMBER,  # the on-demand list price
    "spot_savings": NUMBER,  # list_cost - cost of a spot node, 0 for others
    "hourly_price": NUMBER,
    "list_hourly_price": NUMBER,
    "price_source": LABEL,
    "price_as_of": LABEL,
    "price_estimated": FLAG,
    "price_explanation": LABEL,
    "cpu_hourly_price": NUMBER,  # per core
    "memory_hourly_price": NUMBER,  # per GiB
    "gpu_hourly_price": NUMBER,  # per advertised GPU
}

PODS: Schema = {
    "cluster": LABEL,
    "namespace": LABEL,
    "pod": TEXT,
    "node": LABEL,
    "application": LABEL,  # the label's value, or "(unlabelled) NAMESPACE", which no label value can be
    "labelled": FLAG,
    "component": LABEL,
    "team": LABEL,  # "" where nothing names one
    "team_source": LABEL,  # pod, workload, namespace, annotation, mapping, registry or ""
    "workload_kind": LABEL,  # Deployment, StatefulSet, DaemonSet, CronJob, Job, ... or "" for a bare pod
    "workload": LABEL,
    "user": FLAG,  # outside the system namespaces
    "container_images": LABEL,  # comma-joined
    "containers": LABEL,  # comma-joined names
    "cpu_requests": NUMBER,
    "memory_requests": NUMBER,
    "gpu_requests": NUMBER,
    "cpu_usage": NUMBER,
    "memory_usage": NUMBER,
    "cpu_recommendation": NUMBER,
    "memory_recommendation": NUMBER,
    "recommendation_source": LABEL,  # "vpa", "usage", "hook" or ""
    "cpu_provisioned": NUMBER,  # Fargate's rounded-up size, NaN elsewhere
    "memory_provisioned": NUMBER,
    "cost": NUMBER,
    "slack_cost": NUMBER,
    "cpu_cost": NUMBER,
    "memory_cost": NUMBER,
    "gpu_cost": NUMBER,
    "spot": FLAG,
    "attached": FLAG,  # its node was in the node list
    "shared": FLAG,  # it has one of the labels of shared pods
    **SHARED,
}

CLUSTERS: Schema = {
    "cluster": TEXT,
    "name": TEXT,
    "api_server_url": TEXT,
    "stale": FLAG,
    "as_of": TEXT,  # ISO 8601, UTC
    "error": TEXT,
    "nodes": COUNT,
    "control_plane_nodes": COUNT,
    "worker_nodes": COUNT,
    "spot_nodes": COUNT,
    "instance_types": TEXT,  # comma-joined and sorted, of the worker nodes; so the next two
    "kubelet_versions": TEXT,
    "regions": TEXT,
    "ingresses": COUNT,
    "user_pods": COUNT,
    **CAPACITY,
    **MEASURES,
    "user_cpu_requests": NUMBER,
    "user_memory_requests": NUMBER,
    "pods_cost": NUMBER,
    "idle_cost": NUMBER,
    "reserved_cost": NUMBER,
    "unattached_cost": NUMBER,
    "overhead_cost": NUMBER,
    "list_cost": NUMBER,
    "spot_savings": NUMBER,
    "cost_per_user_request_hour_cpu": NUMBER,  # USD per requested core and hour
    "cost_per_user_request_hour_memory": NUMBER,  # USD per requested GiB and hour
}

POOLS: Schema = {
    "cluster": LABEL,
    "pool": LABEL,
    "role": LABEL,
    "instance_types": TEXT,
    "capacity_types": TEXT,
    "nodes": COUNT,
    "spot_nodes": COUNT,
    **CAPACITY,
    **MEASURES,
    "pods_cost": NUMBER,
    "idle_cost": NUMBER,
    "reserved_cost": NUMBER,
    "unattached_cost": NUMBER,
    "list_cost": NUMBER,
    "spot_savings": NUMBER,
}

NAMESPACES: Schema = {
    "cluster": LABEL,
    "namespace": LABEL,
    "status": LABEL,
    "team": LABEL,
    "email": TEXT,
    "system": FLAG,
    **MEASURES,
    **SHARED,
}
TEAMS: Schema = {"team": TEXT, "clusters": COUNT, "namespaces": COUNT, "applications": COUNT, **MEASURES, **SHARED}
APPLICATIONS: Schema = {
    "application": TEXT,
    "labelled": FLAG,
    "team": TEXT,  # several are joined by ", "
    "active": TEXT,  # from the application registry: "yes", "no" or "" (unknown)
    "clusters": TEXT,  # comma-joined ids
    "namespaces": TEXT,
    **MEASURES,
    **SHARED,
}
TEAM_APPLICATIONS: Schema = {"team": TEXT, "application": TEXT, "labelled": FLAG, "clusters": COUNT, **MEASURES, **SHARED}
COMPONENTS: Schema = {
    "application": LABEL,
    "component": LABEL,
    "clusters": COUNT,
    "namespaces": COUNT,
    **MEASURES,
    **SHARED,
}
WORKLOADS: Schema = {
    "cluster": LABEL,
    "namespace": LABEL,
    "workload_kind": LABEL,
    "workload": TEXT,
    "application": LABEL,
    "component": LABEL,
    "team": LABEL,
    "vpa": FLAG,
    "hpa": TEXT,  # "2-10" replicas, or ""
    **MEASURES,
    **SHARED,
}
INGRESSES: Schema = {
    "kind": LABEL,  # Ingress, RouteGroup, IngressRoute or HTTPRoute
    "cluster": LABEL,
    "namespace": LABEL,
    "name": TEXT,
    "application": LABEL,
    "host": TEXT,
    "status": COUNT,  # HTTP status of the probe; 0: not probed, 999: no answer
    "rule": TEXT,
    "backend": TEXT,
    "tls": TEXT,
}
PRICES: Schema = {
    "region": LABEL,
    "zone": LABEL,
    "instance_type": LABEL,
    "capacity_type": LABEL,
    "nodes": COUNT,
    "hourly_price": NUMBER,
    "list_hourly_price": NUMBER,
    "cost": NUMBER,
    "list_cost": NUMBER,
    "price_source": LABEL,
    "price_as_of": LABEL,
    "price_estimated": FLAG,
    "price_explanation": TEXT,
}
# One row for all clusters (level "total"), one per cluster, one per pool (which has no overhead). `difference` is cost minus the
# sum of the parts and has to be 0.00.
RECONCILIATION: Schema = {
    "level": LABEL,
    "cluster": LABEL,
    "pool": LABEL,
    "pods_cost": NUMBER,
    "idle_cost": NUMBER,
    "reserved_cost": NUMBER,
    "unattached_cost": NUMBER,
    "overhead_cost": NUMBER,
    "cost": NUMBER,
    "difference": NUMBER,
}

_DEFAULTS: dict[str, Any] = {TEXT: "", LABEL: "", NUMBER: np.nan, COUNT: 0, FLAG: False}


def from_rows(rows: Sequence[msgspec.Struct], fields: Iterable[str], schema: Schema) -> pd.DataFrame:
    """A frame of *rows* with the columns of *schema*; *fields* are those that a row has, the others start unknown.

    One column at a time: at 50,000 rows of Python objects all of them at once would be another 30 MB.
    """
    known = frozenset(fields)
    columns = {
        name: _column([getattr(row, name) for row in rows] if name in known else [_DEFAULTS[dtype]] * len(rows), dtype)
        for name, dtype in schema.items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def _column(values: list[Any], dtype: str) -> Any:
    if dtype == LABEL:
        names = sorted(set(values))
        codes = dict(zip(names, range(len(names)), strict=True))
        numbers = np.fromiter((codes[value] for value in values), dtype=np.int32, count=len(values))
        return pd.Categorical.from_codes(numbers, categories=pd.Index(names, dtype="str"))
    return pd.array(values, dtype="str") if dtype == TEXT else np.array(values, dtype=dtype)


def conform(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """*frame* with exactly the columns of *schema*, in that order and of those types; missing ones are filled with "unknown"."""
    columns = {}
    for name, dtype in schema.items():
        column = frame[name] if name in frame.columns else pd.Series(_DEFAULTS[dtype], index=frame.index)
        columns[name] = as_dtype(column, dtype)
    return pd.DataFrame(columns, index=frame.index)


def as_dtype(column: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    """*column* as *dtype*; a category gets its values sorted, so that the order never depends on which object was read first."""
    if str(column.dtype) == dtype and not column.hasnans:
        return column
    target: Any = dtype  # the stubs know dtypes only as literals
    if dtype in (TEXT, LABEL):
        column = column.astype(object).where(column.notna(), "").astype("str")
    elif dtype in (COUNT, FLAG) and column.hasnans:
        default = _DEFAULTS[dtype]
        column = column.where(column.notna(), default)
    converted: pd.Series[Any] = column.astype(target)
    return converted


def empty(schema: Schema) -> pd.DataFrame:
    """A frame of *schema* without rows."""
    return conform(pd.DataFrame(), schema)
