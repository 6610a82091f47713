"""Carries out decisions: warns, backs up, deletes; says what really happened. Every deletion is decided again on the object as
it is now.

read the object, its Namespace and (for facts) its surroundings again
decide again: only Delete goes on
back up: no backup, no deletion
DELETE with the uid and the resourceVersion that were decided about
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import msgspec

from janitor.annotations import format_warned, writers_of
from janitor.archive import Cipher, Entry, Kept, entry_id, keep
from janitor.collect import Judge, Judged
from janitor.contents import bundle, guarded_by
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.managed import is_release_record
from janitor.policy import NamespaceView
from janitor.protect import protected_because
from janitor.read import Namespaces, TypePlan, is_namespaces
from janitor.sinks import Sink
from janitor.survey import survey
from janitor.usage import Usage, needs_of
from janitor.wholes import Document, get_whole, object_of
from shared.cluster import Cluster
from shared.errors import Conflict, Forbidden, NotFound, ThriftError, Throttled
from shared.kinds import NAMESPACES, Resource
from shared.objects import Object


class Result(StrEnum):
    """What became of a decision."""

    DELETED = "deleted"
    NOTIFIED = "notified"
    WOULD_DELETE = "would-delete"
    WOULD_NOTIFY = "would-notify"
    GONE = "gone"
    CHANGED = "changed"
    RESCUED = "rescued"
    POSTPONED = "postponed"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """One decision carried out, or not, with the reason. `backup` is the id under which it can be restored.

    `writers` are the field managers that set the annotation which ended the object.
    """

    judged: Judged
    result: Result
    detail: str = ""
    backup: str = ""
    writers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.judged}: {self.result.value.replace('-', ' ')}" + (f": {self.detail}" if self.detail else "")


@dataclass
class Vault:
    """The sink and the cipher, opened once; None for no backups."""

    sink: Sink | None = None
    cipher: Cipher | None = None
    skip_secrets: bool = False


@dataclass
class Hands:
    """What applying needs beside the decisions."""

    cluster: Cluster
    judge: Judge
    plans: Mapping[str, TypePlan]
    resources: Sequence[Resource]
    incomplete: Sequence[str] = ()
    vault: Vault = field(default_factory=Vault)
    pause: Callable[[], None] = lambda: None
    server_dry_run: bool = False


@dataclass(frozen=True)
class _Fresh:
    """The object as it is now, and the decision about it."""

    obj: Object
    document: Document
    delete: Delete


class _Spared(Exception):
    """The object is not deleted, and that is no failure."""

    def __init__(self, result: Result, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


def notify(one: Judged, decision: Notify, hands: Hands) -> Outcome:
    """Writes the warning on the object; where the right to patch is missing, into the janitor's own memory."""
    cluster, now = hands.cluster, hands.judge.now
    if cluster.dry_run or hands.server_dry_run:
        return Outcome(one, Result.WOULD_NOTIFY, str(decision.due))
    text = format_warned(now, decision.due.at)
    body = {"metadata": {"annotations": {decision.key: text}}}
    meta = one.obj.metadata
    try:
        cluster.patch(one.resource, meta.namespace, meta.name, body, resource_version=meta.resource_version)
    except Forbidden:
        hands.judge.state.memory.warned[meta.uid] = text
        return Outcome(one, Result.NOTIFIED, f"{decision.due} (remembered, as patch {one.resource.name} is not allowed)")
    except NotFound:
        return Outcome(one, Result.GONE)
    except Conflict:
        return Outcome(one, Result.CHANGED, "it changed meanwhile; asked again in the next turn")
    except ThriftError as problem:
        return Outcome(one, Result.FAILED, f"the warning cannot be written: {problem}")
    return Outcome(one, Result.NOTIFIED, str(decision.due))


