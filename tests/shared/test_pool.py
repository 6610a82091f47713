"""The bounded pool."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from shared.errors import NotFound, ThriftError
from shared.pool import run_all

WORKERS = pytest.mark.parametrize("workers", [1, 4])


@WORKERS
def test_every_item_comes_back_once(workers: int) -> None:
    done = dict(run_all(lambda number: number * 2, range(500), workers, threading.Event()))
    assert done == {number: number * 2 for number in range(500)}


@WORKERS
def test_a_failure_of_ours_is_a_value(workers: int) -> None:
    def work(number: int) -> int:
        if number % 3 == 0:
            raise NotFound(f"{number} is gone")
        return number

    done = dict(run_all(work, range(30), workers, threading.Event()))
    assert sorted(number for number, result in done.items() if isinstance(result, ThriftError)) == list(range(0, 30, 3))
    assert str(done[9]) == "9 is gone"


@WORKERS
def test_any_other_error_is_raised_and_ends_the_rest(workers: int) -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise ZeroDivisionError
        return number

    with pytest.raises(ZeroDivisionError):
        list(run_all(work, range(10_000), workers, threading.Event()))
    assert len(begun) < 100


@WORKERS
def test_items_are_taken_only_as_there_is_room(workers: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield number

    results = run_all(lambda number: number, items(), workers, threading.Event())
    for count, _ in enumerate(results, 1):
        assert taken <= count + 2 * workers
        if count == 50:
            break
    results.close()  # type: ignore[attr-defined]
    assert taken <= 51 + 2 * workers


@WORKERS
def test_nothing_new_is_begun_after_stop_and_what_is_under_way_is_finished(workers: int) -> None:
    stop, begun, finished = threading.Event(), [], []

    def work(number: int) -> int:
        begun.append(number)
        if number == 10:
            stop.set()
        finished.append(number)
        return number

    done = [item for item, _ in run_all(work, range(10_000), workers, stop)]
    assert sorted(done) == sorted(finished) == sorted(begun)
    assert 11 <= len(done) <= 11 + workers


@WORKERS
def test_an_error_of_the_items_is_raised_after_what_is_under_way(workers: int) -> None:
    def items() -> Iterator[int]:
        yield from range(7)
        raise NotFound("the list broke")

    done = []

    def collect() -> None:
        for item, _ in run_all(lambda number: number, items(), workers, threading.Event()):
            done.append(item)

    with pytest.raises(NotFound, match="the list broke"):
        collect()
    assert sorted(done) == list(range(7))


@WORKERS
def test_nothing_to_do(workers: int) -> None:
    assert list(run_all(lambda number: number, [], workers, threading.Event())) == []


def test_work_goes_on_side_by_side_and_comes_back_as_it_ends() -> None:
    def work(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    begun = time.monotonic()
    order = [seconds for seconds, _ in run_all(work, [0.3, 0.2, 0.1, 0.05], 4, threading.Event())]
    assert time.monotonic() - begun < 0.6
    assert order == [0.05, 0.1, 0.2, 0.3]


def test_a_consumer_that_goes_away_ends_the_work() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01)
        return number

    results = run_all(work, range(1000), 2, threading.Event())
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(begun) <= 6
