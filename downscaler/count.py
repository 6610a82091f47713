"""Counting: what a turn came to, as log lines, events, metrics and the result that the loop wants. Sends nothing but events.

A complaint is said once per object and value, as long as it stays; what was corrected and breaks again is said again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as CounterMetric

from downscaler.amounts import Size
from downscaler.annotations import INVALID, Complaint
from downscaler.apply import Applied
from downscaler.decide import Forget, Keep, Restore, ScaleTo
from downscaler.options import COMPONENT
from downscaler.plan import Planned
from downscaler.savings import Amount, amount_of
from downscaler.sizes import Kind
from shared.errors import ThriftError, Unauthorized, ValueProblem, shorten
from shared.events import event_body
from shared.kinds import NAMESPACES, Resource
from shared.loop import TurnResult
from shared.metrics import Metrics
from shared.objects import Object

LOG = logging.getLogger("downscaler")

_Event = dict[str, object]
# Complaints remembered over turns that fail, so that tenants who keep changing a broken value cannot fill the memory.
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class _Remark:
    """A complaint with the object it is about."""

    resource: Resource
    about: Object
    key: str
    value: str
    text: str
    word: str = INVALID

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return (self.resource.name, self.about.key, self.key, shorten(self.value))


@dataclass
class Tally:
    """What one turn has seen so far. Filled while reading, deciding and applying; read by `Report`."""

    now: datetime
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    changed: list[Planned] = field(default_factory=list)
    avoided: Counter[str] = field(default_factory=Counter)
    # What the replicas that are switched off would request, by namespace.
    off: dict[str, Amount] = field(default_factory=dict)
    # Kind, what its schedule wants, and what it is.
    states: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    # When the schedule next wants something else of anything, by what it wants.
    ahead: dict[str, datetime] = field(default_factory=dict)
    remarks: dict[tuple[str, str, str, str], _Remark] = field(default_factory=dict)

    def failed(self, error: ThriftError) -> None:
        """A list that could not be read to its end. Wrong credentials fail every list alike and are said once."""
        reason = type(error).__name__
        if not (isinstance(error, Unauthorized) and any(known == reason for known, _ in self.failures)):
            self.failures.append((reason, str(error)))

    def unreadable(self, kind: Kind) -> Callable[[Object, ValueProblem], None]:
        """Notes objects of *kind* that do not decode."""

        def note(about: Object, problem: ValueProblem) -> None:
            self._remark(_Remark(kind.resource, about, "", problem.value, f"cannot be read and is left alone: {problem}"))

        return note

    def decided(self, planned: Planned) -> bool:
        """Notes a decision; True if there is something to write."""
        for complaint in planned.complaints:
            self._complain(planned.kind.resource, planned.workload, complaint)
        if planned.ahead is not None:
            at, ruled = planned.ahead
            self.ahead[ruled.want.value] = min(at, self.ahead.get(ruled.want.value, at))
        if planned.changes:
            return True
        self._keep(planned)
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("%s %s: left as it is: %s", planned.kind.id, planned.workload.key, planned.decision.reason)
        return False

    def namespaces(self, complaints: Iterable[tuple[Object, Complaint]]) -> None:
        for namespace, complaint in complaints:
            self._complain(NAMESPACES, namespace, complaint)

    def applied(self, planned: Planned, result: Applied | ThriftError) -> None:
        """Notes what became of a write."""
        if isinstance(result, ThriftError):
            where = f"{planned.kind.id} {planned.workload.key}"
            text = str(result) if where in str(result) else f"{where}: {result}"
            self.failures.append((type(result).__name__, text))
            self._state(planned, down=not isinstance(planned.decision, ScaleTo))
        elif result.written:
            self.changed.append(result.planned)
            if isinstance(result.planned.decision, ScaleTo):
                self._avoid(result.planned, result.planned.decision.original, result.planned.decision.size)
            down = isinstance(result.planned.decision, ScaleTo) or getattr(result.planned.decision, "held", None) is not None
            self._state(result.planned, down=down)
        else:
            self._keep(result.planned)

    def _keep(self, planned: Planned) -> None:
        decision = planned.decision
        if isinstance(decision, Keep):
            self.kept[planned.kind.id, decision.cause] += 1
            if decision.held is not None:
                self._avoid(planned, decision.held, planned.kind.read(planned.workload))
            self._state(planned, down=decision.held is not None)
        else:
            self.kept[planned.kind.id, "broken"] += 1

    def _avoid(self, planned: Planned, original: Size, size: Size | None) -> None:
        if planned.kind.noun == "replicas" and isinstance(original, int) and isinstance(size, int):
            less, namespace = max(0, original - size), planned.workload.namespace
            self.avoided[planned.kind.id] += less
            amount = amount_of(planned.workload.spec.template.spec).times(less)
            self.off[namespace] = self.off.get(namespace, Amount()) + amount

    def _state(self, planned: Planned, *, down: bool) -> None:
        if planned.wanted:
            self.states[planned.kind.id, planned.wanted, "down" if down else "up"] += 1

    def _complain(self, resource: Resource, about: Object, complaint: Complaint) -> None:
        self._remark(_Remark(resource, about, complaint.key, complaint.value, complaint.text, complaint.word))

    def _remark(self, remark: _Remark) -> None:
        self.remarks.setdefault(remark.identity, remark)


# A process that slept for longer knows nothing of the time between.
_LONGEST_GAP = timedelta(hours=1)


class Saved:
    """Counters of hours saved: what is switched off, integrated over the time from turn to turn."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            field: CounterMetric(
                f"kube_thrift_downscaler_saved_{field}", f"{what} that were not requested.", ("namespace",), registry=registry
            )
            for field, what in (
                ("replica_hours", "Replica-hours"),
                ("core_hours", "Core-hours"),
                ("gib_hours", "GiB-hours of memory"),
            )
        }
        self._last: tuple[datetime, dict[str, Amount]] | None = None

    def turn(self, now: datetime, off: dict[str, Amount]) -> None:
        """What was off since the last turn counts until *now*; *off* from here on."""
        if self._last is not None and timedelta(0) < now - self._last[0] <= _LONGEST_GAP:
            hours = (now - self._last[0]).total_seconds() / 3600
            for namespace, amount in self._last[1].items():
                for field, value in (("replica_hours", amount.replicas), ("core_hours", amount.cores), ("gib_hours", amount.gib)):
                    self._counters[field].labels(namespace).inc(value * hours)
        self._last = (now, off)


