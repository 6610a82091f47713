from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from janitor.annotations import (
    FOREVER,
    NO_MARKS,
    Keys,
    Problem,
    Warned,
    format_warned,
    is_protected,
    keys_for,
    parse_defaults,
    parse_expires,
    parse_ttl,
    parse_warned,
    read_marks,
    writers_of,
)
from shared.errors import ValueProblem
from shared.objects import Meta

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("08s", 8), ("5m", 300), ("2h", 7200), ("7d", 604800), ("1w", 604800), ("1w2d6h", 799200), (" 5m\n", 300)],
)
def test_a_ttl_is_a_length(text: str, seconds: int) -> None:
    assert parse_ttl(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["forever", "FOREVER", " Forever "])
def test_forever_is_forever(text: str) -> None:
    assert parse_ttl(text) == FOREVER


@pytest.mark.parametrize("text", ["foo", "1y", "0s", "-1h", "3600", "5M", "1.5h", "", "99999999w", "1h 30m", "9" * 4000 + "s"])
def test_anything_else_is_refused_and_the_accepted_forms_are_named(text: str) -> None:
    with pytest.raises(ValueProblem, match="1h30m, 7d; or forever"):
        parse_ttl(text)


@pytest.mark.parametrize(
    "text", ["2026-03-23T12:00:00Z", "2026-03-23T12:00", "2026-03-23 12:00", "2026-3-23T12:00", "2026-03-23T14:00+02:00"]
)
def test_an_end_is_an_instant_in_utc(text: str) -> None:
    assert parse_expires(text) == NOON


def test_an_end_that_cannot_be_read_names_the_accepted_forms() -> None:
    with pytest.raises(ValueProblem, match="2026-04-05T10:00"):
        parse_expires("99-06-02T12:12:59")


def test_an_object_without_annotations_costs_nothing() -> None:
    assert read_marks(Meta(name="web", labels={"a": "b"}), Keys()) is NO_MARKS


def test_problems_name_the_key_and_the_value() -> None:
    marks = read_marks(Meta(annotations={"janitor/ttl": "x" * 500, "janitor/expires": "soon"}), Keys())

    assert [problem.key for problem in marks.problems] == ["janitor/ttl", "janitor/expires"]
    assert len(str(marks.problems[0])) < 400
    assert marks.unreadable(["janitor/expires"])
    assert not marks.unreadable(["janitor/extend-until"])


def test_of_several_ends_the_earliest_counts() -> None:
    keys = keys_for(["cleaner"])
    meta = Meta(annotations={"janitor/expires": "2026-03-24", "cleaner/expires": "2026-03-23T12:00:00Z"})

    marks = read_marks(meta, keys)

    assert (marks.expires, marks.expires_key) == (NOON, "cleaner/expires")


def test_of_several_starts_the_latest_counts() -> None:
    meta = Meta(annotations={"a": "2026-03-23T12:00:00Z", "b": "2026-03-22", "c": "2026-03-21"})

    assert read_marks(meta, Keys(starts=("b", "a", "c"))).start == NOON


def test_an_unknown_dialect_names_the_known_ones() -> None:
    with pytest.raises(ValueProblem, match="cleaner, janitor.io, kyverno, mayfly, twin"):
        keys_for(["flux"])


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (None, False),
        ({}, False),
        ({"janitor/protected": "true"}, True),
        ({"janitor/protected": " False "}, False),
        ({"janitor/protected": ""}, True),
        ({"janitor.io/action": "skip"}, True),
        ({"janitor.io/action": "delete"}, False),
    ],
)
def test_protected(annotations: dict[str, str] | None, expected: bool) -> None:
    assert is_protected(Meta(annotations=annotations), keys_for(["janitor.io"])) is expected


def test_defaults_name_resources_with_their_ttl() -> None:
    assert parse_defaults("Deployments=7d, jobs = 1d,") == {"deployments": timedelta(days=7), "jobs": timedelta(days=1)}


@pytest.mark.parametrize("text", ["7d", "=7d", "jobs=", "jobs=0s", "jobs:1d"])
def test_defaults_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueProblem):
        parse_defaults(text)


def test_a_warning_is_tied_to_the_end_that_it_announced() -> None:
    text = format_warned(NOON, NOON + timedelta(hours=1))
    warned = parse_warned(text)

    assert text == "2026-03-23T12:00:00Z for 2026-03-23T13:00:00Z"
    assert warned == Warned(NOON, NOON + timedelta(hours=1))
    assert warned.covers(NOON + timedelta(hours=1, microseconds=5))
    assert not warned.covers(NOON)


@pytest.mark.parametrize("text", [None, "", "no", "x for y", "2026-03-23T12:00:00Z"])
def test_what_is_no_warning(text: str | None) -> None:
    assert parse_warned(text) is None


def test_the_old_warning_covers_every_end() -> None:
    assert parse_warned("yes") == Warned()
    assert Warned().covers(NOON)


def test_the_writers_of_an_annotation() -> None:
    mine = {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:annotations": {"f:janitor/ttl": {}}}}}
    other = {"manager": "helm", "fieldsV1": {"f:metadata": {"f:labels": {}}}}

    assert writers_of({"metadata": {"managedFields": [other, mine, "x", {"fieldsV1": 5}]}}, "janitor/ttl") == ("kubectl",)
    assert writers_of({"metadata": {"managedFields": 5}}, "janitor/ttl") == ()
    assert writers_of({"metadata": 5}, "janitor/ttl") == ()


def test_a_problem_is_one_line() -> None:
    assert "\n" not in str(Problem("janitor/ttl", "a\nb", "7d"))