def delete(one: Judged, hands: Hands) -> Outcome:
    """Deletes one object if it is still due as it is now. Never raises for what the cluster answers."""
    if hands.cluster.dry_run:
        return Outcome(one, Result.WOULD_DELETE, _reason(one))
    backup = ""
    try:
        fresh = _look_again(one, hands)
        backup = _back_up(one, fresh, hands)
        _send(one, fresh, hands)
    except _Spared as spared:
        return Outcome(one, spared.result, spared.detail)
    except NotFound:
        return Outcome(one, Result.GONE, "somebody else deleted it")
    except Conflict as problem:
        return Outcome(one, Result.CHANGED, f"it changed meanwhile; asked again in the next turn: {problem}")
    except (ThriftError, msgspec.ValidationError) as problem:
        return Outcome(one, Result.FAILED, str(problem))
    finally:
        hands.pause()
    done = Result.WOULD_DELETE if hands.server_dry_run else Result.DELETED
    due = fresh.delete.due
    writers = writers_of(fresh.document, due.source) if due.trigger in (Trigger.TTL, Trigger.EXPIRES) else ()
    return Outcome(replace(one, obj=fresh.obj, decision=fresh.delete), done, str(due), backup, writers)


def _reason(one: Judged) -> str:
    return str(one.due) if one.due else ""


def _look_again(one: Judged, hands: Hands) -> _Fresh:
    """Raises _Spared where the object is not the same, or not due any more."""
    meta = one.obj.metadata
    document = get_whole(hands.cluster, one.resource, meta.namespace, meta.name)
    obj = object_of(document)
    if obj.metadata.uid != meta.uid:
        raise _Spared(Result.CHANGED, "it was deleted and created again meanwhile")
    namespaces = _namespace_of(one.resource, obj, hands)
    if obj.namespace and not hands.judge.config.scope.allows_namespace(namespaces.view(obj.namespace).obj):
        raise _Spared(Result.RESCUED, "its namespace is out of scope now")
    decision = one.decision
    if decision.due is not None and decision.due.trigger is Trigger.RELEASE:
        fresh = _release_again(one.resource, obj, document, decision.due, namespaces, hands)
        return _Fresh(obj, document, replace(fresh, matched=decision.matched))
    plan = hands.plans.get(one.resource.name) or TypePlan(one.resource)
    judge = replace(hands.judge, namespaces=namespaces, usage=_usage_again(one, plan, hands))
    again = judge.decide(plan, judge.subject(plan, obj, document))
    if not isinstance(again, Delete):
        why = again.detail or again.why.value if isinstance(again, Keep) else "its end moved, and its owner is warned first"
        raise _Spared(Result.RESCUED, why)
    if is_namespaces(one.resource):
        guard = guarded_by(hands.cluster, hands.resources, obj.name, judge.config.policy)
        if guard or hands.incomplete:
            raise _Spared(Result.RESCUED, guard or f"its contents are not fully known: {hands.incomplete[0]}")
    return _Fresh(obj, document, again)


def _namespace_of(resource: Resource, obj: Object, hands: Hands) -> Namespaces:
    """The Namespace as it is now. Raises ClusterError: a Namespace that cannot be read keeps what is in it."""
    if is_namespaces(resource):
        return Namespaces({obj.name: NamespaceView.of(obj)})
    if not obj.namespace:
        return Namespaces()
    return Namespaces({obj.namespace: NamespaceView.of(hands.cluster.get_metadata(NAMESPACES, None, obj.namespace))})


def _usage_again(one: Judged, plan: TypePlan, hands: Hands) -> Usage:
    """The reference graph of the object's own namespace, read again for facts that a rule relied on."""
    due = one.due
    if not plan.facts or due is None or due.trigger is not Trigger.RULE:
        return hands.judge.usage
    places = [one.obj.namespace] if one.obj.namespace else None
    if is_namespaces(one.resource):
        places = [one.obj.name]
    return survey(hands.cluster, hands.resources, needs_of(plan.facts), hands.incomplete, places)


def _release_again(resource: Resource, obj: Object, document: Document, due: Due, namespaces: Namespaces, hands: Hands) -> Delete:
    """A part of a Helm release that goes as a whole: it has to be due itself, or be a record of the release."""
    judge = hands.judge
    policy = replace(judge.config.policy, delete_managed=True)
    if is_release_record(obj.metadata):
        view = namespaces.view(obj.namespace)
        why = protected_because(resource, obj, document, view.obj, policy.keys, policy.protection)
        if why:
            raise _Spared(Result.RESCUED, why)
        return Delete(due)
    again = _as_unmanaged(resource, obj, document, namespaces, hands)
    if not isinstance(again, Delete):
        raise _Spared(Result.RESCUED, again.detail if isinstance(again, Keep) else "its owner is warned first")
    return replace(again, due=due)


