"""Where the API server is and who we are there: kubeconfig files merged as kubectl merges them, or a pod's service account.

Sends nothing and starts nothing. Whatever is broken is a UsageError of one line that names the file. pykube reads only what is
made here: its own reader knows one file only and writes inline keys to predictable, world-readable places.
"""

from __future__ import annotations

import os
import shutil
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests.utils

from shared.configfile import AuthInfo, ClusterInfo, ContextInfo, ExecInfo, Merged, Stanza, merge_files
from shared.credentials import Credentials, Exec, Fixed, Plugin, TokenFile, basic, bearer
from shared.errors import UsageError
from shared.privatefiles import PrivateFiles

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_EXEC_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))


@dataclass(frozen=True)
class Access:
    """One server, one identity. Paths are absolute; `files` keeps inline certificates on disk as long as this object lives."""

    server: str
    credentials: Credentials = Fixed()
    ca_file: str | None = None
    verify: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    certificate: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    files: PrivateFiles | None = None

    def as_config(self) -> dict[str, Any]:
        """The kubeconfig document with one context that pykube is given. Holds no token: those go into each request."""
        cluster: dict[str, Any] = {"server": self.server, "insecure-skip-tls-verify": not self.verify}
        if self.ca_file and self.verify:
            cluster["certificate-authority"] = self.ca_file
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        user = dict(zip(("client-certificate", "client-key"), self.certificate, strict=True)) if self.certificate else {}
        return {
            "clusters": [{"name": "self", "cluster": cluster}],
            "users": [{"name": "self", "user": user}],
            "contexts": [{"name": "self", "context": {"cluster": "self", "user": "self", "namespace": self.namespace}}],
            "current-context": "self",
        }

    def proxies(self) -> dict[str, str]:
        """The kubeconfig's `proxy-url`, else what HTTPS_PROXY and NO_PROXY say about this server."""
        if self.proxy:
            return {"http": self.proxy, "https": self.proxy}
        return dict(requests.utils.get_environ_proxies(self.server, no_proxy=None))


def load_access(
    kubeconfig: str | None = None,
    context: str | None = None,
    server: str | None = None,
    service_account_dir: str = SERVICE_ACCOUNT,
    environ: Mapping[str, str] | None = None,
) -> Access:
    """The access that a connection's settings describe. *server* is used as it is, without credentials.

    Without *kubeconfig*: the files of $KUBECONFIG, else the pod's service account, else ~/.kube/config. Raises UsageError.
    """
    environ = os.environ if environ is None else environ
    if server:
        return Access(server=_checked_server(server, "--server"))
    if kubeconfig is None and not environ.get("KUBECONFIG") and environ.get("KUBERNETES_SERVICE_HOST") and context is None:
        folder = Path(service_account_dir)
        if (folder / "token").exists():
            return _from_service_account(folder, environ)
    merged = merge_files(kubeconfig, environ)
    return _from_context(merged, context)


