"""The rules of a create, an update and a patch, up to the moment when the store commits.

Runs under the store's lock. Defaults are in `defaults.py`, what is wrong with an object is said by `validation.py`; who may write
at all has been decided before (`rbac.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from shared.kinds import NAMESPACES, Resource
from shared.simcluster import conversion, defaults, deletion, managed, services, validation
from shared.simcluster.catalog import Type
from shared.simcluster.patches import merge_patch
from shared.simcluster.records import JsonObject, Record, decode, encode
from shared.simcluster.refusals import already_exists, bad_request, conflict, forbidden, not_found, stale

if TYPE_CHECKING:
    from shared.simcluster.store import Store

Change = Callable[[JsonObject], JsonObject]

# The part of metadata that only the server writes.
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a write was asked for. *manager* is the field manager; empty records none (in-process writers)."""

    subresource: str | None = None
    dry_run: bool = False
    manager: str = ""


DEFAULT = Options()


def rescaled(options: Options) -> Options:
    """The options for writing through to the object itself what arrived at its scale subresource."""
    return msgspec.structs.replace(options, subresource=None)


def copy(obj: JsonObject) -> JsonObject:
    """A deep copy that also proves that *obj* is JSON."""
    return decode(encode(obj))  # type: ignore[no-any-return]


def load(store: Store, kind: Type, obj: JsonObject) -> JsonObject:
    """Store a complete object as it is, for fleets of tens of thousands."""
    metadata = obj["metadata"]
    if store.record(kind, metadata.get("namespace"), metadata["name"]) is not None:
        raise already_exists(kind.resource, metadata["name"])
    metadata.setdefault("uid", store.new_uid())
    metadata.setdefault("creationTimestamp", store.timestamp())
    if kind.generation:
        metadata.setdefault("generation", 1)
    store.commit(kind, obj, None)
    return obj


def create(store: Store, resource: Resource, obj: JsonObject, options: Options = DEFAULT) -> JsonObject:
    """Store a new object by all rules and return it as *resource*'s version shows it."""
    kind = store.type_of(resource)
    new = conversion.inward(copy(obj), resource, kind.resource)
    metadata = new.setdefault("metadata", {})
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    _name(store, metadata)
    _check_namespace(store, kind, resource, metadata)
    for key in _SERVER_OWNED:
        metadata.pop(key, None)
    metadata |= {"uid": store.new_uid(), "creationTimestamp": store.timestamp()}
    if kind.generation:
        metadata["generation"] = 1
    if kind.status and kind.resource.plural != "nodes":
        new.pop("status", None)
    _tidy(metadata)
    defaults.apply(kind, new, resource)
    validation.check_create(kind, new)
    if store.record(kind, metadata.get("namespace"), metadata["name"]) is not None:
        raise already_exists(resource, metadata["name"])
    managed.record({}, new, resource, (options.manager, options.subresource or ""), store.timestamp())
    if options.dry_run:
        return conversion.outward(new, resource)
    store.commit(kind, new, None)
    return conversion.outward(new, resource)


def _tidy(metadata: JsonObject) -> None:
    """Empty maps and lists in metadata are the same as absent ones, and are stored as that."""
    for key in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if key in metadata and not metadata[key]:
            del metadata[key]


def _name(store: Store, metadata: JsonObject) -> None:
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(store.random.choice(_SUFFIX_ALPHABET) for _ in range(5))
        # The server cuts the base so that the whole stays within 63 characters.
        metadata["name"] = metadata["generateName"][:58] + suffix


def _check_namespace(store: Store, kind: Type, resource: Resource, metadata: JsonObject) -> None:
    if not kind.resource.namespaced:
        metadata.pop("namespace", None)
        return
    namespace = metadata.setdefault("namespace", "default")
    record = store.record(store.type_of(NAMESPACES), "", namespace)
    if record is None:
        raise not_found(NAMESPACES, namespace)
    if record.deleting:
        name = metadata.get("name", "")
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        refusal = forbidden(resource, name, f'{resource.name} "{name}" is forbidden: {why}')
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        refusal.details["causes"] = [cause]
        raise refusal


def replace(store: Store, kind: Type, obj: JsonObject) -> JsonObject:
    """Put a complete object in place of the current one as it is, for in-process controllers. Its metadata is completed in
    place.
    """
    metadata = obj["metadata"]
    record = store.record(kind, metadata.get("namespace"), metadata["name"])
    if record is None:
        raise not_found(kind.resource, metadata["name"])
    if metadata.get("resourceVersion") not in (None, "", str(record.rv)):
        raise stale(kind.resource, record.name)
    metadata["uid"] = record.uid
    deletion.settle(store, kind, store.commit(kind, obj, record))
    return obj


