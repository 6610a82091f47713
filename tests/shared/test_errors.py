"""The tree of errors: what is caught by what, and what a message holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import errors
from shared.errors import AlreadyExists, ClusterError, Conflict, ThriftError, Throttled, Unavailable, ValueProblem, shorten


@pytest.mark.parametrize(
    "name", ["Unauthorized", "Forbidden", "NotFound", "Conflict", "AlreadyExists", "Gone", "Invalid", "Unavailable"]
)
def test_every_answer_of_a_server_is_a_cluster_error(name: str) -> None:
    kind = getattr(errors, name)
    problem = kind("text", status=409, reason="Why")
    assert isinstance(problem, ClusterError)
    assert (str(problem), problem.status, problem.reason) == ("text", 409, "Why")


def test_an_existing_object_is_a_conflict() -> None:
    assert issubclass(AlreadyExists, Conflict)


def test_a_throttled_call_remembers_the_pause_asked_for() -> None:
    problem = Throttled("slow down", retry_after=2.0)
    assert (problem.status, problem.retry_after) == (429, 2.0)


def test_no_answer_has_no_status() -> None:
    assert Unavailable("gone").status == 0


def test_a_value_problem_names_the_value_and_the_forms() -> None:
    problem = ValueProblem("soon", "a time")
    assert str(problem) == "'soon' is not understood; accepted: a time"
    assert isinstance(problem, ThriftError)
    assert isinstance(problem, ValueError)


def test_a_value_with_line_breaks_stays_on_one_line_and_short() -> None:
    text = str(ValueProblem("a\nb" * 1000, "less"))
    assert "\n" not in text
    assert len(text) < 400


@given(st.text(), st.text(max_size=50))
def test_no_value_breaks_the_line(value: str, accepted: str) -> None:
    problem = ValueProblem(value, " ".join(accepted.split()))
    assert len(str(problem).splitlines()) <= 1


@pytest.mark.parametrize(("text", "short"), [("abc", "abc"), ("abcd", "ab…"), ("", "")])
def test_shorten(text: str, short: str) -> None:
    assert shorten(text, 3) == short
