"""What owners write on their objects: the keys, and their values as typed marks with complaints. Pure.

    janitor/ttl             how long the object lives, counted from its creation: 7d, 1w2d, forever
    janitor/expires         the instant at which it ends, whatever its age
    janitor/extend-until    a snooze: not before this instant
    janitor/protected       any value but "false": never deleted
    janitor/notified        written by the janitor when it warned
    janitor/quarantined     written by the janitor when a quarantine began
    janitor/default-ttl     on a Namespace: `deployments=7d,jobs=1d` for what lives inside it

A value that cannot be read is a Problem, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import ValueProblem, shorten
from shared.objects import Meta
from shared.times import ACCEPTED_DURATION, format_timestamp, parse_duration, parse_timestamp

TTL = "janitor/ttl"
EXPIRES = "janitor/expires"
EXTEND_UNTIL = "janitor/extend-until"
PROTECTED = "janitor/protected"
NOTIFIED = "janitor/notified"
QUARANTINED = "janitor/quarantined"
DEFAULT_TTL = "janitor/default-ttl"

FOREVER = timedelta.max
ACCEPTED_TTL = f"{ACCEPTED_DURATION}; or forever; more than 0s and less than 1000 years"
ACCEPTED_DEFAULTS = "resources with their TTL, such as deployments=7d,jobs=1d, or *=30d for every resource"
# A longer life is a typing error: 99999999w would end after the last year that a timestamp can name.
_LONGEST = timedelta(days=365_000)
# The forms that kube-janitor read with strptime, which does not insist on leading zeros (2019-2-5).
_OLD_FORMS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Problem:
    """One unreadable value: which key, what stood there, what would have been understood."""

    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.key}={shorten(self.value)!r} is not understood; accepted: {self.accepted}"


@dataclass(frozen=True)
class Keys:
    """Where to look, most important first. `ttl_or_date` holds keys whose value may be a date as well as a duration."""

    ttl: tuple[str, ...] = (TTL,)
    ttl_labels: tuple[str, ...] = ()
    ttl_or_date: tuple[str, ...] = ()
    expires: tuple[str, ...] = (EXPIRES,)
    starts: tuple[str, ...] = ()
    protected: tuple[str, ...] = (PROTECTED,)
    actions: tuple[str, ...] = ()


# The keys of other tools, by the name that --also-read takes.
DIALECTS: Mapping[str, Keys] = {
    "twin": Keys(("k8s-ttl-controller.twin.sh/ttl",), (), (), (), ("k8s-ttl-controller.twin.sh/refreshed-at",), ()),
    "kyverno": Keys((), ("cleanup.kyverno.io/ttl",), ("cleanup.kyverno.io/ttl",), (), (), ()),
    "cleaner": Keys(("cleaner/ttl",), (), (), ("cleaner/expires",), (), ()),
    "mayfly": Keys(("mayfly.cloud.namecheap.com/expire",), (), (), (), (), ()),
    "janitor.io": Keys(
        ("janitor.io/ttl",), (), (), ("janitor.io/expires-at",), (), ("janitor.io/protected",), ("janitor.io/action",)
    ),
}


def keys_for(dialects: Iterable[str] = (), *, ttl_labels: tuple[str, ...] = (), starts: tuple[str, ...] = ()) -> Keys:
    """The janitor's own keys, then those of each dialect. Raises ValueProblem for a dialect that does not exist."""
    keys = Keys(ttl_labels=ttl_labels, starts=starts)
    for name in dialects:
        other = DIALECTS.get(name)
        if other is None:
            raise ValueProblem(name, ", ".join(sorted(DIALECTS)))
        keys = Keys(
            keys.ttl + other.ttl,
            keys.ttl_labels + other.ttl_labels,
            keys.ttl_or_date + other.ttl_or_date,
            keys.expires + other.expires,
            keys.starts + other.starts,
            keys.protected + other.protected,
            keys.actions + other.actions,
        )
    return keys


@dataclass(frozen=True, slots=True)
class Marks:
    """What one object says about its own end.

    `ttl` is None where no key stands (or an empty one: as good as none) or where it cannot be read, FOREVER for `forever`.
    `start` is
    the latest of the start annotations.
    """

    ttl: timedelta | None = None
    ttl_key: str = TTL
    expires: datetime | None = None
    expires_key: str = EXPIRES
    extend_until: datetime | None = None
    start: datetime | None = None
    problems: tuple[Problem, ...] = ()

    def unreadable(self, keys: Iterable[str]) -> bool:
        """Whether one of *keys* holds something that cannot be read."""
        return any(problem.key in keys for problem in self.problems)


NO_MARKS = Marks()


def parse_ttl(text: str) -> timedelta:
    """`7d`, `1w2d6h`, or `forever` in any case (FOREVER). Raises ValueProblem, also for `0s` and for over 1000 years."""
    if text.strip().lower() == "forever":
        return FOREVER
    try:
        length = parse_duration(text)
    except ValueProblem:
        raise ValueProblem(text, ACCEPTED_TTL) from None
    if not timedelta(0) < length < _LONGEST:
        raise ValueProblem(text, ACCEPTED_TTL)
    return length


