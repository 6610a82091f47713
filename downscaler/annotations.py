"""The `downscaler/*` annotations: their names, and what an object's own say, as typed values or complaints. Pure.

A text that cannot be read never raises here: it becomes a Complaint that names the key, the value and the accepted forms, and
says what happens instead. `blocking` complaints leave everything alone that the key would have governed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from downscaler.amounts import Size, parse_replicas
from downscaler.keys import (
    ALLOW_VOLUME_DELETION,
    DEPENDS_ON,
    DOWNSCALE_PERIOD,
    DOWNSCALE_REPLICAS,
    DOWNTIME,
    DOWNTIME_MAX_REPLICAS,
    DOWNTIME_REPLICAS,
    EXCLUDE,
    EXCLUDE_UNTIL,
    FORCE_DOWNTIME,
    FORCE_UPTIME,
    FOREIGN_KEYS,
    GRACE_PERIOD,
    KEYS,
    ORIGINAL_PAUSE,
    PREFIX,
    SCALE_CHILDREN,
    UP_FOR,
    UP_UNTIL,
    UPSCALE_PERIOD,
    UPTIME,
    WAVE,
)
from downscaler.schedule import Spec
from downscaler.sizes import KINDS, Kind, kind_named
from downscaler.timespec import ACCEPTED, NO_DEFAULTS, Defaults, parse
from shared.errors import ValueProblem, shorten
from shared.filters import split_list
from shared.times import ACCEPTED_TIMESTAMP, format_duration, parse_duration, parse_timestamp

INVALID = "InvalidConfiguration"
LONGEST_UP_FOR = timedelta(days=31)
UNTOUCHED = "left as it is until that is corrected"


_KNOWN = frozenset(key.name for key in KEYS)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A value that is not understood, or has no effect. `effect` says what happens instead."""

    key: str
    value: str
    accepted: str
    effect: str = UNTOUCHED
    blocking: bool = True
    # What is said instead of that the value is not understood, and the reason word of the Event that says it.
    said: str = ""
    word: str = INVALID

    @property
    def text(self) -> str:
        if self.said:
            return self.said
        return f"annotation {self.key}={shorten(self.value)!r} is not understood; accepted: {self.accepted}; {self.effect}"


@dataclass(frozen=True, slots=True)
class Context:
    """What reading annotations depends on beside their text."""

    defaults: Defaults = NO_DEFAULTS
    grace_period: timedelta = timedelta(seconds=900)
    deployment_time_key: str | None = None
    # The kinds that the configuration describes, which annotations may name.
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Overrides:
    """What one object's annotations set; None where they say nothing. `complaints` holds each value that could not be read."""

    uptime: Spec | None = None
    downtime: Spec | None = None
    upscale_period: Spec | None = None
    downscale_period: Spec | None = None
    force_uptime: Spec | None = None
    force_downtime: Spec | None = None
    exclude: bool | None = None
    exclude_until: datetime | None = None
    downtime_replicas: Size | None = None
    downtime_max_replicas: int | None = None
    grace_period: timedelta | None = None
    wave: int | None = None
    # Kind as in --include-resources, namespace (empty: the same) and name.
    depends_on: tuple[tuple[str, str, str], ...] | None = None
    up_for: timedelta | None = None
    up_until: datetime | None = None
    scale_children: bool | None = None
    allow_volume_deletion: bool | None = None
    deployed_at: datetime | None = None
    complaints: tuple[Complaint, ...] = ()


NOTHING = Overrides()
_Value: TypeAlias = Spec | Size | bool | datetime | timedelta | tuple[tuple[str, str, str], ...] | None
_Reader: TypeAlias = Callable[[str, Context], _Value]


def read_overrides(annotations: Mapping[str, str] | None, context: Context) -> Overrides:
    """The overrides on a workload or a namespace. Never raises."""
    if not annotations:
        return NOTHING
    own = {key: value for key, value in annotations.items() if key.startswith(PREFIX) or key == context.deployment_time_key}
    if not own:
        return NOTHING
    complaints: list[Complaint] = []
    fields: dict[str, _Value] = {}
    for key, field, reader in _READERS:
        if (text := own.get(key)) is None or (key == DOWNSCALE_REPLICAS and DOWNTIME_REPLICAS in own):
            continue
        try:
            fields[field] = value = reader(text, context)
        except ValueProblem as problem:
            effect, instead = _UNREADABLE.get(key, (UNTOUCHED, None))
            complaints.append(Complaint(key, text, problem.accepted, effect, blocking=effect == UNTOUCHED))
            if instead is not None:
                fields["exclude"] = instead
        else:
            complaints.extend(_remarks(key, text, value))
    complaints.extend(_deployment_time(own, context, fields))
    complaints.extend(_unknown(own, context))
    return Overrides(**fields, complaints=tuple(complaints))  # type: ignore[arg-type]  # _READERS pairs each field with its reader


def _read_spec(text: str, context: Context) -> Spec:
    return parse(text, context.defaults)


def _read_force(text: str, context: Context) -> Spec:
    """Empty switches off, as `false` does."""
    return parse(text if text.strip() else "never", context.defaults)


def _read_boolean(text: str, context: Context) -> bool:
    if (word := text.strip().lower()) in ("true", "false"):
        return word == "true"
    raise ValueProblem(text, "true or false")


def _read_instant(text: str, context: Context) -> datetime:
    return parse_timestamp(text)


def _read_replicas(text: str, context: Context) -> Size:
    return parse_replicas(text)


