"""The loop around a controller's turn: interval, signals, one report per failure, liveness, and the last-resort except.

A turn reads, decides, applies and counts; this module only repeats it.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType

from shared.clock import Clock
from shared.errors import ThriftError
from shared.health import Health
from shared.logs import one_line

LOG = logging.getLogger(__name__)

# A fleet of controllers that were rolled out together should not come to the API server together: up to this share of the
# interval.
_JITTER = 0.05
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# How far the wall clock may stray from the seconds that passed in a long rest before that rest is over: whoever waits for an
# instant has to look again after a jump.
_STRAY = timedelta(seconds=10)


@dataclass(frozen=True)
class TurnResult:
    """What one turn came to. `failures` are one-line messages; `summary` is the line that is logged at the end of the turn.

    `due` is the next instant at which something falls due that the turn knows of; `idle` says that until then nothing asks for
    another turn.
    """

    ok: bool = True
    changed: int = 0
    failures: tuple[str, ...] = ()
    summary: str = ""
    due: datetime | None = None
    idle: bool = False


@dataclass(frozen=True)
class Rhythm:
    """Seconds from the start of one turn to the next, usually and at the longest; or a single turn.

    With `longest` above `usual`, the rest after a turn that succeeded and was idle lasts up to `longest` seconds, and every rest
    ends exactly at the instant at which something falls due (`TurnResult.due`).
    """

    usual: float
    longest: float = 0.0
    once: bool = False


def run_loop(turn: Callable[[], TurnResult], *, rhythm: Rhythm, clock: Clock, health: Health, name: str) -> int:
    """Runs *turn* in *rhythm* until SIGTERM or SIGINT, or a single time.

    Returns the exit code: 1 where a single turn failed, else 0. The first signal sets `health.stop`, which everything that waits
    or feeds work watches; a second one ends the process at once with code 130.
    """
    report = _Report(name)
    with _signals(health.stop):
        while not health.stop.is_set():
            begun = clock.monotonic()
            health.begun(begun)
            result = _attempt(turn)
            report.tell(result)
            health.ended(clock.monotonic(), result.ok)
            if rhythm.once:
                return 0 if result.ok else 1
            _rest(begun, result, rhythm, clock, health)
    LOG.info("%s: stopped", name)
    return 0


def _attempt(turn: Callable[[], TurnResult]) -> TurnResult:
    try:
        return turn()
    except ThriftError as problem:
        return TurnResult(ok=False, failures=(str(problem),))
    except Exception as error:  # noqa: BLE001 - the last resort: a bug in one turn must not end the controller
        LOG.debug("unexpected error", exc_info=True)
        return TurnResult(ok=False, failures=(f"unexpected {type(error).__name__}: {error}{_place(error)}",))


def _place(error: BaseException) -> str:
    """Where the innermost frame of a bug is, so that one line is enough to report it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" (at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"


def _rest(begun: float, result: TurnResult, rhythm: Rhythm, clock: Clock, health: Health) -> None:
    """Waits for the start of the next turn: at least a hundredth of the interval, also after a turn that took too long."""
    if health.stop.is_set():
        return
    exact = rhythm.longest > rhythm.usual
    length = rhythm.longest if exact and result.ok and result.idle else rhythm.usual
    now, monotonic = clock.now(), clock.monotonic()
    seconds = begun + length * (1 + _JITTER * (2 * random.random() - 1)) - monotonic
    if exact and result.due is not None:
        seconds = min(seconds, (result.due - now).total_seconds())
    seconds = max(seconds, rhythm.usual / 100)
    health.resting(monotonic, seconds)
    if exact:
        _sleep_until(now + timedelta(seconds=seconds), rhythm.usual, clock, health)
    else:
        clock.sleep(seconds)


def _sleep_until(until: datetime, slice_: float, clock: Clock, health: Health) -> None:
    """Sleeps until the wall clock shows *until*, waking every *slice_* seconds to see whether it still runs evenly."""
    began, started = clock.now(), clock.monotonic()
    while not health.stop.is_set() and (left := (until - clock.now()).total_seconds()) > 0:
        clock.sleep(min(left, slice_))
        passed = timedelta(seconds=clock.monotonic() - started)
        if abs(clock.now() - began - passed) > _STRAY:
            LOG.info("the clock has jumped: the rest is over")
            return


class _Report:
    """Says a failure when it comes, when it changes and when it has gone; not every turn."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures: frozenset[str] = frozenset()

    def tell(self, result: TurnResult) -> None:
        failures = dict.fromkeys(one_line(failure) for failure in result.failures)
        if not result.ok and not failures:
            failures = {"the turn failed": None}
        for failure in failures:
            if failure not in self._failures:
                LOG.error("%s", failure)
        if self._failures and not failures:
            LOG.info("%s: recovered, the last turn had no failure", self._name)
        self._failures = frozenset(failures)
        if result.summary:
            LOG.info("%s", one_line(result.summary))


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set *stop*, a second one ends the process. Outside the main thread signals belong to somebody else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            os._exit(130)
        # Event.set takes a lock that the interrupted main thread may hold while it waits; another thread can always take it.
        threading.Thread(target=stop.set, name="stop", daemon=True).start()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
