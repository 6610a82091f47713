"""One controller's process, wired: logs, clock, stop event, health, metrics, cluster, loop. What every `main` does the same way.

A controller's own main reads its flags, makes its configuration and hands a turn to `run`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from shared.clock import Clock, SystemClock
from shared.cluster import Cluster
from shared.flags import Flags, connection_from
from shared.health import Health
from shared.logs import setup_logging
from shared.loop import TurnResult, run_loop
from shared.metrics import Metrics, start_metrics_server


class Process:
    """Made from the values of `shared.flags.add_common_flags`. `clock` is the system's unless a test brings another."""

    def __init__(self, flags: Flags, *, component: str, version: str, clock: Clock | None = None) -> None:
        setup_logging(flags.debug, flags.json_logs)
        stop = threading.Event()
        self.component = component
        self.clock = clock or SystemClock(stop)
        self.metrics = Metrics(component, version, self.clock)
        self.health = Health(flags.interval, turn_deadline=flags.turn_timeout, stop=stop, on_turn=self.metrics.turn_ended)
        self._flags = flags
        self._version = version

    def connect(self) -> Cluster:
        """The cluster of the flags. Raises UsageError; sends nothing."""
        connection = connection_from(self._flags, component=self.component, version=self._version)
        return Cluster.connect(connection, clock=self.clock, stop=self.health.stop, observe=self.metrics.observe_request)

    def run(self, turn: Callable[[], TurnResult], cluster: Cluster) -> int:
        """Repeats *turn* as the flags say, each with a deadline on *cluster*. Returns the exit code; raises UsageError."""
        port = self._flags.metrics_port
        server = start_metrics_server(port, self.metrics, self.health, self.clock) if port else None

        def limited() -> TurnResult:
            with cluster.deadline(self._flags.turn_timeout):
                return turn()

        try:
            return run_loop(
                limited,
                interval=self._flags.interval,
                once=self._flags.once,
                clock=self.clock,
                health=self.health,
                name=self.component,
            )
        finally:
            if server is not None:
                server.close()
