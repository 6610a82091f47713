"""Explanations: each layer's values, the one that decided, what would be done now and what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.explain import Explanation, as_data, as_text, explain
from downscaler.forecast import next_ruling, transitions
from downscaler.plan import Forced, Planner
from downscaler.policy import Policy, Setting, Want
from downscaler.sizes import KINDS, kind_named
from downscaler.timespec import parse
from shared.errors import ValueProblem
from shared.objects import Object

# A Monday.
NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
OFFICE = "Mon-Fri 08:00-18:00 Europe/Berlin"


def annotated(**values: str) -> dict[str, str]:
    return {f"downscaler/{key.replace('_', '-')}": value for key, value in values.items()}


def explained(
    *argv: str, namespace: dict[str, str] | None = None, pod: bool = False, replicas: int = 3, now: datetime = NOON, **own: str
) -> Explanation:
    found = msgspec.convert({"metadata": {"name": "shop", "annotations": annotated(**(namespace or {}))}}, Object)
    forced = Forced(frozenset({"shop"} if pod else ()))
    planner = Planner(read_config(argv, {}).rules, {"shop": found}, forced, now)
    meta = {"name": "web", "namespace": "shop", "annotations": annotated(**own), "creationTimestamp": "2026-01-01T00:00:00Z"}
    kind = KINDS["deployments"]
    return explain(planner, kind, msgspec.convert({"metadata": meta, "spec": {"replicas": replicas}}, kind.as_type))


def coming(found: Explanation) -> list[tuple[str, str, object]]:
    return [(f"{each.at:%a %d %H:%M}", each.direction, each.size) for each in found.next]


def test_the_layer_that_decided_and_the_next_three_transitions() -> None:
    found = explained(namespace={"uptime": OFFICE})

    assert found.decided_by == "downscaler/uptime (namespace annotation)"
    assert (found.action, found.wanted) == ("leave as it is", "up")
    # Berlin is at UTC+1 on these days.
    assert coming(found) == [("Mon 23 17:00", "down", 0), ("Tue 24 07:00", "up", 3), ("Tue 24 17:00", "down", 0)]


def test_a_run_that_would_never_take_place_is_told() -> None:
    meta = {"name": "backup", "namespace": "shop", "annotations": annotated(downtime="Mon-Sun 20:00-06:00 UTC")}
    row, planner = KINDS["cronjobs"], Planner(read_config([], {}).rules, {"shop": Object()}, Forced(), NOON + timedelta(hours=9))
    found = explain(planner, row, msgspec.convert({"metadata": meta, "spec": {"schedule": "0 2 * * *"}}, row.as_type))
    assert (found.wanted, found.action) == ("down", "leave as it is")
    assert found.reason == "each of its runs (0 2 * * *) lies in its downtime, and it would never run"
    assert "--night-runs=suspend suspends it" in found.complaints[0]
    assert found.next == ()


def test_what_was_missed_is_told_with_what_comes_next() -> None:
    found = explained("--max-lateness=600", downtime="Mon-Fri 08:00-18:00 UTC")
    assert (found.wanted, found.action) == ("down", "leave as it is")
    assert found.reason.startswith(
        "its schedule changed more than 10m ago and --max-lateness waits for the next change: in downtime"
    )
    assert coming(found)[0] == ("Tue 24 08:00", "down", 0)


@pytest.mark.parametrize(("flags", "shown"), [((), False), (("--downtime-max-replicas=4",), True)])
def test_a_ceiling_is_shown_where_somebody_set_one(flags: tuple[str, ...], shown: bool) -> None:
    rows = {row.key: row for row in explained(*flags).layers}
    assert ("downscaler/downtime-max-replicas" in rows) is shown


def test_transitions_cross_a_change_to_summer_time() -> None:
    found = explained(namespace={"uptime": OFFICE}, now=datetime(2026, 3, 27, 12, tzinfo=UTC))
    assert coming(found)[:2] == [("Fri 27 17:00", "down", 0), ("Mon 30 06:00", "up", 3)]


@pytest.mark.parametrize(
    ("own", "namespace", "argv", "pod", "decided"),
    [
        ({}, {}, (), False, "downscaler/uptime (configuration)"),
        ({"downtime": "always"}, {}, (), False, "downscaler/downtime (workload annotation)"),
        ({}, {"force_downtime": "true"}, (), False, "downscaler/force-downtime (namespace annotation)"),
        ({}, {}, (), True, "downscaler/force-uptime (pod annotation)"),
        ({}, {}, ("--downscale-period=always",), False, "downscaler/downscale-period (configuration)"),
        ({"exclude": "true"}, {}, (), False, "downscaler/exclude"),
        ({"uptime": "Mon-Fry"}, {}, (), False, "downscaler/uptime (workload annotation)"),
        ({}, {}, ("--downscale-period=never", "--upscale-period=Tue UTC"), False, "nothing"),
    ],
)
def test_what_decided(own: dict[str, str], namespace: dict[str, str], argv: tuple[str, ...], pod: bool, decided: str) -> None:
    found = explained(*argv, namespace=namespace, pod=pod, **own)
    assert (found.decided_by or "nothing") == decided


def test_each_layers_values_stand_beside_each_other() -> None:
    found = explained("--default-uptime=never", namespace={"uptime": OFFICE}, uptime="always")

    row = next(row for row in found.layers if row.key == "downscaler/uptime")
    assert row.values == {"configuration": "never", "namespace annotation": OFFICE, "workload annotation": "always"}
    assert row.counts == "workload annotation"


def test_the_state_found_is_shown_and_what_would_be_done() -> None:
    found = explained(replicas=0, original_replicas="4", downscaled_to="0")

    assert found.record == annotated(original_replicas="4", downscaled_to="0")
    assert (found.action, found.change) == ("bring up", "replicas 0 -> 4")
    assert "now:     bring up, replicas 0 -> 4: in uptime always (configuration)" in as_text(found)


def test_a_broken_value_is_named_and_nothing_is_foretold() -> None:
    found = explained(uptime="Mon-Fry 9-5")

    assert found.next == ()
    assert "'Mon-Fry 9-5' is not understood" in found.complaints[0]
    assert "next:    nothing within 400 days" in as_text(found)


def test_a_namespace_that_was_not_read() -> None:
    planner = Planner(read_config((), {}).rules, {}, Forced(), NOON)
    kind = KINDS["deployments"]
    workload = msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}}, kind.as_type)
    assert as_data(explain(planner, kind, workload))["wanted"] == ""


def test_data_is_plain() -> None:
    data = msgspec.json.decode(msgspec.json.encode(as_data(explained(namespace={"uptime": OFFICE}))))
    assert data["next"][0] == {
        "at": "2026-03-23T17:00:00Z",
        "direction": "down",
        "before": 3,
        "size": 0,
        "reason": f"not in uptime {OFFICE} (namespace annotation)",
    }


def test_the_grace_period_puts_a_transition_off() -> None:
    kind = KINDS["deployments"]
    meta = {"name": "web", "namespace": "shop", "creationTimestamp": "2026-03-23T11:50:00Z"}
    workload = msgspec.convert({"metadata": meta, "spec": {"replicas": 2}}, kind.as_type)
    policy = Policy(downtime=Setting(parse("always")))
    assert [each.at for each in transitions(kind, workload, policy, NOON)] == [NOON + timedelta(minutes=5, seconds=1)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), None),
        (Policy(uptime=Setting(parse("Mon 08:00-18:00 UTC"))), (NOON + timedelta(hours=6), Want.DOWN)),
        (
            Policy(downtime=Setting(parse("always")), exclude_until=Setting(NOON + timedelta(hours=1))),
            (NOON + timedelta(hours=1), Want.DOWN),
        ),
    ],
)
def test_the_next_ruling(policy: Policy, expected: tuple[datetime, Want] | None) -> None:
    found = next_ruling(policy, NOON)
    assert (None if found is None else (found[0], found[1].want)) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("deploy", "deployments"),
        ("Deployment", "deployments"),
        ("deployments.apps", "deployments"),
        ("hpa", "horizontalpodautoscalers"),
    ],
)
def test_kinds_are_named_as_with_kubectl(text: str, kind: str) -> None:
    assert kind_named(text).id == kind


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueProblem, match="'pod' is not understood; accepted: one of deployments"):
        kind_named("pod")
