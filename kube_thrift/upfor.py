"""`kubectl thrift up-for`: asks the downscaler to keep a workload, or all of a namespace, up for a while.

It writes one annotation and scales nothing: the controller does that, in its next turn, under its own rules.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from downscaler.annotations import Context, read_overrides
from downscaler.keys import EXCLUDE, ORIGINAL, UP_FOR
from downscaler.sizes import KINDS, Kind, kind_named
from kube_thrift.targets import Target
from shared.cluster import Cluster
from shared.errors import UsageError, ValueProblem
from shared.kinds import NAMESPACES, Resource
from shared.objects import Object
from shared.times import format_duration, format_timestamp

NAMESPACE_NAMES = frozenset({"namespace", "namespaces", "ns"})


def read_length(text: str) -> timedelta:
    """How long *text* asks for, by the parser that the controller reads the annotation with. Raises UsageError."""
    overrides = read_overrides({UP_FOR: text}, Context())
    if overrides.up_for is None:
        accepted = overrides.complaints[0].accepted
        raise UsageError(f"{text!r} is not understood; accepted: {accepted}")
    return overrides.up_for


def scalable(kind: str) -> Kind | None:
    """The kind that *kind* names, or None for a namespace. Raises UsageError for what the downscaler cannot scale."""
    if kind.lower() in NAMESPACE_NAMES:
        return None
    try:
        return kind_named(kind)
    except ValueProblem:
        raise UsageError(f"{kind!r} cannot be scaled; accepted: namespace, {', '.join(KINDS)}, also in the singular") from None


def ask(cluster: Cluster, target: Target, namespace: str, length: str, now: datetime) -> str:
    """Writes the annotation; returns the line that says until when. Raises UsageError for what cannot be scaled, ClusterError."""
    period, kind = read_length(length), scalable(target.kind)
    if kind is None:
        found: Object = cluster.get_metadata(NAMESPACES, None, target.name)
        return _written(cluster, NAMESPACES, found, period, now)
    workload = cluster.get(kind.resource, namespace, target.name, kind.as_type)
    where = f"{kind.id} {workload.key}"
    owner = next((each for each in workload.metadata.owner_references or () if kind.skip_owned_by in ("*", each.kind)), None)
    if owner is not None:
        raise UsageError(f"{where}: cannot be scaled: it belongs to {owner.kind} {owner.name}, ask for that")
    if workload.metadata.deletion_timestamp or kind.read(workload) is None:
        why = "it is being deleted" if workload.metadata.deletion_timestamp else f"it has no {kind.noun} to change"
        raise UsageError(f"{where}: cannot be scaled: {why}")
    line = _written(cluster, kind.resource, workload, period, now)
    asleep = workload.metadata.annotation(ORIGINAL)
    return line if asleep is None else f"{line}; asleep now, it wakes in the controller's next turn"


def _written(cluster: Cluster, resource: Resource, about: Object, period: timedelta, now: datetime) -> str:
    cluster.patch(
        resource, about.metadata.namespace, about.name, {"metadata": {"annotations": {UP_FOR: format_duration(period)}}}
    )
    until = format_timestamp(now + period)
    dry = " (dry run)" if cluster.dry_run else ""
    said = read_overrides(about.metadata.annotations, Context())
    excluded = f"; note that {EXCLUDE} is set on it, so it is up anyway" if said.exclude else ""
    return f"{resource.plural} {about.key}: up until {until}, {format_duration(period)} from now{excluded}{dry}"
