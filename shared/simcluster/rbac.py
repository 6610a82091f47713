"""Who a request comes from and what RBAC lets them do: tokens, client certificates, Roles and Bindings.

Reads the real Role, ClusterRole and Binding objects of the store, so that a verb missing in a chart is a refused request here.
Source of the rules: Kubernetes documentation, "Using RBAC Authorization".
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.kinds import Resource
from shared.simcluster.refusals import Refusal, forbidden, unauthorized
from shared.simcluster.store import Store

_GROUP = "rbac.authorization.k8s.io"
ROLES = Resource(_GROUP, "v1", "roles", "Role")
CLUSTER_ROLES = Resource(_GROUP, "v1", "clusterroles", "ClusterRole", namespaced=False)
ROLE_BINDINGS = Resource(_GROUP, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLE_BINDINGS = Resource(_GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
_RBAC = {each.name for each in (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)}

MASTERS = "system:masters"
# What the default system:discovery, system:public-info-viewer and system:basic-user roles give to everybody who is authenticated.
_PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY_PATHS = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC_PATHS)


class Identity(msgspec.Struct, frozen=True):
    """A user and their groups, as authentication found them."""

    user: str
    groups: tuple[str, ...] = ()


ANONYMOUS = Identity("system:anonymous", ("system:unauthenticated",))


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do. `path` is set for requests that are no resource requests."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """One PolicyRule; `namespace` narrows the rules given to `SimCluster.add_user` (None: the whole cluster)."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")
    namespace: str | None = None

    def allows(self, wanted: Attributes) -> bool:
        if not _in(self.verbs, wanted.verb):
            return False
        if wanted.path:
            return any(_path_matches(pattern, wanted.path) for pattern in self.non_resource_urls)
        if not _in(self.api_groups, wanted.group) or (self.resource_names and wanted.name not in self.resource_names):
            return False
        full, spread = wanted.resource, "*"
        if wanted.subresource:
            full, spread = f"{wanted.resource}/{wanted.subresource}", f"*/{wanted.subresource}"
        return any(name in self.resources for name in ("*", full, spread))


def _in(known: Sequence[str], wanted: str) -> bool:
    return "*" in known or wanted in known


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


_EVERYBODY = (
    Rule(verbs=("get",), non_resource_urls=_DISCOVERY_PATHS),
    Rule(verbs=("create",), api_groups=("authentication.k8s.io",), resources=("selfsubjectreviews",)),
    Rule(
        verbs=("create",),
        api_groups=("authorization.k8s.io",),
        resources=("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ),
)


class _Token(msgspec.Struct, frozen=True):
    identity: Identity
    expires: datetime | None


class Users:
    """Tokens and the rules given to users directly; the rest comes from RBAC objects."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open_to_all = False
        self._tokens: dict[str, _Token] = {}
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._bindings: list[tuple[str, list[Mapping[str, Any]], tuple[Rule, ...]]] | None = None
        store.subscribe(self._changed)

    def _changed(self, key: str) -> None:
        if key in _RBAC:
            self._bindings = None

    def add_token(self, identity: Identity, token: str | None = None, expires: datetime | None = None) -> str:
        token = token or secrets.token_hex(16)
        self._tokens[token] = _Token(identity, expires)
        return token

    def revoke(self, token: str) -> None:
        self._tokens.pop(token, None)

    def set_rules(self, user: str, rules: Iterable[Mapping[str, Any]]) -> None:
        self._rules[user] = tuple(msgspec.convert(dict(rule), Rule) for rule in rules)

    def authenticate(self, authorization: str, certificate: Identity | None) -> Identity:
        """The identity behind an Authorization header, or a client certificate's. Unauthorized for a wrong or expired token."""
        kind, _, token = authorization.partition(" ")
        if authorization:
            known = self._tokens.get(token.strip()) if kind.lower() == "bearer" else None
            if known is None or (known.expires is not None and known.expires <= self._store.clock.now()):
                raise unauthorized()
            return known.identity
        return certificate or ANONYMOUS

    def allowed(self, identity: Identity, wanted: Attributes) -> bool:
        if self.open_to_all or MASTERS in identity.groups:
            return True
        if wanted.path in _PUBLIC_PATHS and wanted.verb == "get":
            return True
        return any(rule.allows(wanted) for rule in self.rules_for(identity, wanted.namespace))

    def rules_for(self, identity: Identity, namespace: str) -> list[Rule]:
        """Every rule that holds for *identity* in *namespace* (empty: cluster-wide only)."""
        found: list[Rule] = [Rule(verbs=("*",), api_groups=("*",), resources=("*",))] if MASTERS in identity.groups else []
        if "system:authenticated" in identity.groups:
            found += _EVERYBODY
        found += [rule for rule in self._rules.get(identity.user, ()) if rule.namespace in (None, namespace)]
        for where, subjects, rules in self._resolved():
            if where in ("", namespace) and any(_is_subject(subject, identity, where) for subject in subjects):
                found += rules
        return found

    def _resolved(self) -> list[tuple[str, list[Mapping[str, Any]], tuple[Rule, ...]]]:
        with self._store.lock:
            if self._bindings is None:
                self._bindings = [
                    (binding["metadata"].get("namespace") or "", binding.get("subjects") or [], self._role_rules(binding))
                    for resource in (CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)
                    for binding in self._store.list(resource)
                ]
            return self._bindings

    def _role_rules(self, binding: Mapping[str, Any]) -> tuple[Rule, ...]:
        reference = binding.get("roleRef") or {}
        resource = ROLES if reference.get("kind") == "Role" else CLUSTER_ROLES
        kind = self._store.type_of(resource)
        namespace = binding["metadata"].get("namespace") if resource is ROLES else ""
        record = self._store.record(kind, namespace, str(reference.get("name")))
        if record is None:
            return ()
        return tuple(msgspec.convert(rule, Rule) for rule in record.remainder().get("rules") or ())


def _is_subject(subject: Mapping[str, Any], identity: Identity, namespace: str) -> bool:
    name = subject.get("name")
    match subject.get("kind"):
        case "User":
            return name == identity.user
        case "Group":
            return name in identity.groups
        case "ServiceAccount":
            return identity.user == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
        case _:
            return False


def service_account(namespace: str, name: str) -> Identity:
    """The identity of a pod's service account."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Identity(f"system:serviceaccount:{namespace}:{name}", groups)


def refusal(identity: Identity, wanted: Attributes) -> Refusal:
    """403 in the API server's words."""
    if wanted.path:
        return forbidden(None, "", f'forbidden: User "{identity.user}" cannot {wanted.verb} path "{wanted.path}"')
    full = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    resource = Resource(wanted.group, "", wanted.resource, "")
    quoted = f' "{wanted.name}"' if wanted.name else ""
    message = (
        f'{resource.name}{quoted} is forbidden: User "{identity.user}" cannot {wanted.verb} resource "{full}" '
        f'in API group "{wanted.group}" {where}'
    )
    return forbidden(resource, wanted.name, message)
