"""The embedded cluster, with a controller on it that is built from real flags and takes one turn at a time over real HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from downscaler.commands import COMMANDS
from downscaler.config import read_config
from downscaler.itself import itself
from downscaler.main import report_of, run_once
from downscaler.memory import Memory
from shared.cluster import Cluster
from shared.loop import TurnResult
from shared.metrics import Metrics
from shared.simcluster import SimCluster

# A Monday; every test that scales down moves on from here, past the grace period.
NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}
PODS = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}
JOB = {"template": {"spec": {**PODS["spec"], "restartPolicy": "Never"}}}
SELECTOR = {"matchLabels": {"app": "web"}}
SPECS: dict[str, dict[str, Any]] = {
    "Deployment": {"selector": SELECTOR, "template": PODS},
    "StatefulSet": {"selector": SELECTOR, "template": PODS, "serviceName": "web"},
    "DaemonSet": {"selector": SELECTOR, "template": PODS},
    "CronJob": {"schedule": "0 * * * *", "jobTemplate": {"spec": JOB}},
    "Job": JOB,
    "HorizontalPodAutoscaler": {
        "maxReplicas": 10,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
    "PodDisruptionBudget": {"selector": SELECTOR},
}


def manifest(
    kind: str, name: str = "web", namespace: str = "shop", spec: dict[str, Any] | None = None, **annotations: str
) -> dict[str, Any]:
    """An object of *kind*; keyword arguments become `downscaler/*` annotations."""
    meta = {"name": name, "namespace": namespace, "annotations": keys(annotations)}
    return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": meta, "spec": SPECS[kind] | (spec or {})}


def keys(annotations: dict[str, str]) -> dict[str, str]:
    return {f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}


class World:
    """A cluster with the namespace `shop`, and turns of the controller on it."""

    def __init__(self, sim: SimCluster) -> None:
        self.sim = sim
        sim.namespace("shop")

    def controller(self, *argv: str, user: str | None = None, **connection: Any) -> Controller:
        return Controller(self.sim, argv, self.sim.connection(user, **connection))

    def add(
        self, kind: str, name: str = "web", namespace: str = "shop", spec: dict[str, Any] | None = None, **annotations: str
    ) -> None:
        self.sim.create(manifest(kind, name, namespace, spec, **annotations))

    def deployment(self, name: str = "web", replicas: int = 3, namespace: str = "shop", **annotations: str) -> None:
        self.add("Deployment", name, namespace, {"replicas": replicas}, **annotations)

    def annotate(self, name: str = "web", kind: str = "deployments", namespace: str = "shop", **annotations: str | None) -> None:
        changes = {f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}
        self.sim.patch(kind, namespace, name, {"metadata": {"annotations": changes}})

    def annotate_namespace(self, name: str = "shop", **annotations: str | None) -> None:
        changes = {f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}
        self.sim.patch("namespaces", None, name, {"metadata": {"annotations": changes}})

    def scale(self, replicas: int, name: str = "web", namespace: str = "shop") -> None:
        self.sim.patch("deployments", namespace, name, {"spec": {"replicas": replicas}})

    def replicas(self, name: str = "web", namespace: str = "shop") -> int:
        return int(self.sim.get("deployments", namespace, name)["spec"]["replicas"])

    def record(self, name: str = "web", kind: str = "deployments", namespace: str = "shop") -> dict[str, str]:
        """The state annotations, without their prefix."""
        annotations = self.sim.get(kind, namespace, name)["metadata"].get("annotations") or {}
        return {
            key.removeprefix("downscaler/"): value
            for key, value in annotations.items()
            if key in ("downscaler/original-replicas", "downscaler/downscaled-to")
        }

    def pass_time(self, **length: float) -> None:
        self.sim.advance(timedelta(**length))


class Controller:
    """One process: its configuration, its connection and its memory."""

    def __init__(self, sim: SimCluster, argv: tuple[str, ...], connection: Any) -> None:
        config = read_config(list(argv), {})
        self.sim = sim
        self.config = replace(config, connection=replace(connection, dry_run=config.connection.dry_run))
        self.registry = CollectorRegistry()
        self.cluster = Cluster.connect(self.config.connection, clock=sim.clock)
        metrics = Metrics("kube-downscaler", "test", sim.clock, self.registry)
        emit = self.cluster.emit if config.enable_events else None
        self.report = report_of(config, metrics, sim.clock.now(), emit)
        self.memory = Memory()

    def turn(self) -> TurnResult:
        return run_once(self.cluster, self.config, self.sim.clock.now(), self.report)

    def be(self, environ: dict[str, str]) -> None:
        """Runs in the pod that *environ* names."""
        scope = replace(self.config.rules.scope, itself=itself(self.cluster, environ))
        self.config = replace(self.config, rules=replace(self.config.rules, scope=scope))

    def lasting_turn(self) -> TurnResult:
        """A turn of a process that remembers the turns before."""
        return run_once(self.cluster, self.config, self.sim.clock.now(), self.report, self.memory)

    def command(self, name: str) -> TurnResult:
        return COMMANDS[name](self.cluster, self.config, self.sim.clock.now(), self.report)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"kube_thrift_downscaler_{name}", labels)


@pytest.fixture
def world() -> Iterator[World]:
    with SimCluster(start=NOON) as sim:
        yield World(sim)


@pytest.fixture(scope="module")
def lasting_world() -> Iterator[World]:
    """One for all examples of a property test, which clean up after themselves."""
    with SimCluster(start=NOON) as sim:
        yield World(sim)


@pytest.fixture(autouse=True)
def _lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "downscaler")
