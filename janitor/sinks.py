"""Where backups are stored: a directory, ConfigMaps, or S3. One entry is one stored thing; ids sort by time."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from janitor.archive import BackupProblem, Entry, decode_entry
from janitor.config import Backup
from shared.cluster import Cluster
from shared.errors import AlreadyExists, ClusterError, NotFound, ThriftError, UsageError
from shared.kinds import CONFIG_MAPS
from shared.names import check_namespace
from shared.objects import Object

ACCEPTED_TARGET = "a directory, s3://BUCKET/PREFIX or configmap:NAMESPACE"
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,250}")
_STAMP = "%Y%m%dt%H%M%Sz"


class Sink(Protocol):
    """Stores entries. Every method raises BackupProblem in one line where the store refuses."""

    def save(self, entry: Entry) -> None:
        """Returns only when the entry is safely stored."""

    def ids(self) -> Iterator[str]:
        """All ids, oldest first."""

    def load(self, identity: str) -> Entry: ...

    def remove(self, identity: str) -> None:
        """Drops an entry whose retention has passed."""


def open_sink(backup: Backup, cluster: Cluster) -> Sink:
    """Raises UsageError for a target of no known form."""
    if backup.target.startswith("s3://"):
        bucket, _, prefix = backup.target.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"--backup {backup.target!r} names no bucket; accepted: {ACCEPTED_TARGET}")
        return S3Sink(bucket, prefix.strip("/"))
    if backup.target.startswith("configmap:"):
        try:
            namespace = check_namespace(backup.target.removeprefix("configmap:"))
        except ThriftError as problem:
            raise UsageError(f"--backup {backup.target!r}: {problem}") from None
        return ConfigMapSink(cluster, namespace, backup.max_bytes)
    return DirectorySink(Path(backup.target))


def taken_at(identity: str) -> datetime | None:
    """When an entry was made, by its id; None for a foreign name."""
    try:
        return datetime.strptime(identity.partition(".")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def prune(sink: Sink, backup: Backup, now: datetime) -> int:
    """Removes the entries whose retention has passed; returns how many. Raises BackupProblem."""
    old = [identity for identity in sink.ids() if (at := taken_at(identity)) is not None and now - at > backup.retention]
    for identity in old:
        sink.remove(identity)
    return len(old)


def _checked(identity: str) -> str:
    if _ID.fullmatch(identity) is None or ".." in identity:
        raise BackupProblem(f"{identity!r} is no backup id")
    return identity


class DirectorySink:
    """One file per entry, readable by its owner only, complete or absent: it is written beside its place and then renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, entry: Entry) -> None:
        path = self._path(entry.id)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(gzip.compress(entry.encoded()))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise BackupProblem(f"backup to {self._folder}: {error.strerror or error}") from None

    def ids(self) -> Iterator[str]:
        if self._folder.is_dir():
            yield from sorted(path.name.removesuffix(".json.gz") for path in self._folder.glob("*.json.gz"))

    def load(self, identity: str) -> Entry:
        try:
            return decode_entry(gzip.decompress(self._path(identity).read_bytes()))
        except (OSError, EOFError) as error:
            raise BackupProblem(f"backup {identity}: {error}") from None

    def remove(self, identity: str) -> None:
        try:
            self._path(identity).unlink(missing_ok=True)
        except OSError as error:
            raise BackupProblem(f"backup {identity}: {error}") from None

    def _path(self, identity: str) -> Path:
        return self._folder / f"{_checked(identity)}.json.gz"


class _BackupMap(Object, frozen=True):
    binary_data: dict[str, bytes] | None = None


