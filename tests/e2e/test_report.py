"""The kube-resource-report command as users run it: a process against an API server, writing a folder."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.kinds import DEPLOYMENTS

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.e2e.conftest import ClusterAccess

POD = {
    "metadata": {"labels": {"app": "web", "team": "kube-thrift-e2e"}},
    "spec": {"containers": [{"name": "main", "image": "example.invalid/web:1"}], "nodeSelector": {"kube-thrift/e2e": "never"}},
}


@pytest.fixture(scope="module")
def access(cluster_access: ClusterAccess) -> Iterator[ClusterAccess]:
    sim = cluster_access.sim
    if sim is not None:
        size = {"cpu": "4", "memory": "16Gi", "pods": "110"}
        labels = {"node.kubernetes.io/instance-type": "m6i.xlarge", "topology.kubernetes.io/region": "eu-central-1"}
        status = {"capacity": size, "allocatable": size, "conditions": [{"type": "Ready", "status": "True"}]}
        sim.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "e2e-node", "labels": labels}, "status": status})
        container = {"name": "main", "image": "example.invalid/x:1", "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}
        spec = {"nodeName": "e2e-node", "containers": [container]}
        metadata = {"name": "e2e-pod", "namespace": "default", "labels": {"app": "e2e"}}
        sim.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}})
    yield cluster_access
    if sim is not None:
        sim.delete("pods", "default", "e2e-pod")
        sim.delete("nodes", None, "e2e-node")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def run(access: ClusterAccess, out: Path, *flags: str, **more: Any) -> CompletedProcess[str]:
    return access.run("resource_report.main", str(out), "--aws-prices=off", *flags, **more)


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_run_writes_pages_whose_costs_add_up(access: ClusterAccess, out: Path) -> None:
    namespace = access.namespace(email="e2e@example.org")
    access.create(DEPLOYMENTS, namespace, "web", {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": POD})

    done = run(access, out)

    assert done.returncode == 0, done.stderr
    clusters = table(out, "clusters")
    assert clusters
    assert {row["Stale"] for row in clusters} == {"No"}
    assert namespace in {row["Name"] for row in table(out, "namespaces")}
    for name in ("index", "teams", "applications", "nodes", "pods", "reconciliation", "prices", "notifications"):
        assert (out / f"{name}.html").is_file()
    for row in clusters:
        parts = ("Pods Cost [USD]", "Idle Cost [USD]", "Reserved Cost [USD]", "Unattached Cost [USD]", "Overhead Cost [USD]")
        # Each part is rounded on its own here.
        assert sum(float(row[part] or 0) for part in parts) == pytest.approx(float(row["Cost [USD]"]), abs=0.03)
    assert re.search(r"\d+ API calls, \d+ lists, [\d.]+ MiB; read [\d.]+ s", done.stderr)


def test_nothing_is_written_to_the_cluster(access: ClusterAccess, out: Path) -> None:
    if access.sim is None:
        pytest.skip("only the embedded cluster shows what it was asked")
    access.sim.clear_requests()

    assert run(access, out).returncode == 0
    assert {request.verb for request in access.sim.requests} <= {"get", "list"}


def test_a_second_run_touches_only_what_changed(access: ClusterAccess, out: Path) -> None:
    assert run(access, out).returncode == 0

    done = run(access, out)

    assert done.returncode == 0
    unchanged = re.search(r"(\d+) files written, (\d+) unchanged", done.stderr)
    assert unchanged
    assert int(unchanged[2]) > 10


def test_a_server_out_of_reach_keeps_the_last_report_and_fails(access: ClusterAccess, out: Path) -> None:
    assert run(access, out).returncode == 0
    pods = len(table(out, "pods"))

    def unreachable(content: dict[str, Any]) -> None:
        for cluster in content["clusters"]:
            cluster["cluster"]["server"] = "https://127.0.0.1:1"

    path = access.altered("report-unreachable", unreachable)
    done = run(access, out, "--api-server-timeout=1", "--cluster-timeout=3", kubeconfig=path)

    assert done.returncode == 1
    assert "could not be read" in done.stderr
    assert len(table(out, "pods")) == pods
    assert {row["Stale"] for row in table(out, "clusters")} == {"Yes"}


def test_it_repeats_until_it_is_told_to_stop(access: ClusterAccess, out: Path) -> None:
    command = [sys.executable, "-m", "resource_report.main", str(out), "--kubeconfig-path", str(access.kubeconfig)]
    command += ["--aws-prices=off", "--update-interval-minutes=0.05"]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(access.folder)}
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    runs = 0
    for line in process.stderr:
        runs += "API calls" in line
        if runs == 2:
            break
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)

    assert process.returncode == 0, rest
    assert (out / "index.html").is_file()


def test_wrong_credentials_never_reach_the_folder(access: ClusterAccess, out: Path) -> None:
    def bad_token(content: dict[str, Any]) -> None:
        for user in content["users"]:
            user["user"] = {"token": "c2VjcmV0LXRva2Vu"}

    done = run(access, out, kubeconfig=access.altered("report-bad-token", bad_token))

    assert done.returncode == 1
    assert "c2VjcmV0LXRva2Vu" not in done.stderr
    for folder, _, files in os.walk(out):
        for name in files:
            assert b"c2VjcmV0LXRva2Vu" not in Path(folder, name).read_bytes()


def test_usage_errors_are_one_line(access: ClusterAccess, tmp_path: Path) -> None:
    done = run(access, tmp_path / "missing")

    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "not a folder; create it first" in done.stderr
