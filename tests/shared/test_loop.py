"""The loop: interval, signals, what is said and how often, exit codes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Unavailable
from shared.health import Health
from shared.loop import Rhythm, TurnResult, run_loop

OK, FAILED = TurnResult(), TurnResult(ok=False, failures=("pods: forbidden",))


class StepClock:
    """A clock that moves only when somebody sleeps, and asks for the end after so many sleeps."""

    def __init__(self, health: Health, sleeps: int) -> None:
        self.at, self.naps, self._health, self._sleeps = 0.0, list[float](), health, sleeps

    def now(self) -> datetime:
        return datetime(2026, 4, 5, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += seconds
        if len(self.naps) >= self._sleeps:
            self._health.stop.set()


def loop(
    turn: Callable[[], TurnResult], *, turns: int = 3, once: bool = False, interval: float = 30
) -> tuple[int, StepClock, Health]:
    health = Health(interval)
    clock = StepClock(health, turns)
    return run_loop(turn, rhythm=Rhythm(interval, once=once), clock=clock, health=health, name="janitor"), clock, health


def script(*steps: TurnResult | Exception) -> Callable[[], TurnResult]:
    left = list(steps)

    def turn() -> TurnResult:
        step = left.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    return turn


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (OK, 0),
        (TurnResult(ok=True, failures=("one object is broken",)), 0),
        (FAILED, 1),
        (Unavailable("cannot reach it"), 1),
        (ZeroDivisionError("oops"), 1),
    ],
)
def test_once_ends_with_1_when_the_turn_failed(step: TurnResult | Exception, code: int) -> None:
    found, clock, health = loop(script(step), once=True)
    assert found == code
    assert clock.naps == []
    assert health.ready() is (code == 0)


def test_turns_begin_an_interval_apart_however_long_they_take() -> None:
    begun: list[float] = []
    health = Health(30)
    clock = StepClock(health, 4)

    def turn() -> TurnResult:
        begun.append(clock.at)
        clock.at += 10
        return OK

    assert run_loop(turn, rhythm=Rhythm(30), clock=clock, health=health, name="x") == 0
    assert len(begun) == 4
    for before, after in zip(begun, begun[1:], strict=False):
        assert after - before == pytest.approx(30, rel=0.05)


def test_a_turn_that_takes_too_long_is_followed_by_a_short_rest() -> None:
    health = Health(30)
    clock = StepClock(health, 2)

    def turn() -> TurnResult:
        clock.at += 100
        return OK

    run_loop(turn, rhythm=Rhythm(30), clock=clock, health=health, name="x")
    assert clock.naps == [0.3, 0.3]


def test_a_failure_is_said_once_until_it_changes_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    other = TurnResult(ok=False, failures=("pods: forbidden", "nodes: forbidden"))
    with caplog.at_level(logging.INFO):
        loop(script(FAILED, FAILED, other, other, OK, OK, FAILED), turns=7)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["pods: forbidden", "nodes: forbidden", "pods: forbidden"]
    assert caplog.text.count("recovered") == 1


def test_a_bug_in_a_turn_ends_nothing_and_names_its_place(caplog: pytest.LogCaptureFixture) -> None:
    code, _, health = loop(script(KeyError("spec"), KeyError("spec"), OK), turns=3)
    assert code == 0
    assert health.ready()
    [text] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert text.startswith("unexpected KeyError: 'spec' (at test_loop.py:")


def test_a_failed_turn_without_a_reason_still_says_something(caplog: pytest.LogCaptureFixture) -> None:
    loop(script(TurnResult(ok=False)), once=True)
    assert "the turn failed" in caplog.text


def test_the_summary_is_said_every_turn(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        loop(script(TurnResult(summary="3 scaled\ndown"), TurnResult(summary="0 scaled")), turns=2)
    assert [record.getMessage() for record in caplog.records if "scaled" in record.getMessage()] == [
        "3 scaled\\ndown",
        "0 scaled",
    ]


def test_nothing_begins_once_the_process_was_told_to_stop() -> None:
    health = Health(30)
    health.stop.set()
    assert run_loop(script(), rhythm=Rhythm(30), clock=StepClock(health, 1), health=health, name="x") == 0


def test_in_another_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(loop(script(OK), turns=1)[0]))
    thread.start()
    thread.join()
    assert codes == [0]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_in_the_middle_of_a_turn_makes_it_the_last() -> None:
    health = Health(30)
    begun: list[int] = []

    def turn() -> TurnResult:
        begun.append(1)
        os.kill(os.getpid(), signal.SIGTERM)
        health.stop.wait(10)
        return OK

    clock = StepClock(health, 5)
    assert run_loop(turn, rhythm=Rhythm(30), clock=clock, health=health, name="x") == 0
    assert len(begun) == 1
    assert clock.naps == []


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    loop(script(OK), turns=1)
    assert signal.getsignal(signal.SIGTERM) is before


CHILD = """
import sys, time
from shared.clock import SystemClock
from shared.health import Health
from shared.loop import Rhythm, TurnResult, run_loop
health = Health(60)
clock = SystemClock(health.stop)
def turn():
    print("begun", flush=True)
    for _ in range(int(sys.argv[1])):
        time.sleep(0.1)
    print("ended", flush=True)
    return TurnResult()
