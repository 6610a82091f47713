"""What one run leaves for the next: the last snapshot of each cluster, and the registry's last answer.

Rows hold names, sizes and usage; no token, no kubeconfig, no environment variable reaches this folder. The format is compressed
MessagePack, which keeps "not a number" and, unlike a pickle, cannot run anything when read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from resource_report.registry import RegisteredCluster
from resource_report.rows import Snapshot

T = TypeVar("T")

_SUFFIX = ".msgpack.z"
_LEVEL = 1  # a tenth of the size for 0.2 s at 50,000 pods; more takes longer and gains little
_REGISTRY = f"registry{_SUFFIX}"


class State:
    """A folder. Files are of mode 0600 and replaced as a whole, so that a run that is killed leaves the earlier ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, snapshot: Snapshot) -> None:
        """Raises OSError."""
        self._write(self._path(snapshot.cluster), zlib.compress(msgspec.msgpack.encode(snapshot), _LEVEL))

    def load(self, cluster: str) -> Snapshot | None:
        """The last snapshot of that cluster, or None where there is none, or none that can be read."""
        found = self._read(self._path(cluster), Snapshot)
        return found if found is not None and found.cluster == cluster else None

    def save_registry(self, clusters: Sequence[RegisteredCluster]) -> None:
        """Raises OSError."""
        self._write(self._folder / _REGISTRY, zlib.compress(msgspec.msgpack.encode(list(clusters)), _LEVEL))

    def load_registry(self) -> list[RegisteredCluster]:
        return self._read(self._folder / _REGISTRY, list[RegisteredCluster]) or []

    def _path(self, cluster: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9-]", "_", cluster)[:60]
        digest = hashlib.blake2b(cluster.encode(errors="surrogatepass"), digest_size=6).hexdigest()
        return self._folder / f"cluster-{readable}-{digest}{_SUFFIX}"

    def _read(self, path: Path, as_type: type[T]) -> T | None:
        try:
            return msgspec.msgpack.decode(zlib.decompress(path.read_bytes()), type=as_type)
        except (OSError, msgspec.DecodeError, ValueError, zlib.error):
            # Missing, or of another version: the next run that succeeds writes it anew.
            return None

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
