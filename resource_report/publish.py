"""Copies the pages to an S3 bucket after a run: what changed since the last copy, and nothing else.

The list of what is there lies beside the pages, as the output folder's own does; it is written last, so that a copy that was cut
off is made good by the next. Only what such a list names is ever removed. One of the modules that reach boto3.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from resource_report.output import MANIFEST, named_files
from shared.errors import ThriftError, ValueProblem

ACCEPTED = "s3://BUCKET or s3://BUCKET/PREFIX, where PREFIX is of letters, digits and - _ . / ="
LOG = logging.getLogger(__name__)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_.=-]+(?:/[A-Za-z0-9_.=-]+)*)?")
# Browsers are sent `nosniff` by whoever serves the bucket, so that every file has to say what it is.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}
_AT_ONCE = 8


@dataclass(frozen=True)
class Target:
    """A bucket and a prefix without slashes at its ends; empty for the bucket's root."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


@dataclass(frozen=True)
class Copied:
    """How many files were sent, were there already, and were removed."""

    sent: int
    unchanged: int
    removed: int


def parse_target(text: str) -> Target:
    """Raises ValueProblem."""
    bucket, _, prefix = text.strip().removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    if not text.strip().startswith("s3://") or not _BUCKET.fullmatch(bucket) or not _PREFIX.fullmatch(prefix) or ".." in prefix:
        raise ValueProblem(text, ACCEPTED)
    return Target(bucket, prefix)


def publish(folder: Path, target: Target) -> Copied:
    """Makes *target* hold the files of the report in *folder*. Raises ThriftError with one line."""
    # boto3 takes 60 MB and half a second to import: only who publishes pays for it.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _Copy(folder, target).run()
    except (BotoCoreError, ClientError, OSError) as error:
        raise ThriftError(f"--publish {target}: {' '.join(str(error).split())}") from error


def _wave(name: str) -> int:
    return (name == "index.html") + name.endswith(".html")


class _Copy:
    def __init__(self, folder: Path, target: Target) -> None:
        import boto3.session
        from botocore.config import Config

        settings = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"}, max_pool_connections=_AT_ONCE)
        session: Any = boto3.session.Session()
        self._client = session.client("s3", config=settings)
        self._folder, self._target = folder, target

    def run(self) -> Copied:
        ours, theirs = named_files((self._folder / MANIFEST).read_bytes()), self._held()
        changed = [name for name in ours if ours[name] != theirs.get(name)]
        gone = theirs.keys() - ours.keys()
        # Pages come after what they load, and the overview after the pages it leads to.
        for wave in (0, 1, 2):
            self._each(self._send, [name for name in changed if _wave(name) == wave])
        self._each(self._remove, sorted(gone))
        if changed or gone:
            self._put(MANIFEST, (self._folder / MANIFEST).read_bytes())
        return Copied(len(changed), len(ours) - len(changed), len(gone))

    def _held(self) -> Mapping[str, str]:
        """The files and hashes of the last copy. Without a list everything is sent; without the right to read it, too."""
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(Bucket=self._target.bucket, Key=self._target.key(MANIFEST))
        except ClientError as error:
            # S3 answers AccessDenied for a key that is not there to whoever may not list the bucket.
            if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "AccessDenied"}:
                LOG.info("%s holds no list of an earlier copy: all files are sent", self._target)
                return {}
            raise
        return named_files(answer["Body"].read())

    def _each(self, action: Callable[[str], None], names: Iterable[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = [pool.submit(action, name) for name in names]
            try:
                for each in waiting:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _send(self, name: str) -> None:
        with (self._folder / name).open("rb") as file:
            self._put(name, file)

    def _put(self, name: str, body: Any) -> None:
        kind = _TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
        self._client.put_object(
            Bucket=self._target.bucket, Key=self._target.key(name), Body=body, ContentType=kind, CacheControl="no-cache"
        )

    def _remove(self, name: str) -> None:
        self._client.delete_object(Bucket=self._target.bucket, Key=self._target.key(name))
