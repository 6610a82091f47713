"""Fills a store: nothing but the system's namespaces, the demo's fleet, or a static fleet of any size."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from shared.simcluster import defaults, demo_fleet, manifests, static_fleet
from shared.simcluster.live import Live, LiveSettings
from shared.simcluster.records import JsonObject
from shared.simcluster.store import Store
from shared.simcluster.templates import fraction
from shared.times import format_timestamp

Fleet = Literal["empty", "demo"] | int

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
# The demo's cluster has been running for this long when it is handed over, so that jobs, nodes and pods have a past.
SETTLING = timedelta(hours=6)


class _Standing:
    """A clock that stands where it is told: the living half is brought up to the present by its steps."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant


def load(store: Store, fleet: Fleet, seed: int, now: datetime) -> None:
    """Put *fleet* into an empty *store* as it stands at *now*.

    "empty": the system's namespaces. "demo": `demo_fleet`, its pods running on nodes. A number: that many deployments of
    five pods each with the nodes they need, written directly and not lived (see `static_fleet`).
    """
    with store.lock:
        for name in SYSTEM_NAMESPACES:
            _create(store, manifests.namespace(name), now - timedelta(days=400))
        if fleet == "demo":
            _load_demo(store, seed, now)
        elif isinstance(fleet, int):
            static_fleet.load(store, fleet, seed, now)


def _create(store: Store, obj: JsonObject, created: datetime) -> None:
    """Store *obj* with the API server's defaults, dated *created*. What is there already stays."""
    kind, resource = store.registry.of_object(obj["apiVersion"], obj["kind"])
    metadata = obj["metadata"]
    if store.record(kind, metadata.get("namespace"), metadata["name"]) is not None:
        return
    metadata["creationTimestamp"] = format_timestamp(created)
    defaults.apply(kind, obj, resource)
    store.create(resource, obj, trusted=True)


def _born(obj: JsonObject, seed: int, now: datetime) -> datetime:
    """Between three weeks and fourteen months ago, by name, to the second."""
    metadata = obj["metadata"]
    days = 21 + 400 * fraction("born", seed, obj["kind"], metadata.get("namespace"), metadata["name"])
    return now - timedelta(seconds=int(days * 86400))


def _load_demo(store: Store, seed: int, now: datetime) -> None:
    start = now - SETTLING
    for obj in demo_fleet.objects(now):
        if obj["kind"] == "Job":
            # Jobs are recent: an old one would have ended long ago.
            _create(store, obj, start)
            continue
        if obj["kind"] == "CronJob":
            obj["status"] = {"lastScheduleTime": format_timestamp(start)}
        namespaced = obj["kind"] != "Namespace"
        _create(store, obj, _born(obj, seed, now) if namespaced else now - timedelta(days=430))
    live = Live(store, _Standing(start), seed, LiveSettings())
    live.step(now)
    live.close()
