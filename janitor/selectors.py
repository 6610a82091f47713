"""Kubernetes label selectors, from the text that kubectl takes and from the mapping that manifests hold. Pure.

Source of the grammar: the Kubernetes documentation, "Labels and Selectors". An empty selector matches everything, as there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import ValueProblem

ACCEPTED_TEXT = "a label selector such as app=web,tier!=db,env in (dev,test),!legacy"
ACCEPTED_MAPPING = "matchLabels (a mapping) and matchExpressions (a list of key, operator In|NotIn|Exists|DoesNotExist, values)"

_SET = re.compile(r"([^\s!=,()]+)\s+(in|notin)\s+\(([^()]*)\)")
_EQUAL = re.compile(r"([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)")
_KEY = re.compile(r"(!?)\s*([^\s!=,()]+)")
_COMMA = re.compile(r",(?![^(]*\))")
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}


@dataclass(frozen=True)
class Requirement:
    """One condition on one label. `operator` is in, notin, exists or absent."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.operator == "exists":
            return self.key in labels
        if self.operator == "absent":
            return self.key not in labels
        # As in Kubernetes, `notin` and `!=` are true where the label is missing.
        return (labels.get(self.key) in self.values) is (self.operator == "in")

    def __str__(self) -> str:
        if self.operator in ("exists", "absent"):
            return self.key if self.operator == "exists" else f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == 'in' else '!='}{''.join(self.values)}"
        return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"


@dataclass(frozen=True)
class Selector:
    """All requirements have to hold; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        return all(requirement.matches(labels or {}) for requirement in self.requirements)

    def __str__(self) -> str:
        """The text that `parse_selector` reads."""
        return ",".join(map(str, self.requirements))


def parse_selector(text: str) -> Selector:
    """`app=web,env in (dev,test),!legacy`. Raises ValueProblem."""
    return Selector(tuple(_requirement(item.strip(), text) for item in _COMMA.split(text) if item.strip()))


def _requirement(item: str, text: str) -> Requirement:
    if match := _SET.fullmatch(item):
        values = frozenset(value.strip() for value in match[3].split(",") if value.strip())
        return Requirement(match[1], match[2], values)
    if match := _EQUAL.fullmatch(item):
        return Requirement(match[1], "notin" if match[2] == "!=" else "in", frozenset({match[3]}))
    if match := _KEY.fullmatch(item):
        return Requirement(match[2], "absent" if match[1] else "exists")
    raise ValueProblem(text, ACCEPTED_TEXT)


def selector_from(value: object) -> Selector:
    """A LabelSelector as manifests hold it, or a text as kubectl takes it. Raises ValueProblem."""
    if isinstance(value, str):
        return parse_selector(value)
    if not isinstance(value, dict) or set(value) - {"matchLabels", "matchExpressions"}:
        raise ValueProblem(value, ACCEPTED_MAPPING)
    given = {key: inner for key, inner in value.items() if inner is not None}
    labels, expressions = given.get("matchLabels", {}), given.get("matchExpressions", [])
    if not isinstance(labels, dict) or not isinstance(expressions, list):
        raise ValueProblem(value, ACCEPTED_MAPPING)
    equal = [Requirement(str(key), "in", frozenset({str(wanted)})) for key, wanted in labels.items()]
    return Selector(tuple(equal + [_expression(expression) for expression in expressions]))


def _expression(value: object) -> Requirement:
    if not isinstance(value, dict) or not isinstance(value.get("key"), str) or value.get("operator") not in _OPERATORS:
        raise ValueProblem(value, ACCEPTED_MAPPING)
    values = value.get("values") or []
    if not isinstance(values, list) or (value["operator"] in ("In", "NotIn")) is not bool(values):
        raise ValueProblem(value, ACCEPTED_MAPPING)
    return Requirement(value["key"], _OPERATORS[value["operator"]], frozenset(str(item) for item in values))
