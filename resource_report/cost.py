"""Shares the price of nodes out to pods. Pure arithmetic on frames; USD per month in, USD per month out.

Two models. `split` divides each node's price by CPU : memory : GPU and charges every pod on its own node, so that for every node

    pods + idle + reserved + unattached = cost

where reserved is the part of the capacity that is not allocatable, idle what is allocatable and nobody asked for, and unattached
the price of a node whose size is unknown. A pod whose node was not in the node list (it went away in between) is charged the
cluster's mean rates, and counted as unattached on the cluster. `max` is the older rule: every pod pays the larger of its CPU and
its memory share of the whole cluster. That does not add up; it exists for figures that compare with those of earlier reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from resource_report.eks import control_plane_fee
from resource_report.price_types import HOURS_PER_MONTH
from resource_report.tables import RESOURCES, UNIT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
PerResource = dict[str, Floats]


@dataclass(frozen=True)
class CostSettings:
    """`model` is split or max, `basis` request or max (of request and usage).

    `overhead` is USD per month per cluster id on top of the nodes, `default_overhead` that of clusters not named there.
    `eks_fee_on`, where set, adds the fee of EKS control planes as it was on that day.
    """

    model: str = "split"
    basis: str = "request"
    default_overhead: float = 0.0
    overhead: Mapping[str, float] = field(default_factory=dict)
    eks_fee_on: date | None = None

    def overhead_of(self, cluster: str) -> float:
        return self.overhead.get(cluster, self.default_overhead)


@dataclass(frozen=True)
class Costed:
    """Nodes and pods with their cost columns filled. `overhead` is USD per month per cluster that was read."""

    nodes: pd.DataFrame
    pods: pd.DataFrame
    overhead: Mapping[str, float]
    model: str


def apply_costs(nodes: pd.DataFrame, pods: pd.DataFrame, clusters: list[str], settings: CostSettings) -> Costed:
    """Fills cost, slack and their parts in both frames.

    *nodes* needs prices (`hourly_price`, the `*_weight` columns) and sizes, *pods* requests, usage and recommendations. A pod
    with `excluded` true sits on a node that was left out on purpose: it costs nothing in the split model.
    """
    overhead = overheads(nodes, clusters, settings)
    nodes = nodes.assign(cost=nodes["hourly_price"] * HOURS_PER_MONTH)
    nodes = nodes.assign(list_cost=nodes["list_hourly_price"] * HOURS_PER_MONTH)
    savings = (nodes["list_cost"] - nodes["cost"]).where(nodes["spot"], 0.0)
    nodes = nodes.assign(spot_savings=savings, unattached_cost=0.0, idle_cost=np.nan, reserved_cost=np.nan)
    where = node_positions(nodes, pods)
    on_spot = nodes["spot"].to_numpy(bool)
    spot = np.where(where >= 0, on_spot[where], False) if len(nodes) else np.zeros(len(pods), bool)
    pods = pods.assign(attached=where >= 0, spot=spot)
    if settings.model == "max":
        nodes, pods = _max_model(nodes, pods, where, overhead)
    else:
        nodes, pods = _split_model(nodes, pods, where, settings.basis)
    return Costed(nodes, pods, overhead, settings.model)


def overheads(nodes: pd.DataFrame, clusters: list[str], settings: CostSettings) -> dict[str, float]:
    """USD per month on top of the nodes of each cluster: what the operator names, and the fee of EKS control planes if asked."""
    found = {cluster: settings.overhead_of(cluster) for cluster in clusters}
    if settings.eks_fee_on is not None:
        for cluster, versions in nodes.groupby("cluster", observed=True)["kubelet_version"]:
            fee = control_plane_fee(versions.astype(str), settings.eks_fee_on) * HOURS_PER_MONTH
            found[str(cluster)] = found.get(str(cluster), 0.0) + fee
    return found


def node_positions(nodes: pd.DataFrame, pods: pd.DataFrame) -> Ints:
    """For every pod the row of its node, or -1. Raises pandas' error if a cluster has two nodes of one name."""
    known = pd.MultiIndex.from_arrays([nodes["cluster"].astype("str"), nodes["node"].astype("str")])
    wanted = pd.MultiIndex.from_arrays([pods["cluster"].astype("str"), pods["node"].astype("str")])
    found: Ints = known.get_indexer(wanted)
    return found


# ---- the split model


