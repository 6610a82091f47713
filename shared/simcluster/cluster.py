"""SimCluster: the embedded cluster as tests, the demo and the command line use it."""

from __future__ import annotations

import base64
import copy
import gc
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Unpack, cast

import yaml

from shared.kinds import NAMESPACES, Resource
from shared.simcluster import bootstrap, deletion, tls
from shared.simcluster.api import Api, OnWrite, Seen
from shared.simcluster.client import Client
from shared.simcluster.clock import SimClock
from shared.simcluster.metrics_api import Amounts
from shared.simcluster.rbac import MASTERS, Identity, service_account
from shared.simcluster.records import JsonObject
from shared.simcluster.server import HOST, Server
from shared.simcluster.store import DeleteOptions, Store

if TYPE_CHECKING:
    from shared.cluster import Connection
    from shared.simcluster.live import LiveSettings

ADMIN = "kubernetes-admin"
# Named here because `SimCluster.list` takes the name of the type inside the class.
SeenRequests = list[Seen]


class Live(Protocol):
    """The living half: workload controllers, scheduler, autoscaler, usage. `step` brings the cluster to *now*."""

    def step(self, now: datetime) -> None: ...

    def close(self) -> None: ...


class SimCluster:
    """A Kubernetes API server in this process, on a clock of its own.

    *start* is the simulated instant at which it begins, and its clock then stands still until it is moved; None follows the real
    time. *fleet* is "empty", "demo" or a number of deployments. *live* runs the workload controllers as the clock moves, with the
    node pools and timing of *settings*. *rbac* False lets every identity do everything. Use it as a context manager: it listens
    from `__enter__` to `__exit__`.
    """

    def __init__(  # noqa: PLR0913 - each is a fact about the cluster, and they are named at every use
        self,
        start: datetime | None = None,
        fleet: Literal["empty", "demo"] | int = "empty",
        live: bool = False,
        seed: int = 1,
        rbac: bool | None = None,
        *,
        port: int = 0,
        settings: LiveSettings | None = None,
    ) -> None:
        self.clock = SimClock(start)
        self.store = Store(self.clock, seed)
        self.api = Api(self.store, seed)
        self.faults = self.api.faults
        bootstrap.install(self.store)
        self.api.users.open_to_all = rbac is False
        self.token = self.api.users.add_token(Identity(ADMIN, (MASTERS, "system:authenticated")))
        self._tokens: dict[str, str] = {ADMIN: self.token}
        self._folder: Path | None = None
        self.live: Live | None = None
        if fleet != "empty":
            self._load_fleet(fleet, seed, settings)
        if live:
            self.live = self._make_live(seed, settings)
        self._server = Server(self.api, port)

    def _load_fleet(self, fleet: Literal["demo"] | int, seed: int, settings: LiveSettings | None) -> None:
        # The fleets are only needed by those who ask for one.
        from shared.simcluster.fleet import load
        from shared.simcluster.static_usage import StaticUsage

        # The garbage collector would walk a large fleet again and again while it is made, and in the middle of a page later on.
        gc.disable()
        try:
            load(self.store, fleet, seed, self.clock.now(), settings)
        finally:
            gc.enable()
        if isinstance(fleet, int):
            gc.collect()
            gc.freeze()
        self.api.usage.source = StaticUsage(self.store)

    def _make_live(self, seed: int, settings: LiveSettings | None) -> Live:
        from shared.simcluster.live import Live as Living

        living = Living(self.store, self.clock, seed, settings)
        self.api.usage.source = living
        return living

    # Running

    def start(self) -> SimCluster:
        """Listen. Returns when connections are accepted."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening, end all watches and remove the temporary files; a second call does nothing."""
        self._server.stop()
        if self.live is not None:
            self.live.close()
            self.live = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> SimCluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # Connecting

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._server.port}"

    @property
    def folder(self) -> Path:
        """A private temporary folder that lives as long as the cluster."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kube-thrift-sim-"))
        return self._folder

    @property
    def ca_file(self) -> str:
        """The path of the certificate authority's PEM file, for `requests` and the like."""
        path = self.folder / "ca.crt"
        if not path.exists():
            path.write_bytes(tls.authority().pem)
        return str(path)

    def kubeconfig(self, user: str | None = None) -> JsonObject:
        """A kubeconfig for the administrator or for a user that `add_user` made; needs no file besides itself."""
        name = user or ADMIN
        cluster = {"server": self.url, "certificate-authority-data": _base64(tls.authority().pem)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "simcluster", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": self._tokens[name]}}],
            "contexts": [{"name": "simcluster", "context": {"cluster": "simcluster", "user": name, "namespace": "default"}}],
            "current-context": "simcluster",
        }

    def write_kubeconfig(self, path: str | Path, user: str | None = None) -> Path:
        """Write `kubeconfig(user)` to *path*, readable by its owner only."""
        target = Path(path)
        target.touch(mode=0o600)
        target.write_text(yaml.safe_dump(self.kubeconfig(user), sort_keys=False))
        return target

    def connection(self, user: str | None = None, **overrides: Any) -> Connection:
        """A `shared.cluster.Connection` to this cluster, as *user* (default: the administrator)."""
        from shared.cluster import Connection  # the client layer is not needed to serve

        path = self.folder / f"kubeconfig-{len(list(self.folder.iterdir()))}"
        return Connection(**{"kubeconfig": str(self.write_kubeconfig(path, user)), **overrides})

    def client(self, user: str | None = ADMIN) -> Client:
        """Raw HTTP as the administrator, as a user that `add_user` made, or with None as nobody."""
        token = self._tokens[user] if user is not None else None
        return Client(self.url, tls.authority().pem.decode(), token)

    # Identities

    def add_user(
        self,
        name: str,
        token: str | None = None,
        rules: Iterable[Mapping[str, Any]] = (),
        *,
        groups: Iterable[str] = (),
        expires: datetime | None = None,
    ) -> str:
        """Make a user who may do what *rules* (PolicyRules, each with an optional `namespace`) and the RBAC objects say;
        returns the token.
        """
        identity = Identity(name, (*groups, "system:authenticated"))
        self.api.users.set_rules(name, rules)
        self._tokens[name] = self.api.users.add_token(identity, token, expires)
        return self._tokens[name]

    def service_account_token(self, namespace: str, name: str, *, expires: datetime | None = None) -> str:
        """A token of a service account; what it may do is up to the bindings in the cluster."""
        identity = service_account(namespace, name)
        self._tokens[identity.user] = self.api.users.add_token(identity, None, expires)
        return self._tokens[identity.user]

    def client_certificate(self, user: str, groups: Iterable[str] = ()) -> tuple[bytes, bytes]:
        """(certificate, key) in PEM with which *user* in *groups* authenticates."""
        return tls.authority().client(user, tuple(groups))

    # Objects, directly

    def _resource(self, kind: str | Resource, group: str | None = None) -> Resource:
        return kind if isinstance(kind, Resource) else self.store.resource_for(kind, group)

    def create(self, obj: JsonObject) -> JsonObject:
        """Create *obj* by the API's rules. A status in it is written too, as by a second request to /status."""
        with self.store.lock:
            _, view = self.store.registry.of_object(obj.get("apiVersion", ""), obj.get("kind", ""))
            made = self.store.create(view, obj)
            if obj.get("status") and made.get("status") != obj["status"]:
                made["status"] = copy.deepcopy(obj["status"])
                made = self.store.update(view, made, subresource="status")
            return made

    def get(self, kind: str | Resource, namespace: str | None, name: str) -> JsonObject:
        """A copy of one object; *kind* is a plural, singular, short name, kind, or any of these with `.group`. NotFound where
        absent.
        """
        return self.store.get(self._resource(kind), namespace, name)

    def list(self, kind: str | Resource, namespace: str | None = None, group: str | None = None) -> list[JsonObject]:
        """Copies, in order of namespace and name."""
        return self.store.list(self._resource(kind, group), namespace)

    def patch(
        self, kind: str | Resource, namespace: str | None, name: str, merge: JsonObject, *, subresource: str | None = None
    ) -> JsonObject:
        """A JSON merge patch."""
        return self.store.merge(self._resource(kind), namespace, name, merge, subresource=subresource)

    def delete(
        self, kind: str | Resource, namespace: str | None, name: str, **options: Unpack[DeleteOptions]
    ) -> JsonObject | None:
        """Delete, with what it owns. None when it is gone, the object while finalizers hold it."""
        return self.store.delete(self._resource(kind), namespace, name, **options)

    def namespace(self, name: str, **metadata: Any) -> JsonObject:
        """Create a namespace (labels=..., annotations=...)."""
        return self.store.create(NAMESPACES, {"metadata": {"name": name, **metadata}})

    # Time, faults, observation

    def advance(self, length: timedelta) -> None:
        """Move the clock by *length* and live through it: controllers if the cluster is live, garbage collection in any case."""
        now = self.clock.advance(length)
        if self.live is not None:
            self.live.step(now)
        with self.store.lock:
            deletion.collect_garbage(self.store)

    def compact(self) -> None:
        """Forget the history: watches and continue tokens from before answer 410."""
        with self.store.lock:
            self.api.pages.clear()
            self.store.compact()

    def on_write(self, callback: OnWrite) -> Callable[[], None]:
        """Call *callback* (verb, resource, namespace, name) before each write of a client. It may write itself, or raise: then
        the write does not happen and the client's connection breaks. Returns a function that takes the callback away again."""
        self.api.on_write.append(callback)
        return lambda: self.api.on_write.remove(callback)

    @property
    def requests(self) -> SeenRequests:
        """What clients asked so far, oldest first (the last 100,000)."""
        return list(self.api.requests)

    def clear_requests(self) -> None:
        self.api.requests.clear()

    def set_usage(self, kind: str, namespace: str | None, name: str, usage: Mapping[str, Any]) -> None:
        """What metrics.k8s.io says: for "pods" {container: {"cpu": cores, "memory": bytes}}, for "nodes" {"cpu": ...,
        "memory": ...}.
        """
        if kind == "pods":
            self.api.usage.set_pod(namespace or "", name, cast(Mapping[str, Amounts], usage))
        else:
            self.api.usage.set_node(name, cast(Amounts, usage))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
