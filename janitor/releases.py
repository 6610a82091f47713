"""Helm releases as units: when everything that belongs to one is due, all of it goes, with Helm's own record of it. Pure.

A release of which a part is not due stays whole, as far as rules and namespace defaults are concerned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from janitor.collect import Found, Judged
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.managed import release_of

Release = tuple[str, str]


def complete_releases(found: Found) -> frozenset[Release]:
    """The releases whose every member (the records not counted) is due. None where a list failed: then nobody knows all
    members.
    """
    if found.failures:
        return frozenset()
    return frozenset(
        release for release, counts in found.releases.items() if counts["members"] and counts["due"] >= counts["members"]
    )


def with_releases(found: Found, again: Callable[[Judged], Decision]) -> list[Judged]:
    """The judged objects, the members of complete releases turned into deletions and the releases' records added.

    *again* decides about a member as if nobody managed it: only where that is Delete for all of them, the release goes; where
    it is
    Notify, their owners are warned.
    """
    complete = complete_releases(found)
    if not complete:
        return found.judged
    judged = {id(one): _member(one, complete, again) for one in found.judged}
    held = {release_of(one.obj.metadata) for one in judged.values() if not isinstance(one.decision, Delete)}
    ends: dict[Release, Due] = {}
    result = []
    for before in found.judged:
        after = judged[id(before)]
        release = release_of(before.obj.metadata)
        if release is None or release not in complete:
            result.append(before)
        elif release not in held and after.due is not None:
            ends[release] = max(ends.get(release, after.due), after.due, key=lambda end: end.at)
            result.append(_as_release(after, after.due, release))
        else:
            # A part of it has to wait: warnings go out, but nothing that only a rule wants gone is taken out of it.
            result.append(after if isinstance(after.decision, Notify) else before)
    for record in found.records:
        release = release_of(record.obj.metadata)
        if release is not None and release in ends:
            result.append(_as_release(record, ends[release], release))
    return result


def _member(one: Judged, complete: frozenset[Release], again: Callable[[Judged], Decision]) -> Judged:
    managed = isinstance(one.decision, Keep) and one.decision.why is Why.MANAGED
    return replace(one, decision=again(one)) if managed and release_of(one.obj.metadata) in complete else one


def _as_release(one: Judged, due: Due, release: Release) -> Judged:
    # `matched` stays, so that the breaker counts the release against the rule that wants it gone.
    return replace(one, decision=Delete(replace(due, trigger=Trigger.RELEASE, source="/".join(release)), matched=due.rule))
