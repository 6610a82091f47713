"""The two registries a company may have, of clusters and of applications: HTTP with a bearer token and a time limit, no more.

The token is the one named `read-only`: from OAUTH2_ACCESS_TOKENS ("read-only=TOKEN,other=TOKEN"), else from the file
`read-only-token-secret` in the folder that CREDENTIALS_DIR names (default /meta/credentials). It is never stored or logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
import requests

from shared.errors import ThriftError, Unavailable, shorten

TOKEN_NAME = "read-only"  # noqa: S105 - a token's name, not a token
T = TypeVar("T")

CLUSTERS_TIMEOUT = 10.0
APPLICATION_TIMEOUT = 5.0
APPLICATION_WORKERS = 10
MAX_BYTES = 16 * 2**20
_APPLICATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class RegisteredCluster(msgspec.Struct, frozen=True):
    """One row of the cluster registry; a row without a lifecycle status counts as ready."""

    id: str
    api_server_url: str
    alias: str = ""
    lifecycle_status: str = "ready"


class _ClusterItems(msgspec.Struct, frozen=True):
    items: list[RegisteredCluster] = []


class RegisteredApplication(msgspec.Struct, frozen=True):
    """What the application registry says of one application; null and missing fields say nothing."""

    team_id: str | None = None
    active: bool | None = None


@dataclass(frozen=True)
class Tokens:
    """Where bearer tokens come from. Files are read anew each time: somebody rotates them."""

    inline: Mapping[str, str]
    folder: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Tokens:
        pairs = (item.partition("=") for item in environ.get("OAUTH2_ACCESS_TOKENS", "").split(","))
        inline = {name.strip(): token.strip() for name, _, token in pairs if token.strip()}
        return cls(inline, Path(environ.get("CREDENTIALS_DIR") or "/meta/credentials"))

    def file(self) -> Path:
        return self.folder / f"{TOKEN_NAME}-token-secret"

    def token(self) -> str | None:
        """The token, or None where there is none: a registry may be open inside a company."""
        if TOKEN_NAME in self.inline:
            return self.inline[TOKEN_NAME]
        try:
            return self.file().read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None


def fetch_clusters(url: str, tokens: Tokens) -> tuple[RegisteredCluster, ...]:
    """The clusters that are ready. Raises Unavailable with one line."""
    answer = _get(f"{url.rstrip('/')}/kubernetes-clusters?verbose=false", tokens, CLUSTERS_TIMEOUT, _ClusterItems)
    return tuple(row for row in answer.items if row.lifecycle_status == "ready")


def fetch_applications(
    url: str, applications: Iterable[str], tokens: Tokens
) -> tuple[dict[str, RegisteredApplication], dict[str, str]]:
    """What the registry says of each application, and one line for each that it would not tell of. Asks ten at a time."""
    found: dict[str, RegisteredApplication] = {}
    failures: dict[str, str] = {}
    wanted = [application for application in applications if _APPLICATION_ID.fullmatch(application)]

    def ask(application: str) -> RegisteredApplication | ThriftError:
        try:
            path = f"{url.rstrip('/')}/apps/{quote(application, safe='')}"
            return _get(path, tokens, APPLICATION_TIMEOUT, RegisteredApplication)
        except ThriftError as error:
            return error

    with ThreadPoolExecutor(APPLICATION_WORKERS, thread_name_prefix="registry") as pool:
        for application, answer in zip(wanted, pool.map(ask, wanted), strict=True):
            if isinstance(answer, ThriftError):
                failures[application] = str(answer)
            else:
                found[application] = answer
    return found, failures


def _get(url: str, tokens: Tokens, timeout: float, as_type: type[T]) -> T:
    """One GET. Redirects are not followed: the token is meant for this host. Raises Unavailable."""
    token = tokens.token()
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with requests.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True) as answer:
            if answer.status_code != 200:
                raise Unavailable(f"{without_credentials(url)}: HTTP {answer.status_code}", status=answer.status_code)
            content = answer.raw.read(MAX_BYTES + 1, decode_content=True)
    except (requests.RequestException, OSError, ValueError) as error:
        raise Unavailable(f"{without_credentials(url)}: {type(error).__name__}") from error
    if len(content) > MAX_BYTES:
        raise Unavailable(f"{without_credentials(url)}: more than {MAX_BYTES // 2**20} MiB")
    try:
        return msgspec.json.decode(content, type=as_type)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{without_credentials(url)}: not understood: {shorten(str(error))}") from error


def without_credentials(url: str) -> str:
    """*url* without user name, password and query: what may be shown, logged and stored."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))
    except ValueError:
        return shorten(url.rpartition("@")[2])
