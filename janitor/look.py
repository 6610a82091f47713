"""Reads the cluster and decides about every object in scope; changes nothing. Turns, plans and explanations start from here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from janitor.collect import Found, Judge, collect, consider
from janitor.config import Config
from janitor.hooks import Hook
from janitor.read import TypePlan, plan_type, plan_types, read_namespaces, unresolved
from janitor.state import State
from janitor.survey import survey
from janitor.usage import needs_of
from janitor.wholes import list_whole, object_of
from shared.cluster import Cluster
from shared.discovery import Discovery
from shared.errors import ThriftError
from shared.kinds import NAMESPACES

LOG = logging.getLogger(__name__)


@dataclass
class View:
    """The cluster as this turn saw it, with every decision."""

    discovery: Discovery
    plans: dict[str, TypePlan]
    judge: Judge
    found: Found
    failures: list[str]


def look(cluster: Cluster, config: Config, now: datetime, state: State, *, hook: Hook | None = None, dated: bool = False) -> View:
    """Reads and decides, and changes nothing. With *dated*, objects that end later are in the result too."""
    discovery = cluster.discover()
    resources = discovery.preferred()
    namespaces = read_namespaces(cluster, config.scope)
    plans = plan_types(resources, config.scope, state.rules, config.policy.keys, hook=hook is not None)
    own = plan_type(NAMESPACES, state.rules.about(NAMESPACES), hook=hook is not None)
    facts = frozenset[str]().union(own.facts, *(plan.facts for plan in plans))
    usage = survey(cluster, resources, needs_of(facts), discovery.failures, namespaces.named)
    judge = Judge(config, state, namespaces, usage, now, hook, dated=dated)
    found = Found()
    if config.scope.allows_resource(NAMESPACES):
        _consider_namespaces(cluster, own, judge, found)
    found.merge(collect(cluster, plans, judge))
    for warning in (*unresolved(state.rules, config.scope, resources), *namespaces.warnings):
        if state.once(warning):
            LOG.warning("%s", warning)
    failures = [f"discovery: {failure}" for failure in discovery.failures] + namespaces.failures
    failures += [f"{where}: {trouble}" for trouble, where in found.trouble.items()]
    by_name = {plan.resource.name: plan for plan in (own, *plans)}
    return View(discovery, by_name, judge, found, failures)


def _consider_namespaces(cluster: Cluster, plan: TypePlan, judge: Judge, found: Found) -> None:
    """Namespace objects: their metadata is known already; a rule that looks inside needs one more list."""
    views = judge.namespaces
    try:
        if plan.whole and views.named is None:
            pairs = [(object_of(document), document) for document in list_whole(cluster, NAMESPACES)]
        else:
            pairs = [(views.views[name].obj, {}) for name in sorted(views.allowed)]
    except ThriftError as problem:
        found.failures.append(f"namespaces: cannot be listed, none is deleted: {problem}")
        return
    for obj, document in pairs:
        if obj.name in views.allowed:
            consider(plan, obj, document or None, judge, found)
