"""Why a workload is up or down: each layer's values, the one that decided, what would be done now and what comes next. Pure.

It asks the same planner as the controller, so that an explanation cannot differ from what happens. What only a process that runs
can know (waves, fights, holds) is in its status, which is printed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from downscaler.amounts import Size
from downscaler.annotations import FIELDS
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo
from downscaler.forecast import Transition, transitions
from downscaler.keys import DOWNSCALE_REPLICAS, DOWNTIME_REPLICAS, ORIGINAL, ORIGINAL_FIELDS, RECORD, TARGET
from downscaler.plan import Planned, Planner
from downscaler.policy import AUTOSCALER, CONFIGURATION, NAMESPACE, PARENT, POD, SCALED, WORKLOAD, Policy, Setting, ruling
from downscaler.schedule import Spec
from downscaler.sizes import Kind
from downscaler.status import Row as Seen
from downscaler.status import Status, decider
from downscaler.workloads import Workload
from shared.errors import shorten
from shared.logs import one_line
from shared.times import format_duration, format_timestamp

LAYERS = (CONFIGURATION, POD, NAMESPACE, AUTOSCALER, SCALED, PARENT, WORKLOAD)
_ALWAYS_SHOWN = (CONFIGURATION, NAMESPACE, WORKLOAD)
_MOST_FAILURES = 5
_ACTIONS: Mapping[type, str] = {
    Keep: "leave as it is",
    ScaleTo: "scale down",
    Restore: "bring up",
    Forget: "remove the record",
    Problem: "leave as it is",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What each layer says about one key, as it was written; `counts` names the layer whose value counts."""

    key: str
    values: dict[str, str]
    counts: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that `kube-thrift explain` prints. `decided_by` names key and layer; sizes are as in the object's own field."""

    kind: str
    namespace: str
    name: str
    now: datetime
    size: Size | None
    counts: str
    record: dict[str, str]
    layers: tuple[Row, ...]
    decided_by: str
    wanted: str
    action: str
    change: str
    reason: str
    complaints: tuple[str, ...]
    next: tuple[Transition, ...]


def explain(planner: Planner, kind: Kind, workload: Workload) -> Explanation:
    """The explanation of what *planner* decides about *workload*. Raises nothing for what is written on it."""
    planned = planner.plan(kind, workload)
    policy = planner.govern(kind, workload)
    ruled = None if policy is None else ruling(policy, planner.at(workload.namespace))
    decision = planned.decision
    return Explanation(
        kind=kind.id,
        namespace=workload.namespace,
        name=workload.name,
        now=planner.now,
        size=kind.read(workload),
        counts=kind.noun,
        record=_record(workload),
        layers=() if policy is None else tuple(_rows(planner, kind, workload, policy)),
        decided_by=_decider(policy, decision, ruled.key if ruled else "", ruled.source if ruled else ""),
        wanted="" if ruled is None else ruled.want.value,
        action=next(words for each, words in _ACTIONS.items() if isinstance(decision, each)),
        change=_change(kind, decision),
        reason=decision.reason,
        complaints=tuple(complaint.text for complaint in planned.complaints),
        next=() if policy is None else tuple(_ahead(planner, planned, policy)),
    )


def _record(workload: Workload) -> dict[str, str]:
    found = {key: workload.metadata.annotation(key) for key in (ORIGINAL, TARGET, ORIGINAL_FIELDS, RECORD)}
    return {key: value for key, value in found.items() if value is not None}


def _ahead(planner: Planner, planned: Planned, policy: Policy) -> list[Transition]:
    """Nothing is foretold of what cannot be read."""
    late = planner.rules.lateness(planned.workload.namespace)
    now = planner.now - late
    if policy.broken and not policy.exclusion(now):
        return []
    missed = isinstance(planned.decision, Keep) and planned.decision.cause == "missed"
    found = transitions(planned.kind, planned.workload, policy, now, missed=missed)
    return [replace(each, at=each.at + late) for each in found]


def _decider(policy: Policy | None, decision: Decision, key: str, source: str) -> str:
    if isinstance(decision, Problem) and policy is not None and policy.broken:
        layer, complaint = policy.broken[0]
        return f"{complaint.key} ({layer})"
    return decider(key, source)


def _change(kind: Kind, decision: Decision) -> str:
    if isinstance(decision, ScaleTo | Restore):
        return f"{kind.noun} {decision.before} -> {decision.size}"
    return ""


def _rows(planner: Planner, kind: Kind, workload: Workload, policy: Policy) -> Iterator[Row]:
    namespace = planner.namespaces[workload.namespace].metadata.annotations or {}
    own = workload.metadata.annotations or {}
    found = planner.relations.scaler_of(kind, workload)
    scaler = (found.workload.metadata.annotations or {}) if found is not None else {}
    for key, field in FIELDS.items():
        texts = {NAMESPACE: namespace.get(key), AUTOSCALER: scaler.get(key), WORKLOAD: own.get(key)}
        configured = getattr(planner.rules.policy, field, None)
        if isinstance(configured, Setting) and configured.value is not None and key != DOWNSCALE_REPLICAS:
            texts[CONFIGURATION] = _text(configured)
        effective = getattr(policy, field, None)
        counts = effective.source if isinstance(effective, Setting) else ""
        if key in (DOWNTIME_REPLICAS, DOWNSCALE_REPLICAS) and counts and texts.get(counts) is None:
            counts = ""
        if counts == POD:
            texts[POD] = "true"
        values = {layer: shorten(text) for layer in LAYERS if (text := texts.get(layer)) is not None}
        if values:
            yield Row(key, values, counts)


