"""One decision for one object: Keep, Notify or Delete, with its reason. Pure.

The end of an object is the earlier of two: its TTL (its own annotation, else the first rule that matches, else the default of its
namespace) and `janitor/expires`. Then the reasons to keep it all the same are asked in turn, the strongest first:

    terminating > protected > owned > unknown namespace > managed by Helm or GitOps > rule only rehearsed > not due > not warned

Whatever cannot be read, known or evaluated means Keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from janitor.annotations import EXTEND_UNTIL, FOREVER, NOTIFIED, QUARANTINED, Marks, Problem, parse_warned, read_marks
from janitor.expiry import Due, Trigger, earliest, end_of, postponed, start_of
from janitor.managed import manager_of
from janitor.matching import EvaluationProblem, evaluate
from janitor.policy import Policy, Subject
from janitor.protect import RECREATED, protected_because
from janitor.rules import AnyRule, BrokenRule, Rule
from shared.errors import ValueProblem
from shared.times import format_timestamp


class Why(StrEnum):
    """Why an object is kept: the label of the metric, the `reason` of the plan."""

    UNDATED = "undated"
    FOREVER = "forever"
    NOT_DUE = "not-due"
    WARNED = "warned"
    QUARANTINED = "quarantined"
    TERMINATING = "terminating"
    PROTECTED = "protected"
    OWNED = "owned"
    MANAGED = "managed"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    RULE_BROKEN = "rule-broken"
    RULE_DRY_RUN = "rule-dry-run"
    SOAK = "soak"
    OCCURRENCES = "occurrences"


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave it alone. `due` is its end where it has one; `matched` the rule whose occurrences are counted; `free` the instant
    after which a mark that was written lets it go."""

    why: Why
    detail: str = ""
    due: Due | None = None
    matched: str = ""
    problems: tuple[Problem, ...] = ()
    free: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Warn its owner now and write that on it, under the annotation `key`."""

    due: Due
    key: str
    wait: timedelta
    matched: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """It is due. `propagation` and `grace` (seconds; None: the API's default) are the rule's, or the defaults."""

    due: Due
    propagation: str = "Background"
    grace: int | None = None
    matched: str = ""
    problems: tuple[Problem, ...] = ()


Decision = Keep | Notify | Delete
UNDATED = Keep(Why.UNDATED)


@dataclass(frozen=True, slots=True)
class _Life:
    """What was found out about an object's end: the end, the rule behind it, or the reason why there is none."""

    due: Due | None = None
    rule: Rule | None = None
    doubt: Keep = UNDATED


def decide(subject: Subject, rules: Sequence[AnyRule], policy: Policy, now: datetime) -> Decision:
    """The decision about *subject* at *now*. *rules* are those that cover its type, in the order of the file. Never raises."""
    marks = read_marks(subject.obj.metadata, policy.keys)
    try:
        life = _life_of(subject, marks, rules, policy, now)
    except ValueProblem as problem:
        # The creation time that the API server wrote is the one value that is read outside of marks and rules.
        return Keep(Why.UNREADABLE, f"creationTimestamp: {problem}")
    problems = marks.problems
    if life.due is None:
        return replace(life.doubt, problems=problems) if problems else life.doubt
    decision = _held_back(subject, life.due, life.rule, policy, now) or _when(subject, life.due, life.rule, policy, now)
    return replace(decision, problems=problems) if problems else decision


def _life_of(subject: Subject, marks: Marks, rules: Sequence[AnyRule], policy: Policy, now: datetime) -> _Life:
    if marks.unreadable((EXTEND_UNTIL,)):
        return _Life(doubt=Keep(Why.UNREADABLE, f"{EXTEND_UNTIL} cannot be read"))
    life = _by_ttl(subject, marks, rules, policy, now)
    ends = [life.due]
    if marks.expires is not None:
        ends.append(Due(marks.expires, Trigger.EXPIRES, marks.expires_key))
    due = earliest(ends)
    if due is None:
        return life
    rule = life.rule if due is life.due else None
    return _Life(postponed(due, marks.extend_until, subject.obj.metadata.created, policy.longest_life), rule)


def _by_ttl(subject: Subject, marks: Marks, rules: Sequence[AnyRule], policy: Policy, now: datetime) -> _Life:
    """The object's own TTL, which is final even where it cannot be read; else rules; else the default of the namespace."""
    own = (*policy.keys.ttl, *policy.keys.ttl_labels, *policy.keys.expires, *policy.keys.starts)
    if marks.unreadable(own) and (marks.ttl is None or marks.unreadable(policy.keys.starts)):
        return _Life(doubt=Keep(Why.UNREADABLE, "an annotation of the object cannot be read"))
    if marks.ttl is not None:
        return _counted(subject, marks, marks.ttl, Trigger.TTL, marks.ttl_key)
    life = _by_rules(subject, marks, rules, policy, now) if rules else None
    if life is not None:
        return life
    return _by_default(subject, marks)


def _counted(subject: Subject, marks: Marks, ttl: timedelta, trigger: Trigger, source: str) -> _Life:
    """*ttl* from the creation, or from a later start that an annotation names."""
    if ttl == FOREVER:
        return _Life(doubt=Keep(Why.FOREVER, f"{source} says forever"))
    created = subject.obj.metadata.created
    if created is None:
        return _Life(doubt=Keep(Why.UNKNOWN, "the object has no creation time"))
    start = max(created, marks.start) if marks.start else created
    end = end_of(start, ttl)
    return _Life(Due(end, trigger, source, ttl, start) if end else None, doubt=Keep(Why.FOREVER, "its TTL outlasts the calendar"))


def _by_rules(subject: Subject, marks: Marks, rules: Sequence[AnyRule], policy: Policy, now: datetime) -> _Life | None:
    """The first rule that matches, or that might: a broken or unanswerable one ends the search. None where none does."""
    document = None
    for rule in rules:
        if isinstance(rule, BrokenRule):
            return _Life(doubt=Keep(Why.RULE_BROKEN, rule.problem))
        if not _applies(rule, subject, policy):
            continue
        if missing := subject.facts.lacks(rule.context):
            return _Life(
                doubt=Keep(Why.UNKNOWN, f"rule {rule.id} needs {', '.join(sorted(missing))}, which could not be found out")
            )
        document = document or subject.evaluated()
        try:
            if not evaluate(rule.expression, document, now):
                continue
            return _from_base(subject, marks, rule, _start(rule, subject, document, policy, now))
        except (EvaluationProblem, ValueProblem) as problem:
            # The same words for every object: what is said once per rule must not repeat what tenants wrote.
            text = (
                f"its timestamp is not understood; accepted: {problem.accepted}" if isinstance(problem, ValueProblem) else problem
            )
            return _Life(doubt=Keep(Why.RULE_BROKEN, f"rule {rule.id} cannot be evaluated here: {text}", matched=rule.id))
    return None


def _start(rule: Rule, subject: Subject, document: dict[str, object], policy: Policy, now: datetime) -> datetime | None:
    return start_of(rule.base, subject.obj.metadata, document, now, policy.manager)


def _from_base(subject: Subject, marks: Marks, rule: Rule, start: datetime | None) -> _Life:
    if rule.ttl == FOREVER:
        return _Life(doubt=Keep(Why.FOREVER, f"rule {rule.id} says forever"))
    if start is None:
        return _Life(doubt=Keep(Why.NOT_DUE, f"rule {rule.id} counts from a time that the object does not have yet"))
    start = max(start, marks.start) if marks.start else start
    end = end_of(start, rule.ttl)
    return _Life(Due(end, Trigger.RULE, rule.id, rule.ttl, start) if end else None, rule)


def _applies(rule: Rule, subject: Subject, policy: Policy) -> bool:
    """The conditions beside the expression."""
    meta = subject.obj.metadata
    if rule.ownerless is True and meta.owner_references:
        return False
    if rule.ownerless is None and not policy.include_owned and meta.controller:
        return False
    if rule.label_selector is not None and not rule.label_selector.matches(meta.labels):
        return False
    if rule.namespaces is not None and not rule.namespaces.matches(subject.obj.namespace or subject.obj.name):
        return False
    if rule.namespace_selector is None:
        return True
    return subject.namespace is not None and rule.namespace_selector.matches(subject.namespace.obj.metadata.labels)


def _by_default(subject: Subject, marks: Marks) -> _Life:
    """`janitor/default-ttl` of the namespace, which the object's own annotations keep out."""
    view = subject.namespace
    if view is None or not subject.obj.namespace or marks.expires is not None:
        return _Life()
    if view.problem is not None:
        return _Life(doubt=Keep(Why.UNREADABLE, f"namespace {view.obj.name}: {view.problem}"))
    resource = subject.resource
    ttl = view.default_ttl(resource)
    if ttl is None or (resource.group, resource.plural, subject.obj.name) in RECREATED:
        return _Life()
    return _counted(subject, marks, ttl, Trigger.DEFAULT, view.obj.name)


def _held_back(subject: Subject, due: Due, rule: Rule | None, policy: Policy, now: datetime) -> Keep | None:
    """Why a dated object is kept whatever the time is."""
    meta = subject.obj.metadata
    home = subject.namespace
    if meta.deletion_timestamp:
        return Keep(Why.TERMINATING, f"it is terminating since {meta.deletion_timestamp}", due)
    protected = protected_because(
        subject.resource, subject.obj, subject.document, home.obj if home else None, policy.keys, policy.protection
    )
    if protected:
        return Keep(Why.PROTECTED, protected, due)
    owner = meta.controller
    if owner and not policy.include_owned and not (rule and rule.ownerless is False):
        return Keep(Why.OWNED, f"it belongs to {owner.kind} {owner.name}", due)
    if home is not None and home.unreadable:
        return Keep(Why.UNKNOWN, home.unreadable, due)
    manager = manager_of(meta)
    if manager and due.trigger in (Trigger.RULE, Trigger.DEFAULT) and not policy.delete_managed and not (rule and rule.managed):
        return Keep(Why.MANAGED, f"it is part of {manager}", due)
    return _rehearsed(subject, due, rule, policy, now) if rule else None


def _rehearsed(subject: Subject, due: Due, rule: Rule, policy: Policy, now: datetime) -> Keep | None:
    """Why the rule does not act on what it matches."""
    if rule.dry_run:
        return Keep(Why.RULE_DRY_RUN, f"rule {rule.id} is a dry run", due, rule.id)
    if policy.soak:
        first = subject.first_seen.get(rule.fingerprint)
        if first is None or now < first + policy.soak:
            until = format_timestamp((first or now) + policy.soak)
            return Keep(Why.SOAK, f"rule {rule.id} is new and acts from {until}", due, rule.id)
    seen = subject.seen.get(rule.id, 0) + 1
    if seen < rule.occurrences:
        return Keep(Why.OCCURRENCES, f"rule {rule.id} matched {seen} of {rule.occurrences} times", due, rule.id)
    return None


def _when(subject: Subject, due: Due, rule: Rule | None, policy: Policy, now: datetime) -> Decision:
    """Nothing but time and warnings stands between the object and its end."""
    matched = rule.id if rule else ""
    options = (rule.propagation or "Background", rule.grace, matched) if rule else ("Background", None, "")
    quarantine = policy.quarantine if rule is None or rule.quarantine is None else rule.quarantine
    if quarantine:
        return _after_mark(subject, due, QUARANTINED, quarantine, now) or Delete(due, *options)
    lead = policy.notification if rule is None or rule.notify is None else rule.notify
    if lead and now > _earlier(due.at, lead):
        return _after_mark(subject, due, NOTIFIED, lead, now) or Delete(due, *options)
    return Delete(due, *options) if now > due.at else Keep(Why.NOT_DUE, "", due, matched)


def _after_mark(subject: Subject, due: Due, key: str, wait: timedelta, now: datetime) -> Keep | Notify | None:
    """None where the mark for this very end is old enough; else what has to happen before."""
    early = key == NOTIFIED
    if not early and now <= due.at:
        return Keep(Why.NOT_DUE, "", due, due.rule)
    # Both places are asked: the state is where the mark went while the annotation could not be written.
    texts = (subject.obj.metadata.annotation(key), subject.warned)
    marks = [mark for text in texts if (mark := parse_warned(text)) is not None and mark.covers(due.at)]
    if not marks:
        return Notify(due, key, wait, due.rule)
    since = min((mark.at for mark in marks if mark.at is not None), default=None)
    if any(mark.at is None for mark in marks):
        since = None
    free = due.at if since is None else max(due.at, since + wait)
    if now > due.at and now >= free:
        return None
    why = Why.WARNED if early else Why.QUARANTINED
    return Keep(why, f"{'warned' if early else 'quarantined'}; deleted after {format_timestamp(free)}", due, due.rule, free=free)


def _earlier(instant: datetime, length: timedelta) -> datetime:
    """*instant* minus *length*, at the least the first instant of the calendar."""
    try:
        return instant - length
    except OverflowError:
        return datetime.min.replace(tzinfo=instant.tzinfo)
