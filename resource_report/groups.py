"""Sums of pods and nodes by a key, with the share that is known. Pure; `summary.py` says which groups there are.

A sum leaves out what is unknown, and is itself unknown where nothing is known; `coverage` says how much of it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from resource_report import tables

SUMS = [
    "cpu_requests",
    "memory_requests",
    "gpu_requests",
    "cpu_usage",
    "memory_usage",
    "cpu_recommendation",
    "memory_recommendation",
    "cost",
    "slack_cost",
    "daemonset_cost",
    "spot_cost",
]
NODE_SUMS = [
    *tables.CAPACITY,
    "cost",
    "pods_cost",
    "idle_cost",
    "reserved_cost",
    "unattached_cost",
    "list_cost",
    "spot_savings",
]


def with_parts(pods: pd.DataFrame) -> pd.DataFrame:
    """*pods* with the columns that groups add up but a pod does not show: the DaemonSet and spot parts of its cost."""
    daemonset = (pods["workload_kind"] == "DaemonSet").astype("bool")
    known = pods["cpu_recommendation"].notna() & pods["memory_recommendation"].notna()
    return pods.assign(
        daemonset_cost=pods["cost"].where(daemonset, 0.0),
        spot_cost=pods["cost"].where(pods["spot"], 0.0),
        known=known.astype("float64"),
    )


def measures(pods: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """One row per combination of *by* that has a pod, with `tables.MEASURES`; with `tables.SHARED` where that is filled.

    *pods* comes from `with_parts`.
    """
    groups = pods.groupby(list(by), observed=True, sort=True)
    sums = [*SUMS, *(name for name in tables.SHARED if name in pods)]
    summed = groups[sums].sum(min_count=1)
    return summed.assign(pods=groups.size(), coverage=groups["known"].mean()).reset_index()


def node_sums(nodes: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sizes, costs and counts of nodes per combination of *by*; types and versions of the workers joined in a fixed order."""
    workers = nodes["worker"]
    counted = nodes.assign(
        nodes=1,
        worker_nodes=workers.astype("int64"),
        control_plane_nodes=(~workers).astype("int64"),
        spot_nodes=nodes["spot"].astype("int64"),
    )
    counts = ["nodes", "worker_nodes", "control_plane_nodes", "spot_nodes"]
    groups = counted.groupby(list(by), observed=True, sort=True)
    summed = groups[[*NODE_SUMS, "cpu_usage", "memory_usage"]].sum(min_count=1).join(groups[counts].sum())
    for name, column, chosen in (
        ("instance_types", "instance_type", workers),
        ("kubelet_versions", "kubelet_version", workers),
        ("regions", "region", workers | True),
        ("capacity_types", "capacity_type", workers | True),
        ("role", "role", workers | True),
    ):
        summed[name] = joined(nodes[chosen], by, column)
    return summed.reset_index()


def distinct(frame: pd.DataFrame, by: Sequence[str], *columns: str) -> pd.Series[Any]:
    """How many different values of *columns* there are per *by*."""
    unique = frame[[*by, *columns]].drop_duplicates()
    return unique.groupby(list(by), observed=True).size()


def joined(frame: pd.DataFrame, by: Sequence[str], column: str) -> pd.Series[Any]:
    """The different values of *column* per *by*, sorted, joined by a comma and a blank; empty ones left out."""
    unique = frame[[*by, column]].drop_duplicates()
    unique = unique.assign(**{column: unique[column].astype("str")})
    unique = unique[unique[column] != ""].sort_values(column, kind="stable")
    result: pd.Series[Any] = unique.groupby(list(by), observed=True)[column].agg(", ".join)
    return result


def ranked(frame: pd.DataFrame, by: str, *ties: str) -> pd.DataFrame:
    """The largest *by* first, unknown last, ties in the order of the named columns: the same on every run."""
    keys = frame.assign(**{column: frame[column].astype("str") for column in ties})
    order = keys.sort_values([by, *ties], ascending=[False, *(True for _ in ties)], na_position="last", kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def whole_cents(parts: pd.DataFrame, total: pd.Series[Any]) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Rounds both to cents so that the rounded parts still add up to the rounded total.

    The cents that rounding down loses go to the parts with the largest remainders. Where the parts do not add up to the total to
    begin with (within half a cent), they are only rounded, so that a real difference stays visible.
    """
    cents = parts.fillna(0.0).to_numpy(float) * 100
    goal = np.round(total.fillna(0.0).to_numpy(float) * 100)
    adds_up = np.abs(cents.sum(axis=1) - total.fillna(0.0).to_numpy(float) * 100) < 0.5
    floor = np.floor(cents + 1e-6)
    missing = np.where(adds_up, goal - floor.sum(axis=1), 0).astype(int)
    order = np.argsort(-(cents - floor), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    rounded = np.where(adds_up[:, None], floor + (rank < missing[:, None]), np.round(cents))
    exact = pd.DataFrame(rounded / 100, index=parts.index, columns=parts.columns)
    return exact, pd.Series(goal / 100, index=total.index)
