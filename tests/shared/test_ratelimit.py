"""The token bucket."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ratelimit import TokenBucket


def test_no_limit_never_waits() -> None:
    bucket = TokenBucket(0)
    assert [bucket.reserve(0) for _ in range(1000)] == [0] * 1000
    bucket.give_back()


def test_a_burst_goes_at_once_and_the_rest_queues() -> None:
    bucket = TokenBucket(10, 3)
    assert [bucket.reserve(0) for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])


def test_tokens_come_back_with_time_but_no_more_than_the_burst() -> None:
    bucket = TokenBucket(10, 2)
    for _ in range(2):
        bucket.reserve(0)
    assert bucket.reserve(0.1) == pytest.approx(0, abs=1e-9)
    assert [bucket.reserve(100) for _ in range(3)] == pytest.approx([0, 0, 0.1])


def test_without_a_burst_as_many_as_a_second_has() -> None:
    assert [TokenBucket(0.5).reserve(0), TokenBucket(2.5).reserve(0)] == [0, 0]
    bucket = TokenBucket(2.5)
    assert [bucket.reserve(0) for _ in range(4)] == pytest.approx([0, 0, 0, 0.4])


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1, 1)
    assert [bucket.reserve(at) for at in (10, 10, 5)] == pytest.approx([0, 1, 2])


def test_a_token_given_back_is_there_for_the_next() -> None:
    bucket = TokenBucket(1, 1)
    bucket.reserve(0)
    bucket.give_back()
    assert bucket.reserve(0) == 0


@given(st.floats(min_value=0.1, max_value=100), st.integers(min_value=1, max_value=20), st.lists(st.floats(0, 10), max_size=60))
def test_in_no_stretch_of_time_go_more_than_burst_and_rate_allow(qps: float, burst: int, gaps: list[float]) -> None:
    bucket = TokenBucket(qps, burst)
    now, sent = 0.0, []
    for gap in gaps:
        now += gap
        sent.append(now + bucket.reserve(now))
    for first, begin in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + (sent[last] - begin) * qps + 1e-6


def test_threads_share_one_bucket() -> None:
    bucket = TokenBucket(1, 100)
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.extend(bucket.reserve(0) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([0.0] * 100 + [float(turn) for turn in range(1, 101)])
