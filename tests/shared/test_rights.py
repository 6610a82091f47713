from __future__ import annotations

import pytest
import yaml

from shared.rights import Grant, Right, RightsTable, Where, as_data, as_yaml, granted, placed, roles, rules_of

TABLE = RightsTable(
    conditions={"write": "it is no dry run"},
    rights=(
        Right(("list",), "", "pods", "who is there"),
        Right(("create", "patch"), "", "events", "says so", ("write",)),
        Right(("get",), "apps", "deployments", "itself", (), Where.OWN, "self"),
    ),
    each=(Right(("list",), "", "", "finds it"), Right(("patch",), "", "", "scales it", ("write",))),
    apart=("pods",),
)
DEPLOYMENTS = ("apps", "deployments")


@pytest.mark.parametrize(
    ("holds", "types", "names", "expected"),
    [
        ([], [], {}, ["list pods"]),
        (["write"], [], {}, ["list pods", "create events", "patch events"]),
        ([], [DEPLOYMENTS], {}, ["list pods", "list deployments.apps"]),
        (
            ["write"],
            [DEPLOYMENTS],
            {},
            ["list pods", "create events", "patch events", "list deployments.apps", "patch deployments.apps"],
        ),
        (["write"], [("", "pods")], {}, ["list pods", "create events", "patch events"]),
        ([], [], {"self": ["a", "b"]}, ["list pods", "get deployments.apps", "get deployments.apps"]),
    ],
)
def test_what_is_granted(
    holds: list[str], types: list[tuple[str, str]], names: dict[str, list[str]], expected: list[str]
) -> None:
    assert [str(grant) for grant in granted(TABLE, holds, types, names)] == expected


LIST = Grant("list", "apps", "deployments")


@pytest.mark.parametrize(
    ("narrow", "wide", "left"),
    [
        (Grant("list", "apps", "deployments", Where.OWN), LIST, {"": [LIST]}),
        (Grant("list", "apps", "deployments", Where.WORK, "web"), LIST, {"": [LIST]}),
        (Grant("list", "apps", "deployments", Where.OWN, "web"), LIST, {"": [LIST]}),
        (LIST, Grant("list", "*", "*"), {"": [Grant("list", "*", "*")]}),
        (Grant("get", "apps", "deployments"), LIST, {"": [Grant("get", "apps", "deployments"), LIST]}),
    ],
)
def test_what_a_wider_right_covers_is_not_said_again(narrow: Grant, wide: Grant, left: dict[str, list[Grant]]) -> None:
    assert placed([narrow, wide], {Where.WORK: (None,), Where.OWN: ("tools",)}) == left


def test_a_right_in_one_namespace_covers_no_other() -> None:
    own = Grant("list", "apps", "deployments", Where.OWN)

    assert placed([LIST, own], {Where.WORK: ("shop",), Where.OWN: ("tools",)}) == {"shop": [LIST], "tools": [own]}


def test_types_with_the_same_verbs_share_a_rule() -> None:
    grants = [Grant(verb, "apps", plural) for plural in ("statefulsets", "deployments") for verb in ("patch", "get")]

    assert rules_of([*grants, Grant("get", "", "pods", name="a")]) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "patch"]},
    ]


def test_roles() -> None:
    documents = list(roles(granted(TABLE, [], [], {"self": ["me"]}), {Where.WORK: (None,), Where.OWN: ("tools",)}, "name"))

    assert [(each["kind"], each["metadata"]) for each in documents] == [
        ("ClusterRole", {"name": "name"}),
        ("Role", {"name": "name", "namespace": "tools"}),
    ]
    assert list(yaml.safe_load_all(as_yaml(documents))) == documents


def test_as_data() -> None:
    data = as_data(TABLE)

    assert data["conditions"] == {"write": "it is no dry run"}
    row = {
        "group": "apps",
        "resource": "deployments",
        "verbs": ["get"],
        "where": "own",
        "when": [],
        "only": "self",
        "why": "itself",
    }
    assert data["rights"][2] == row
