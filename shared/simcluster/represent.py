"""How objects go out: whole, as PartialObjectMetadata, or as a Table; single, as a list page, and as a watch event.

Whole and metadata-only answers are joins of stored bytes; only a Table decodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.kinds import Resource
from shared.simcluster import conversion, tables
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject, Record, encode, type_head
from shared.simcluster.refusals import not_acceptable
from shared.simcluster.wire import Request, accepted

_PARTIAL = type_head("meta.k8s.io/v1", "PartialObjectMetadata")
_PARTIAL_LIST = ("meta.k8s.io/v1", "PartialObjectMetadataList")
_BARE = b'{"metadata":'
_MEDIA = ("application/json", "*/*", "application/*")


class Style(msgspec.Struct, frozen=True):
    """The negotiated representation: "" (whole), "metadata" or "table", and what a table's rows carry of their objects."""

    form: str = ""
    include: str = "Metadata"


def negotiate(request: Request, *, collection: bool) -> Style:
    """The first alternative of the Accept header that this server writes. Invalid (406) where there is none."""
    partial = "PartialObjectMetadataList" if collection else "PartialObjectMetadata"
    for each in accepted(request.headers.get("accept", "*/*")):
        if each.media not in _MEDIA:
            continue
        if not each.as_kind:
            return Style()
        if (each.group, each.version) in (("meta.k8s.io", "v1"), ("meta.k8s.io", "v1beta1")):
            if each.as_kind == "Table":
                return Style("table", request.query.get("includeObject", "Metadata"))
            if each.as_kind == partial or (collection and each.as_kind == "PartialObjectMetadata"):
                return Style("metadata")
    # Clients that ask for protobuf or YAML alone do not exist among ours; JSON is what a lenient server answers.
    raise not_acceptable(
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io"
    )


class Writer:
    """Writes the records of one type, in one version, in one style."""

    def __init__(self, kind: Type, view: Resource, style: Style, now: datetime) -> None:
        self.kind, self.view, self.style, self.now = kind, view, style, now
        self._head = type_head(view.api_version, view.kind)
        self._convert = conversion.differs(view)

    def one(self, record: Record) -> bytes:
        """A single object."""
        match self.style.form:
            case "metadata":
                return b"%b%b}" % (_PARTIAL, record.meta)
            case "table":
                return encode(self._table([record], {"resourceVersion": str(record.rv)}))
            case _:
                return self.whole(record)

    def whole(self, record: Record) -> bytes:
        return encode(self.shown(record)) if self._convert else record.with_type(self._head)

    def shown(self, record: Record) -> JsonObject:
        own = self.kind.resource
        obj = record.decoded(own.api_version, own.kind)
        return conversion.outward(obj, self.view) if self._convert else {**obj, "apiVersion": self.view.api_version}

    def page(self, records: Sequence[Record], metadata: JsonObject) -> bytes:
        """A list; *metadata* holds resourceVersion, continue and remainingItemCount."""
        if self.style.form == "table":
            return encode(self._table(records, metadata))
        partial = self.style.form == "metadata"
        head = type_head(*_PARTIAL_LIST) if partial else type_head(self.view.api_version, self.view.kind + "List")
        pieces = [head, encode(metadata), b',"items":[']
        for index, record in enumerate(records):
            if index:
                pieces.append(b",")
            if partial:
                pieces += (_PARTIAL, record.meta, b"}")
            elif self._convert:
                pieces.append(self.whole(record))
            else:
                # Items of built-in lists carry no kind; those of custom resources do.
                pieces += (self._head if self.kind.custom else _BARE, record.meta)
                pieces += (b",", record.rest, b"}") if record.rest else (b"}",)
        pieces.append(b"]}")
        # One join over all pieces copies a page of megabytes once and not three times.
        return b"".join(pieces)

    def event(self, kind: str, record: Record) -> bytes:
        """One line of a watch stream."""
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), self.one(record))

    def bookmark(self, rv: int, *, initial_end: bool = False) -> bytes:
        """A bookmark: nothing but the resourceVersion that a watch may resume from."""
        metadata: JsonObject = {"resourceVersion": str(rv), "creationTimestamp": None}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        if self.style.form == "table":
            obj: Any = self._table([], {"resourceVersion": str(rv)})
        elif self.style.form == "metadata":
            obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        else:
            obj = {"kind": self.view.kind, "apiVersion": self.view.api_version, "metadata": metadata}
        return encode({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _table(self, records: Sequence[Record], metadata: JsonObject) -> JsonObject:
        rows = []
        for record in records:
            obj = self.shown(record)
            row: JsonObject = {"cells": tables.cells(self.kind, self.view, obj, self.now)}
            if self.style.include == "Object":
                row["object"] = obj
            elif self.style.include == "Metadata":
                row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
            rows.append(row)
        columns = tables.columns(self.kind, self.view)
        return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": rows}