def _read_ceiling(text: str, context: Context) -> int:
    stripped = text.strip()
    if not re.fullmatch(r"\d{1,9}", stripped, re.ASCII) or int(stripped) < 1:
        raise ValueProblem(text, "a whole number from 1")
    return int(stripped)


def _read_wave(text: str, context: Context) -> int:
    # int() itself strips less than strip() does: the separators of ASCII stay.
    stripped = text.strip()
    if not re.fullmatch(r"-?\d{1,4}", stripped, re.ASCII) or not -1000 <= int(stripped) <= 1000:
        raise ValueProblem(text, "a whole number from -1000 to 1000")
    return int(stripped)


def _read_depends_on(text: str, context: Context) -> tuple[tuple[str, str, str], ...]:
    found, known = [], {**KINDS, **{kind.id: kind for kind in context.kinds}}
    for item in split_list(text):
        *namespace, kind, name = ["", *item.split("/")][-3:]
        if item.count("/") not in (1, 2) or not name or (item.count("/") == 2 and not namespace[0]):
            raise ValueProblem(text, "namespace/kind/name or kind/name, several joined by commas")
        found.append((kind_named(kind, known).whole, namespace[0], name))
    return tuple(found)


def _read_up_for(text: str, context: Context) -> timedelta:
    period = parse_duration(text)
    if not timedelta(0) < period <= LONGEST_UP_FOR:
        raise ValueProblem(text, f"a duration such as 3h, more than 0 and at most {format_duration(LONGEST_UP_FOR)}")
    return period


def _read_grace(text: str, context: Context) -> timedelta:
    """It can only shorten: a tenant must not keep an object up for ever by a long grace period."""
    accepted = (
        f"seconds or a duration such as 10m, more than 0 and at most --grace-period ({format_duration(context.grace_period)})"
    )
    stripped = text.strip()
    try:
        period = timedelta(seconds=int(stripped)) if re.fullmatch(r"\d{1,9}", stripped, re.ASCII) else parse_duration(stripped)
    except ValueProblem:
        raise ValueProblem(text, accepted) from None
    if not timedelta(0) < period <= context.grace_period:
        raise ValueProblem(text, accepted)
    return period


_READERS: tuple[tuple[str, str, _Reader], ...] = (
    (UPTIME, "uptime", _read_spec),
    (DOWNTIME, "downtime", _read_spec),
    (UPSCALE_PERIOD, "upscale_period", _read_spec),
    (DOWNSCALE_PERIOD, "downscale_period", _read_spec),
    (FORCE_UPTIME, "force_uptime", _read_force),
    (FORCE_DOWNTIME, "force_downtime", _read_force),
    (EXCLUDE, "exclude", _read_boolean),
    (EXCLUDE_UNTIL, "exclude_until", _read_instant),
    (DOWNTIME_REPLICAS, "downtime_replicas", _read_replicas),
    (DOWNSCALE_REPLICAS, "downtime_replicas", _read_replicas),
    (DOWNTIME_MAX_REPLICAS, "downtime_max_replicas", _read_ceiling),
    (GRACE_PERIOD, "grace_period", _read_grace),
    (WAVE, "wave", _read_wave),
    (DEPENDS_ON, "depends_on", _read_depends_on),
    (UP_FOR, "up_for", _read_up_for),
    (UP_UNTIL, "up_until", _read_instant),
    (SCALE_CHILDREN, "scale_children", _read_boolean),
    (ALLOW_VOLUME_DELETION, "allow_volume_deletion", _read_boolean),
)
FIELDS: Mapping[str, str] = {key: field for key, field, _ in _READERS}
# What an unreadable value of these keys means instead of stopping the object: the safe side, which is never scaling down.
_UNREADABLE: Mapping[str, tuple[str, bool | None]] = {
    EXCLUDE: ("counts as true", True),
    EXCLUDE_UNTIL: ("excluded until that is corrected", True),
    DOWNTIME_MAX_REPLICAS: ("it counts as not set", None),
    GRACE_PERIOD: ("--grace-period applies", None),
    WAVE: ("it has no effect", None),
    DEPENDS_ON: ("it has no effect", None),
    UP_FOR: ("it has no effect", None),
    UP_UNTIL: ("it has no effect", None),
    SCALE_CHILDREN: ("it counts as not set", None),
    ALLOW_VOLUME_DELETION: ("it counts as not set", None),
}


def _remarks(key: str, text: str, value: _Value) -> list[Complaint]:
    """Specs that can be read and yet can never match."""
    if not isinstance(value, Spec) or not value.warnings:
        return []
    return [Complaint(key, text, ACCEPTED, f"note that {warning}", blocking=False) for warning in value.warnings]


def _deployment_time(own: Mapping[str, str], context: Context, fields: dict[str, _Value]) -> list[Complaint]:
    key = context.deployment_time_key
    if key is None or (text := own.get(key)) is None:
        return []
    try:
        fields["deployed_at"] = parse_timestamp(text)
    except ValueProblem:
        return [Complaint(key, text, ACCEPTED_TIMESTAMP, "the creation time counts", blocking=False)]
    return []


def _unknown(own: Mapping[str, str], context: Context) -> list[Complaint]:
    """Keys with our prefix that mean nothing here: most often a spelling mistake that would go unnoticed for months."""
    unknown = [key for key in own if key not in _KNOWN and key != context.deployment_time_key and key != ORIGINAL_PAUSE]
    return [
        Complaint(
            key,
            own[key],
            "no such key" if key not in FOREIGN_KEYS else "nothing: not supported yet",
            "it has no effect",
            blocking=False,
        )
        for key in unknown
    ]
