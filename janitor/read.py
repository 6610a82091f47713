"""The reading side: which types there are, which of them anything can affect, and the Namespaces. Deletes nothing.

Discovery is asked once per turn. A group whose server is down is one failure and costs nobody else anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from janitor.annotations import Keys
from janitor.config import Scope
from janitor.policy import NamespaceView
from janitor.protect import needs_whole, never_deleted
from janitor.rules import AnyRule, Rule, RuleSet
from janitor.usage import WHOLE_FACTS, facts_wanted
from shared.cluster import Cluster
from shared.errors import NotFound, ThriftError
from shared.kinds import NAMESPACES, Resource
from shared.objects import Meta, Object


@dataclass(frozen=True)
class TypePlan:
    """How one type is read. `facts` are the names below `_context` that its rules read; `selector` narrows the list at the
    server.

    `shared` says that another group serves a type of the same kind: then the same object may be listed twice, and uids are
    compared.
    """

    resource: Resource
    rules: tuple[AnyRule, ...] = ()
    whole: bool = False
    facts: frozenset[str] = frozenset()
    selector: str = ""
    shared: bool = False


def plan_types(
    resources: Iterable[Resource], scope: Scope, rules: RuleSet, keys: Keys, *, hook: bool = False
) -> tuple[TypePlan, ...]:
    """The types to list, Namespaces left out (they are read before everything else). Pure.

    A type is left out when nothing can affect it: not in scope, never deleted, or without a rule where annotations do not count
    on it
    and the namespace has no default for it.
    """
    known = tuple(resources)
    kinds = Counter(resource.kind for resource in known)
    plans = []
    for resource in known:
        if is_namespaces(resource) or not scope.allows_type(resource) or never_deleted(resource):
            continue
        own = rules.about(resource)
        selector = ""
        if not own and scope.annotated is not None and not scope.annotated.matches(resource):
            if not keys.ttl_labels:
                continue
            # Only a label can still affect this type, and by one label the server can select.
            selector = keys.ttl_labels[0] if len(keys.ttl_labels) == 1 else ""
        plan = plan_type(resource, own, hook=hook)
        plans.append(replace(plan, selector=selector, shared=kinds[resource.kind] > 1))
    return tuple(plans)


def plan_type(resource: Resource, rules: tuple[AnyRule, ...], *, hook: bool = False) -> TypePlan:
    """How to read one type with these rules."""
    sound = [rule for rule in rules if isinstance(rule, Rule)]
    read = frozenset[str]().union(*(rule.context for rule in sound))
    facts = facts_wanted(resource, read) if read else frozenset()
    whole = hook or needs_whole(resource) or any(rule.whole for rule in sound) or not WHOLE_FACTS.isdisjoint(facts)
    return TypePlan(resource, rules, whole, facts)


def unresolved(rules: RuleSet, scope: Scope, resources: Sequence[Resource]) -> tuple[str, ...]:
    """One line per name that no type answers to: a misspelling, or a CRD that is not installed (yet). Pure."""
    lines = []
    for rule in rules.rules:
        if isinstance(rule, Rule):
            for name in rule.resources.unmatched(resources):
                lines.append(f"rule {rule.id} (line {rule.line}): the cluster serves no resource {name!r}")
    lists = (("include", scope.include_resources), ("exclude", scope.exclude_resources))
    for word, names in lists:
        for name in names.unmatched(resources) if names is not None else ():
            lines.append(f"--{word}-resources: the cluster serves no resource {name!r}")
    return tuple(lines)


@dataclass
class Namespaces:
    """The Namespaces in scope, by name. Unknown ones are treated as unreadable, so that nothing in them is deleted."""

    views: dict[str, NamespaceView] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    named: tuple[str, ...] | None = None
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def view(self, name: str) -> NamespaceView:
        view = self.views.get(name)
        if view is None:
            obj = Object(metadata=Meta(name=name))
            return NamespaceView(obj, unreadable=f"the Namespace {name} could not be read, so whether it is protected is unknown")
        return view


def read_namespaces(cluster: Cluster, scope: Scope) -> Namespaces:
    """One list; where every namespace is named, one read for each, so that a Role in each of them is enough.

    A named Namespace that does not exist is a warning. One that may not be read is a failure, and everything in it is kept.
    Raises
    ClusterError when the list fails.
    """
    named = scope.named_namespaces
    result = Namespaces(named=named)
    if named is None:
        for obj in cluster.list_metadata(NAMESPACES):
            result.views[obj.name] = NamespaceView.of(obj)
    else:
        for name in named:
            _read_named(cluster, name, result)
    result.allowed = frozenset(name for name, view in result.views.items() if scope.allows_namespace(view.obj))
    return result


def _read_named(cluster: Cluster, name: str, result: Namespaces) -> None:
    try:
        result.views[name] = NamespaceView.of(cluster.get_metadata(NAMESPACES, None, name))
    except NotFound:
        result.warnings.append(f"--include-namespaces: there is no namespace {name!r}")
    except ThriftError as problem:
        result.failures.append(f"namespace {name}: cannot be read, everything in it is kept: {problem}")


def is_namespaces(resource: Resource) -> bool:
    return (resource.group, resource.plural) == ("", NAMESPACES.plural)
