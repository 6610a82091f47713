"""The counting side of a turn: what the next turn has to remember, what people are told, what is measured."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

from janitor import audit
from janitor import state as memory
from janitor.apply import Outcome, Result
from janitor.archive import BackupProblem
from janitor.breaker import ANNOTATIONS, Past, Planned, Verdict
from janitor.collect import Found, Judged
from janitor.config import Config
from janitor.decide import Keep
from janitor.look import View
from janitor.notify import emit_all, event_of, event_of_trip, events_of_problems, messages_of
from janitor.read import is_namespaces
from janitor.rules import Rule
from janitor.sinks import prune
from janitor.state import State
from janitor.tools import Tools
from shared.cluster import Cluster

LOG = logging.getLogger(__name__)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Account:
    """One turn, as far as it has got."""

    cluster: Cluster
    config: Config
    now: datetime
    state: State
    tools: Tools
    view: View
    verdict: Verdict = Verdict()
    outcomes: Sequence[Outcome] = ()


def planned_of(one: Judged, found: Found) -> Planned:
    """How the breaker counts a deletion: a Namespace with what is in it."""
    weight = 1 + found.inside[one.obj.name] if is_namespaces(one.resource) else 1
    return Planned(breaker_key(one), one.resource.name, weight)


def breaker_key(one: Judged) -> str:
    return one.decision.matched or ANNOTATIONS


def prepare(cluster: Cluster, config: Config, now: datetime, state: State) -> Iterable[str]:
    """The rules file and the state ConfigMap, read anew; one line for each thing that is wrong with them."""
    if config.rules_file:
        yield from read_rules(config.rules_file, state)
    problem = memory.load(cluster, config.state, state)
    if problem:
        yield problem
    prints = {rule.fingerprint for rule in state.rules.rules if isinstance(rule, Rule)} if config.policy.soak else set()
    known = state.memory.first_seen
    state.memory.first_seen = {fingerprint: known.get(fingerprint, now) for fingerprint in sorted(prints)}


def read_rules(path: str, state: State) -> tuple[str, ...]:
    """Takes the file over where it changed and is sound. Returns its problems."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        text = f"\x00 {error}"
        if state.rules_text is not None and state.rules_good:
            return (f"{path}: cannot be read, the rules read before stay: {error}",)
        state.use_rules(text, path)
        return (f"{path}: cannot be read, nothing is deleted by rules: {error}",)
    problems = state.use_rules(text, path)
    if problems and state.rules_good:
        return (*problems, f"{path}: not taken over because of this, the rules read before stay")
    return problems


def remember(turn: Account) -> list[str]:
    """What the next turn has to know. Nothing of it is kept from a dry run but in this process."""
    state, view, verdict = turn.state, turn.view, turn.verdict
    mind = state.memory
    keep_for = max(turn.config.limits.window, MINUTE)
    mind.past = [past for past in mind.past if turn.now - past.at < keep_for]
    for outcome in turn.outcomes:
        if outcome.result is Result.DELETED:
            planned = planned_of(outcome.judged, view.found)
            mind.past.append(Past(planned.key, turn.now, planned.weight))
    mind.trips = dict(verdict.trips)
    counting = {rule.id for rule in state.rules.rules if isinstance(rule, Rule) and rule.occurrences > 1}
    matches = ((uid, {k: v for k, v in counts.items() if k in counting}) for uid, counts in view.found.matches.items())
    mind.seen = {uid: kept for uid, kept in matches if kept}
    if not view.failures and not view.found.failures:
        alive = {one.obj.metadata.uid for one in view.found.judged}
        mind.warned = {uid: text for uid, text in mind.warned.items() if uid in alive}
    state.acknowledged = {key: count for key, count in state.acknowledged.items() if key not in verdict.spent}
    problem = memory.save(turn.cluster, turn.config.state, state, verdict.spent)
    return [problem] if problem else []


