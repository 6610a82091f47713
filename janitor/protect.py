"""What is never deleted, whatever an annotation, a rule or a flag says. Pure.

Namespace                object and contents          kube-system, kube-public, kube-node-lease, the janitor's own
                         object only                  default
kinds                    always                       Node, APIService, CustomResourceDefinition, Lease, webhook configurations
                         while Bound                  PersistentVolume
                         named system:*               ClusterRole, ClusterRoleBinding, Role, RoleBinding
janitor/protected        on the object, or on its Namespace for everything in it
--protect                shell patterns: NAMESPACE, NAMESPACE/NAME, RESOURCE/NAMESPACE/NAME
label janitor/keeps      the janitor's own backups and state
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from janitor.annotations import Keys, is_protected
from janitor.names import resource_names
from shared.errors import ValueProblem
from shared.kinds import Resource
from shared.objects import Object

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
OWN_LABEL = "janitor/keeps"
ACCEPTED_PATTERN = (
    "NAMESPACE, NAMESPACE/NAME or RESOURCE/NAMESPACE/NAME with * and ?; an empty NAMESPACE for cluster-scoped objects"
)

_KINDS = frozenset(
    {
        ("", "nodes"),
        ("apiregistration.k8s.io", "apiservices"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("coordination.k8s.io", "leases"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    }
)
_VOLUMES = ("", "persistentvolumes")
# Written again by the control plane as soon as they are gone: a default TTL for "everything" does not mean them.
RECREATED = frozenset({("", "configmaps", "kube-root-ca.crt"), ("", "serviceaccounts", "default")})


@dataclass(frozen=True)
class Pattern:
    """One item of --protect. A pattern of a whole namespace also covers the Namespace object."""

    resource: str
    namespace: str
    name: str

    def matches(self, resource: Resource, namespace: str, name: str) -> bool:
        if self.resource != "*" and not resource_names([self.resource]).matches(resource):
            return False
        if (resource.group, resource.plural) == ("", "namespaces"):
            namespace = name if self.name == "*" else ""
        return fnmatch.fnmatchcase(namespace, self.namespace) and fnmatch.fnmatchcase(name, self.name)


def parse_pattern(text: str) -> Pattern:
    """Raises ValueProblem."""
    parts = text.strip().split("/")
    if not text.strip() or len(parts) > 3 or not parts[-1]:
        raise ValueProblem(text, ACCEPTED_PATTERN)
    if len(parts) == 1:
        return Pattern("*", parts[0], "*")
    return Pattern(parts[0] if len(parts) == 3 and parts[0] else "*", parts[-2], parts[-1])


@dataclass(frozen=True)
class Protection:
    """The flags' part of it: patterns, and the namespace the janitor itself runs in (empty outside a cluster)."""

    patterns: tuple[Pattern, ...] = ()
    own_namespace: str = ""


def never_deleted(resource: Resource) -> bool:
    """Types of which no object is ever deleted, so that nobody needs to list them."""
    return (resource.group, resource.plural) in _KINDS


def needs_whole(resource: Resource) -> bool:
    """Types whose metadata does not tell whether an object is protected."""
    return (resource.group, resource.plural) == _VOLUMES


def protected_because(  # noqa: PLR0913 - each is one independent input of the table above
    resource: Resource,
    obj: Object,
    document: Mapping[str, Any] | None,
    namespace: Object | None,
    keys: Keys,
    protection: Protection,
) -> str | None:
    """Why this object is never deleted, or None. *namespace* is the Namespace it lives in, None for cluster-scoped objects."""
    if never_deleted(resource):
        return f"objects of kind {resource.kind} are never deleted"
    home = obj.namespace
    if (resource.group, resource.plural) == ("", "namespaces"):
        home = obj.name
        if obj.name == "default":
            return "the namespace default is never deleted"
    if home in SYSTEM_NAMESPACES or (home and home == protection.own_namespace):
        return f"namespace {home} is never touched"
    marked = marked_because(resource, obj, keys, protection)
    if marked:
        return marked
    if namespace is not None and is_protected(namespace.metadata, keys):
        return f"namespace {namespace.name} is marked as protected"
    return _by_kind(resource, obj, document)


def marked_because(resource: Resource, obj: Object, keys: Keys, protection: Protection) -> str | None:
    """Why somebody wants to keep this very object; such an object also keeps the Namespace that it lives in."""
    if is_protected(obj.metadata, keys):
        return "the object is marked as protected"
    if obj.metadata.label(OWN_LABEL) is not None:
        return "it belongs to the janitor"
    if any(pattern.matches(resource, obj.namespace, obj.name) for pattern in protection.patterns):
        return "it matches a pattern of --protect"
    return None


def _by_kind(resource: Resource, obj: Object, document: Mapping[str, Any] | None) -> str | None:
    if resource.group == "rbac.authorization.k8s.io" and obj.name.startswith("system:"):
        return "roles and bindings named system:* belong to Kubernetes"
    if (resource.group, resource.plural) == _VOLUMES:
        status = (document or {}).get("status")
        phase = status.get("phase") if isinstance(status, Mapping) else None
        if phase is None or phase == "Bound":
            return f"the volume is {phase or 'in an unknown phase'}"
    return None
