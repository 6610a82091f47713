"""From snapshots to the figures of a report: rows to frames, recommendations, costs, groups. Pure.

The whole computation between reading the clusters and writing the pages, but for the price of a node (`node_prices`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from resource_report import tables
from resource_report.cost import CostSettings, apply_costs
from resource_report.recommend import RecommendSettings, with_recommendations
from resource_report.rows import NodeRow, PodRow, Snapshot
from resource_report.sharing import SharingSettings, apply_sharing
from resource_report.summary import Groups, summarise


@dataclass(frozen=True)
class FigureSettings:
    """How figures are computed."""

    cost: CostSettings = field(default_factory=CostSettings)
    recommend: RecommendSettings = field(default_factory=RecommendSettings)
    sharing: SharingSettings = field(default_factory=SharingSettings)


@dataclass(frozen=True)
class Tables:
    """Everything that was read: nodes (`node_frame`, with prices), pods (`pod_frame`), and the rest per cluster."""

    nodes: pd.DataFrame
    pods: pd.DataFrame
    snapshots: Sequence[Snapshot]
    active: Mapping[str, bool] = field(default_factory=dict)


def figures(read: Tables, settings: FigureSettings) -> Groups:
    """Every frame of the report. `active` says which applications a registry knows to be in use or retired."""
    pods = with_recommendations(read.pods, settings.recommend)
    clusters = [snapshot.cluster for snapshot in read.snapshots]
    costed, notes = apply_sharing(apply_costs(read.nodes, pods, clusters, settings.cost), settings.sharing)
    return replace(summarise(costed, read.snapshots, read.active), notifications=notes)


def node_frame(snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    """All nodes of all clusters, without prices yet."""
    rows = [row for snapshot in snapshots for row in snapshot.nodes]
    return _sane(tables.from_rows(rows, NodeRow.__struct_fields__, tables.NODES))


def pod_frame(snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    """All pods of all clusters, without costs yet, and `excluded`: whether the node was left out on purpose.

    Pods without an application label are kept apart by namespace: nobody inherits the bill of another team's unlabelled pods.
    """
    rows = [row for snapshot in snapshots for row in snapshot.pods]
    frame = _sane(tables.from_rows(rows, PodRow.__struct_fields__, tables.PODS))
    application = frame["application"].astype("str")
    labelled = application != ""
    named = application.where(labelled, "(unlabelled) " + frame["namespace"].astype("str"))
    excluded = {(snapshot.cluster, node) for snapshot in snapshots for node in snapshot.excluded_nodes}
    left_out = [(row.cluster, row.node) in excluded for row in rows] if excluded else [False] * len(rows)
    return frame.assign(application=named.astype("category"), labelled=labelled.astype("bool"), excluded=left_out)


def _sane(frame: pd.DataFrame) -> pd.DataFrame:
    """*frame* with every amount finite and at least 0, else unknown; an unknown request, capacity or allocatable is none.

    Amounts come from objects that anybody may have written. One so small that dividing by it overflows is none as well.
    """
    amounts = frame.select_dtypes("float64")
    amounts = amounts.where((amounts >= 0) & (amounts < np.inf)).mask(amounts < 1e-9, 0.0)
    for name in amounts.columns:
        if str(name).endswith(("_requests", "_capacity", "_allocatable")):
            amounts[name] = amounts[name].fillna(0.0)
    frame[amounts.columns] = amounts
    return frame
