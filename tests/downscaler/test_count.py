"""What is said, once, and what is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from downscaler.annotations import Complaint
from downscaler.apply import Applied
from downscaler.count import Report, Tally, describe
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo
from downscaler.plan import Planned
from downscaler.sizes import KINDS
from shared.clock import SystemClock
from shared.errors import Forbidden, Unauthorized, ValueProblem
from shared.metrics import Metrics
from shared.objects import Object

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
WEB = msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}}, Object)


def planned(decision: Decision, *complaints: Complaint, kind: str = "deployments") -> Planned:
    row = KINDS[kind]
    body = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}}
    return Planned(row, msgspec.convert(body, row.as_type), decision, complaints)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (ScaleTo(3, 0, 3, "late"), ("deployments shop/web: scaled down, replicas 3 -> 0, original 3: late", "ScaleDown")),
        (ScaleTo(0, 1, 3, "more"), ("deployments shop/web: raised while down, replicas 0 -> 1, original 3: more", "ScaleUp")),
        (Restore(0, 3, "early"), ("deployments shop/web: brought up, replicas 0 -> 3: early", "ScaleUp")),
        (Forget("stale"), ("deployments shop/web: record removed: stale", "")),
    ],
)
def test_lines(decision: Decision, expected: tuple[str, str]) -> None:
    assert describe(planned(decision)) == expected


def report(**options: Any) -> Report:
    return Report(Metrics("kube-downscaler", "test", SystemClock()), **options)


def test_a_complaint_is_said_as_long_as_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    said = report()

    def turn(*values: str, failing: bool = False) -> list[str]:
        caplog.clear()
        tally = Tally(NOW)
        if failing:
            tally.failed(Forbidden("deployments: forbidden"))
        for value in values:
            tally.decided(planned(Problem("broken"), Complaint("downscaler/uptime", value, "always")))
        said.finish(tally)
        return [line.split("'")[1] for line in caplog.messages]

    assert turn("a") == ["a"]
    assert turn("a") == []
    assert turn("b") == ["b"]
    # Not seen because its list failed is not corrected.
    assert turn(failing=True) == []
    assert turn("b") == []
    assert turn() == []
    assert turn("b") == ["b"]


def test_an_object_that_cannot_be_decoded_is_named(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally(NOW)
    tally.unreadable(KINDS["deployments"])(WEB, ValueProblem("x", "a number"))
    assert report().finish(tally).ok
    assert caplog.messages == [
        "deployments shop/web: cannot be read and is left alone: 'x' is not understood; accepted: a number"
    ]


def test_wrong_credentials_are_said_once() -> None:
    tally = Tally(NOW)
    for what in ("namespaces", "pods", "deployments"):
        tally.failed(Unauthorized(f"{what}: not authenticated"))
    tally.failed(Forbidden("pods: forbidden"))
    assert report().finish(tally).failures == ("namespaces: not authenticated", "pods: forbidden")


def test_the_summary_of_a_turn_that_did_nothing_is_empty_unless_asked_for() -> None:
    tally = Tally(NOW)
    tally.decided(planned(Keep("up", "")))
    assert report().finish(tally).summary == ""
    assert report(always_sum_up=True).finish(tally).summary == "0 scaled down, 0 brought up, 1 left as they are"
    tally.applied(planned(ScaleTo(3, 0, 3, "")), Applied(planned(ScaleTo(3, 0, 3, "")), written=True))
    result = report(dry_run=True).finish(tally)
    assert (result.summary, result.changed) == ("1 scaled down, 0 brought up, 1 left as they are (dry run)", 1)


def test_only_replicas_count_as_avoided() -> None:
    tally = Tally(NOW)
    tally.decided(planned(Keep("down", "", held=3)))
    tally.decided(planned(Keep("down", "", held=1), kind="cronjobs"))
    tally.applied(planned(ScaleTo(5, 1, 5, "")), Applied(planned(ScaleTo(5, 1, 5, "")), written=True))
    assert tally.avoided == {"deployments": 2 + 4}


def test_what_another_writer_made_superfluous_is_kept() -> None:
    tally = Tally(NOW)
    tally.applied(planned(ScaleTo(3, 0, 3, "")), Applied(planned(Keep("excluded", "")), written=False))
    assert tally.kept == {("deployments", "excluded"): 1}
    assert tally.changed == []


def test_decisions_are_visible_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "downscaler")
    Tally(NOW).decided(planned(Keep("up", "in uptime")))
    assert caplog.messages == ["deployments shop/web: left as it is: in uptime"]


STATES = [
    (Keep("down", "", held=3), 0, "down"),
    (Keep("waiting", "", held=3), 0, "down"),
    (Keep("waiting", ""), 3, "up"),
    # Somebody set it back to what it was: its record alone does not put it down.
    (Keep("hold", "", held=3), 3, "up"),
    (Keep("hold", "", held=3), 1, "down"),
    (Keep("fight", "", held=3), 2, "up"),
    (Keep("grace", "", held="75%"), 1, "down"),
]


@pytest.mark.parametrize(("decision", "replicas", "actual"), STATES)
def test_what_an_object_is(decision: Keep, replicas: int, actual: str) -> None:
    row = KINDS["deployments"]
    body = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": replicas}}
    tally = Tally(NOW)
    tally.decided(Planned(row, msgspec.convert(body, row.as_type), decision, wanted="down"))
    assert tally.states == {("deployments", "down", actual): 1}


@pytest.mark.parametrize(("decision", "actual"), [(Restore(0, 3, ""), "down"), (ScaleTo(3, 0, 3, ""), "up"), (Forget(""), "up")])
def test_what_an_object_is_that_could_not_be_written(decision: Decision, actual: str) -> None:
    tally = Tally(NOW)
    each = replace(planned(decision), wanted="up")
    tally.applied(each, Forbidden("patch deployments shop/web: forbidden"))
    assert tally.states == {("deployments", "up", actual): 1}
