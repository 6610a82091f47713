"""The rules file: entries with their line numbers, parsed once into values. Pure: the text is an argument.

A rule that cannot be read becomes a BrokenRule. It stands where the rule stood and lets nothing of its resources pass to later
rules: it might have been the exemption (`ttl: forever`) that protects them. A file that is no YAML is one BrokenRule for
everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from janitor.annotations import parse_ttl
from janitor.expiry import CREATION, TimeBase, parse_base
from janitor.matching import Expression, compile_expression
from janitor.names import ResourceNames, resource_names
from janitor.selectors import Selector, selector_from
from shared.errors import ValueProblem, shorten
from shared.filters import Names, glob_names
from shared.kinds import Resource
from shared.times import parse_duration

_ID = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
_PROPAGATION = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True)
class Rule:
    """One entry. Lengths are timedeltas; None means that the flag, or the API's default, holds."""

    id: str
    resources: ResourceNames
    expression: Expression
    ttl: timedelta
    line: int = 0
    groups: frozenset[str] | None = None
    namespaces: Names | None = None
    namespace_selector: Selector | None = None
    label_selector: Selector | None = None
    base: TimeBase = CREATION
    dry_run: bool = False
    propagation: str | None = None
    grace: int | None = None
    max_deletions: int | None = None
    notify: timedelta | None = None
    quarantine: timedelta | None = None
    ownerless: bool | None = None
    managed: bool = False
    occurrences: int = 1
    description: str = ""

    def covers(self, resource: Resource) -> bool:
        """Whether the rule is about this type at all. Namespace conditions reach no cluster-scoped type but Namespaces."""
        if self.groups is not None and resource.group not in self.groups:
            return False
        inside = resource.namespaced or resource.plural == "namespaces"
        if not inside and (self.namespaces is not None or self.namespace_selector is not None):
            return False
        return self.resources.matches(resource)

    @property
    def whole(self) -> bool:
        """Whether it looks at more than metadata."""
        return self.expression.reads.whole or self.base.whole

    @property
    def context(self) -> frozenset[str]:
        """The names below `_context` that it reads."""
        return self.expression.reads.context | (self.base.expression.reads.context if self.base.expression else frozenset())

    @property
    def fingerprint(self) -> str:
        """What a soak is tied to: an edited rule is a new rule."""
        names = sorted((*self.resources.exact, *self.resources.patterns))
        return "|".join((self.id, ",".join(names), self.expression.text, str(self.ttl)))


@dataclass(frozen=True)
class BrokenRule:
    """A rule that cannot be read. What it may have been about stays: `resources`, or everything."""

    resources: ResourceNames
    problem: str
    id: str = ""

    def covers(self, resource: Resource) -> bool:
        return self.resources.matches(resource)


AnyRule = Rule | BrokenRule
EVERYTHING = resource_names(["*"])


@dataclass(frozen=True)
class RuleSet:
    """The rules in their order, and one line for each thing that is wrong with the file."""

    rules: tuple[AnyRule, ...] = ()
    problems: tuple[str, ...] = ()

    def about(self, resource: Resource) -> tuple[AnyRule, ...]:
        return tuple(rule for rule in self.rules if rule.covers(resource))

    def rule(self, identity: str) -> Rule | None:
        return next((rule for rule in self.rules if isinstance(rule, Rule) and rule.id == identity), None)


def parse_rules(text: str, source: str) -> RuleSet:
    """The rules in *text*; *source* names the file in complaints, as `rules.yaml:12: ...`. Never raises."""
    try:
        # The pure Python loader: it keeps the position of every node.
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return _unreadable(f"{_position(source, error)}: no valid YAML: {_reason(error)}")
    if not isinstance(root, yaml.MappingNode):
        return _unreadable(f"{source}:1: the file has to be a mapping with the key rules")
    entries = None
    problems = []
    for key, value in root.value:
        if key.value == "rules":
            entries = value
        elif not str(key.value).startswith("x-"):
            name = shorten(str(key.value))
            problems.append(f"{source}:{_line(key)}: unknown key {name!r} beside rules; keys for your own use start with x-")
    if not isinstance(entries, yaml.SequenceNode):
        return _unreadable(f"{source}:{_line(entries or root)}: the key rules is missing or holds no list")
    return _parse_entries(loader, entries.value, source, problems)


def _unreadable(problem: str) -> RuleSet:
    return RuleSet((BrokenRule(EVERYTHING, problem),), (problem,))


