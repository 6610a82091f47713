"""The circuit breaker: a rule gone wrong is stopped before its first deletion, not after its last. Pure.

Deletions are counted per rule (those of annotations, of `janitor/expires` and of namespace defaults under `annotations`, which
only the
limit of the whole pass stops: each was asked for by the object's own people) and per pass, over this pass and the window before
it. The
window is what keeps a 30-second loop from trickling past a limit. Three limits:

    a rule        more than --breaker-rule-deletions in the window, or its own `maxDeletions`
    a share       more than --breaker-percent of all objects of one type, where there are at least --breaker-min-sample of them
    a pass        more than --breaker-deletions in the window, over all triggers

A Namespace counts as itself and what is in it. A tripped breaker deletes nothing of its key; it closes again when a person
acknowledges it
(that many deletions then pass) or when the set has become small enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ANNOTATIONS = "annotations"
WHOLE_PASS = "pass"


@dataclass(frozen=True)
class Limits:
    """0 switches a limit off."""

    per_rule: int = 100
    per_pass: int = 500
    percent: float = 25.0
    min_sample: int = 100
    window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Planned:
    """One deletion about to happen: `key` is the rule's id or ANNOTATIONS, `type` the resource's name, `weight` 1 + what is
    inside.
    """

    key: str
    type: str
    weight: int = 1


@dataclass(frozen=True)
class Past:
    """Deletions that happened: how many, for which key, when."""

    key: str
    at: datetime
    count: int


@dataclass(frozen=True)
class Trip:
    """An open breaker. `acknowledged` deletions may pass once."""

    key: str
    count: int
    limit: str
    since: datetime

    def __str__(self) -> str:
        who = "all triggers together" if self.key == WHOLE_PASS else f"rule {self.key}"
        return (
            f"breaker: {who} would delete {self.count} objects, the limit is {self.limit}; nothing of it is deleted before an ack"
        )


@dataclass(frozen=True)
class Verdict:
    """Which keys are stopped, and which acknowledgements were used up."""

    trips: Mapping[str, Trip] = field(default_factory=dict)
    spent: frozenset[str] = frozenset()

    def stops(self, key: str) -> Trip | None:
        """The trip that stops a deletion under this key."""
        return self.trips.get(WHOLE_PASS) or self.trips.get(key)


def judge(  # noqa: PLR0913 - every one is an independent input of the decision
    planned: Sequence[Planned],
    past: Iterable[Past],
    totals: Mapping[str, int],
    limits: Limits,
    *,
    rule_limits: Mapping[str, int],
    open_trips: Mapping[str, Trip],
    acknowledged: Mapping[str, int],
    now: datetime,
) -> Verdict:
    """Trips for *planned*. *totals* counts all objects in scope per type; *rule_limits* holds the rules' own `maxDeletions`.

    *acknowledged* maps a key to how many deletions a person let through; it is spent by the pass that uses it.
    """
    recent = Counter[str]()
    for done in past:
        if now - done.at < limits.window:
            recent[done.key] += done.count
    trips: dict[str, Trip] = {}
    spent = set()
    for key, count in _counts(planned).items():
        exceeded = _exceeded(key, count + (sum(recent.values()) if key == WHOLE_PASS else recent[key]), limits, rule_limits)
        if not exceeded and key not in (WHOLE_PASS, ANNOTATIONS):
            exceeded = _share(key, planned, totals, limits)
        if not exceeded:
            continue
        if count <= acknowledged.get(key, 0):
            spent.add(key)
            continue
        earlier = open_trips.get(key)
        trips[key] = Trip(key, count, exceeded, earlier.since if earlier else now)
    return Verdict(trips, frozenset(spent))


def _counts(planned: Iterable[Planned]) -> Counter[str]:
    counts = Counter[str]()
    for one in planned:
        counts[one.key] += one.weight
        counts[WHOLE_PASS] += one.weight
    return counts


def _exceeded(key: str, count: int, limits: Limits, rule_limits: Mapping[str, int]) -> str:
    """The limit that *count* goes beyond, in words; empty for none."""
    if key == ANNOTATIONS:
        return ""
    limit = limits.per_pass if key == WHOLE_PASS else rule_limits.get(key, limits.per_rule)
    minutes = round(limits.window.total_seconds() / 60, 1)
    return f"{limit} in {minutes:g} minutes" if (limit or key in rule_limits) and count > limit else ""


def _share(key: str, planned: Iterable[Planned], totals: Mapping[str, int], limits: Limits) -> str:
    """The type of which the rule would delete too large a part, in words; empty for none."""
    per_type = Counter(one.type for one in planned if one.key == key)
    for kind, count in sorted(per_type.items()):
        total = totals.get(kind, 0)
        if limits.percent and total >= max(limits.min_sample, 1) and 100 * count > limits.percent * total:
            return f"{limits.percent:g} % of {total} {kind}"
    return ""
