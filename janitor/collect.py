"""Lists every type, decides about every object, and keeps only what is due, dated or worth saying. Deletes nothing.

Objects pass by page by page: one that has no end is counted and forgotten at once, so a turn over a large cluster needs no more
memory
than one over a small one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from janitor.config import Config
from janitor.decide import Decision, Delete, Keep, Why, decide
from janitor.expiry import Due
from janitor.hooks import Hook, with_hook
from janitor.managed import is_release_record, release_of
from janitor.policy import NO_FACTS, Subject
from janitor.protect import marked_because
from janitor.read import Namespaces, TypePlan
from janitor.state import State
from janitor.usage import DERIVED, Usage
from janitor.wholes import Document, list_whole, object_of
from shared.cluster import Cluster
from shared.errors import ThriftError, shorten
from shared.kinds import Resource
from shared.objects import Object
from shared.pool import run_all


@dataclass(frozen=True, slots=True)
class Judged:
    """An object whose decision matters beyond the count."""

    resource: Resource
    obj: Object
    decision: Decision

    @property
    def due(self) -> Due | None:
        return self.decision.due

    def __str__(self) -> str:
        return f"{self.resource.name} {self.obj.key}"


@dataclass(frozen=True)
class Stuck:
    """An object that is terminating: since when, and what it waits for."""

    resource: Resource
    key: str
    since: str
    finalizers: tuple[str, ...]


@dataclass
class Found:
    """What one turn found. `totals` counts the objects in scope per type, `inside` the independent ones per namespace."""

    judged: list[Judged] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    guarded: dict[str, str] = field(default_factory=dict)
    releases: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    records: list[Judged] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    matches: dict[str, dict[str, int]] = field(default_factory=dict)
    unreadable: list[Judged] = field(default_factory=list)
    trouble: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    next_due: datetime | None = None

    def merge(self, other: Found) -> None:
        self.judged += other.judged
        self.totals += other.totals
        self.inside += other.inside
        self.reasons += other.reasons
        self.counters += other.counters
        self.guarded |= other.guarded
        for release, counts in other.releases.items():
            self.releases.setdefault(release, Counter()).update(counts)
        self.records += other.records
        self.stuck += other.stuck
        for uid, counts_of in other.matches.items():
            self.matches.setdefault(uid, {}).update(counts_of)
        self.unreadable += other.unreadable
        self.trouble = other.trouble | self.trouble
        self.failures += other.failures
        self.next_due = min((due for due in (self.next_due, other.next_due) if due is not None), default=None)

    def deletions(self) -> list[Judged]:
        return [one for one in self.judged if isinstance(one.decision, Delete)]


@dataclass(frozen=True)
class Judge:
    """Everything that a decision about a listed object needs beside the object. With `dated`, what ends later is kept too (for
    plans).
    """

    config: Config
    state: State
    namespaces: Namespaces
    usage: Usage
    now: datetime
    hook: Hook | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    dated: bool = False

    def subject(self, plan: TypePlan, obj: Object, document: Document | None, found: Found | None = None) -> Subject:
        """The facts are looked up only where a rule of the type reads them, the hook only without a TTL of the object's own."""
        facts = self.usage.facts(plan.resource, obj, document, plan.facts) if plan.facts else NO_FACTS
        if self.hook is not None and document is not None and not self._has_ttl(obj):
            facts, trouble = with_hook(self.hook, facts, plan.resource, document, self.cache)
            if trouble and found is not None:
                found.trouble.setdefault(trouble, f"{plan.resource.name} {obj.key}")
        memory = self.state.memory
        uid = obj.metadata.uid
        name = obj.namespace or (obj.name if plan.resource.plural == "namespaces" and not plan.resource.group else "")
        return Subject(
            resource=plan.resource,
            obj=obj,
            document=document,
            namespace=self.namespaces.view(name) if name else None,
            facts=facts,
            warned=memory.warned.get(uid),
            seen=memory.seen.get(uid, {}),
            first_seen=memory.first_seen,
        )

    def decide(self, plan: TypePlan, subject: Subject) -> Decision:
        return decide(subject, plan.rules, self.config.policy, self.now)

    def _has_ttl(self, obj: Object) -> bool:
        keys = self.config.policy.keys
        return any(obj.metadata.annotation(key) for key in keys.ttl) or any(obj.metadata.label(key) for key in keys.ttl_labels)


def collect(cluster: Cluster, plans: tuple[TypePlan, ...], judge: Judge) -> Found:
    """Every type, several at a time. A type whose list fails is one failure; nothing of it is decided, the others go on."""
    found = Found()
    seen = _Seen()
    workers = 1 if judge.hook is not None else judge.config.list_workers

    def work(plan: TypePlan) -> Found:
        return _collect_type(cluster, plan, judge, seen)

    for plan, result in run_all(work, plans, workers, cluster.stop):
        if isinstance(result, ThriftError):
            found.failures.append(f"{plan.resource.name}: cannot be listed, none of it is deleted: {result}")
        else:
            found.merge(result)
    return found


