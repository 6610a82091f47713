"""Whole objects as plain JSON, for rules that look inside, for backups and for the last look before a deletion.

Everybody else reads metadata only. Pages are small, because a page of whole objects is held as dictionaries while it is worked
on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.cluster import Cluster
from shared.errors import Gone
from shared.kinds import Resource
from shared.names import check_name, check_namespace
from shared.objects import Object, Struct

# At 5 kB an object, ten times that as dictionaries, a page is about 10 MB.
PAGE_SIZE = 200
_RESTARTS = 3

Document = dict[str, Any]


class _ListMeta(Struct, frozen=True):
    next: str = msgspec.field(default="", name="continue")


class _Page(Struct, frozen=True):
    metadata: _ListMeta = _ListMeta()
    items: list[Any] | None = None


def list_whole(
    cluster: Cluster, resource: Resource, *, namespace: str | None = None, label_selector: str = ""
) -> Iterator[Document]:
    """Every object of *resource*. A list that expires half-way starts again and leaves out what was already given.

    Raises ClusterError while iterating.
    """
    path = resource.path(check_namespace(namespace) if namespace is not None else None)
    params = {"limit": str(PAGE_SIZE)} | ({"labelSelector": label_selector} if label_selector else {})
    given: set[str] = set()
    token, restarts = "", 0
    while True:
        try:
            page = cluster.get_json(path, _Page, params=params | ({"continue": token} if token else {}))
        except Gone:
            restarts += 1
            if not token or restarts > _RESTARTS:
                raise
            token = ""
            continue
        for item in page.items or ():
            uid = _uid(item)
            if isinstance(item, dict) and uid not in given:
                given.add(uid)
                yield item
        token = page.metadata.next
        if not token:
            return


def get_whole(cluster: Cluster, resource: Resource, namespace: str | None, name: str) -> Document:
    """One object. Raises NotFound and the other ClusterErrors, ValueProblem for a name that cannot be one."""
    home = check_namespace(namespace) if namespace else None
    return cluster.get_json(resource.path(home, check_name(name)), dict[str, Any])


def object_of(document: Document) -> Object:
    """The part of a whole object that metadata-only lists give. Raises msgspec.ValidationError for metadata of a wrong shape."""
    return msgspec.convert({"metadata": document.get("metadata") or {}}, Object)


def _uid(item: Any) -> str:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return str(metadata.get("uid", "")) if isinstance(metadata, dict) else ""
