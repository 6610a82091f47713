"""What the living half of the cluster knows: a cache of the store, its indexes, work queues and timers.

Controllers read here and write through here, as real ones do through informers and work queues. Nothing in this module decides
anything.
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Conflict, NotFound, ThriftError
from shared.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Resource,
)
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject
from shared.simcluster.shelf import Change
from shared.simcluster.store import Store
from shared.simcluster.templates import controller_of
from shared.times import format_timestamp

_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace (empty for a cluster-scoped object) and name."""

Observer = Callable[[Resource, JsonObject | None, JsonObject | None], None]
"""Told of every change: the resource, the object before (None: new) and after (None: gone)."""

WATCHED: tuple[Resource, ...] = (
    NODES,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    CRON_JOBS,
    JOBS,
    PODS,
    PERSISTENT_VOLUME_CLAIMS,
    HORIZONTAL_POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
)
_BY_NAME = {resource.name: resource for resource in WATCHED}
_BY_KIND = {resource.kind: resource for resource in WATCHED}


def key_of(obj: JsonObject) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def only_status(before: JsonObject | None, after: JsonObject) -> bool:
    """Whether a change is a controller's own report: the spec is still the very same object, labels and annotations are equal."""
    if before is None or before["spec"] is not after["spec"]:
        return False
    old, new = before["metadata"], after["metadata"]
    return all(old.get(name) == new.get(name) for name in ("annotations", "labels", "deletionTimestamp", "ownerReferences"))


