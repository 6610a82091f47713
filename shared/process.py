"""One controller's process, wired: logs, clock, stop event, health, metrics, cluster, loop. What every `main` does the same way.

A controller's own main reads its flags, makes its configuration, says how it runs (`Running`) and hands a turn to `run`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

from shared.clock import Clock, SystemClock
from shared.cluster import Cluster, Connection
from shared.flags import Flags
from shared.health import Health
from shared.logs import setup_logging
from shared.loop import Rhythm, TurnResult, run_loop
from shared.metrics import Metrics, start_metrics_server
from shared.pages import Page
from shared.version import own_version


@dataclass(frozen=True)
class Running:
    """How a process runs: seconds from turn to turn, a single turn or many, seconds a turn may take, what it shows of itself.

    `max_interval` is for turns that know until when nothing falls due (`TurnResult.idle`). `dry_run` only says so in
    the metrics; the gate itself is that of the cluster's connection.
    """

    interval: float
    once: bool = False
    turn_timeout: float = 900.0
    metrics_port: int = 0
    debug: bool = False
    json_logs: bool = False
    max_interval: float = 0.0
    dry_run: bool = False

    @classmethod
    def from_flags(cls, flags: Flags) -> Running:
        """From the values of `shared.flags.add_common_flags`."""
        return cls(
            interval=flags.interval,
            once=flags.once,
            turn_timeout=flags.turn_timeout,
            metrics_port=flags.metrics_port,
            debug=flags.debug,
            json_logs=flags.json_logs,
            dry_run=flags.dry_run,
        )


class Process:
    """`clock` is the system's unless a test brings another."""

    def __init__(self, running: Running, *, component: str, clock: Clock | None = None) -> None:
        setup_logging(running.debug, running.json_logs)
        stop = threading.Event()
        self.component = component
        self.clock = clock or SystemClock(stop)
        self.metrics = Metrics(component, own_version(), self.clock)
        self.metrics.running(interval=running.interval, dry_run=running.dry_run)
        self.health = Health(
            running.interval,
            turn_deadline=running.turn_timeout,
            stop=stop,
            on_turn=self.metrics.turn_ended,
            on_rest=self.metrics.resting,
        )
        self._running = running

    def connect(self, connection: Connection) -> Cluster:
        """Raises UsageError; sends nothing."""
        return Cluster.connect(connection, clock=self.clock, stop=self.health.stop, observe=self.metrics.observe_request)

    def run(self, turn: Callable[[], TurnResult], cluster: Cluster | None = None, pages: Mapping[str, Page] | None = None) -> int:
        """Repeats *turn*, each with a deadline on *cluster* where one is given, and serves *pages* beside the metrics.

        Returns the exit code; raises UsageError.
        """
        port = self._running.metrics_port
        server = start_metrics_server(port, self.metrics, self.health, self.clock, pages=pages) if port else None

        def limited() -> TurnResult:
            with cluster.deadline(self._running.turn_timeout) if cluster is not None else nullcontext():
                return turn()

        try:
            return run_loop(
                limited,
                rhythm=Rhythm(self._running.interval, self._running.max_interval, self._running.once),
                clock=self.clock,
                health=self.health,
                name=self.component,
            )
        finally:
            if server is not None:
                server.close()
