"""The scheduler: which node each pending pod goes to, and how much room each node has left.

Knows requests, allocatable, pod limits, nodeSelector, node affinity, taints and cordons. Leaves out preemption, pod affinity
and topology spread: pods are balanced by the least-allocated score alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from shared.errors import ValueProblem
from shared.kinds import NODES, PODS, Resource
from shared.quantity import parse_quantity
from shared.simcluster.labels import accepts_node, tolerates
from shared.simcluster.nodes import pool_of
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import Demand, demand_of, is_daemon, is_finished
from shared.simcluster.world import Controller, Key, World, key_of

# The taint that stands for a cordon: pods of DaemonSets tolerate it, others do not.
CORDON: JsonObject = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class Room(msgspec.Struct):
    """One node as the scheduler sees it: what it can take and what is taken, in millicores, bytes and pods."""

    name: str
    labels: dict[str, str]
    taints: list[JsonObject]
    open: bool
    cpu: int
    memory: int
    pods: int
    used_cpu: int = 0
    used_memory: int = 0
    used_pods: int = 0

    @property
    def pool(self) -> str:
        return pool_of(self.labels)

    def obstacle(self, demand: Demand) -> str:
        """What there is too little of for *demand*, in the scheduler's own words; empty where it fits."""
        if self.used_pods >= self.pods:
            return "Too many pods"
        if self.used_cpu + demand.cpu > self.cpu:
            return "Insufficient cpu"
        if self.used_memory + demand.memory > self.memory:
            return "Insufficient memory"
        return ""

    def add(self, demand: Demand, sign: int = 1) -> None:
        self.used_cpu += sign * demand.cpu
        self.used_memory += sign * demand.memory
        self.used_pods += sign

    def copy(self) -> Room:
        return msgspec.structs.replace(self)

    def score(self, demand: Demand) -> float:
        """Least allocated: the mean share of CPU and memory that would still be free, so the emptiest node wins."""
        free_cpu = (self.cpu - self.used_cpu - demand.cpu) / self.cpu if self.cpu else 0
        free_memory = (self.memory - self.used_memory - demand.memory) / self.memory if self.memory else 0
        return (free_cpu + free_memory) / 2

    @property
    def utilisation(self) -> float:
        """The larger of the requested shares of CPU and memory."""
        return max(self.used_cpu / self.cpu if self.cpu else 0, self.used_memory / self.memory if self.memory else 0)


def _number(amounts: JsonObject, name: str) -> float:
    try:
        return parse_quantity(amounts.get(name, "0"))
    except ValueProblem:
        # A node whose allocatable cannot be read takes no pods.
        return 0.0


def room_of(node: JsonObject) -> Room:
    """An empty room of *node*'s size. A node that is not Ready, or is being deleted, is closed."""
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    amounts = status.get("allocatable") or status.get("capacity") or {}
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    return Room(
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        taints=[*(spec.get("taints") or ()), *([CORDON] if spec.get("unschedulable") else ())],
        open=ready and not metadata.get("deletionTimestamp"),
        cpu=round(_number(amounts, "cpu") * 1000),
        memory=int(_number(amounts, "memory")),
        pods=int(_number(amounts, "pods")),
    )


def allows(room: Room, spec: JsonObject) -> str:
    """Why a pod of *spec* may not go to *room* whatever its size; empty where it may."""
    if not room.open:
        return "node(s) were not ready"
    if room.taints and not tolerates(spec.get("tolerations") or (), room.taints):
        return "node(s) were unschedulable" if CORDON in room.taints else "node(s) had untolerated taint(s)"
    if not accepts_node(spec, room.name, room.labels):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def choose(rooms: Iterable[Room], spec: JsonObject, demand: Demand) -> Room | None:
    """The room with the best score that takes the pod; among equals the first."""
    best, best_score = None, -1.0
    for room in rooms:
        if room.obstacle(demand) or allows(room, spec):
            continue
        score = room.score(demand)
        if score > best_score:
            best, best_score = room, score
    return best


def refusal(rooms: Iterable[Room], spec: JsonObject, demand: Demand) -> str:
    """The message of a pod that fits nowhere: `0/3 nodes are available: 2 Insufficient cpu, 1 Too many pods.`"""
    reasons = Counter(allows(room, spec) or room.obstacle(demand) for room in rooms)
    total = sum(reasons.values())
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"0/{total} nodes are available: {listed}." if listed else "no nodes available to schedule pods"


