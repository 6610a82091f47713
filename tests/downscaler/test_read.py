"""Which lists a turn reads, and that one which fails stops nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from downscaler.plan import Forced
from downscaler.read import read_forced, read_namespaces, read_workloads
from downscaler.sizes import KINDS
from shared.errors import ClusterError, ValueProblem
from shared.objects import Object
from shared.simcluster import Fault

if TYPE_CHECKING:
    from tests.downscaler.conftest import World


def pod(name: str, namespace: str, phase: str = "Running", **annotations: str) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": namespace,
        "annotations": {f"downscaler/{key}": value for key, value in annotations.items()},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "a", "image": "b"}]},
        "status": {"phase": phase},
    }


ASKS = {"force-uptime": "true"}


def test_all_namespaces_in_one_list(world: World) -> None:
    controller = world.controller()
    failures: list[ClusterError] = []
    assert "shop" in read_namespaces(controller.cluster, controller.config, failures.append)
    assert failures == []
    assert controller.cluster.list_sequences == 1


def test_named_namespaces_one_by_one(world: World) -> None:
    world.sim.namespace("lab")
    controller = world.controller("--namespace=shop,gone,lab")
    failures: list[ClusterError] = []
    found = read_namespaces(controller.cluster, controller.config, failures.append)
    assert sorted(found) == ["lab", "shop"]
    assert [str(failure).partition(":")[0] for failure in failures] == ["namespaces gone"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], {"lab"}),
        (["--force-uptime-scope=namespace"], {"lab", "web"}),
        (["--namespace=shop"], set()),
        (["--namespace=shop,web", "--force-uptime-scope=namespace"], {"web"}),
    ],
)
def test_pods_that_ask_for_uptime(world: World, argv: list[str], expected: set[str]) -> None:
    for namespace in ("lab", "web"):
        world.sim.namespace(namespace)
        world.sim.create(pod("build", namespace, **ASKS))
    world.sim.create(pod("done", "shop", "Succeeded", **ASKS))
    world.sim.create(pod("failed", "shop", "Failed", **ASKS))
    world.sim.create(pod("other", "shop", **{"force-uptime": "false"}))
    controller = world.controller(*argv)
    assert read_forced(controller.cluster, controller.config, pytest.fail) == Forced(frozenset(expected))


def test_pods_that_cannot_be_read_hold(world: World) -> None:
    world.sim.faults.add(Fault(verb="list", resource="pods", status=403))
    controller = world.controller()
    failures: list[ClusterError] = []
    assert read_forced(controller.cluster, controller.config, failures.append).hold
    assert len(failures) == 1


def test_workloads_of_one_namespace_when_another_fails(world: World) -> None:
    world.sim.namespace("lab")
    world.deployment()
    world.deployment(namespace="lab")
    world.sim.faults.add(Fault(verb="list", resource="deployments", namespace="lab", status=403))
    controller = world.controller("--namespace=lab,shop")
    failures: list[ClusterError] = []
    problems: list[tuple[Object, ValueProblem]] = []
    kind = KINDS["deployments"]
    found = read_workloads(controller.cluster, controller.config, kind, failures.append, lambda *each: problems.append(each))
    assert [workload.key for workload in found] == ["shop/web"]
    assert len(failures) == 1
    assert problems == []
