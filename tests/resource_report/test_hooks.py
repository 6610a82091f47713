"""The operator's own functions: what they may change, and that their errors stay theirs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from resource_report.frames import node_frame
from resource_report.hooks import HookRunner, ObjectView, load_hook, map_nodes, map_pod
from resource_report.kinds import Pod
from resource_report.node_prices import with_prices
from resource_report.price_types import NodeShape, Price, Ratios
from resource_report.rows import UNKNOWN, NodeRow, PodRow, Snapshot
from shared.errors import UsageError
from shared.objects import Meta


class Book:
    def price(self, shape: NodeShape) -> Price:
        return Price(0.1, 0.1, "test", capacity_type="on-demand")

    def ratios(self, shape: NodeShape) -> Ratios:
        return Ratios(8, 1, 0, "test")


def nodes(hook: Any) -> tuple[Any, HookRunner]:
    rows = [NodeRow(cluster="prod", node=name, cpu_capacity=4, memory_capacity=1e9, instance_type="m5") for name in ("a", "b")]
    snapshot = Snapshot(cluster="prod", name="prod", api_server_url="", nodes=rows)
    runner = HookRunner("--map-node-hook", hook)
    return map_nodes(with_prices(node_frame([snapshot]), Book()), runner, {}).set_index("node"), runner


def test_node_hook_changes_figures() -> None:
    def hook(node: ObjectView, mapped: dict[str, Any]) -> None:
        if node.name == "a":
            mapped["cost"] = 73.05
            mapped["spot"] = True
            mapped["instance_type"] = "metal"
            mapped["role"] = "special"
            mapped["capacity"]["cpu"] = 8
            mapped["usage"]["cpu"] = 1.5

    frame, runner = nodes(hook)

    assert frame.loc["a", "hourly_price"] == pytest.approx(0.1)
    assert (frame.loc["a", "spot"], frame.loc["a", "capacity_type"], frame.loc["a", "instance_type"]) == (True, "spot", "metal")
    assert (frame.loc["a", "cpu_capacity"], frame.loc["a", "cpu_usage"], frame.loc["a", "role"]) == (8, 1.5, "special")
    assert math.isnan(frame.loc["b", "cpu_usage"])
    assert runner.notifications() == []


def test_node_hook_that_sets_the_price_is_its_source() -> None:
    def hook(node: ObjectView, mapped: dict[str, Any]) -> None:
        mapped["cost"] *= 0.5

    frame, _ = nodes(hook)

    assert frame["hourly_price"].tolist() == pytest.approx([0.05, 0.05])
    assert set(frame["price_source"]) == {"map-node-hook"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"cost": "free"}, "ValueError", id="no number"),
        pytest.param({"cost": -1}, "not an amount", id="negative"),
        pytest.param({"capacity": None}, "TypeError", id="nothing"),
    ],
)
def test_what_a_node_hook_leaves_is_checked(change: dict[str, Any], words: str) -> None:
    frame, runner = nodes(lambda node, mapped: mapped.update(change))

    assert frame["hourly_price"].tolist() == [0.1, 0.1]
    assert words in runner.notifications()[0].message
    assert "failed 2 times, first for a" in runner.notifications()[0].message


def test_pod_hook_sees_the_object_and_changes_the_row() -> None:
    def hook(pod: ObjectView, mapped: dict[str, Any]) -> None:
        mapped["application"] = pod.annotations["app"] + pod.obj["metadata"]["name"] + (pod.namespace or "")
        mapped["container_images"].append("more")
        mapped["usage"] = {"cpu": 1, "memory": 2}

    found = Pod(metadata=Meta(name="web", namespace="shop", annotations={"app": "x-"}))
    row = PodRow(cluster="prod", namespace="shop", pod="web", container_images="one", team="old", team_source="pod")
    map_pod(HookRunner("--map-pod-hook", hook), ObjectView(found, "web", "shop"), row)

    assert (row.application, row.container_images) == ("x-webshop", "one, more")
    assert (row.cpu_usage, row.memory_usage, row.team) == (1, 2, "old")


def test_pod_hook_that_leaves_usage_alone_leaves_it_unknown() -> None:
    row = PodRow(cluster="prod", namespace="shop", pod="web", cpu_usage=UNKNOWN)
    map_pod(HookRunner("--map-pod-hook", lambda pod, mapped: None), ObjectView(None, "web", "shop"), row)

    assert math.isnan(row.cpu_usage)


def test_pod_hook_that_breaks_the_dict() -> None:
    runner = HookRunner("--map-pod-hook", lambda pod, mapped: mapped.pop("requests"))
    row = PodRow(cluster="prod", namespace="shop", pod="web", cpu_requests=1)
    map_pod(runner, ObjectView(None, "web", "shop"), row)

    assert row.cpu_requests == 1
    assert "first for shop/web: left KeyError" in runner.notifications()[0].message


@pytest.mark.parametrize("path", ["nowhere", "no.such.module", "json.no_such_function", "json.__name__"])
def test_a_hook_that_is_not_there(path: str) -> None:
    with pytest.raises(UsageError, match="--map-pod-hook"):
        load_hook("--map-pod-hook", path)


def test_a_hook_that_is_there() -> None:
    assert load_hook("--map-pod-hook", "json.dumps") is not None
    assert load_hook("--map-pod-hook", None) is None
