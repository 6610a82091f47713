"""Applying: each decision as one sparse patch that changes the size and the record together, if nobody else wrote in between.

A conflict is read again and decided again, so that a change by somebody else is never overwritten by a decision that did not know
it. Because both halves are one request, a process that is killed anywhere leaves either the old object or the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from downscaler.decide import Keep, without_refused
from downscaler.patches import merged, patch_of
from downscaler.plan import Planned, Planner
from shared.cluster import Cluster
from shared.errors import Conflict, Invalid, NotFound, ThriftError
from shared.kinds import NAMESPACES


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one plan. `planned` holds the last decision, which differs from the first after a conflict."""

    planned: Planned
    written: bool


def apply(
    cluster: Cluster, planner: Planner, planned: Iterable[Planned], announce: Callable[[Planned], None]
) -> Iterator[tuple[Planned, Applied | ThriftError]]:
    """Writes all *planned* in parallel; each comes back as it ends, with what became of it or the error that stopped it.

    *announce* is called for each change right after it was made, in the thread that made it.
    """

    def work(item: Planned) -> Applied:
        applied = _write(cluster, planner, item)
        if applied.written:
            announce(applied.planned)
        return applied

    return cluster.run_all(work, planned)


def _write(cluster: Cluster, planner: Planner, planned: Planned) -> Applied:
    """One change. Raises Conflict when others kept writing for as long as it may be retried."""
    left = cluster.connection.max_retries_on_conflict
    while True:
        kind, workload = planned.kind, planned.workload
        patch = patch_of(kind, workload, planned.decision, planner.stamp)
        if planned.notes:
            patch = merged(patch or {}, {"metadata": {"annotations": dict(planned.notes)}})
        if patch is None:
            return Applied(planned, written=False)
        version = workload.metadata.resource_version
        try:
            cluster.patch(kind.resource, workload.namespace, workload.name, patch, resource_version=version)
            return Applied(planned, written=True)
        except NotFound:
            return _gone(planned)
        except Invalid:
            if (lesser := without_refused(planned.decision)) is None:
                raise
            planned = replace(planned, decision=lesser)
            continue
        except Conflict:
            if left == 0:
                raise
        left -= 1
        try:
            planned = planner.again(planned, cluster.get(kind.resource, workload.namespace, workload.name, kind.as_type))
        except NotFound:
            return _gone(planned)


def _gone(planned: Planned) -> Applied:
    return Applied(Planned(planned.kind, planned.workload, Keep("leaving", "deleted meanwhile")), written=False)


def apply_notes(cluster: Cluster, planner: Planner, failed: Callable[[ThriftError], None]) -> None:
    """Writes what time has made of the namespaces' annotations. A conflict waits for the next turn."""
    for namespace, notes in planner.namespace_notes():
        body = {"metadata": {"annotations": dict(notes)}}
        try:
            cluster.patch(NAMESPACES, None, namespace.name, body, resource_version=namespace.metadata.resource_version)
        except (Conflict, NotFound):
            continue
        except ThriftError as error:
            failed(error)
