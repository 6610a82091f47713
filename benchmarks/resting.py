"""A day of the downscaler on the demo's live fleet, polling every 30 seconds and with --max-interval=1h: turns and requests.

Run: python -m benchmarks.resting

The process's own loop runs on the simulated clock, some minutes of real time. Both ways have to write as much in the same
minutes, which the last line says: a rest that missed an edge would show here.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from downscaler.config import read_config
from downscaler.main import report_of, run_once
from downscaler.memory import Memory
from shared.cluster import Cluster
from shared.health import Health
from shared.loop import Rhythm, TurnResult, run_loop
from shared.metrics import Metrics
from shared.simcluster import SimCluster

# A Tuesday, at midnight.
START = datetime(2027, 3, 23, tzinfo=UTC)
DAY = timedelta(days=1)
_KINDS = "--include-resources=deployments,statefulsets,cronjobs"


class _Lived:
    """The clock of an embedded cluster that lives on while somebody sleeps, until the day is over."""

    def __init__(self, sim: SimCluster, health: Health) -> None:
        self._sim, self._health = sim, health

    def now(self) -> datetime:
        return self._sim.clock.now()

    def monotonic(self) -> float:
        return self._sim.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._sim.advance(timedelta(seconds=seconds))
        if self.now() >= START + DAY:
            self._health.stop.set()


@dataclass(frozen=True)
class Day:
    """What one day came to. `written` is how many objects were patched in each minute."""

    turns: int
    requests: Counter[str]
    written: Counter[str]
    seconds: float


def live(*argv: str) -> Day:
    """A day of a downscaler with the flags *argv*."""
    began = time.perf_counter()
    config = read_config([_KINDS, *argv], {})
    turns, written = 0, Counter[str]()
    with SimCluster(start=START, fleet="demo", live=True) as sim:
        sim.clear_requests()
        health, memory = Health(config.interval), Memory()
        clock = _Lived(sim, health)
        with Cluster.connect(sim.connection(None), clock=clock) as cluster:
            report = report_of(config, Metrics("kube-downscaler", "benchmark", clock), START, None)

            def turn() -> TurnResult:
                nonlocal turns
                turns += 1
                now = clock.now()
                memory.tick(now, clock.monotonic())
                result = run_once(cluster, config, now, report, memory)
                if result.changed:
                    written[f"{now:%H:%M}"] += result.changed
                return result

            run_loop(turn, rhythm=Rhythm(config.interval, config.max_interval), clock=clock, health=health, name="benchmark")
        requests = Counter(request.verb for request in sim.requests)
    return Day(turns, requests, written, time.perf_counter() - began)


def main() -> None:
    """Prints one row per way, and what the second saves."""
    days = {}
    for label, argv in (("every 30 s", ()), ("--max-interval=1h", ("--max-interval=1h",))):
        day = days[label] = live(*argv)
        counts = " ".join(f"{verb}={count}" for verb, count in sorted(day.requests.items()))
        print(f"{label:<20} {day.turns:5} turns {day.requests.total():6} requests   {counts}   ({day.seconds:.0f} s real time)")
        print(f"{'':<20} written: {', '.join(f'{at} {number}' for at, number in sorted(day.written.items()))}")
    polled, rested = days.values()
    same = "the same" if polled.written == rested.written else "OTHER"
    print(f"requests saved: {1 - rested.requests.total() / polled.requests.total():.0%}, {same} writes in each minute")


if __name__ == "__main__":
    main()
