"""The janitor's own metrics. Labels come from closed sets: reasons and results of the code, resource types, ids of rules."""

from __future__ import annotations

from collections import Counter as Counting
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter, Gauge

from janitor.apply import Outcome, Result
from janitor.audit import reason_of
from janitor.breaker import Trip
from janitor.collect import Found
from janitor.expiry import Trigger
from shared.metrics import Bounded, Latest, Metrics
from shared.times import parse_timestamp

NAMES = {
    "kube_janitor_evaluated": "Objects about which a decision was made, by resource type.",
    "kube_janitor_kept": "Objects that were kept in the last turn, by reason and resource type.",
    "kube_janitor_due": "Objects that were due in the last turn, by trigger.",
    "kube_janitor_outcomes": "What became of decisions to act, by result and trigger.",
    "kube_janitor_deleted": "Deleted objects, by resource type, namespace and rule.",
    "kube_janitor_unreadable_values": "Objects with an annotation that cannot be read, in the last turn.",
    "kube_janitor_stuck_terminating": "Objects that are terminating, by resource type.",
    "kube_janitor_stuck_seconds": "How long the oldest terminating object has been terminating.",
    "kube_janitor_breaker_open": "1 while the circuit breaker of a rule (or of the whole pass) is open.",
    "kube_janitor_next_expiry_timestamp_seconds": "When the next object ends that has not ended yet; 0 where none does.",
}


class JanitorMetrics:
    """Registered beside the common ones. Gauges show the last turn, counters the life of the process."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry

        def gauge(name: str) -> Gauge:
            return Gauge(name, NAMES[name], registry=registry)

        def latest(name: str, *labels: str) -> Latest:
            return Latest(name, NAMES[name], labels, registry)

        def counter(name: str, *labels: str) -> Counter:
            return Counter(name, NAMES[name], labels, registry=registry)

        self.common = metrics
        self._shown = Bounded()
        self.evaluated = counter("kube_janitor_evaluated", "resource")
        self.kept = latest("kube_janitor_kept", "reason", "resource")
        self.due = latest("kube_janitor_due", "trigger")
        self.outcomes = counter("kube_janitor_outcomes", "result", "trigger")
        for trigger in Trigger:
            for result in (Result.DELETED, Result.FAILED):
                # So that the first ones are an increase, too.
                self.outcomes.labels(result.value, trigger.value)
        self.deleted = counter("kube_janitor_deleted", "resource", "namespace", "rule")
        self.unreadable = gauge("kube_janitor_unreadable_values")
        self.stuck = latest("kube_janitor_stuck_terminating", "resource")
        self.stuck_seconds = gauge("kube_janitor_stuck_seconds")
        self.breaker = latest("kube_janitor_breaker_open", "rule")
        self.next_expiry = gauge("kube_janitor_next_expiry_timestamp_seconds")

    def update(self, found: Found, outcomes: Iterable[Outcome], trips: Iterable[Trip], now: datetime) -> None:
        """After a turn. A gauge of something that is no longer there disappears."""
        for resource, count in found.totals.items():
            self.evaluated.labels(resource).inc(count)
        self.kept.show(found.reasons)
        self.due.show(Counting((reason_of(one),) for one in found.deletions()))
        for outcome in outcomes:
            one = outcome.judged
            self.outcomes.labels(outcome.result.value, reason_of(one)).inc()
            if outcome.result is Result.DELETED:
                namespace = self._shown(one.obj.namespace)
                self.deleted.labels(one.resource.name, namespace, one.due.rule if one.due else "").inc()
        self.unreadable.set(len(found.unreadable))
        self.stuck.show(Counting((stuck.resource.name,) for stuck in found.stuck))
        ages = [(now - parse_timestamp(stuck.since)).total_seconds() for stuck in found.stuck]
        self.stuck_seconds.set(max(ages, default=0.0))
        self.breaker.show({(trip.key,): 1 for trip in trips})
        self.next_expiry.set(found.next_due.timestamp() if found.next_due else 0)
