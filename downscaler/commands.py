"""The commands beside the loop: `restore-all`, which brings back everything, and `import-kube-green`, which adopts what sleeps.

Both are single turns with the controller's own flags, its decisions and its write door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

import msgspec

from downscaler.amounts import Size
from downscaler.apply import apply
from downscaler.beside import NOTHING, Originals, Return, text_of
from downscaler.config import Config
from downscaler.count import LOG, Report, Tally
from downscaler.decide import Problem
from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, RECORD, TARGET
from downscaler.kube_green import Secret, Slept, asleep_since, beyond, is_asleep, slept
from downscaler.memory import Memory
from downscaler.patches import Stamp, merged, patched
from downscaler.plan import Forced, Planner
from downscaler.probe import served_kinds
from downscaler.read import read_recorded
from downscaler.sizes import Kind, kinds_left_out
from downscaler.workloads import Workload
from shared.cluster import Cluster
from shared.errors import ClusterError, Forbidden, NotFound, ThriftError, ValueProblem
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
            for kind in _all_kinds(cluster, config, now, tally)
            for _, workload in read_recorded(cluster, config, [kind], _failed(config, kind, tally))
        ]
        changes = [each for each in planned if tally.decided(each)]
        for each, result in apply(cluster, planner, changes, partial(report.change, now)):
            tally.applied(each, result)
    for each in planned:
        if isinstance(each.decision, Problem):
            tally.failures.append(("Asleep", f"{each.kind.id} {each.workload.key}: left asleep: {each.decision.reason}"))
    return report.finish(tally)


def _failed(config: Config, kind: Kind, tally: Tally) -> Callable[[ClusterError], None]:
    """What a list that failed counts as. With --stop-controller the flags are that controller's: what it may not even list, of a
    kind that it does not include, it has not put down."""

    def failed(error: ClusterError) -> None:
        if isinstance(error, Forbidden) and config.stops is not None and kind not in config.kinds:
            LOG.info("%s is not in --include-resources and not looked at: %s", kind.id, error)
        else:
            tally.failed(error)

    return failed


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
            since = asleep_since(secret) or now
            for each in found:
                if isinstance(each, ValueProblem):
                    tally.failures.append(("Unreadable", str(each)))
                    continue
                try:
                    sleeper = _Sleeper(secret.namespace, each, kinds)
                    adopted += _adopt(cluster, sleeper, Stamp(since, config.rules.version), tally)
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


def _adopt(cluster: Cluster, sleeper: _Sleeper, stamp: Stamp, tally: Tally) -> bool:
    """True if a record was written. Raises ValueProblem for a kind that is not scaled here.

    What kube-green changed beside the size is a failure with its path, as it does not come back.
    """
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
    found = _original(kind, workload, each)
    if workload.metadata.annotation(ORIGINAL) is not None:
        LOG.info("%s: has a record already", where)
        return False
    if found.lost:
        text = f"{where}: kube-green changed {', '.join(found.lost)}, too, which only kube-green brings back"
        tally.failures.append(("NotAdopted", text))
    if found.size is None:
        LOG.info("%s: is awake", where)
        return False
    size = kind.read(workload)
    record: dict[str, str | None] = {
        ORIGINAL: str(found.size),
        TARGET: str(size),
        RECORD: stamp.text("put to sleep by kube-green, adopted"),
    }
    if (fields := text_of(found.fields)) is not None:
        record[ORIGINAL_FIELDS] = fields
    body = {"metadata": {"annotations": record}}
    cluster.patch(kind.resource, namespace, each.name, body, resource_version=workload.metadata.resource_version)
    LOG.info("%s: adopted, %s %s, original %s", where, kind.noun, size, found.size)
    return True


@dataclass(frozen=True, slots=True)
class _Original:
    """What an object is to go back to, None if it is so already; and the paths of what does not come back."""

    size: Size | None
    fields: Originals
    lost: Sequence[str]


def _original(kind: Kind, workload: Workload, each: Slept) -> _Original:
    """Raises ValueProblem for a patch that makes no object of that kind."""
    try:
        before = patched(workload, each.patch)
    except msgspec.ValidationError as error:
        raise ValueProblem(each.patch, f"a patch of a {each.kind}; {error}") from None
    size, original = kind.read(workload), kind.read(before)
    if original is None:
        return _Original(None, NOTHING, beyond(each.patch, {}))
    fields, rest = NOTHING, Return({}, {})
    if kind.beside is not None:
        fields = kind.beside.remember(before, dict(each.patch))
        rest = kind.beside.recall(workload, original, fields, True)
    ours = merged(merged(rest.must, rest.may), kind.patch(workload, original))
    up = size is not None and (kind.compare(workload, original, size) == 1 or (original == size and bool(rest.must)))
    return _Original(original if up else None, fields, beyond(each.patch, ours))


COMMANDS: Mapping[str, Command] = {"restore-all": restore_all, "import-kube-green": import_kube_green}
