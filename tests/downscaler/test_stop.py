"""The controller is stopped, and its pods are gone, before anything is restored: on the embedded cluster."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from downscaler.config import read_config
from downscaler.main import main
from downscaler.stop import Controller, parse_controller, stop_controller
from shared.errors import ThriftError, UsageError
from shared.kinds import CRON_JOBS, DEPLOYMENTS

LABELS = {"app.kubernetes.io/component": "downscaler"}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "example.org/thrift:1"}]},
}
JOB = {**TEMPLATE["spec"], "restartPolicy": "Never"}
SPECS: dict[str, dict[str, Any]] = {
    "Deployment": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": TEMPLATE},
    "CronJob": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {**TEMPLATE, "spec": JOB}}}},
}
RUNNER = Controller(DEPLOYMENTS, "shop", "runner")
ASLEEP = {"original_replicas": "3", "downscaled_to": "0"}


def pod(world: Any, name: str, phase: str = "Running", labels: dict[str, str] = LABELS) -> None:
    meta = {"name": name, "namespace": "shop", "labels": labels}
    world.sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": TEMPLATE["spec"], "status": {"phase": phase}})


class Waiting:
    """A clock on which nothing passes but naps; each of them is told to *on_sleep*."""

    def __init__(self, world: Any, on_sleep: Any = lambda: None) -> None:
        self._clock, self._on_sleep, self.slept = world.sim.clock, on_sleep, 0.0

    def now(self) -> Any:
        return self._clock.now() + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._on_sleep()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("deployments/cost/kube-thrift-downscaler", Controller(DEPLOYMENTS, "cost", "kube-thrift-downscaler")),
        (" cronjobs/cost/nights ", Controller(CRON_JOBS, "cost", "nights")),
    ],
)
def test_the_controller_is_read(text: str, expected: Controller | None) -> None:
    assert parse_controller(text) == expected


@pytest.mark.parametrize(
    "text", ["kube-thrift", "deployments/kube-thrift", "pods/cost/x", "deployments//x", "deployments/a/../b"]
)
def test_anything_else_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="^--stop-controller: "):
        read_config(["restore-all", f"--stop-controller={text}"], {})


def test_without_restore_all_it_does_nothing_and_says_so() -> None:
    (notice,) = read_config(["--stop-controller=deployments/a/b"], {}).notices
    assert notice == "--stop-controller deployments/a/b has no effect: only restore-all stops another controller"


@pytest.mark.parametrize(("kind", "resource", "field", "stopped"), [
    ("Deployment", DEPLOYMENTS, "replicas", 0),
    ("CronJob", CRON_JOBS, "suspend", True),
])  # fmt: skip
def test_it_is_stopped_and_its_pods_are_waited_for(world: Any, kind: str, resource: Any, field: str, stopped: object) -> None:
    """Pods that have ended, and pods of others, are not waited for."""
    world.add(kind, "runner", spec=SPECS[kind])
    pod(world, "runner-1")
    pod(world, "runner-0", phase="Succeeded")
    pod(world, "web-1", labels={"app": "web"})
    clock = Waiting(world, lambda: clock.slept == 4 and world.sim.delete("pods", "shop", "runner-1"))

    stop_controller(world.controller().cluster, Controller(resource, "shop", "runner"), clock, 60)

    assert world.sim.get(resource.plural, "shop", "runner")["spec"][field] == stopped
    assert clock.slept == 4


def test_a_pod_that_does_not_end_fails_it(world: Any) -> None:
    world.add("Deployment", "runner", spec=SPECS["Deployment"])
    pod(world, "runner-1")
    with pytest.raises(ThriftError, match="deployments shop/runner: pods runner-1 still run, so that nothing was restored"):
        stop_controller(world.controller().cluster, RUNNER, Waiting(world), 60)


def test_a_signal_ends_the_wait(world: Any) -> None:
    world.add("Deployment", "runner", spec=SPECS["Deployment"])
    pod(world, "runner-1")
    cluster = world.controller().cluster
    clock = Waiting(world, cluster.stop.set)
    with pytest.raises(ThriftError, match="still run"):
        stop_controller(cluster, RUNNER, clock, 60)
    assert clock.slept == 2


def test_one_that_is_not_there_is_stopped(world: Any) -> None:
    stop_controller(world.controller().cluster, RUNNER, Waiting(world), 60)


def test_one_whose_pods_cannot_be_told_is_left_running(world: Any) -> None:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": JOB}}}}
    world.add("CronJob", "runner", spec=spec)
    with pytest.raises(ThriftError, match="no labels by which to wait"):
        stop_controller(world.controller().cluster, Controller(CRON_JOBS, "shop", "runner"), Waiting(world), 60)
    assert not world.sim.get("cronjobs", "shop", "runner")["spec"].get("suspend")


def test_a_dry_run_stops_nothing_and_waits_for_nothing(world: Any) -> None:
    world.add("Deployment", "runner", spec=SPECS["Deployment"])
    pod(world, "runner-1")
    stop_controller(world.controller("--dry-run").cluster, RUNNER, Waiting(world), 60)
    assert world.replicas("runner") == 1


def test_what_was_restored_stays_up(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the rights of a controller for deployments alone: it has put down nothing of the kinds it may not even list."""
    world.add("Deployment", "runner", spec=SPECS["Deployment"])
    world.deployment(replicas=0, **ASLEEP)
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
        {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list"]},
    ]
    world.sim.add_user("narrow", rules=rules)
    kubeconfig = f"--kubeconfig={world.sim.write_kubeconfig(tmp_path / 'config', user='narrow')}"

    assert main([kubeconfig, "restore-all"]) == 1
    assert world.replicas("runner") == 1
    world.deployment("other", replicas=0, **ASLEEP)
    assert main([kubeconfig, "restore-all", "--stop-controller=deployments/shop/runner"]) == 0

    assert (world.replicas("runner"), world.replicas("web"), world.replicas("other")) == (0, 3, 3)
    assert "statefulsets is not in --include-resources and not looked at" in capsys.readouterr().err


def test_nothing_is_restored_while_the_controller_runs(world: Any, tmp_path: Path) -> None:
    """The server refuses to stop it: then what sleeps goes on sleeping, as it would be put down again."""
    world.add("Deployment", "runner", spec=SPECS["Deployment"])
    world.deployment(replicas=0, **ASLEEP)
    world.sim.add_user("reader", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}])
    kubeconfig = f"--kubeconfig={world.sim.write_kubeconfig(tmp_path / 'config', user='reader')}"
    assert main([kubeconfig, "restore-all", "--stop-controller=deployments/shop/runner"]) == 1
    assert (world.replicas("runner"), world.replicas()) == (1, 0)
