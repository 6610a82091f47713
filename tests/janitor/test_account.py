from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from janitor.account import breaker_key, planned_of, read_rules, summary_of
from janitor.apply import Outcome, Result
from janitor.breaker import ANNOTATIONS, Planned
from janitor.collect import Found, Judged
from janitor.config import Config
from janitor.decide import Delete
from janitor.expiry import Due, Trigger
from janitor.state import State
from shared.kinds import CONFIG_MAPS, NAMESPACES
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
ONE = Judged(CONFIG_MAPS, Object(metadata=Meta(name="web", namespace="shop")), Delete(Due(NOW, Trigger.TTL, "janitor/ttl")))
SPACE = Judged(NAMESPACES, Object(metadata=Meta(name="pr-1")), Delete(Due(NOW, Trigger.RULE, "pr"), matched="pr"))


def test_the_summary_counts_as_it_always_did() -> None:
    found = Found(totals=Counter(configmaps=7, secrets=2), counters=Counter({"configmaps-with-ttl": 3, "rule-a-matches": 1}))

    assert summary_of(found, [Outcome(ONE, Result.DELETED), Outcome(ONE, Result.FAILED)], Config()) == (
        "Clean up run completed: resources-processed=9, configmaps-deleted=1, configmaps-failed=1, "
        "configmaps-with-ttl=3, rule-a-matches=1"
    )
    assert summary_of(found, [], Config(quiet=True)) == ""


def test_what_the_breaker_counts() -> None:
    found = Found(inside=Counter({"pr-1": 20}))

    assert planned_of(ONE, found) == Planned(ANNOTATIONS, "configmaps", 1)
    assert planned_of(SPACE, found) == Planned("pr", "namespaces", 21)
    assert breaker_key(SPACE) == "pr"


def test_a_rules_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_bytes(b"\xff\xfe")

    assert "cannot be read, nothing is deleted by rules" in read_rules(str(tmp_path / "rules.yaml"), State())[0]


@pytest.mark.parametrize("good_before", [True, False])
def test_a_broken_file_says_whether_old_rules_stay(tmp_path: Path, good_before: bool) -> None:
    path, state = tmp_path / "rules.yaml", State()
    if good_before:
        path.write_text("rules: []")
        read_rules(str(path), state)
    path.write_text("rules: [")

    assert len(read_rules(str(path), state)) == (2 if good_before else 1)