def owner_reference(owner: JsonObject) -> dict[str, Any]:
    """The reference with which *owner* controls an object it creates."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


class World:
    """The cache. Objects in it are never changed in place: a writer builds a new dict around the parts that stay.

    `now` is the simulated instant that is being lived; controllers know no other time.
    """

    def __init__(self, store: Store, now: datetime, seed: int = 1) -> None:
        self.store = store
        self.now = now
        self.seed = seed
        self.observers: list[Observer] = []
        self.queues: dict[str, set[Key]] = {}
        self.on_node: dict[str, dict[Key, JsonObject]] = {}
        self.pods_in: dict[str, dict[Key, JsonObject]] = {}
        self._objects: dict[str, dict[Key, JsonObject]] = {resource.name: {} for resource in WATCHED}
        self._children: dict[tuple[str, str], dict[Key, JsonObject]] = {}
        self._timers: list[tuple[datetime, str, Key]] = []
        self._set: dict[tuple[str, Key], datetime] = {}
        self._inbox: deque[tuple[datetime, Resource, Change]] = deque()
        self._writing: tuple[Resource, Key] | None = None

    # Reading

    def objects(self, resource: Resource) -> dict[Key, JsonObject]:
        return self._objects[resource.name]

    def get(self, resource: Resource, key: Key) -> JsonObject | None:
        return self._objects[resource.name].get(key)

    def children(self, resource: Resource, owner: JsonObject) -> list[JsonObject]:
        """The objects of *resource* that *owner* controls, in order of name."""
        found = self._children.get((resource.name, owner["metadata"]["uid"]))
        return [found[key] for key in sorted(found)] if found else []

    def owner(self, obj: JsonObject) -> JsonObject | None:
        """The controller of *obj*, if it is of a kind that lives here and still the same object."""
        reference = controller_of(obj)
        resource = _BY_KIND.get(reference["kind"]) if reference else None
        if reference is None or resource is None:
            return None
        found = self.get(resource, (obj["metadata"].get("namespace") or "", reference["name"]))
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None

    @property
    def timestamp(self) -> str:
        return format_timestamp(self.now)

    # Writing

    def create(self, resource: Resource, obj: JsonObject) -> JsonObject:
        """Store a complete new object, created now."""
        obj["metadata"].setdefault("creationTimestamp", self.timestamp)
        self._writing = (resource, key_of(obj))
        try:
            stored = self.store.create(resource, obj, trusted=True)
        finally:
            self._writing = None
        self._apply(resource, stored)
        return stored

    def replace(self, resource: Resource, obj: JsonObject) -> bool:
        """Store *obj* over the version it was built from. False where somebody else wrote first: that change is on its way."""
        self._writing = (resource, key_of(obj))
        try:
            stored = self.store.update(resource, {**obj, "metadata": dict(obj["metadata"])}, trusted=True)
        except (Conflict, NotFound):
            return False
        finally:
            self._writing = None
        self._apply(resource, stored)
        return True

    def set_status(self, resource: Resource, obj: JsonObject, status: JsonObject) -> bool:
        """Write *status* if it differs; says whether it did."""
        if obj.get("status") == status:
            return False
        return self.replace(resource, {**obj, "status": status})

    def merge(self, resource: Resource, key: Key, patch: JsonObject) -> None:
        """A merge patch by the API's own rules (generation, defaults), as a client would send it."""
        self.store.merge(resource, key[0] or None, key[1], patch)
        self.receive()

    def delete(self, resource: Resource, obj: JsonObject) -> None:
        """Delete *obj* if it is still the same; what it owns goes with it."""
        namespace, name = key_of(obj)
        try:
            self.store.delete(resource, namespace or None, name, uid=obj["metadata"]["uid"])
        except (Conflict, NotFound):
            return
        self.receive()

    # Hearing of changes

    def start(self) -> None:
        """Take in all that is stored and follow it from here."""
        self.store.after_commit.append(self._heard)
        for resource in WATCHED:
            for record in self.store.records(self.store.type_of(resource)):
                self._apply(resource, record.decoded(resource.api_version, resource.kind))

    def stop(self) -> None:
        self.store.after_commit.remove(self._heard)

    def _heard(self, kind: Type, change: Change) -> None:
        resource = _BY_NAME.get(kind.key)
        if resource is None:
            return
        # What is written from here is taken in by the writer; what else that write brings about (a last finalizer off) is news.
        record = change.record
        if change.kind == "DELETED" or self._writing != (resource, (record.namespace, record.name)):
            self._inbox.append((self.store.clock.now(), resource, change))

    def next_arrival(self) -> datetime | None:
        """When the oldest change that was not taken in yet was made."""
        return self._inbox[0][0] if self._inbox else None

    def receive(self, until: datetime | None = None) -> None:
        """Take in what others wrote, up to *until* (None: all)."""
        while self._inbox and (until is None or self._inbox[0][0] <= until):
            _, resource, change = self._inbox.popleft()
            record = change.record
            if change.kind == "DELETED":
                self._forget(resource, (record.namespace, record.name))
            else:
                self._apply(resource, record.decoded(resource.api_version, resource.kind))

    def _apply(self, resource: Resource, obj: JsonObject) -> None:
        key = key_of(obj)
        space = self._objects[resource.name]
        before = space.get(key)
        if before is not None:
            self._unindex(resource, key, before)
        space[key] = obj
        reference = controller_of(obj)
        if reference is not None:
            self._children.setdefault((resource.name, reference["uid"]), {})[key] = obj
        if resource is PODS:
            self.pods_in.setdefault(key[0], {})[key] = obj
            if obj["spec"].get("nodeName"):
                self.on_node.setdefault(obj["spec"]["nodeName"], {})[key] = obj
        for observer in self.observers:
            observer(resource, before, obj)

    def _forget(self, resource: Resource, key: Key) -> None:
        before = self._objects[resource.name].pop(key, None)
        if before is None:
            return
        self._unindex(resource, key, before)
        for observer in self.observers:
            observer(resource, before, None)

    def _unindex(self, resource: Resource, key: Key, obj: JsonObject) -> None:
        reference = controller_of(obj)
        if reference is not None:
            _drop(self._children, (resource.name, reference["uid"]), key)
        if resource is PODS:
            _drop(self.pods_in, key[0], key)
            _drop(self.on_node, obj["spec"].get("nodeName"), key)

    # Work

    def queue(self, controller: str, key: Key) -> None:
        """Have *controller* look at *key* in this instant."""
        self.queues.setdefault(controller, set()).add(key)

    def queue_all(self, controller: str, keys: Iterable[Key]) -> None:
        self.queues.setdefault(controller, set()).update(keys)

    def take(self, controller: str) -> list[Key]:
        """The keys queued for *controller*, sorted so that every run does the same; the queue is empty afterwards."""
        waiting = self.queues.get(controller)
        if not waiting:
            return []
        found = sorted(waiting)
        waiting.clear()
        return found

    def at(self, when: datetime, controller: str, key: Key) -> None:
        """Queue *key* for *controller* at *when*; an earlier timer for the same stays, a later one is brought forward."""
        when = max(when, self.now)
        known = self._set.get((controller, key))
        if known is not None and known <= when:
            return
        self._set[controller, key] = when
        heapq.heappush(self._timers, (when, controller, key))

    def after(self, seconds: float, controller: str, key: Key) -> None:
        self.at(self.now + timedelta(seconds=seconds), controller, key)

    def next_timer(self) -> datetime | None:
        """The instant of the next timer, past timers that were brought forward."""
        while self._timers and self._set.get(self._timers[0][1:]) != self._timers[0][0]:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def ring(self) -> None:
        """Queue what is due at `now`."""
        due = self.next_timer()
        while due is not None and due <= self.now:
            _, controller, key = heapq.heappop(self._timers)
            del self._set[controller, key]
            self.queue(controller, key)
            due = self.next_timer()


class Controller:
    """The base of all controllers: one queue of keys, looked at one by one.

    What one object's content makes go wrong is said and ends there: a tenant's odd manifest must not stop the others.
    """

    name = ""

    def __init__(self, world: World) -> None:
        self._world = world

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        """Queue what a change makes necessary."""

    def sync(self, key: Key) -> None:
        """Bring one object closer to what it should be; called again until nothing changes."""

    def run(self, keys: list[Key]) -> None:
        for key in keys:
            try:
                self.sync(key)
            except (ThriftError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
                _logger.warning("%s controller: %s: %s: %s", self.name, "/".join(key), type(problem).__name__, problem)

    def _queue_changed(self, before: JsonObject | None, after: JsonObject) -> None:
        """Queue *after*, unless the change is no more than the status that this controller wrote."""
        if not only_status(before, after):
            self._world.queue(self.name, key_of(after))

    def _queue_owner(self, kind: str, obj: JsonObject | None) -> None:
        """Queue the controller of *obj* if it is of *kind*."""
        reference = controller_of(obj)
        if obj is not None and reference is not None and reference["kind"] == kind:
            self._world.queue(self.name, (key_of(obj)[0], reference["name"]))


def _drop(index: dict[Any, dict[Key, JsonObject]], outer: object, key: Key) -> None:
    inner = index.get(outer)
    if inner is not None:
        inner.pop(key, None)
        if not inner:
            del index[outer]
