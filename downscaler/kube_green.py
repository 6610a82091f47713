"""What kube-green remembers of a namespace that it put to sleep: its Secrets, as originals by object. Pure.

Source: the Secret `sleepinfo-NAME` that its controller writes. Today's form is `original-resource-info`: JSON of kind and group,
then name, then the JSON text of the merge patch that restores. Older ones had lists, `deployment-replicas` and `cronjobs-info`
(before that `original-cronjobs`), which still count where they are. `operation-type` says what it did last, and is missing where
the namespace was empty; `scheduled-at` says when.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from shared.errors import ValueProblem
from shared.objects import Object, Struct
from shared.times import parse_timestamp

NAME_PREFIX = "sleepinfo-"
ACCEPTED = "what kube-green writes: base64 of JSON objects by kind and name"
ACCEPTED_PATCH = "a JSON object, the merge patch that restores"
# What its versions call the opposite of putting to sleep.
_AWAKE = ("WAKE_UP", "RESTORE")
_Known: TypeAlias = dict[str, dict[str, Any]]


class Secret(Object, frozen=True):
    """A Secret with its data still in base64."""

    data: dict[str, str] | None = None


class _Replicas(Struct, frozen=True):
    name: str = ""
    replicas: int | None = None

    @property
    def patch(self) -> Mapping[str, object]:
        return {"spec": {"replicas": self.replicas or 0}}


class _Suspended(Struct, frozen=True):
    name: str = ""
    suspend: bool | None = None

    @property
    def patch(self) -> Mapping[str, object]:
        return {"spec": {"suspend": bool(self.suspend)}}


# The older keys, the kind and group that they stand for, and the shape of one item.
_OLDER: tuple[tuple[str, str, type[_Replicas] | type[_Suspended]], ...] = (
    ("deployment-replicas", "Deployment.apps", _Replicas),
    ("original-cronjobs", "CronJob.batch", _Suspended),
    ("cronjobs-info", "CronJob.batch", _Suspended),
)


@dataclass(frozen=True, slots=True)
class Slept:
    """One object that was put to sleep. `kind` and `group` as in its manifest; `patch` is the merge patch that restores it."""

    kind: str
    group: str
    name: str
    patch: Mapping[str, object]


def is_asleep(secret: Secret) -> bool:
    """Whether the last thing that kube-green did there was putting to sleep. Raises ValueProblem."""
    if not secret.name.startswith(NAME_PREFIX):
        return False
    try:
        return _text(secret, "operation-type") not in _AWAKE
    except (UnicodeDecodeError, binascii.Error) as error:
        raise ValueProblem(f"secrets {secret.key}", f"{ACCEPTED}; {error}") from None


def asleep_since(secret: Secret) -> datetime | None:
    """When kube-green acted last; None where it does not say so."""
    try:
        return parse_timestamp(_text(secret, "scheduled-at"))
    except (ValueProblem, UnicodeDecodeError, binascii.Error):
        return None


def slept(secret: Secret) -> Iterator[Slept | ValueProblem]:
    """Every object that *secret* remembers, or what is wrong with one. Raises ValueProblem for what is not kube-green's."""
    try:
        known = _read(secret)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise ValueProblem(f"secrets {secret.key}", f"{ACCEPTED}; {error}") from None
    for kind_and_group, by_name in known.items():
        # The group of the core is empty: `Service.`
        kind, _, group = kind_and_group.partition(".")
        for name, patch in by_name.items():
            decoded = _patch(patch)
            if decoded is None:
                yield ValueProblem(f"secrets {secret.key}: {kind} {name}", ACCEPTED_PATCH)
            elif name:
                yield Slept(kind, group, name, decoded)


def _read(secret: Secret) -> _Known:
    text = _text(secret, "original-resource-info")
    known: _Known = {}
    for kind, by_name in (msgspec.json.decode(text or "null", type=dict[str, dict[str, Any] | None] | None) or {}).items():
        known[kind] = by_name or {}
    for key, kind, shape in _OLDER:
        if key in (secret.data or {}):
            items = msgspec.json.decode(_text(secret, key) or "null", type=list[shape] | None)  # type: ignore[valid-type]
            known.setdefault(kind, {}).update((item.name, item.patch) for item in items or ())
    return known


def _patch(value: object) -> Mapping[str, object] | None:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return None
    return value if isinstance(value, Mapping) else None


def _text(secret: Secret, key: str) -> str:
    return base64.b64decode((secret.data or {}).get(key, ""), validate=True).decode().strip()


def leaves(patch: Mapping[str, object], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all that a merge patch sets or removes."""
    for key, value in patch.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def beyond(patch: Mapping[str, object], ours: Mapping[str, object]) -> list[str]:
    """What *patch* brings back and *ours* does not, as dotted paths."""
    covered = set(leaves(ours))
    return [
        ".".join(path)
        for path in leaves(patch)
        if not any(path == each[: len(path)] or each == path[: len(each)] for each in covered)
    ]
