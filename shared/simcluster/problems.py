"""Causes of a 422 in the API server's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.errors import shorten
from shared.simcluster.records import encode
from shared.simcluster.refusals import Cause


def _shown(value: Any) -> str:
    return shorten(encode(value).decode())


def bad_value(field: str, value: Any, text: str) -> Cause:
    return Cause(reason="FieldValueInvalid", message=f"Invalid value: {_shown(value)}: {text}", field=field)


def required(field: str, text: str = "") -> Cause:
    return Cause(reason="FieldValueRequired", message=f"Required value{': ' + text if text else ''}", field=field)


def forbidden(field: str, text: str) -> Cause:
    return Cause(reason="FieldValueForbidden", message=f"Forbidden: {text}", field=field)


def unsupported(field: str, value: Any, supported: Sequence[str]) -> Cause:
    listed = ", ".join(f'"{each}"' for each in supported)
    message = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return Cause(reason="FieldValueNotSupported", message=message, field=field)


def wrong_type(field: str, value: Any, wanted: str) -> Cause:
    message = f'Invalid value: "{_kind_of(value)}": {field} in body must be of type {wanted}: "{_kind_of(value)}"'
    return Cause(reason="FieldValueTypeInvalid", message=message, field=field)


def _kind_of(value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"