def _text(
    setting: Setting[Spec]
    | Setting[Size]
    | Setting[int | None]
    | Setting[timedelta]
    | Setting[bool]
    | Setting[tuple[tuple[str, str, str], ...]],
) -> str:
    value = setting.value
    if isinstance(value, Spec):
        return value.text
    if isinstance(value, tuple):
        return ",".join("/".join(each) for each in value) or "nothing"
    return format_duration(value) if isinstance(value, timedelta) else str(value).lower()


# ---- for people


def as_text(found: Explanation, process: Status | None = None) -> str:
    """The explanation as lines for a terminal; *process* is what a running controller said of the object."""
    size = "not set" if found.size is None else found.size
    layers = [layer for layer in LAYERS if layer in _ALWAYS_SHOWN or any(layer in row.values for row in found.layers)]
    lines = [f"{found.kind} {found.namespace}/{found.name}: {found.counts} {size}, at {format_timestamp(found.now)}", ""]
    if found.layers:
        lines += [*_table([("key", *layers, "counts"), *(_cells(row, layers) for row in found.layers)]), ""]
    record = ", ".join(f"{key}={shorten(value)}" for key, value in found.record.items())
    lines += [
        f"record:  {record or 'none'}",
        f"wanted:  {found.wanted or 'not known'}",
        f"decided: {found.decided_by or 'nothing'}",
        f"now:     {found.action}{f', {found.change}' if found.change else ''}: {found.reason}",
    ]
    lines += [f"note:    {complaint}" for complaint in found.complaints]
    if not found.next:
        lines.append("next:    nothing within 400 days")
    for index, each in enumerate(found.next):
        label = "next:   " if index == 0 else "        "
        lines.append(
            f"{label} {format_timestamp(each.at)}  {each.direction}, {found.counts} {each.before} -> {each.size}: {each.reason}"
        )
    if process is not None:
        # Another process's texts go to a terminal.
        lines += [one_line(line) for line in _process_lines(found, process)]
    return "\n".join(lines) + "\n"


def _process_lines(found: Explanation, process: Status) -> Iterator[str]:
    """What the running controller says, and where that differs from what these flags would do."""
    about, turn, seen = process.controller, process.turn, _seen(found, process)
    yield f"process: {about.version}{', dry run' if about.dry_run else ''}, since {about.started}"
    if turn is None:
        yield "         no turn has ended yet"
        return
    yield f"         its turn of {turn.at} {'succeeded' if turn.ok else 'failed'}, {turn.changed} changed"
    yield from (f"failed:  {failure}" for failure in turn.failures[:_MOST_FAILURES])
    yield from (f"held:    {hold.cause}: {hold.reason} ({hold.objects} objects are due to go down)" for hold in turn.holds)
    if seen is None:
        yield "seen:    not in that turn: its kind is not included there, its list failed, or it is new"
        return
    size = "not set" if seen.size is None else seen.size
    since = f" since {seen.since}" if seen.since else ""
    yield f"seen:    {seen.actual or 'not known'}, {found.counts} {size}, {seen.cause}{since}: {seen.reason}"
    if seen.wanted and (seen.wanted, seen.decided_by) != (found.wanted, found.decided_by):
        decided = f" ({seen.decided_by})" if seen.decided_by else ""
        yield f"note:    it wants the object {seen.wanted}{decided}: its flags differ, or something changed since"


def _seen(found: Explanation, process: Status) -> Seen | None:
    address = (found.kind, found.namespace, found.name)
    return next((row for row in process.objects if (row.kind, row.namespace, row.name) == address), None)


def _cells(row: Row, layers: Sequence[str]) -> tuple[str, ...]:
    return (row.key, *(row.values.get(layer, "-") for layer in layers), row.counts or "-")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_data(found: Explanation, process: Status | None = None) -> dict[str, object]:
    """The explanation as JSON has it; times are RFC 3339 in UTC. `process` is there only if one was asked."""
    data = _data(found)
    if process is not None:
        data["process"] = {"controller": process.controller, "turn": process.turn, "object": _seen(found, process)}
    return data


def _data(found: Explanation) -> dict[str, object]:
    return {
        "kind": found.kind,
        "namespace": found.namespace,
        "name": found.name,
        "now": format_timestamp(found.now),
        "size": found.size,
        "counts": found.counts,
        "record": found.record,
        "layers": [{"key": row.key, "values": row.values, "counts": row.counts} for row in found.layers],
        "decidedBy": found.decided_by,
        "wanted": found.wanted,
        "action": found.action,
        "change": found.change,
        "reason": found.reason,
        "complaints": list(found.complaints),
        "next": [
            {
                "at": format_timestamp(each.at),
                "direction": each.direction,
                "before": each.before,
                "size": each.size,
                "reason": each.reason,
            }
            for each in found.next
        ],
    }
