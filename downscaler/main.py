"""The command: flags, wiring, and one turn on one screen. Decides nothing itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from downscaler.apply import Applied, apply, apply_notes
from downscaler.commands import COMMANDS, Command
from downscaler.config import Config, read_config
from downscaler.count import LOG, Limits, Report, Tally
from downscaler.decide import ScaleTo
from downscaler.itself import itself
from downscaler.measures import LONGEST_GAP
from downscaler.memory import Memory
from downscaler.options import COMPONENT, RBAC
from downscaler.plan import Forced, Planned, Planner
from downscaler.policy import Orphans
from downscaler.probe import served_kinds
from downscaler.read import may_list, read_forced, read_namespaces, read_recorded, read_scalers, read_workloads
from downscaler.relations import SCALERS, Relations
from downscaler.rights import role_documents
from downscaler.safety import settle, without_fights, without_masses
from downscaler.sizes import KINDS, Kind, kinds_left_out
from downscaler.status import About, Board
from downscaler.statuspage import pages_of
from downscaler.stop import stop_controller
from downscaler.waves import Scene
from downscaler.workloads import Workload
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.flags import fail
from shared.loop import TurnResult
from shared.metrics import Metrics
from shared.process import Process, Running
from shared.rights import as_yaml
from shared.times import format_timestamp
from shared.version import own_version


def run_once(cluster: Cluster, config: Config, now: datetime, report: Report, memory: Memory | None = None) -> TurnResult:
    """One turn at *now*: read, decide, apply, count. Raises nothing for what the cluster holds or answers."""
    lasting = memory or Memory()
    tally = Tally(now, config.prices, lasting.pending, report.draft(), jumps=lasting.jumps)
    with cluster.deadline(config.turn_timeout):
        # A kind that is named and not served at the moment is no orphan.
        left_out = kinds_left_out(config.kinds)
        config = replace(config, kinds=served_kinds(cluster, config.kinds, lasting, now, tally.failed))
        namespaces = read_namespaces(cluster, config, tally.failed)
        forced = _held(read_forced(cluster, config, tally.failed), lasting, tally)
        scalers = read_scalers(cluster, config, config.kinds, tally.failed, tally.unreadable)
        planner = Planner(config.rules, namespaces, forced, now, Relations.of(scalers))
        tally.namespaces(planner.namespace_complaints())
        looked_at = chain(
            _workloads(cluster, config, planner, tally, scalers), _orphans(cluster, config, left_out, planner, memory)
        )
        # A single run cannot wait: the next one would not know since when.
        changes = settled(looked_at, config, planner, None if config.once else memory, tally)
        apply_notes(cluster, planner, tally.failed)
        for planned, applied in apply(cluster, planner, changes, partial(report.change, now)):
            tally.applied(planned, applied)
            if isinstance(applied, Applied) and applied.written and isinstance(applied.planned.decision, ScaleTo):
                lasting.put_down(planned.workload.metadata.uid, now)
    result = report.finish(tally)
    if result.ok:
        lasting.good(now)
    if tally.changed:
        lasting.last_change = now
    idle = tally.outlook.idle(lasting.pending, now, lasting.quiet_from(config.safety.watch))
    return replace(result, due=tally.outlook.next, idle=idle)


def settled(
    looked_at: Iterable[Planned], config: Config, planner: Planner, lasting: Memory | None, tally: Tally
) -> list[Planned]:
    """What to write of all that was looked at, in order; the rest is counted, with what was stopped or has to wait.

    Without a lasting memory nothing waits: nobody would remember since when.
    """
    memory, scene, number = lasting or Memory(), Scene(), 0
    changes: list[Planned] = []
    for planned in looked_at:
        number += 1
        settle(planned, memory)
        scene.see(planned)
        if planned.changes:
            changes.append(planned)
        else:
            tally.decided(planned)
    changes = without_fights(changes, memory, config.safety, planner)
    changes, line = without_masses(changes, number, planner, memory, config.safety)
    if line:
        tally.failures.append(("MassChange", line))
        tally.holds["mass"] = line
    if lasting is not None:
        changes = scene.ordered(changes, config.pace, memory.progress, planner.now)
    return [planned for planned in changes if tally.decided(planned)]


def _held(forced: Forced, memory: Memory, tally: Tally) -> Forced:
    """*forced* with the hold after a jump of the clock, unless something else holds already; *tally* is told which it is."""
    if forced.hold:
        tally.holds["unread"] = forced.hold
    elif memory.hold:
        tally.holds["clock"] = memory.hold
    return replace(forced, hold=forced.hold or memory.hold)


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


def _orphans(
    cluster: Cluster, config: Config, left_out: Iterable[Kind], planner: Planner, memory: Memory | None
) -> Iterator[Planned]:
    """What carries a record and is of a kind that the configuration no longer names: one of *left_out*.

    Only a process that lasts looks for what it would merely report: a single turn that has nothing to do must stay cheap.
    """
    if memory is None or (config.once and config.rules.orphans is not Orphans.RESTORE) or not memory.orphans_due(planner.now):
        return
    # Rights on kinds that are not included are nothing that a controller has to have; and a refusal an hour in somebody's audit
    # log would look like an attempt.
    readable = [kind for kind in left_out if may_list(cluster, config, kind)]
    restore = config.rules.orphans is Orphans.RESTORE
    for kind, workload in read_recorded(cluster, config, readable, lambda error: LOG.debug("orphans: %s", error)):
        yield planner.plan_orphan(kind, workload, f"{kind.id} is not in --include-resources", restore=restore)


def main(argv: Sequence[str] | None = None) -> int:
    """The `kube-downscaler` command. Returns 0, or 1 when a single turn (--once) failed; usage errors exit with 2."""
    try:
        config = read_config(argv)
        if config.command == RBAC:
            sys.stdout.write(as_yaml(role_documents(config, os.environ.get("POD_NAMESPACE", ""))))
            return 0
        if config.command:
            return _serve(replace(config, once=True), COMMANDS[config.command])
        memory = Memory()
        return _serve(config, partial(run_once, memory=memory), memory)
    except UsageError as problem:
        fail(COMPONENT, problem)


def _serve(config: Config, turn: Command, memory: Memory | None = None) -> int:
    running = Running(
        interval=config.interval,
        once=config.once,
        turn_timeout=config.turn_timeout,
        metrics_port=config.metrics_port,
        debug=config.debug,
        json_logs=config.json_logs,
        max_interval=config.max_interval,
        dry_run=config.connection.dry_run,
    )
    process = Process(running, component=COMPONENT)
    with process.connect(config.connection) as cluster:
        scope = replace(config.rules.scope, itself=itself(cluster, os.environ))
        config = replace(config, rules=replace(config.rules, scope=scope))
        report = report_of(config, process.metrics, process.clock.now(), cluster.emit if config.enable_events else None)
        LOG.info("%s %s: %s on %s", COMPONENT, own_version(), ", ".join(kind.id for kind in config.kinds), cluster.server)
        for notice in config.notices:
            LOG.warning("%s", notice)

        def one_turn() -> TurnResult:
            if config.stops is not None and config.command == "restore-all":
                stop_controller(cluster, config.stops, process.clock, config.turn_timeout)
            now = process.clock.now()
            if memory is not None:
                memory.tick(now, process.clock.monotonic())
            return turn(cluster, config, now, report)

        # A turn sets its own deadline; commands that bring everything back have none.
        return process.run(one_turn, pages=pages_of(report.board))


def report_of(config: Config, metrics: Metrics, started: datetime, emit: Callable[[dict[str, object]], None] | None) -> Report:
    """The report of a process with *config* that began at *started*; with a board where somebody can look at it."""
    board = None
    if config.status and config.metrics_port and not config.command:
        about = About(own_version(), format_timestamp(started), config.connection.dry_run, config.interval, config.max_interval)
        board = Board(about)
    longest_gap = max(LONGEST_GAP, timedelta(seconds=2 * config.max_interval))
    return Report(
        metrics,
        emit,
        dry_run=config.connection.dry_run,
        always_sum_up=config.once,
        limits=Limits(timedelta(seconds=config.late_after), longest_gap),
        board=board,
    )


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main())
