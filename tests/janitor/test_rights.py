from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from janitor.config import Backup, Config, scope_of
from janitor.policy import Policy
from janitor.rights import RIGHTS, backup_place, needed
from janitor.rules import RuleSet, parse_rules
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, PODS

BASE = Config(scope=scope_of(("configmaps", "deployments", "pods"), (), ("all",), ()))
NAMED = replace(BASE, scope=scope_of(("configmaps", "deployments", "pods"), (), ("shop",), ()))
WITH_NAMESPACES = replace(BASE, scope=scope_of(("configmaps", "namespaces"), (), ("all",), ()))
IN_CONFIG_MAPS = replace(BASE, backup=Backup("configmap:tools"))


def rights(config: Config = BASE, *, dry_run: bool = False, rules: str = "", needs: tuple[str, ...] = ()) -> set[str]:
    parsed = parse_rules(f"rules: [{{id: a, resources: [cm], jmespath: kind, ttl: 1h{rules}}}]", "r") if rules else RuleSet()
    types = [each for each in (CONFIG_MAPS, DEPLOYMENTS, PODS) if config.scope.allows_type(each)]
    found = needed(config, dry_run=dry_run, types=types, rules=parsed, needs=needs)
    return {f"{grant} {grant.name}@{grant.where.value}" if grant.name else f"{grant}@{grant.where.value}" for grant in found}


@pytest.mark.parametrize(
    ("config", "rules", "patches"),
    [
        (BASE, "", False),
        (replace(BASE, policy=Policy(notification=timedelta(hours=1))), "", True),
        (replace(BASE, policy=Policy(quarantine=timedelta(hours=1))), "", True),
        (BASE, ", notify: 1h", True),
        (BASE, ", quarantine: 1h", True),
        (BASE, ", propagation: Orphan", False),
    ],
)
def test_objects_are_patched_only_where_owners_are_warned(config: Config, rules: str, patches: bool) -> None:
    found = rights(config, rules=rules)

    assert {right in found for right in ("patch configmaps@work", "patch deployments.apps@work", "patch pods@work")} == {patches}


def test_a_dry_run_changes_nothing_and_may_not() -> None:
    loud = replace(IN_CONFIG_MAPS, policy=Policy(notification=timedelta(hours=1)), state=("tools", "memory"), evict=True)

    assert {right.split()[0] for right in rights(loud, dry_run=True)} == {"get", "list"}


@pytest.mark.parametrize(
    ("config", "has", "lacks"),
    [
        (BASE, {"list namespaces@work", "get namespaces@work", "delete pods@work"}, {"delete namespaces@work", "list *.*@work"}),
        (NAMED, {"get namespaces@work", "create events@own"}, {"list namespaces@work"}),
        (WITH_NAMESPACES, {"delete namespaces@work", "list *.*@work"}, {"patch namespaces@work"}),
        (replace(BASE, evict=True), {"create pods/eviction@work"}, {"delete pods@work"}),
        (
            replace(BASE, state=("a", "b")),
            {"get configmaps b@state", "patch configmaps b@state", "create configmaps@state"},
            set(),
        ),
        (
            IN_CONFIG_MAPS,
            {"list configmaps@backup", "create configmaps@backup", "delete configmaps@backup"},
            {"create configmaps@state"},
        ),
        (replace(BASE, backup=Backup("s3://a/b")), set(), {"create configmaps@backup"}),
    ],
)
def test_what_a_configuration_needs(config: Config, has: set[str], lacks: set[str]) -> None:
    found = rights(config)

    assert has <= found
    assert not lacks & found


@pytest.mark.parametrize(
    ("need", "right"),
    [
        ("pods", "list pods@work"),
        ("references", "list serviceaccounts@work"),
        ("endpoints", "list endpointslices.discovery.k8s.io@work"),
        ("inventory", "list *.*@work"),
    ],
)
def test_what_rules_read(need: str, right: str) -> None:
    only_maps = replace(BASE, scope=scope_of(("configmaps",), (), ("all",), ()))

    assert right in rights(only_maps, needs=(need,))
    assert right not in rights(only_maps)


def test_where_backups_are() -> None:
    assert [backup_place(each) for each in (BASE, IN_CONFIG_MAPS, replace(BASE, backup=Backup("/backups")))] == [
        None,
        "tools",
        None,
    ]


def test_every_condition_is_explained() -> None:
    used = {word for right in (*RIGHTS.rights, *RIGHTS.each) for word in right.when}

    assert used == set(RIGHTS.conditions)
    assert {word for words in RIGHTS.read_by_rules.values() for word in words} <= used
