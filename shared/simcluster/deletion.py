"""What a delete does: preconditions, finalizers, propagation to dependents, garbage collection, namespace termination.

Runs under the store's lock and to its end: dependents are gone when the call returns, where a real cluster's controllers would
take a moment. Source of the rules: Kubernetes documentation, "Garbage Collection", "Finalizers" and "Namespaces: deleting".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from shared.kinds import NAMESPACES, Resource
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject, Record
from shared.simcluster.refusals import bad_request, conflict, forbidden, not_found

if TYPE_CHECKING:
    from shared.simcluster.store import Store

FOREGROUND = "foregroundDeletion"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
PROPAGATIONS = ("Background", "Foreground", "Orphan")
# Deleted without a word on propagation, these leave their pods behind: the API keeps their first version's habit.
_DEFAULTS = {"jobs.batch": "Orphan", "replicationcontrollers": "Orphan"}
# Namespaces that a real API server refuses to delete.
_PROTECTED = ("default", "kube-system", "kube-public")


class Wish(msgspec.Struct, frozen=True):
    """How somebody wants an object deleted. Empty *propagation* takes the default of the type."""

    propagation: str = "Background"
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


def delete(store: Store, resource: Resource, place: tuple[str, str], wish: Wish) -> JsonObject | None:
    """Delete the object at *place* (namespace, name). None when it is gone, the object while finalizers hold it."""
    kind = store.type_of(resource)
    record = store.record(kind, *place)
    if record is None:
        raise not_found(resource, place[1])
    _check(resource, record, wish)
    if wish.dry_run:
        return None
    left = _remove(store, kind, record, wish.propagation or _DEFAULTS.get(kind.key, "Background"))
    return store.decoded(kind, resource, left) if left is not None else None


def _check(resource: Resource, record: Record, wish: Wish) -> None:
    if wish.propagation and wish.propagation not in PROPAGATIONS:
        raise bad_request(f"invalid propagation policy {wish.propagation!r}: must be one of Background, Foreground, Orphan")
    if wish.uid is not None and wish.uid != record.uid:
        why = (
            f"the UID in the precondition ({wish.uid}) does not match the UID in record ({record.uid}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(resource, record.name, why)
    if wish.resource_version is not None and wish.resource_version != str(record.rv):
        why = (
            f"the ResourceVersion in the precondition ({wish.resource_version}) does not match the ResourceVersion in record "
            f"({record.rv}). The object might have been modified"
        )
        raise conflict(resource, record.name, why)
    if resource.plural == "namespaces" and not resource.group and record.name in _PROTECTED:
        message = f'namespaces "{record.name}" is forbidden: this namespace may not be deleted'
        raise forbidden(resource, record.name, message)


def _remove(store: Store, kind: Type, record: Record, propagation: str) -> Record | None:
    """Delete one object and follow its dependents. Returns the record that finalizers still hold, else None."""
    if kind.resource == NAMESPACES:
        return _terminate(store, kind, record)
    if kind.key == CRDS:
        _delete_instances(store, record.name)
    if propagation == "Orphan":
        _orphan(store, record.uid)
    obj = record.decoded(kind.resource.api_version, kind.resource.kind)
    finalizers = list(obj["metadata"].get("finalizers") or [])
    if propagation == "Foreground" and _held_by_dependents(store, kind, record):
        current = _mark(store, kind, record, [*finalizers, *([FOREGROUND] if FOREGROUND not in finalizers else [])])
        _delete_dependents(store, record.uid, "Foreground")
        still = store.record(kind, record.namespace, record.name)
        return still if still is not None and still.uid == current.uid else None
    if finalizers:
        return _mark(store, kind, record, finalizers)
    finish(store, kind, record)
    return None


def _delete_instances(store: Store, key: str) -> None:
    """A CRD takes its custom resources with it."""
    kind = store.registry.get(key)
    for record in store.records(kind) if kind is not None else ():
        if kind is not None and store.record(kind, record.namespace, record.name) is not None:
            _remove(store, kind, record, "Background")


def _held_by_dependents(store: Store, kind: Type, record: Record) -> bool:
    return record.uid in store.owned and kind.key != CRDS


def _mark(store: Store, kind: Type, record: Record, finalizers: list[str]) -> Record:
    """Set the deletionTimestamp; the object stays until its finalizers are taken off."""
    obj = record.decoded(kind.resource.api_version, kind.resource.kind)
    metadata = obj["metadata"]
    if record.deleting and metadata.get("finalizers") == finalizers:
        return record
    metadata["finalizers"] = finalizers
    if not record.deleting:
        metadata["deletionTimestamp"] = store.timestamp()
        metadata["deletionGracePeriodSeconds"] = 0
        if "generation" in metadata:
            metadata["generation"] += 1
    return store.commit(kind, obj, record)


def finish(store: Store, kind: Type, record: Record) -> None:
    """Take *record* away for good, then collect what it owned and finish a namespace or owner that waited for it."""
    store.remove(kind, record)
    _delete_dependents(store, record.uid, "Background")
    for owner in record.owners:
        _release(store, owner)
    if record.namespace:
        _finish_namespace(store, record.namespace)


def _dependents(store: Store, uid: str) -> list[tuple[Type, Record]]:
    found = []
    for key, namespace, name in sorted(store.owned.get(uid, ())):
        kind = store.registry.get(key)
        record = store.record(kind, namespace, name) if kind is not None else None
        if kind is not None and record is not None:
            found.append((kind, record))
    return found


def _delete_dependents(store: Store, uid: str, propagation: str) -> None:
    """Delete the dependents that have no other living owner; from the others only the reference is taken."""
    for kind, record in _dependents(store, uid):
        if any(other != uid and other in store.uids for other in record.owners):
            _drop_reference(store, kind, record, uid)
        elif not record.deleting or propagation == "Background":
            _remove(store, kind, record, propagation)


def _orphan(store: Store, uid: str) -> None:
    for kind, record in _dependents(store, uid):
        _drop_reference(store, kind, record, uid)


def _drop_reference(store: Store, kind: Type, record: Record, uid: str) -> None:
    obj = record.decoded(kind.resource.api_version, kind.resource.kind)
    left = [owner for owner in obj["metadata"].get("ownerReferences") or [] if owner.get("uid") != uid]
    if left:
        obj["metadata"]["ownerReferences"] = left
    else:
        obj["metadata"].pop("ownerReferences", None)
    store.commit(kind, obj, record)


def _release(store: Store, owner: str) -> None:
    """An owner in foreground deletion goes when nothing that blocks it is left."""
    place = store.uids.get(owner)
    kind = store.registry.get(place[0]) if place is not None else None
    if place is None or kind is None:
        return
    record = store.record(kind, place[1], place[2])
    if record is None or not record.deleting or any(_blocks(store, each, owner) for each in _dependents(store, owner)):
        return
    obj = record.decoded(kind.resource.api_version, kind.resource.kind)
    finalizers = [each for each in obj["metadata"].get("finalizers") or [] if each != FOREGROUND]
    if len(finalizers) == len(obj["metadata"].get("finalizers") or []):
        return
    if finalizers:
        obj["metadata"]["finalizers"] = finalizers
        store.commit(kind, obj, record)
    else:
        finish(store, kind, record)


def _blocks(store: Store, dependent: tuple[Type, Record], owner: str) -> bool:
    references = dependent[1].metadata().get("ownerReferences") or []
    return any(each.get("uid") == owner and each.get("blockOwnerDeletion") for each in references)


def _terminate(store: Store, kind: Type, record: Record) -> Record | None:
    """Namespace deletion: Terminating first, then its contents, then itself when nothing holds out."""
    obj = record.decoded(kind.resource.api_version, kind.resource.kind)
    if not record.deleting:
        obj["metadata"]["deletionTimestamp"] = store.timestamp()
        obj.setdefault("status", {})["phase"] = "Terminating"
        record = store.commit(kind, obj, record)
    for each in list(store.registry):
        if each.virtual or not each.resource.namespaced:
            continue
        for content in store.records(each, record.name):
            current = store.record(each, content.namespace, content.name)
            if current is not None:
                _remove(store, each, current, "Background")
    _finish_namespace(store, record.name)
    return store.record(kind, "", record.name)


def _finish_namespace(store: Store, namespace: str) -> None:
    kind = store.type_of(NAMESPACES)
    record = store.record(kind, "", namespace)
    if record is None or not record.deleting or _holds_anything(store, namespace):
        return
    if not record.metadata().get("finalizers"):
        finish(store, kind, record)


def _holds_anything(store: Store, namespace: str) -> bool:
    for kind in store.registry:
        if not kind.virtual and kind.resource.namespaced and next(store.shelf(kind).records(namespace), None) is not None:
            return True
    return False


def settle(store: Store, kind: Type, record: Record) -> Record | None:
    """After an update: an object that is being deleted goes once its last finalizer is off. None when it went."""
    if not record.deleting or record.metadata().get("finalizers"):
        return record
    if kind.resource == NAMESPACES:
        _finish_namespace(store, record.name)
        return store.record(kind, "", record.name)
    finish(store, kind, record)
    return None


def collect_garbage(store: Store) -> int:
    """Delete the objects whose owners are all gone, or never were there. Returns how many were deleted."""
    lost = [uid for uid in store.owned if uid not in store.uids]
    before = len(store.uids)
    for uid in lost:
        _delete_dependents(store, uid, "Background")
    return before - len(store.uids)
