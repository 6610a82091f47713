"""metadata.managedFields: who wrote last, by which operation, and which fields they own. Pure but for the object changed.

Kept lightly: an Apply entry holds every field it states, an Update entry only the fields that its writes changed after creation.
That is what server-side apply needs to find removals and conflicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from shared.kinds import Resource
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject, decode, encode
from shared.simcluster.strategic import MERGE_KEYS

# One step per element, spelled as FieldsV1 spells it: `f:spec`, `k:{"name":"web"}`, `v:"finalizer"`.
Path = tuple[str, ...]
_SETS = frozenset({"finalizers"})


class Entry(msgspec.Struct, frozen=True):
    """The identity of one entry."""

    manager: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    def same(self, other: Entry) -> bool:
        """Entries are merged regardless of the version they were written in."""
        return (self.manager, self.operation, self.subresource) == (other.manager, other.operation, other.subresource)


def entries(obj: Mapping[str, Any]) -> list[tuple[Entry, frozenset[Path]]]:
    """What *obj* says about its managers; entries that cannot be read are left out."""
    found = []
    for each in (obj.get("metadata") or {}).get("managedFields") or ():
        entry = Entry(each.get("manager", ""), each.get("operation", ""), each.get("apiVersion", ""), each.get("subresource", ""))
        found.append((entry, frozenset(_paths(each.get("fieldsV1") or {}))))
    return found


def _paths(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    for step, below in tree.items():
        if step == ".":
            continue
        path = (*prefix, step)
        inner = [each for each in below if each != "."] if isinstance(below, dict) else []
        if inner:
            yield from _paths(below, path)
        else:
            yield path


def _tree(paths: frozenset[Path]) -> JsonObject:
    root: JsonObject = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root


def list_key(items: list[Any], field: str, kind: Type | None) -> str | None:
    """How a list merges: by the name of a key, "" for a set of primitives, None for one atomic value."""
    if field in _SETS:
        return ""
    key = "port" if field == "ports" and kind is not None and kind.key == "services" else MERGE_KEYS.get(field)
    if kind is not None and kind.custom and field not in ("ownerReferences",):
        return None
    if key is None or not all(isinstance(each, dict) and key in each for each in items):
        return None
    return key


def leaves(obj: Mapping[str, Any], kind: Type | None, prefix: Path = ()) -> frozenset[Path]:
    """The leaf fields of *obj*."""
    found: set[Path] = set()
    for field, value in obj.items():
        found |= _below(value, (*prefix, f"f:{field}"), field, kind)
    return frozenset(found)


def _below(value: Any, path: Path, field: str, kind: Type | None) -> frozenset[Path]:
    if isinstance(value, dict) and value:
        return leaves(value, kind, path)
    if isinstance(value, list) and value:
        key = list_key(value, field, kind)
        if key == "":
            return frozenset((*path, f"v:{encode(each).decode()}") for each in value)
        if key is not None:
            steps = [(each, (*path, f"k:{encode({key: each[key]}).decode()}")) for each in value]
            return frozenset[Path]().union(*(leaves(each, kind, step) for each, step in steps))
    return frozenset({path})


def changed(old: Any, new: Any, path: Path = ()) -> Iterator[Path]:
    """The leaf fields in which *new* differs from *old*; lists are compared as one value."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield path
        return
    for field, value in new.items():
        if field not in old or old[field] != value:
            below = (*path, f"f:{field}")
            yield from changed(old[field], value, below) if field in old else _below(value, below, field, None)


def put(obj: JsonObject, entry: Entry, paths: frozenset[Path], now: str) -> None:
    """Set the fields that *entry* owns to *paths*."""
    written: JsonObject = {"manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version}
    written |= {"time": now, "fieldsType": "FieldsV1", "fieldsV1": _tree(paths)}
    if entry.subresource:
        written["subresource"] = entry.subresource
    metadata = obj["metadata"]
    others = [each for each in metadata.get("managedFields") or () if not _is(each, entry)]
    metadata["managedFields"] = [*others, written]


def _is(written: Mapping[str, Any], entry: Entry) -> bool:
    identity = (written.get("manager"), written.get("operation"), written.get("subresource", ""))
    return identity == (entry.manager, entry.operation, entry.subresource)


def take(obj: JsonObject, entry: Entry, paths: frozenset[Path]) -> None:
    """Take *paths* away from every manager but *entry*; entries that own nothing more go."""
    kept = []
    for each in obj["metadata"].get("managedFields") or ():
        tree = each.get("fieldsV1") or {}
        # Most entries are long and own none of these: looking is cheaper than reading the whole set.
        if _is(each, entry) or not any(_owns(tree, path) for path in paths):
            kept.append(each)
            continue
        left = frozenset(_paths(tree)) - paths
        if left:
            kept.append({**each, "fieldsV1": _tree(left)})
    obj["metadata"]["managedFields"] = kept


def _owns(tree: Mapping[str, Any], path: Path) -> bool:
    """Whether *path* is a leaf of the field set *tree*."""
    for step in path:
        if step not in tree:
            return False
        tree = tree[step]
    return all(step == "." for step in tree)


def record(old: JsonObject, new: JsonObject, resource: Resource, writer: tuple[str, str], now: str) -> None:
    """Note in *new* that *writer* (manager, subresource) updated it; an empty manager leaves no trace. *old* is {} on create."""
    manager, subresource = writer
    if not manager:
        return
    entry = Entry(manager, "Update", resource.api_version, subresource)
    touched: frozenset[Path] = frozenset()
    if old:
        touched = frozenset(path for path in changed(_owned(old), _owned(new)) if path)
        take(new, entry, touched)
    own: Mapping[str, Any] = next((each for each in new["metadata"].get("managedFields") or () if _is(each, entry)), {})
    put(new, entry, frozenset(_paths(own.get("fieldsV1") or {})) | touched, now)


def _owned(obj: JsonObject) -> JsonObject:
    metadata = {key: value for key, value in obj["metadata"].items() if key in ("labels", "annotations", "finalizers")}
    return {**{key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}, "metadata": metadata}


def _find(node: Any, step: str) -> Any:
    """The key or index in *node* that *step* names, or None."""
    if step.startswith("f:"):
        field = step[2:]
        return field if isinstance(node, dict) and field in node else None
    if not isinstance(node, list):
        return None
    wanted = decode(step[2:].encode())
    for index, each in enumerate(node):
        if each == wanted or (step.startswith("k:") and isinstance(each, dict) and wanted.items() <= each.items()):
            return index
    return None


def value_at(obj: Any, path: Path) -> Any:
    node = obj
    for step in path:
        place = _find(node, step)
        if place is None:
            return None
        node = node[place]
    return node


def remove_at(obj: Any, path: Path) -> None:
    """Remove the field at *path*, and a list item of which only its key is left."""
    chain = [(obj, _find(obj, path[0]))]
    for step in path[1:]:
        node, place = chain[-1]
        if place is None:
            return
        chain.append((node[place], _find(node[place], step)))
    node, place = chain.pop()
    if place is None:
        return
    del node[place]
    # An emptied container stays only if it is not a list item.
    while chain and not node:
        node, place = chain.pop()
        del node[place]


def dotted(path: Path) -> str:
    """A path as messages show it: `.spec.template.spec.containers[name="web"].image`."""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("k:"):
            text += "[" + ",".join(f"{key}={encode(value).decode()}" for key, value in decode(step[2:].encode()).items()) + "]"
        else:
            text += f"[={step[2:]}]"
    return text
