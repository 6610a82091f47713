"""Server-side apply: the fields that a manager states are set, those it stated before and no longer does are removed.

Ownership is kept in managedFields as FieldsV1 sets. Source of the rules: Kubernetes documentation, "Server-Side Apply".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.kinds import Resource
from shared.simcluster import managed, writes
from shared.simcluster.catalog import Type
from shared.simcluster.managed import Path, leaves
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import Cause, RefusedConflict, bad_request

if TYPE_CHECKING:
    from shared.simcluster.store import Store


class Wish(msgspec.Struct, frozen=True):
    """Who applies, whether conflicting fields are taken over by force, and the options common to all writes."""

    manager: str
    force: bool
    options: writes.Options


def apply(store: Store, view: Resource, place: tuple[str, str], body: JsonObject, wish: Wish) -> tuple[bool, JsonObject]:
    """Apply *body*; returns (created, object). Conflict (409) naming every field that another manager owns with another value."""
    kind = store.type_of(view)
    body.pop("status", None) if wish.options.subresource is None else None
    if (body.get("metadata") or {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    entry = managed.Entry(wish.manager, "Apply", view.api_version, wish.options.subresource or "")
    stated = leaves(_stated(body), kind)
    options = msgspec.structs.replace(wish.options, manager="")
    if store.record(kind, *place) is None:
        new = writes.copy(body)
        managed.put(new, entry, stated, store.timestamp())
        return True, writes.create(store, view, new, options)

    def change(current: JsonObject) -> JsonObject:
        return _applied(current, body, entry, (stated, wish.force, kind, store.timestamp()))

    return False, writes.patch(store, view, place, change, options)


def _stated(body: JsonObject) -> JsonObject:
    """*body* without what identifies the object."""
    metadata = {key: value for key, value in (body.get("metadata") or {}).items() if key in _OWNABLE}
    rest = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")}
    return {"metadata": metadata, **rest} if metadata else rest


_OWNABLE = ("labels", "annotations", "finalizers", "ownerReferences")


def _applied(
    current: JsonObject, body: JsonObject, entry: managed.Entry, context: tuple[frozenset[Path], bool, Type, str]
) -> JsonObject:
    stated, force, kind, now = context
    entries = managed.entries(current)
    before = next((paths for each, paths in entries if each.same(entry)), frozenset())
    others = [(each, paths) for each, paths in entries if not each.same(entry)]
    wanted = _stated(body)
    disputed = [(each, path) for each, paths in others for path in sorted(paths & stated) if _differs(current, wanted, path)]
    if disputed and not force:
        raise _conflict(disputed)
    held = frozenset[Path]().union(*(paths for _, paths in others))
    result = writes.copy(current)
    for path in sorted(_dropped(before, stated | held), key=len):
        managed.remove_at(result, path)
    result = JsonObject(_merge(result, wanted, kind))
    version = (body.get("metadata") or {}).get("resourceVersion")
    if version:
        result["metadata"]["resourceVersion"] = version
    if disputed:
        managed.take(result, entry, frozenset(path for _, path in disputed))
    if stated != before or _without_managed(result) != _without_managed(current):
        managed.put(result, entry, stated, now)
    return result


def _dropped(before: frozenset[Path], kept: frozenset[Path]) -> set[Path]:
    """What to remove of *before*: fields, and list items of which nothing is stated any more, whole with their defaults."""
    gone = set()
    for path in before - kept:
        ends = [index + 1 for index, step in enumerate(path) if step.startswith("k:")]
        items = [path[:end] for end in ends if not any(each[:end] == path[:end] for each in kept)]
        gone.add(items[0] if items else path)
    return gone


def _without_managed(obj: JsonObject) -> JsonObject:
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def _differs(current: JsonObject, wanted: JsonObject, path: Path) -> bool:
    return bool(managed.value_at(current, path) != managed.value_at(wanted, path))


def _conflict(disputed: list[tuple[managed.Entry, Path]]) -> RefusedConflict:
    causes: list[Cause] = []
    for entry, path in disputed:
        using = f" using {entry.api_version}" if entry.operation == "Update" else ""
        causes.append(
            {
                "reason": "FieldManagerConflict",
                "message": f'conflict with "{entry.manager}"{using}',
                "field": managed.dotted(path),
            }
        )
    plural = "s" if len(causes) > 1 else ""
    listed = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    message = f"Apply failed with {len(causes)} conflict{plural}: {listed}"
    return RefusedConflict(message, status=409, reason="Conflict", details={"causes": causes})


def _merge(current: Any, wanted: Any, kind: Type, field: str = "") -> Any:
    """*wanted* laid over *current*: objects by field, lists of named things by their key, everything else replaced."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        merged = {key: _merge(current[key], value, kind, key) if key in current else value for key, value in wanted.items()}
        return {**current, **merged}
    if not isinstance(wanted, list) or not isinstance(current, list):
        return wanted
    key = managed.list_key(wanted, field, kind)
    if key is None:
        return wanted
    if key == "":
        return current + [each for each in wanted if each not in current]
    known = {each.get(key): each for each in current if isinstance(each, dict)}
    named = {each.get(key) for each in wanted}
    laid = [_merge(known[each[key]], each, kind) if each[key] in known else each for each in wanted]
    return [each for each in current if each.get(key) not in named] + laid if len(named) < len(known) else laid
