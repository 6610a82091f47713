"""Helm itself installs, upgrades, rolls back and uninstalls the chart on the embedded cluster, by the SDK behind `helm`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from helm_python import Config, HelmReleaseError

from shared.errors import NotFound
from shared.simcluster import SimCluster
from tests.charts.plays import deployment
from tests.charts.podrun import Pod
from tests.charts.rendering import CHART, NAMESPACE, render

RELEASE = "thrift"
CONTROLLER = "thrift-kube-thrift-downscaler"
JOB = "thrift-kube-thrift-downscaler-restore"
SECONDS = 60
KINDS = (
    "deployments",
    "jobs",
    "services",
    "serviceaccounts",
    "configmaps",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=datetime(2026, 3, 23, 12, tzinfo=UTC)) as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def helm(sim: SimCluster, tmp_path: Path) -> Iterator[Config]:
    with Config(kubeconfig_path=sim.write_kubeconfig(tmp_path / "kubeconfig"), namespace=NAMESPACE) as config:
        yield config


def install(helm: Config, values: dict[str, Any]) -> str:
    """Installs the chart; returns its notes."""
    made = helm.install(CHART, RELEASE, values, namespace=NAMESPACE, create_namespace=True, timeout=SECONDS)
    return str(made["notes"])


def ours(sim: SimCluster) -> set[tuple[str, str]]:
    """Plural and name of everything in the cluster that belongs to the release."""
    every = ((plural, each["metadata"]) for plural in KINDS for each in sim.list(plural))
    return {(plural, meta["name"]) for plural, meta in every if meta["name"].startswith(RELEASE)}


def arguments(sim: SimCluster) -> list[str]:
    """Command line of the downscaler's container."""
    (container,) = sim.get("deployments", NAMESPACE, CONTROLLER)["spec"]["template"]["spec"]["containers"]
    return list(container["args"])


def verbs(sim: SimCluster) -> set[str]:
    rules = sim.get("clusterroles", None, CONTROLLER)["rules"]
    return {verb for rule in rules if "deployments" in rule["resources"] for verb in rule["verbs"]}


def refused(sim: SimCluster) -> list[tuple[str, str, int]]:
    """What the server refused of Helm's requests; that something is not there yet is no refusal."""
    return [(each.verb, each.path, each.status) for each in sim.requests if each.status >= 400 and each.status != 404]


def until(true: Callable[[], bool]) -> None:
    for _ in range(SECONDS * 20):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def is_there(sim: SimCluster, kind: str, name: str) -> bool:
    try:
        sim.get(kind, NAMESPACE, name)
    except NotFound:
        return False
    return True


def test_a_release_lives_and_leaves_nothing(sim: SimCluster, helm: Config) -> None:
    notes = install(helm, {"admissionPolicy": {"enabled": True}})

    assert "DRY RUN" in notes
    assert "--dry-run" in arguments(sim)
    assert verbs(sim) == {"list"}
    installed = ours(sim)
    assert {plural for plural, _ in installed} >= {
        "deployments",
        "clusterroles",
        "roles",
        "validatingadmissionpolicies",
        "services",
    }

    helm.upgrade(CHART, RELEASE, {"downscaler": {"dryRun": False}}, namespace=NAMESPACE, reuse_values=True, timeout=SECONDS)
    assert "--dry-run" not in arguments(sim)
    assert verbs(sim) == {"get", "list", "patch"}

    helm.rollback(RELEASE)
    assert "--dry-run" in arguments(sim)
    assert verbs(sim) == {"list"}
    assert ours(sim) == installed

    helm.uninstall(RELEASE, timeout=SECONDS)
    assert ours(sim) == set()
    assert refused(sim) == []


def test_a_misspelt_value_reaches_no_cluster(sim: SimCluster, helm: Config) -> None:
    with pytest.raises(HelmReleaseError, match="dryrun"):
        install(helm, {"downscaler": {"dryrun": False}})

    assert ours(sim) == set()


def test_uninstall_waits_until_everything_is_back(sim: SimCluster, helm: Config, tmp_path: Path) -> None:
    values = {"downscaler": {"dryRun": False, "restoreOnUninstall": True}}
    install(helm, values)
    sim.create(deployment("web", replicas=0, annotations={"downscaler/original-replicas": "3"}))

    leaving = threading.Thread(target=helm.uninstall, args=(RELEASE,), kwargs={"timeout": SECONDS, "wait": "legacy"})
    leaving.start()
    until(lambda: is_there(sim, "jobs", JOB))
    pod = Pod(sim, render(values, RELEASE), "Job", JOB, tmp_path / "pod")
    log = tmp_path / "log"
    process = pod.start("downscaler-restore", log)
    assert process.wait(SECONDS) == 0, log.read_text()
    assert leaving.is_alive()
    assert is_there(sim, "deployments", CONTROLLER)
    conditions = [{"type": "Complete", "status": "True"}, {"type": "SuccessCriteriaMet", "status": "True"}]
    with sim.client() as client:
        path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{JOB}/status"
        assert client.patch(path, {"status": {"succeeded": 1, "conditions": conditions}}).status == 200
    leaving.join(SECONDS)

    assert not leaving.is_alive()
    assert sim.get("deployments", "shop", "web")["spec"]["replicas"] == 3
    assert ours(sim) == set()
    assert pod.refused() == []
