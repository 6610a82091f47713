"""The output folder: the only place of the report that writes to disk.

Files appear whole or not at all, are touched only when their bytes change, and are removed only when an earlier run of this tool
wrote them. Nothing outside the folder is written, and no symbolic link inside it is followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from pathlib import Path

from shared.errors import ThriftError, UsageError

MANIFEST = ".kube-thrift-files.json"

_NAME = re.compile(r"(?:(?:assets|tables)/)?[A-Za-z0-9][A-Za-z0-9._-]{0,240}", re.ASCII)
_TEMPORARY = re.compile(r"\.kube-thrift-[0-9a-f]{16}\.tmp")


class OutputFolder:
    """A folder that must exist already: a mistyped path would otherwise fill a disk unseen.

    `write` each file, then `finish` to remove what an earlier run left. `written`, `unchanged` and `removed` count files.
    Raises UsageError where the folder is missing, is no folder, or has a symbolic link in place of one of its subfolders.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise UsageError(f"output_dir {str(path)!r}: not a folder; create it first")
        self._open: dict[str, int] = {}
        self._hashes: dict[str, str] = {}
        self._earlier = self._read_manifest()
        self.written = self.unchanged = self.removed = 0
        self.bytes = 0
        self.largest = ("", 0)

    def has(self, name: str) -> bool:
        """Whether *name* is there, written by anybody."""
        return (self.path / name).is_file()

    def write(self, name: str, content: bytes) -> bool:
        """Puts *content* at *name*; False when the same bytes are there already.

        Raises UsageError for a name that leads out, ThriftError where the disk refuses.
        """
        if _NAME.fullmatch(name) is None or ".." in name:
            raise UsageError(f"output file {name!r}: not a name inside the output folder")
        folder, _, base = name.rpartition("/")
        self._hashes[name] = _hash(content)
        self.bytes += len(content)
        self.largest = max(self.largest, (name, len(content)), key=lambda pair: pair[1])
        place = self._folder(folder)
        if _read_regular(base, place, len(content)) == content:
            self.unchanged += 1
            return False
        try:
            _replace(base, place, content)
        except OSError as error:
            raise ThriftError(f"output file {str(self.path / name)!r}: {error.strerror or error}") from error
        self.written += 1
        return True

    def finish(self) -> None:
        """Removes the files of an earlier run that this one did not write, and remembers those that it did."""
        for name, digest in sorted(self._earlier.items()):
            if name not in self._hashes and self._remove_ours(name, digest):
                self.removed += 1
        self._remove_leftovers()
        self.remember()
        self.close()

    def remember(self) -> None:
        """Writes the manifest. A run that is killed before `finish` leaves the earlier one: nothing foreign is ever listed."""
        body = {"tool": "kube-thrift", "files": dict(sorted(self._hashes.items()))}
        _replace(MANIFEST, self._folder(""), json.dumps(body, indent=0).encode())

    def close(self) -> None:
        """Gives the folder back; `finish` does so too. Another `write` would open it again."""
        while self._open:
            os.close(self._open.popitem()[1])

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _folder(self, name: str) -> int:
        """A descriptor of the folder or of one of its subfolders, which is made when it is missing.

        Everything is opened relative to it: a link that somebody puts in the folder's place meanwhile leads nowhere else.
        """
        if name not in self._open:
            if name:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=self._folder(""))
            try:
                flags = os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if name else 0)
                self._open[name] = os.open(name or self.path, flags, dir_fd=self._folder("") if name else None)
            except OSError as error:
                raise UsageError(
                    f"output_dir {str(self.path)!r}: {name} is a link or no folder; replace it by a folder"
                ) from error
        return self._open[name]

    def _remove_ours(self, name: str, digest: str) -> bool:
        """Removes *name* if it still has the bytes that we wrote: a file that somebody has put in its place since is theirs."""
        folder, _, base = name.rpartition("/")
        try:
            place = self._folder(folder)
        except UsageError:
            return False
        content = _read_regular(base, place)
        if content is None or _hash(content) != digest:
            return False
        os.unlink(base, dir_fd=place)
        return True

    def _remove_leftovers(self) -> None:
        """Temporary files of a run that was killed between writing and renaming."""
        for place in list(self._open.values()):
            for base in os.listdir(place):
                if _TEMPORARY.fullmatch(base):
                    with contextlib.suppress(OSError):
                        os.unlink(base, dir_fd=place)

    def _read_manifest(self) -> dict[str, str]:
        """File names and hashes of the last run; empty when there was none or its manifest cannot be read.

        The manifest lies in a folder that others may write to, so that each name in it is checked again.
        """
        return named_files(_read_regular(MANIFEST, self._folder("")) or b"{}")


def named_files(manifest: bytes) -> dict[str, str]:
    """File names and hashes that a manifest names; only names that lie inside an output folder, none for a broken one."""
    try:
        files = json.loads(manifest).get("files", {})
        return {
            name: digest
            for name, digest in files.items()
            if isinstance(digest, str) and _NAME.fullmatch(name) is not None and ".." not in name
        }
    except (ValueError, AttributeError):
        return {}


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _read_regular(base: str, place: int, size: int | None = None) -> bytes | None:
    """The bytes of a regular file (of *size*, where given); None for a link, a folder, another size, or nothing."""
    try:
        handle = os.open(base, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    except OSError:
        return None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or (size is not None and facts.st_size != size):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _replace(base: str, place: int, content: bytes) -> None:
    """Writes beside *base* and renames over it. A symbolic link there is replaced, its goal untouched.

    No fsync: after a power cut the next run writes the report again, and waiting for the disk 3,000 times costs more than that.
    """
    temporary = f".kube-thrift-{os.urandom(8).hex()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=place)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, base, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=place)
        raise