def tell(turn: Account) -> list[str]:
    """Events, log, audit, metrics and the webhook; returns one line where the webhook does not take it."""
    cluster, state, tools, view, verdict = turn.cluster, turn.state, turn.tools, turn.view, turn.verdict
    for line, event in events_of_problems(view.found.unreadable, state.once, turn.now):
        LOG.warning("%s", line)
        cluster.emit(event)
    emit_all(cluster, (event_of(outcome, turn.now) for outcome in turn.outcomes if _news(outcome, state)))
    for trip in verdict.trips.values():
        if turn.config.own_namespace and state.once(f"event {trip.key} {trip.since}"):
            cluster.emit(event_of_trip(trip, turn.config.own_namespace, turn.config.deployment, turn.now))
    fresh = [outcome for outcome in turn.outcomes if _fresh(outcome, state)]
    for outcome in fresh:
        # Failures and open breakers are lines of the turn itself.
        quiet = outcome.result in (Result.FAILED, Result.STOPPED)
        LOG.log(logging.DEBUG if quiet else logging.INFO, "%s%s", "DRY RUN: " if cluster.dry_run else "", outcome)
    if tools.audit is not None:
        _write_audit(tools.audit, turn)
    if tools.metrics is not None:
        tools.metrics.update(view.found, turn.outcomes, verdict.trips.values(), turn.now)
    trips = [trip for trip in verdict.trips.values() if state.once(f"webhook {trip.key} {trip.since}")]
    problem = tools.teller.tell(messages_of(fresh, trips, turn.config.telling)) if tools.teller else ""
    return [problem] if problem else []


def failure_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """One line per type and reason, however many objects failed: a missing right must not flood the log."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.result is Result.FAILED:
            obj = outcome.judged.obj
            reason = outcome.detail.replace(obj.key, "").replace(f'"{obj.name}"', "").replace(f'"{obj.namespace}"', "")
            groups.setdefault((outcome.judged.resource.name, reason), []).append(outcome)
    return [
        str(group[0]) + (f" (and {len(group) - 1} more {kind} for the same reason)" if len(group) > 1 else "")
        for (kind, _), group in groups.items()
    ]


def _news(outcome: Outcome, state: State) -> bool:
    """A deletion that fails in every turn is one event."""
    return outcome.result is not Result.FAILED or state.once(f"event {outcome}")


_ONCE = (Result.WOULD_DELETE, Result.WOULD_NOTIFY, Result.FAILED, Result.STOPPED, Result.POSTPONED, Result.RESCUED)


def _fresh(outcome: Outcome, state: State) -> bool:
    """What a person has not been told: a dry run, or a failure, says the same thing once."""
    return outcome.result not in _ONCE or state.once(f"told {outcome}")


def _write_audit(stream: TextIO, turn: Account) -> None:
    for outcome in turn.outcomes:
        stream.write(audit.line(audit.record(outcome.judged, turn.now, outcome)) + "\n")
    for one in turn.view.found.judged:
        if isinstance(one.decision, Keep):
            stream.write(audit.line(audit.record(one, turn.now)) + "\n")
    stream.flush()


def prune_backups(turn: Account) -> list[str]:
    """Old backups go after a turn that made new ones."""
    backup, sink = turn.config.backup, turn.tools.vault.sink
    if backup is None or sink is None or turn.cluster.dry_run or not any(outcome.backup for outcome in turn.outcomes):
        return []
    try:
        prune(sink, backup, turn.now)
    except BackupProblem as problem:
        return [str(problem)]
    return []


def summary_of(found: Found, outcomes: Sequence[Outcome], config: Config) -> str:
    """`Clean up run completed: resources-processed=1234, deployments-deleted=2`; empty with --quiet."""
    if config.quiet:
        return ""
    counters = dict(found.counters)
    for outcome in outcomes:
        name = f"{outcome.judged.resource.plural}-{outcome.result.value}"
        counters[name] = counters.get(name, 0) + 1
    parts = [f"resources-processed={sum(found.totals.values())}"] + [
        f"{name}={count}" for name, count in sorted(counters.items())
    ]
    return f"Clean up run completed: {', '.join(parts)}"
