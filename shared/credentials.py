"""Who we are to an API server: a fixed token, a token in a file that is rotated, a password, an exec plugin, or nothing.

Tokens are read again before they grow old and at once after the server refused one. Thread-safe.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from shared.errors import Unauthorized, ValueProblem, shorten
from shared.objects import Struct
from shared.times import parse_timestamp

# The kubelet rotates a projected token long before it expires; a minute is what client-go waits too.
_REREAD = timedelta(minutes=1)
# A plugin's token is replaced this long before it expires, so that it does not expire under way.
_MARGIN = timedelta(seconds=30)
_PLUGIN_TIMEOUT = 60.0
# A plugin that has just answered a refusal with a token that is refused too is not asked again sooner than this.
_RERUN = timedelta(seconds=10)


@dataclass(frozen=True)
class Secret:
    """What one request carries: an Authorization header, or paths of a client certificate and its key; or neither."""

    authorization: str = field(default="", repr=False)
    certificate: tuple[str, str] | None = None


class Credentials(Protocol):
    def current(self, now: datetime) -> Secret:
        """What to send at the instant *now*. Raises Unauthorized with one line when there is nothing to be had."""
        ...

    def renew(self, refused: Secret, now: datetime) -> bool:
        """After the server refused *refused*: True when there are others by now, so that trying again makes sense."""
        ...


@dataclass(frozen=True)
class Fixed:
    """A token, a password or nothing: it never changes."""

    secret: Secret = Secret()

    def current(self, now: datetime) -> Secret:
        return self.secret

    def renew(self, refused: Secret, now: datetime) -> bool:
        return False


def bearer(token: str) -> Secret:
    """Raises ValueError for a token that no HTTP header can carry, such as one with a line break in it."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("the token has characters that a token cannot have")
    return Secret(authorization=f"Bearer {token}")


def basic(username: str, password: str) -> Secret:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return Secret(authorization=f"Basic {pair}")


class TokenFile:
    """A token in a file (a service account's, or `tokenFile` of a kubeconfig), read at most once a minute.

    When the file cannot be read for once, the token known from before is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._secret: Secret | None = None
        self._read_at: datetime | None = None

    def current(self, now: datetime) -> Secret:
        with self._lock:
            if self._secret is None or self._read_at is None or abs(now - self._read_at) >= _REREAD:
                self._read(now)
            assert self._secret is not None
            return self._secret

    def renew(self, refused: Secret, now: datetime) -> bool:
        with self._lock:
            self._read(now)
            return self._secret != refused

    def _read(self, now: datetime) -> None:
        self._read_at = now
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._secret is None:
                reason = error.strerror if isinstance(error, OSError) else "no text"
                raise Unauthorized(f"the token file {self._path} cannot be read: {reason}") from None
            return
        try:
            found = bearer(token) if token else None
        except ValueError:
            found = None
        if found is None and self._secret is None:
            raise Unauthorized(f"the token file {self._path} holds no token")
        self._secret = found or self._secret


class _PluginStatus(Struct, frozen=True):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: str | None = None


class _PluginAnswer(Struct, frozen=True):
    """An ExecCredential; sources: the Kubernetes API reference, client.authentication.k8s.io/v1."""

    status: _PluginStatus = _PluginStatus()


@dataclass(frozen=True)
class Plugin:
    """How an exec plugin is run. `save` writes a certificate or key to a private file and returns its path."""

    command: Sequence[str]
    api_version: str
    save: Callable[[str, str], str]
    environment: Mapping[str, str] = field(default_factory=dict)
    cluster: Mapping[str, object] | None = None


class Exec:
    """Credentials that a command prints (`aws eks get-token`, `gke-gcloud-auth-plugin`, ...), kept until they expire."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._lock = threading.Lock()
        self._secret: Secret | None = None
        self._expires: datetime | None = None
        self._renewed_at: datetime | None = None

    def current(self, now: datetime) -> Secret:
        with self._lock:
            if self._secret is None or (self._expires is not None and now >= self._expires - _MARGIN):
                self._run()
            assert self._secret is not None
            return self._secret

    def renew(self, refused: Secret, now: datetime) -> bool:
        with self._lock:
            # Many threads are refused at once; the first one's run is for all of them.
            if self._secret == refused and (self._renewed_at is None or abs(now - self._renewed_at) >= _RERUN):
                self._renewed_at = now
                self._run()
            return self._secret != refused

    def _run(self) -> None:
        name = self._plugin.command[0]
        spec: dict[str, object] = {"interactive": False}
        if self._plugin.cluster is not None:
            spec["cluster"] = self._plugin.cluster
        info = {"apiVersion": self._plugin.api_version, "kind": "ExecCredential", "spec": spec}
        environment = {**os.environ, **self._plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            done = subprocess.run(
                list(self._plugin.command),
                env=environment,
                capture_output=True,
                timeout=_PLUGIN_TIMEOUT,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise Unauthorized(f"the credential plugin {name} did not end within {_PLUGIN_TIMEOUT:g} s") from None
        except (OSError, ValueError) as error:
            raise Unauthorized(
                f"the credential plugin {name} cannot be run: {getattr(error, 'strerror', None) or error}"
            ) from None
        if done.returncode != 0:
            said = shorten(" ".join(done.stderr.decode("utf-8", "replace").split()), 200)
            raise Unauthorized(
                f"the credential plugin {name} failed with exit code {done.returncode}: {said or 'it said nothing'}"
            )
        try:
            status = msgspec.json.decode(done.stdout, type=_PluginAnswer).status
            expires = parse_timestamp(status.expiration_timestamp) if status.expiration_timestamp else None
        except (msgspec.DecodeError, UnicodeDecodeError, ValueProblem, RecursionError):
            raise Unauthorized(f"the credential plugin {name} did not print an ExecCredential") from None
        self._secret, self._expires = self._kept(status), expires

    def _kept(self, status: _PluginStatus) -> Secret:
        certificate = None
        if status.client_certificate_data and status.client_key_data:
            save = self._plugin.save
            certificate = (save("exec.crt", status.client_certificate_data), save("exec.key", status.client_key_data))
        if not status.token and certificate is None:
            raise Unauthorized(f"the credential plugin {self._plugin.command[0]} printed neither a token nor a certificate")
        try:
            return replace(bearer(status.token) if status.token else Secret(), certificate=certificate)
        except ValueError as error:
            raise Unauthorized(f"the credential plugin {self._plugin.command[0]}: {error}") from None
