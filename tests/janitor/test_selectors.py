from __future__ import annotations

import pytest

from janitor.selectors import Selector, parse_selector, selector_from
from shared.errors import ValueProblem

LABELS = {"app": "web", "env": "dev"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("tier!=db", True),
        ("app", True),
        ("tier", False),
        ("!tier", True),
        ("!app", False),
        ("env in (dev,test)", True),
        ("env in (prod)", False),
        ("env notin (prod, test)", True),
        ("env notin (dev)", False),
        ("tier notin (a)", True),
        ("tier in (a)", False),
        ("app=web,env in (dev,test),!tier", True),
        ("app=web,env=prod", False),
        ("app=", False),
    ],
)
def test_texts(text: str, matches: bool) -> None:
    selector = parse_selector(text)
    assert selector.matches(LABELS) is matches
    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize("text", ["=web", "app in dev", "a b", "app=(x", "(a)"])
def test_texts_that_are_none(text: str) -> None:
    with pytest.raises(ValueProblem, match="label selector"):
        parse_selector(text)


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev"]}]}, True),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "tier", "operator": "DoesNotExist"}]}, True),
        ("app=web", True),
    ],
)
def test_mappings(value: object, matches: bool) -> None:
    assert selector_from(value).matches(LABELS) is matches


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        [],
        {"app": "web"},
        {"matchLabels": []},
        {"matchExpressions": {}},
        {"matchExpressions": ["x"]},
        {"matchExpressions": [{"key": "a", "operator": "Like"}]},
        {"matchExpressions": [{"key": "a", "operator": "In"}]},
        {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": "x"}]},
    ],
)
def test_mappings_that_are_none(value: object) -> None:
    with pytest.raises(ValueProblem):
        selector_from(value)


def test_the_empty_selector_matches_an_object_without_labels() -> None:
    assert Selector().matches(None)
