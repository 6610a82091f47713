"""When a failed call is sent again."""

from __future__ import annotations

import pytest

from shared.errors import Throttled, Unavailable
from shared.retry import Failure, RetryPolicy, parse_retry_after

BROKEN = Failure(Unavailable("broken"), harmless=False)
REFUSED = Failure(Unavailable("refused"), harmless=True)
BUSY = Failure(Throttled("busy"), harmless=True)
POLICY = RetryPolicy(throttled=2, other=3, base=0.2, cap=1)


@pytest.mark.parametrize(
    ("failure", "repeats", "idempotent", "again"),
    [
        (BROKEN, 0, True, True),
        (BROKEN, 2, True, True),
        (BROKEN, 3, True, False),
        (BROKEN, 0, False, False),
        (REFUSED, 0, False, True),
        (BUSY, 1, False, True),
        (BUSY, 2, False, False),
        (Failure(Unavailable("x"), harmless=True, permanent=True), 0, True, False),
        (Failure(Throttled("x"), harmless=True, retry_after=61), 0, True, False),
        (Failure(Throttled("x"), harmless=True, retry_after=60), 0, True, True),
    ],
)
def test_only_what_is_safe_is_repeated_and_only_so_often(failure: Failure, repeats: int, idempotent: bool, again: bool) -> None:
    pause = POLICY.pause(failure, repeats=repeats, idempotent=idempotent, dice=0.5)
    assert (pause is not None) is again


@pytest.mark.parametrize(
    ("failure", "repeats", "dice", "pause"),
    [
        (BROKEN, 0, 0.0, 0.1),
        (BROKEN, 0, 1.0, 0.2),
        (BROKEN, 2, 1.0, 0.8),
        (Failure(Throttled("x"), harmless=True, retry_after=0), 0, 0.5, 0),
        (Failure(Throttled("x"), harmless=True, retry_after=3), 1, 0.0, 3),
        (Failure(Throttled("x"), harmless=True, retry_after=3), 1, 1.0, 3.3),
    ],
)
def test_pauses_double_and_the_servers_word_is_the_least(failure: Failure, repeats: int, dice: float, pause: float) -> None:
    assert POLICY.pause(failure, repeats=repeats, idempotent=True, dice=dice) == pytest.approx(pause)


def test_pauses_have_a_ceiling() -> None:
    policy = RetryPolicy(other=10_000)
    assert policy.pause(BROKEN, repeats=5000, idempotent=True, dice=1.0) == policy.cap


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("", None), ("2", 2), ("0", 0), ("1.5", 1.5), ("soon", None), ("-1", None), ("nan", None), ("inf", None)],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds
