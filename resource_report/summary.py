"""Groups priced pods and nodes into what the pages show: clusters, pools, namespaces, teams, applications and so on.

Pure: frames in, new frames out. Nothing here computes a price or a cost; it only adds up, and says how much of a sum is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from resource_report import tables
from resource_report.cost import Costed
from resource_report.groups import distinct, joined, measures, node_sums, ranked, whole_cents, with_parts
from resource_report.notifications import Notification
from resource_report.price_types import HOURS_PER_MONTH
from resource_report.rows import IngressRow, NamespaceRow, Snapshot, WorkloadRow
from resource_report.tables import conform


def _frame(schema: tables.Schema) -> pd.DataFrame:
    return field(default_factory=lambda: tables.empty(schema))


@dataclass(frozen=True)
class Report:
    """Everything a page may show. Frames have exactly the columns of `tables`, ids are raw, money is USD per month.

    `totals` holds the numbers of the overview: every measure, size and cost column of `tables.CLUSTERS` summed over the clusters
    (NaN where none is known), `clusters`, `stale_clusters`, `teams`, `applications`, and `spot_savings_share` (0..1 of the spot
    nodes' list price). `settings` are the run's choices as text ("cost model": "split"), `seconds` how long each phase took.
    """

    generated: datetime
    version: str
    clusters: pd.DataFrame = _frame(tables.CLUSTERS)
    pools: pd.DataFrame = _frame(tables.POOLS)
    nodes: pd.DataFrame = _frame(tables.NODES)
    namespaces: pd.DataFrame = _frame(tables.NAMESPACES)
    teams: pd.DataFrame = _frame(tables.TEAMS)
    applications: pd.DataFrame = _frame(tables.APPLICATIONS)
    team_applications: pd.DataFrame = _frame(tables.TEAM_APPLICATIONS)
    components: pd.DataFrame = _frame(tables.COMPONENTS)
    workloads: pd.DataFrame = _frame(tables.WORKLOADS)
    pods: pd.DataFrame = _frame(tables.PODS)
    ingresses: pd.DataFrame = _frame(tables.INGRESSES)
    prices: pd.DataFrame = _frame(tables.PRICES)
    reconciliation: pd.DataFrame = _frame(tables.RECONCILIATION)
    notifications: tuple[Notification, ...] = ()
    totals: Mapping[str, float] = field(default_factory=dict)
    samples: int = 1  # usage samples of this run
    sharing: bool = False  # whether the columns of `tables.SHARED` are filled
    settings: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Groups:
    """The frames of a Report, by their name there, its totals, and what there is to tell of the computation."""

    frames: Mapping[str, pd.DataFrame]
    totals: Mapping[str, float]
    notifications: Sequence[Notification] = ()


def summarise(costed: Costed, snapshots: Sequence[Snapshot], active: Mapping[str, bool]) -> Groups:
    """All groups of what was read and priced. *active* says which applications a registry knows to be in use or retired."""
    pods = with_parts(costed.pods)
    nodes = _nodes(costed.nodes, pods)
    clusters = ranked(_clusters(costed, nodes, pods, snapshots), "cost", "cluster")
    pools = ranked(_pools(nodes, pods), "cost", "cluster", "pool")
    frames = {
        "clusters": clusters,
        "pools": pools,
        "nodes": ranked(conform(nodes, tables.NODES), "cost", "cluster", "node"),
        "namespaces": _namespaces(pods, snapshots),
        **_owners(pods, active),
        "workloads": _workloads(pods, snapshots),
        "pods": ranked(conform(pods, tables.PODS), "cost", "cluster", "namespace", "pod"),
        "ingresses": _ingresses(snapshots),
        "prices": _prices(nodes),
        "reconciliation": reconcile(clusters, pools, costed.model),
    }
    return Groups(frames, _totals(frames, costed))


# ---- where it runs


def _nodes(nodes: pd.DataFrame, pods: pd.DataFrame) -> pd.DataFrame:
    """Nodes with what their pods request and waste; usage is the node's own, of which its pods are only a part."""
    columns = ["pods", "cpu_requests", "memory_requests", "gpu_requests", "cpu_recommendation", "memory_recommendation"]
    columns += ["slack_cost", "daemonset_cost", "coverage"]
    keys = ["cluster", "node"]
    carried = measures(pods.assign(node=pods["node"].astype("str"), cluster=pods["cluster"].astype("str")), keys)
    plain = nodes.drop(columns=columns, errors="ignore").assign(cluster=nodes["cluster"].astype("str"))
    merged = plain.merge(carried[[*keys, *columns]], on=keys, how="left", validate="one_to_one")
    zero = ["pods", "cpu_requests", "memory_requests", "gpu_requests", "daemonset_cost"]
    return merged.assign(**{name: merged[name].fillna(0) for name in zero}, spot_cost=merged["cost"].where(merged["spot"], 0.0))


def _clusters(costed: Costed, nodes: pd.DataFrame, pods: pd.DataFrame, snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    known = pd.DataFrame(
        {
            "cluster": [snapshot.cluster for snapshot in snapshots],
            "name": [snapshot.name for snapshot in snapshots],
            "api_server_url": [snapshot.api_server_url for snapshot in snapshots],
            "stale": [snapshot.stale for snapshot in snapshots],
            "as_of": [snapshot.as_of for snapshot in snapshots],
            "error": [snapshot.error for snapshot in snapshots],
            "ingresses": [len(snapshot.ingresses) for snapshot in snapshots],
            "overhead_cost": [costed.overhead.get(snapshot.cluster, 0.0) for snapshot in snapshots],
        }
    ).set_index("cluster", drop=False)
    by_node = node_sums(nodes, ["cluster"]).set_index("cluster")
    by_pod = measures(pods.assign(cluster=pods["cluster"].astype("str")), ["cluster"]).set_index("cluster")
    # The nodes' own usage includes what runs beside the pods; without node metrics the pods' usage is the next best.
    usage = {name: by_node[name].reindex(known.index).fillna(by_pod[name]) for name in ("cpu_usage", "memory_usage")}
    own = ["cost", "spot_cost", *usage]
    frame = known.join(by_node.drop(columns=["cost", "pods_cost", "unattached_cost", *usage])).join(by_pod.drop(columns=own))
    frame = frame.assign(**usage, spot_cost=nodes.groupby("cluster")["spot_cost"].sum(), **_user_requests(pods))
    unattached = by_node["unattached_cost"].add(_unattached_pods(pods, costed.model), fill_value=0.0).reindex(frame.index)
    pods_cost = by_pod["cost"] if costed.model == "max" else by_node["pods_cost"]
    cost = by_node["cost"].reindex(frame.index).add(_unattached_pods(pods, costed.model), fill_value=0.0)
    cost = cost.reindex(frame.index).fillna(0.0) + frame["overhead_cost"]
    frame = frame.assign(cost=cost, unattached_cost=unattached, pods_cost=pods_cost)
    frame = frame.assign(slack_cost=np.minimum(frame["slack_cost"], frame["cost"]), **_request_prices(frame))
    return conform(frame.reset_index(drop=True), tables.CLUSTERS)


def _user_requests(pods: pd.DataFrame) -> dict[str, pd.Series[float]]:
    user = pods[pods["user"]]
    groups = user.groupby(user["cluster"].astype("str"))
    return {
        "user_pods": groups.size(),
        "user_cpu_requests": groups["cpu_requests"].sum(),
        "user_memory_requests": groups["memory_requests"].sum(),
    }


def _unattached_pods(pods: pd.DataFrame, model: str) -> pd.Series[float]:
    """Per cluster the cost of pods whose node was not in the list; nothing in the max model, where a node does not matter."""
    gone = pods[~pods["attached"] & (model != "max")]
    return gone.groupby(gone["cluster"].astype("str"))["cost"].sum()


def _request_prices(clusters: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """USD per requested core-hour and GiB-hour: half of the hourly cost over each; at least a thousandth of a unit is assumed."""
    half = 0.5 * clusters["cost"] / HOURS_PER_MONTH
    gib = clusters["user_memory_requests"].fillna(0.0) / tables.UNIT["memory"]
    return {
        "cost_per_user_request_hour_cpu": half / clusters["user_cpu_requests"].fillna(0.0).clip(lower=0.001),
        "cost_per_user_request_hour_memory": half / gib.clip(lower=0.001),
    }


def _pools(nodes: pd.DataFrame, pods: pd.DataFrame) -> pd.DataFrame:
    keys = ["cluster", "pool"]
    placed = nodes[["cluster", "node", "pool"]].assign(pool=nodes["pool"].astype("str"))
    placement = pd.MultiIndex.from_frame(placed[["cluster", "node"]])
    where = placement.get_indexer(pd.MultiIndex.from_arrays([pods["cluster"].astype("str"), pods["node"].astype("str")]))
    inside = pods[where >= 0]
    inside = inside.assign(cluster=inside["cluster"].astype("str"), pool=placed["pool"].to_numpy()[where[where >= 0]])
    carried = measures(inside, keys).drop(columns=["cost", "cpu_usage", "memory_usage", "spot_cost"])
    sums = node_sums(nodes.assign(pool=nodes["pool"].astype("str")), keys)
    merged = sums.merge(carried, on=keys, how="left", validate="one_to_one")
    spot = nodes.groupby(["cluster", nodes["pool"].astype("str")])["spot_cost"].sum()
    merged["spot_cost"] = spot.reindex(pd.MultiIndex.from_frame(merged[keys])).to_numpy()
    return conform(merged, tables.POOLS)


# ---- whom it belongs to


def _namespaces(pods: pd.DataFrame, snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    rows = [row for snapshot in snapshots for row in snapshot.namespaces]
    keys = ["cluster", "namespace"]
    listed = pd.DataFrame(
        {name: [getattr(row, name) for row in rows] for name in NamespaceRow.__struct_fields__}, index=range(len(rows))
    )
    carried = measures(pods.assign(**{key: pods[key].astype("str") for key in keys}), keys)
    merged = listed.astype(dict.fromkeys(keys, "str")).merge(carried, on=keys, how="outer", validate="one_to_one")
    filled = ["cpu_requests", "memory_requests", "gpu_requests", "cost", "slack_cost"]
    filled += [name for name in tables.SHARED if name in merged]
    nothing = merged["pods"].isna()
    merged = merged.assign(**{name: merged[name].mask(nothing, 0.0) for name in filled})
    return ranked(conform(merged, tables.NAMESPACES), "cost", *keys)


def _owners(pods: pd.DataFrame, active: Mapping[str, bool]) -> dict[str, pd.DataFrame]:
    teams = measures(pods, ["team"]).set_index("team", drop=False)
    teams = teams.assign(
        clusters=distinct(pods, ["team"], "cluster"),
        namespaces=distinct(pods, ["team"], "cluster", "namespace"),
        applications=distinct(pods, ["team"], "application"),
    )
    applications = measures(pods, ["application", "labelled"]).set_index("application", drop=False)
    key = ["application"]
    applications = applications.assign(
        team=joined(pods, key, "team"), clusters=joined(pods, key, "cluster"), namespaces=joined(pods, key, "namespace")
    )
    words = {application: "yes" if used else "no" for application, used in active.items()}
    applications["active"] = [words.get(application, "") for application in applications.index.astype("str")]
    pair = ["team", "application"]
    shares = measures(pods, [*pair, "labelled"]).set_index(pair, drop=False)
    shares = shares.assign(clusters=distinct(pods, pair, "cluster"))
    pair = ["application", "component"]
    components = measures(pods, pair).set_index(pair, drop=False)
    components = components.assign(
        clusters=distinct(pods, pair, "cluster"), namespaces=distinct(pods, pair, "cluster", "namespace")
    )
    return {
        "teams": ranked(_plain(teams, tables.TEAMS), "slack_cost", "team"),
        "applications": ranked(_plain(applications, tables.APPLICATIONS), "cost", "application"),
        "team_applications": ranked(_plain(shares, tables.TEAM_APPLICATIONS), "cost", "team", "application"),
        "components": ranked(_plain(components, tables.COMPONENTS), "cost", "application", "component"),
    }


def _plain(frame: pd.DataFrame, schema: tables.Schema) -> pd.DataFrame:
    return conform(frame.reset_index(drop=True), schema)


def _workloads(pods: pd.DataFrame, snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    keys = ["cluster", "namespace", "workload_kind", "workload"]
    named = pods[pods["workload"].astype("str") != ""]
    named = named.assign(**{key: named[key].astype("str") for key in keys})
    owners = named.groupby(keys)[["application", "component", "team"]].first().reset_index()
    merged = measures(named, keys).merge(owners, on=keys, validate="one_to_one")
    rows = [row for snapshot in snapshots for row in snapshot.workloads]
    facts = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in WorkloadRow.__struct_fields__}, dtype=object)
    facts = facts.astype(dict.fromkeys(keys, "str"))
    merged = merged.merge(facts.drop_duplicates(keys), on=keys, how="left", validate="one_to_one")
    merged["vpa"] = merged["vpa"].eq(True)
    return ranked(conform(merged, tables.WORKLOADS), "cost", *keys)


def _ingresses(snapshots: Sequence[Snapshot]) -> pd.DataFrame:
    rows = [row for snapshot in snapshots for row in snapshot.ingresses]
    frame = tables.from_rows(rows, IngressRow.__struct_fields__, tables.INGRESSES)
    keys = ["kind", "cluster", "namespace", "name", "host", "rule"]
    order = frame.assign(**{key: frame[key].astype("str") for key in keys}).sort_values(keys, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


# ---- what it costs


def _prices(nodes: pd.DataFrame) -> pd.DataFrame:
    keys = ["region", "zone", "instance_type", "capacity_type", "price_source", "price_as_of", "price_estimated"]
    keys += ["price_explanation", "hourly_price", "list_hourly_price"]
    plain = nodes.assign(**{key: nodes[key].astype("str") for key in keys if str(nodes[key].dtype) == "category"})
    groups = plain.groupby(keys, dropna=False, sort=True)
    frame = groups[["cost", "list_cost"]].sum(min_count=1).assign(nodes=groups.size()).reset_index()
    return ranked(conform(frame, tables.PRICES), "cost", *keys[:4])


PARTS = ["pods_cost", "idle_cost", "reserved_cost", "unattached_cost", "overhead_cost"]


def reconcile(clusters: pd.DataFrame, pools: pd.DataFrame, model: str) -> pd.DataFrame:
    """Shows that the parts add up to the cost: in all, per cluster and per pool, in whole cents.

    In the max model there is no idle and no reserved cost, and `difference` is what that model leaves over or charges twice.
    """
    total = clusters[[*PARTS, "cost"]].sum().to_frame().T.assign(level="total")
    per_pool = pools.assign(level="pool", overhead_cost=0.0)
    columns = ["level", "cluster", "pool", *PARTS, "cost"]
    frame = pd.concat(
        [
            total.assign(cluster="", pool="")[columns],
            clusters.assign(level="cluster", pool="")[columns],
            per_pool.assign(cluster=pools["cluster"].astype("str"), pool=pools["pool"].astype("str"))[columns],
        ],
        ignore_index=True,
    )
    numbers = frame[[*PARTS, "cost"]].astype("float64").fillna(0.0)
    if model == "max":
        numbers[["idle_cost", "reserved_cost"]] = 0.0
    parts, cost = whole_cents(numbers[PARTS], numbers["cost"])
    frame = frame[["level", "cluster", "pool"]].join(parts).assign(cost=cost)
    frame["difference"] = (frame["cost"] - frame[PARTS].sum(axis=1)).round(2) + 0.0
    return conform(frame, tables.RECONCILIATION)


def _totals(frames: Mapping[str, pd.DataFrame], costed: Costed) -> dict[str, float]:
    clusters = frames["clusters"]
    numeric = [name for name, dtype in tables.CLUSTERS.items() if dtype in (tables.NUMBER, tables.COUNT)]
    totals = {str(name): float(value) for name, value in clusters[numeric].sum(min_count=1).items()}
    if costed.model == "max":
        # The older rule adds up the applications' slack as it is, which may exceed the cost.
        totals["slack_cost"] = float(costed.pods["slack_cost"].sum(min_count=1))
    known = costed.pods["cpu_recommendation"].notna() & costed.pods["memory_recommendation"].notna()
    spot_list = float(frames["nodes"].loc[frames["nodes"]["spot"], "list_cost"].sum())
    totals |= {f"cost_per_user_request_hour_{name}": value for name, value in _total_request_prices(totals).items()}
    return totals | {
        "coverage": float(known.mean()) if len(known) else np.nan,
        "clusters": float(len(clusters)),
        "stale_clusters": float(clusters["stale"].sum()),
        "teams": float(len(frames["teams"])),
        "applications": float(len(frames["applications"])),
        "spot_savings_share": totals["spot_savings"] / spot_list if spot_list > 0 else np.nan,
    }


def _total_request_prices(totals: Mapping[str, float]) -> dict[str, float]:
    half = 0.5 * totals["cost"] / HOURS_PER_MONTH
    cpu, memory = (
        0.0 if np.isnan(totals[f"user_{name}_requests"]) else totals[f"user_{name}_requests"] for name in ("cpu", "memory")
    )
    return {"cpu": half / max(cpu, 0.001), "memory": half / max(memory / tables.UNIT["memory"], 0.001)}