sys.exit(run_loop(turn, rhythm=Rhythm(60), clock=clock, health=health, name="child"))
"""


def child(tenths: int) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(tenths)], stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_turn_end_and_wakes_the_sleeper(number: signal.Signals) -> None:
    with child(5) as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert out == "ended\n"
    assert process.returncode == 0


def test_a_second_signal_ends_the_process_at_once() -> None:
    with child(300) as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert out == ""
    assert process.returncode == 130


# ---- turns that know until when nothing falls due

START = datetime(2026, 4, 5, tzinfo=UTC)


def begun(clock: StepClock, results: Callable[[int], TurnResult], longest: float = 3600) -> list[float]:
    """When each turn began, in seconds."""
    at: list[float] = []

    def turn() -> TurnResult:
        at.append(clock.at)
        return results(len(at))

    health = clock._health
    run_loop(turn, rhythm=Rhythm(30, longest), clock=clock, health=health, name="x")
    return at


def resting(seconds: float) -> TurnResult:
    return TurnResult(due=START + timedelta(seconds=seconds), idle=True)


def test_a_rest_ends_exactly_at_the_instant_that_the_turn_named() -> None:
    assert begun(StepClock(Health(30), 40), lambda number: resting(1000))[:2] == [0, 1000]


def test_an_instant_sooner_than_the_interval_is_waited_for_no_longer() -> None:
    assert begun(StepClock(Health(30), 2), lambda number: resting(7 * number))[:2] == [0, 7]


@pytest.mark.parametrize(
    "result", [TurnResult(due=START + timedelta(seconds=7)), TurnResult(ok=False, due=START + timedelta(seconds=7))]
)
def test_also_a_turn_that_is_not_idle_is_followed_at_that_instant(result: TurnResult) -> None:
    assert begun(StepClock(Health(30), 2), lambda number: result)[:2] == [0, 7]


def test_with_nothing_ahead_the_longest_interval_counts() -> None:
    first, second, *_ = begun(StepClock(Health(30), 200), lambda number: TurnResult(idle=True), longest=600)
    assert second - first == pytest.approx(600, rel=0.05)


def test_a_rest_is_no_longer_than_allowed() -> None:
    first, second, *_ = begun(StepClock(Health(30), 200), lambda number: resting(1e6), longest=600)
    assert second - first == pytest.approx(600, rel=0.05)


@pytest.mark.parametrize(
    "result",
    [OK, FAILED, TurnResult(ok=False, due=START + timedelta(hours=1), idle=True), TurnResult(due=START + timedelta(hours=1))],
)
def test_a_turn_that_failed_or_cannot_tell_is_followed_after_the_usual_interval(result: TurnResult) -> None:
    first, second, *_ = begun(StepClock(Health(30), 3), lambda number: result)
    assert second - first == pytest.approx(30, rel=0.05)


def test_without_a_longer_interval_nothing_changes() -> None:
    first, second, *_ = begun(StepClock(Health(30), 3), lambda number: resting(1000), longest=0)
    assert second - first == pytest.approx(30, rel=0.05)


def test_an_instant_that_has_passed_meanwhile_asks_for_a_turn_at_once() -> None:
    clock = StepClock(Health(30), 2)

    def slow(number: int) -> TurnResult:
        clock.at += 10
        return resting(5)

    assert begun(clock, slow)[:2] == [0, 10.3]


class JumpyClock(StepClock):
    """Its wall clock moves by hours in the third sleep."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=6 if len(self.naps) >= 3 else 0)


def test_a_clock_that_jumps_ends_a_rest(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        first, second, *_ = begun(JumpyClock(Health(30), 5), lambda number: resting(86400))
    assert (first, second) == (0, 90)
    assert "the clock has jumped" in caplog.text


def test_health_knows_how_long_a_rest_is_to_last() -> None:
    rests: list[float] = []
    health = Health(30, grace=10, on_rest=rests.append)
    clock = StepClock(health, 1)
    begun(clock, lambda number: resting(3000))
    assert rests == [3000]
    # Three intervals and the grace from when a turn as usual would have ended.
    assert [health.alive(at) for at in (3000, 3070, 3071)] == [True, True, False]
    begun(StepClock(Health(30, on_rest=rests.append), 1), lambda number: OK)
    assert rests[1] == pytest.approx(30, rel=0.05)


def test_a_signal_wakes_the_sleeper_of_a_long_rest() -> None:
    clock = StepClock(Health(30), 4)
    assert begun(clock, lambda number: resting(3000)) == [0]
    assert clock.naps == [30, 30, 30, 30]
