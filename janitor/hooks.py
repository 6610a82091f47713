"""`--resource-context-hook`: a function of the user's own that adds values below `_context`.

    def hook(resource, cache: dict) -> dict

It is called for every object without a TTL annotation; `cache` is one dictionary per turn. Where it fails, every name that
rules read
below `_context` is unknown for that object, and such a rule keeps it.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from janitor.policy import Facts
from shared.errors import UsageError
from shared.kinds import Resource

Hook = Callable[[Any, dict[str, Any]], Any]
ACCEPTED = "a dotted path to a function of (resource, cache), such as mypackage.hooks.context"
# Where kube-janitor kept the example that its documentation names.
_OLD_EXAMPLES = "kube_janitor.example_hooks."


@dataclass(frozen=True)
class HookResource:
    """What a hook gets: the object's JSON as `obj`, and the attributes that pykube objects have."""

    obj: Mapping[str, Any]
    kind: str
    version: str
    endpoint: str
    name: str
    namespace: str | None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> Any:
        return self.obj.get("metadata", {})


def load_hook(path: str) -> Hook:
    """The function at *path*. Raises UsageError in one line."""
    if path.startswith(_OLD_EXAMPLES):
        path = f"{__name__}.{path.removeprefix(_OLD_EXAMPLES)}"
    module, _, name = path.rpartition(".")
    try:
        hook = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"--resource-context-hook {path!r}: {error}; accepted: {ACCEPTED}") from None
    if not callable(hook):
        raise UsageError(f"--resource-context-hook {path!r} is no function; accepted: {ACCEPTED}")
    return hook  # type: ignore[no-any-return]


def with_hook(
    hook: Hook, facts: Facts, resource: Resource, document: Mapping[str, Any], cache: dict[str, Any]
) -> tuple[Facts, str]:
    """*facts* with what *hook* adds, and one line where it failed."""
    metadata = document.get("metadata") or {}
    target = HookResource(
        obj=document,
        kind=resource.kind,
        version=resource.api_version,
        endpoint=resource.plural,
        name=metadata.get("name", ""),
        namespace=metadata.get("namespace"),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
    )
    try:
        added = hook(target, cache)
        return Facts({**facts.values, **(added or {})}, facts.unknown), ""
    except Exception as error:  # noqa: BLE001 - somebody else's code: its failure is a value, and must not stop the turn
        return Facts(facts.values, frozenset({"*"})), f"hook failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def random_dice(resource: Any, cache: dict[str, Any]) -> dict[str, int]:
    """The example: one throw of a dice per turn, as `_context.random_dice`."""
    return {"random_dice": cache.setdefault("random_dice", random.randint(1, 6))}
