"""Lists of any size in flat memory: page after page, each decoded straight into the fields that are read.

A page that was yielded is gone; of the objects before it only a number each (8 bytes) is remembered, for a list that has to start
again.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from shared.errors import Gone, ValueProblem
from shared.failures import misshapen
from shared.kinds import Resource
from shared.objects import Meta, Object, Struct
from shared.transport import JSON, METADATA_LIST, Call, Transport, decoder

LOG = logging.getLogger(__name__)

T = TypeVar("T")
ObjectT = TypeVar("ObjectT", bound=Object)
OnProblem = Callable[[Object, ValueProblem], None]

# A list that expires this often before it ends is given up: the server compacts faster than we can read.
_MAX_RESTARTS = 5


@dataclass(frozen=True)
class Query:
    """What to list: in one namespace or (None) in all of them; `selectors` are query parameters."""

    resource: Resource
    namespace: str | None = None
    selectors: dict[str, str] = field(default_factory=dict)
    page_size: int = 1000
    metadata_only: bool = False

    def call(self, token: str) -> Call:
        """The request for one page. No resourceVersion is sent: each list is as fresh as the server's own store."""
        params = {"limit": str(self.page_size), **self.selectors}
        if token:
            params["continue"] = token
        subject = f"{self.resource.plural} in {self.namespace}" if self.namespace else self.resource.plural
        accept = METADATA_LIST if self.metadata_only else JSON
        path = self.resource.path(self.namespace)
        return Call(verb="list", method="GET", path=path, subject=subject, params=params, accept=accept)


class _ListMeta(Struct, frozen=True):
    continue_: str = msgspec.field(default="", name="continue")


class _Page(Struct, Generic[T], frozen=True):
    metadata: _ListMeta = _ListMeta()
    # Servers written in Go send null for an empty list.
    items: list[T] | None = None


def list_objects(transport: Transport, query: Query, as_type: type[ObjectT], on_problem: OnProblem | None) -> Iterator[ObjectT]:
    """Every object that *query* finds, once. Raises ClusterError; an object that does not decode goes to *on_problem*."""
    decode = _page_decoder(as_type, _Report(query.resource.plural, on_problem))
    seen = array("q")
    yielded_before: frozenset[int] = frozenset()
    token, restarts = "", 0
    while True:
        try:
            page = transport.send(query.call(token), decode)
        except Gone:
            # The server has forgotten this list (its etcd was compacted). A new one shows newer states of the rest.
            if not token or restarts >= _MAX_RESTARTS:
                raise
            token, restarts = "", restarts + 1
            yielded_before |= frozenset(seen)
            continue
        token = page.metadata.continue_
        items = page.items or []
        del page
        items.reverse()
        while items:
            # Popping gives each object's memory back as soon as the caller is through with it.
            item = items.pop()
            identity = hash(item.metadata.uid or item.key)
            if identity in yielded_before:
                continue
            if token:
                seen.append(identity)
            yield item
            del item
        if not token:
            return


def _page_decoder(as_type: type[ObjectT], report: _Report) -> Callable[[bytes], _Page[ObjectT]]:
    whole: Callable[[bytes], _Page[ObjectT]] = decoder(_Page[as_type])  # type: ignore[valid-type]  # made at run time

    def decode(content: bytes) -> _Page[ObjectT]:
        try:
            return whole(content)
        except msgspec.ValidationError:
            return _decode_one_by_one(content, as_type, report)

    return decode


def _decode_one_by_one(content: bytes, as_type: type[ObjectT], report: _Report) -> _Page[ObjectT]:
    """A page with an object that is not shaped as expected: the others are as good as ever."""
    raw: _Page[msgspec.Raw] = decoder(_Page[msgspec.Raw])(content)
    items = []
    for item in raw.items or ():
        try:
            items.append(decoder(as_type)(item))
        except msgspec.ValidationError as error:
            report.tell(_identity(item), misshapen(error))
    return _Page(metadata=raw.metadata, items=items)


class _Report:
    """Tells of each broken object once, also when a list starts again: the caller if it wants to know, else the log."""

    def __init__(self, kind: str, on_problem: OnProblem | None) -> None:
        self._kind = kind
        self._on_problem = on_problem
        self._told: set[tuple[str, str, str]] = set()

    def tell(self, obj: Object, problem: ValueProblem) -> None:
        mark = (obj.key, obj.metadata.uid, str(problem))
        if mark in self._told:
            return
        self._told.add(mark)
        if self._on_problem is not None:
            self._on_problem(obj, problem)
        else:
            LOG.warning("%s %s: left out: %s", self._kind, obj.key, problem)


class _Identity(Struct, frozen=True):
    """As much of an object's metadata as must be readable to name it."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""


class _Named(Struct, frozen=True):
    metadata: _Identity = _Identity()


def _identity(item: msgspec.Raw) -> Object:
    """All of the object's metadata if that is sound, else its name if that is, else nothing."""
    with suppress(msgspec.ValidationError):
        return decoder(Object)(item)
    with suppress(msgspec.ValidationError):
        known = decoder(_Named)(item).metadata
        return Object(metadata=Meta(name=known.name, namespace=known.namespace, uid=known.uid))
    return Object()