def _parse_entries(loader: yaml.SafeLoader, nodes: Iterable[yaml.Node], source: str, problems: list[str]) -> RuleSet:
    rules: list[AnyRule] = []
    seen: dict[str, int] = {}
    for index, node in enumerate(nodes):
        where = f"{source}:{_line(node)}: rule {index}"
        values: dict[str, Any] = {}
        try:
            rule = _parse_entry(loader, node, source, values)
            if rule.id in seen:
                raise _Wrong(f"{where}: the id {rule.id} is used on line {seen[rule.id]} already; ids have to differ")
            seen[rule.id] = _line(node)
            rules.append(rule)
        except _Wrong as wrong:
            problems.append(str(wrong))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            problems.append(f"{where}: {_reason(error)}")
        else:
            continue
        rules.append(BrokenRule(values.get("resources", EVERYTHING), problems[-1], values.get("id", "")))
    return RuleSet(tuple(rules), tuple(problems))


class _Wrong(Exception):
    """A complaint that already names its position."""


def _parse_entry(loader: yaml.SafeLoader, node: yaml.Node, source: str, values: dict[str, Any]) -> Rule:
    """Fills *values* field by field, so that what could be read is known even where the rest could not. Every field is tried."""
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(f"{source}:{_line(node)}: a rule has to be a mapping with id, resources, jmespath and ttl")
    wrong: list[str] = []
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if name in seen:
            wrong.append(f"{source}:{_line(key)}: key {name!r} is given twice in one rule")
        elif name not in _FIELDS:
            wrong.append(f"{source}:{_line(key)}: unknown key {shorten(name)!r} in a rule; known: {', '.join(sorted(_FIELDS))}")
        else:
            field, parse = _FIELDS[name]
            try:
                values[field] = parse(loader.construct_object(value, deep=True))
            except ValueProblem as problem:
                wrong.append(f"{source}:{_line(value)}: {name}: {problem}")
            except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
                wrong.append(f"{source}:{_line(value)}: {name}: {_reason(error)}")
        seen.add(name)
    missing = [name for name in ("id", "resources", "jmespath", "ttl") if name not in seen]
    if missing:
        wrong.append(f"{source}:{_line(node)}: rule {values.get('id', '')}: missing {', '.join(missing)}")
    if wrong:
        raise _Wrong("; ".join(wrong))
    return Rule(line=_line(node), **values)


def _identity(value: object) -> str:
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise ValueProblem(value, "lower-case letters, digits and dashes, starting with a letter")
    return value


def _resources(value: object) -> ResourceNames:
    if value == "*":
        return EVERYTHING
    names = resource_names(_texts(value))
    if not names:
        raise ValueProblem(value, "a list of resource names such as [deployments, statefulsets], or ['*']")
    return names


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueProblem(value, "a list of texts, such as [deployments, statefulsets]")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueProblem(value, "a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueProblem(value, "true or false")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueProblem(value, "a whole number, 0 or more")
    return value


def _occurrences(value: object) -> int:
    if _count(value) < 1:
        raise ValueProblem(value, "a whole number, 1 or more")
    return _count(value)


def _length(value: object) -> timedelta:
    """A duration; false (and 0s) for none at all."""
    return timedelta(0) if value is False else parse_duration(_text(value))


def _propagation(value: object) -> str:
    if value not in _PROPAGATION:
        raise ValueProblem(value, ", ".join(_PROPAGATION))
    return str(value)


def _group(value: object) -> frozenset[str]:
    """The group of an apiVersion. The version does not matter: an object is the same in every version that serves it."""
    group, sign, _ = _text(value).partition("/")
    return frozenset({group if sign else ""})


_FIELDS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "id": ("id", _identity),
    "resources": ("resources", _resources),
    "jmespath": ("expression", lambda value: compile_expression(_text(value))),
    "ttl": ("ttl", lambda value: parse_ttl(_text(value))),
    "apiVersion": ("groups", _group),
    "description": ("description", _text),
    "dryRun": ("dry_run", _flag),
    "gracePeriodSeconds": ("grace", _count),
    "groups": ("groups", lambda value: frozenset("" if item == "core" else item for item in _texts(value))),
    "labelSelector": ("label_selector", selector_from),
    "managed": ("managed", _flag),
    "maxDeletions": ("max_deletions", _count),
    "namespaceSelector": ("namespace_selector", selector_from),
    "namespaces": ("namespaces", lambda value: glob_names(_texts(value))),
    "notify": ("notify", _length),
    "occurrences": ("occurrences", _occurrences),
    "ownerless": ("ownerless", _flag),
    "propagationPolicy": ("propagation", _propagation),
    "quarantine": ("quarantine", _length),
    "timestamp": ("base", parse_base),
}
RULE_KEYS = tuple(_FIELDS)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _position(source: str, error: BaseException) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{source}:{mark.line + 1}" if mark is not None else source


def _reason(error: BaseException) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())[:300] or type(error).__name__