def _as_unmanaged(resource: Resource, obj: Object, document: Document, namespaces: Namespaces, hands: Hands) -> Decision:
    """The decision about an object as if Helm did not manage it."""
    judge = hands.judge
    policy = replace(judge.config.policy, delete_managed=True)
    plan = hands.plans.get(resource.name) or TypePlan(resource)
    judge = replace(judge, config=replace(judge.config, policy=policy), namespaces=namespaces)
    return judge.decide(plan, judge.subject(plan, obj, document))


def decide_unmanaged(one: Judged, hands: Hands) -> Decision:
    """The same for a member of a release that is due as a whole, on the object as it is now. What cannot be read is kept."""
    try:
        document = get_whole(hands.cluster, one.resource, one.obj.metadata.namespace, one.obj.name)
        obj = object_of(document)
        return _as_unmanaged(one.resource, obj, document, _namespace_of(one.resource, obj, hands), hands)
    except (ThriftError, msgspec.ValidationError) as problem:
        return Keep(Why.UNKNOWN, str(problem), one.due)


def _back_up(one: Judged, fresh: _Fresh, hands: Hands) -> str:
    """Stores what the deletion takes away. Raises BackupProblem: no backup, no deletion."""
    vault = hands.vault
    if vault.sink is None or hands.server_dry_run:
        return ""
    objects: list[Kept] = []
    own = keep(one.resource, fresh.document, vault.cipher, skip_secrets=vault.skip_secrets)
    objects += [own] if own is not None else []
    if is_namespaces(one.resource):
        objects += bundle(hands.cluster, hands.resources, fresh.obj.name, vault.cipher, skip_secrets=vault.skip_secrets)
    if not objects:
        return ""
    meta = fresh.obj.metadata
    identity = entry_id(one.resource, fresh.obj.namespace, meta.name, meta.uid, hands.judge.now)
    vault.sink.save(Entry(id=identity, deleted=hands.judge.now, reason=str(fresh.delete.due), objects=objects))
    return identity


def _send(one: Judged, fresh: _Fresh, hands: Hands) -> None:
    meta, decision = fresh.obj.metadata, fresh.delete
    if hands.judge.config.evict and (one.resource.group, one.resource.plural) == ("", "pods") and not hands.server_dry_run:
        _evict(one, fresh, hands)
        return
    hands.cluster.delete(
        one.resource,
        meta.namespace,
        meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        propagation=decision.propagation,
        grace_period_seconds=decision.grace,
        server_dry_run=hands.server_dry_run,
    )


def _evict(one: Judged, fresh: _Fresh, hands: Hands) -> None:
    """Asks for an eviction, which a PodDisruptionBudget may refuse for now."""
    meta = fresh.obj.metadata
    options: dict[str, object] = {"preconditions": {"uid": meta.uid, "resourceVersion": meta.resource_version}}
    if fresh.delete.grace is not None:
        options["gracePeriodSeconds"] = fresh.delete.grace
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta.name, "namespace": meta.namespace},
        "deleteOptions": options,
    }
    # The subresource stands in the place of a type, as only creations in a collection have a method of their own.
    subresource = Resource("", one.resource.version, f"pods/{meta.name}/eviction", "Eviction")
    try:
        hands.cluster.create(subresource, meta.namespace, body)
    except Throttled as problem:
        raise _Spared(Result.POSTPONED, f"a disruption budget forbids it for now: {problem}") from None


def oldest_first(deletions: Sequence[Judged]) -> list[Judged]:
    """The order of deletions: the longest overdue first, Namespaces last."""

    def key(one: Judged) -> tuple[bool, datetime, str]:
        assert one.due is not None
        return is_namespaces(one.resource), one.due.at, str(one)

    return sorted(deletions, key=key)
