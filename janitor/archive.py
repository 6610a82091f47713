"""Backups: a deleted object's manifest as it can be created again, Secrets only encrypted. Pure but for encryption's own
randomness.

An entry is what one deletion takes away: one object, or a Namespace with everything in it. Where entries are stored is
`sinks.py`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from janitor.annotations import EXTEND_UNTIL, NOTIFIED, QUARANTINED
from shared.errors import ThriftError, UsageError
from shared.kinds import Resource
from shared.objects import Struct
from shared.times import format_timestamp

Document = dict[str, Any]

# What the API server or a controller writes, and refuses (or misunderstands) in a new object.
_SERVER_METADATA = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "finalizers",
)
_SERVER_ANNOTATIONS = (
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
    "deployment.kubernetes.io/revision",
)
# Fields below `spec` that were assigned to the old object, by kind.
_ASSIGNED: Mapping[str, tuple[str, ...]] = {
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort"),
    "PersistentVolumeClaim": ("volumeName",),
    "Pod": ("nodeName",),
    "Namespace": ("finalizers",),
}
_JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "job-name")


class BackupProblem(ThriftError):
    """A backup that could not be made or read: the object is then not deleted, or not restored."""


class Kept(Struct, frozen=True):
    """One object of an entry: its address, and its manifest, in the clear or encrypted."""

    group: str = ""
    version: str = ""
    plural: str = ""
    kind: str = ""
    namespaced: bool = True
    namespace: str = ""
    name: str = ""
    uid: str = ""
    manifest: Document | None = None
    encrypted: str = ""

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.version, self.plural, self.kind, self.namespaced)

    def __str__(self) -> str:
        return f"{self.resource.name} {self.namespace}/{self.name}" if self.namespace else f"{self.resource.name} {self.name}"


class Entry(Struct, frozen=True):
    """What one deletion took away. `id` names the backup; the object that was deleted comes first in `objects`."""

    id: str = ""
    deleted: datetime | None = None
    reason: str = ""
    objects: list[Kept] = []

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


def decode_entry(data: bytes) -> Entry:
    """Raises BackupProblem."""
    try:
        return msgspec.json.decode(data, type=Entry)
    except msgspec.MsgspecError as error:
        raise BackupProblem(f"a backup cannot be read: {error}") from None


class Cipher:
    """Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from any text by SHA-256. Needs the package cryptography."""

    def __init__(self, key: str) -> None:
        try:
            from cryptography.fernet import Fernet
        except ImportError:
            raise UsageError("--backup-key-file needs the Python package cryptography, which is not installed") from None
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

    def encrypt(self, data: bytes) -> str:
        return self._fernet.encrypt(data).decode()

    def decrypt(self, text: str) -> bytes:
        """Raises BackupProblem for another key or a damaged text."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(text.encode())
        except InvalidToken:
            raise BackupProblem("a Secret in the backup was encrypted with another key") from None


def entry_id(resource: Resource, namespace: str, name: str, uid: str, now: datetime) -> str:
    """`20260323T100000Z.deployments.shop.web.1a2b3c4d`: sorts by time, valid as the name of a file and of a ConfigMap."""
    digest = hashlib.sha256(f"{resource.name}/{namespace}/{name}/{uid}".encode()).hexdigest()[:8]
    parts = (format_timestamp(now).replace("-", "").replace(":", "").lower(), resource.plural, namespace, name[:120], digest)
    text = ".".join(part for part in parts if part).lower()
    return re.sub(r"[^a-z0-9-]+", lambda match: "." if match.group() == "." else "-", text)


def keep(resource: Resource, document: Document, cipher: Cipher | None, *, skip_secrets: bool = False) -> Kept | None:
    """*document* as it goes into an entry; None for a Secret that is left out. Raises BackupProblem for one that may not be."""
    metadata = document.get("metadata") or {}
    manifest = cleaned(resource, document)
    encrypted = ""
    if (resource.group, resource.plural) == ("", "secrets"):
        if cipher is not None:
            encrypted = cipher.encrypt(msgspec.json.encode(manifest))
        elif skip_secrets:
            return None
        else:
            name = f"{metadata.get('namespace')}/{metadata.get('name')}"
            raise BackupProblem(
                f"secrets {name}: kept, as without --backup-key-file it cannot be backed up (or --backup-secrets skip)"
            )
    return Kept(
        group=resource.group,
        version=resource.version,
        plural=resource.plural,
        kind=resource.kind,
        namespaced=resource.namespaced,
        namespace=metadata.get("namespace") or "",
        name=metadata.get("name") or "",
        uid=metadata.get("uid") or "",
        manifest=None if encrypted else manifest,
        encrypted=encrypted,
    )


def opened(kept: Kept, cipher: Cipher | None) -> Document:
    """The manifest. Raises BackupProblem where it is encrypted and the key is missing or another one."""
    if not kept.encrypted:
        return dict(kept.manifest or {})
    if cipher is None:
        raise BackupProblem(f"{kept}: its backup is encrypted; give --backup-key-file")
    manifest: Document = msgspec.json.decode(cipher.decrypt(kept.encrypted))
    return manifest


def cleaned(resource: Resource, document: Document) -> Document:
    """*document* without what only the server or a controller may write. Owner references stay; restore asks whether owners
    live.
    """
    fields = {key: value for key, value in document.items() if key != "status"}
    metadata = {key: value for key, value in (fields.get("metadata") or {}).items() if key not in _SERVER_METADATA}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _SERVER_ANNOTATIONS}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    fields["metadata"] = metadata
    fields["apiVersion"], fields["kind"] = resource.api_version, resource.kind
    spec = fields.get("spec")
    if isinstance(spec, dict):
        fields["spec"] = _cleaned_spec(resource.kind, spec)
    return fields


def _cleaned_spec(kind: str, spec: Document) -> Document:
    headless = kind == "Service" and spec.get("clusterIP") == "None"
    dropped = () if headless else _ASSIGNED.get(kind, ())
    spec = {key: value for key, value in spec.items() if key not in dropped}
    if kind == "Job" and not spec.get("manualSelector"):
        spec.pop("selector", None)
        template = dict(spec.get("template") or {})
        metadata = dict(template.get("metadata") or {})
        metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _JOB_LABELS}
        spec["template"] = template | {"metadata": metadata}
    return spec


def revived(manifest: Document, live_owners: frozenset[str], now: datetime, respite: timedelta) -> Document:
    """*manifest* ready to be created: without dead owners (the garbage collector would take it again) and with *respite* to live.

    An object that had passed its end would be deleted again in the next turn; `janitor/extend-until` keeps it until somebody
    decides.
    """
    metadata = dict(manifest.get("metadata") or {})
    owners = [owner for owner in metadata.pop("ownerReferences", None) or [] if owner.get("uid") in live_owners]
    if owners:
        metadata["ownerReferences"] = owners
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in (NOTIFIED, QUARANTINED)}
    if respite:
        annotations[EXTEND_UNTIL] = format_timestamp(now + respite)
    if annotations:
        metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata}


# Created in this order: what others need comes first. Everything unnamed comes between.
_FIRST = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Role",
    "RoleBinding",
)
_LAST = ("Ingress", "HorizontalPodAutoscaler")


def in_order(objects: Iterable[Kept]) -> Iterator[Kept]:
    """The order in which an entry's objects are created again."""
    ranks = {kind: rank for rank, kind in enumerate(_FIRST)} | {kind: 1000 + rank for rank, kind in enumerate(_LAST)}
    yield from sorted(objects, key=lambda kept: ranks.get(kept.kind, 500))
