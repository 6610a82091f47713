"""The living half of the embedded cluster: `Live.step(now)` brings the world from where it was to *now*.

A discrete-event simulation: changes that clients made and timers that came due are lived in the order of their time, each at
its own instant, so a step of ten minutes and twenty of thirty seconds end in the same world. The work is proportional to what
changes.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

import msgspec

from shared.kinds import PODS
from shared.simcluster.accounting import Ledger
from shared.simcluster.autoscaler import ClusterAutoscaler, Timing
from shared.simcluster.batch import JobController
from shared.simcluster.cronjobs import CronJobController
from shared.simcluster.daemons import DaemonSetController
from shared.simcluster.deployments import DeploymentController
from shared.simcluster.disruption import DisruptionController
from shared.simcluster.hpa import Autoscaler, targets_of
from shared.simcluster.kubelet import Kubelet
from shared.simcluster.nodes import DEFAULT_POOLS, Pool
from shared.simcluster.records import JsonObject
from shared.simcluster.replicasets import ReplicaSetController
from shared.simcluster.scheduling import Rooms, Scheduler
from shared.simcluster.stateful import StatefulSetController
from shared.simcluster.static_usage import SYSTEM_BYTES, SYSTEM_CORES
from shared.simcluster.store import Store
from shared.simcluster.templates import fraction, is_active, is_ready
from shared.simcluster.usage import load_at, pod_profile, usage_of, utilisation
from shared.simcluster.volumes import VolumeBinder
from shared.simcluster.world import Controller, World, key_of

_logger = logging.getLogger(__name__)

# Rounds of all controllers within one instant. A rollout of a Recreate deployment takes about six.
_MOST_ROUNDS = 100


class NowClock(Protocol):
    def now(self) -> datetime: ...


class LiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The node pools, the autoscaler's timing, and the seconds between two looks of a horizontal pod autoscaler.

    Without pools no node is ever added or removed.
    """

    pools: tuple[Pool, ...] = DEFAULT_POOLS
    timing: Timing = Timing()
    hpa_period: float = 600


class Live:
    """All of Kubernetes' own controllers over one store. Never reads a clock but to learn where it starts."""

    def __init__(self, store: Store, clock: NowClock, seed: int = 1, settings: LiveSettings | None = None) -> None:
        settings = settings or LiveSettings()
        self.store = store
        self.world = World(store, clock.now(), seed)
        self.rooms = Rooms(self.world)
        self.ledger = Ledger(self.world)
        self.disruption = DisruptionController(self.world)
        self.scheduler = Scheduler(self.world, self.rooms)
        self.hpa = Autoscaler(self.world, self._utilisation, settings.hpa_period)
        self.autoscaler = ClusterAutoscaler(self.world, self.rooms, self.scheduler, self.disruption)
        self.autoscaler.pools, self.autoscaler.timing = settings.pools, settings.timing
        # In the order in which a change runs through a cluster, so that most instants need few rounds.
        self.controllers: tuple[Controller, ...] = (
            CronJobController(self.world),
            JobController(self.world),
            DeploymentController(self.world),
            ReplicaSetController(self.world),
            StatefulSetController(self.world),
            DaemonSetController(self.world),
            VolumeBinder(self.world),
            self.scheduler,
            Kubelet(self.world),
            self.disruption,
            self.hpa,
            self.autoscaler,
        )
        self.world.observers += [controller.changed for controller in self.controllers]
        with store.lock:
            self.world.start()
            self.autoscaler.start()

    def close(self) -> None:
        """Stop following the store."""
        self.world.stop()

    def step(self, now: datetime) -> None:
        """Live through everything up to *now*. A *now* in the past only takes in what clients wrote."""
        with self.store.lock:
            self._settle()
            while (due := self._next()) is not None and due <= now:
                self.world.now = max(self.world.now, due)
                self.world.receive(self.world.now)
                self.world.ring()
                self._settle()
            self.world.now = max(self.world.now, now)

    def _next(self) -> datetime | None:
        instants = [each for each in (self.world.next_arrival(), self.world.next_timer()) if each is not None]
        return min(instants, default=None)

    def _settle(self) -> None:
        """Run the controllers in this instant until none has anything left to do."""
        for _ in range(_MOST_ROUNDS):
            busy = False
            for controller in self.controllers:
                keys = self.world.take(controller.name)
                if keys:
                    busy = True
                    controller.run(keys)
            if not busy:
                return
        _logger.warning("the embedded cluster did not come to rest within one instant; its controllers go on at the next")

    # Usage, for the metrics API

    def pod_usage(self, namespace: str, name: str, now: datetime | None = None) -> dict[str, dict[str, float]] | None:
        """{container: {"cpu": cores, "memory": bytes}}; None for a pod that does not run or is not there."""
        with self.store.lock:
            pod = self.world.get(PODS, (namespace, name))
            return (self._usage(pod, now) or None) if pod is not None else None

    def node_usage(self, name: str, now: datetime | None = None) -> dict[str, float] | None:
        """{"cpu": cores, "memory": bytes} of all pods on a node and its own services; None for a node that is not there."""
        with self.store.lock:
            room = self.rooms.rooms.get(name)
            if room is None:
                return None
            figures = [each for pod in self.world.on_node.get(name, {}).values() for each in self._usage(pod, now).values()]
        cores = SYSTEM_CORES + sum(each["cpu"] for each in figures)
        amount = SYSTEM_BYTES + sum(each["memory"] for each in figures)
        return {"cpu": min(cores, room.cpu / 1000), "memory": min(amount, float(room.memory))}

    def _usage(self, pod: JsonObject, now: datetime | None = None) -> dict[str, dict[str, float]]:
        instant = now or self.world.now
        return usage_of(pod, instant, self._shared_load(pod, instant))

    def _utilisation(self, pods: list[JsonObject], resource: str) -> float | None:
        """Of the pods of one workload."""
        load = self._shared_load(pods[0], self.world.now) if pods else None
        return utilisation(pods, resource, self.world.now, load)

    def _shared_load(self, pod: JsonObject, now: datetime) -> float | None:
        """The load of one replica where an autoscaler shares a workload's work out among its replicas, else None.

        The work at its daily peak needs a number of replicas between minReplicas and maxReplicas, chosen by the workload's name.
        """
        owner = self.world.owner(pod)
        top = self.world.owner(owner) if owner is not None and owner["kind"] == "ReplicaSet" else None
        target = top or owner
        scaler = self.hpa.for_target(target["kind"], key_of(target)) if target is not None else None
        if owner is None or target is None or scaler is None or target["kind"] == "DaemonSet":
            return None
        low, high = int(scaler["spec"].get("minReplicas") or 1), int(scaler["spec"]["maxReplicas"])
        share = next((share for name, share in targets_of(scaler) if name == "cpu"), 0.8)
        workload = "/".join(key_of(target))
        peak = low + (high - low) * (0.4 + 0.5 * fraction("peak", workload))
        work = peak * share * load_at(pod_profile(pod), now)
        replicas = sum(is_active(each) and is_ready(each) for each in self.world.children(PODS, owner))
        return work / max(1, replicas)
