"""From a TTL or an absolute end to one due instant. Pure.

An object is due when now is *after* its due instant: at the very second of its end it still lives, as it always did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from janitor.annotations import FOREVER, parse_expires
from janitor.matching import Expression, compile_expression, evaluate
from shared.errors import ValueProblem
from shared.objects import Meta
from shared.times import format_duration, format_timestamp

ACCEPTED_BASE = "creation, changed, annotation:NAME, condition:TYPE, or a JMESPath expression that gives a timestamp"


class Trigger(StrEnum):
    """What gave an object its end."""

    TTL = "ttl"
    EXPIRES = "expires"
    RULE = "rule"
    DEFAULT = "namespace-default"
    RELEASE = "helm-release"


@dataclass(frozen=True, slots=True)
class Due:
    """When an object ends, and why then. `source` is the annotation, the rule's id or the namespace that says so."""

    at: datetime
    trigger: Trigger
    source: str
    ttl: timedelta | None = None
    start: datetime | None = None
    extended: bool = False

    @property
    def rule(self) -> str:
        return self.source if self.trigger is Trigger.RULE else ""

    def __str__(self) -> str:
        """`TTL 7d of janitor/ttl, counted from 2026-03-01T10:00:00Z, ends 2026-03-08T10:00:00Z`."""
        if self.trigger is Trigger.EXPIRES:
            text = f"{self.source}, ends {format_timestamp(self.at)}"
        else:
            label = {Trigger.RULE: "rule ", Trigger.DEFAULT: "namespace ", Trigger.RELEASE: "Helm release "}.get(self.trigger, "")
            length = f"TTL {format_duration(self.ttl)} of " if self.ttl else ""
            start = f", counted from {format_timestamp(self.start)}" if self.start else ""
            text = f"{length}{label}{self.source}{start}, ends {format_timestamp(self.at)}"
        return text + (" (extended)" if self.extended else "")


def end_of(start: datetime, ttl: timedelta) -> datetime | None:
    """`start + ttl`; None for FOREVER and for an end after the last instant that can be named."""
    if ttl == FOREVER:
        return None
    try:
        return start + ttl
    except OverflowError:
        return None


def earliest(ends: Iterable[Due | None]) -> Due | None:
    """The first end; of two at the same instant, the first given."""
    return min((end for end in ends if end is not None), key=lambda end: end.at, default=None)


def postponed(due: Due, extend_until: datetime | None, created: datetime | None, longest_life: timedelta | None) -> Due:
    """*due* moved to *extend_until* where that is later; an extension (never a TTL) stops at *created* + *longest_life*."""
    if extend_until is None:
        return due
    if longest_life is not None and created is not None:
        extend_until = min(extend_until, end_of(created, longest_life) or extend_until)
    return replace(due, at=extend_until, extended=True) if extend_until > due.at else due


@dataclass(frozen=True)
class TimeBase:
    """What a rule's TTL counts from. `form` is creation, changed, annotation, condition or path; `name` its argument."""

    form: str = "creation"
    name: str = ""
    expression: Expression | None = None

    @property
    def whole(self) -> bool:
        """Whether metadata alone cannot tell."""
        if self.expression is not None:
            return self.expression.reads.whole
        return self.form in ("changed", "condition")


CREATION = TimeBase()


def parse_base(text: object) -> TimeBase:
    """Raises ValueProblem."""
    if not isinstance(text, str) or not text.strip():
        raise ValueProblem(text, ACCEPTED_BASE)
    text = text.strip()
    if text in ("creation", "changed"):
        return TimeBase(text)
    form, sign, name = text.partition(":")
    if sign and form in ("annotation", "condition") and name.strip():
        return TimeBase(form, name.strip())
    try:
        return TimeBase("path", text, compile_expression(text))
    except ValueProblem as problem:
        raise ValueProblem(text, f"{ACCEPTED_BASE}; {problem.accepted}") from None


def start_of(base: TimeBase, meta: Meta, document: Mapping[str, Any], now: datetime, manager: str) -> datetime | None:
    """The instant that *base* names on this object; None where the object does not have it (yet).

    *manager* is the janitor's own field manager, whose writes are no change. Raises ValueProblem and EvaluationProblem.
    """
    if base.form == "creation":
        return meta.created
    if base.form == "annotation":
        text: object = meta.annotation(base.name)
    elif base.form == "condition":
        text = _transition(document, base.name)
    elif base.form == "changed":
        text = _last_change(document, manager)
    else:
        assert base.expression is not None
        text = evaluate(base.expression, document, now)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ValueProblem(text, "a timestamp")
    return parse_expires(text)


def _transition(document: Mapping[str, Any], kind: str) -> object:
    """When the condition *kind* became True."""
    status = document.get("status")
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, Mapping) and condition.get("type") == kind and condition.get("status") == "True":
            return condition.get("lastTransitionTime")
    return None


def _last_change(document: Mapping[str, Any], manager: str) -> object:
    """The newest `managedFields` time that is not a controller's status and not the janitor's own annotation."""
    metadata = document.get("metadata")
    fields = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    times = [
        entry["time"]
        for entry in (fields if isinstance(fields, list) else ())
        if isinstance(entry, Mapping)
        and isinstance(entry.get("time"), str)
        and entry.get("subresource") != "status"
        and entry.get("manager") != manager
    ]
    # RFC 3339 in UTC with seconds sorts as text; the API server writes no other form here.
    return max(times, default=None)
