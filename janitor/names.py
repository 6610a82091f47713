"""How people name resource types: plural, singular, kind, short name, `plural.group`, shell patterns. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shared.kinds import Resource

# kubectl's short names of built-in types, by the name of the resource.
_SHORT = {
    "certificatesigningrequests.certificates.k8s.io": ("csr",),
    "configmaps": ("cm",),
    "cronjobs.batch": ("cj",),
    "customresourcedefinitions.apiextensions.k8s.io": ("crd", "crds"),
    "daemonsets.apps": ("ds",),
    "deployments.apps": ("deploy",),
    "endpoints": ("ep",),
    "events": ("ev",),
    "events.events.k8s.io": ("ev",),
    "horizontalpodautoscalers.autoscaling": ("hpa",),
    "ingresses.networking.k8s.io": ("ing",),
    "limitranges": ("limits",),
    "namespaces": ("ns",),
    "networkpolicies.networking.k8s.io": ("netpol",),
    "nodes": ("no",),
    "persistentvolumeclaims": ("pvc",),
    "persistentvolumes": ("pv",),
    "poddisruptionbudgets.policy": ("pdb",),
    "pods": ("po",),
    "priorityclasses.scheduling.k8s.io": ("pc",),
    "replicasets.apps": ("rs",),
    "replicationcontrollers": ("rc",),
    "resourcequotas": ("quota",),
    "serviceaccounts": ("sa",),
    "services": ("svc",),
    "statefulsets.apps": ("sts",),
    "storageclasses.storage.k8s.io": ("sc",),
}


@lru_cache(maxsize=2048)
def names_of(resource: Resource) -> frozenset[str]:
    """Every name, in lower case, by which *resource* may be called."""
    kind = resource.kind.lower()
    names = {resource.plural.lower(), kind, resource.name.lower(), *_SHORT.get(resource.name, ())}
    if resource.group:
        names.add(f"{kind}.{resource.group}")
    return frozenset(names)


@dataclass(frozen=True)
class ResourceNames:
    """A list of resource names: exact ones, and shell patterns that are compared with the plural and with `plural.group`."""

    exact: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.exact or self.patterns)

    def matches(self, resource: Resource) -> bool:
        names = names_of(resource)
        if not self.exact.isdisjoint(names):
            return True
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns for name in (resource.plural, resource.name))

    def unmatched(self, resources: Iterable[Resource]) -> tuple[str, ...]:
        """The names in this list that none of *resources* answers to, sorted."""
        known = list(resources)
        single = {item: resource_names([item]) for item in (*self.exact, *self.patterns)}
        return tuple(sorted(item for item, names in single.items() if not any(names.matches(resource) for resource in known)))


def resource_names(items: Iterable[str]) -> ResourceNames:
    """`*` and other patterns match by shell rules, everything else letter by letter without regard to case."""
    lowered = [item.strip().lower() for item in items]
    patterns = tuple(item for item in lowered if any(sign in item for sign in "*?["))
    return ResourceNames(frozenset(item for item in lowered if item and item not in patterns), patterns)
