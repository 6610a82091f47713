"""The node autoscaler: nodes for pods that wait, and an end to nodes that nobody needs.

Stands for both the cluster autoscaler (managed node groups) and Karpenter (node pools of several instance types). A new node
takes `provision` seconds; a node goes once it was superfluous for `linger` seconds and nothing was added meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from shared.kinds import DAEMON_SETS, NODES, PODS, Resource
from shared.simcluster.daemons import wants_node
from shared.simcluster.disruption import DisruptionController
from shared.simcluster.instance_types import InstanceType
from shared.simcluster.nodes import Pool, new_node, node_name
from shared.simcluster.records import JsonObject
from shared.simcluster.scheduling import CORDON, Room, Rooms, Scheduler, allows, choose, room_of
from shared.simcluster.templates import controller_of, demand_of, is_active, is_daemon
from shared.simcluster.world import Controller, Key, World, key_of

UP: Key = ("", "up")
DOWN: Key = ("", "down")
_LAUNCH = "launch"
_DO_NOT_DISRUPT = ("karpenter.sh/do-not-disrupt", "true"), ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false")


class Timing(msgspec.Struct, frozen=True):
    """Seconds: from the decision to a Ready node, a node's grace before it goes, and between two looks at the cluster."""

    provision: float = 90
    linger: float = 600
    scan: float = 60


class Launch(msgspec.Struct, frozen=True):
    """A node that has been ordered."""

    pool: Pool
    instance: InstanceType
    zone: str
    room: Room


def may_move(pod: JsonObject) -> bool:
    """Whether a pod may be evicted for consolidation: somebody makes it anew, it is no job's, and nothing forbids it."""
    owner = controller_of(pod)
    annotations = pod["metadata"].get("annotations") or {}
    return (
        owner is not None and owner["kind"] != "Job" and not any(annotations.get(key) == value for key, value in _DO_NOT_DISRUPT)
    )


def pack(pods: Iterable[JsonObject], rooms: list[Room]) -> list[JsonObject]:
    """Put *pods* into *rooms* (which are changed), each into the first that takes it; returns those that fit nowhere."""
    left = []
    for pod in pods:
        demand = demand_of(pod["spec"])
        room = next((each for each in rooms if not each.obstacle(demand) and not allows(each, pod["spec"])), None)
        if room is None:
            left.append(pod)
        else:
            room.add(demand)
    return left


def best_fit(
    pods: list[JsonObject], pool: Pool, empty: Callable[[InstanceType], Room]
) -> tuple[InstanceType, Room, list[JsonObject]] | None:
    """The smallest type of *pool* that takes all of *pods*, else the one that takes most: (type, room, pods left over)."""
    best: tuple[InstanceType, Room, list[JsonObject]] | None = None
    for instance in pool.candidates():
        room = empty(instance)
        left = pack(pods, [room])
        if best is None or len(left) < len(best[2]):
            best = (instance, room, left)
        if not left:
            break
    return best if best is not None and len(best[2]) < len(pods) else None


