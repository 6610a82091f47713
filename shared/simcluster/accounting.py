"""What was requested and what ran, integrated over simulated time: per team and per node pool.

The ledger is fed by the changes themselves, so its figures are exact however long the steps are. Two runs of the same fleet,
one without a controller, give what the controller avoided.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from shared.kinds import NODES, PODS, Resource
from shared.simcluster.instance_types import GIB
from shared.simcluster.nodes import pool_of
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import demand_of, is_finished
from shared.simcluster.world import Key, World, key_of

NO_TEAM = "(no team)"


class Hours(msgspec.Struct, frozen=True):
    """Pods bound to nodes times hours, and the CPU cores and GiB of memory that they requested times hours."""

    replicas: float = 0.0
    cores: float = 0.0
    gib: float = 0.0

    def __add__(self, other: Hours) -> Hours:
        return Hours(self.replicas + other.replicas, self.cores + other.cores, self.gib + other.gib)

    def __sub__(self, other: Hours) -> Hours:
        return Hours(self.replicas - other.replicas, self.cores - other.cores, self.gib - other.gib)

    def times(self, factor: float) -> Hours:
        return Hours(self.replicas * factor, self.cores * factor, self.gib * factor)


class Account(msgspec.Struct, frozen=True):
    """The totals from the ledger's start to `until`: by team, and node-hours by (pool, instance type)."""

    until: datetime
    teams: dict[str, Hours]
    nodes: dict[tuple[str, str], float]

    @property
    def total(self) -> Hours:
        return sum(self.teams.values(), Hours())

    @property
    def node_hours(self) -> float:
        return sum(self.nodes.values())


def avoided(without: Account, with_controller: Account) -> Account:
    """*without* minus *with_controller*, team by team and pool by pool; both must cover the same time."""
    teams = sorted({*without.teams, *with_controller.teams})
    pools = sorted({*without.nodes, *with_controller.nodes})
    return Account(
        until=with_controller.until,
        teams={team: without.teams.get(team, Hours()) - with_controller.teams.get(team, Hours()) for team in teams},
        nodes={pool: without.nodes.get(pool, 0.0) - with_controller.nodes.get(pool, 0.0) for pool in pools},
    )


def team_of(pod: JsonObject) -> str:
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return labels.get("team") or NO_TEAM


class Ledger:
    """Observes the world; `account()` closes the books at an instant and goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._since = world.now
        self._bound: dict[Key, tuple[str, Hours]] = {}
        self._nodes: dict[str, tuple[str, str]] = {}
        self._rates: dict[str, Hours] = {}
        self._pools: dict[tuple[str, str], int] = {}
        self._teams: dict[str, Hours] = {}
        self._node_hours: dict[tuple[str, str], float] = {}
        world.observers.append(self.changed)

    def reset(self, now: datetime) -> None:
        """Start the totals anew at *now*; what is running keeps running."""
        self._integrate(now)
        self._teams.clear()
        self._node_hours.clear()

    def account(self, now: datetime) -> Account:
        self._integrate(now)
        return Account(until=now, teams=dict(sorted(self._teams.items())), nodes=dict(sorted(self._node_hours.items())))

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is PODS:
            self._pod_changed(key_of(after or before or {}), after)
        elif resource is NODES:
            self._node_changed(key_of(after or before or {})[1], after)

    def _integrate(self, now: datetime) -> None:
        hours = (now - self._since).total_seconds() / 3600
        if hours <= 0:
            return
        self._since = now
        for team, rate in self._rates.items():
            self._teams[team] = self._teams.get(team, Hours()) + rate.times(hours)
        for pool, count in self._pools.items():
            self._node_hours[pool] = self._node_hours.get(pool, 0.0) + count * hours

    def _pod_changed(self, key: Key, after: JsonObject | None) -> None:
        runs = after is not None and bool(after["spec"].get("nodeName")) and not is_finished(after)
        if runs == (key in self._bound):
            return
        self._integrate(self._world.now)
        if after is None or not runs:
            team, hours = self._bound.pop(key)
            self._rates[team] = self._rates[team] - hours
            return
        demand = demand_of(after["spec"])
        team, hours = team_of(after), Hours(1.0, demand.cpu / 1000, demand.memory / GIB)
        self._bound[key] = (team, hours)
        self._rates[team] = self._rates.get(team, Hours()) + hours

    def _node_changed(self, name: str, after: JsonObject | None) -> None:
        if (after is not None) == (name in self._nodes):
            return
        self._integrate(self._world.now)
        if after is None:
            self._pools[self._nodes.pop(name)] -= 1
            return
        labels = after["metadata"].get("labels") or {}
        pool = (pool_of(labels), labels.get("node.kubernetes.io/instance-type", ""))
        self._nodes[name] = pool
        self._pools[pool] = self._pools.get(pool, 0) + 1
