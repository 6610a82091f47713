"""The order of one turn's changes: what wakes first, what sleeps first, and how many may wake at once. Pure.

In the morning an object waits for those that come before it: lower waves of its namespace and what it depends on, until they are
ready, or have had their time. In the evening it is the other way round: an object stays up until those that come after it are
down and their pods gone. Only objects that are on their way count; nobody waits for what stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from downscaler.decide import Forget, Keep, Restore, ScaleTo
from downscaler.plan import Planned

# Kind as in --include-resources, namespace, name.
Address = tuple[str, str, str]
# An object and whether it is on its way up.
_Way = tuple[Address, bool]
Phase = Literal["waking", "starting", "falling", "stopping"]
_WAKE: tuple[Phase, ...] = ("waking", "starting")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an object waits for one that was told to wake or sleep, and how many objects may wake in a minute (0: any)."""

    patience: timedelta = timedelta(minutes=10)
    wakes_per_minute: int = 0


@dataclass
class Progress:
    """What is remembered from turn to turn: when each object on its way was first told, and what may still wake this minute."""

    told: dict[_Way, datetime] = field(default_factory=dict)
    _left: float | None = None
    _counted: datetime | None = None

    def allowance(self, now: datetime, per_minute: int) -> int:
        """How many may wake now, of *per_minute*; what is left over is kept for at most a minute."""
        if self._left is None or self._counted is None:
            self._left = float(per_minute)
        else:
            passed = max(0.0, (now - self._counted).total_seconds())
            self._left = min(float(per_minute), self._left + per_minute * passed / 60)
        self._counted = now
        return int(self._left)

    def spend(self, number: int) -> None:
        self._left = (self._left or 0.0) - number


@dataclass(frozen=True, slots=True)
class _Node:
    planned: Planned
    phase: Phase

    @property
    def address(self) -> Address:
        return address_of(self.planned)

    @property
    def way(self) -> _Way:
        return self.address, self.phase in _WAKE

    @property
    def name(self) -> str:
        return f"{self.planned.kind.id} {self.planned.workload.key}"


def address_of(planned: Planned) -> Address:
    return planned.kind.whole, planned.workload.namespace, planned.workload.name


@dataclass
class Scene:
    """The objects that are on their way, collected while everything is looked at."""

    _nodes: dict[Address, _Node] = field(default_factory=dict)

    def see(self, planned: Planned) -> None:
        """Notes *planned* if it is on its way."""
        if (phase := _phase(planned)) is not None:
            self._nodes[address_of(planned)] = _Node(planned, phase)

    def ordered(self, changes: Iterable[Planned], pace: Pace, progress: Progress, now: datetime) -> list[Planned]:
        """*changes* in order, with a Keep in place of each one that has to wait."""
        ways = {node.way for node in self._nodes.values()}
        progress.told = {way: since for way, since in progress.told.items() if way in ways}
        for node in self._nodes.values():
            if node.phase in ("starting", "stopping"):
                # Also what nobody told: a pod that never gets ready must not be waited for all day.
                progress.told.setdefault(node.way, now)
        blockers = _Blockers(self._nodes, progress.told, now - pace.patience)
        found = [(planned, blockers.of(planned)) for planned in changes]
        if blockers.circular([blocker for _, blocker in found]):
            found = [(planned, None) for planned, _ in found]
        found.sort(key=lambda pair: (pair[0].wave, pair[0].workload.key))
        settled = [planned if blocker is None else _waiting(planned, blocker) for planned, blocker in found]
        if pace.wakes_per_minute:
            settled = list(_throttled(settled, pace.wakes_per_minute, progress, now))
        for planned in settled:
            if isinstance(planned.decision, ScaleTo | Restore):
                progress.told.setdefault((address_of(planned), isinstance(planned.decision, Restore)), now)
        return settled


class _Blockers:
    """Who waits for whom. *told* tells since when an object is on its way; one told before *impatient* blocks nobody any more."""

    def __init__(self, nodes: Mapping[Address, _Node], told: Mapping[_Way, datetime], impatient: datetime) -> None:
        self._nodes, self._told, self._impatient = nodes, told, impatient
        self._first: dict[str, _Node] = {}
        self._last: dict[str, _Node] = {}
        self._dependents: dict[Address, list[_Node]] = {}
        for node in nodes.values():
            if not self._blocks(node):
                continue
            namespace, wave = node.planned.workload.namespace, node.planned.wave
            if node.phase in _WAKE:
                if namespace not in self._first or wave < self._first[namespace].planned.wave:
                    self._first[namespace] = node
                continue
            if namespace not in self._last or wave > self._last[namespace].planned.wave:
                self._last[namespace] = node
            for address in node.planned.depends_on:
                self._dependents.setdefault(address, []).append(node)

    def _blocks(self, node: _Node) -> bool:
        return self._told.get(node.way, self._impatient) >= self._impatient

    def of(self, planned: Planned) -> _Node | None:
        """One that *planned* waits for; None if it may go."""
        if isinstance(planned.decision, Restore):
            first = self._first.get(planned.workload.namespace)
            if first is not None and first.planned.wave < planned.wave:
                return first
            nodes = (self._nodes.get(address) for address in planned.depends_on)
            return next((node for node in nodes if node is not None and node.phase in _WAKE and self._blocks(node)), None)
        if isinstance(planned.decision, ScaleTo):
            last = self._last.get(planned.workload.namespace)
            if last is not None and last.planned.wave > planned.wave:
                return last
            return next(iter(self._dependents.get(address_of(planned), ())), None)
        return None

    def circular(self, blockers: list[_Node | None]) -> bool:
        """Whether all wait, and only for one another: a circle of dependencies, which nobody could ever enter."""
        return bool(blockers) and all(
            node is not None and node.phase in ("waking", "falling") and node.way not in self._told for node in blockers
        )


def _phase(planned: Planned) -> Phase | None:
    decision, workload = planned.decision, planned.workload
    if isinstance(decision, Restore):
        return "waking"
    if isinstance(decision, ScaleTo):
        return "falling"
    if isinstance(decision, Keep) and decision.cause == "down":
        return "stopping" if workload.running else None
    up = isinstance(decision, Forget) or (isinstance(decision, Keep) and decision.cause == "up")
    return "starting" if up and not planned.kind.ready(workload) else None


def _waiting(planned: Planned, blocker: _Node) -> Planned:
    states = {"waking": "is asleep", "starting": "is not ready", "falling": "is up", "stopping": "still has pods"}
    return replace(planned, decision=Keep("waiting", f"waits for {blocker.name}, which {states[blocker.phase]}", _held(planned)))


def _throttled(changes: Iterable[Planned], per_minute: int, progress: Progress, now: datetime) -> Iterator[Planned]:
    left = progress.allowance(now, per_minute)
    for planned in changes:
        if not isinstance(planned.decision, Restore):
            yield planned
        elif left > 0:
            left -= 1
            progress.spend(1)
            yield planned
        else:
            reason = f"at most {per_minute} objects wake in a minute"
            yield replace(planned, decision=Keep("throttled", reason, _held(planned)))


def _held(planned: Planned) -> int | str | None:
    return planned.decision.size if isinstance(planned.decision, Restore) else None
