"""One decision in a few words, for the conformance tables: three replicas of a Deployment unless a row says otherwise, on Monday
2026-03-23, 12:00 UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from downscaler.config import read_config
from downscaler.customs import parse_generic
from downscaler.decide import Forget, Keep, Problem, Restore, ScaleTo
from downscaler.plan import Forced, Planner
from downscaler.sizes import KINDS, generic_kind
from shared.objects import Object

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
DOWN, ASLEEP = {"downtime": "always"}, {"original-replicas": "3"}
GENERIC = {
    "instances": generic_kind(parse_generic("example.org/v1/widgets:spec.instances")),
    "switch": generic_kind(parse_generic("example.org/v1/widgets:spec.suspend=true")),
    "word": generic_kind(parse_generic("example.org/v1/widgets:spec.power=Off")),
}


def outcome(
    *flags: str,
    own: dict[str, str] | None = None,
    namespace: dict[str, str] | None = None,
    kind: str = "deployments",
    spec: dict[str, Any] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    name: str = "web",
    within: str = "shop",
    owner: str = "",
    pod: bool = False,
) -> str:
    """The decision in a few words."""

    def keys(values: dict[str, str] | None) -> dict[str, str]:
        return {key if "/" in key else f"downscaler/{key}": value for key, value in (values or {}).items()}

    space = msgspec.convert({"metadata": {"name": within, "annotations": keys(namespace)}}, Object)
    planner = Planner(read_config(flags, {}).rules, {within: space}, Forced(frozenset({within} if pod else ())), NOW)
    row = GENERIC.get(kind) or KINDS[kind]
    meta: dict[str, Any] = {"name": name, "namespace": within, "creationTimestamp": created, "annotations": keys(own)}
    if owner:
        meta["ownerReferences"] = [{"kind": owner, "name": "it", "uid": "u", "controller": True}]
    body = {"metadata": meta, "spec": {"replicas": 3} if spec is None else spec}
    match planner.plan(row, msgspec.convert(body, row.as_type)).decision:
        case Keep(cause=cause):
            return f"keep {cause}"
        case ScaleTo(size=size):
            return f"down {size}"
        case Restore(size=size):
            return f"up {size}"
        case Forget():
            return "forget"
        case Problem():
            return "problem"


# Name, outcome, the case.
Row = tuple[str, str, dict[str, Any]]


def kinds(kind: str, *rows: tuple[str, str, dict[str, Any], dict[str, str]]) -> list[Row]:
    return [(f"{kind}: {name}", expected, {"kind": kind, "spec": spec, "own": own}) for name, expected, spec, own in rows]
