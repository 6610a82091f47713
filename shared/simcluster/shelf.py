"""All objects of one type and the bounded history of their changes. Knows nothing of rules; the caller holds the lock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter

import msgspec

from shared.simcluster.records import Record

# Changes kept per type. A watcher further behind than this is told 410 and lists again, as after etcd's compaction.
HISTORY = 50_000

_BY_RV = attrgetter("rv")


class Change(msgspec.Struct, frozen=True, gc=False):
    """One committed write. `kind` is ADDED, MODIFIED or DELETED; `before` is what the write replaced, which selectors need."""

    rv: int
    kind: str
    record: Record
    before: Record | None


class Shelf:
    """Records by namespace and name, in API order (namespace, then name), and the log that watches read."""

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, Record]] = {}
        self._ordered: dict[str, list[str]] = {}
        self._namespaces: list[str] | None = None
        self.changes: list[Change] = []
        self.floor = 0
        """The newest resourceVersion whose change is no longer in `changes`: a watch from before it is refused."""

    def __len__(self) -> int:
        return sum(len(space) for space in self._spaces.values())

    def get(self, namespace: str, name: str) -> Record | None:
        space = self._spaces.get(namespace)
        return space.get(name) if space is not None else None

    def put(self, record: Record) -> None:
        space = self._spaces.get(record.namespace)
        if space is None:
            space = self._spaces[record.namespace] = {}
            self._namespaces = None
        if record.name not in space:
            self._ordered.pop(record.namespace, None)
        space[record.name] = record

    def drop(self, record: Record) -> None:
        space = self._spaces[record.namespace]
        del space[record.name]
        self._ordered.pop(record.namespace, None)
        if not space:
            del self._spaces[record.namespace]
            self._namespaces = None

    def records(self, namespace: str | None = None) -> Iterator[Record]:
        """In order of namespace and name; *namespace* None means all. Do not write while iterating (take a list first)."""
        if self._namespaces is None:
            self._namespaces = sorted(self._spaces)
        for each in self._namespaces if namespace is None else [namespace]:
            space = self._spaces.get(each)
            if space is None:
                continue
            names = self._ordered.get(each)
            if names is None:
                names = self._ordered[each] = sorted(space)
            yield from map(space.__getitem__, names)

    def log(self, change: Change) -> None:
        self.changes.append(change)
        if len(self.changes) > HISTORY * 5 // 4:
            self.forget(self.changes[len(self.changes) - HISTORY - 1].rv)

    def forget(self, rv: int) -> None:
        """Drop the changes up to and including *rv*."""
        self.floor = max(self.floor, rv)
        self.changes = self.changes[bisect_right(self.changes, rv, key=_BY_RV) :]

    def since(self, rv: int) -> list[Change]:
        """The changes after *rv*. The caller has compared *rv* with `floor`."""
        start = bisect_right(self.changes, rv, key=_BY_RV)
        return self.changes[start:]
