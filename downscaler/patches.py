"""The merge patch that carries a decision out: the size and its record in one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from downscaler.annotations import ORIGINAL, TARGET
from downscaler.decide import Decision, Forget, Restore, ScaleTo
from downscaler.sizes import Kind, Patch
from downscaler.workloads import Workload

ObjectT = TypeVar("ObjectT", bound=Workload)


def patch_of(kind: Kind, workload: Workload, decision: Decision) -> Patch | None:
    """The merge patch that carries *decision* out; None if there is nothing to write."""
    match decision:
        case ScaleTo(size=size, original=original):
            return _with_record(kind.patch(workload, size), str(original), str(size))
        case Restore(size=size):
            return _with_record(kind.patch(workload, size), None, None)
        case Forget():
            return _with_record({}, None, None)
    return None


def _with_record(patch: Patch, original: str | None, size: str | None) -> Patch:
    return merged(patch, {"metadata": {"annotations": {ORIGINAL: original, TARGET: size}}})


def merged(left: Mapping[str, object], right: Mapping[str, object]) -> Patch:
    """Both patches as one; where they name the same field, *right* wins."""
    result = dict(left)
    for key, value in right.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return result


def patched(workload: ObjectT, patch: Mapping[str, object]) -> ObjectT:
    """*workload* as the server would have it after the merge patch (RFC 7386)."""
    return msgspec.convert(_apply(msgspec.to_builtins(workload), patch), type(workload))


def _apply(target: object, patch: Mapping[str, object]) -> dict[str, object]:
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _apply(result.get(key), value) if isinstance(value, Mapping) else value
    return result
