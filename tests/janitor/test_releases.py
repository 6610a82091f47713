from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from janitor.collect import Found, Judged
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.policy import NO_TIME
from janitor.releases import complete_releases, with_releases
from shared.kinds import CONFIG_MAPS, SECRETS
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
DUE = Due(NOW, Trigger.RULE, "no-app")
HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}
RELEASE = ("shop", "web")
HELD = Keep(Why.MANAGED, "it is part of Helm release shop/web", DUE)


def part(name: str, decision: Decision = HELD) -> Judged:
    return Judged(CONFIG_MAPS, Object(metadata=Meta(name=name, namespace="shop", annotations=HELM)), decision)


RECORD = Judged(
    SECRETS,
    Object(metadata=Meta(name="sh.helm.release.v1.web.v1", namespace="shop", labels={"owner": "helm", "name": "web"})),
    Keep(Why.UNDATED),
)
OTHER = Judged(CONFIG_MAPS, Object(metadata=Meta(name="x", namespace="shop")), Delete(DUE))


def found(judged: list[Judged], members: int, due: int, failures: list[str] | None = None) -> Found:
    counts = {RELEASE: Counter(members=members, due=due)}
    return Found(judged=judged, releases=counts, records=[RECORD], failures=failures or [])


def test_a_release_is_complete_when_every_member_is_due_and_every_list_was_read() -> None:
    assert complete_releases(found([], 2, 2)) == {RELEASE}
    assert complete_releases(found([], 3, 2)) == frozenset()
    assert complete_releases(found([], 0, 0)) == frozenset()
    assert complete_releases(found([], 2, 2, ["secrets: cannot be listed"])) == frozenset()


def test_a_complete_release_goes_with_its_records() -> None:
    result = with_releases(found([part("a"), OTHER, part("b", Delete(DUE))], 2, 2), lambda one: Delete(DUE))

    assert [one.obj.name for one in result if isinstance(one.decision, Delete)] == ["a", "x", "b", RECORD.obj.name]
    assert [one.due.trigger for one in result if one.due] == [Trigger.RELEASE, Trigger.RULE, Trigger.RELEASE, Trigger.RELEASE]
    assert [one.due.source for one in result if one.due][0] == "shop/web"


def test_an_incomplete_release_stays_as_it_was() -> None:
    judged = [part("a"), part("b", Delete(DUE))]

    assert with_releases(found(judged, 3, 2), lambda one: Delete(DUE)) == judged


def test_a_release_of_which_a_part_has_to_be_warned_about_is_warned_about() -> None:
    warning = Notify(DUE, "janitor/notified", NO_TIME)

    result = with_releases(found([part("a"), part("b")], 2, 2), lambda one: warning if one.obj.name == "a" else Delete(DUE))

    assert [one.decision for one in result] == [warning, HELD]


def test_a_release_of_which_a_part_is_not_due_as_it_is_now_stays() -> None:
    result = with_releases(found([part("a"), part("b")], 2, 2), lambda one: Keep(Why.UNKNOWN, "gone"))

    assert [one.decision for one in result] == [HELD, HELD]
