"""Why one object is kept or deleted, and when: the answer to the first question that people ask. Reads, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from janitor import audit
from janitor.account import prepare
from janitor.annotations import read_marks
from janitor.collect import Judge, Judged
from janitor.config import Config
from janitor.decide import Delete, Keep, Notify
from janitor.names import resource_names
from janitor.policy import NamespaceView, Subject
from janitor.read import Namespaces, TypePlan, is_namespaces, plan_type
from janitor.rules import BrokenRule, RuleSet
from janitor.state import State
from janitor.survey import survey
from janitor.usage import Usage, needs_of
from janitor.wholes import get_whole, object_of
from shared.cluster import Cluster
from shared.discovery import Discovery
from shared.errors import UsageError
from shared.kinds import NAMESPACES, Resource
from shared.objects import Object
from shared.times import format_duration, format_timestamp


@dataclass(frozen=True)
class Explanation:
    """`lines` for people, `fields` for programs. `judged` is the object with its decision."""

    judged: Judged
    lines: tuple[str, ...]
    fields: dict[str, Any]


def explain(  # noqa: PLR0913 - an object's address is three of these
    cluster: Cluster, config: Config, kind: str, namespace: str | None, name: str, now: datetime, *, state: State | None = None
) -> Explanation:
    """The decision about one object as it is now, whatever the janitor's scope says. *kind* may be a plural, a kind or a short
    name.

    *state* holds the rules that were read; without it the rules file is read here. Raises UsageError for an unknown kind, and
    ClusterError.
    """
    if state is None:
        state = State()
        list(prepare(cluster, config, now, state))
    discovery = cluster.discover()
    resource = resolve(kind, discovery)
    home = namespace if resource.namespaced else None
    plan = plan_type(resource, state.rules.about(resource))
    document = get_whole(cluster, resource, home, name)
    obj = object_of(document)
    namespaces = _namespaces(cluster, resource, obj)
    judge = Judge(config, state, namespaces, _usage(cluster, discovery, plan, obj), now)
    subject = judge.subject(plan, obj, document)
    judged = Judged(resource, obj, judge.decide(plan, subject))
    lines = [*_scope_lines(config, resource, obj, namespaces), *_mark_lines(subject, config), *_rule_lines(state.rules, resource)]
    lines.append(verdict_line(judged, now))
    return Explanation(judged, tuple(lines), _fields(judged, now, lines))


def resolve(kind: str, discovery: Discovery) -> Resource:
    """The type that *kind* names. Raises UsageError where none or several do."""
    names = resource_names([kind])
    found = [resource for resource in discovery.preferred() if names.matches(resource)]
    if not found:
        raise UsageError(f"the cluster serves no resource {kind!r}; accepted: a plural, a kind, a short name or PLURAL.GROUP")
    exact = [resource for resource in found if resource.name == kind.lower() or not resource.group]
    if len(found) > 1 and len(exact) != 1:
        raise UsageError(f"{kind!r} is ambiguous: {', '.join(resource.name for resource in found)}")
    return exact[0] if len(found) > 1 else found[0]


def _namespaces(cluster: Cluster, resource: Resource, obj: Object) -> Namespaces:
    if is_namespaces(resource):
        return Namespaces({obj.name: NamespaceView.of(obj)})
    if not obj.namespace:
        return Namespaces()
    return Namespaces({obj.namespace: NamespaceView.of(cluster.get_metadata(NAMESPACES, None, obj.namespace))})


def _usage(cluster: Cluster, discovery: Discovery, plan: TypePlan, obj: Object) -> Usage:
    places = [obj.namespace] if obj.namespace else None
    return survey(cluster, discovery.preferred(), needs_of(plan.facts), discovery.failures, places)


def _scope_lines(config: Config, resource: Resource, obj: Object, namespaces: Namespaces) -> list[str]:
    lines = []
    if not config.scope.allows_type(resource):
        lines.append(f"{resource.name} are out of scope: --include-resources, --exclude-resources or --include-cluster-resources")
    home = obj.name if is_namespaces(resource) else obj.namespace
    if home and not config.scope.allows_namespace(namespaces.view(home).obj):
        lines.append(f"namespace {home} is out of scope: --include-namespaces, --exclude-namespaces or --namespace-selector")
    return lines


def _mark_lines(subject: Subject, config: Config) -> list[str]:
    marks = read_marks(subject.obj.metadata, config.policy.keys)
    lines = [str(problem) for problem in marks.problems]
    if marks.ttl is not None:
        length = "forever" if marks.ttl == timedelta.max else format_duration(marks.ttl)
        lines.append(f"{marks.ttl_key} gives it a TTL of {length}; rules and namespace defaults do not count")
    if marks.expires is not None:
        lines.append(f"{marks.expires_key} ends it at {format_timestamp(marks.expires)}")
    if marks.extend_until is not None:
        lines.append(f"it was extended until {format_timestamp(marks.extend_until)}")
    for name, value in sorted(subject.facts.values.items()):
        lines.append(f"_context.{name} is {value}")
    for name in sorted(subject.facts.unknown):
        lines.append(f"_context.{name} could not be found out")
    return lines


def _rule_lines(rules: RuleSet, resource: Resource) -> list[str]:
    names = [f"{rule.id or 'unnamed'} (broken)" if isinstance(rule, BrokenRule) else rule.id for rule in rules.about(resource)]
    return [f"rules about {resource.name}, in order: {', '.join(names)}"] if names else []


def verdict_line(one: Judged, now: datetime) -> str:
    """One sentence: what happens to it, when, and why."""
    match one.decision:
        case Delete(due=due):
            return f"{one} is deleted in the next turn: {due}"
        case Notify(due=due, wait=wait):
            at = format_timestamp(max(due.at, now + wait))
            return f"its owner is warned in the next turn, and {one} is deleted after {at}: {due}"
        case Keep(due=None, why=why, detail=detail):
            return f"{one} is kept: {detail or why.value}"
        case Keep(due=due, why=why, detail=detail):
            reason = f"{why.value}: {detail}" if detail else why.value
            return f"{one} is kept ({reason}): {due}"


def _fields(one: Judged, now: datetime, lines: list[str]) -> dict[str, Any]:
    return audit.record(one, now) | {"explanation": lines}
