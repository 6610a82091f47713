"""What a running process says about the objects it governs: one small row each, and the turn that they are from. Pure.

A row holds texts and numbers only, shared between rows where they are equal, so that 10,000 of them are a few megabytes; the
objects themselves are not kept. All that is shown was on the objects already, in annotations and sizes; nothing secret is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

import msgspec

from downscaler.amounts import Size
from downscaler.annotations import FIELDS
from downscaler.decide import Decision, Forget, Keep, Problem, Restore, ScaleTo
from downscaler.plan import Planned
from downscaler.policy import Ruling
from downscaler.sizes import kind_named
from shared.errors import ValueProblem, shorten
from shared.names import check_name, check_namespace
from shared.times import format_timestamp

# Rows of one answer, unless asked for more, and at most.
USUAL_LIMIT, HIGHEST_LIMIT = 500, 10_000
_LONGEST_REASON = 300


class Next(msgspec.Struct, frozen=True, gc=False):
    """When the schedule wants something else, and what: up, down or leave."""

    at: str
    want: str


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """One object. `cause` is what was done, or why nothing was; `since` is set while it is not what its schedule wants."""

    kind: str
    namespace: str
    name: str
    size: Size | None
    wanted: str
    actual: str
    cause: str
    reason: str
    original: Size | None = None
    decided_by: str = ""
    next: Next | None = None
    since: str = ""

    @property
    def key(self) -> str:
        """Names it, and is where a page ends and the next one begins."""
        return f"{self.namespace}/{self.kind}/{self.name}"


class Hold(msgspec.Struct, frozen=True):
    """Why nothing, or a part, may go down, and how many objects that is due for now. `cause` is mass, clock or unread."""

    cause: str
    objects: int
    reason: str


class Turn(msgspec.Struct, frozen=True, rename="camel"):
    """The last turn: when it began, what came of it, and the next instant at which something falls due by itself."""

    at: str
    ok: bool
    changed: int
    failures: list[str]
    holds: list[Hold]
    next_due: str = ""


class About(msgspec.Struct, frozen=True, rename="camel"):
    """The process."""

    version: str
    started: str
    dry_run: bool = False
    interval: float = 30.0
    max_interval: float = 30.0


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """What /status answers. `objects` are those that were asked for; `after` asks for the next ones, and is empty at the end."""

    controller: About
    turn: Turn | None
    counts: dict[str, int]
    matching: int
    after: str
    objects: list[Row]


# ---- collecting


@dataclass
class Draft:
    """The rows of the turn under way."""

    rows: list[Row] = field(default_factory=list)
    _texts: dict[str, str] = field(default_factory=dict)
    _nexts: dict[int, tuple[object, Next]] = field(default_factory=dict)

    def add(self, planned: Planned, actual: str, since: datetime | None, *, failed: bool = False) -> None:
        """One object, with what was decided and done about it."""
        decision, workload, ruled = planned.decision, planned.workload, planned.ruled
        cause, size, original = _outcome(planned, decision, actual)
        self.rows.append(
            Row(
                planned.kind.id,
                self._text(workload.namespace),
                workload.name,
                size,
                planned.wanted,
                actual,
                "failed" if failed else cause,
                self._text(decision.reason),
                original,
                "" if ruled is None or isinstance(decision, Problem) else decider(ruled.key, ruled.source),
                None if planned.ahead is None else self._next(planned.ahead),
                "" if since is None else format_timestamp(since),
            )
        )

    def _text(self, text: str) -> str:
        """*text*, not too long, and the same one for all that are equal."""
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = shorten(text, _LONGEST_REASON)
        return known

    def _next(self, ahead: tuple[datetime, Ruling]) -> Next:
        # The planner hands out one tuple per schedule; it is kept here so that its identity stays its own.
        known = self._nexts.get(id(ahead))
        if known is None:
            known = self._nexts[id(ahead)] = (ahead, Next(format_timestamp(ahead[0]), ahead[1].want.value))
        return known[1]


def _outcome(planned: Planned, decision: Decision, actual: str) -> tuple[str, Size | None, Size | None]:
    """What was done or why nothing was, the size now, and the original of what is down."""
    if isinstance(decision, Keep):
        return decision.cause, planned.kind.read(planned.workload), decision.held if actual == "down" else None
    if isinstance(decision, ScaleTo):
        return "scaled-down", decision.size, decision.original
    if isinstance(decision, Restore):
        return "brought-up", decision.size, None
    cause = "record-removed" if isinstance(decision, Forget) else "broken"
    return cause, planned.kind.read(planned.workload), None


@lru_cache(maxsize=256)
def decider(key: str, source: str) -> str:
    """`downscaler/uptime (namespace annotation)`; empty where no key decided."""
    if not key:
        return ""
    annotation = next((name for name, each in FIELDS.items() if each == key), f"downscaler/{key}" if key == "exclude" else key)
    return f"{annotation} ({source})" if source else annotation


# ---- asking

_ONLY: Mapping[str, Callable[[Row], bool]] = {
    "pending": lambda row: bool(row.since),
    "waiting": lambda row: row.cause in ("waiting", "throttled"),
    "fights": lambda row: row.cause == "fight",
    "held": lambda row: row.cause in ("held", "hold"),
    "down": lambda row: row.actual == "down",
    "broken": lambda row: row.cause in ("broken", "failed"),
}
ONLY = tuple(_ONLY)
PARAMETERS = ("namespace", "kind", "name", "only", "limit", "after")


@dataclass(frozen=True)
class Query:
    """Which rows are asked for; empty texts ask for all."""

    namespace: str = ""
    kind: str = ""
    name: str = ""
    only: str = ""
    limit: int = USUAL_LIMIT
    after: str = ""


def parse_query(given: Mapping[str, str], limit: int = USUAL_LIMIT) -> Query:
    """The query that the parameters of a URL mean. Raises ValueProblem naming the parameter and what it accepts."""
    values = {key: value.strip() for key, value in given.items() if value.strip()}
    if unknown := values.keys() - set(PARAMETERS):
        raise ValueProblem(sorted(unknown)[0], f"the parameters {', '.join(PARAMETERS)}")
    if values.get("only", ONLY[0]) not in ONLY:
        raise ValueProblem(values["only"], f"only={', '.join(ONLY)}")
    return Query(
        namespace=check_namespace(values["namespace"]) if "namespace" in values else "",
        kind=_kind(values["kind"]) if "kind" in values else "",
        name=check_name(values["name"]) if "name" in values else "",
        only=values.get("only", ""),
        limit=_limit(values["limit"]) if "limit" in values else limit,
        after=values.get("after", ""),
    )


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= HIGHEST_LIMIT):
        raise ValueProblem(text, f"limit=1 to {HIGHEST_LIMIT}")
    return int(text)


def _kind(text: str) -> str:
    """Kinds by any of their names; those of --custom-kinds by the one that is shown."""
    try:
        return kind_named(text).id
    except ValueProblem:
        return text


@dataclass
class Board:
    """What is shown: the last turn, put up as a whole when it has ended."""

    about: About
    # One reference, so that nobody sees a turn with the rows of another.
    _last: tuple[Turn | None, _Shown] = field(default_factory=lambda: (None, _Shown(())))

    def put_up(self, turn: Turn, rows: Iterable[Row]) -> None:
        """Replaces what is shown. Whoever is reading goes on reading what was there before."""
        self._last = (turn, _Shown(tuple(rows)))

    def status(self, query: Query) -> Status:
        """The answer to *query*; safe to ask in any thread."""
        turn, shown = self._last
        chosen = [row for row in shown.sorted if _matches(row, query)]
        begin = next((at for at, row in enumerate(chosen) if row.key > query.after), len(chosen)) if query.after else 0
        page = chosen[begin : begin + query.limit]
        more = page[-1].key if begin + len(page) < len(chosen) else ""
        return Status(self.about, turn, shown.counts, len(chosen), more, page)


def _matches(row: Row, query: Query) -> bool:
    return (
        (not query.namespace or row.namespace == query.namespace)
        and (not query.kind or row.kind == query.kind)
        and (not query.name or row.name == query.name)
        and (not query.only or _ONLY[query.only](row))
    )


@dataclass
class _Shown:
    """Rows that nobody has asked for yet cost nothing but their memory."""

    rows: tuple[Row, ...]

    @cached_property
    def sorted(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: row.key)

    @cached_property
    def counts(self) -> dict[str, int]:
        """All objects, and how many of them each value of the parameter `only` would show."""
        return {"objects": len(self.rows)} | {name: sum(map(chosen, self.rows)) for name, chosen in _ONLY.items()}


def as_json(status: Status) -> bytes:
    """The body of /status."""
    return msgspec.json.encode(status) + b"\n"
