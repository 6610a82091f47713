"""What the flags decide about deciding, and the things a decision is made from. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from janitor.annotations import DEFAULT_TTL, Keys, Problem, parse_defaults
from janitor.names import resource_names
from janitor.protect import Protection
from shared.errors import ValueProblem
from shared.kinds import Resource
from shared.objects import Object

NO_TIME = timedelta(0)


@dataclass(frozen=True)
class Policy:
    """The flags that a decision depends on. A length of zero (or None) switches its feature off."""

    keys: Keys = Keys()
    protection: Protection = Protection()
    notification: timedelta = NO_TIME
    """`--delete-notification`: warn this long before, and delete only this long after the warning."""
    quarantine: timedelta = NO_TIME
    """`--quarantine`: mark what is due, and delete this long after the mark."""
    soak: timedelta = NO_TIME
    """`--rule-soak`: a rule first seen acts only after this long."""
    longest_life: timedelta | None = None
    """`--max-lifetime`: an extension ends at creation plus this; a TTL may be longer."""
    include_owned: bool = False
    delete_managed: bool = False
    manager: str = "kube-janitor"


@dataclass(frozen=True)
class Facts:
    """What is below `_context` for one object. `unknown` names what could not be found out; `*` stands for every name."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()

    def lacks(self, names: frozenset[str]) -> frozenset[str]:
        """Those of *names* that are unknown. Reading `*` needs all of them."""
        if "*" in self.unknown:
            return names
        return self.unknown if "*" in names else names & self.unknown


NO_FACTS = Facts()


@dataclass(frozen=True)
class NamespaceView:
    """What a Namespace means for the objects inside it. `unreadable` says why it could not be read: then everything in it is
    kept.
    """

    obj: Object
    defaults: Mapping[str, timedelta] = field(default_factory=dict)
    problem: Problem | None = None
    unreadable: str = ""

    @classmethod
    def of(cls, obj: Object) -> NamespaceView:
        """Never raises: an unreadable default is a problem, and no default."""
        text = obj.metadata.annotation(DEFAULT_TTL)
        if not text:
            return cls(obj)
        try:
            return cls(obj, parse_defaults(text))
        except ValueProblem as problem:
            return cls(obj, problem=Problem(DEFAULT_TTL, text, problem.accepted))

    def default_ttl(self, resource: Resource) -> timedelta | None:
        """The TTL for this type; one that names the type wins over `*`."""
        if not self.defaults:
            return None
        named = (ttl for name, ttl in self.defaults.items() if name != "*" and resource_names([name]).matches(resource))
        return next(named, self.defaults.get("*"))


@dataclass(frozen=True)
class Subject:
    """One object with everything a decision about it needs.

    `document` is the JSON object where it was read whole, else None. `warned` is a warning that is remembered elsewhere, because
    the annotation could not be written. `seen` counts, per rule id, the consecutive passes before this one in which the rule
    matched.
    """

    resource: Resource
    obj: Object
    document: Mapping[str, Any] | None = None
    namespace: NamespaceView | None = None
    facts: Facts = NO_FACTS
    warned: str | None = None
    seen: Mapping[str, int] = field(default_factory=dict)
    first_seen: Mapping[str, datetime] = field(default_factory=dict)

    def evaluated(self) -> dict[str, Any]:
        """What expressions see. `_context` wins over a field of that name, which only a tenant could have put there."""
        document = dict(self.document or {"metadata": msgspec.to_builtins(self.obj.metadata)})
        document["apiVersion"] = self.resource.api_version
        document["kind"] = self.resource.kind
        document["_context"] = dict(self.facts.values)
        return document

    def __str__(self) -> str:
        return f"{self.resource.name} {self.obj.key}"
