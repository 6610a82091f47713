from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from janitor.hooks import load_hook, random_dice, with_hook
from janitor.policy import Facts
from shared.errors import UsageError
from shared.kinds import DEPLOYMENTS

DOCUMENT = {"metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}, "spec": {"replicas": 1}}


def test_a_hook_sees_what_it_saw_in_kube_janitor() -> None:
    seen: list[Any] = []

    def hook(resource: Any, cache: dict[str, Any]) -> dict[str, Any]:
        seen.append(resource)
        cache["calls"] = cache.get("calls", 0) + 1
        return {"requests": 0}

    cache: dict[str, Any] = {}
    facts, trouble = with_hook(hook, Facts({"a": 1}), DEPLOYMENTS, DOCUMENT, cache)
    with_hook(hook, Facts(), DEPLOYMENTS, DOCUMENT, cache)

    assert (dict(facts.values), facts.unknown, trouble) == ({"a": 1, "requests": 0}, frozenset(), "")
    resource = seen[0]
    assert (resource.kind, resource.version, resource.endpoint) == ("Deployment", "apps/v1", "deployments")
    assert (resource.name, resource.namespace, resource.labels, resource.annotations) == ("web", "shop", {"app": "web"}, {})
    assert resource.obj["spec"] == {"replicas": 1}
    assert resource.metadata["name"] == "web"
    assert cache == {"calls": 2}


@pytest.mark.parametrize("value", [None, {}])
def test_a_hook_may_add_nothing(value: Any) -> None:
    assert with_hook(lambda resource, cache: value, Facts({"a": 1}), DEPLOYMENTS, DOCUMENT, {})[0].values == {"a": 1}


def test_a_hook_that_fails_makes_everything_unknown() -> None:
    def hook(resource: Any, cache: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("no\nmetrics")

    facts, trouble = with_hook(hook, Facts(), DEPLOYMENTS, DOCUMENT, {})

    assert facts.unknown == {"*"}
    assert trouble == "hook failed: RuntimeError: no metrics"


def test_the_example_throws_one_dice_per_turn() -> None:
    cache: dict[str, Any] = {}

    assert random_dice(None, cache) == random_dice(None, cache)
    assert 1 <= random_dice(None, cache)["random_dice"] <= 6


def test_the_example_keeps_its_old_path() -> None:
    assert load_hook("kube_janitor.example_hooks.random_dice") is random_dice


def test_a_hook_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_hooks.py").write_text("def context(resource, cache):\n    return {'a': 1}\nnumber = 5\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert load_hook("my_hooks.context")(None, {}) == {"a": 1}
    with pytest.raises(UsageError, match="is no function"):
        load_hook("my_hooks.number")
    sys.modules.pop("my_hooks")


@pytest.mark.parametrize("path", ["nothing.at.all", "os.nothing", "context", ""])
def test_a_hook_that_cannot_be_found(path: str) -> None:
    with pytest.raises(UsageError, match="accepted: a dotted path"):
        load_hook(path)
