"""The command: flags, wiring, and one turn on one screen. Decides nothing itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain

from downscaler.apply import apply, apply_notes
from downscaler.commands import COMMANDS, Command
from downscaler.config import Config, own_version, read_config
from downscaler.count import LOG, Report, Tally
from downscaler.memory import Memory
from downscaler.options import COMPONENT
from downscaler.plan import Planned, Planner
from downscaler.policy import Orphans
from downscaler.probe import served_kinds
from downscaler.read import read_forced, read_namespaces, read_recorded, read_scalers, read_workloads
from downscaler.relations import SCALERS, Relations
from downscaler.sizes import KINDS, Kind
from downscaler.workloads import Workload
from shared.clock import SystemClock
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.flags import fail
from shared.health import Health
from shared.logs import setup_logging
from shared.loop import TurnResult, run_loop
from shared.metrics import Metrics, start_metrics_server


def run_once(cluster: Cluster, config: Config, now: datetime, report: Report, memory: Memory | None = None) -> TurnResult:
    """One turn at *now*: read, decide, apply, count. Raises nothing for what the cluster holds or answers."""
    tally, lasting = Tally(now), memory or Memory()
    with cluster.deadline(config.turn_timeout):
        config = replace(config, kinds=served_kinds(cluster, config.kinds, lasting, now, tally.failed))
        namespaces = read_namespaces(cluster, config, tally.failed)
        forced = read_forced(cluster, config, tally.failed)
        scalers = read_scalers(cluster, config, config.kinds, tally.failed, tally.unreadable)
        planner = Planner(config.rules, namespaces, forced, now, Relations.of(scalers))
        tally.namespaces(planner.namespace_complaints())
        looked_at = chain(_workloads(cluster, config, planner, tally, scalers), _orphans(cluster, config, planner, memory))
        changes = [planned for planned in looked_at if tally.decided(planned)]
        apply_notes(cluster, planner, tally.failed)
        for planned, result in apply(cluster, planner, changes, partial(report.change, now)):
            tally.applied(planned, result)
    return report.finish(tally)


def _workloads(
    cluster: Cluster, config: Config, planner: Planner, tally: Tally, scalers: Sequence[tuple[Kind, Workload]]
) -> Iterator[Planned]:
    """Targets before their autoscalers and CronJobs before their Jobs, as each is governed by what the other says."""
    for kind in config.kinds:
        if kind.id not in SCALERS:
            for workload in read_workloads(cluster, config, kind, tally.failed, tally.unreadable(kind)):
                yield planner.plan(kind, workload)
    for kind, workload in scalers:
        if kind in config.kinds:
            yield planner.plan(kind, workload)
    jobs = KINDS["jobs"]
    if planner.relations.has_parents and jobs not in config.kinds:
        for workload in read_workloads(cluster, config, jobs, tally.failed, tally.unreadable(jobs)):
            if planner.relations.parent_policy(workload) is not None:
                yield planner.plan(jobs, workload)


def _orphans(cluster: Cluster, config: Config, planner: Planner, memory: Memory | None) -> Iterator[Planned]:
    """What carries a record and is of a kind that the configuration no longer names. Only a process that lasts looks for it."""
    if memory is None or not memory.orphans_due(planner.now):
        return
    included = {kind.id for kind in config.kinds}
    left_out = [kind for kind in KINDS.values() if kind.id not in included]
    restore = config.rules.orphans is Orphans.RESTORE
    # Rights on kinds that are not included are nothing that a controller has to have.
    for kind, workload in read_recorded(cluster, config, left_out, lambda error: LOG.debug("orphans: %s", error)):
        yield planner.plan_orphan(kind, workload, f"{kind.id} is not in --include-resources", restore=restore)


def main(argv: Sequence[str] | None = None) -> int:
    """The `kube-downscaler` command. Returns 0, or 1 when a single turn (--once) failed; usage errors exit with 2."""
    argv = sys.argv[1:] if argv is None else argv
    command = COMMANDS.get(argv[0]) if argv else None
    try:
        if command is not None:
            return _serve(replace(read_config(argv[1:]), once=True), command)
        memory = Memory()
        return _serve(read_config(argv), partial(run_once, memory=memory))
    except UsageError as problem:
        fail(COMPONENT, problem)


def _serve(config: Config, turn: Command) -> int:
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
                lambda: _timed(turn, cluster, config, (clock, metrics, report)),
                interval=config.interval,
                once=config.once,
                clock=clock,
                health=health,
                name=COMPONENT,
            )
        finally:
            if server is not None:
                server.close()


def _timed(turn: Command, cluster: Cluster, config: Config, process: tuple[SystemClock, Metrics, Report]) -> TurnResult:
    clock, metrics, report = process
    begun = clock.monotonic()
    result = turn(cluster, config, clock.now(), report)
    metrics.turn_ended(result.ok, clock.monotonic() - begun)
    return result


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
