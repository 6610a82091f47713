"""Rights as the chart renders them, one verb at a time: to be compared, put into the embedded cluster, and taken away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from shared.errors import NotFound
from shared.simcluster import SimCluster
from tests.charts.rendering import NAMESPACE, Manifest, Rendered

ROLES = ("ClusterRole", "Role")
BINDINGS = ("ClusterRoleBinding", "RoleBinding")


class Held(NamedTuple):
    """One verb on one type in one place: a namespace, or "" for the whole cluster. `name` is empty for every object."""

    role: str
    place: str
    group: str
    resource: str
    name: str
    verb: str

    def __str__(self) -> str:
        what = f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "") + (f" {self.name}" if self.name else "")
        return f"{what} {'in ' + self.place if self.place else 'everywhere'}"


def held(found: Rendered, account: str) -> list[Held]:
    """Every right of a ServiceAccount, by way of the bindings that name it."""
    rights = []
    for binding in found.of_kind(*BINDINGS):
        subjects = [(each["kind"], each["namespace"], each["name"]) for each in binding["subjects"]]
        if ("ServiceAccount", NAMESPACE, account) in subjects:
            kind, place = binding["roleRef"]["kind"], binding["metadata"].get("namespace", "")
            (role,) = [
                each
                for each in found.of_kind(kind)
                if (each["metadata"]["name"], each["metadata"].get("namespace", "")) == (binding["roleRef"]["name"], place)
            ]
            rights += list(_held(role))
    return rights


def _held(role: Manifest) -> Iterator[Held]:
    meta = role["metadata"]
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", [""]):
                    for verb in rule["verbs"]:
                        yield Held(meta["name"], meta.get("namespace", ""), group, resource, name, verb)


def account_of(found: Rendered, component: str) -> str:
    """The name of a component's ServiceAccount."""
    for _, template in found.pods():
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == component:
            return str(template["spec"]["serviceAccountName"])
    raise LookupError(component)


def install(sim: SimCluster, found: Rendered) -> None:
    """Puts the rendered roles, bindings and accounts into the cluster, as far as they are not there, with their namespaces."""
    for manifest in found.of_kind("ServiceAccount", *ROLES, *BINDINGS):
        place = manifest["metadata"].get("namespace")
        if place and not _is_there(sim, "Namespace", None, place):
            sim.namespace(place)
        if not _is_there(sim, manifest["kind"], place, manifest["metadata"]["name"]):
            sim.create(manifest)


def _is_there(sim: SimCluster, kind: str, namespace: str | None, name: str) -> bool:
    try:
        sim.get(kind, namespace, name)
    except NotFound:
        return False
    return True


def set_rights(sim: SimCluster, role: str, place: str, rights: Iterable[Held]) -> None:
    """Replaces the rules of one role by exactly these rights."""
    rules: list[dict[str, Any]] = []
    for each in rights:
        rule = {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
        rules.append(rule | ({"resourceNames": [each.name]} if each.name else {}))
    sim.patch("roles" if place else "clusterroles", place or None, role, {"rules": rules})
