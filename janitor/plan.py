"""What the janitor would do, as a report: what is due, what ends within a horizon, what is due and yet kept, and why. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from janitor import audit
from janitor.breaker import Verdict
from janitor.collect import Judged
from janitor.decide import Delete, Keep, Notify
from shared.errors import UsageError
from shared.times import format_duration, format_timestamp

Row = dict[str, Any]
SOME, NONE = 2, 0


@dataclass(frozen=True)
class Plan:
    """Rows as `audit.record` makes them, the first to end first. `action` is delete, notify, stop (by the breaker) or keep."""

    now: datetime
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        """2 where something would be done, 0 where nothing would: so that a script can ask."""
        return SOME if any(row["action"] in ("delete", "notify", "stop") for row in self.rows) else NONE


def make_plan(judged: Iterable[Judged], verdict: Verdict, now: datetime, *, horizon: timedelta, stopped_by: Any) -> Plan:
    """The objects that are due, or will be within *horizon*. *stopped_by* maps a Judged to the key of its breaker."""
    rows = []
    for one in judged:
        due = one.due
        if due is None or due.at > now + horizon:
            continue
        row = audit.record(one, now)
        trip = verdict.stops(stopped_by(one)) if isinstance(one.decision, Delete) else None
        if trip is not None:
            row |= {"action": "stop", "detail": str(trip)}
        if isinstance(one.decision, Notify):
            row["delete_at"] = format_timestamp(max(due.at, now + one.decision.wait))
        if isinstance(one.decision, Keep) and one.decision.free is not None:
            row["delete_at"] = format_timestamp(one.decision.free)
        rows.append(row)
    return Plan(now, tuple(sorted(rows, key=lambda row: (row["due"], _key(row)))))


def as_json_lines(plan: Plan) -> str:
    return "".join(audit.line(row) + "\n" for row in plan.rows)


def as_table(plan: Plan) -> str:
    """For people: one line per object, aligned."""
    if not plan.rows:
        return "Nothing is due.\n"
    cells = [("ACTION", "DUE", "RESOURCE", "OBJECT", "WHY")]
    for row in plan.rows:
        cells.append((row["action"], _when(row, plan.now), row["resource"], _object(row), _why(row)))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[4]]) + "\n" for line in cells
    )


def _object(row: Row) -> str:
    return f"{row['namespace']}/{row['name']}" if row["namespace"] else str(row["name"])


def _why(row: Row) -> str:
    text = str(row["why"])
    if row["action"] == "keep" and row.get("detail"):
        return f"{row['reason']}: {row['detail']} ({text})"
    return f"{row['detail']} ({text})" if row["action"] == "stop" else text


def _when(row: Row, now: datetime) -> str:
    left = datetime.fromisoformat(row["due"]) - now
    return f"in {_rounded(left)}" if left > timedelta(0) else f"{_rounded(-left)} ago"


def _rounded(length: timedelta) -> str:
    """To the minute above an hour: `3d4h`, not `3d4h12m9s`."""
    seconds = int(length.total_seconds())
    for above, unit in ((86400 * 2, 3600), (3600, 60)):
        if seconds >= above:
            return format_duration(timedelta(seconds=seconds // unit * unit))
    return format_duration(timedelta(seconds=seconds))


def read_previous(text: str, name: str) -> tuple[Row, ...]:
    """A plan as `-o json` wrote it. Raises UsageError naming the line."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not {"action", "resource", "name", "uid"} <= row.keys():
            raise UsageError(f"{name}:{number}: no line of a plan; accepted: what `kube-janitor plan -o json` wrote")
        rows.append(row)
    return tuple(rows)


@dataclass(frozen=True)
class Difference:
    """Between two plans: what would go now and would not before, and the other way round."""

    doomed: tuple[Row, ...]
    rescued: tuple[Row, ...]


def difference(before: Sequence[Row], after: Plan) -> Difference:
    """Compared by uid; an object that is gone is not rescued, so *after* has to be of the same cluster and scope."""
    old = {row["uid"]: row for row in before if row["action"] in ("delete", "stop")}
    new = {row["uid"]: row for row in after.rows if row["action"] in ("delete", "stop")}
    doomed = tuple(row for uid, row in new.items() if uid not in old)
    rescued = tuple(row for uid, row in old.items() if uid not in new)
    return Difference(doomed, rescued)


def difference_as_text(found: Difference) -> str:
    lines = [f"+ {row['resource']} {_object(_named(row))}: {row.get('why', '')}" for row in found.doomed]
    lines += [f"- {row['resource']} {_object(_named(row))}: no longer deleted (or gone)" for row in found.rescued]
    return "".join(line + "\n" for line in lines) or "No difference.\n"


def _named(row: Mapping[str, Any]) -> Row:
    return {"namespace": "", **row}


def _key(row: Row) -> str:
    return f"{row['resource']} {_object(row)}"


def kept_reasons(judged: Iterable[Judged]) -> dict[str, int]:
    """How many dated objects are kept, by reason."""
    counts: dict[str, int] = {}
    for one in judged:
        if isinstance(one.decision, Keep):
            counts[one.decision.why.value] = counts.get(one.decision.why.value, 0) + 1
    return counts
