"""Strategic merge patch: like a JSON merge patch, but lists of named things merge item by item. Pure.

Source of the directives ($patch, $retainKeys, $deleteFromPrimitiveList, $setElementOrder) and of the merge keys: the Kubernetes
API reference and "Update API objects in place using kubectl patch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import bad_request

# By the name of the list; a field of the same name means the same thing in all built-in types, but for the entries in _BY_PARENT.
MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "secrets": "name",
    "ownerReferences": "uid",
    "conditions": "type",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "addresses": "type",
    "taints": "key",
    "resourceClaims": "name",
    "ports": "containerPort",
    "podIPs": "ip",
}
_BY_PARENT: Mapping[tuple[str, str], str] = {("Service", "ports"): "port"}
_ATOMIC = frozenset({"images", "tolerations", "taints"})
_SETS = frozenset({"finalizers"})
_ORDER, _DELETE, _RETAIN = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys"


def strategic_merge(current: JsonObject, patch: JsonObject) -> JsonObject:
    """*current* after *patch*. Invalid (400) for a directive that is not understood."""
    return _merge_object(current, patch, str(current.get("kind", "")))


def _merge_object(current: Any, patch: Mapping[str, Any], kind: str) -> JsonObject:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: _plain(value) for key, value in patch.items() if key != "$patch" and value is not None}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unknown $patch directive {str(directive)[:40]!r}; accepted: replace, merge, delete")
    result: JsonObject = dict(current) if isinstance(current, dict) else {}
    retain = patch.get(_RETAIN)
    if isinstance(retain, list):
        result = {key: value for key, value in result.items() if key in retain}
    # The order of a list is set once its items are merged.
    for key in sorted(patch, key=lambda each: each.startswith(_ORDER)):
        _merge_field(result, key, patch[key], kind)
    return result


def _merge_field(result: JsonObject, key: str, value: Any, kind: str) -> None:
    if key in ("$patch", _RETAIN):
        return
    if key.startswith(_ORDER):
        field = key.removeprefix(_ORDER)
        result[field] = _ordered(result.get(field) or [], value, _merge_key(field, kind))
    elif key.startswith(_DELETE):
        field = key.removeprefix(_DELETE)
        result[field] = [each for each in result.get(field) or [] if each not in value]
    elif value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        merged = _merge_object(result.get(key), value, kind)
        if value.get("$patch") == "delete":
            result.pop(key, None)
        else:
            result[key] = merged
    elif isinstance(value, list):
        result[key] = _merge_list(result.get(key), value, key, kind)
    else:
        result[key] = value


def _merge_key(field: str, kind: str) -> str | None:
    if field in _ATOMIC:
        return None
    return _BY_PARENT.get((kind, field)) or MERGE_KEYS.get(field)


def _merge_list(current: Any, patch: list[Any], field: str, kind: str) -> list[Any]:
    items = list(current) if isinstance(current, list) else []
    if field in _SETS:
        return items + [each for each in patch if each not in items]
    key = _merge_key(field, kind)
    if key is None or not all(isinstance(each, dict) for each in patch):
        return _plain(patch)  # type: ignore[no-any-return]
    if any(each.get("$patch") == "replace" for each in patch):
        return _plain([each for each in patch if "$patch" not in each])  # type: ignore[no-any-return]
    if patch and not any(key in each for each in patch):
        # A list of that name without the merge key in it: a type that uses the name for something else. Replace it whole.
        return _plain(patch)  # type: ignore[no-any-return]
    for each in patch:
        items = _merge_item(items, each, key, kind)
    return items


def _merge_item(items: list[Any], patch: JsonObject, key: str, kind: str) -> list[Any]:
    if key not in patch:
        raise bad_request(f"map: {str(patch)[:80]} does not contain declared merge key: {key}")
    value = patch[key]
    if patch.get("$patch") == "delete":
        return [each for each in items if not (isinstance(each, dict) and each.get(key) == value)]
    for index, each in enumerate(items):
        if isinstance(each, dict) and each.get(key) == value:
            return [*items[:index], _merge_object(each, patch, kind), *items[index + 1 :]]
    return [*items, _merge_object({}, patch, kind)]


def _ordered(items: list[Any], order: Any, key: str | None) -> list[Any]:
    """*items* in the order given; those that it does not name keep their place relative to the one before them."""
    if not isinstance(order, list):
        return items
    wanted = [each.get(key) if isinstance(each, dict) and key else each for each in order]

    def identity(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) and key else item

    named = sorted((item for item in items if identity(item) in wanted), key=lambda item: wanted.index(identity(item)))
    others = [item for item in items if identity(item) not in wanted]
    return named + others


def _plain(value: Any) -> Any:
    """*value* without the nulls and directives that only mean something in a patch."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None and not key.startswith("$")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
