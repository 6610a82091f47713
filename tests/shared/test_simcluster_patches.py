"""The patch formats, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.kinds import DEPLOYMENTS
from shared.simcluster.jsonpatches import json_patch
from shared.simcluster.patches import merge_patch
from shared.simcluster.strategic import strategic_merge


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_follows_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    before = repr(target)

    assert merge_patch(target, patch) == result
    assert repr(target) == before, "the target is not changed"


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        (
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "2"}),
            containers({"name": "b", "image": "3"}),
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "3"}),
        ),
        (containers({"name": "a"}), containers({"name": "c"}), containers({"name": "a"}, {"name": "c"})),
        (containers({"name": "a"}, {"name": "b"}), containers({"name": "a", "$patch": "delete"}), containers({"name": "b"})),
        (containers({"name": "a"}), containers({"$patch": "replace"}, {"name": "z"}), containers({"name": "z"})),
        (
            containers({"name": "a", "env": [{"name": "X", "value": "1"}]}),
            containers({"name": "a", "env": [{"name": "Y", "value": "2"}]}),
            containers({"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}),
        ),
        ({"spec": {"a": 1, "b": 2}}, {"spec": {"b": None}}, {"spec": {"a": 1}}),
        ({"spec": {"a": {"x": 1}}}, {"spec": {"a": {"$patch": "replace", "y": 2}}}, {"spec": {"a": {"y": 2}}}),
        ({"spec": {"a": {"x": 1}}}, {"spec": {"a": {"$patch": "delete"}}}, {"spec": {}}),
        (
            {"spec": {"tolerations": [{"key": "a"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
        ),
        ({"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": ["b"]}}, {"metadata": {"finalizers": ["a", "b"]}}),
        (
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["b"]}},
        ),
        (
            {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}},
            {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
        ),
        (
            containers({"name": "a"}, {"name": "b"}),
            {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}}},
            containers({"name": "b"}, {"name": "a"}),
        ),
        (
            {"kind": "Service", "spec": {"ports": [{"port": 80, "name": "a"}]}},
            {"spec": {"ports": [{"port": 80, "name": "b"}, {"port": 81}]}},
            {"kind": "Service", "spec": {"ports": [{"port": 80, "name": "b"}, {"port": 81}]}},
        ),
    ],
    ids=[
        "container by name",
        "new container",
        "container removed",
        "list replaced",
        "env by name",
        "null removes",
        "object replaced",
        "object removed",
        "atomic list",
        "set of finalizers",
        "removed from set",
        "retained keys",
        "order",
        "service ports",
    ],
)
def test_strategic_merge(target: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert strategic_merge(target, patch) == result


@pytest.mark.parametrize("patch", [{"$patch": "sideways"}, containers({"name": "a"}, {"image": "nameless"})])
def test_strategic_patches_that_make_no_sense(patch: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        strategic_merge(containers({"name": "a"}), patch)
    assert refusal.value.status == 400


def test_json_patch() -> None:
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "c"},
    ]

    changed = json_patch({"spec": {"replicas": 1}, "metadata": {"labels": {}}}, operations, DEPLOYMENTS, "web")

    assert changed == {"spec": {"replicas": 2}, "metadata": {"labels": {"a/b": "c"}}}


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ({}, 400),
        ([{"op": "dance", "path": "/a"}], 400),
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/none"}], 422),
        ([{"op": "replace", "path": "/none/deep", "value": 1}], 422),
    ],
)
def test_json_patches_that_fail(operations: Any, status: int) -> None:
    with pytest.raises(Invalid) as refusal:
        json_patch({"a": 1}, operations, DEPLOYMENTS, "web")
    assert refusal.value.status == status