class Rooms:
    """The rooms of all nodes, kept current with every pod that is bound and every pod that ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rooms: dict[str, Room] = {}
        self.guests: dict[str, dict[Key, Demand]] = {}
        """By node: the pods that hold its room and are not a daemon's."""
        self._placed: dict[Key, tuple[str, Demand]] = {}
        world.observers.append(self.changed)

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is PODS:
            self._pod_changed(before, after)
        elif resource is NODES:
            self._node_changed(before, after)

    def _pod_changed(self, before: JsonObject | None, after: JsonObject | None) -> None:
        key = key_of(after or before or {})
        node = after["spec"].get("nodeName") if after is not None and not is_finished(after) else None
        placed = self._placed.get(key)
        if placed is not None and node == placed[0]:
            return
        if placed is not None:
            del self._placed[key]
            self.guests.get(placed[0], {}).pop(key, None)
            if placed[0] in self.rooms:
                self.rooms[placed[0]].add(placed[1], -1)
        if node and after is not None:
            demand = demand_of(after["spec"])
            self._placed[key] = (node, demand)
            if not is_daemon(after):
                self.guests.setdefault(node, {})[key] = demand
            if node in self.rooms:
                self.rooms[node].add(demand)

    def _node_changed(self, before: JsonObject | None, after: JsonObject | None) -> None:
        if after is None:
            name = key_of(before or {})[1]
            self.rooms.pop(name, None)
            if not self.guests.get(name):
                self.guests.pop(name, None)
            return
        room = room_of(after)
        old = self.rooms.get(room.name)
        if old is not None:
            room.used_cpu, room.used_memory, room.used_pods = old.used_cpu, old.used_memory, old.used_pods
        else:
            for key in self._world.on_node.get(room.name, ()):
                if key in self._placed:
                    room.add(self._placed[key][1])
        self.rooms[room.name] = room


class Scheduler(Controller):
    """Binds pending pods. What fits nowhere stays in `waiting` until a node comes or room is made."""

    name = "scheduler"

    def __init__(self, world: World, rooms: Rooms) -> None:
        super().__init__(world)
        self._rooms = rooms
        self.waiting: set[Key] = set()

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        """Queue a pod that needs a node, and everything that waits when there may be room again."""
        if resource is PODS:
            if after is not None and not after["spec"].get("nodeName") and not is_finished(after):
                if before is None or before["spec"] != after["spec"]:
                    self._world.queue(self.name, key_of(after))
            elif after is None:
                self.waiting.discard(key_of(before or {}))
            if after is None or is_finished(after):
                self._retry()
        elif resource is NODES:
            self._retry()

    def _retry(self) -> None:
        if self.waiting:
            self._world.queue_all(self.name, self.waiting)

    def run(self, keys: list[Key]) -> None:
        """Place the pods of *keys*, those of higher priority first."""
        pods = [pod for key in keys if (pod := self._world.get(PODS, key)) is not None]
        super().run([key_of(pod) for pod in sorted(pods, key=lambda each: (-(each["spec"].get("priority") or 0), key_of(each)))])

    def sync(self, key: Key) -> None:
        pod = self._world.get(PODS, key)
        if pod is None or pod["spec"].get("nodeName") or is_finished(pod) or pod["spec"].get("schedulingGates"):
            self.waiting.discard(key)
            return
        self._place(pod)

    def _place(self, pod: JsonObject) -> None:
        spec, key = pod["spec"], key_of(pod)
        demand = demand_of(spec)
        room = choose(self._rooms.rooms.values(), spec, demand)
        if room is None:
            self._refuse(pod, refusal(self._rooms.rooms.values(), spec, demand))
            self.waiting.add(key)
            return
        self.waiting.discard(key)
        condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": self._world.timestamp}
        status = {**pod.get("status", {}), "conditions": [condition]}
        self._world.replace(PODS, {**pod, "spec": {**spec, "nodeName": room.name}, "status": status})

    def _refuse(self, pod: JsonObject, message: str) -> None:
        old = next(iter(pod.get("status", {}).get("conditions") or ()), None)
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": old["lastTransitionTime"] if old else self._world.timestamp,
            "reason": "Unschedulable",
            "message": message,
        }
        self._world.set_status(PODS, pod, {**pod.get("status", {}), "phase": "Pending", "conditions": [condition]})
