"""The reference graph: who mentions a claim, a ConfigMap, a Secret; which services have endpoints; what still exists. Pure.

It errs on the side of "in use": any field whose name speaks of a secret, a configmap or a claim counts as a reference, at any
depth, in
any kind. So init and ephemeral containers, projected volumes, CronJob templates and pod templates inside custom resources need
no rules
of their own. Only names are kept, never objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from janitor.policy import Facts
from janitor.protect import RECREATED
from shared.kinds import Resource
from shared.objects import Object

CLAIM, CONFIG_MAP, SECRET = "PersistentVolumeClaim", "ConfigMap", "Secret"

# What has to be read before a fact is known: pods, references (everything that can mention a name), endpoints, inventory (all
# metadata).
NEEDS: Mapping[str, frozenset[str]] = {
    "pvc_is_not_mounted": frozenset({"pods"}),
    "pvc_is_not_referenced": frozenset({"pods", "references"}),
    "configmap_is_not_referenced": frozenset({"pods", "references"}),
    "secret_is_not_referenced": frozenset({"pods", "references"}),
    "service_has_no_endpoints": frozenset({"endpoints"}),
    "namespace_is_empty": frozenset({"inventory"}),
    "owner_exists": frozenset({"inventory"}),
}
# Which facts exist for which type; owner_exists exists for every one.
ABOUT: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "persistentvolumeclaims"): ("pvc_is_not_mounted", "pvc_is_not_referenced"),
    ("", "configmaps"): ("configmap_is_not_referenced",),
    ("", "secrets"): ("secret_is_not_referenced",),
    ("", "services"): ("service_has_no_endpoints",),
    ("", "namespaces"): ("namespace_is_empty",),
}
# Built-in types that can mention a claim, a ConfigMap or a Secret, by group and plural.
MENTIONING = (
    ("", "replicationcontrollers"),
    ("", "serviceaccounts"),
    ("", "persistentvolumeclaims"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("networking.k8s.io", "ingresses"),
)
# Facts that depend on a field outside metadata of the object itself: a Secret's type, a Service's type.
WHOLE_FACTS = frozenset({"secret_is_not_referenced", "service_has_no_endpoints"})
_CLAIM_FACTS = ("pvc_is_not_mounted", "pvc_is_not_referenced")

# Secrets that something outside the API's references uses: Helm, service accounts, the kubelet, bootstrapping nodes.
_SPECIAL_SECRETS = (
    "helm.sh/",
    "kubernetes.io/service-account-token",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
    "bootstrap.kubernetes.io/token",
)
# Written by controllers for every namespace or service: their presence does not make a namespace used.
DERIVED = frozenset({"events", "endpoints", "endpointslices", "controllerrevisions", "leases"})
_WORDS = (("secret", SECRET), ("configmap", CONFIG_MAP), ("claim", CLAIM), ("pvc", CLAIM))
_NAME_KEYS = ("name", "secretName", "claimName", "configMapName")
_DEEPEST = 64


def facts_wanted(resource: Resource, names: frozenset[str]) -> frozenset[str]:
    """Those of *names* (as rules read them below `_context`; `*` for all) that exist for objects of this type."""
    here = frozenset((*ABOUT.get((resource.group, resource.plural), ()), "owner_exists"))
    return here if "*" in names else here & names


def references(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """`(kind, namespace or "", name)` of all that *document* mentions. An empty namespace stands for the document's own."""
    own = ("metadata", "data", "binaryData")
    stack: list[tuple[Any, int]] = [({key: value for key, value in document.items() if key not in own}, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)
        elif isinstance(value, Mapping):
            yield from _typed_reference(value)
            for key, inner in value.items():
                yield from _named(str(key).lower(), inner)
                stack.append((inner, depth + 1))


def _typed_reference(value: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """`{kind: Secret, name: x}`, the form of object references."""
    kind, name, namespace = value.get("kind"), value.get("name"), value.get("namespace")
    if kind in (CLAIM, CONFIG_MAP, SECRET) and isinstance(name, str):
        yield str(kind), namespace if isinstance(namespace, str) else "", name


def _named(key: str, inner: Any) -> Iterator[tuple[str, str, str]]:
    """The names in a field whose own name speaks of one of the kinds: a text, a mapping with a name, or a list of those."""
    for word, kind in _WORDS:
        if word not in key:
            continue
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, str):
                yield kind, "", item
            elif isinstance(item, Mapping):
                namespace = item.get("namespace")
                for field_name in _NAME_KEYS:
                    if isinstance(item.get(field_name), str):
                        yield kind, namespace if isinstance(namespace, str) else "", item[field_name]


def may_refer(schema: Any) -> bool:
    """Whether objects of a custom type with this OpenAPI schema could mention a claim, a ConfigMap or a Secret, by its field
    names.
    """
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, Mapping):
            if value.get("x-kubernetes-preserve-unknown-fields") is True or "additionalProperties" in value:
                return True
            if any(word in str(key).lower() for key in value for word, _ in _WORDS) or "kind" in (value.get("properties") or {}):
                return True
            stack.extend(value.values())
    return False


