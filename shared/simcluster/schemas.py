"""Structural schemas of custom resources: types, required fields, enumerations, bounds, patterns, defaults and pruning. Pure.

Kept modest: no CEL rules, no anyOf. Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.simcluster.problems import bad_value, required, unsupported, wrong_type
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import Cause

Schema = Mapping[str, Any]
_OPEN = "x-kubernetes-preserve-unknown-fields"
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def check(schema: Schema, obj: JsonObject) -> Iterator[Cause]:
    """What in *obj*, metadata apart, does not fit *schema*."""
    for field in schema.get("required") or ():
        if field not in obj and field != "metadata":
            yield required(field)
    for field, inner in (schema.get("properties") or {}).items():
        if field in obj and field not in ("apiVersion", "kind", "metadata"):
            yield from _value(inner, obj[field], field)


def _value(schema: Schema, value: Any, field: str) -> Iterator[Cause]:
    if value is None:
        if not schema.get("nullable"):
            yield wrong_type(field, value, str(schema.get("type", "object")))
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield wrong_type(field, value, "integer,string")
        return
    wanted = schema.get("type")
    if wanted in _TYPES and not _TYPES[wanted](value):
        yield wrong_type(field, value, wanted)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported(field, value, [str(each) for each in schema["enum"]])
    yield from _bounds(schema, value, field)
    if isinstance(value, dict):
        yield from _object(schema, value, field)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _value(schema.get("items") or {}, each, f"{field}[{index}]")


def _object(schema: Schema, value: JsonObject, field: str) -> Iterator[Cause]:
    for name in schema.get("required") or ():
        if name not in value:
            yield required(f"{field}.{name}")
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    for name, each in value.items():
        if name in properties:
            yield from _value(properties[name], each, f"{field}.{name}")
        elif isinstance(others, dict):
            yield from _value(others, each, f"{field}.{name}")


def _bounds(schema: Schema, value: Any, field: str) -> Iterator[Cause]:
    size = value if isinstance(value, int | float) else len(value) if isinstance(value, str | list | dict) else 0
    suffix = (
        "Length"
        if isinstance(value, str)
        else "Items"
        if isinstance(value, list)
        else "Properties"
        if isinstance(value, dict)
        else ""
    )
    low, high = ("minimum", "maximum") if not suffix else (f"min{suffix}", f"max{suffix}")
    if low in schema and size < schema[low]:
        yield bad_value(field, value, f"{field} in body should be greater than or equal to {schema[low]}")
    if high in schema and size > schema[high]:
        yield bad_value(field, value, f"{field} in body should be less than or equal to {schema[high]}")
    if isinstance(value, str) and "pattern" in schema and re.search(schema["pattern"], value) is None:
        yield bad_value(field, value, f"{field} in body should match '{schema['pattern']}'")


def complete(schema: Schema, value: Any) -> None:
    """Fill in the schema's defaults, in place."""
    if isinstance(value, list):
        for each in value:
            complete(schema.get("items") or {}, each)
    if not isinstance(value, dict):
        return
    for name, inner in (schema.get("properties") or {}).items():
        if name not in value and "default" in inner:
            value[name] = _copy(inner["default"])
        if name in value:
            complete(inner, value[name])
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for each in value.values():
            complete(others, each)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def prune(schema: Schema, value: Any, path: str = "") -> list[str]:
    """Drop the fields that the schema does not know, in place; returns their paths."""
    if schema.get(_OPEN) or schema.get("x-kubernetes-embedded-resource"):
        return []
    dropped: list[str] = []
    if isinstance(value, list):
        for index, each in enumerate(value):
            dropped += prune(schema.get("items") or {_OPEN: True}, each, f"{path}[{index}]")
    if not isinstance(value, dict):
        return dropped
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if not properties and others is not None:
        properties = dict.fromkeys(value, others if isinstance(others, dict) else {_OPEN: True})
    for name in list(value):
        below = f"{path}.{name}" if path else name
        if not path and name in ("apiVersion", "kind", "metadata"):
            continue
        if name in properties:
            dropped += prune(properties[name], value[name], below)
        else:
            del value[name]
            dropped.append(below)
    return dropped
