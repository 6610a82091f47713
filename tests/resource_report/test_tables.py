"""Frames of a schema: columns, types, and what is not known."""

from __future__ import annotations

import math

import pandas as pd

from resource_report import tables
from resource_report.frames import node_frame, pod_frame
from resource_report.rows import NodeRow, PodRow, Snapshot

SCHEMA = {"name": tables.TEXT, "kind": tables.LABEL, "cost": tables.NUMBER, "count": tables.COUNT, "flag": tables.FLAG}


def test_missing_columns_are_unknown_and_others_are_dropped() -> None:
    frame = tables.conform(pd.DataFrame({"name": ["a", None], "count": [1, None], "other": [1, 2]}), SCHEMA)

    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == SCHEMA
    assert frame["name"].tolist() == ["a", ""]
    assert frame["count"].tolist() == [1, 0]
    assert frame["flag"].tolist() == [False, False]
    assert frame["cost"].isna().all()


def test_empty_frame_has_the_types_too() -> None:
    assert {name: str(dtype) for name, dtype in tables.empty(tables.PODS).dtypes.items()} == dict(tables.PODS)


def test_categories_are_sorted() -> None:
    frame = tables.conform(pd.DataFrame({"kind": ["b", "a", "b"]}), SCHEMA)

    assert list(frame["kind"].cat.categories) == ["a", "b"]


def test_amounts_that_make_no_sense_are_unknown_or_none() -> None:
    row = PodRow(cluster="a", namespace="x", pod="p", cpu_requests=math.inf, memory_requests=-1.0, cpu_usage=math.inf)
    node = NodeRow(cluster="a", node="n", cpu_capacity=1e-300, memory_capacity=math.nan)
    snapshots = [Snapshot(cluster="a", name="a", api_server_url="", pods=[row], nodes=[node])]

    pods, nodes = pod_frame(snapshots), node_frame(snapshots)

    assert (pods["cpu_requests"][0], pods["memory_requests"][0]) == (0, 0)
    assert math.isnan(pods["cpu_usage"][0])
    assert (nodes["cpu_capacity"][0], nodes["memory_capacity"][0]) == (0, 0)
