"""What changes with the size of some kinds and has to come back with it: a maximum, ports, a policy. Pure.

The size alone is in `downscaler/original-replicas`, where every downscaler reads it; what went along is in
`downscaler/original-fields`, written and removed by the same requests. Only the fields of `Originals` are ever put back: what
else somebody writes into that annotation has no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from downscaler.amounts import Patch, Size
from downscaler.keys import ORIGINAL_FIELDS
from downscaler.workloads import Workload
from shared.errors import ValueProblem
from shared.objects import Struct

ACCEPTED = 'JSON such as {"maxReplicas":10}'


class Originals(Struct, frozen=True):
    """What went along with the size, None where nothing did. `node_ports` maps `80/TCP` to a port of the nodes."""

    max_replicas: int | None = None
    external_traffic_policy: str | None = None
    load_balancer_class: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_source_ranges: list[str] | None = None
    source_ranges_annotation: str | None = None
    health_check_node_port: int | None = None
    node_ports: dict[str, int] | None = None


NOTHING = Originals()


@dataclass(frozen=True, slots=True)
class Return:
    """What brings the rest back: what has to be, and what may be left out where the server refuses it."""

    must: Patch
    may: Patch


@dataclass(frozen=True, slots=True)
class Beside:
    """How a kind treats what changes with its size. Each function gets what went along already."""

    # What has to change for an object that is down at a size; the int is the ceiling asked for. Empty if all is as it should be.
    fall: Callable[[Workload, Size, int | None, Originals], Patch]
    # Whether something stays down although the size is at the original.
    holds: Callable[[Size, int | None, Originals], bool]
    # What to remember of the object before it is changed so.
    remember: Callable[[Workload, Patch], Originals]
    # What brings it back with a size; with True exactly what was, else never less than is.
    recall: Callable[[Workload, Size, Originals, bool], Return]


def read_originals(workload: Workload) -> Originals:
    """What the object remembers. Raises ValueProblem."""
    text = workload.metadata.annotation(ORIGINAL_FIELDS)
    if text is None:
        return NOTHING
    try:
        return msgspec.json.decode(text, type=Originals)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        raise ValueProblem(text, ACCEPTED) from None


def text_of(originals: Originals) -> str | None:
    """The annotation's value; None if there is nothing to remember."""
    return None if originals == NOTHING else msgspec.json.encode(originals).decode()


# ---- the maximum of an autoscaler


def _fall_ceiling(workload: Workload, low: Size, asked: int | None, originals: Originals) -> Patch:
    current = workload.spec.max_replicas
    if current is None or not isinstance(low, int):
        return {}
    if asked is None:
        return {"spec": {"maxReplicas": low}} if low > current else {}
    wanted = _ceiling(low, asked, originals.max_replicas or current)
    return {} if low <= current <= wanted else {"spec": {"maxReplicas": wanted}}


def _ceiling(low: int, asked: int, original: int) -> int:
    """Never below the minimum, never above what it was."""
    return min(original, max(asked, low))


def _holds_ceiling(low: Size, asked: int | None, originals: Originals) -> bool:
    original = originals.max_replicas
    return original is not None and asked is not None and isinstance(low, int) and _ceiling(low, asked, original) < original


def _remember_ceiling(workload: Workload, fall: Patch) -> Originals:
    return Originals(max_replicas=workload.spec.max_replicas) if fall else NOTHING


def _recall_ceiling(workload: Workload, size: Size, originals: Originals, exactly: bool) -> Return:
    original, current = originals.max_replicas, workload.spec.max_replicas
    if original is None or current is None:
        return Return({}, {})
    goal = original if exactly else max(original, current)
    return Return({} if goal == current else {"spec": {"maxReplicas": goal}}, {})


CEILING = Beside(_fall_ceiling, _holds_ceiling, _remember_ceiling, _recall_ceiling)


def clamp_to_ceiling(workload: Workload, size: Size, originals: Originals = NOTHING) -> Size:
    """maxReplicas may have been lowered while the autoscaler was down; the API refuses a minimum above it."""
    current = workload.spec.max_replicas
    return size if current is None or isinstance(size, str) else min(size, max(current, originals.max_replicas or 0))
