"""Kubeconfig files as values: read, checked field by field, and merged by kubectl's rules. Opens nothing except these files.

Source of the rules: "Organizing Cluster Access Using kubeconfig Files" in the Kubernetes documentation: the first file that sets
a name or the current context wins, and relative paths count from the file they stand in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import yaml

from shared.errors import UsageError

T = TypeVar("T")


class _Dashed(msgspec.Struct, rename="kebab", frozen=True, kw_only=True):
    """Most kubeconfig fields are written with dashes; unknown ones are ignored."""


class ClusterInfo(_Dashed, frozen=True):
    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""


class ContextInfo(_Dashed, frozen=True):
    cluster: str = ""
    user: str = ""
    namespace: str = ""


class EnvVar(_Dashed, frozen=True):
    name: str
    value: str = ""


class ExecInfo(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    command: str = ""
    api_version: str = ""
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    install_hint: str = ""
    interactive_mode: str = ""
    provide_cluster_info: bool = False


class AuthInfo(_Dashed, frozen=True):
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    username: str = ""
    password: str = ""
    exec: ExecInfo | None = None
    auth_provider: Any = None
    as_: str = msgspec.field(default="", name="as")
    as_uid: str = ""
    as_groups: Any = None
    as_user_extra: Any = None


class _NamedCluster(_Dashed, frozen=True):
    name: str
    cluster: ClusterInfo = ClusterInfo()


class _NamedContext(_Dashed, frozen=True):
    name: str
    context: ContextInfo = ContextInfo()


class _NamedUser(_Dashed, frozen=True):
    name: str
    user: AuthInfo | None = None


class _Document(_Dashed, frozen=True):
    current_context: str | None = None
    clusters: list[_NamedCluster] | None = None
    contexts: list[_NamedContext] | None = None
    users: list[_NamedUser] | None = None


@dataclass(frozen=True)
class Stanza(Generic[T]):
    """One cluster, context or user, and the file it stands in."""

    value: T
    file: Path
    label: str

    def resolve(self, name: str) -> Path:
        """A path of this stanza; a relative one counts from the file's own folder."""
        return self.file.absolute().parent / Path(name).expanduser()


@dataclass(frozen=True)
class Merged:
    """Several files as one. `where` names them in messages."""

    where: str
    current: str = ""
    clusters: dict[str, Stanza[ClusterInfo]] = field(default_factory=dict)
    contexts: dict[str, Stanza[ContextInfo]] = field(default_factory=dict)
    users: dict[str, Stanza[AuthInfo]] = field(default_factory=dict)


def merge_files(kubeconfig: str | None, environ: Mapping[str, str]) -> Merged:
    """The file *kubeconfig*, else those of $KUBECONFIG (missing ones are skipped while one is there), else ~/.kube/config.

    Raises UsageError with one line naming the file.
    """
    files = _files(kubeconfig, environ)
    current = ""
    merged = Merged(where=", ".join(str(file) for file in files))
    for file in files:
        document = _read(file)
        current = current or document.current_context or ""
        for cluster in document.clusters or ():
            merged.clusters.setdefault(cluster.name, Stanza(cluster.cluster, file, f"cluster {cluster.name!r}"))
        for context in document.contexts or ():
            merged.contexts.setdefault(context.name, Stanza(context.context, file, f"context {context.name!r}"))
        for user in document.users or ():
            merged.users.setdefault(user.name, Stanza(user.user or AuthInfo(), file, f"user {user.name!r}"))
    return Merged(merged.where, current, merged.clusters, merged.contexts, merged.users)


def _files(kubeconfig: str | None, environ: Mapping[str, str]) -> list[Path]:
    if kubeconfig:
        return [_present(kubeconfig, "kubeconfig")]
    if listed := environ.get("KUBECONFIG"):
        paths = _unique(Path(item).expanduser() for item in listed.split(os.pathsep) if item)
        present = [path for path in paths if path.exists()]
        if not present:
            raise UsageError(f"$KUBECONFIG: {', '.join(map(str, paths)) or repr(listed)}: no such file")
        return present
    home = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    if not home.exists():
        text = "no cluster to talk to: $KUBECONFIG is not set, there is no service account of a pod and no"
        raise UsageError(f"{text} {home}; name one with --kubeconfig or --server")
    return [home]


def _present(name: str, what: str) -> Path:
    path = Path(name).expanduser()
    if not path.exists():
        raise UsageError(f"{what} {path}: no such file")
    return path


def _unique(paths: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(paths))


def _read(file: Path) -> _Document:
    try:
        document = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise UsageError(f"kubeconfig {file}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"kubeconfig {file}: not YAML: {_yaml_text(error)}") from None
    if document is None:
        return _Document()
    try:
        return msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        place = path.strip("`").removeprefix("$.").removeprefix("$")
        raise UsageError(
            f"kubeconfig {file}: {place + ': ' if place else ''}{text[:1].lower()}{text[1:].replace('`', '')}"
        ) from None


def _yaml_text(error: Exception) -> str:
    """The problem and its line, of the several lines that the YAML library says. Nothing of the file: it may hold a token."""
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or type(error).__name__
    return f"{text} (line {mark.line + 1})" if mark is not None else str(text)