@dataclass
class Usage:
    """What was found. `unknown` tells, per need, why it could not be found out; every fact that depends on it is then unknown."""

    mounted: set[tuple[str, str]] = field(default_factory=set)
    mentioned: set[tuple[str, str, str]] = field(default_factory=set)
    templates: set[tuple[str, str]] = field(default_factory=set)
    served: set[tuple[str, str]] = field(default_factory=set)
    population: Counter[str] = field(default_factory=Counter)
    uids: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)

    def add_mentions(self, resource: Resource, document: Mapping[str, Any]) -> None:
        """One object of a type that can mention others. Pods count whatever their phase, as a completed one may be looked at
        again.
        """
        metadata = document.get("metadata") or {}
        home, name = metadata.get("namespace") or "", metadata.get("name") or ""
        for kind, namespace, mentioned in references(document):
            self.mentioned.add((kind, namespace or home, mentioned))
            if kind == CLAIM and resource.plural == "pods":
                self.mounted.add((home, mentioned))
        spec = document.get("spec")
        if not isinstance(spec, Mapping):
            return
        for template in _list_of(spec.get("volumeClaimTemplates")):
            inner = template.get("metadata")
            if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
                self.templates.add((home, f"{inner['name']}-{name}"))
        if resource.plural == "pods":
            for volume in _list_of(spec.get("volumes")):
                if "ephemeral" in volume:
                    self.mounted.add((home, f"{name}-{volume.get('name')}"))
                    self.mentioned.add((CLAIM, home, f"{name}-{volume.get('name')}"))

    def add_slice(self, document: Mapping[str, Any]) -> None:
        """One EndpointSlice. An endpoint that is not ready is one all the same: the service is in use."""
        metadata = document.get("metadata") or {}
        service = (metadata.get("labels") or {}).get("kubernetes.io/service-name")
        if service and document.get("endpoints"):
            self.served.add((metadata.get("namespace") or "", service))

    def add_existing(self, resource: Resource, obj: Object) -> None:
        """One object of any type, by its metadata."""
        self.uids.add(obj.metadata.uid)
        derived = resource.plural in DERIVED or (resource.group, resource.plural, obj.name) in RECREATED
        if obj.namespace and not derived:
            self.population[obj.namespace] += 1

    def facts(self, resource: Resource, obj: Object, document: Mapping[str, Any] | None, names: frozenset[str]) -> Facts:
        """The facts about one object that rules read."""
        values: dict[str, Any] = {}
        unknown = set()
        for fact in facts_wanted(resource, names):
            if any(need in self.unknown for need in NEEDS[fact]):
                unknown.add(fact)
            else:
                values[fact] = self._fact(fact, obj, document or {})
        return Facts(values, frozenset(unknown))

    def _fact(self, fact: str, obj: Object, document: Mapping[str, Any]) -> bool | None:
        place = (obj.namespace, obj.name)
        if fact == "pvc_is_not_mounted":
            return place not in self.mounted
        if fact == "pvc_is_not_referenced":
            return (CLAIM, *place) not in self.mentioned and not self._of_template(*place)
        if fact == "configmap_is_not_referenced":
            return (CONFIG_MAP, *place) not in self.mentioned and ("", "configmaps", obj.name) not in RECREATED
        if fact == "secret_is_not_referenced":
            return (SECRET, *place) not in self.mentioned and not str(document.get("type", "")).startswith(_SPECIAL_SECRETS)
        if fact == "service_has_no_endpoints":
            spec = document.get("spec")
            external = isinstance(spec, Mapping) and spec.get("type") == "ExternalName"
            return place not in self.served and not external
        if fact == "namespace_is_empty":
            return not self.population[obj.name]
        owners = obj.metadata.owner_references
        return any(owner.uid in self.uids for owner in owners) if owners else None

    def _of_template(self, namespace: str, claim: str) -> bool:
        """Whether a StatefulSet would take the claim back when it scales up: `<template>-<set>-<ordinal>`."""
        stem, _, ordinal = claim.rpartition("-")
        return ordinal.isdigit() and (namespace, stem) in self.templates


def needs_of(names: Iterable[str]) -> frozenset[str]:
    """What has to be read for these facts (`*`: for all)."""
    wanted = set(names)
    chosen = NEEDS if "*" in wanted else {name: NEEDS[name] for name in wanted if name in NEEDS}
    return frozenset().union(*chosen.values())


def _list_of(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