class _Seen:
    """uids of types that more than one group serves. Shared between threads."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._lock = threading.Lock()

    def first(self, uid: str) -> bool:
        with self._lock:
            fresh = uid not in self._uids
            self._uids.add(uid)
            return fresh or not uid


def _collect_type(cluster: Cluster, plan: TypePlan, judge: Judge, seen: _Seen) -> Found:
    found = Found()
    for obj, document in _objects(cluster, plan, judge.namespaces, found):
        if plan.shared and not seen.first(obj.metadata.uid):
            continue
        if obj.namespace and obj.namespace not in judge.namespaces.allowed:
            continue
        consider(plan, obj, document, judge, found)
    return found


def _objects(cluster: Cluster, plan: TypePlan, namespaces: Namespaces, found: Found) -> Iterator[tuple[Object, Document | None]]:
    """One list over the cluster, or one per named namespace."""
    places: list[str | None] = [None]
    if namespaces.named is not None and plan.resource.namespaced:
        places = [name for name in namespaces.named if name in namespaces.allowed]
    for place in places:
        if not plan.whole:
            for obj in cluster.list_metadata(plan.resource, namespace=place, label_selector=plan.selector):
                yield obj, None
            continue
        for document in list_whole(cluster, plan.resource, namespace=place, label_selector=plan.selector):
            try:
                yield object_of(document), document
            except msgspec.ValidationError as error:
                found.trouble.setdefault(f"an object that cannot be read: {error}", plan.resource.name)


def consider(plan: TypePlan, obj: Object, document: Document | None, judge: Judge, found: Found) -> Judged:
    """Decides about one object and notes what matters of it."""
    subject = judge.subject(plan, obj, document, found)
    decision = judge.decide(plan, subject)
    one = Judged(plan.resource, obj, decision)
    name = plan.resource.name
    found.totals[name] += 1
    _note_surroundings(plan.resource, obj, judge, found)
    if isinstance(decision, Keep):
        found.reasons[decision.why.value, name] += 1
        _note_kept(one, decision, found)
    if is_release_record(obj.metadata):
        found.records.append(one)
    if decision.due is not None:
        _note_dated(one, decision.due, judge, found)
    if not isinstance(decision, Keep) or (decision.due is not None and (judge.dated or _matters(one, decision.due, judge))):
        found.judged.append(one)
    matched = decision.matched
    if matched and not (isinstance(decision, Keep) and decision.why is Why.RULE_BROKEN):
        found.counters[f"rule-{matched}-matches"] += 1
        found.matches.setdefault(obj.metadata.uid, {})[matched] = subject.seen.get(matched, 0) + 1
    if decision.problems:
        found.unreadable.append(one)
    return one


def _matters(one: Judged, due: Due, judge: Judge) -> bool:
    """Whether a kept object has to be told of, or remembered: it is due, or was warned in memory only."""
    return judge.now > due.at or one.obj.metadata.uid in judge.state.memory.warned


def _note_surroundings(resource: Resource, obj: Object, judge: Judge, found: Found) -> None:
    """What the decision about a Namespace or a Helm release needs to know of the objects in it."""
    meta = obj.metadata
    if obj.namespace and resource.plural not in DERIVED and not meta.controller:
        found.inside[obj.namespace] += 1
    policy = judge.config.policy
    if meta.annotations or meta.labels or policy.protection.patterns:
        if obj.namespace and marked_because(resource, obj, policy.keys, policy.protection):
            found.guarded.setdefault(obj.namespace, f"{resource.name} {obj.key}")
        release = release_of(meta)
        if release is not None and not is_release_record(meta):
            found.releases.setdefault(release, Counter())["members"] += 1


def _note_kept(one: Judged, decision: Keep, found: Found) -> None:
    meta = one.obj.metadata
    if meta.deletion_timestamp:
        found.stuck.append(Stuck(one.resource, one.obj.key, meta.deletion_timestamp, tuple(meta.finalizers or ())))
    # A rule that is broken in the file is said once, by who read the file.
    if decision.why is Why.UNKNOWN or (decision.why is Why.RULE_BROKEN and decision.matched):
        found.trouble.setdefault(shorten(decision.detail, 400), str(one))


def _note_dated(one: Judged, due: Due, judge: Judge, found: Found) -> None:
    word = "expiry" if due.trigger.value == "expires" else "ttl"
    found.counters[f"{one.resource.plural}-with-{word}"] += 1
    if due.at > judge.now and (found.next_due is None or due.at < found.next_due):
        found.next_due = due.at
    release = release_of(one.obj.metadata)
    held = isinstance(one.decision, Keep) and one.decision.why is Why.MANAGED
    if release is not None and judge.now > due.at and (held or isinstance(one.decision, Delete)):
        found.releases.setdefault(release, Counter())["due"] += 1
