"""Kinds that come with a CustomResourceDefinition: how their size is read and set, and kinds described by configuration. Pure.

A generic kind is `group/version/plural:path`: the path of a count (`spec.instances`), of a switch or word with the value that
means down (`spec.suspend=true`, `spec.powerState=Stopped`), or the word `scale` for the path in the CRD's scale subresource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from downscaler.amounts import Patch, Refusal, Size, no_percentage, parse_replicas
from downscaler.words import compare_words, reach_word
from downscaler.workloads import Workload
from shared.errors import ValueProblem
from shared.kinds import Resource
from shared.objects import Struct

PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"
# How a ScaledObject that is not paused is recorded, by every downscaler alike.
UNPAUSED = "-1"
ACCEPTED_GENERIC = (
    "group/version/plural:path, such as example.org/v1/widgets:spec.instances, example.org/v1/widgets:scale "
    "or example.org/v1/machines:spec.powerState=Stopped"
)
SCALE = "scale"

_GENERIC = re.compile(
    r"([a-z0-9.-]{1,253})/(v[0-9][a-z0-9]{0,20})/([a-z][a-z0-9-]{0,62}):([^=\s]{1,200})(?:=(\S{1,63}))?", re.ASCII
)
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*){0,9}", re.ASCII)


# ---- kinds of well-known operators


def read_scaled_object(workload: Workload) -> Size | None:
    """The count it is paused at, UNPAUSED, or None where somebody paused it in another way or with garbage."""
    if (workload.metadata.annotation(PAUSED) or "false").lower() == "true":
        return None
    text = workload.metadata.annotation(PAUSED_REPLICAS)
    if text is None:
        return UNPAUSED
    try:
        size = parse_replicas(text)
    except ValueProblem:
        return None
    return size if isinstance(size, int) else None


def patch_scaled_object(workload: Workload, size: Size) -> Patch:
    return {"metadata": {"annotations": {PAUSED_REPLICAS: None if size == UNPAUSED else str(size)}}}


def scaled_object_original(text: str) -> Size:
    if text.strip() == UNPAUSED:
        return UNPAUSED
    size = parse_replicas(text)
    if isinstance(size, str):
        raise ValueProblem(text, "a whole number from 0, or -1 for one that was not paused")
    return size


def compare_scaled_objects(workload: Workload, left: Size, right: Size) -> int | None:
    """Not paused is more than any number."""
    if UNPAUSED in (left, right):
        return (left == UNPAUSED) - (right == UNPAUSED)
    return (left > right) - (left < right) if isinstance(left, int) and isinstance(right, int) else None


def read_stack(workload: Workload) -> Size | None:
    """A Stack that scales itself has no replicas of its own; its maximum stands for them."""
    spec = workload.spec
    if spec.replicas is not None:
        return spec.replicas
    ceiling = _stack_ceiling(workload)
    return 1 if ceiling is None else ceiling


def patch_stack(workload: Workload, size: Size) -> Patch:
    """Back at its maximum a Stack scales itself again."""
    return {"spec": {"replicas": None if size == _stack_ceiling(workload) else size}}


def _stack_ceiling(workload: Workload) -> int | None:
    scaler = workload.spec.autoscaler or workload.spec.horizontal_pod_autoscaler
    return scaler.max_replicas if scaler is not None else None


def read_runners(workload: Workload) -> Size | None:
    return workload.spec.min_runners or 0


def patch_runners(workload: Workload, size: Size) -> Patch:
    return {"spec": {"minRunners": size}}


def read_instances(workload: Workload) -> Size | None:
    return workload.spec.number_of_instances


def patch_instances(workload: Workload, size: Size) -> Patch:
    return {"spec": {"numberOfInstances": size}}


# ---- kinds by configuration


@dataclass(frozen=True, slots=True)
class Field:
    """Where a generic kind has its size. `down` is the value that means down of a switch or a word; None for a count."""

    path: tuple[str, ...]
    down: bool | str | None = None

    def read(self, workload: Workload) -> Size | None:
        value: Any = workload
        for name in self.path:
            value = getattr(value, _attribute(name), None)
            if value is None:
                break
        if self.down is None:
            return value if isinstance(value, int) else None
        if isinstance(self.down, bool):
            # An absent switch is off.
            return 0 if bool(value) is self.down else 1
        return value if isinstance(value, str) else None

    def patch(self, workload: Workload, size: Size) -> Patch:
        value: object = size
        if isinstance(self.down, bool):
            value = self.down if size == 0 else not self.down
        for name in reversed(self.path):
            value = {name: value}
        return value if isinstance(value, dict) else {}

    def reach(self, workload: Workload, target: Size) -> Size | Refusal:
        if isinstance(self.down, str):
            return reach_word(workload, target, self.read(workload), self.down)
        if not isinstance(target, int):
            return no_percentage(target)
        return target if self.down is None else min(target, 1)

    def original(self, text: str) -> Size:
        if isinstance(self.down, str):
            return text
        try:
            return parse_replicas(text)
        except ValueProblem:
            raise ValueProblem(text, "a whole number from 0") from None

    def compare(self, workload: Workload, left: Size, right: Size) -> int | None:
        if isinstance(self.down, str):
            return compare_words(self.down, left, right)
        return (left > right) - (left < right) if isinstance(left, int) and isinstance(right, int) else None


@dataclass(frozen=True, slots=True)
class Generic:
    """One described kind. `field` is None as long as nobody has asked the CRD for the path of its scale subresource."""

    resource: Resource
    field: Field | None


def parse_generic(text: str) -> Generic:
    """Raises ValueProblem."""
    match = _GENERIC.fullmatch(text.strip())
    if match is None:
        raise ValueProblem(text, ACCEPTED_GENERIC)
    group, version, plural, path, down = match.groups()
    resource = Resource(group, version, plural, plural)
    if path == SCALE and down is None:
        return Generic(resource, None)
    return Generic(resource, field_at(path, down))


def field_at(path: str, down: str | None = None) -> Field:
    """The field at a dotted *path*, with or without a leading dot. Raises ValueProblem."""
    path = path.removeprefix(".")
    parts = tuple(path.split("."))
    if not _PATH.fullmatch(path) or parts[0] in ("metadata", "status"):
        raise ValueProblem(
            path, "a dotted path of names that starts neither with metadata nor with status, such as spec.instances"
        )
    word: bool | str | None = down
    if down in ("true", "false"):
        word = down == "true"
    return Field(parts, word)


def shape(field: Field) -> type[Workload]:
    """A Workload type that decodes the one field of *field* and nothing else of the spec."""
    leaf: Any = int if field.down is None else bool if isinstance(field.down, bool) else str
    for name in reversed(field.path[1:]):
        leaf = msgspec.defstruct(
            "Part", [(_attribute(name), leaf | None, None)], bases=(Struct,), rename={_attribute(name): name}, frozen=True
        )
    top = field.path[0]
    return msgspec.defstruct("Custom", [(_attribute(top), leaf | None, None)], bases=(Workload,), frozen=True, kw_only=True)  # type: ignore[return-value]  # a subclass of its base


def _attribute(name: str) -> str:
    """The attribute that holds the JSON field *name*: the camel case of Struct turned back."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
