"""The objects of the embedded cluster: reads, and the one place where a write is committed.

The rules of a write (defaults, validation, preconditions, finalizers, garbage collection) are in `writes.py` and `deletion.py`;
this module gives them records, a resourceVersion and the change log. Everything runs synchronously under `lock`.
"""

from __future__ import annotations

import heapq
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypedDict, Unpack

from shared.kinds import Resource
from shared.simcluster import conversion, deletion, writes
from shared.simcluster.catalog import Type
from shared.simcluster.clock import SimClock
from shared.simcluster.records import JsonObject, Record, make_record
from shared.simcluster.refusals import expired, not_found
from shared.simcluster.registry import Registry
from shared.simcluster.shelf import Change, Shelf
from shared.times import format_timestamp

# Named here because `Store.list` takes the name of the type inside the class.
Objects = list[JsonObject]
Changes = list[tuple[str, Resource, str, str]]


class DeleteOptions(TypedDict, total=False):
    """What a delete may say: propagation `Background`, `Foreground` or `Orphan`, and the preconditions that must hold."""

    propagation: str
    uid: str | None
    resource_version: str | None
    dry_run: bool


class Store:
    """All objects, under one lock. Objects go in and come out as dicts; what comes out is a copy.

    Errors are those of `shared.errors`: NotFound, AlreadyExists, Conflict, Gone, Invalid, Forbidden.
    """

    def __init__(self, clock: SimClock, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.registry = Registry()
        self.random = random.Random(seed)
        self.rv = 1
        self.owned: dict[str, set[tuple[str, str, str]]] = {}
        self.uids: dict[str, tuple[str, str, str]] = {}
        self._shelves: dict[str, Shelf] = {}
        self._listeners: list[Callable[[str], None]] = []
        self.after_commit: list[Callable[[Type, Change], None]] = []

    # Reading

    def type_of(self, resource: Resource) -> Type:
        return self.registry.of(resource)

    def shelf(self, kind: Type) -> Shelf:
        shelf = self._shelves.get(kind.key)
        if shelf is None:
            shelf = self._shelves[kind.key] = Shelf()
        return shelf

    def record(self, kind: Type, namespace: str | None, name: str) -> Record | None:
        return self.shelf(kind).get(namespace or "", name)

    def records(self, kind: Type, namespace: str | None = None) -> list[Record]:
        return list(self.shelf(kind).records(namespace))

    def decoded(self, kind: Type, resource: Resource, record: Record) -> JsonObject:
        """*record* as a client of *resource*'s version sees it."""
        own = kind.resource
        obj = record.decoded(own.api_version, own.kind)
        return obj if (own.group, own.version) == (resource.group, resource.version) else conversion.outward(obj, resource)

    def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject:
        """A fresh copy. NotFound where there is none."""
        with self.lock:
            kind = self.type_of(resource)
            record = self.record(kind, namespace, name)
            if record is None:
                raise not_found(resource, name)
            return self.decoded(kind, resource, record)

    def list(self, resource: Resource, namespace: str | None = None) -> Objects:
        """Fresh copies in order of namespace and name; *namespace* None means all."""
        with self.lock:
            kind = self.type_of(resource)
            return [self.decoded(kind, resource, record) for record in self.shelf(kind).records(namespace)]

    def names(self, resource: Resource, namespace: str | None = None) -> Iterator[Record]:
        """The records (name, namespace, labels, rv, uid, owners, fields), nothing decoded. A snapshot: writing meanwhile is
        fine.
        """
        with self.lock:
            return iter(self.records(self.type_of(resource), namespace))

    def count(self, resource: Resource) -> int:
        return len(self.shelf(self.type_of(resource)))

    def resources(self) -> tuple[Resource, ...]:
        """Every stored type, in its storage version."""
        return tuple(kind.resource for kind in self.registry if not kind.virtual)

    def resource_for(self, name: str, group: str | None = None) -> Resource:
        """By plural, kind, singular or short name. NotFound where nobody serves it."""
        return self.registry.named(name, group)

    def changes_since(self, rv: int) -> Changes:
        """(ADDED | MODIFIED | DELETED, resource, namespace, name) of every write after *rv*, oldest first; `store.rv` is the next
        start.

        Gone where the history does not reach back that far: list again.
        """
        with self.lock:
            found = []
            for kind in self.registry:
                shelf = self._shelves.get(kind.key)
                if shelf is None:
                    continue
                if rv < shelf.floor:
                    raise expired(f"too old resource version: {rv} ({shelf.floor})")
                found.append([(change, kind.resource) for change in shelf.since(rv)])
            merged = heapq.merge(*found, key=lambda pair: pair[0].rv)
            return [(change.kind, resource, change.record.namespace, change.record.name) for change, resource in merged]

    # Writing

    def create(self, resource: Resource, obj: JsonObject, *, trusted: bool = False) -> JsonObject:
        """Store a new object and return it as stored.

        *trusted* skips validation, defaults and copies: the object must be complete, is not used afterwards by the caller, and is
        returned as it was given (with uid, resourceVersion and creationTimestamp filled in).
        """
        with self.lock:
            if trusted:
                return writes.load(self, self.type_of(resource), obj)
            return writes.create(self, resource, obj)

    def update(self, resource: Resource, obj: JsonObject, *, subresource: str | None = None, trusted: bool = False) -> JsonObject:
        """Replace an object; `metadata.resourceVersion`, if given, is the precondition (Conflict).

        With *subresource* "status" only the status is taken, without it everything but the status.
        *trusted* takes all of it as it is, without rules and copies, and returns the object given with its new resourceVersion.
        """
        with self.lock:
            if trusted:
                return writes.replace(self, self.type_of(resource), obj)
            return writes.update(self, resource, obj, writes.Options(subresource=subresource))

    def merge(
        self, resource: Resource, namespace: str | None, name: str, patch: JsonObject, *, subresource: str | None = None
    ) -> JsonObject:
        """Apply a JSON merge patch; `metadata.resourceVersion` in it is a precondition."""
        with self.lock:
            options = writes.Options(subresource=subresource)
            return writes.patch(self, resource, (namespace or "", name), writes.merger(patch), options)

    def delete(self, resource: Resource, namespace: str | None, name: str, **options: Unpack[DeleteOptions]) -> JsonObject | None:
        """Delete an object and what it owns. None when it is gone, the object when finalizers still hold it."""
        with self.lock:
            wish = deletion.Wish(
                propagation=options.get("propagation", "Background"),
                uid=options.get("uid"),
                resource_version=options.get("resource_version"),
                dry_run=options.get("dry_run", False),
            )
            return deletion.delete(self, resource, (namespace or "", name), wish)

    def compact(self) -> None:
        """Forget every change so far: watches and continue tokens from before answer 410."""
        with self.lock:
            for shelf in self._shelves.values():
                shelf.forget(self.rv)
        self._tell("")

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call *listener* with the type's key after each commit, under the lock: it must only set a flag. Returns the way out."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # Committing: for the rules' modules

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def timestamp(self) -> str:
        return format_timestamp(self.clock.now())

    def commit(self, kind: Type, obj: JsonObject, before: Record | None) -> Record:
        """Store *obj* under the next resourceVersion and log the change. All rules have been applied."""
        self.rv += 1
        record = make_record(obj, self.rv, kind.fields)
        self._index(kind, record, before)
        shelf = self.shelf(kind)
        shelf.put(record)
        self._log(kind, shelf, Change(self.rv, "ADDED" if before is None else "MODIFIED", record, before))
        return record

    def remove(self, kind: Type, record: Record) -> Record:
        """Take *record* away; the DELETED event carries the object with a resourceVersion of its own, as etcd's does."""
        self.rv += 1
        shelf = self.shelf(kind)
        shelf.drop(record)
        self.uids.pop(record.uid, None)
        place = (kind.key, record.namespace, record.name)
        for owner in record.owners:
            self._disown(owner, place)
        last = make_record(record.decoded("", ""), self.rv, kind.fields)
        self._log(kind, shelf, Change(self.rv, "DELETED", last, record))
        return last

    def _log(self, kind: Type, shelf: Shelf, change: Change) -> None:
        shelf.log(change)
        for hook in self.after_commit:
            hook(kind, change)
        self._tell(kind.key)

    def _tell(self, key: str) -> None:
        for listener in self._listeners:
            listener(key)

    def _index(self, kind: Type, record: Record, before: Record | None) -> None:
        place = (kind.key, record.namespace, record.name)
        self.uids[record.uid] = place
        if before is not None and before.owners == record.owners:
            return
        for owner in before.owners if before is not None else ():
            self._disown(owner, place)
        for owner in record.owners:
            self.owned.setdefault(owner, set()).add(place)

    def _disown(self, owner: str, place: tuple[str, str, str]) -> None:
        places = self.owned.get(owner)
        if places is not None:
            places.discard(place)
            if not places:
                del self.owned[owner]


RV_OF: Callable[[Any], int] = attrgetter("rv")
