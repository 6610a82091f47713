"""Brings deleted objects back from their backup: a server-side dry run of all of them, then the creations, parents first."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from janitor.apply import Vault
from janitor.archive import BackupProblem, Document, Entry, Kept, in_order, opened, revived
from janitor.wholes import get_whole
from shared.cluster import Cluster
from shared.errors import AlreadyExists, ClusterError, NotFound, ThriftError, UsageError
from shared.kinds import Resource

ACCEPTED_SELECTOR = "a backup id, or NAMESPACE/NAME or RESOURCE/NAMESPACE/NAME with * and ?"


class Status(StrEnum):
    """What became of one object of a backup."""

    RESTORED = "restored"
    WOULD_RESTORE = "would-restore"
    EXISTS = "exists"
    FAILED = "failed"


@dataclass(frozen=True)
class Restored:
    """One object, its status, and the server's reason where it was not restored."""

    kept: Kept
    status: Status
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kept}: {self.status.value.replace('-', ' ')}" + (f": {self.detail}" if self.detail else "")


def chosen_entries(vault: Vault, what: str) -> list[Entry]:
    """The entry with this id; else, for every object that the selector matches, its newest entry. Raises UsageError,
    BackupProblem.
    """
    if vault.sink is None:
        raise UsageError("restore needs --backup: where the backups are")
    ids = list(vault.sink.ids())
    if what in ids:
        return [vault.sink.load(what)]
    if "/" not in what:
        raise UsageError(f"there is no backup {what!r}; accepted: {ACCEPTED_SELECTOR}")
    newest: dict[str, Entry] = {}
    for identity in ids:
        entry = vault.sink.load(identity)
        if entry.objects and _matches(entry.objects[0], what):
            newest[str(entry.objects[0])] = entry
    if not newest:
        raise UsageError(f"no backup matches {what!r}; accepted: {ACCEPTED_SELECTOR}")
    return list(newest.values())


def _matches(kept: Kept, selector: str) -> bool:
    parts = selector.split("/")
    if len(parts) == 3 and not fnmatch.fnmatchcase(kept.plural, parts[0]) and kept.resource.name != parts[0]:
        return False
    return fnmatch.fnmatchcase(kept.namespace, parts[-2]) and fnmatch.fnmatchcase(kept.name, parts[-1])


def restore(
    cluster: Cluster, vault: Vault, entries: Iterable[Entry], now: datetime, *, respite: timedelta = timedelta(days=1)
) -> list[Restored]:
    """Creates the objects of *entries* again, each with *respite* to live at least. With a dry-run connection nothing is created.

    Every object is first sent as a server-side dry run; where the server refuses one for another reason than that its Namespace
    does not
    exist yet, nothing of that entry is created. An object that exists already is reported, not touched.
    """
    done: list[Restored] = []
    # A Namespace before what was deleted out of it by itself.
    for entry in sorted(entries, key=lambda entry: not any(kept.kind == "Namespace" for kept in entry.objects)):
        objects = list(in_order(entry.objects))
        documents = _documents(cluster, vault, objects, now, respite, done)
        if documents is None:
            continue
        rehearsed = [_attempt(cluster, kept, document, rehearsal=True) for kept, document in zip(objects, documents, strict=True)]
        if any(result.status is Status.FAILED for result in rehearsed) or cluster.dry_run:
            done += rehearsed
            continue
        for kept, document in zip(objects, documents, strict=True):
            done.append(_attempt(cluster, kept, document, rehearsal=False))
    return done


def _documents(
    cluster: Cluster, vault: Vault, objects: Sequence[Kept], now: datetime, respite: timedelta, done: list[Restored]
) -> list[Document] | None:
    """The manifests, or None (and the reason in *done*) where one cannot be opened."""
    documents = []
    for kept in objects:
        try:
            manifest = opened(kept, vault.cipher)
        except BackupProblem as problem:
            done.append(Restored(kept, Status.FAILED, str(problem)))
            return None
        # Only what was deleted itself was due; what lay in a Namespace lives by its own marks.
        length = respite if kept is objects[0] or len(objects) == 1 else timedelta(0)
        documents.append(revived(manifest, live_owners(cluster, manifest, kept), now, length))
    return documents


def live_owners(cluster: Cluster, manifest: Document, kept: Kept) -> frozenset[str]:
    """The uids of the owners that still exist. An owner that cannot be read counts as gone: the object then lives by itself."""
    owners = (manifest.get("metadata") or {}).get("ownerReferences") or []
    if not owners:
        return frozenset()
    try:
        served = {(it.group, it.kind): it for it in cluster.discover().preferred()}
    except ClusterError:
        return frozenset()
    return frozenset(owner["uid"] for owner in owners if _lives(cluster, owner, kept, served.get))


def _lives(cluster: Cluster, owner: Document, kept: Kept, find: Callable[[tuple[str, str]], Resource | None]) -> bool:
    group, sign, _ = str(owner.get("apiVersion", "")).partition("/")
    resource = find((group if sign else "", str(owner.get("kind", ""))))
    if resource is None:
        return False
    try:
        found = get_whole(cluster, resource, kept.namespace if resource.namespaced else None, str(owner.get("name", "")))
    except ThriftError:
        return False
    return (found.get("metadata") or {}).get("uid") == owner.get("uid")


def _attempt(cluster: Cluster, kept: Kept, document: Document, *, rehearsal: bool) -> Restored:
    namespace = kept.namespace or None
    try:
        cluster.create(kept.resource, namespace, document, server_dry_run=rehearsal)
    except AlreadyExists:
        return Restored(kept, Status.EXISTS, "an object of this name exists; it is left as it is")
    except NotFound as problem:
        # In a rehearsal the Namespace of a bundle does not exist, because it was only rehearsed too.
        if rehearsal:
            return Restored(kept, Status.WOULD_RESTORE)
        return Restored(kept, Status.FAILED, str(problem))
    except ThriftError as problem:
        return Restored(kept, Status.FAILED, str(problem))
    return Restored(kept, Status.WOULD_RESTORE if rehearsal else Status.RESTORED)
