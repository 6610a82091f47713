"""What the demo's week does to the downscaler: others that act on its objects, a death each evening, a stopwatch each morning.

The others are played by a few lines each, on the embedded cluster directly: a GitOps tool that knows nothing of the downscaler,
KEDA for the one ScaledObject, a developer who asks for three more hours, and a team that releases on a Saturday evening.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from downscaler.config import Config
from downscaler.count import Report
from downscaler.decide import Restore
from downscaler.main import run_once
from downscaler.memory import Memory
from downscaler.plan import Planned
from shared.cluster import Cluster
from shared.loop import TurnResult
from shared.metrics import Metrics
from shared.simcluster import SimCluster

# In Git, and set back by the tool whenever anything else is found.
IN_GIT = ("growth-us", "landing-pages", 3)
LATE_WORKER = ("catalog-staging", "catalog-api")
# A whole namespace that is asked up for two hours on Saturday, when nothing else has anything to do.
RELEASE = "payments-staging"
# Office hours of the demo's teams end after this hour, UTC.
EVENING = 18
DIES_AFTER = 3
# While something wakes the controller takes a turn a minute, as it would on a real cluster, but never for longer than this.
WAKING_STEP = timedelta(minutes=1)
LONGEST_MORNING = timedelta(minutes=45)
_PAUSED = "autoscaling.keda.sh/paused-replicas"
_WITH_PODS = ("deployments", "statefulsets")


class Killed(BaseException):
    """The process ends here, whatever it was doing. Nothing may catch it but the one who plays the operating system."""


@dataclass
class Stopwatch:
    """How long after the first call of a morning each woken workload is ready."""

    began: datetime | None = None
    awaited: set[tuple[str, str, str]] = field(default_factory=set)
    slowest: tuple[timedelta, str] = (timedelta(0), "")
    woken: int = 0

    def called(self, now: datetime, key: tuple[str, str, str]) -> None:
        self.began = self.began or now
        self.woken += 1
        self.awaited.add(key)

    def look(self, sim: SimCluster, now: datetime) -> None:
        """Takes the time of those that are ready by *now*."""
        if self.began is None:
            return
        for key in sorted(self.awaited):
            plural, namespace, name = key
            if _is_ready(sim.get(plural, namespace, name)):
                self.awaited.discard(key)
                self.slowest = max(self.slowest, (now - self.began, f"{plural} {namespace}/{name}"))
        if not self.awaited or now - self.began > LONGEST_MORNING:
            self.began = None
            self.awaited.clear()


def _is_ready(obj: dict[str, Any]) -> bool:
    return bool((obj.get("status") or {}).get("readyReplicas", 0) >= obj["spec"].get("replicas", 1))


class _Mortal(Report):
    """A report of a process that dies as soon as it has said so many changes."""

    def __init__(self, metrics: Metrics, watch: Stopwatch) -> None:
        super().__init__(metrics)
        self.left: int | None = None
        self.changes = 0
        self._watch = watch
        self._lock = threading.Lock()

    def change(self, now: datetime, planned: Planned) -> None:
        super().change(now, planned)
        with self._lock:
            self.changes += 1
            if isinstance(planned.decision, Restore) and planned.kind.id in _WITH_PODS:
                self._watch.called(now, (planned.kind.id, planned.workload.namespace, planned.workload.name))
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    raise Killed


class Nights:
    """The controller of the week, one process after another, and everybody else who acts on its objects."""

    def __init__(self, sim: SimCluster, cluster: Cluster, config: Config) -> None:
        self._sim, self._cluster, self._config = sim, cluster, config
        self.watch = Stopwatch()
        self.kills = self.set_back = self.changes = 0
        for obj in (_keda(), _event_scaler()):
            sim.create(obj)
        self._asked: set[tuple[str, date]] = set()
        self._died_on: set[date] = set()
        self._start()

    def _start(self) -> None:
        """A new process: all that it knows is on the objects."""
        self._memory = Memory()
        self.report = _Mortal(Metrics("kube-downscaler", "demo", self._sim.clock), self.watch)

    def turn(self) -> TurnResult:
        """One turn; in the evening the process dies in the middle of it, and another one takes the next."""
        now = self._sim.clock.now()
        if now.hour >= EVENING and now.date() not in self._died_on:
            self.report.left = DIES_AFTER
        try:
            result = run_once(self._cluster, self._config, now, self.report, self._memory)
        except Killed:
            self.kills += 1
            self._died_on.add(now.date())
            self.changes += self.report.changes
            self._start()
            result = run_once(self._cluster, self._config, now, self.report, self._memory)
        self.report.left = None
        self.changes += self.report.changes
        self.report.changes = 0
        return result

    def step(self, longest: timedelta) -> timedelta:
        """How long until the next turn."""
        return min(longest, WAKING_STEP) if self.watch.began is not None else longest

    def others_act(self) -> None:
        """The GitOps tool, KEDA and the developers, once each."""
        self.watch.look(self._sim, self._sim.clock.now())
        namespace, name, wanted = IN_GIT
        if self._sim.get("deployments", namespace, name)["spec"]["replicas"] != wanted:
            self._sim.patch("deployments", namespace, name, {"spec": {"replicas": wanted}})
            self.set_back += 1
        self._keda()
        self._ask(2, 21, ("deployments", *LATE_WORKER), "3h")
        self._ask(5, 19, ("namespaces", None, RELEASE), "2h")

    def _ask(self, weekday: int, hour: int, what: tuple[str, str | None, str], length: str) -> None:
        """Somebody asks for uptime, once a week, from *hour* of that day on."""
        now = self._sim.clock.now()
        asked = (what[-1], now.date())
        if asked not in self._asked and now.weekday() == weekday and now.hour >= hour:
            self._asked.add(asked)
            self._sim.patch(*what, {"metadata": {"annotations": {"downscaler/up-for": length}}})

    def _keda(self) -> None:
        for scaler in self._sim.list("scaledobjects"):
            namespace, target = scaler["metadata"]["namespace"], scaler["spec"]["scaleTargetRef"]["name"]
            replicas = self._sim.get("deployments", namespace, target)["spec"]["replicas"]
            paused = (scaler["metadata"].get("annotations") or {}).get(_PAUSED)
            wanted = int(paused) if paused is not None else max(replicas, int(scaler["spec"]["minReplicaCount"]))
            if replicas != wanted:
                self._sim.patch("deployments", namespace, target, {"spec": {"replicas": wanted}})

    def story(self) -> tuple[str, ...]:
        """What happened, in a few lines."""
        length, last = self.watch.slowest
        minutes = round(length.total_seconds() / 60)
        namespace, name, _ = IN_GIT
        lines = [
            f"The controller was killed on {self.kills} evenings, in the middle of its writes; one without its memory took over.",
            f"A GitOps tool set {namespace}/{name} back {self.set_back} times, and was left alone where that was a fight.",
        ]
        names = {name for name, _ in self._asked}
        if LATE_WORKER[-1] in names:
            lines.append(
                f"{'/'.join(LATE_WORKER)} was asked up for three hours on Wednesday night, and went down again by itself."
            )
        if RELEASE in names:
            lines.append(f"All of {RELEASE} was asked up for two hours on Saturday evening, and went down again by itself.")
        if last:
            lines.append(
                f"Woken {self.watch.woken} times; the last one of a morning was ready {minutes} min after the first call: {last}."
            )
        return tuple(lines)


def _keda() -> dict[str, Any]:
    """The definition of KEDA's ScaledObject, without a schema."""
    names = {"plural": "scaledobjects", "singular": "scaledobject", "kind": "ScaledObject", "shortNames": ["so"]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _event_scaler() -> dict[str, Any]:
    """The workers of the catalog's staging follow the length of a queue."""
    trigger = {"type": "kafka", "metadata": {"topic": "catalog-changes", "lagThreshold": "50"}}
    spec = {"scaleTargetRef": {"name": "catalog-indexer"}, "minReplicaCount": 2, "maxReplicaCount": 6, "triggers": [trigger]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "catalog-indexer", "namespace": "catalog-staging", "labels": {"team": "catalog"}},
        "spec": spec,
    }
