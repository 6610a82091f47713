"""Which clusters there are: a registry, a list of URLs, the contexts of a kubeconfig, or the cluster this runs in.

A registry wins over everything else, a list of URLs over the kubeconfig. With neither list nor kubeconfig: the pod's service
account, else kubectl proxy on port 8001.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from resource_report.notifications import Notification, Severity
from resource_report.registry import RegisteredCluster, Tokens, fetch_clusters, without_credentials
from shared.cluster import Connection
from shared.errors import ThriftError, UsageError
from shared.kubeconfig import context_names
from shared.privatefiles import PrivateFiles

PROXY = "http://localhost:8001/"
REGISTRY_SECONDS = 60.0
# Where HTTP clients of this kind look for a company's own certificate authority.
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SERVICE_ACCOUNT_TOKEN = "token"  # noqa: S105 - a file's name


@dataclass(frozen=True)
class ClusterRef:
    """One cluster to be read. `id` is what pages and files call it, `connection` how to get there (never stored)."""

    id: str
    name: str
    connection: Connection


@dataclass(frozen=True)
class DiscoverySettings:
    """`has_kubeconfig` says whether there is one: at the path `kubeconfig`, or with None there in the files of $KUBECONFIG.

    `base` is what all connections have in common.
    """

    registry: str | None = None
    urls: tuple[str, ...] = ()
    kubeconfig: str | None = None
    has_kubeconfig: bool = False
    contexts: tuple[str, ...] = ()
    default_name: str = "cluster"
    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    base: Connection = field(default_factory=Connection)
    tokens: Tokens = field(default_factory=lambda: Tokens({}, Path("/meta/credentials")))


class ClusterDiscovery:
    """Answers which clusters there are, run after run. A registry's last answer stands in when it cannot be reached."""

    def __init__(self, settings: DiscoverySettings, environ: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._files = PrivateFiles()
        self._registered: tuple[RegisteredCluster, ...] = ()
        self._asked: float | None = None
        self._saved: dict[str, str] = {}  # the text of a kubeconfig to its file

    def remember(self, registered: Sequence[RegisteredCluster]) -> None:
        """What an earlier process was told by the registry."""
        self._registered = self._registered or tuple(registered)

    @property
    def registered(self) -> tuple[RegisteredCluster, ...]:
        """What the registry told last, to be kept for the next process. Holds URLs and names, no credentials."""
        return self._registered

    def clusters(self, monotonic: float) -> tuple[list[ClusterRef], list[Notification]]:
        """The clusters that the filters let through, each id once. Raises UsageError for a kubeconfig that cannot be read."""
        notes: list[Notification] = []
        settings = self._settings
        if settings.registry:
            found = self._from_registry(settings.registry, monotonic, notes)
        elif settings.urls or not settings.has_kubeconfig:
            found = self._from_urls()
        else:
            found = self._from_contexts(settings.kubeconfig)
        unique: dict[str, ClusterRef] = {}
        for ref in found:
            if not self._chosen(ref.id):
                continue
            if ref.id in unique:
                message = f"two clusters have the id {ref.id}; only the first is read"
                notes.append(Notification(Severity.WARNING, ref.id, "clusters", message))
            unique.setdefault(ref.id, ref)
        return list(unique.values()), notes

    def _chosen(self, cluster: str) -> bool:
        """Both patterns are matched from the start of the id, and need not reach its end."""
        include, exclude = self._settings.include, self._settings.exclude
        return (include is None or bool(include.match(cluster))) and not (exclude and exclude.match(cluster))

    def _from_registry(self, url: str, monotonic: float, notes: list[Notification]) -> list[ClusterRef]:
        if self._asked is None or monotonic - self._asked >= REGISTRY_SECONDS:
            try:
                self._registered = fetch_clusters(url, self._settings.tokens)
                self._asked = monotonic
            except ThriftError as error:
                kept = f"the last list of {len(self._registered)} clusters is used"
                remedy = "check the URL and the token named read-only"
                notes.append(Notification(Severity.ERROR, "", "cluster registry", f"{error}; {kept}", remedy))
        return [ClusterRef(row.id, row.alias or row.id, self._with_token(row.api_server_url)) for row in self._registered]

    def _with_token(self, url: str) -> Connection:
        """A connection with the registry's bearer token, handed over in a file that only this process can read."""
        tokens = self._settings.tokens
        inline = tokens.token()
        user = {"token": inline} if inline and not tokens.file().exists() else {"tokenFile": str(tokens.file())} if inline else {}
        return self._through_file(url, user)

    def _through_file(self, url: str, user: dict[str, str]) -> Connection:
        """The connection of a kubeconfig written for it: the way to give credentials and a certificate authority."""
        authority = next((self._environ[name] for name in _AUTHORITIES if self._environ.get(name)), None)
        server = {"server": url} | ({"certificate-authority": authority} if authority and url.startswith("https:") else {})
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "listed",
            "clusters": [{"name": "listed", "cluster": server}],
            "users": [{"name": "listed", "user": user}],
            "contexts": [{"name": "listed", "context": {"cluster": "listed", "user": "listed"}}],
        }
        text = json.dumps(config)
        path = self._saved.get(text) or self._files.save_text("kubeconfig", text)
        self._saved[text] = path
        return replace(self._settings.base, kubeconfig=path, context="listed", server=None)

    def _from_urls(self) -> list[ClusterRef]:
        base, settings = self._settings.base, self._settings
        if settings.urls:
            private = any(self._environ.get(name) for name in _AUTHORITIES)
            return [
                ClusterRef(
                    cluster_id(url), cluster_id(url), self._through_file(url, {}) if private else replace(base, server=url)
                )
                for url in settings.urls
            ]
        name = cluster_id(settings.default_name)
        in_cluster = Path(base.service_account_dir, SERVICE_ACCOUNT_TOKEN).exists()
        if self._environ.get("KUBERNETES_SERVICE_HOST") and in_cluster:
            return [ClusterRef(name, name, base)]
        return [ClusterRef(name, name, replace(base, server=PROXY))]

    def _from_contexts(self, kubeconfig: str | None) -> list[ClusterRef]:
        known = context_names(kubeconfig, self._environ)
        names = self._settings.contexts or known
        for name in names:
            if name not in known:
                raise UsageError(f"--kubeconfig-contexts: there is no context {name!r} (there are: {', '.join(known) or 'none'})")
        base = replace(self._settings.base, kubeconfig=kubeconfig)
        return [ClusterRef(name, name, replace(base, context=name)) for name in names]


def cluster_id(url: str) -> str:
    """The id of a cluster that is known by its URL only: without the scheme, in lower case, odd characters as dashes.

    `https://kube.example.org:6443` becomes `kube.example.org:6443` with its dots as dashes: `kube-example-org:6443`.
    """
    shown = without_credentials(url) if "://" in url else url
    return re.sub(r"[^a-z0-9:-]", "-", re.sub(r"^[a-z][a-z0-9+.-]*://", "", shown.lower()).rstrip("/"))
