"""The demo's third act: the resource report over two clusters, the one of the first act and one without spot nodes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from resource_report.config import read_config
from resource_report.main import ReportService
from shared.clock import SystemClock
from shared.loop import TurnResult
from shared.simcluster import SimCluster
from shared.simcluster.live import LiveSettings
from shared.simcluster.nodes import Pool

# The first cluster has Karpenter spot nodes; this one has managed on-demand groups only, as many a production cluster does.
MANAGED = LiveSettings(
    pools=(
        Pool(name="general", types=("m7i.xlarge",), minimum=3, maximum=60),
        Pool(name="memory", types=("r6i.xlarge",), maximum=20, labels={"workload-class": "memory"}),
    )
)
_ELSEWHERE = ("checkout-staging", "catalog-staging", "payments-staging", "growth-us", "ml-platform")


@dataclass(frozen=True)
class Costs:
    """Where the report's first page is, and what the run came to."""

    page: Path
    result: TurnResult


class _SimulatedDate(SystemClock):
    """The date is the cluster's, the stopwatch is ours: the pages carry the one, the run's own figures the other."""

    def __init__(self, sim: SimCluster) -> None:
        super().__init__()
        self._sim = sim

    def now(self) -> datetime:
        return self._sim.clock.now()


def report_costs(sim: SimCluster, folder: Path, seed: int) -> Costs:
    """Writes the report over *sim* and a second cluster at the next mid-morning to *folder*, which is made."""
    folder.mkdir(exist_ok=True)
    morning = sim.clock.now().replace(hour=10, minute=0, second=0, microsecond=0)
    sim.advance(max(morning - sim.clock.now(), timedelta(0)))
    with SimCluster(start=morning, fleet="demo", live=True, seed=seed + 1, settings=MANAGED) as other:
        for namespace in _ELSEWHERE:
            other.delete("namespaces", None, namespace)
        other.advance(timedelta(hours=1))
        sim.advance(timedelta(hours=1))
        config = sim.folder / "fleet.kubeconfig"
        config.write_text(yaml.safe_dump(_kubeconfig({"shop-spot": sim, "shop-production": other})), encoding="utf-8")
        flags = [
            str(folder),
            f"--kubeconfig-path={config}",
            "--no-ingress-status",
            f"--data-path={_data(sim)}",
            "--aws-prices=off",
        ]
        service = ReportService(read_config(flags, {}), _SimulatedDate(sim), threading.Event())
        with _quiet():
            return Costs(folder / "index.html", service.run_once())


def _data(sim: SimCluster) -> Path:
    path = sim.folder / "report-data"
    path.mkdir(exist_ok=True)
    return path


def _kubeconfig(clusters: dict[str, SimCluster]) -> dict[str, Any]:
    """One kubeconfig with a context per cluster, as a platform team has it."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name, sim in clusters.items():
        single = sim.kubeconfig()
        merged["clusters"].append({"name": name, "cluster": single["clusters"][0]["cluster"]})
        merged["users"].append({"name": name, "user": single["users"][0]["user"]})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return merged | {"current-context": next(iter(clusters))}


@contextmanager
def _quiet() -> Iterator[None]:
    """The report's own lines would stand in the middle of the demo's."""
    log = logging.getLogger("resource_report")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
