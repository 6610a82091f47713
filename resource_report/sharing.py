"""Spreads cost that belongs to nobody, or to everybody, over the pods that the others pay for. Pure arithmetic on frames.

Three things can be spread within their cluster, each into a column of its own: the cost of shared pods, idle cost, and overhead.
The column `cost` is never changed. Those who take are the pods that are not shared themselves and cost more than nothing:

    weighted    amount * cost / sum of the cost of all takers
    even        amount / teams, and inside a team * cost / cost of the team; a team without a taker does not count

A part that has no taker stays where it was, and is told. So, for every cluster,

    sum of the column + what stayed unshared = what was to be shared
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from resource_report.cost import Costed, node_positions
from resource_report.notifications import Notification, Severity
from resource_report.tables import SHARED
from shared.filters import Names

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

STRATEGIES = ("none", "weighted", "even")
_NAMES = {"shared_cost": "cost of shared pods", "shared_idle_cost": "idle cost", "shared_overhead_cost": "overhead"}


@dataclass(frozen=True)
class SharingSettings:
    """What is spread, and how. `idle` and `overhead` are one of STRATEGIES; the cost of shared pods is always weighted.

    Shared are the pods of the namespaces that `namespaces` matches and, where `labels` is set, those marked `shared`.
    """

    idle: str = "none"
    overhead: str = "none"
    namespaces: Names = field(default_factory=Names)
    labels: bool = False

    @property
    def active(self) -> bool:
        """Whether anything is to be shared."""
        return self.idle != "none" or self.overhead != "none" or bool(self.namespaces) or self.labels


def apply_sharing(costed: Costed, settings: SharingSettings) -> tuple[Costed, list[Notification]]:
    """Fills the columns of `tables.SHARED` of every pod, and tells what found no taker; nothing is done unless it is asked for.

    USD per month. What a pod takes is unknown where its own cost is.
    """
    if not settings.active:
        return costed, []
    pods = costed.pods
    giving = shared_pods(pods, settings)
    cost = pods["cost"].fillna(0.0).to_numpy(np.float64)
    takers = Takers.of(pods, np.where(giving, 0.0, cost), list(costed.overhead))
    overhead = np.array(list(costed.overhead.values()), dtype=np.float64)
    parts = {
        "shared_cost": takers.spread("weighted", takers.per_cluster(np.where(giving, cost, 0.0))),
        "shared_idle_cost": _spread_idle(costed, takers, settings.idle),
        "shared_overhead_cost": takers.spread(settings.overhead, overhead),
    }
    known = pods["cost"].notna().to_numpy(bool)
    columns = {name: np.where(known, parts[name][0], np.nan) for name in SHARED}
    notes = [
        Notification(Severity.INFO, cluster, "sharing", f"{amount:.2f} USD/month of {_NAMES[name]} stay unshared", _REMEDY)
        for name, (_, unshared) in parts.items()
        for cluster, amount in zip(costed.overhead, unshared.tolist(), strict=True)
        if amount >= 0.005
    ]
    return replace(costed, pods=pods.assign(**columns)), notes


_REMEDY = "the cluster has no pod that costs anything and is not shared itself"


def shared_pods(pods: pd.DataFrame, settings: SharingSettings) -> npt.NDArray[np.bool_]:
    """Which pods are shared, by their namespace or their labels."""
    namespace = pods["namespace"].astype("str")
    chosen = {name for name in namespace.unique().tolist() if settings.namespaces.matches(name)}
    marked = namespace.isin(chosen).to_numpy(bool)
    return marked | pods["shared"].to_numpy(bool) if settings.labels else marked


def _spread_idle(costed: Costed, takers: Takers, strategy: str) -> tuple[Floats, Floats]:
    """Weighted goes node by node; what lies idle on a node without a taker goes to the takers of its cluster."""
    idle = costed.nodes["idle_cost"].fillna(0.0).to_numpy(np.float64)
    cluster = cluster_codes(costed.nodes, list(costed.overhead))
    own = np.zeros(len(costed.pods))
    if strategy == "weighted" and len(idle):
        where = node_positions(costed.nodes, costed.pods)
        on_node = np.where(where >= 0, takers.weights, 0.0)
        own, idle = by_weight(idle, np.maximum(where, 0), on_node)
    rest, unshared = takers.spread(
        strategy, np.bincount(cluster, weights=idle, minlength=len(costed.overhead)).astype(np.float64)
    )
    return own + rest, unshared


@dataclass(frozen=True)
class Takers:
    """The pods of all clusters with what each weighs (its cost; 0: it takes nothing).

    `cluster` and `pair` say for each pod which cluster it is in, and which team of which cluster it belongs to; `pair_cluster`
    is the cluster of each such team.
    """

    weights: Floats
    cluster: Ints
    clusters: int
    pair: Ints
    pair_cluster: Ints

    @classmethod
    def of(cls, pods: pd.DataFrame, weights: Floats, clusters: list[str]) -> Takers:
        cluster = cluster_codes(pods, clusters)
        team, teams = pd.factorize(pods["team"].astype("str"))
        pair, pairs = pd.factorize(cluster * max(len(teams), 1) + team)
        return cls(weights, cluster, len(clusters), pair, np.asarray(pairs) // max(len(teams), 1))

    def per_cluster(self, amounts: Floats) -> Floats:
        """The sum of the pods' *amounts* in each cluster."""
        return np.bincount(self.cluster, weights=amounts, minlength=self.clusters).astype(np.float64)

    def spread(self, strategy: str, amounts: Floats) -> tuple[Floats, Floats]:
        """What each pod takes of the *amounts* of the clusters, and what stays unshared in each cluster."""
        if strategy == "none":
            return np.zeros(len(self.weights)), np.zeros(self.clusters)
        if strategy == "weighted":
            return by_weight(amounts, self.cluster, self.weights)
        paying = np.bincount(self.pair, weights=self.weights, minlength=len(self.pair_cluster)) > 0
        teams = np.bincount(self.pair_cluster[paying], minlength=self.clusters)
        each = amounts / np.maximum(teams, 1)
        taken, _ = by_weight(each[self.pair_cluster], self.pair, self.weights)
        return taken, np.where(teams > 0, 0.0, amounts)


def cluster_codes(frame: pd.DataFrame, clusters: list[str]) -> Ints:
    """For every row the position of its cluster in *clusters*, which has to hold them all."""
    codes: Ints = pd.Index(clusters, dtype="str").get_indexer(pd.Index(frame["cluster"].astype("str")))
    return codes


def by_weight(amounts: Floats, group: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Spreads the amount of each group over its members by their weights, and what is left of groups that weigh nothing.

    *group* and *weights* are per member. Worked example: 12 USD over weights 1 and 3 are 3 and 9 USD.
    """
    total = np.bincount(group, weights=weights, minlength=len(amounts)).astype(np.float64)
    # The weight is divided before it is multiplied: it stays within 0 and 1 however little the members cost.
    whole = total[group]
    part = np.divide(weights, whole, out=np.zeros(len(weights)), where=whole > 0)
    return part * amounts[group], np.where(total > 0, 0.0, amounts)