def parse_expires(text: str) -> datetime:
    """An instant in UTC; a date is the start of that day. Raises ValueProblem."""
    try:
        return parse_timestamp(text)
    except ValueProblem as problem:
        for form in _OLD_FORMS:
            try:
                return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise problem from None


def read_marks(meta: Meta, keys: Keys) -> Marks:
    """Everything that *meta* says about its end; unreadable values are in `problems` and otherwise as if absent. Never raises."""
    if not meta.annotations and not (meta.labels and keys.ttl_labels):
        return NO_MARKS
    annotations = meta.annotations or {}
    problems: list[Problem] = []
    marks = _read_ttl(meta, keys, problems)
    for key in keys.expires:
        if annotations.get(key):
            instant = _instant(key, annotations[key], problems)
            if instant is not None and (marks.expires is None or instant < marks.expires):
                marks = replace(marks, expires=instant, expires_key=key)
    starts = [_instant(key, annotations[key], problems) for key in keys.starts if annotations.get(key)]
    extend = _instant(EXTEND_UNTIL, annotations[EXTEND_UNTIL], problems) if annotations.get(EXTEND_UNTIL) else None
    start = max((start for start in starts if start is not None), default=None)
    if extend is None and start is None and not problems:
        return marks
    return replace(marks, extend_until=extend, start=start, problems=tuple(problems))


def _read_ttl(meta: Meta, keys: Keys, problems: list[Problem]) -> Marks:
    """The first TTL key that holds a text decides, readable or not."""
    found = next(((key, text) for key in keys.ttl if (text := meta.annotation(key))), None) or next(
        ((key, text) for key in keys.ttl_labels if (text := meta.label(key))), None
    )
    if found is None:
        return NO_MARKS
    key, text = found
    try:
        return Marks(ttl=parse_ttl(text), ttl_key=key)
    except ValueProblem as problem:
        if key in keys.ttl_or_date:
            try:
                return Marks(ttl=FOREVER, ttl_key=key, expires=parse_expires(text), expires_key=key)
            except ValueProblem:
                pass
        problems.append(Problem(key, text, problem.accepted))
        return Marks(ttl_key=key)


def _instant(key: str, text: str, problems: list[Problem]) -> datetime | None:
    try:
        return parse_expires(text)
    except ValueProblem as problem:
        problems.append(Problem(key, text, problem.accepted))
        return None


def is_protected(meta: Meta, keys: Keys) -> bool:
    """True for `janitor/protected` with any value but `false` (a misspelt `ture` must not unprotect), or an action skip or
    report.
    """
    if not meta.annotations:
        return False
    values = (meta.annotations.get(key) for key in keys.protected)
    if any(value is not None and value.strip().lower() != "false" for value in values):
        return True
    return any((meta.annotations.get(key) or "").strip().lower() in ("skip", "report") for key in keys.actions)


def parse_defaults(text: str) -> dict[str, timedelta]:
    """`deployments=7d,jobs=1d` as resource names with their TTL. Raises ValueProblem."""
    defaults: dict[str, timedelta] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        resource, sign, ttl = (part.strip() for part in item.partition("="))
        if not sign or not resource:
            raise ValueProblem(text, ACCEPTED_DEFAULTS)
        defaults[resource.lower()] = parse_ttl(ttl)
    return defaults


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning (or quarantine) recorded at `at` for the end `due`. Both None for the old value `yes`: long ago, for any end."""

    at: datetime | None = None
    due: datetime | None = None

    def covers(self, due: datetime) -> bool:
        """Whether the owner was warned of this very end; a moved one needs a new warning."""
        return self.at is None or self.due == due.replace(microsecond=0)


def format_warned(at: datetime, due: datetime) -> str:
    """`2026-03-23T10:00:00Z for 2026-03-25T10:00:00Z`: when the warning was given, and for which end."""
    return f"{format_timestamp(at)} for {format_timestamp(due)}"


def parse_warned(text: str | None) -> Warned | None:
    """The inverse of format_warned. `yes`, which older janitors wrote, counts as warned long ago; anything else as not warned."""
    if not text:
        return None
    if text.strip() == "yes":
        return Warned()
    at, sign, due = text.partition(" for ")
    try:
        return Warned(parse_timestamp(at), parse_timestamp(due)) if sign else None
    except ValueProblem:
        return None


def writers_of(document: Mapping[str, Any], annotation: str) -> tuple[str, ...]:
    """The field managers that set *annotation*, by `managedFields`: who asked for this object to end."""
    metadata = document.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    writers = []
    for entry in entries if isinstance(entries, list) else ():
        fields: Any = entry.get("fieldsV1") if isinstance(entry, Mapping) else None
        for step in ("f:metadata", "f:annotations", f"f:{annotation}"):
            fields = fields.get(step) if isinstance(fields, Mapping) else None
        if fields is not None:
            writers.append(str(entry.get("manager", "")))
    return tuple(writers)