def update(store: Store, resource: Resource, obj: JsonObject, options: Options = DEFAULT) -> JsonObject:
    """Replace the object that *obj* names."""
    metadata = obj.get("metadata") or {}
    place = (metadata.get("namespace") or "", metadata.get("name") or "")
    return patch(store, resource, place, lambda _: copy(obj), options)


def merger(body: JsonObject) -> Change:
    """A JSON merge patch as a change of an object."""
    return lambda current: merge_patch(current, body)


def patch(store: Store, resource: Resource, place: tuple[str, str], change: Change, options: Options = DEFAULT) -> JsonObject:
    """Put what *change* makes of the current object (in *resource*'s version) in its place.

    A resourceVersion or uid that *change* leaves behind other than the current one is a failed precondition: Conflict.
    """
    kind = store.type_of(resource)
    record = store.record(kind, place[0] if kind.resource.namespaced else "", place[1])
    if record is None:
        raise not_found(resource, place[1])
    wanted = change(store.decoded(kind, resource, record))
    if not isinstance(wanted, dict):
        raise bad_request("the patched object is not a JSON object")
    _check_preconditions(resource, record, wanted)
    new = conversion.inward(wanted, resource, kind.resource)
    old = record.decoded(kind.resource.api_version, kind.resource.kind)
    prepared = _prepare(kind, old, new, options, resource)
    return _settle_update(store, resource, record, (old, prepared), options)


def _check_preconditions(resource: Resource, record: Record, wanted: JsonObject) -> None:
    metadata = wanted.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise bad_request("metadata must be an object")
    version = metadata.get("resourceVersion")
    if version not in (None, "", str(record.rv)):
        raise stale(resource, record.name)
    if metadata.get("uid") not in (None, "", record.uid):
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {record.uid}"
        raise conflict(resource, record.name, why)
    if metadata.get("name", record.name) != record.name:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({record.name})")
    if metadata.get("namespace", record.namespace) != record.namespace:
        raise bad_request(
            f"the namespace of the object ({metadata['namespace']}) does not match the namespace on the URL ({record.namespace})"
        )


def _prepare(kind: Type, old: JsonObject, new: JsonObject, options: Options, resource: Resource) -> JsonObject:
    """What would be stored: server-owned metadata from *old*, status and spec kept apart, defaults, generation, validated."""
    metadata, kept = new["metadata"], old["metadata"]
    metadata |= {"name": kept["name"], "resourceVersion": kept["resourceVersion"]}
    if "namespace" in kept:
        metadata["namespace"] = kept["namespace"]
    for key in _SERVER_OWNED:
        metadata.pop(key, None)
        if key in kept:
            metadata[key] = kept[key]
    if options.subresource == "status":
        new = _status_only(kind, old, new)
    elif kind.status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    _tidy(new["metadata"])
    # What did not change keeps its shape: an object loaded without defaults must not change its spec when it gets a label.
    if options.subresource is None and (_desired(old) != _desired(new) or kind.resource == NAMESPACES):
        if kind.key == services.KEY:
            services.settle(old, new)
        defaults.apply(kind, new, resource)
    validation.check_update(kind, old, new)
    if kind.generation and _desired(old) != _desired(new):
        new["metadata"]["generation"] = kept.get("generation", 1) + 1
    return new


def _status_only(kind: Type, old: JsonObject, new: JsonObject) -> JsonObject:
    result = dict(old)
    if "status" in new:
        result["status"] = new["status"]
    else:
        result.pop("status", None)
    annotations = new["metadata"].get("annotations")
    metadata = dict(old["metadata"])
    if not kind.custom and annotations is not None:
        metadata["annotations"] = annotations
    return {**result, "metadata": metadata}


def _desired(obj: JsonObject) -> JsonObject:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _settle_update(
    store: Store, resource: Resource, record: Record, versions: tuple[JsonObject, JsonObject], options: Options
) -> JsonObject:
    old, new = versions
    kind = store.type_of(resource)
    # A write that changes nothing is answered and not stored, so that it wakes no watch.
    if new == old:
        return conversion.outward(old, resource)
    managed.record(old, new, resource, (options.manager, options.subresource or ""), store.timestamp())
    if options.dry_run:
        return conversion.outward(new, resource)
    deletion.settle(store, kind, store.commit(kind, new, record))
    return conversion.outward(new, resource)