def _split_model(nodes: pd.DataFrame, pods: pd.DataFrame, where: Ints, basis: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    charged = {name: charged_amounts(pods, name, basis) for name in RESOURCES}
    attached = where >= 0
    asked = {name: _sum_at(where, charged[name], len(nodes)) for name in RESOURCES}
    capacity, allocatable = node_sizes(nodes, asked)
    rates, unattached = split_rates(nodes, capacity)
    reserved = _sum(rates[name] * (capacity[name] - allocatable[name]) for name in RESOURCES)

    # More asked for than there is (usage above requests, static pods): everybody gets less of it, the node never exceeds 100%.
    scale = {name: np.minimum(1.0, _ratio(allocatable[name], asked[name], missing=1.0)) for name in RESOURCES}
    pod_rates = {name: _at(where, rates[name] * scale[name]) for name in RESOURCES}
    for name, mean in _mean_rates(nodes, pods, rates, capacity).items():
        pod_rates[name] = np.where(attached, pod_rates[name], mean)
        pod_rates[name] = np.where(pods["excluded"].to_numpy(bool), 0.0, pod_rates[name])
    parts = {name: charged[name] * pod_rates[name] for name in RESOURCES}
    cost = _sum(parts.values())
    useful = _recommended_cost(pods, pod_rates, parts["gpu"])
    pods = pods.assign(
        cost=cost,
        slack_cost=np.clip(cost - useful, 0.0, cost),
        **{f"{name}_cost": parts[name] for name in RESOURCES},
    )
    on_nodes = _sum_at(where, cost, len(nodes))
    price = nodes["cost"].to_numpy(float)
    idle = price - reserved - unattached - on_nodes
    rounding = np.abs(idle) <= 1e-12 * np.maximum(price, 1.0)  # of floating-point sums, not money
    nodes = nodes.assign(
        pods_cost=on_nodes,
        reserved_cost=reserved,
        unattached_cost=unattached,
        idle_cost=np.where(rounding, 0.0, idle),
        **{f"{name}_hourly_price": rates[name] * UNIT[name] / HOURS_PER_MONTH for name in RESOURCES},
    )
    return nodes, pods


def charged_amounts(pods: pd.DataFrame, name: str, basis: str) -> Floats:
    """What a pod pays for: its request, on Fargate the size that was provisioned; with basis max its usage where that is more.

    A pod without requests pays nothing under `request`, and for its usage under `max`. Unknown usage counts as none here: the
    cost of a request is known all the same.
    """
    amounts = _clean(pods[f"{name}_requests"])
    if name == "gpu":
        return amounts
    if basis == "max":
        amounts = np.maximum(amounts, _clean(pods[f"{name}_usage"]))
    provisioned = pods[f"{name}_provisioned"].to_numpy(float)
    return np.where(np.isfinite(provisioned) & (provisioned > 0), provisioned, amounts)


def node_sizes(nodes: pd.DataFrame, asked: PerResource) -> tuple[PerResource, PerResource]:
    """Capacity and allocatable per node, the latter never above the former.

    A Fargate node is as large as what its pods were provisioned with, whatever its kernel reports: that is what is billed.
    """
    fargate = (nodes["capacity_type"] == "fargate").to_numpy(bool)
    anything = _sum(asked[name] for name in ("cpu", "memory")) > 0
    capacity, allocatable = {}, {}
    for name in RESOURCES:
        own = _clean(nodes[f"{name}_capacity"])
        capacity[name] = np.where(fargate & anything, asked[name], own)
        allocatable[name] = np.where(fargate, capacity[name], np.minimum(_clean(nodes[f"{name}_allocatable"]), own))
    return capacity, allocatable


def split_rates(nodes: pd.DataFrame, capacity: PerResource) -> tuple[PerResource, Floats]:
    """USD per month for one core, one byte and one GPU of each node, and what could not be split.

    With weights w (USD per hour of a core, a GiB and a GPU, of which only the proportions matter) and the capacity q in those
    units, rate_i = price * w_i / sum(w_j * q_j): the rates times the capacity add up to the price. Worked example: 100 USD,
    4 cores and 16 GiB, weights 8 : 1 : 0 give 100 / (32 + 16) = 2.083 per GiB and 16.667 per core. GPUs that are shared by time
    slices weigh as the physical devices they are.
    """
    price = nodes["cost"].to_numpy(float)
    shares = {name: _clean(nodes[f"{name}_weight"]) / UNIT[name] for name in RESOURCES}
    devices = _clean(nodes["gpu_devices"])
    devices = np.where(devices > 0, devices, capacity["gpu"])
    shares["gpu"] = shares["gpu"] * _ratio(devices, capacity["gpu"], missing=1.0)
    total = _sum(shares[name] * capacity[name] for name in RESOURCES)
    # An amount that is absurdly small against the price is no size: dividing by it would only lose digits.
    splittable = total > 1e-12
    rates = {name: np.where(splittable, price * _ratio(shares[name], total, missing=0.0), 0.0) for name in RESOURCES}
    return rates, np.where(splittable, 0.0, price)


def _mean_rates(nodes: pd.DataFrame, pods: pd.DataFrame, rates: PerResource, capacity: PerResource) -> PerResource:
    """The mean rate of each pod's cluster, weighted by capacity; NaN where the cluster's nodes are not known."""
    cluster = nodes["cluster"].astype("str").to_numpy()
    means: PerResource = {}
    for name in RESOURCES:
        sums = pd.DataFrame({"cluster": cluster, "paid": rates[name] * capacity[name], "amount": capacity[name]})
        sums = sums.dropna().groupby("cluster").sum()
        mean = (sums["paid"] / sums["amount"].where(sums["amount"] > 0)).fillna(0.0)
        means[name] = pods["cluster"].astype("str").map(mean).to_numpy(np.float64)
    return means


def _recommended_cost(pods: pd.DataFrame, rates: PerResource, gpu_cost: Floats) -> Floats:
    """What the recommended size would cost; NaN where none is known. GPUs are taken as needed: nothing measures their use."""
    cpu = pods["cpu_recommendation"].to_numpy(float) * rates["cpu"]
    memory = pods["memory_recommendation"].to_numpy(float) * rates["memory"]
    return cpu + memory + gpu_cost


# ---- the max model


def _max_model(
    nodes: pd.DataFrame, pods: pd.DataFrame, where: Ints, overhead: Mapping[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pod cost = max(cpu * C/Ac, memory * C/Am): C the whole cluster's cost, Ac and Am its allocatable CPU and memory.

    Slack is the cost less the same for the recommended size, within 0 and the cost. Worked example: C = 168, Ac = 4 cores and
    Am = 16 GiB; a pod of 1 core and 2 GiB costs max(42, 21) = 42; with 0.5 cores and 1 GiB recommended, 21 of it is slack.
    """
    groups = nodes.groupby(nodes["cluster"].astype("str"))[["cost", "cpu_allocatable", "memory_allocatable"]].sum()
    whole = groups["cost"] + groups.index.to_series().map(dict(overhead)).fillna(0.0)
    cluster = pods["cluster"].astype("str")
    prices = {name: cluster.map(_divide(whole, groups[f"{name}_allocatable"])).to_numpy(float) for name in ("cpu", "memory")}
    parts = {name: _clean(pods[f"{name}_requests"]) * prices[name] for name in prices}
    cost = np.maximum(parts["cpu"], parts["memory"])
    useful = np.maximum(*(pods[f"{name}_recommendation"].to_numpy(float) * prices[name] for name in prices))
    pods = pods.assign(
        cost=cost, slack_cost=np.clip(cost - useful, 0.0, cost), cpu_cost=parts["cpu"], memory_cost=parts["memory"]
    )
    return nodes.assign(pods_cost=_sum_at(where, cost, len(nodes))), pods.assign(gpu_cost=0.0)


# ---- small things


def _clean(column: pd.Series[Any]) -> Floats:
    """Amounts as numbers of at least 0: what is unknown, infinite or negative is an amount of nothing."""
    amounts = column.to_numpy(float, copy=True)
    amounts[~np.isfinite(amounts) | (amounts < 0)] = 0.0
    return amounts


def _ratio(above: Floats, below: Floats, *, missing: float) -> Floats:
    result: Floats = np.divide(above, below, out=np.full(np.shape(above), missing), where=below > 0)
    return result


def _divide(above: pd.Series[Any], below: pd.Series[Any]) -> pd.Series[Any]:
    """Element by element; NaN instead of infinity where nothing is allocatable."""
    return above / below.where(below > 0)


def _sum(parts: Any) -> Floats:
    total: Floats = np.sum(list(parts), axis=0)
    return total


def _sum_at(where: Ints, amounts: Floats, length: int) -> Floats:
    """Per node the sum of what its pods have."""
    attached = where >= 0
    return np.bincount(where[attached], weights=amounts[attached], minlength=length).astype(float)


def _at(where: Ints, values: Floats) -> Floats:
    """Per pod the value of its node; 0 without one."""
    return np.where(where >= 0, values[where], 0.0) if len(values) else np.zeros(len(where))
