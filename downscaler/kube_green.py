"""What kube-green remembers of a namespace that it put to sleep: its Secrets, as originals by object. Pure.

Source: the Secret `sleepinfo-NAME` that its controller writes, in the form of today (`original-resource-info`: kind and group,
then name, then the merge patch that restores) and in the older one (`deployment-replicas`, `cronjobs-info`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from shared.errors import ValueProblem
from shared.objects import Object, Struct

_Item = TypeVar("_Item")

NAME_PREFIX = "sleepinfo-"
ACCEPTED = "what kube-green writes: base64 of JSON objects by kind and name"


class Secret(Object, frozen=True):
    """A Secret with its data still in base64."""

    data: dict[str, str] | None = None


class _Replicas(Struct, frozen=True):
    name: str = ""
    replicas: int = 0


class _Suspended(Struct, frozen=True):
    name: str = ""
    suspend: bool | None = None


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
        return _text(secret, "operation-type") != "WAKE_UP"
    except (UnicodeDecodeError, binascii.Error) as error:
        raise ValueProblem(f"secrets {secret.key}", f"{ACCEPTED}; {error}") from None


def slept(secret: Secret) -> Iterator[Slept]:
    """Every object that *secret* remembers. Raises ValueProblem for what is not kube-green's."""
    try:
        yield from _today(_text(secret, "original-resource-info"))
        for each in _read(_text(secret, "deployment-replicas"), list[_Replicas]):
            yield Slept("Deployment", "apps", each.name, {"spec": {"replicas": each.replicas}})
        for job in _read(_text(secret, "cronjobs-info"), list[_Suspended]):
            yield Slept("CronJob", "batch", job.name, {"spec": {"suspend": bool(job.suspend)}})
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise ValueProblem(f"secrets {secret.key}", f"{ACCEPTED}; {error}") from None


def _today(text: str) -> Iterator[Slept]:
    known = msgspec.json.decode(text or "{}", type=dict[str, dict[str, str | dict[str, object]]])
    for kind_and_group, by_name in known.items():
        kind, _, group = kind_and_group.partition(".")
        for name, patch in by_name.items():
            decoded = msgspec.json.decode(patch, type=dict[str, object]) if isinstance(patch, str) else patch
            yield Slept(kind, group, name, decoded)


def _read(text: str, as_type: type[list[_Item]]) -> list[_Item]:
    return msgspec.json.decode(text, type=as_type) if text else []


def _text(secret: Secret, key: str) -> str:
    return base64.b64decode((secret.data or {}).get(key, ""), validate=True).decode().strip()
