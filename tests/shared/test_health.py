"""Liveness and readiness as the loop moves."""

from __future__ import annotations

import pytest

from shared.health import Health


@pytest.mark.parametrize(("interval", "turn_deadline", "limit"), [(30, 0, 150), (30, 900, 960), (1000, 900, 3060)])
def test_how_long_a_loop_may_be_silent(interval: float, turn_deadline: float, limit: float) -> None:
    assert Health(interval, turn_deadline=turn_deadline).limit == limit


def test_alive_as_long_as_turns_end_in_time() -> None:
    health = Health(10, grace=5)
    assert health.alive(1e9)
    health.begun(100)
    assert [health.alive(at) for at in (100, 135, 135.1)] == [True, True, False]
    health.ended(200, ok=False)
    health.begun(210)
    assert [health.alive(at) for at in (235, 236)] == [True, False]


def test_ready_from_the_first_success_on() -> None:
    health = Health(10)
    assert not health.ready()
    health.ended(1, ok=False)
    assert not health.ready()
    health.ended(2, ok=True)
    health.ended(3, ok=False)
    assert health.ready()


def test_turns_are_told_with_their_length() -> None:
    told: list[tuple[bool, float]] = []
    health = Health(10, on_turn=lambda ok, seconds: told.append((ok, seconds)))
    health.begun(100)
    health.ended(103, ok=True)
    health.begun(110)
    health.ended(110.5, ok=False)
    assert told == [(True, 3), (False, 0.5)]


def test_only_what_a_rest_lasts_beyond_the_interval_comes_on_top() -> None:
    rests: list[float] = []
    health = Health(10, grace=5, on_rest=rests.append)
    health.resting(0, 10)
    assert health.alive(1e9)
    health.begun(100)
    health.ended(101, ok=True)
    health.resting(101, 9)
    assert [health.alive(at) for at in (136, 137)] == [True, False]
    health.ended(140, ok=True)
    health.resting(140, 3600)
    # A turn that began when the rest was over is given as long as ever.
    assert [health.alive(at) for at in (3740, 3765, 3766)] == [True, True, False]
    health.begun(3740)
    health.ended(3741, ok=True)
    assert [health.alive(at) for at in (3776, 3777)] == [True, False]
    assert rests == [10, 9, 3600]
