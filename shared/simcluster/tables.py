"""The columns that `kubectl get` prints: which there are and what stands in them, per type. Pure.

A built-in type is a row of `COLUMNS`: (name, format or type, priority, function of the object and the instant). Priority 1 shows
with `-o wide` only. Custom resources bring their own columns as JSON paths.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from shared.kinds import Resource
from shared.simcluster.catalog import Column, Type
from shared.simcluster.printers import COLUMNS, age
from shared.simcluster.records import JsonObject

_STEP = re.compile(
    r"\.?([A-Za-z0-9_-]+)|\[([0-9]+)\]|\[\*\]|\[\?\(@\.([A-Za-z0-9_]+)\s*==\s*[\"']([^\"']*)[\"']\)\]|\.?\['([^']+)'\]"
)


def _definition(name: str, kind: str, priority: int = 0, form: str = "") -> JsonObject:
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


def columns(kind: Type, view: Resource) -> list[JsonObject]:
    """columnDefinitions of a Table."""
    name = _definition("Name", "string", form="name")
    if kind.custom:
        own = kind.columns.get(view.version, ())
        if not own:
            return [name, _definition("Age", "date")]
        return [name, *(_definition(each.name, each.type, each.priority, each.format) for each in own)]
    rows = COLUMNS.get(kind.key, ())
    if not rows:
        return [name, _definition("Age", "string")]
    definitions = [_definition(title, "integer" if is_number else "string", priority) for title, priority, is_number, _ in rows]
    return definitions if kind.key == "events" else [name, *definitions]


def cells(kind: Type, view: Resource, obj: JsonObject, now: datetime) -> list[Any]:
    """The cells of one object, in the order of `columns`. Never raises: content that makes no sense shows as <unknown>."""
    name = obj["metadata"]["name"]
    if kind.custom:
        own = kind.columns.get(view.version, ())
        return [name, *(_custom(obj, each, now) for each in own)] if own else [name, obj["metadata"].get("creationTimestamp")]
    rows = COLUMNS.get(kind.key, ())
    if not rows:
        return [name, age(obj, now)]
    found = [_cell(row[3], obj, now) for row in rows]
    return found if kind.key == "events" else [name, *found]


def _cell(column: Any, obj: JsonObject, now: datetime) -> Any:
    try:
        return column(obj, now)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
        # A status that somebody wrote by hand; the table must still print.
        return "<unknown>"


def _custom(obj: JsonObject, column: Column, now: datetime) -> Any:
    found = json_path(obj, column.json_path)
    if not found:
        return None
    if column.type == "date":
        # The server turns dates into ages, on its own clock.
        return age({"metadata": {"creationTimestamp": found[0]}}, now)
    if column.type in ("integer", "number", "boolean"):
        return found[0]
    return ",".join(_text(each) for each in found)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def json_path(obj: Any, path: str) -> list[Any]:
    """The values at a simple JSON path: fields, indexes, `[*]` and `[?(@.type=="Ready")]`. Empty for anything it does not
    find.
    """
    nodes = [obj]
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or match.end() == position:
            return []
        nodes = [found for node in nodes for found in _step(node, match)]
        position = match.end()
    return nodes


def _step(node: Any, match: re.Match[str]) -> list[Any]:
    field, index, key, wanted, quoted = match.groups()
    if field or quoted:
        name = field or quoted
        return [node[name]] if isinstance(node, dict) and name in node else []
    if not isinstance(node, list):
        return []
    if index is not None:
        return node[int(index) : int(index) + 1]
    if key is not None:
        return [each for each in node if isinstance(each, dict) and str(each.get(key)) == wanted]
    return node
