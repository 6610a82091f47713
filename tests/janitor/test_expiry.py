from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.annotations import FOREVER
from janitor.expiry import CREATION, Due, TimeBase, Trigger, earliest, end_of, parse_base, postponed, start_of
from shared.errors import ValueProblem
from shared.objects import Meta

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_end_beyond_the_calendar_is_none() -> None:
    assert end_of(NOW, HOUR) == NOW + HOUR
    assert end_of(NOW, FOREVER) is None
    assert end_of(NOW, timedelta(days=3_000_000)) is None


def test_the_earliest_end() -> None:
    first, second = Due(NOW, Trigger.TTL, "a"), Due(NOW, Trigger.EXPIRES, "b")

    assert earliest([None, first, second]) is first
    assert earliest([None]) is None


@pytest.mark.parametrize(
    ("until", "longest", "expected"),
    [
        (None, None, NOW),
        (NOW + HOUR, None, NOW + HOUR),
        (NOW - HOUR, None, NOW),
        (NOW + 5 * HOUR, 4 * HOUR, NOW + 2 * HOUR),
        (NOW + 5 * HOUR, HOUR, NOW),
        (NOW + 5 * HOUR, timedelta(days=3_000_000), NOW + 5 * HOUR),
    ],
)
def test_an_extension(until: datetime | None, longest: timedelta | None, expected: datetime) -> None:
    moved = postponed(Due(NOW, Trigger.TTL, "a"), until, NOW - 2 * HOUR, longest)

    assert moved.at == expected
    assert moved.extended is (expected > NOW)


@pytest.mark.parametrize(
    ("due", "text"),
    [
        (Due(NOW, Trigger.EXPIRES, "janitor/expires"), "janitor/expires, ends 2026-03-23T10:00:00Z"),
        (
            Due(NOW, Trigger.TTL, "janitor/ttl", HOUR, NOW - HOUR),
            "TTL 1h of janitor/ttl, counted from 2026-03-23T09:00:00Z, ends 2026-03-23T10:00:00Z",
        ),
        (Due(NOW, Trigger.RULE, "no-app", HOUR, None), "TTL 1h of rule no-app, ends 2026-03-23T10:00:00Z"),
        (Due(NOW, Trigger.DEFAULT, "shop", HOUR, None, True), "TTL 1h of namespace shop, ends 2026-03-23T10:00:00Z (extended)"),
        (Due(NOW, Trigger.RELEASE, "shop/web"), "Helm release shop/web, ends 2026-03-23T10:00:00Z"),
    ],
)
def test_the_reason_in_words(due: Due, text: str) -> None:
    assert str(due) == text
    assert due.rule == ("no-app" if due.trigger is Trigger.RULE else "")


@pytest.mark.parametrize(
    ("text", "form", "whole"),
    [
        ("creation", "creation", False),
        ("changed", "changed", True),
        ("annotation:a", "annotation", False),
        ("condition:Complete", "condition", True),
        ("status.completionTime", "path", True),
        ('metadata.annotations."a"', "path", False),
    ],
)
def test_time_bases(text: str, form: str, whole: bool) -> None:
    base = parse_base(text)

    assert (base.form, base.whole) == (form, whole)


@pytest.mark.parametrize("value", [5, None, "", " ", "condition:", "a b", "]"])
def test_time_bases_that_are_none(value: object) -> None:
    with pytest.raises(ValueProblem, match="creation, changed, annotation:NAME"):
        parse_base(value)


@pytest.mark.parametrize(
    ("base", "document", "expected"),
    [
        (CREATION, {}, NOW),
        (TimeBase("annotation", "at"), {}, NOW - HOUR),
        (TimeBase("annotation", "missing"), {}, None),
        (TimeBase("annotation", "empty"), {}, None),
        (TimeBase("condition", "Ready"), {}, None),
        (TimeBase("condition", "Ready"), {"status": {"conditions": 5}}, None),
        (TimeBase("condition", "Ready"), {"status": {"conditions": [5, {"type": "Ready", "status": "True"}]}}, None),
        (TimeBase("changed"), {}, None),
        (TimeBase("changed"), {"metadata": {"managedFields": [5, {"time": 7}, {"time": "2026-03-23T09:00:00Z"}]}}, NOW - HOUR),
    ],
)
def test_starts(base: TimeBase, document: dict[str, Any], expected: datetime | None) -> None:
    meta = Meta(creation_timestamp="2026-03-23T10:00:00Z", annotations={"at": "2026-03-23T09:00:00Z", "empty": ""})

    assert start_of(base, meta, document, NOW, "kube-janitor") == expected


def test_a_start_that_is_no_text() -> None:
    with pytest.raises(ValueProblem, match="a timestamp"):
        start_of(parse_base("spec.at"), Meta(), {"spec": {"at": 5}}, NOW, "kube-janitor")
