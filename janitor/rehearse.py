"""A turn that stops before it acts: the plan. The same reading, deciding and holding back as a real turn."""

from __future__ import annotations

from datetime import datetime, timedelta

from janitor.account import breaker_key, prepare
from janitor.apply import delete
from janitor.config import Config
from janitor.look import look
from janitor.plan import Plan, make_plan
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import hands_of, judge_breaker, settled
from shared.cluster import Cluster


def rehearse(
    cluster: Cluster, config: Config, now: datetime, state: State, *, horizon: timedelta = timedelta(0), check: bool = False
) -> tuple[Plan, tuple[str, ...]]:
    """What a turn at *now* would do, with what ends within *horizon*, and what could not be read, one line each.

    With *check*, which needs a connection without dry run, every deletion is sent to the server as its own dry run, and its
    answer
    stands in the row as `result`. Nothing is changed either way. Raises ClusterError where nothing can be read.
    """
    failures = list(prepare(cluster, config, now, state))
    tools = open_tools(cluster, config)
    view = look(cluster, config, now, state, hook=tools.hook, dated=True)
    judged = view.found.judged = settled(view, cluster, tools)
    verdict = judge_breaker(view.found, config, state, now)
    plan = make_plan(judged, verdict, now, horizon=horizon, stopped_by=breaker_key)
    if check:
        hands = hands_of(view, cluster, tools)
        hands.server_dry_run = True
        by_uid = {one.obj.metadata.uid: one for one in view.found.deletions()}
        for row in plan.rows:
            if row["action"] == "delete":
                outcome = delete(by_uid[row["uid"]], hands)
                row |= {"result": outcome.result.value, "outcome": outcome.detail}
    return plan, (*failures, *view.failures, *view.found.failures)