class ConfigMapSink:
    """Entries as gzip in the `binaryData` of ConfigMaps, up to *max_bytes* in all. An entry above one ConfigMap's 1 MiB is
    refused.

    Nothing is pushed out to make room, as that would take away what somebody may want back: a full store means no deletions.
    """

    _PREFIX = "janitor-backup."
    _LARGEST = 900_000

    def __init__(self, cluster: Cluster, namespace: str, max_bytes: int) -> None:
        self._cluster, self._namespace, self._max_bytes = cluster, namespace, max_bytes
        self._used: int | None = None

    def save(self, entry: Entry) -> None:
        data = gzip.compress(entry.encoded(), mtime=0)
        if len(data) > self._LARGEST:
            raise BackupProblem(f"backup of {entry.id}: {len(data)} bytes are more than a ConfigMap holds; use a directory or S3")
        if self._size() + len(data) > self._max_bytes:
            raise BackupProblem(
                f"the backups in namespace {self._namespace} have reached --backup-max-size; nothing more is deleted"
            )
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self._PREFIX + _checked(entry.id),
                "labels": {"janitor/keeps": "backup"},
                "annotations": {"janitor/backup-bytes": str(len(data))},
            },
            "binaryData": {"entry.json.gz": msgspec.to_builtins(data)},
        }
        try:
            self._cluster.create(CONFIG_MAPS, self._namespace, body)
        except AlreadyExists:
            # The same object in the same second: the turn before was cut off between the backup and the deletion.
            return
        except ClusterError as problem:
            raise BackupProblem(f"backup: {problem}") from None
        self._used = self._size() + len(data)

    def ids(self) -> Iterator[str]:
        yield from sorted(obj.name.removeprefix(self._PREFIX) for obj in self._stored())

    def load(self, identity: str) -> Entry:
        try:
            found = self._cluster.get(CONFIG_MAPS, self._namespace, self._PREFIX + _checked(identity), _BackupMap)
            return decode_entry(gzip.decompress((found.binary_data or {}).get("entry.json.gz", b"")))
        except (ClusterError, OSError, EOFError) as problem:
            raise BackupProblem(f"backup {identity}: {problem}") from None

    def remove(self, identity: str) -> None:
        try:
            self._cluster.delete(CONFIG_MAPS, self._namespace, self._PREFIX + _checked(identity))
        except NotFound:
            return
        except ClusterError as problem:
            raise BackupProblem(f"backup {identity}: {problem}") from None
        self._used = None

    def _size(self) -> int:
        if self._used is None:
            self._used = sum(_whole(obj.metadata.annotation("janitor/backup-bytes")) for obj in self._stored())
        return self._used

    def _stored(self) -> Iterator[Object]:
        try:
            yield from self._cluster.list_metadata(CONFIG_MAPS, namespace=self._namespace, label_selector="janitor/keeps=backup")
        except ClusterError as problem:
            raise BackupProblem(f"backups: {problem}") from None


class S3Sink:
    """Objects `PREFIX/ID.json.gz` in a bucket, with the credentials that boto3 finds."""

    def __init__(self, bucket: str, prefix: str, client: Any = None) -> None:
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client = client

    def save(self, entry: Entry) -> None:
        body = gzip.compress(entry.encoded())
        self._call("put_object", Key=self._key(entry.id), Body=body, ServerSideEncryption="AES256")

    def ids(self) -> Iterator[str]:
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self._prefix, **token)
            for item in page.get("Contents", ()):
                name = item["Key"].removeprefix(self._prefix)
                if name.endswith(".json.gz"):
                    yield name.removesuffix(".json.gz")
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def load(self, identity: str) -> Entry:
        try:
            data = gzip.decompress(self._call("get_object", Key=self._key(identity))["Body"].read())
        except (OSError, EOFError) as error:
            raise BackupProblem(f"backup {identity}: {error}") from None
        return decode_entry(data)

    def remove(self, identity: str) -> None:
        self._call("delete_object", Key=self._key(identity))

    def _key(self, identity: str) -> str:
        return f"{self._prefix}{_checked(identity)}.json.gz"

    def _call(self, operation: str, **arguments: Any) -> Any:
        # boto3 takes 60 MB and half a second to import: only who stores in S3 pays for it.
        import botocore.exceptions

        try:
            if self._client is None:
                import boto3
                import botocore.config

                settings = botocore.config.Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3})
                self._client = boto3.client("s3", config=settings)
            return getattr(self._client, operation)(Bucket=self._bucket, **arguments)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise BackupProblem(f"backup in s3://{self._bucket}: {' '.join(str(error).split())}") from None


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 16 else 0
