"""Rights as data: which verbs on which types a controller needs, where, when and why; and the roles made of them. Pure.

Each controller has one such table. Its own `rbac` command, the chart's templates (by way of charts/kube-thrift/files/rights.yaml)
and docs/permissions.md are made of it, so that none of them can know a right that the others do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from shared.kinds import Resource

EVERYTHING = ("*", "*")
API_VERSION = "rbac.authorization.k8s.io/v1"


class Where(StrEnum):
    """Where a right holds. `work` is where the controller works: the whole cluster, or each of the namespaces it was given."""

    WORK = "work"
    CLUSTER = "cluster"
    OWN = "own"
    STATE = "state"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Right:
    """*verbs* on one type, needed while all the conditions in `when` hold.

    `resource` is a plural, also with a subresource (`pods/eviction`); both it and `group` are empty for "every type in scope".
    `only` names the one object it is about, as a word that whoever makes the role puts a name in for.
    """

    verbs: tuple[str, ...]
    group: str
    resource: str
    why: str
    when: tuple[str, ...] = ()
    where: Where = Where.WORK
    only: str = ""


def right_on(  # noqa: PLR0913 - the columns of a row
    resource: Resource, *verbs: str, why: str, when: tuple[str, ...] = (), where: Where = Where.WORK, only: str = ""
) -> Right:
    """The right to use *verbs* on one type that the code knows."""
    return Right(verbs, resource.group, resource.plural, why, when, where, only)


@dataclass(frozen=True)
class RightsTable:
    """All rights of one controller; the rows of `each` hold for every type in scope but those that stand `apart`.

    `conditions` explains each word of `when`. `types` are the types that it can be told to work on, by the name that its flag has
    for them, as (group, plural). `in_scope` says which conditions hold while one of some types is in scope, `read_by_rules` which
    ones hold while a rule reads a name.
    """

    conditions: Mapping[str, str]
    rights: tuple[Right, ...]
    each: tuple[Right, ...] = ()
    types: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    in_scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read_by_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Grant:
    """One verb on one type in one place; `name` of an object, or empty for every one."""

    verb: str
    group: str
    resource: str
    where: Where = Where.WORK
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group}" if self.group else f"{self.verb} {self.resource}"


def granted(
    table: RightsTable, holds: Iterable[str], types: Iterable[tuple[str, str]] = (), names: Names | None = None
) -> list[Grant]:
    """Every verb that *table* calls for while the conditions *holds* hold, with *types* in scope; each once, in its order.

    *names* has the names of objects for each word that a row's `only` may be; a word without any grants nothing.
    """
    now, known = frozenset(holds), names or {}
    scope = [each for each in types if each not in {("", plural) for plural in table.apart}]
    found: list[Grant] = []
    for right in (*table.rights, *table.each):
        if not now.issuperset(right.when):
            continue
        for group, resource in [(right.group, right.resource)] if right.resource else scope:
            objects = known.get(right.only, ()) if right.only else ("",)
            found += [Grant(verb, group, resource, right.where, name) for name in objects for verb in right.verbs]
    return list(dict.fromkeys(found))


Places = Mapping[Where, Sequence[str | None]]


def placed(grants: Iterable[Grant], places: Places) -> dict[str, list[Grant]]:
    """The grants of each namespace, and under "" those of the whole cluster (a place of None); not what a wider one covers."""
    found: dict[str, list[Grant]] = {}
    for grant in grants:
        for place in places.get(grant.where, ()):
            found.setdefault(place or "", []).append(grant)
    reach = {(place, *_address(grant)) for place, held in found.items() for grant in held}
    return {
        place: left
        for place, held in sorted(found.items())
        if (left := [grant for grant in held if not _covered(place, grant, reach)])
    }


def _address(grant: Grant) -> tuple[str, str, str, str]:
    return grant.verb, grant.group, grant.resource, grant.name


def _covered(place: str, grant: Grant, reach: set[tuple[str, str, str, str, str]]) -> bool:
    own = _address(grant)
    wider = {own, (grant.verb, grant.group, grant.resource, ""), (grant.verb, *EVERYTHING, "")}
    return any((where, *each) in reach for where in {"", place} for each in wider if (where, each) != (place, own))


def rules_of(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """PolicyRules with these rights and no others; types with the same verbs share one."""
    per_type: dict[tuple[str, str, str], set[str]] = {}
    for grant in grants:
        per_type.setdefault((grant.group, grant.resource, grant.name), set()).add(grant.verb)
    shared: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), verbs in sorted(per_type.items()):
        shared.setdefault((group, name, tuple(sorted(verbs))), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(verbs)} | ({"resourceNames": [name]} if name else {})
        for (group, name, verbs), resources in sorted(shared.items())
    ]


def roles(grants: Iterable[Grant], places: Places, name: str) -> Iterator[dict[str, Any]]:
    """A ClusterRole for what holds in the whole cluster, and a Role for each namespace. Nothing empty."""
    for place, found in placed(grants, places).items():
        metadata = {"name": name, "namespace": place} if place else {"name": name}
        kind = "Role" if place else "ClusterRole"
        yield {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "rules": rules_of(found)}


def as_yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    """The documents as `kubectl apply -f -` takes them."""
    return str(yaml.safe_dump_all(documents, sort_keys=False))


def as_data(table: RightsTable) -> dict[str, Any]:
    """The table as the chart's templates read it."""
    return {
        "conditions": dict(table.conditions),
        "rights": [_row(right) for right in table.rights],
        "each": [_row(right) for right in table.each],
        "types": {name: {"group": group, "resource": plural} for name, (group, plural) in table.types.items()},
        "apart": list(table.apart),
        "inScope": {word: list(types) for word, types in table.in_scope.items()},
        "readByRules": {name: list(words) for name, words in table.read_by_rules.items()},
    }


def _row(right: Right) -> dict[str, Any]:
    row: dict[str, Any] = {"group": right.group, "resource": right.resource, "verbs": list(right.verbs)}
    row |= {"where": right.where.value, "when": list(right.when)}
    return row | ({"only": right.only} if right.only else {}) | {"why": right.why}
