"""The patch formats: JSON merge patch (RFC 7396) here, JSON patch (RFC 6902) and strategic merge beside it. Pure."""

from __future__ import annotations

from typing import Any

from shared.simcluster.records import JsonObject


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, everything else replaces. Returns a new value where something changed."""
    if not isinstance(patch, dict):
        return patch
    result: JsonObject = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merge_patch(result.get(key), value)
        else:
            result[key] = value
    return result
