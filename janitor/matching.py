"""JMESPath for rules: compile, find out what an expression reads, evaluate. Pure; the instant is an argument.

Two additions to the language. Functions return null instead of failing where an argument is null, because most expressions ask
about labels that most objects lack. And there are more of them:

    now()                      the instant of this pass, as Kubernetes writes timestamps
    age_seconds(timestamp)     seconds between a timestamp and now
    duration_seconds(text)     7d as 604800
    regex_match(text, regex)   whether the regular expression is found in the text (anchor it with ^ and $)
    semver_compare(a, b)       -1, 0 or 1; null where one is no semantic version
    lower(text)                in lower case
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import jmespath
from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from shared.errors import ThriftError, ValueProblem
from shared.times import format_timestamp, parse_duration, parse_timestamp

Node = dict[str, Any]

# What a metadata-only list carries and `Meta` keeps; any other field needs the whole object.
METADATA_FIELDS = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
    }
)
# The type is known without the object. `null` without backquotes is a field that no object has, and how everybody writes null.
_NO_FIELDS = frozenset({"kind", "apiVersion", "null", "true", "false"})
CONTEXT = "_context"
EVERYTHING = "*"
ACCEPTED_REGEX = "a regular expression as Python's re module reads it"
# Longer texts are no names, labels or versions; the cut bounds what a slow pattern can cost.
_LONGEST_SUBJECT = 4096
_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)


class EvaluationProblem(ThriftError):
    """An expression that cannot be evaluated on this one object."""


@dataclass(frozen=True)
class Reads:
    """What an expression looks at: the whole object or only its metadata, and which names below `_context`."""

    whole: bool = False
    context: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Expression:
    """A compiled JMESPath expression."""

    text: str
    parsed: Any
    reads: Reads


def compile_expression(text: str) -> Expression:
    """Raises ValueProblem for bad syntax, for a function that does not exist and for a wrong number of arguments."""
    try:
        parsed: Any = jmespath.compile(text).parsed
    except (exceptions.JMESPathError, RecursionError) as error:
        raise ValueProblem(text, f"a JMESPath expression ({_one_line(error)})") from None
    _check_functions(text, parsed)
    return Expression(text, parsed, reads_of(parsed))


def evaluate(expression: Expression, document: Mapping[str, Any], now: datetime) -> Any:
    """The value of *expression* on *document* (a JSON object, with `_context` beside its fields). Raises EvaluationProblem."""
    try:
        return _interpreter(now).visit(expression.parsed, document)
    except (exceptions.JMESPathError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise EvaluationProblem(_without_values(error)) from None


def _without_values(error: BaseException) -> str:
    """What went wrong, in words that are the same for every object and show nothing of its content: it may be a Secret."""
    if isinstance(error, exceptions.JMESPathTypeError):
        return f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
    if isinstance(error, ValueProblem):
        return f"a value is not understood; accepted: {error.accepted}"
    return _one_line(error) if isinstance(error, TypeError) else type(error).__name__


def reads_of(parsed: Node) -> Reads:
    """Walks the syntax tree once. Where it is not certain that metadata suffices, the answer is the whole object."""
    walk = _Walk()
    walk.consume(parsed, "root")
    return Reads(walk.whole, frozenset(walk.context))


class _Walk:
    """Follows the value that each node is evaluated against: the root, its metadata, its _context, or something inside those."""

    def __init__(self) -> None:
        self.whole = False
        self.context: set[str] = set()

    def consume(self, node: Node, place: str) -> None:
        """*node* is used as a value: using the root or the metadata as a value is reading all of it."""
        result = self.follow(node, place)
        if result in ("root", "metadata"):
            self.whole = True
        if result in ("root", "context"):
            self.context.add(EVERYTHING)

    def follow(self, node: Node, place: str) -> str:
        kind, children = node["type"], node["children"]
        if kind == "field":
            return self._field(node["value"], place)
        if kind in ("current", "identity"):
            return place
        if kind in ("subexpression", "pipe", "index_expression"):
            for child in children:
                place = self.follow(child, place)
            return place
        if kind in ("projection", "value_projection", "filter_projection"):
            self.consume(children[0], place)
            for child in children[1:]:
                self.consume(child, "inside")
            return "inside"
        if kind not in ("literal", "index", "slice"):
            for child in children:
                self.consume(child, place)
        return "inside"

    def _field(self, name: str, place: str) -> str:
        if name == "blockOwnerDeletion":
            self.whole = True
        if place == "context":
            self.context.add(name)
        elif place == "metadata":
            self.whole = self.whole or name not in METADATA_FIELDS
        elif place == "root" and name in ("metadata", CONTEXT):
            return "metadata" if name == "metadata" else "context"
        elif place == "root" and name not in _NO_FIELDS:
            self.whole = True
        return "inside"


def _check_functions(text: str, node: Node) -> None:
    if node["type"] == "function_expression":
        name, count = node["value"], len(node["children"])
        spec = JanitorFunctions.FUNCTION_TABLE.get(name)
        if spec is None:
            known = ", ".join(sorted(JanitorFunctions.FUNCTION_TABLE))
            raise ValueProblem(text, f"a JMESPath expression ({name}() is no function; there are {known})")
        expected = len(spec["signature"])
        variadic = bool(spec["signature"]) and spec["signature"][-1].get("variadic")
        if count < expected if variadic else count != expected:
            raise ValueProblem(text, f"a JMESPath expression ({name}() takes {expected} arguments, not {count})")
        if name == "regex_match" and node["children"][1]["type"] == "literal":
            _pattern(str(node["children"][1]["value"]))
    for child in node["children"]:
        if isinstance(child, dict):
            _check_functions(text, child)


@lru_cache(maxsize=2)
def _interpreter(now: datetime) -> TreeInterpreter:
    return TreeInterpreter(Options(custom_functions=JanitorFunctions(now)))


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError):
        raise ValueProblem(text, ACCEPTED_REGEX) from None


def _semver(text: str) -> tuple[int, int, int, tuple[tuple[int, int, str], ...]] | None:
    """A key that sorts as semver.org 2.0.0 section 11 says: a release after its pre-releases, numbers before words."""
    match = _SEMVER.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, pre = match.groups()
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")] if pre else [(2, 0, "")]
    return int(major), int(minor), int(patch), tuple(parts)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


class JanitorFunctions(Functions):
    """The functions of JMESPath and the additional ones; every one returns null for a null where it cannot work with it."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        resolved_args = list(resolved_args)
        spec = self.FUNCTION_TABLE.get(function_name)
        if spec is not None:
            for argument, wanted in zip(resolved_args, spec["signature"], strict=False):
                if argument is None and wanted["types"] and "null" not in wanted["types"]:
                    return None
        return super().call_function(function_name, resolved_args)

    @signature()
    def _func_now(self) -> str:
        return format_timestamp(self._now)

    @signature({"types": ["string"]})
    def _func_age_seconds(self, text: str) -> float:
        return (self._now - parse_timestamp(text)).total_seconds()

    @signature({"types": ["string"]})
    def _func_duration_seconds(self, text: str) -> float:
        return parse_duration(text).total_seconds()

    @signature({"types": ["string"]}, {"types": ["string"]})
    def _func_regex_match(self, text: str, regex: str) -> bool:
        return _pattern(regex).search(text[:_LONGEST_SUBJECT]) is not None

    @signature({"types": ["string"]}, {"types": ["string"]})
    def _func_semver_compare(self, left: str, right: str) -> int | None:
        one, other = _semver(left), _semver(right)
        if one is None or other is None:
            return None
        return (one > other) - (one < other)

    @signature({"types": ["string"]})
    def _func_lower(self, text: str) -> str:
        return text.lower()
