"""How layers fold, key by key, and what the schedule wants of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from downscaler.annotations import Context, read_overrides
from downscaler.policy import (
    CONFIGURATION,
    NAMESPACE,
    POD,
    WORKLOAD,
    Overlap,
    Policy,
    Scope,
    Setting,
    Want,
    excluded_by,
    govern,
    wanted,
    with_forcing_pod,
    with_layer,
)
from downscaler.sizes import KINDS
from downscaler.timespec import Defaults, parse
from downscaler.workloads import Workload
from shared.filters import exact_names, label_matcher, regex_names

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
CONTEXT = Context(Defaults("UTC", "Mon-Fri"))


def layered(base: Policy, namespace: dict[str, str] | None = None, workload: dict[str, str] | None = None) -> Policy:
    over = with_layer(base, read_overrides({f"downscaler/{k}": v for k, v in (namespace or {}).items()}, CONTEXT), NAMESPACE)
    return with_layer(over, read_overrides({f"downscaler/{k}": v for k, v in (workload or {}).items()}, CONTEXT), WORKLOAD)


def spec(text: str) -> Setting[Any]:
    return Setting(parse(text, CONTEXT.defaults))


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("uptime", "uptime"),
        ("downtime", "downtime"),
        ("upscale-period", "upscale_period"),
        ("downscale-period", "downscale_period"),
        ("force-uptime", "force_uptime"),
        ("force-downtime", "force_downtime"),
    ],
)
def test_specs_come_from_the_most_specific_layer(key: str, field: str) -> None:
    def found(namespace: dict[str, str], workload: dict[str, str]) -> tuple[str, str]:
        setting = getattr(layered(Policy(), namespace, workload), field)
        return setting.value.text, setting.source

    assert found({}, {})[1] == CONFIGURATION
    assert found({key: "always"}, {}) == ("always", NAMESPACE)
    assert found({key: "always"}, {key: "never"}) == ("never", WORKLOAD)
    assert found({}, {key: "always"}) == ("always", WORKLOAD)


def test_each_key_is_folded_for_itself() -> None:
    policy = layered(Policy(), {"downtime": "always", "downtime-replicas": "1"}, {"uptime": "always", "grace-period": "60"})
    assert (policy.uptime.source, policy.downtime.source) == (WORKLOAD, NAMESPACE)
    assert policy.downtime_replicas == Setting(1, NAMESPACE)
    assert policy.grace_period == Setting(timedelta(seconds=60), WORKLOAD)


def test_a_layer_that_says_nothing_changes_nothing() -> None:
    base = Policy()
    assert layered(base) is base
    assert layered(base, {"exclude": "false"}) is base


@pytest.mark.parametrize(
    ("namespace", "workload", "expected"),
    [
        ({}, {}, ""),
        ({"exclude": "true"}, {}, "excluded by namespace annotation"),
        ({}, {"exclude": "true"}, "excluded by workload annotation"),
        ({"exclude": "true"}, {"exclude": "false"}, "excluded by namespace annotation"),
        ({"exclude": "true"}, {"exclude": "true"}, "excluded by namespace annotation"),
        ({"exclude-until": "2026-03-23T13:00:00Z"}, {}, "excluded until 2026-03-23 13:00 UTC (namespace annotation)"),
        ({"exclude-until": "2026-03-23T12:00:00Z"}, {}, ""),
        (
            {"exclude-until": "2026-03-20"},
            {"exclude-until": "2026-03-24"},
            "excluded until 2026-03-24 00:00 UTC (workload annotation)",
        ),
        (
            {"exclude-until": "2026-03-24"},
            {"exclude-until": "2026-03-20"},
            "excluded until 2026-03-24 00:00 UTC (namespace annotation)",
        ),
        ({}, {"exclude-until": "soon"}, "excluded by workload annotation"),
    ],
)
def test_exclusions_add_up(namespace: dict[str, str], workload: dict[str, str], expected: str) -> None:
    assert layered(Policy(), namespace, workload).exclusion(NOON) == expected


@pytest.mark.parametrize(
    ("namespace", "workload", "broken"),
    [
        ({"uptime": "rubbish"}, {}, [(NAMESPACE, "downscaler/uptime")]),
        ({"uptime": "rubbish"}, {"uptime": "always"}, []),
        ({"uptime": "rubbish"}, {"uptime": "more rubbish"}, [(WORKLOAD, "downscaler/uptime")]),
        ({"uptime": "rubbish"}, {"downtime": "always"}, [(NAMESPACE, "downscaler/uptime")]),
        ({"downtime-replicas": "x"}, {"downscale-replicas": "1"}, []),
        ({"uptime": "a", "downtime": "b"}, {"downtime": "always"}, [(NAMESPACE, "downscaler/uptime")]),
        ({}, {"uptime": "a", "downtime": "b"}, [(WORKLOAD, "downscaler/uptime"), (WORKLOAD, "downscaler/downtime")]),
        ({"grace-period": "x"}, {"exclude-until": "x"}, []),
    ],
)
def test_a_broken_value_stops_what_it_governs(
    namespace: dict[str, str], workload: dict[str, str], broken: list[tuple[str, str]]
) -> None:
    assert [(source, complaint.key) for source, complaint in layered(Policy(), namespace, workload).broken] == broken


ALGORITHM = [
    # name, configuration, namespace, workload, expected
    ("defaults", {}, {}, {}, Want.UP),
    ("in uptime", {"uptime": "Mon-Fri 08:00-18:00 UTC"}, {}, {}, Want.UP),
    ("not in uptime", {"uptime": "Mon-Fri 14:00-18:00 UTC"}, {}, {}, Want.DOWN),
    ("in downtime", {"downtime": "Mon-Fri 08:00-18:00 UTC"}, {}, {}, Want.DOWN),
    ("downtime beats uptime", {"uptime": "always", "downtime": "always"}, {}, {}, Want.DOWN),
    ("namespace downtime still applies to a workload with uptime", {}, {"downtime": "always"}, {"uptime": "always"}, Want.DOWN),
    ("forced uptime beats all", {"force_downtime": "always", "downtime": "always"}, {"force-uptime": "true"}, {}, Want.UP),
    ("forced uptime that does not match", {"downtime": "always"}, {"force-uptime": "Tue 00:00-24:00 UTC"}, {}, Want.DOWN),
    ("forced downtime beats uptime", {}, {"force-downtime": "true"}, {}, Want.DOWN),
    ("forced downtime by a window", {}, {"force-downtime": "Mon 11:00-13:00 UTC"}, {}, Want.DOWN),
    ("forced downtime beats periods", {"upscale_period": "always"}, {"force-downtime": "true"}, {}, Want.DOWN),
    ("upscale period", {"upscale_period": "Mon 11:00-13:00 UTC"}, {}, {}, Want.UP),
    ("downscale period", {"downscale_period": "Mon 11:00-13:00 UTC"}, {}, {}, Want.DOWN),
    ("both periods", {"upscale_period": "always", "downscale_period": "always"}, {}, {}, Want.LEAVE),
    ("no period matches", {"upscale_period": "Tue 11:00-13:00 UTC"}, {}, {}, Want.LEAVE),
    ("periods switch uptime off", {"downscale_period": "Tue 11:00-13:00 UTC"}, {}, {"uptime": "never"}, Want.LEAVE),
    ("periods switch downtime off", {"upscale_period": "always"}, {"downtime": "always"}, {}, Want.UP),
    ("a period of Never is none", {"upscale_period": "Never"}, {}, {"downtime": "always"}, Want.DOWN),
    (
        "a workload cancels the periods",
        {"upscale_period": "always"},
        {},
        {"upscale-period": "never", "downtime": "always"},
        Want.DOWN,
    ),
]


@pytest.mark.parametrize(
    ("base", "namespace", "workload", "expected"), [row[1:] for row in ALGORITHM], ids=[row[0] for row in ALGORITHM]
)
def test_wanted(base: dict[str, str], namespace: dict[str, str], workload: dict[str, str], expected: Want) -> None:
    policy = layered(Policy(**{key: spec(value) for key, value in base.items()}), namespace, workload)
    assert wanted(policy, NOON).want is expected


def test_reasons() -> None:
    assert wanted(layered(Policy(), {"uptime": "Tue UTC"}), NOON).reason == "not in uptime Tue UTC (namespace annotation)"
    assert wanted(with_forcing_pod(Policy()), NOON).reason == "uptime is forced (pod annotation)"
    long = layered(Policy(), None, {"downtime": ",".join(["Mon 11:00-13:00 UTC"] * 20)})
    assert len(wanted(long, NOON).reason) < 120


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, Want.UP), ("false", Want.DOWN), ("", Want.DOWN), ("true", Want.UP), ("Mon 11:00-13:00 UTC", Want.UP)],
)
def test_a_namespaces_force_uptime_wins_over_pods(value: str | None, expected: Want) -> None:
    base = with_forcing_pod(Policy(downtime=spec("always")))
    assert base.force_uptime.source == POD
    assert wanted(layered(base, {} if value is None else {"force-uptime": value}), NOON).want is expected


def workload(name: str = "web", labels: dict[str, str] | None = None, owner: tuple[str, str] | None = None) -> Workload:
    owners = [{"kind": owner[0], "name": owner[1], "apiVersion": "v1", "uid": "u"}] if owner else None
    return msgspec.convert({"metadata": {"name": name, "labels": labels, "ownerReferences": owners}}, Workload)


SCOPE = Scope(regex_names(["kube-.*", "shop"]), exact_names(["kube-downscaler"]), label_matcher(["tier=dev", "team=a.*"]))


@pytest.mark.parametrize(
    ("kind", "item", "expected"),
    [
        ("deployments", workload(labels={"tier": "dev"}), ""),
        ("deployments", workload(labels={"team": "apples"}), ""),
        ("deployments", workload(labels={"tier": "devprod"}), "no label matches --matching-labels"),
        ("deployments", workload(), "no label matches --matching-labels"),
        ("deployments", workload("kube-downscaler", {"tier": "dev"}), "its name is in --exclude-deployments"),
        ("cronjobs", workload("kube-downscaler", {"tier": "dev"}), "its name is in --exclude-deployments"),
        ("deployments", workload("my-kube-downscaler", {"tier": "dev"}), ""),
        ("deployments", workload(labels={"tier": "dev"}, owner=("Stack", "shop-1")), "owned by Stack shop-1"),
        ("deployments", workload(labels={"tier": "dev"}, owner=("Operator", "x")), ""),
        ("jobs", workload(labels={"tier": "dev"}, owner=("CronJob", "nightly")), "owned by CronJob nightly"),
        ("jobs", workload(labels={"tier": "dev"}), ""),
    ],
)
def test_scope(kind: str, item: Workload, expected: str) -> None:
    assert SCOPE.exclusion(KINDS[kind], item) == expected


def test_namespaces_match_wholly() -> None:
    assert SCOPE.namespace_exclusion("kube-system") == "namespace kube-system is in --exclude-namespaces"
    assert SCOPE.namespace_exclusion("shop-2") == ""
    assert Scope(kube_system=True).namespace_exclusion("kube-system") == ""


def test_the_first_reason_to_exclude_stays() -> None:
    policy = excluded_by(Policy(), "the namespace")
    assert govern(policy, SCOPE, KINDS["deployments"], workload(), read_overrides(None, CONTEXT)).excluded == "the namespace"
    assert excluded_by(policy, "") is policy


def test_the_deployment_time_reaches_the_policy() -> None:
    context = Context(deployment_time_key="example.org/deployed")
    overrides = read_overrides({"example.org/deployed": "2026-03-23T11:00:00Z"}, context)
    assert with_layer(Policy(), overrides, WORKLOAD).deployed_at == datetime(2026, 3, 23, 11, tzinfo=UTC)
    assert with_layer(Policy(), overrides, NAMESPACE).deployed_at is None


OFFICE = "Mon-Fri 08:00-18:00 UTC"


@pytest.mark.parametrize(
    ("overlap", "own", "expected"),
    [
        (None, {"uptime": OFFICE, "downtime": "Mon UTC"}, Want.DOWN),
        (Overlap.DOWN, {"uptime": OFFICE, "downtime": "Mon UTC"}, Want.DOWN),
        (Overlap.UP, {"uptime": OFFICE, "downtime": "Mon UTC"}, Want.UP),
        (Overlap.KEEP, {"uptime": OFFICE, "downtime": "Mon UTC"}, Want.LEAVE),
        # An uptime of always is how nobody says anything, and no overlap.
        (Overlap.UP, {"downtime": "Mon UTC"}, Want.DOWN),
        (Overlap.KEEP, {"downtime": "Mon UTC"}, Want.DOWN),
        (None, {"upscale-period": OFFICE, "downscale-period": "Mon UTC"}, Want.LEAVE),
        (Overlap.KEEP, {"upscale-period": OFFICE, "downscale-period": "Mon UTC"}, Want.LEAVE),
        (Overlap.UP, {"upscale-period": OFFICE, "downscale-period": "Mon UTC"}, Want.UP),
        (Overlap.DOWN, {"upscale-period": OFFICE, "downscale-period": "Mon UTC"}, Want.DOWN),
    ],
)
def test_overlaps(overlap: Overlap | None, own: dict[str, str], expected: Want) -> None:
    assert wanted(layered(Policy(overlap=overlap), own), NOON).want is expected
