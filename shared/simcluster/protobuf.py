"""Reads request bodies in Kubernetes' protobuf encoding: kubectl's own create commands send nothing else. Pure.

Answers stay JSON, which every client accepts. Which field has which number is in `protobuf_types.py`; a field that is not listed
there is dropped, and a kind that is not listed cannot be read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from shared.simcluster.protobuf_types import MESSAGES, ROOTS, Field
from shared.simcluster.records import JsonObject
from shared.times import format_timestamp

MAGIC = b"k8s\x00"


class ProtobufError(ValueError):
    """The bytes are not the encoding of a kind that is known here."""


def read_object(body: bytes) -> JsonObject:
    """The object in *body*, as its JSON would decode. Raises ProtobufError."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not start with the protobuf magic number")
    try:
        unknown = _message(body[len(MAGIC) :], "Unknown")
        head = unknown.get("typeMeta") or {}
        api_version, kind = head.get("apiVersion", ""), head.get("kind", "")
        message = ROOTS.get(kind)
        if message is None:
            raise ProtobufError(f"{api_version}, Kind={kind} cannot be read as protobuf here; send JSON")
        if (api_version, kind) == ("autoscaling/v1", "HorizontalPodAutoscaler"):
            message = "AutoscalerV1"
        raw = base64.b64decode(unknown.get("raw", ""))
        return {"apiVersion": api_version, "kind": kind, **_message(raw, message)}
    except (IndexError, UnicodeDecodeError) as problem:
        raise ProtobufError(f"the body is cut short or damaged: {problem}") from None


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ProtobufError("a number is too long")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of every field; only the wire types that the Kubernetes API uses."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
        elif wire == 2:
            length, position = _varint(data, position)
            if position + length > len(data):
                raise ProtobufError("a field is longer than the body")
            yield number, data[position : position + length]
            position += length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"wire type {wire} is not understood")


def _message(data: bytes, name: str) -> JsonObject:
    fields, result = MESSAGES[name], JsonObject()
    for number, raw in _fields(data):
        field = fields.get(number)
        if field is not None:
            _put(result, field, raw)
    return result


def _put(result: JsonObject, field: Field, raw: int | bytes) -> None:
    """Fields that are no pointers are always on the wire; empty, they stand for absence, as `omitempty` does in JSON."""
    if field.map:
        key, value = _entry(raw, field)
        result.setdefault(field.name, {})[key] = value
        return
    value = _value(raw, field.type)
    if field.inline:
        result.update(value)
    elif field.repeated:
        result.setdefault(field.name, []).append(value)
    elif field.pointer or value not in ("", 0, {}, None):
        result[field.name] = value


def _entry(raw: int | bytes, field: Field) -> tuple[str, Any]:
    key, value = "", _value(b"", field.type)
    for number, part in _fields(_bytes(raw)):
        if number == 1:
            key = _bytes(part).decode()
        elif number == 2:
            value = _value(part, field.type)
    return key, value


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ProtobufError("a number stands where a text belongs")
    return raw


def _value(raw: int | bytes, kind: str) -> Any:
    reader = _READERS.get(kind)
    return reader(raw) if reader is not None else _message(_bytes(raw), kind)


def _integer(raw: int | bytes) -> int:
    if not isinstance(raw, int):
        raise ProtobufError("a text stands where a number belongs")
    return raw - (1 << 64) if raw >> 63 else raw


def _int_or_string(raw: int | bytes) -> int | str:
    found = dict(_fields(_bytes(raw)))
    return _bytes(found.get(3, b"")).decode() if found.get(1) else _integer(found.get(2, 0))


def _time(raw: int | bytes) -> str | None:
    seconds = dict(_fields(_bytes(raw))).get(1)
    return None if seconds is None else format_timestamp(datetime.fromtimestamp(_integer(seconds), UTC))


def _quantity(raw: int | bytes) -> str:
    return _bytes(dict(_fields(_bytes(raw))).get(1, b"0")).decode()


_READERS: dict[str, Callable[[int | bytes], Any]] = {
    "string": lambda raw: _bytes(raw).decode(),
    "int": _integer,
    "bool": lambda raw: bool(raw),
    "bytes": lambda raw: base64.b64encode(_bytes(raw)).decode(),
    "IntOrString": _int_or_string,
    "Time": _time,
    "Quantity": _quantity,
}
