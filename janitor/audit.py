"""One JSON line per decision that had a consequence, or would have had one: who, what, why, and what became of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from janitor.apply import Outcome
from janitor.collect import Judged
from janitor.decide import Delete, Keep, Notify
from shared.times import format_timestamp


def record(one: Judged, now: datetime, outcome: Outcome | None = None) -> dict[str, Any]:
    """The decision about one object as plain values. `inputs` is a digest of its metadata, to compare two records by."""
    meta, decision, due = one.obj.metadata, one.decision, one.due
    values: dict[str, Any] = {
        "time": format_timestamp(now),
        "resource": one.resource.name,
        "namespace": meta.namespace or "",
        "name": meta.name,
        "uid": meta.uid,
        "action": action_of(one),
        "reason": reason_of(one),
        "inputs": hashlib.sha256(msgspec.json.encode(meta)).hexdigest()[:16],
    }
    if due is not None:
        values |= {"due": format_timestamp(due.at), "trigger": due.trigger.value, "source": due.source, "why": str(due)}
    if isinstance(decision, Keep) and decision.detail:
        values["detail"] = decision.detail
    if outcome is not None:
        values |= {"result": outcome.result.value}
        values |= {"writers": list(outcome.writers)} if outcome.writers else {}
        values |= {key: text for key, text in (("outcome", outcome.detail), ("backup", outcome.backup)) if text}
    return values


def action_of(one: Judged) -> str:
    """keep, notify or delete."""
    match one.decision:
        case Delete():
            return "delete"
        case Notify():
            return "notify"
        case _:
            return "keep"


def reason_of(one: Judged) -> str:
    """The trigger of what acts, the reason of what is kept: the bounded set that metrics use as a label."""
    if isinstance(one.decision, Keep):
        return one.decision.why.value
    return one.decision.due.trigger.value


def line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":"))
