"""A bounded pool: the same work on many items, fed lazily, one failure being a value among the results."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import ThriftError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, stop: threading.Event
) -> Iterator[tuple[Item, Result | ThriftError]]:
    """`(item, result or ThriftError)` in order of completion. At most twice *workers* items are taken ahead of the results.

    Once *stop* is set no further item is begun; those under way are finished and yielded. An error of *items* itself, and any
    exception of *work* that is no ThriftError, is raised here after the items under way have ended.
    """
    return _in_turn(work, items, stop) if workers <= 1 else _in_threads(work, items, workers, stop)


def _in_turn(
    work: Callable[[Item], Result], items: Iterable[Item], stop: threading.Event
) -> Iterator[tuple[Item, Result | ThriftError]]:
    for item in items:
        if stop.is_set():
            return
        try:
            result: Result | ThriftError = work(item)
        except ThriftError as problem:
            result = problem
        yield item, result


def _in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, stop: threading.Event
) -> Iterator[tuple[Item, Result | ThriftError]]:
    crew = _Crew(work, stop)
    feed = iter(items)
    broken: Exception | None = None
    exhausted = False
    with ThreadPoolExecutor(workers, thread_name_prefix="worker") as executor:
        try:
            while True:
                while crew.under_way < 2 * workers and not exhausted and not stop.is_set():
                    try:
                        crew.hand_out(executor, next(feed))
                    except StopIteration:
                        exhausted = True
                    except Exception as error:  # noqa: BLE001 - the items' own error: raised below, after what is under way
                        broken, exhausted = error, True
                if not crew.under_way:
                    break
                outcome = crew.collect()
                if outcome is not None:
                    yield outcome
        finally:
            # A consumer that stops reading, or a crash, must not let the rest of the queue go on writing.
            crew.dismissed = True
    if broken is not None:
        raise broken


@dataclass(frozen=True)
class _Crash:
    error: BaseException


class _Skipped:
    """The place of a result for an item that was never begun."""


class _Crew(Generic[Item, Result]):
    """Hands items to threads and collects what they come to. Only `_work` runs in the threads."""

    def __init__(self, work: Callable[[Item], Result], stop: threading.Event) -> None:
        self.under_way = 0
        self.dismissed = False
        self._work = work
        self._stop = stop
        self._done: queue.SimpleQueue[tuple[Item, Result | ThriftError | _Crash | _Skipped]] = queue.SimpleQueue()

    def hand_out(self, executor: ThreadPoolExecutor, item: Item) -> None:
        executor.submit(self._attempt, item)
        self.under_way += 1

    def collect(self) -> tuple[Item, Result | ThriftError] | None:
        """Waits for the next outcome; None for an item that was skipped. Raises what is no ThriftError."""
        item, outcome = self._done.get()
        self.under_way -= 1
        if isinstance(outcome, _Crash):
            raise outcome.error
        return None if isinstance(outcome, _Skipped) else (item, outcome)

    def _attempt(self, item: Item) -> None:
        outcome: Result | ThriftError | _Crash | _Skipped = _Skipped()
        if not (self._stop.is_set() or self.dismissed):
            try:
                outcome = self._work(item)
            except ThriftError as problem:
                outcome = problem
            except BaseException as error:  # noqa: BLE001 - carried to the consumer's thread and raised there
                outcome = _Crash(error)
        self._done.put((item, outcome))