def context_names(kubeconfig: str | None = None, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The contexts that the kubeconfig files name, in their order. Raises UsageError."""
    return tuple(merge_files(kubeconfig, os.environ if environ is None else environ).contexts)


def _from_service_account(folder: Path, environ: Mapping[str, str]) -> Access:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    host = f"[{host}]" if ":" in host else host
    ca_file, namespace = folder / "ca.crt", folder / "namespace"
    if not ca_file.is_file():
        raise UsageError(f"service account: {ca_file} is missing")
    if not _holds_certificates(ca_file):
        raise UsageError(f"service account: {ca_file} holds no certificate in PEM form")
    try:
        name = namespace.read_text(encoding="utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        name = "default"
    server = _checked_server(f"https://{host}:{port}", "KUBERNETES_SERVICE_HOST")
    return Access(server=server, credentials=TokenFile(folder / "token"), ca_file=str(ca_file), namespace=name)


def _from_context(merged: Merged, wanted: str | None) -> Access:
    name = wanted or merged.current
    known = ", ".join(merged.contexts) or "none"
    if not name:
        raise UsageError(f"{merged.where}: no current-context is set; choose one with --context (there are: {known})")
    if name not in merged.contexts:
        raise UsageError(f"{merged.where}: there is no context {name!r} (there are: {known})")
    context = merged.contexts[name]
    cluster = merged.clusters.get(context.value.cluster)
    if cluster is None:
        raise UsageError(f"{context.file}: context {name!r} names the cluster {context.value.cluster!r}, which is not defined")
    user: Stanza[AuthInfo] = Stanza(AuthInfo(), context.file, "")
    if context.value.user:
        if context.value.user not in merged.users:
            raise UsageError(f"{context.file}: context {name!r} names the user {context.value.user!r}, which is not defined")
        user = merged.users[context.value.user]
    return _access(cluster, user, context)


def _access(cluster: Stanza[ClusterInfo], user: Stanza[AuthInfo], context: Stanza[ContextInfo]) -> Access:
    files = PrivateFiles()
    info = cluster.value
    if not info.server:
        raise UsageError(f"{cluster.file}: {cluster.label}: server is missing")
    if info.insecure_skip_tls_verify and (info.certificate_authority or info.certificate_authority_data):
        raise UsageError(
            f"{cluster.file}: {cluster.label}: certificate-authority and insecure-skip-tls-verify exclude each other"
        )
    ca_file = _file_or_data(cluster, "certificate-authority", files)
    if ca_file and not _holds_certificates(ca_file):
        raise UsageError(f"{cluster.file}: {cluster.label}: certificate-authority holds no certificate in PEM form")
    return Access(
        server=_checked_server(info.server, f"{cluster.file}: {cluster.label}: server"),
        credentials=_credentials(user, cluster, files),
        ca_file=ca_file,
        verify=not info.insecure_skip_tls_verify,
        tls_server_name=info.tls_server_name or None,
        proxy=_checked_proxy(info.proxy_url, cluster),
        certificate=_certificate(user, files),
        headers=_impersonation(user),
        namespace=context.value.namespace or "default",
        files=files,
    )


def _certificate(user: Stanza[AuthInfo], files: PrivateFiles) -> tuple[str, str] | None:
    certificate = _file_or_data(user, "client-certificate", files)
    key = _file_or_data(user, "client-key", files)
    if (certificate is None) != (key is None):
        missing = "client-key" if key is None else "client-certificate"
        raise UsageError(f"{user.file}: {user.label}: {missing} is missing")
    if not (certificate and key):
        return None
    try:
        # An empty password instead of a question at the terminal, where nobody sits.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError):
        text = "client-certificate and client-key are not a pair in PEM form without a password"
        raise UsageError(f"{user.file}: {user.label}: {text}") from None
    return certificate, key


def _holds_certificates(path: str | Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:
        return False
    return True


def _credentials(user: Stanza[AuthInfo], cluster: Stanza[ClusterInfo], files: PrivateFiles) -> Credentials:
    info = user.value
    if info.token_file:
        # kubectl prefers the file over a token beside it.
        path = user.resolve(info.token_file)
        if not path.is_file():
            raise UsageError(f"{user.file}: {user.label}: tokenFile {path} is missing")
        return TokenFile(path)
    if info.token:
        try:
            return Fixed(bearer(info.token.strip()))
        except ValueError as error:
            raise UsageError(f"{user.file}: {user.label}: {error}") from None
    if info.exec is not None:
        return Exec(_plugin(info.exec, user, cluster, files))
    if info.username or info.password:
        return Fixed(basic(info.username, info.password))
    if info.auth_provider is not None:
        text = "auth-provider is no longer part of Kubernetes; use the exec plugin of your provider"
        raise UsageError(f"{user.file}: {user.label}: {text}")
    return Fixed()


def _plugin(info: ExecInfo, user: Stanza[AuthInfo], cluster: Stanza[ClusterInfo], files: PrivateFiles) -> Plugin:
    place = f"{user.file}: {user.label}: exec"
    if info.api_version not in _EXEC_VERSIONS:
        raise UsageError(f"{place}: apiVersion {info.api_version!r} is not known; accepted: {', '.join(_EXEC_VERSIONS)}")
    if info.interactive_mode == "Always":
        raise UsageError(f"{place}: interactiveMode Always needs somebody at a terminal; a controller has none")
    command = str(user.resolve(info.command)) if os.sep in info.command else info.command
    if not info.command or shutil.which(command) is None:
        hint = f" ({' '.join(info.install_hint.split())})" if info.install_hint else ""
        raise UsageError(f"{place}: the command {info.command!r} is not found{hint}")
    about: dict[str, object] | None = None
    if info.provide_cluster_info:
        about = {"server": cluster.value.server}
        if cluster.value.certificate_authority_data:
            about["certificate-authority-data"] = cluster.value.certificate_authority_data
        if cluster.value.tls_server_name:
            about["tls-server-name"] = cluster.value.tls_server_name
    return Plugin(
        command=(command, *(info.args or ())),
        api_version=info.api_version,
        save=files.save_text,
        environment={item.name: item.value for item in info.env or ()},
        cluster=about,
    )


def _impersonation(user: Stanza[AuthInfo]) -> dict[str, str]:
    """`as` of a user: acting with that user's rights and not, silently, with our own wider ones."""
    info = user.value
    if info.as_groups or info.as_user_extra:
        raise UsageError(f"{user.file}: {user.label}: as-groups and as-user-extra are not supported, only as and as-uid")
    headers = {key: value for key, value in (("Impersonate-User", info.as_), ("Impersonate-Uid", info.as_uid)) if value}
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise UsageError(f"{user.file}: {user.label}: as has characters that a user name cannot have")
    return headers


def _file_or_data(stanza: Stanza[Any], key: str, files: PrivateFiles) -> str | None:
    """The path of a certificate or key: inline data (which wins, as in kubectl) is written to a private file first."""
    attribute = key.replace("-", "_")
    data, name = getattr(stanza.value, f"{attribute}_data"), getattr(stanza.value, attribute)
    if data:
        try:
            return files.save_base64(f"{key}.pem", data)
        except ValueError:
            raise UsageError(f"{stanza.file}: {stanza.label}: {key}-data is not base64") from None
    if not name:
        return None
    path = stanza.resolve(name)
    if not path.is_file():
        raise UsageError(f"{stanza.file}: {stanza.label}: {key} {path} is missing")
    return str(path)


def _checked_server(server: str, place: str) -> str:
    try:
        parts = urllib.parse.urlsplit(server)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0 and not parts.query
    except ValueError:
        valid = False
    if not valid or any(sign <= " " for sign in server):
        raise UsageError(f"{place}: {server!r} is no URL of an API server; accepted: https://host:port")
    return server.rstrip("/")


def _checked_proxy(proxy: str, cluster: Stanza[ClusterInfo]) -> str | None:
    if proxy and urllib.parse.urlsplit(proxy).scheme not in ("http", "https", "socks5"):
        raise UsageError(f"{cluster.file}: {cluster.label}: proxy-url {proxy!r}: accepted are http, https and socks5 URLs")
    return proxy or None