class Report:
    """Turns tallies into lines, events and metrics; remembers only which complaints were said."""

    def __init__(
        self,
        metrics: Metrics,
        emit: Callable[[_Event], None] | None = None,
        *,
        dry_run: bool = False,
        always_sum_up: bool = False,
    ) -> None:
        self._metrics = metrics
        self._emit = emit
        self._always_sum_up = always_sum_up
        self._suffix = " (dry run)" if dry_run else ""
        self._said: frozenset[tuple[str, str, str, str]] = frozenset()
        registry = metrics.registry
        self._actions = CounterMetric(
            "kube_thrift_downscaler_actions", "Writes by kind and direction.", ("kind", "direction"), registry=registry
        )
        self._kept = Gauge(
            "kube_thrift_downscaler_kept", "Objects left as they are, by kind and cause.", ("kind", "cause"), registry=registry
        )
        self._invalid = Gauge(
            "kube_thrift_downscaler_invalid_configuration",
            "Annotations that cannot be read, by kind.",
            ("kind",),
            registry=registry,
        )
        self._avoided = Gauge(
            "kube_thrift_downscaler_replicas_avoided",
            "Replicas that are switched off now, by kind.",
            ("kind",),
            registry=registry,
        )

        self._next = Gauge(
            "kube_thrift_downscaler_next_transition_timestamp_seconds",
            "When the schedule next wants something else of any object, by what it wants.",
            ("direction",),
            registry=registry,
        )

        self._saved = Saved(registry)
        self._states = Gauge(
            "kube_thrift_downscaler_objects",
            "Objects by kind, by what their schedule wants, and by what they are.",
            ("kind", "wanted", "actual"),
            registry=registry,
        )
        self._fights = Gauge(
            "kube_thrift_downscaler_fights",
            "Objects that somebody keeps setting back and that are left alone therefore, by kind.",
            ("kind",),
            registry=registry,
        )

    def change(self, now: datetime, planned: Planned) -> None:
        """Says one change, at once: a process that is killed later has still said it. Safe to call from several threads."""
        line, reason = describe(planned)
        LOG.info("%s%s", line, self._suffix)
        if reason:
            message = line.partition(": ")[2]
            self._send(planned.kind.resource, planned.workload, "Normal", (reason, message), now)

    def finish(self, tally: Tally) -> TurnResult:
        """Says the turn's new complaints, sets the metrics, and sums up."""
        for identity, remark in tally.remarks.items():
            if identity not in self._said:
                LOG.warning("%s %s: %s", remark.resource.plural, remark.about.key, remark.text)
                self._send(remark.resource, remark.about, "Warning", (remark.word, remark.text), tally.now)
        # A list that failed has not shown its broken objects; they must not be said again only because it works again.
        before = self._said if tally.failures and len(self._said) < _REMEMBERED else frozenset()
        self._said = before.union(tally.remarks)
        self._measure(tally)
        changes = Counter(_direction(planned) for planned in tally.changed)
        summary = f"{changes['down']} scaled down, {changes['up']} brought up, {sum(tally.kept.values())} left as they are"
        failures = tuple(dict.fromkeys(text for _, text in tally.failures))
        # A daemon with nothing to do has nothing to say.
        told = summary + self._suffix if tally.changed or self._always_sum_up else ""
        return TurnResult(ok=not failures, changed=len(tally.changed), failures=failures, summary=told)

    def _count(self, tally: Tally) -> None:
        """The counters, which only grow."""
        for planned in tally.changed:
            self._actions.labels(planned.kind.id, _direction(planned)).inc()
        for reason, _ in tally.failures:
            self._metrics.error(reason)
        self._saved.turn(tally.now, tally.off)

    def _measure(self, tally: Tally) -> None:
        self._count(tally)
        for gauge in (self._kept, self._invalid, self._avoided, self._next, self._states, self._fights):
            gauge.clear()
        for labels, number in tally.states.items():
            self._states.labels(*labels).set(number)
        for direction, at in tally.ahead.items():
            self._next.labels(direction).set(at.timestamp())
        for (kind, cause), number in tally.kept.items():
            self._kept.labels(kind, cause).set(number)
            if cause == "fight":
                self._fights.labels(kind).set(number)
        for kind, number in Counter(each.resource.plural for each in tally.remarks.values() if each.word == INVALID).items():
            self._invalid.labels(kind).set(number)
        for kind, number in tally.avoided.items():
            self._avoided.labels(kind).set(number)

    def _send(
        self, resource: Resource, about: Object, kind: Literal["Normal", "Warning"], said: tuple[str, str], now: datetime
    ) -> None:
        if self._emit is not None:
            reason, message = said
            event = event_body(
                component=COMPONENT, obj=about, resource=resource, reason=reason, message=message, now=now, kind=kind
            )
            self._emit(event)


def describe(planned: Planned) -> tuple[str, str]:
    """The line that says a change, and the reason word of its Event (empty where none is worth it)."""
    what, decision, noun = f"{planned.kind.id} {planned.workload.key}", planned.decision, planned.kind.noun
    reason = shorten(decision.reason, 300)
    match decision:
        case ScaleTo(before=before, size=size, original=original):
            raised = planned.kind.compare(planned.workload, size, before) == 1
            verb, word = ("raised while down", "ScaleUp") if raised else ("scaled down", "ScaleDown")
            return f"{what}: {verb}, {noun} {before} -> {size}, original {original}: {reason}", word
        case Restore(before=before, size=size):
            return f"{what}: brought up, {noun} {before} -> {size}: {reason}", "ScaleUp"
        case Forget():
            return f"{what}: record removed: {reason}", ""
    notes = ", ".join(f"{key} removed" if value is None else f"{key} set to {value}" for key, value in planned.notes)
    return f"{what}: {notes}: {reason}", ""


_DIRECTIONS = {ScaleTo: "down", Restore: "up", Forget: "forget"}


def _direction(planned: Planned) -> str:
    return next((word for decision, word in _DIRECTIONS.items() if isinstance(planned.decision, decision)), "note")
