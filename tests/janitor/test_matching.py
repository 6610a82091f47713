from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from janitor.matching import EvaluationProblem, compile_expression, evaluate
from shared.errors import ValueProblem

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)


def value(text: str, document: dict[str, Any]) -> Any:
    return evaluate(compile_expression(text), document, NOW)


METADATA = [
    "metadata.name",
    "metadata.labels.app == 'web'",
    "!(metadata.labels.app)",
    "metadata.ownerReferences == null",
    "metadata.ownerReferences[0].kind",
    "metadata.ownerReferences[?kind=='Deployment'].name",
    "contains(metadata.name, 'pr') && starts_with(metadata.namespace, 'x')",
    'metadata.annotations."example.org/a"',
    "metadata.{a: name, b: labels.app}",
    "metadata.[name, uid]",
    "metadata | name",
    "@.metadata.name",
    "kind == 'Pod' || apiVersion == 'v1'",
    "_context.pvc_is_not_mounted",
    "metadata.labels.* | length(@)",
    "now() > metadata.creationTimestamp",
    "`true`",
    "metadata.finalizers[0:1]",
]
WHOLE = [
    "@",
    "*",
    "[metadata.name, spec]",
    "spec.replicas",
    "status.phase == 'Failed'",
    "metadata",
    "keys(metadata)",
    "metadata.*",
    "metadata.managedFields",
    "metadata.generateName",
    "metadata | managedFields",
    "metadata.ownerReferences[?blockOwnerDeletion]",
    "to_string(@)",
    "not_null(data, metadata.name)",
    "values(@)",
    "metadata.name && spec",
    "sort_by(status.conditions, &lastTransitionTime)[0].type",
    "{a: spec}",
    "@ | spec",
]


@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_enough(text: str) -> None:
    assert not compile_expression(text).reads.whole


@pytest.mark.parametrize("text", WHOLE)
def test_the_whole_object_is_needed(text: str) -> None:
    assert compile_expression(text).reads.whole


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("_context.pvc_is_not_mounted", {"pvc_is_not_mounted"}),
        ("_context.a || _context.b", {"a", "b"}),
        ("_context | a", {"a"}),
        ("_context.{x: a}", {"a"}),
        ("_context", {"*"}),
        ("keys(_context)", {"*"}),
        ("@", {"*"}),
        ("metadata.name", set()),
    ],
)
def test_which_context_is_read(text: str, names: set[str]) -> None:
    assert compile_expression(text).reads.context == names


def test_metadata_expressions_never_see_what_the_list_leaves_out() -> None:
    """Every expression that claims to need metadata only gives the same on the whole object."""
    metadata = {"name": "pr", "namespace": "x", "labels": {"app": "web"}, "finalizers": ["a"], "creationTimestamp": "2026"}
    whole = {"kind": "Pod", "apiVersion": "v1", "_context": {}, "metadata": {**metadata, "generateName": "p"}, "spec": {"a": 1}}
    part = {"kind": "Pod", "apiVersion": "v1", "_context": {}, "metadata": metadata}

    for text in METADATA:
        assert value(text, whole) == value(text, part), text


@pytest.mark.parametrize(
    "text", ["]", "a.", "", "nope(a)", "length()", "contains(a)", "not_null()", "regex_match(a, '(')", "(" * 3000]
)
def test_an_expression_that_is_none(text: str) -> None:
    with pytest.raises(ValueProblem, match="JMESPath|regular expression"):
        compile_expression(text)


@pytest.mark.parametrize("text", ["length(a)", "a > `5`", "sum(b)", "age_seconds(a)", "regex_match('x', c)"])
def test_an_expression_that_cannot_be_evaluated_here(text: str) -> None:
    with pytest.raises(EvaluationProblem):
        value(text, {"a": 5 if text.startswith("length") else "x", "b": ["x"], "c": "("})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("abs(data)", "abs() takes number, not object"),
        ("age_seconds(data.password)", "a value is not understood; accepted: 2026-04-05"),
        ("data.password > `5`", "'>' not supported"),
    ],
)
def test_a_failure_shows_nothing_of_the_object(text: str, says: str) -> None:
    with pytest.raises(EvaluationProblem) as caught:
        value(text, {"data": {"password": "hunter2"}})

    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("length(x)", None),
        ("starts_with(x, 'a')", None),
        ("!starts_with(x, 'a')", True),
        ("to_string(x)", "null"),
        ("type(x)", "null"),
        ("not_null(x, 'a')", "a"),
        ("to_number(x)", None),
        ("lower('ABC')", "abc"),
        ("lower(x)", None),
        ("regex_match('web-12', '[0-9]+$')", True),
        ("regex_match('web', '[0-9]')", False),
        ("duration_seconds('1h30m')", 5400),
        ("age_seconds('2026-03-23T09:00:00Z')", 3600),
        ("now()", "2026-03-23T10:00:00Z"),
        ("semver_compare('1.2.3', 'v1.2.3')", 0),
        ("semver_compare('1.2.3-rc.10', '1.2.3-rc.9')", 1),
        ("semver_compare('1.2.3-alpha', '1.2.3-1')", 1),
        ("semver_compare('1.2.3-alpha', '1.2.3-alpha.1')", -1),
        ("semver_compare('1.2.3+a', '1.2.3+b')", 0),
        ("semver_compare('1.2', '1.2.3')", None),
    ],
)
def test_functions(text: str, expected: Any) -> None:
    assert value(text, {}) == expected


def test_a_long_text_costs_a_regular_expression_no_more_than_a_short_one() -> None:
    assert value("regex_match(a, 'b$')", {"a": "a" * 10_000 + "b"}) is False


def test_an_unknown_function_lists_the_known_ones() -> None:
    with pytest.raises(ValueProblem, match=r"matches\(\) is no function; there are abs.*regex_match.*semver_compare"):
        compile_expression("matches(a, b)")
