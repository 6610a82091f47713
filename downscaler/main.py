"""The command: flags, wiring, and one turn on one screen. Decides nothing itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from downscaler.apply import apply
from downscaler.config import COMPONENT, Config, read_config
from downscaler.count import LOG, Report, Tally
from downscaler.plan import Planner
from downscaler.read import read_forced, read_namespaces, read_workloads
from shared.clock import SystemClock
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.flags import fail
from shared.health import Health
from shared.logs import setup_logging
from shared.loop import TurnResult, run_loop
from shared.metrics import Metrics, start_metrics_server


def run_once(cluster: Cluster, config: Config, now: datetime, report: Report) -> TurnResult:
    """One turn at *now*: read, decide, apply, count. Raises nothing for what the cluster holds or answers."""
    tally = Tally(now)
    with cluster.deadline(config.turn_timeout):
        planner = Planner(
            config.rules,
            read_namespaces(cluster, config, tally.failed),
            read_forced(cluster, config, tally.failed),
            now,
        )
        tally.namespaces(planner.namespace_complaints())
        workloads = (
            planner.plan(kind, workload)
            for kind in config.kinds
            for workload in read_workloads(cluster, config, kind, tally.failed, tally.unreadable(kind))
        )
        changes = [planned for planned in workloads if tally.decided(planned)]
        for planned, result in apply(cluster, planner, changes, partial(report.change, now)):
            tally.applied(planned, result)
    return report.finish(tally)


def main(argv: Sequence[str] | None = None) -> int:
    """The `kube-downscaler` command. Returns 0, or 1 when a single turn (--once) failed; usage errors exit with 2."""
    try:
        return _serve(read_config(argv))
    except UsageError as problem:
        fail(COMPONENT, problem)


def _serve(config: Config) -> int:
    setup_logging(config.debug, config.json_logs)
    health = Health(config.interval, turn_deadline=config.turn_timeout)
    clock = SystemClock(health.stop)
    metrics = Metrics(COMPONENT, own_version(), clock)
    with Cluster.connect(config.connection, clock=clock, stop=health.stop, observe=metrics.observe_request) as cluster:
        emit = cluster.emit if config.enable_events else None
        report = Report(metrics, emit, dry_run=config.connection.dry_run, always_sum_up=config.once)
        LOG.info("%s %s: %s on %s", COMPONENT, own_version(), ", ".join(kind.id for kind in config.kinds), cluster.server)
        for notice in config.notices:
            LOG.warning("%s", notice)
        server = start_metrics_server(config.metrics_port, metrics, health, clock) if config.metrics_port else None
        try:
            return run_loop(
                lambda: _timed(cluster, config, clock, metrics, report),
                interval=config.interval,
                once=config.once,
                clock=clock,
                health=health,
                name=COMPONENT,
            )
        finally:
            if server is not None:
                server.close()


def _timed(cluster: Cluster, config: Config, clock: SystemClock, metrics: Metrics, report: Report) -> TurnResult:
    begun = clock.monotonic()
    result = run_once(cluster, config, clock.now(), report)
    metrics.turn_ended(result.ok, clock.monotonic() - begun)
    return result


def own_version() -> str:
    """The installed distribution's version."""
    try:
        return version("kube-thrift")
    except PackageNotFoundError:  # pragma: no cover - run from a checkout that was never installed
        return "unknown"


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
