"""The metrics of the downscaler: what they are called, and how a turn's tally becomes their values. Decides and says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as CounterMetric

from downscaler.pending import DIRECTIONS, Direction
from downscaler.savings import Amount
from shared.metrics import Bounded, Latest

# A process that slept for longer knows nothing of the time between.
LONGEST_GAP = timedelta(hours=1)
# Why something that is due to go down is held.
HOLDS = ("mass", "clock", "unread")


class Saved:
    """Counters of what was saved: what is switched off, integrated over the time from turn to turn."""

    def __init__(self, registry: CollectorRegistry, longest_gap: timedelta = LONGEST_GAP) -> None:
        self._longest_gap = longest_gap
        self._shown = Bounded()
        self._counters = {
            field: CounterMetric(f"kube_thrift_downscaler_saved_{name}", text, ("namespace",), registry=registry)
            for field, name, text in (
                ("replicas", "replica_hours", "Replica-hours that were not requested."),
                ("cores", "core_hours", "Core-hours that were not requested."),
                ("gib", "gib_hours", "GiB-hours of memory that were not requested."),
                ("usd", "usd", "US dollars that these hours would have cost at the prices given."),
                ("co2_grams", "co2_grams", "Grams of CO2 equivalent that these hours would have caused at the figures given."),
            )
        }
        self._last: tuple[datetime, Mapping[str, Amount]] | None = None

    def turn(self, now: datetime, off: Mapping[str, Amount]) -> None:
        """What was off since the last turn counts until *now*; *off* from here on."""
        if self._last is not None and timedelta(0) < now - self._last[0] <= self._longest_gap:
            hours = (now - self._last[0]).total_seconds() / 3600
            for namespace, amount in self._last[1].items():
                for field, counter in self._counters.items():
                    # Where nobody gave a price there is no series, not one that stays at zero.
                    if (value := getattr(amount, field)) or field not in ("usd", "co2_grams"):
                        counter.labels(self._shown(namespace)).inc(value * hours)
        self._last = (now, off)


class Late:
    """Gauges of what is not as its schedule wants, and of what is held."""

    def __init__(self, registry: CollectorRegistry, late_after: timedelta) -> None:
        self._late_after = late_after
        self._objects = Gauge(
            "kube_thrift_downscaler_late_objects",
            "Objects that are still not what their schedule wants, --late-after seconds after it began to want it.",
            ("direction",),
            registry=registry,
        )
        self._seconds = Gauge(
            "kube_thrift_downscaler_late_seconds",
            "How long the object that waits longest is not what its schedule wants.",
            ("direction",),
            registry=registry,
        )
        self._held = Gauge(
            "kube_thrift_downscaler_held",
            "Objects that are due to go down and are held, by cause.",
            ("cause",),
            registry=registry,
        )
        self._jumps = CounterMetric(
            "kube_thrift_downscaler_clock_jumps", "How often the wall clock was seen to jump.", registry=registry
        )
        self._jumps_seen = 0
        self.turn((), {}, 0)

    def turn(self, waits: Iterable[tuple[Direction, timedelta]], held: Mapping[str, int], jumps: int) -> None:
        """*waits* are all objects on their way, with how long they have been so; *jumps* all jumps of the clock so far."""
        longest = dict.fromkeys(DIRECTIONS, timedelta(0))
        number = dict.fromkeys(DIRECTIONS, 0)
        for direction, length in waits:
            longest[direction] = max(longest[direction], length)
            number[direction] += length > self._late_after
        for each in DIRECTIONS:
            self._objects.labels(each).set(number[each])
            self._seconds.labels(each).set(longest[each].total_seconds())
        for cause in HOLDS:
            self._held.labels(cause).set(held.get(cause, 0))
        self._jumps.inc(jumps - self._jumps_seen)
        self._jumps_seen = jumps


@dataclass(frozen=True)
class Counts:
    """What the gauges of one turn show."""

    kept: Mapping[tuple[str, str], int]
    invalid: Mapping[str, int]
    avoided: Mapping[str, int]
    states: Mapping[tuple[str, str, str], int]
    ahead: Mapping[str, datetime]


class Measures:
    """Everything that is counted but the failures, which every controller has."""

    def __init__(self, registry: CollectorRegistry, *, late_after: timedelta, longest_gap: timedelta) -> None:
        self.saved = Saved(registry, longest_gap)
        self.late = Late(registry, late_after)
        self._actions = CounterMetric(
            "kube_thrift_downscaler_actions", "Writes by kind and direction.", ("kind", "direction"), registry=registry
        )

        def latest(name: str, meaning: str, *labels: str) -> Latest:
            return Latest(f"kube_thrift_downscaler_{name}", meaning, labels, registry)

        self._kept = latest("kept", "Objects left as they are, by kind and cause.", "kind", "cause")
        self._invalid = latest("invalid_configuration", "Annotations that cannot be read, by kind.", "kind")
        self._avoided = latest("replicas_avoided", "Replicas that are switched off now, by kind.", "kind")
        self._next = latest(
            "next_transition_timestamp_seconds",
            "When the schedule next wants something else of any object, by what it wants.",
            "direction",
        )
        self._states = latest(
            "objects",
            "Objects by kind, by what their schedule wants, and by what they are.",
            "kind",
            "wanted",
            "actual",
        )
        self._fights = latest(
            "fights",
            "Objects that somebody keeps setting back and that are left alone therefore, by kind.",
            "kind",
        )

    def acted(self, changes: Counter[tuple[str, str]]) -> None:
        """Adds writes, by kind and direction."""
        for labels, number in changes.items():
            self._actions.labels(*labels).inc(number)

    def turn(self, counts: Counts) -> None:
        """Replaces what the turn before has shown."""
        for kind in {kind for kind, _ in counts.kept}:
            # The first night of a process would go unseen if its first count were also its first sample.
            for action in ("down", "up"):
                self._actions.labels(kind, action)
        self._states.show(counts.states)
        self._next.show({(direction,): at.timestamp() for direction, at in counts.ahead.items()})
        self._kept.show(counts.kept)
        self._fights.show({(kind,): number for (kind, cause), number in counts.kept.items() if cause == "fight"})
        self._invalid.show({(kind,): number for kind, number in counts.invalid.items()})
        self._avoided.show({(kind,): number for kind, number in counts.avoided.items()})
