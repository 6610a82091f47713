"""The commands beside the loop: `restore-all`, which brings back everything, and `import-kube-green`, which adopts what sleeps.

Both are single turns with the controller's own flags, its decisions and its write door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

from downscaler.apply import apply
from downscaler.config import Config
from downscaler.count import LOG, Report, Tally
from downscaler.decide import Problem
from downscaler.keys import ORIGINAL, RECORD, TARGET
from downscaler.kube_green import Secret, Slept, is_asleep, slept
from downscaler.memory import Memory
from downscaler.patches import Stamp, patched
from downscaler.plan import Forced, Planner
from downscaler.probe import served_kinds
from downscaler.read import read_recorded
from downscaler.sizes import Kind, kinds_left_out
from shared.cluster import Cluster
from shared.errors import ClusterError, NotFound, ThriftError, ValueProblem
from shared.kinds import SECRETS
from shared.loop import TurnResult

Command: TypeAlias = Callable[[Cluster, Config, datetime, Report], TurnResult]


def restore_all(cluster: Cluster, config: Config, now: datetime, report: Report) -> TurnResult:
    """Brings every object of every kind that carries a record back to its original size, whatever schedule and lists say.

    What cannot be brought back is a failure with its name.
    """
    tally = Tally(now)
    planner = Planner(config.rules, {}, Forced(), now)
    with cluster.deadline(config.turn_timeout):
        planned = [
            planner.plan_orphan(kind, workload, "everything is restored")
            for kind, workload in read_recorded(cluster, config, _all_kinds(cluster, config, now, tally), tally.failed)
        ]
        changes = [each for each in planned if tally.decided(each)]
        for each, result in apply(cluster, planner, changes, partial(report.change, now)):
            tally.applied(each, result)
    for each in planned:
        if isinstance(each.decision, Problem):
            tally.failures.append(("Asleep", f"{each.kind.id} {each.workload.key}: left asleep: {each.decision.reason}"))
    return report.finish(tally)


def _all_kinds(cluster: Cluster, config: Config, now: datetime, tally: Tally) -> tuple[Kind, ...]:
    return served_kinds(cluster, (*config.kinds, *kinds_left_out(config.kinds)), Memory(), now, tally.failed)


def import_kube_green(cluster: Cluster, config: Config, now: datetime, report: Report) -> TurnResult:
    """Writes our own record onto what kube-green put to sleep, so that the next turn, or restore-all, brings it up.

    Sizes are not touched. What kube-green remembers of kinds that this controller does not scale is a failure with its name.
    """
    tally = Tally(now)
    adopted = 0
    with cluster.deadline(config.turn_timeout):
        kinds = _all_kinds(cluster, config, now, tally)
        for secret in _secrets(cluster, config, tally):
            try:
                found = list(slept(secret)) if is_asleep(secret) else []
            except ValueProblem as problem:
                tally.failures.append(("Unreadable", str(problem)))
                continue
            for each in found:
                try:
                    adopted += _adopt(cluster, _Sleeper(secret.namespace, each, kinds), config.rules.version, now)
                except ThriftError as error:
                    tally.failures.append((type(error).__name__, f"{each.kind} {secret.namespace}/{each.name}: {error}"))
    result = report.finish(tally)
    suffix = " (dry run)" if config.connection.dry_run else ""
    return TurnResult(result.ok, adopted, result.failures, f"{adopted} sleepers of kube-green adopted{suffix}")


@dataclass(frozen=True, slots=True)
class _Sleeper:
    namespace: str
    slept: Slept
    kinds: tuple[Kind, ...]


def _secrets(cluster: Cluster, config: Config, tally: Tally) -> Iterator[Secret]:
    for namespace in config.namespaces or (None,):
        try:
            for about in cluster.list_metadata(SECRETS, namespace=namespace):
                # Only these are read: a controller has no business with anybody's other secrets.
                if about.name.startswith("sleepinfo-"):
                    yield cluster.get(SECRETS, about.namespace, about.name, Secret)
        except ClusterError as error:
            tally.failed(error)


def _adopt(cluster: Cluster, sleeper: _Sleeper, version: str, now: datetime) -> bool:
    """True if a record was written. Raises ValueProblem for a kind that is not scaled here."""
    each, namespace = sleeper.slept, sleeper.namespace
    kind = next((k for k in sleeper.kinds if (k.resource.kind, k.resource.group) == (each.kind, each.group)), None)
    if kind is None:
        raise ValueProblem(f"{each.kind}.{each.group}", "a kind that this downscaler scales; bring it up with kube-green")
    where = f"{kind.id} {namespace}/{each.name}"
    try:
        workload = cluster.get(kind.resource, namespace, each.name, kind.as_type)
    except NotFound:
        LOG.info("%s: gone", where)
        return False
    size, original = kind.read(workload), kind.read(patched(workload, each.patch))
    awake = size is None or original is None or kind.compare(workload, original, size) != 1
    if awake or workload.metadata.annotation(ORIGINAL) is not None:
        LOG.info("%s: %s", where, "is awake" if awake else "has a record already")
        return False
    record: Mapping[str, str] = {
        ORIGINAL: str(original),
        TARGET: str(size),
        RECORD: Stamp(now, version).text("put to sleep by kube-green, adopted"),
    }
    body = {"metadata": {"annotations": record}}
    cluster.patch(kind.resource, namespace, each.name, body, resource_version=workload.metadata.resource_version)
    LOG.info("%s: adopted, %s %s, original %s", where, kind.noun, size, original)
    return True


COMMANDS: Mapping[str, Command] = {"restore-all": restore_all, "import-kube-green": import_kube_green}
