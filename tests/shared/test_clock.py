"""The system clock."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from shared.clock import Clock, SystemClock


def test_now_is_aware_and_in_utc() -> None:
    clock: Clock = SystemClock()
    now = clock.now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.fromtimestamp(datetime.timestamp(now), UTC)) < timedelta(seconds=1)


def test_monotonic_does_not_go_back_and_sleep_waits() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.02)
    assert clock.monotonic() - before >= 0.015


def test_nothing_and_less_is_no_sleep() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    for seconds in (0.0, -5.0):
        clock.sleep(seconds)
    assert clock.monotonic() - before < 1


def test_a_sleep_ends_when_the_process_is_told_to_stop() -> None:
    stop = threading.Event()
    clock = SystemClock(stop)
    before = clock.monotonic()
    threading.Timer(0.05, stop.set).start()
    clock.sleep(30)
    assert clock.monotonic() - before < 5
