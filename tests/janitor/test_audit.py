from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from janitor.apply import Outcome, Result
from janitor.audit import action_of, line, reason_of, record
from janitor.collect import Judged
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.policy import NO_TIME
from shared.kinds import CONFIG_MAPS
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
DUE = Due(NOW, Trigger.RULE, "no-app")


def judged(decision: Decision, **meta: str) -> Judged:
    return Judged(CONFIG_MAPS, Object(metadata=Meta(name="web", namespace="shop", uid="u", **meta)), decision)


@pytest.mark.parametrize(
    ("decision", "action", "reason"),
    [
        (Delete(DUE), "delete", "rule"),
        (Notify(DUE, "janitor/notified", NO_TIME), "notify", "rule"),
        (Keep(Why.PROTECTED, "x", DUE), "keep", "protected"),
    ],
)
def test_actions_and_reasons(decision: Decision, action: str, reason: str) -> None:
    assert (action_of(judged(decision)), reason_of(judged(decision))) == (action, reason)


def test_a_record_says_what_why_and_what_became_of_it() -> None:
    one = judged(Delete(DUE))

    assert record(one, NOW, Outcome(one, Result.DELETED, "done", "backup-1", ("kubectl",))) == {
        "time": "2026-03-23T10:00:00Z",
        "resource": "configmaps",
        "namespace": "shop",
        "name": "web",
        "uid": "u",
        "action": "delete",
        "reason": "rule",
        "inputs": record(one, NOW)["inputs"],
        "due": "2026-03-23T10:00:00Z",
        "trigger": "rule",
        "source": "no-app",
        "why": str(DUE),
        "result": "deleted",
        "writers": ["kubectl"],
        "outcome": "done",
        "backup": "backup-1",
    }


def test_the_digest_changes_with_the_metadata() -> None:
    assert record(judged(Delete(DUE)), NOW)["inputs"] != record(judged(Delete(DUE), resource_version="2"), NOW)["inputs"]


def test_a_line_is_one_line_whatever_a_tenant_wrote() -> None:
    text = line(record(judged(Keep(Why.UNREADABLE, "a\nb\u2028c")), NOW))

    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["detail"] == "a\nb\u2028c"
