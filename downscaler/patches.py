"""The merge patch that carries a decision out: the size and its record in one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from downscaler.amounts import Patch
from downscaler.beside import text_of
from downscaler.decide import Decision, Forget, Restore, ScaleTo
from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, ORIGINAL_PAUSE, RECORD, TARGET
from downscaler.sizes import Kind
from downscaler.workloads import Workload
from shared.errors import shorten
from shared.times import format_timestamp

ObjectT = TypeVar("ObjectT", bound=Workload)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who writes a record, and when."""

    at: datetime
    version: str

    def text(self, reason: str) -> str:
        """`{"at":"2026-03-23T20:00:00Z","by":"kube-thrift 1.0","why":"in downtime ..."}`"""
        said = {"at": format_timestamp(self.at), "by": f"kube-thrift {self.version}", "why": shorten(reason)}
        return msgspec.json.encode(said).decode()


def patch_of(kind: Kind, workload: Workload, decision: Decision, stamp: Stamp | None = None) -> Patch | None:
    """The merge patch that carries *decision* out; None if there is nothing to write. *stamp* signs a new record."""
    match decision:
        case ScaleTo(size=size, also=also):
            return _annotated(merged(also, kind.patch(workload, size)), _record(kind, workload, decision, stamp))
        case Restore(size=size, gently=gently, also=also, may=may):
            patch = merged(merged(also, may), kind.patch(workload, size))
            if gently and kind.resume is not None:
                patch = merged(patch, kind.resume(workload))
            return _annotated(patch, _no_record(workload))
        case Forget():
            return _annotated({}, _no_record(workload))
    return None


def _record(kind: Kind, workload: Workload, decision: ScaleTo, stamp: Stamp | None) -> Mapping[str, str | None]:
    """What is remembered of *workload* as it is before *decision*; what is remembered already is not written again."""
    fresh = workload.metadata.annotation(ORIGINAL) is None
    record: dict[str, str | None] = {ORIGINAL: str(decision.original), TARGET: str(decision.size)}
    if stamp is not None and fresh:
        record[RECORD] = stamp.text(decision.reason)
    known = workload.metadata.annotation(ORIGINAL_FIELDS)
    if kind.beside is not None and (fresh or known is None):
        fields = text_of(kind.beside.remember(workload, dict(decision.also)))
        if fields is not None or known is not None:
            record[ORIGINAL_FIELDS] = fields
    return record


def _no_record(workload: Workload) -> Mapping[str, str | None]:
    also = (key for key in (RECORD, ORIGINAL_FIELDS, ORIGINAL_PAUSE) if workload.metadata.annotation(key) is not None)
    return dict.fromkeys((ORIGINAL, TARGET, *also))


def _annotated(patch: Patch, annotations: Mapping[str, str | None]) -> Patch:
    return merged(patch, {"metadata": {"annotations": annotations}})


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
