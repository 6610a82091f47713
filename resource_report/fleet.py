"""Reads all clusters, several at a time, each with its own time limit; one out of reach keeps its last data, marked stale."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from resource_report.clusters import ClusterRef
from resource_report.collect import CollectSettings, Hooks, Memory, collect
from resource_report.notifications import Notification, Severity
from resource_report.rows import Snapshot
from resource_report.state import State
from shared.clock import Clock
from shared.cluster import Cluster, Observer
from shared.errors import ThriftError


@dataclass(frozen=True)
class FleetSettings:
    """`timeout` is seconds per cluster, `parallel` how many clusters are read at once; `use_cache` reads none that is stored."""

    collect: CollectSettings
    timeout: float = 300.0
    parallel: int = 4
    use_cache: bool = False


@dataclass
class Budget:
    """What a run asked of the API servers. A list counts once, however many pages it took."""

    calls: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    bytes: int = 0
    clusters: int = 0
    failed: int = 0


class Fleet:
    """The clusters of one process. Keeps each cluster's memory from run to run; not to be used from several threads."""

    def __init__(
        self, settings: FleetSettings, state: State, clock: Clock, stop: threading.Event, observe: Observer | None = None
    ) -> None:
        self._settings = settings
        self._state = state
        self._clock = clock
        self._stop = stop
        self._observe = observe
        self._lock = threading.Lock()
        self.memories: dict[str, Memory] = {}

    def read(self, refs: Sequence[ClusterRef], hooks: Hooks) -> tuple[list[Snapshot], Budget]:
        """One snapshot per cluster, in the order of *refs*."""
        budget = Budget()
        self.memories = {ref.id: self.memories.get(ref.id, Memory()) for ref in refs}
        if len(refs) == 1:
            # Memory that a thread's allocator has freed is of no use to the others: a single cluster needs no thread.
            return [self._one(refs[0], hooks, budget)], budget
        with ThreadPoolExecutor(self._settings.parallel, thread_name_prefix="cluster") as pool:
            return list(pool.map(lambda ref: self._one(ref, hooks, budget), refs)), budget

    def _one(self, ref: ClusterRef, hooks: Hooks, budget: Budget) -> Snapshot:
        if self._settings.use_cache and (stored := self._state.load(ref.id)):
            return stored
        try:
            snapshot = self._collect(ref, hooks, budget)
        except ThriftError as error:
            with self._lock:
                budget.failed += 1
            return self._stale(ref, str(error))
        try:
            self._state.save(snapshot)
        except OSError as error:
            message = f"its data could not be kept for later: {error.strerror or error}"
            note = Notification(Severity.WARNING, ref.id, "data path", message, "check --data-path and its permissions")
            snapshot.notifications = [*snapshot.notifications, note]
        return snapshot

    def _collect(self, ref: ClusterRef, hooks: Hooks, budget: Budget) -> Snapshot:
        mapping = replace(self._settings.collect.mapping, cluster=ref.id)
        settings = replace(self._settings.collect, mapping=mapping)
        with Cluster.connect(ref.connection, clock=self._clock, stop=self._stop, observe=self._observe) as cluster:
            try:
                with cluster.deadline(self._settings.timeout):
                    snapshot = collect(cluster, settings, hooks, self.memories[ref.id], self._clock)
            finally:
                with self._lock:
                    budget.calls += cluster.calls
                    budget.lists += cluster.list_sequences
                    budget.bytes += cluster.received
        with self._lock:
            budget.clusters += 1
        snapshot.name = ref.name
        return snapshot

    def _stale(self, ref: ClusterRef, error: str) -> Snapshot:
        """The last data of the cluster with the reason why it is the last; without any, a cluster of which nothing is known."""
        stored = self._state.load(ref.id)
        if stored is None:
            note = Notification(Severity.ERROR, ref.id, "cluster", f"could not be read, and there is no earlier data: {error}")
            server = ref.connection.server or ""
            return Snapshot(cluster=ref.id, name=ref.name, api_server_url=server, stale=True, error=error, notifications=[note])
        note = Notification(Severity.ERROR, ref.id, "cluster", f"could not be read, its data is of {stored.as_of}: {error}")
        stored.stale, stored.error = True, error
        stored.notifications = [*stored.notifications, note]
        return stored
