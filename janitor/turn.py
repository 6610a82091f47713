"""One turn of the janitor: read, decide, apply, count. Each verb lives in a module of its own; here they follow each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from janitor import breaker
from janitor.account import (
    MINUTE,
    Account,
    breaker_key,
    failure_lines,
    planned_of,
    prepare,
    prune_backups,
    remember,
    summary_of,
    tell,
)
from janitor.apply import Hands, Outcome, Result, decide_unmanaged, delete, notify, oldest_first
from janitor.breaker import Trip, Verdict
from janitor.collect import Found, Judged
from janitor.config import Config
from janitor.decide import Keep, Notify, Why
from janitor.look import View, look
from janitor.read import is_namespaces
from janitor.releases import with_releases
from janitor.rules import Rule
from janitor.state import State
from janitor.tools import Tools, open_tools
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.loop import TurnResult
from shared.pool import run_all

# Fewer deletions than this are not worth a thread, and their order is then exact.
_MANY = 50


@dataclass(frozen=True)
class Turn:
    """What one turn came to. `trips` are the open breakers, `failures` one-line messages."""

    found: Found
    outcomes: tuple[Outcome, ...] = ()
    trips: tuple[Trip, ...] = ()
    failures: tuple[str, ...] = ()
    summary: str = ""

    def count(self, result: Result) -> int:
        return sum(outcome.result is result for outcome in self.outcomes)

    @property
    def result(self) -> TurnResult:
        return TurnResult(not self.failures, self.count(Result.DELETED), self.failures, self.summary)


def run_once(cluster: Cluster, config: Config, now: datetime, state: State, tools: Tools | None = None) -> Turn:
    """Reads the cluster, decides about every object, carries the decisions out as far as nothing holds them back.

    *state* is what the turns of one process share. Raises ClusterError only where nothing at all can be read.
    """
    tools = tools or open_tools(cluster, config)
    failures = list(prepare(cluster, config, now, state))
    view = look(cluster, config, now, state, hook=tools.hook)
    view.found.judged = settled(view, cluster, tools)
    turn = Account(cluster, config, now, state, tools, view, judge_breaker(view.found, config, state, now))
    turn = replace(turn, outcomes=_apply(turn))
    failures += view.failures + view.found.failures
    failures += failure_lines(turn.outcomes)
    failures += [str(trip) for trip in turn.verdict.trips.values()]
    failures += [*remember(turn), *tell(turn), *prune_backups(turn)]
    summary = summary_of(view.found, turn.outcomes, config)
    return Turn(view.found, tuple(turn.outcomes), tuple(turn.verdict.trips.values()), tuple(failures), summary)


def settled(view: View, cluster: Cluster, tools: Tools) -> list[Judged]:
    """The decisions after what only the whole picture shows: complete Helm releases, and Namespaces with something protected
    inside.
    """
    hands = hands_of(view, cluster, tools)
    judged = with_releases(view.found, lambda one: decide_unmanaged(one, hands))
    guarded = view.found.guarded
    return [
        _spared(one, guarded[one.obj.name]) if is_namespaces(one.resource) and one.obj.name in guarded else one for one in judged
    ]


def _spared(one: Judged, guard: str) -> Judged:
    if isinstance(one.decision, Keep):
        return one
    return replace(one, decision=Keep(Why.PROTECTED, f"it holds {guard}, which is protected", one.due))


def judge_breaker(found: Found, config: Config, state: State, now: datetime) -> Verdict:
    planned = [planned_of(one, found) for one in found.deletions()]
    limits = {
        rule.id: rule.max_deletions for rule in state.rules.rules if isinstance(rule, Rule) and rule.max_deletions is not None
    }
    return breaker.judge(
        planned,
        state.memory.past,
        found.totals,
        config.limits,
        rule_limits=limits,
        open_trips=state.memory.trips,
        acknowledged=state.acknowledged,
        now=now,
    )


def hands_of(view: View, cluster: Cluster, tools: Tools, pause: Callable[[], None] = lambda: None) -> Hands:
    return Hands(
        cluster=cluster,
        judge=view.judge,
        plans=view.plans,
        resources=view.discovery.preferred(),
        incomplete=view.discovery.failures,
        vault=tools.vault,
        pause=pause,
    )


def _apply(turn: Account) -> list[Outcome]:
    """Warnings first, then deletions, the oldest first and Namespaces last. Stops between two objects when the process is told
    to.
    """
    cluster, found = turn.cluster, turn.view.found

    def pause() -> None:
        if turn.config.wait_after_delete:
            turn.tools.clock.sleep(turn.config.wait_after_delete)

    hands = hands_of(turn.view, cluster, turn.tools, pause)
    outcomes = [notify(one, one.decision, hands) for one in found.judged if isinstance(one.decision, Notify)]
    left = _allowance(turn.config, turn.state, turn.now)
    doomed: list[Judged] = []
    for one in oldest_first(found.deletions()):
        trip = turn.verdict.stops(breaker_key(one))
        if trip is not None:
            outcomes.append(Outcome(one, Result.STOPPED, str(trip)))
        elif left is not None and len(doomed) >= left:
            outcomes.append(Outcome(one, Result.POSTPONED, "--max-deletes-per-minute is used up"))
        else:
            doomed.append(one)
    for last in (False, True):
        outcomes += _delete_all([one for one in doomed if is_namespaces(one.resource) is last], hands, turn)
    return outcomes


def _delete_all(doomed: list[Judged], hands: Hands, turn: Account) -> list[Outcome]:
    """Begun in their order. Several at a time only where there are many, and where neither a pause nor a hook wants them one by
    one.
    """
    alone = len(doomed) < _MANY or bool(turn.config.wait_after_delete) or turn.tools.hook is not None
    workers = 1 if alone else turn.cluster.connection.workers
    done = run_all(lambda one: delete(one, hands), doomed, workers, turn.cluster.stop)
    return [Outcome(one, Result.FAILED, str(result)) if isinstance(result, ThriftError) else result for one, result in done]


def _allowance(config: Config, state: State, now: datetime) -> float | None:
    """How many deletions this minute may still see; the rest waits for the next turns. None: any number."""
    if not config.max_deletes_per_minute:
        return None
    return config.max_deletes_per_minute - sum(past.count for past in state.memory.past if now - past.at < MINUTE)
