"""Include and exclude lists."""

from __future__ import annotations

import warnings
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ValueProblem
from shared.filters import Names, Selection, exact_names, glob_names, include_names, label_matcher, regex_names, split_list


@pytest.mark.parametrize(
    ("text", "items"),
    [(None, ()), ("", ()), (" ", ()), (",", ()), ("a", ("a",)), (" a , b,,c ", ("a", "b", "c")), ("a b", ("a b",))],
)
def test_lists_are_trimmed_and_empty_items_vanish(text: str | None, items: tuple[str, ...]) -> None:
    assert split_list(text) == items


@pytest.mark.parametrize(
    ("names", "matching", "others"),
    [
        (exact_names(["kube-system"]), ["kube-system"], ["kube-system2", "kube", ""]),
        (regex_names(["kube-.*", "a|b"]), ["kube-system", "a", "b"], ["xkube-system", "ab", "kube"]),
        (
            glob_names(["prod-*", "x?", "plain", "[ab]c"]),
            ["prod-", "prod-eu", "x1", "plain", "ac"],
            ["aprod-1", "x", "x12", "dc"],
        ),
        (Names(), [], ["a", ""]),
        (exact_names([]), [], ["a", ""]),
    ],
)
def test_names_match_as_a_whole(names: Names, matching: list[str], others: list[str]) -> None:
    assert [name for name in matching + others if names.matches(name)] == matching


def test_an_empty_list_is_false() -> None:
    assert not Names()
    assert exact_names(["a"])
    assert regex_names(["a"])


@pytest.mark.parametrize("item", ["(", "[", "*a", "a{9999999999}", "(?P<n>a)(?P<n>b)"])
def test_a_broken_expression_is_named(item: str) -> None:
    for make in (regex_names, label_matcher):
        with pytest.raises(ValueProblem, match="regular expressions") as caught:
            make([item])
        assert caught.value.value == item


@pytest.mark.parametrize(
    ("selection", "name", "allowed"),
    [
        (Selection(), "a", True),
        (Selection(exclude=exact_names(["a"])), "a", False),
        (Selection(include=exact_names(["a"])), "a", True),
        (Selection(include=exact_names(["a"])), "b", False),
        (Selection(include=exact_names(["a"]), exclude=exact_names(["a"])), "a", False),
        (Selection(include=exact_names([])), "a", False),
        (Selection(include=include_names(["all"])), "a", True),
        (Selection(include=include_names(["all", "b"]), exclude=exact_names(["a"])), "a", False),
        (Selection(include=include_names(["b"])), "a", False),
        (Selection(include=include_names(["*"], everything="*")), "a", True),
    ],
)
def test_exclude_wins_over_include(selection: Selection, name: str, allowed: bool) -> None:
    assert selection.allows(name) is allowed


@pytest.mark.parametrize(
    ("items", "labels", "chosen"),
    [
        ([], None, True),
        ([], {"a": "b"}, True),
        (["team=a"], {"team": "a"}, True),
        (["team=a"], {"team": "ab"}, False),
        (["team=.*"], {"team": "ab"}, True),
        (["x=1", "team=a"], {"team": "a"}, True),
        (["team=a"], None, False),
        (["team=a"], {}, False),
    ],
)
def test_labels(items: list[str], labels: dict[str, str] | None, chosen: bool) -> None:
    assert label_matcher(items).matches(labels) is chosen


@given(st.lists(st.text(max_size=10)))
def test_no_text_raises_anything_but_a_problem(items: list[str]) -> None:
    assert glob_names(items).matches("a") in (True, False)
    with warnings.catch_warnings(), suppress(ValueProblem):
        # The language warns of sets that may mean something else one day; as a warning it stops nobody.
        warnings.simplefilter("ignore", FutureWarning)
        regex_names(items).matches("a")
