from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jmespath.functions import Functions
from prometheus_client import generate_latest

from janitor import annotations
from janitor.annotations import DIALECTS
from janitor.apply import Outcome, Result
from janitor.breaker import Trip
from janitor.collect import Found, Judged, Stuck
from janitor.commands import COMMANDS
from janitor.decide import Delete, Keep, Why
from janitor.expiry import Due, Trigger
from janitor.matching import JanitorFunctions
from janitor.metrics import NAMES, JanitorMetrics
from janitor.rules import RULE_KEYS
from janitor.usage import NEEDS
from shared.clock import SystemClock
from shared.kinds import CONFIG_MAPS
from shared.metrics import Metrics
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
DUE = Due(NOW, Trigger.RULE, "no-app")
ONE = Judged(CONFIG_MAPS, Object(metadata=Meta(name="a", namespace="shop")), Delete(DUE))


def text_of(metrics: JanitorMetrics) -> str:
    return generate_latest(metrics.common.registry).decode()


def test_gauges_show_the_last_turn_and_counters_all_of_them() -> None:
    metrics = JanitorMetrics(Metrics("janitor", "1", SystemClock()))
    found = Found(
        judged=[ONE],
        totals=Counter(configmaps=7),
        reasons=Counter({("undated", "configmaps"): 6}),
        stuck=[Stuck(CONFIG_MAPS, "shop/b", "2026-03-23T09:00:00Z", ())],
        next_due=NOW + timedelta(hours=1),
    )
    outcomes = [Outcome(ONE, Result.DELETED)]

    metrics.update(found, outcomes, [Trip("no-app", 1, "x", NOW)], NOW)
    busy = text_of(metrics)
    metrics.update(Found(totals=Counter(configmaps=7)), [], [], NOW)
    idle = text_of(metrics)

    assert 'kube_janitor_kept{reason="undated",resource="configmaps"} 6.0' in busy
    assert 'kube_janitor_due{trigger="rule"} 1.0' in busy
    assert 'kube_janitor_breaker_open{rule="no-app"} 1.0' in busy
    assert "kube_janitor_stuck_seconds 3600.0" in busy
    assert "kube_janitor_breaker_open{" not in idle
    assert 'kube_janitor_evaluated_total{resource="configmaps"} 14.0' in idle
    assert 'kube_janitor_deleted_total{namespace="shop",resource="configmaps",rule="no-app"} 1.0' in idle
    assert "kube_janitor_next_expiry_timestamp_seconds 0.0" in idle


def test_the_documentation_names_everything_that_the_code_knows() -> None:
    text = (Path(__file__).parents[2] / "docs" / "janitor.md").read_text()
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}

    functions = sorted(set(JanitorFunctions.FUNCTION_TABLE) - set(Functions.FUNCTION_TABLE))
    keys = [annotations.TTL, annotations.EXPIRES, annotations.EXTEND_UNTIL, annotations.PROTECTED, annotations.DEFAULT_TTL]
    keys += [annotations.NOTIFIED, annotations.QUARANTINED]
    for name in [*NAMES, *RULE_KEYS, *NEEDS, *keys, *DIALECTS]:
        assert f"`{name}`" in rows, f"docs/janitor.md does not explain {name}"
    for name in functions:
        assert any(row.startswith(f"`{name}(") for row in rows), f"docs/janitor.md does not explain {name}()"
    for name in COMMANDS:
        assert any(row.startswith(f"`{name} ") or row == f"`{name}`" for row in rows), f"docs/janitor.md does not explain {name}"
    for why in Why:
        assert f"`{why.value}`" in text, f"docs/janitor.md does not explain the reason {why.value}"


def test_deletions_are_counted_from_zero() -> None:
    text = text_of(JanitorMetrics(Metrics("janitor", "1", SystemClock())))

    for trigger in Trigger:
        for result in ("deleted", "failed"):
            assert f'kube_janitor_outcomes_total{{result="{result}",trigger="{trigger.value}"}} 0.0' in text


def test_namespaces_that_come_and_go_do_not_add_up_for_ever() -> None:
    metrics = JanitorMetrics(Metrics("janitor", "1", SystemClock()))
    doomed = [Judged(CONFIG_MAPS, Object(metadata=Meta(name="a", namespace=f"pr-{n}")), Delete(DUE)) for n in range(1200)]

    metrics.update(Found(), [Outcome(one, Result.DELETED) for one in doomed], [], NOW)

    text = text_of(metrics)
    assert text.count("kube_janitor_deleted_total{") == 1001
    assert 'kube_janitor_deleted_total{namespace="(other)",resource="configmaps",rule="no-app"} 200.0' in text


def test_kept_objects_without_a_due_time_need_no_label() -> None:
    metrics = JanitorMetrics(Metrics("janitor", "1", SystemClock()))

    metrics.update(Found(), [Outcome(Judged(CONFIG_MAPS, Object(), Keep(Why.UNDATED)), Result.GONE)], [], NOW)

    assert 'kube_janitor_outcomes_total{result="gone",trigger="undated"} 1.0' in text_of(metrics)
