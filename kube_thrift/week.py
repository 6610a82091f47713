"""The demo's week: the downscaler's own turns against the embedded cluster, half an hour at a time.

What it measures is what the cluster's ledger integrates: requests of pods that are bound to nodes, and nodes. The week without
the controller is lived too, in a second cluster that nobody talks to, so that nothing is estimated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import cast

from downscaler.amounts import Size
from downscaler.config import Config, read_config
from downscaler.count import LOG as DOWNSCALER_LOG
from downscaler.main import run_once
from downscaler.read import read_workloads
from downscaler.sizes import KINDS
from kube_thrift.nights import Nights
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.simcluster import SimCluster
from shared.simcluster.accounting import Account
from shared.simcluster.live import Live

# Every window of the demo's teams begins and ends on the half hour, so a turn in between would find nothing to do.
STEP = timedelta(minutes=30)
# How long everything may take to come back once it is switched on.
WAKE_LIMIT = timedelta(hours=2)

Progress = Callable[[float, datetime], None]


@dataclass(frozen=True)
class Week:
    """What the days came to. Accounts cover the same simulated time, with the downscaler and without it."""

    start: datetime
    end: datetime
    with_downscaler: Account
    without: Account
    workloads: dict[str, int]
    changes: int
    turns: int
    requests: int
    complaints: tuple[str, ...]
    stuck: tuple[str, ...]
    failures: tuple[str, ...]
    # What others did to it meanwhile, and how long the last workload of a morning took to be ready, in minutes.
    story: tuple[str, ...] = ()
    slowest_wake: float = 0.0
    # How often the controller died in the middle of its writes.
    kills: int = 0


@dataclass
class _Heard(logging.Handler):
    """Keeps what the downscaler warns of: once each, in order."""

    lines: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(logging.WARNING)

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.getMessage()] = None


@contextmanager
def listening() -> Iterator[_Heard]:
    """Collects the downscaler's warnings, and keeps its lines off the terminal where the progress bar is."""
    heard, level, propagates = _Heard(), DOWNSCALER_LOG.level, DOWNSCALER_LOG.propagate
    DOWNSCALER_LOG.addHandler(heard)
    DOWNSCALER_LOG.setLevel(logging.INFO)
    DOWNSCALER_LOG.propagate = False
    try:
        yield heard
    finally:
        DOWNSCALER_LOG.removeHandler(heard)
        DOWNSCALER_LOG.setLevel(level)
        DOWNSCALER_LOG.propagate = propagates


def live_week(sim: SimCluster, seed: int, days: int, progress: Progress) -> Week:
    """Lives *days* on *sim* with the downscaler acting, then switches everything back on."""
    start = sim.clock.now()
    end = start + timedelta(days=days)
    live = cast(Live, sim.live)
    config = _config(sim)
    turns = 0
    failures: dict[str, None] = {}
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other_core,
        listening() as heard,
        Cluster.connect(config.connection, clock=sim.clock) as cluster,
    ):
        without = other_core.submit(_without_downscaler, start, end, seed)
        originals = dict(_sizes(cluster, config))
        nights = Nights(sim, cluster, config)
        live.ledger.reset(start)
        while sim.clock.now() < end:
            result = nights.turn()
            failures.update(dict.fromkeys(result.failures))
            turns += 1
            nights.others_act()
            sim.advance(min(nights.step(STEP), end - sim.clock.now()))
            progress((sim.clock.now() - start) / (end - start), sim.clock.now())
        account = live.ledger.account(end)
        requests = sum(cluster.calls.values())
        changes = nights.changes
        stuck = _switch_on(sim, cluster, nights, originals)
        baseline = without.result()
    return Week(
        start=start,
        end=end,
        with_downscaler=account,
        without=baseline,
        workloads=_workloads_by_team(sim),
        changes=changes,
        turns=turns,
        requests=requests,
        complaints=tuple(heard.lines),
        stuck=stuck,
        failures=tuple(failures),
        story=nights.story(),
        slowest_wake=nights.watch.slowest[0].total_seconds() / 60,
        kills=nights.kills,
    )


def _config(sim: SimCluster, *more: str) -> Config:
    """The configuration that a user would write: every built-in kind, everything else as it comes."""
    flags = ["--interval=900", f"--include-resources={','.join(KINDS)}", f"--kubeconfig={sim.connection().kubeconfig}"]
    # With so few turns an hour five flips would take longer than the default window.
    flags += ["--fight-flips=3", "--fight-window=2h"]
    return read_config([*flags, *more], {})


def _sizes(cluster: Cluster, config: Config) -> Iterator[tuple[str, Size | None]]:
    for kind in config.kinds:
        if kind.id == "jobs":
            # Jobs come and go by themselves; there is no size to come back to.
            continue
        for workload in read_workloads(cluster, config, kind, _raise, lambda about, problem: None):
            yield f"{kind.id} {workload.key}", kind.read(workload)


def _switch_on(sim: SimCluster, cluster: Cluster, nights: Nights, originals: dict[str, Size | None]) -> tuple[str, ...]:
    """Takes every namespace out of the downscaler's hands, which brings everything up, and names what is not as it was."""
    config = _config(sim, "--exclude-namespaces=.*")
    run_once(cluster, config, sim.clock.now(), nights.report)
    nights.others_act()
    sim.advance(WAKE_LIMIT)
    now = dict(_sizes(cluster, config))
    # An autoscaler owns the size of its target between its own bounds, so only what is below the minimum counts as asleep.
    scaled = dict(_autoscaled(sim))
    return tuple(
        key
        for key, size in originals.items()
        if key in now and now[key] != size and not (key in scaled and _count(now[key]) >= scaled[key])
    )


def _autoscaled(sim: SimCluster) -> Iterator[tuple[str, int]]:
    for scaler in sim.list("horizontalpodautoscalers"):
        target = scaler["spec"]["scaleTargetRef"]
        yield (
            f"{target['kind'].lower()}s {scaler['metadata']['namespace']}/{target['name']}",
            scaler["spec"].get("minReplicas", 1),
        )


def _count(size: Size | None) -> int:
    return size if isinstance(size, int) else 0


def _raise(error: ThriftError) -> None:
    raise error


def _without_downscaler(start: datetime, end: datetime, seed: int) -> Account:
    quiet = SimCluster(start=start, fleet="demo", live=True, seed=seed)
    live = cast(Live, quiet.live)
    live.ledger.reset(start)
    live.step(end)
    return live.ledger.account(end)


def _workloads_by_team(sim: SimCluster) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in KINDS.values():
        if not kind.custom and kind.noun in ("replicas", "running"):
            for obj in sim.list(kind.resource):
                if not obj["metadata"].get("ownerReferences"):
                    team = (obj["metadata"].get("labels") or {}).get("team", "(no team)")
                    found[team] = found.get(team, 0) + 1
    return found