class ClusterAutoscaler(Controller):
    name = "autoscaler"

    def __init__(self, world: World, rooms: Rooms, scheduler: Scheduler, disruption: DisruptionController) -> None:
        super().__init__(world)
        self._rooms = rooms
        self._scheduler = scheduler
        self._disruption = disruption
        self.pools: tuple[Pool, ...] = ()
        self.timing = Timing()
        self._launching: dict[str, Launch] = {}
        self._made = 0
        self._idle_since: dict[str, datetime] = {}
        self._last_growth: datetime | None = None

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if not self.pools:
            return
        if resource is NODES:
            self._world.after(self.timing.scan, self.name, DOWN)
            if after is None:
                self._idle_since.pop(key_of(before or {})[1], None)
                self._world.after(self.timing.scan, self.name, UP)
        elif resource is PODS:
            if after is not None and not after["spec"].get("nodeName"):
                self._world.after(10, self.name, UP)
            elif after is None or not is_active(after):
                self._world.after(self.timing.scan, self.name, DOWN)

    def sync(self, key: Key) -> None:
        if key == UP:
            self._grow()
        elif key == DOWN:
            self._shrink()
        elif key[0] == _LAUNCH:
            self._arrive(key[1])

    # Growing

    def start(self) -> None:
        """Bring the pools to their minimum: at once in a cluster that has no nodes yet, else by ordering them."""
        fresh = not self._rooms.rooms
        self._fill_minimum()
        if fresh:
            for name in list(self._launching):
                self._arrive(name)
        if self.pools:
            self._world.after(self.timing.scan, self.name, DOWN)
            self._world.after(10, self.name, UP)

    def _fill_minimum(self) -> None:
        for pool in self.pools:
            while self._size(pool) < pool.minimum:
                self._order(pool, pool.candidates()[0], self._empty(pool, pool.candidates()[0]))

    def _size(self, pool: Pool) -> int:
        launching = sum(launch.pool.name == pool.name for launch in self._launching.values())
        return launching + sum(room.pool == pool.name for room in self._rooms.rooms.values())

    def _empty(self, pool: Pool, instance: InstanceType) -> Room:
        """The room of a node yet to be made, less what the daemons will take of it."""
        node = new_node(pool, instance, pool.zones[self._made % len(pool.zones)], "new", self._world.now)
        room = room_of(node)
        for daemon_set in self._world.objects(DAEMON_SETS).values():
            if wants_node(daemon_set, node):
                room.add(demand_of(daemon_set["spec"]["template"].get("spec") or {}))
        return room

    def _grow(self) -> None:
        self._fill_minimum()
        pods = [self._world.get(PODS, key) for key in sorted(self._scheduler.waiting)]
        waiting = [pod for pod in pods if pod is not None and not is_daemon(pod)]
        # Nodes on their way take their share first: only what they leave needs more.
        left = pack(waiting, [launch.room.copy() for launch in self._launching.values()])
        for pool in sorted(self.pools, key=lambda each: not each.spot):
            if not left:
                return
            left = self._order_for(pool, left)

    def _order_for(self, pool: Pool, pods: list[JsonObject]) -> list[JsonObject]:
        """Order nodes of *pool* while that helps; returns the pods that it cannot take."""
        while pods and self._size(pool) < pool.maximum:
            found = best_fit(pods, pool, lambda instance: self._empty(pool, instance))
            if found is None:
                break
            instance, _, pods = found
            self._order(pool, instance, self._empty(pool, instance))
        return pods

    def _order(self, pool: Pool, instance: InstanceType, room: Room) -> None:
        name = node_name(self._world.seed, pool.name, self._made)
        while self._world.get(NODES, ("", name)) is not None or name in self._launching:
            self._made += 1
            name = node_name(self._world.seed, pool.name, self._made)
        zone = pool.zones[self._made % len(pool.zones)]
        self._made += 1
        self._launching[name] = Launch(pool, instance, zone, room)
        self._last_growth = self._world.now
        self._world.after(self.timing.provision, self.name, (_LAUNCH, name))

    def _arrive(self, name: str) -> None:
        launch = self._launching.pop(name, None)
        if launch is not None:
            self._world.create(NODES, new_node(launch.pool, launch.instance, launch.zone, name, self._world.now))

    # Shrinking

    def _shrink(self) -> None:
        now = self._world.now
        quiet_at = (self._last_growth or datetime.min.replace(tzinfo=now.tzinfo)) + timedelta(seconds=self.timing.linger)
        idle = self._idle_nodes()
        self._idle_since = {name: self._idle_since.get(name, now) for name in idle}
        due = {name: since + timedelta(seconds=self.timing.linger) for name, since in self._idle_since.items()}
        ready = [name for name, instant in due.items() if max(instant, quiet_at) <= now]
        # Nodes on their way mean pods on their way: what is superfluous is judged when they have landed.
        removed = bool(ready) and not self._launching and self._remove(ready)
        later = [max(instant, quiet_at) for instant in due.values()]
        if later:
            soonest = now + timedelta(seconds=self.timing.scan if removed else 2 * self.timing.scan)
            self._world.at(max(min(later), soonest), self.name, DOWN)

    def _idle_nodes(self) -> list[str]:
        """The nodes that could go: empty ones first, then those whose pods fit elsewhere, the emptiest first."""
        spare = {pool.name: (pool, self._size(pool) - pool.minimum) for pool in self.pools}
        empty, movable = [], []
        for name, room in self._rooms.rooms.items():
            pool, surplus = spare.get(room.pool, (None, 0))
            if pool is None or surplus <= 0:
                continue
            if not self._rooms.guests.get(name):
                empty.append(name)
            elif room.utilisation < pool.threshold and self._fits_elsewhere(name) and all(map(may_move, self._guests(name))):
                movable.append(name)
        return empty + sorted(movable, key=lambda name: self._rooms.rooms[name].utilisation)

    def _guests(self, node: str) -> list[JsonObject]:
        """The pods on *node* that are not a daemon's, the largest first."""
        sized = sorted(self._rooms.guests.get(node, {}).items(), key=lambda each: (-each[1].cpu, -each[1].memory, each[0]))
        return [pod for key, _ in sized if (pod := self._world.get(PODS, key)) is not None]

    def _fits_elsewhere(self, name: str) -> bool:
        # Copied only when first touched: most nodes are looked at and left alone.
        rooms = {room.name: room for room in self._rooms.rooms.values() if room.name != name and CORDON not in room.taints}
        guests = self._rooms.guests[name]
        for pod in self._guests(name):
            demand = guests[key_of(pod)]
            room = choose(rooms.values(), pod["spec"], demand)
            if room is None:
                return False
            room = rooms[room.name] = room.copy() if room is self._rooms.rooms[room.name] else room
            room.add(demand)
        return True

    def _remove(self, names: list[str]) -> bool:
        """Remove every empty node of *names*, else one of the others; never below a pool's minimum."""
        ours = {pool.name: pool for pool in self.pools}
        removed = False
        for name in names:
            pool = ours[self._rooms.rooms[name].pool]
            pods = self._guests(name)
            if self._size(pool) <= pool.minimum or (pods and removed):
                continue
            if pods and not (self._fits_elsewhere(name) and self._disruption.may_evict(pods)):
                continue
            self._drain(name, pods)
            removed = True
        return removed

    def _drain(self, name: str, pods: list[JsonObject]) -> None:
        """Cordon, evict, delete: the pods' controllers make them anew, and the scheduler finds this node closed."""
        node = self._world.get(NODES, ("", name))
        if node is None:
            return
        self._world.replace(NODES, {**node, "spec": {**node["spec"], "unschedulable": True}})
        for pod in pods:
            self._world.delete(PODS, pod)
        self._idle_since.pop(name, None)
        node = self._world.get(NODES, ("", name))
        if node is not None:
            self._world.delete(NODES, node)
