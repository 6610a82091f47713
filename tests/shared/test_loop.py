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
from shared.loop import TurnResult, run_loop

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
    return run_loop(turn, interval=interval, once=once, clock=clock, health=health, name="janitor"), clock, health


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

    assert run_loop(turn, interval=30, once=False, clock=clock, health=health, name="x") == 0
    assert len(begun) == 4
    for before, after in zip(begun, begun[1:], strict=False):
        assert after - before == pytest.approx(30, rel=0.05)


def test_a_turn_that_takes_too_long_is_followed_by_a_short_rest() -> None:
    health = Health(30)
    clock = StepClock(health, 2)

    def turn() -> TurnResult:
        clock.at += 100
        return OK

    run_loop(turn, interval=30, once=False, clock=clock, health=health, name="x")
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
    assert run_loop(script(), interval=30, once=False, clock=StepClock(health, 1), health=health, name="x") == 0


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
    assert run_loop(turn, interval=30, once=False, clock=clock, health=health, name="x") == 0
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
from shared.loop import TurnResult, run_loop
health = Health(60)
clock = SystemClock(health.stop)
def turn():
    print("begun", flush=True)
    for _ in range(int(sys.argv[1])):
        time.sleep(0.1)
    print("ended", flush=True)
    return TurnResult()
sys.exit(run_loop(turn, interval=60, once=False, clock=clock, health=health, name="child"))
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
