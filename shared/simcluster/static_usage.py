"""Usage of pods that nobody lives for: the daily curve of `usage.py`, computed from the stored objects when it is asked for.

Made for fleets of tens of thousands of pods: of each pod only what the figures need is decoded, and node sums are kept for five
minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypedDict

import msgspec

from shared.kinds import NODES, PODS
from shared.simcluster.instance_types import MIB
from shared.simcluster.records import JsonObject, Record
from shared.simcluster.store import Store
from shared.simcluster.usage import usage_of

# What a node's own services (kubelet, container runtime, kernel) use beside its pods.
SYSTEM_CORES = 0.06
SYSTEM_BYTES = 350.0 * MIB
_KEEP_SECONDS = 300
# A metrics server looks at each node every quarter of a minute; in between, its figures stand still. It also lets everything that
# depends on the instant be computed once for all pods of one answer.
_SCRAPE_SECONDS = 15

Containers = dict[str, dict[str, float]]


class _Owner(TypedDict, total=False):
    kind: str
    name: str
    controller: bool


class _Metadata(TypedDict, total=False):
    name: str
    namespace: str
    annotations: dict[str, str]
    ownerReferences: list[_Owner]


class _Container(TypedDict, total=False):
    name: str
    resources: dict[str, Any]
    restartPolicy: str


class _Spec(TypedDict, total=False):
    nodeName: str
    restartPolicy: str
    containers: list[_Container]
    initContainers: list[_Container]


class _Status(TypedDict, total=False):
    phase: str


class _Rest(TypedDict, total=False):
    spec: _Spec
    status: _Status


_META = msgspec.json.Decoder(_Metadata)
_REST = msgspec.json.Decoder(_Rest)


class StaticUsage:
    """A source of usage for the metrics API (see `Live` for the other one), over whatever *store* holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes: dict[str, dict[str, float]] = {}
        self._made: tuple[int, int] = (-1, -1)
        # What the last scrape found, so that pods and nodes are not worked out twice.
        self._found: dict[tuple[str, str], tuple[str, Containers]] = {}
        self._found_at: tuple[int, datetime | None] = (-1, None)

    def pod_usage(self, namespace: str, name: str, now: datetime | None = None) -> Containers | None:
        """{container: {"cpu": cores, "memory": bytes}}; None for a pod that does not run or is not there."""
        with self._store.lock:
            record = self._store.record(self._store.type_of(PODS), namespace, name)
            return (self._figures(record, now or self._scraped())[1] or None) if record is not None else None

    def node_usage(self, name: str, now: datetime | None = None) -> dict[str, float] | None:
        """{"cpu": cores, "memory": bytes} of all pods on a node and its own services; None for a node that is not there."""
        instant = now or self._scraped()
        with self._store.lock:
            made = (self._store.rv, int(instant.timestamp()) // _KEEP_SECONDS)
            if made != self._made:
                self._nodes, self._made = self._sums(instant), made
            if self._store.record(self._store.type_of(NODES), "", name) is None:
                return None
        found = self._nodes.get(name, {"cpu": 0.0, "memory": 0.0})
        return {"cpu": found["cpu"] + SYSTEM_CORES, "memory": found["memory"] + SYSTEM_BYTES}

    def _scraped(self) -> datetime:
        now = self._store.clock.now()
        return datetime.fromtimestamp(now.timestamp() // _SCRAPE_SECONDS * _SCRAPE_SECONDS, UTC)

    def _sums(self, now: datetime) -> dict[str, dict[str, float]]:
        sums: dict[str, dict[str, float]] = defaultdict(lambda: {"cpu": 0.0, "memory": 0.0})
        for node, figures in self._running(now):
            for each in figures.values():
                sums[node]["cpu"] += each["cpu"]
                sums[node]["memory"] += each["memory"]
        return dict(sums)

    def _running(self, now: datetime) -> Iterator[tuple[str, Containers]]:
        for record in self._store.records(self._store.type_of(PODS)):
            node, figures = self._figures(record, now)
            if figures:
                yield node, figures

    def _figures(self, record: Record, now: datetime) -> tuple[str, Containers]:
        """The node and the figures of one pod; the figures are empty for one that does not run."""
        if (self._store.rv, now) != self._found_at:
            self._found.clear()
            self._found_at = (self._store.rv, now)
        key = (record.namespace, record.name)
        if key not in self._found:
            pod = self._decoded(record)
            self._found[key] = (pod["spec"].get("nodeName", ""), usage_of(pod, now))
        return self._found[key]

    def _decoded(self, record: Record) -> JsonObject:
        """Of a pod only what its usage depends on: a tenth of the work of decoding it whole."""
        rest = _REST.decode(b"{%b}" % record.rest)
        return {"metadata": _META.decode(record.meta), "spec": rest["spec"], "status": rest.get("status", {})}
