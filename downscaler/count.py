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

from downscaler.amounts import Size
from downscaler.annotations import INVALID, Complaint
from downscaler.apply import Applied
from downscaler.decide import Forget, Keep, Restore, ScaleTo
from downscaler.measures import LONGEST_GAP, Counts, Measures
from downscaler.options import COMPONENT
from downscaler.pending import Outlook, Pending
from downscaler.plan import Planned
from downscaler.prices import Prices
from downscaler.savings import Amount, amount_of
from downscaler.sizes import Kind
from downscaler.status import Board, Draft, Hold, Turn
from shared.errors import ThriftError, Unauthorized, ValueProblem, shorten
from shared.events import event_body
from shared.kinds import NAMESPACES, Resource
from shared.loop import TurnResult
from shared.metrics import Metrics
from shared.objects import Object
from shared.times import format_timestamp

LOG = logging.getLogger("downscaler")

_Event = dict[str, object]
# Complaints remembered over turns that fail, so that tenants who keep changing a broken value cannot fill the memory.
_REMEMBERED = 100_000
_SHOWN_FAILURES = 50


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
    prices: Prices = Prices()
    pending: Pending = field(default_factory=Pending)
    # Where each object gets a row; None where nobody could ask for it.
    draft: Draft | None = None
    outlook: Outlook = field(default_factory=Outlook)
    # Why nothing goes down this turn, by cause; and how often the clock has jumped so far.
    holds: dict[str, str] = field(default_factory=dict)
    jumps: int = 0
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
        self.outlook.see(planned)
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
            since = self.pending.told(planned, planned.decision, self.now)
            self._state(planned, since, down=_is_down(planned), failed=True)
        elif result.written:
            self.changed.append(result.planned)
            if isinstance(result.planned.decision, ScaleTo):
                self._avoid(result.planned, result.planned.decision.original, result.planned.decision.size)
            written = isinstance(result.planned.decision, ScaleTo | Restore | Forget)
            down = isinstance(result.planned.decision, ScaleTo) if written else _is_down(result.planned)
            self._state(result.planned, self.pending.told(result.planned, result.planned.decision, self.now), down=down)
        else:
            self._keep(result.planned)

    def _keep(self, planned: Planned) -> None:
        decision = planned.decision
        since = self.pending.kept(planned, self.now)
        if isinstance(decision, Keep):
            self.kept[planned.kind.id, decision.cause] += 1
            if decision.held is not None:
                self._avoid(planned, decision.held, planned.kind.read(planned.workload))
            self._state(planned, since, down=_is_down(planned))
        else:
            self.kept[planned.kind.id, "broken"] += 1
            self._show(planned, "", since)

    def _avoid(self, planned: Planned, original: Size, size: Size | None) -> None:
        if planned.kind.noun == "replicas" and isinstance(original, int) and isinstance(size, int):
            less, namespace = max(0, original - size), planned.workload.namespace
            self.avoided[planned.kind.id] += less
            pod = planned.workload.spec.template.spec
            amount = amount_of(pod, self.prices.of(namespace, pod)).times(less)
            self.off[namespace] = self.off.get(namespace, Amount()) + amount

    def _state(self, planned: Planned, since: datetime | None, *, down: bool, failed: bool = False) -> None:
        actual = "down" if down else "up"
        if planned.wanted:
            self.states[planned.kind.id, planned.wanted, actual] += 1
        self._show(planned, actual if planned.wanted else "", since, failed=failed)

    def _show(self, planned: Planned, actual: str, since: datetime | None, *, failed: bool = False) -> None:
        if self.draft is not None:
            self.draft.add(planned, actual, since, failed=failed)

    @property
    def held(self) -> dict[str, int]:
        """How many objects are due to go down and held, by why."""
        counted: Counter[str] = Counter()
        for (_, cause), number in self.kept.items():
            if cause == "held":
                counted["mass"] += number
            elif cause == "hold":
                counted["clock" if "clock" in self.holds else "unread"] += number
        return dict(counted)

    def _complain(self, resource: Resource, about: Object, complaint: Complaint) -> None:
        self._remark(_Remark(resource, about, complaint.key, complaint.value, complaint.text, complaint.word))

    def _remark(self, remark: _Remark) -> None:
        self.remarks.setdefault(remark.identity, remark)


def _is_down(planned: Planned) -> bool:
    """Whether the object was found smaller than it was before it was put down."""
    decision = planned.decision
    if not isinstance(decision, Keep):
        return isinstance(decision, Restore)
    if decision.held is None or decision.cause == "fight":
        return False
    size = planned.kind.read(planned.workload)
    # What cannot be compared was put down all the same.
    return size is None or planned.kind.compare(planned.workload, decision.held, size) in (1, None)


@dataclass(frozen=True, slots=True)
class Limits:
    """After how long an object counts as late, and the longest time between two turns for which savings are counted."""

    late_after: timedelta = timedelta(minutes=15)
    longest_gap: timedelta = LONGEST_GAP


class Report:
    """Turns tallies into lines, events, metrics and what *board* shows; remembers only which complaints were said."""

    def __init__(
        self,
        metrics: Metrics,
        emit: Callable[[_Event], None] | None = None,
        *,
        dry_run: bool = False,
        always_sum_up: bool = False,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        board: Board | None = None,
    ) -> None:
        self._metrics = metrics
        self._emit = emit
        self._dry_run, self._always_sum_up = dry_run, always_sum_up
        self._suffix = " (dry run)" if dry_run else ""
        self._said: frozenset[tuple[str, str, str, str]] = frozenset()
        self._measures = Measures(metrics.registry, late_after=limits.late_after, longest_gap=limits.longest_gap)
        self.board = board

    def draft(self) -> Draft | None:
        """Where a turn's tally puts its rows; None if nobody can ask for them."""
        return None if self.board is None else Draft()

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
        failures = tuple(dict.fromkeys(text for _, text in tally.failures))
        self._measure(tally)
        self._show(tally, failures)
        changes = Counter(_direction(planned) for planned in tally.changed)
        summary = f"{changes['down']} scaled down, {changes['up']} brought up, {sum(tally.kept.values())} left as they are"
        # A daemon with nothing to do has nothing to say.
        told = summary + self._suffix if tally.changed or self._always_sum_up else ""
        return TurnResult(ok=not failures, changed=len(tally.changed), failures=failures, summary=told)

    def _measure(self, tally: Tally) -> None:
        for reason, _ in tally.failures:
            self._metrics.error(reason)
        measures = self._measures
        measures.acted(Counter((planned.kind.id, _direction(planned)) for planned in tally.changed))
        measures.saved.turn(tally.now, tally.off)
        tally.pending.end(complete=not tally.failures)
        # What is only said and never done is not late.
        measures.late.turn(() if self._dry_run else tally.pending.waits(tally.now), tally.held, tally.jumps)
        invalid = Counter(each.resource.plural for each in tally.remarks.values() if each.word == INVALID)
        measures.turn(Counts(tally.kept, invalid, tally.avoided, tally.states, tally.ahead))

    def _show(self, tally: Tally, failures: tuple[str, ...]) -> None:
        if self.board is None or tally.draft is None:
            return
        held, due = tally.held, tally.outlook.next
        turn = Turn(
            at=format_timestamp(tally.now),
            ok=not failures,
            changed=len(tally.changed),
            failures=[shorten(failure, 500) for failure in failures[:_SHOWN_FAILURES]],
            holds=[Hold(cause, held.get(cause, 0), reason) for cause, reason in tally.holds.items()],
            next_due="" if due is None else format_timestamp(due),
        )
        self.board.put_up(turn, tally.draft.rows)

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
