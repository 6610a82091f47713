"""The pods of the chart, run for real: command, arguments, environment and ConfigMaps of the manifest, on the embedded cluster.

What differs from a cluster is said in `Pod`: the way to the API server, the port of the metrics, and where the folders are.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from shared.clock import SystemClock
from shared.simcluster import SimCluster
from tests.aws import CREDENTIALS, moto_server
from tests.charts.rendering import NAMESPACE, Manifest, Rendered, own_argument, render

ASLEEP = {"downscaler/original-replicas": "3", "downscaler/downscaled-to": "0"}
MODULES = {"kube-downscaler": "downscaler.main", "kube-janitor": "janitor.main", "kube-resource-report": "resource_report.main"}
# A turn on a busy machine takes seconds; nothing here is a matter of how many.
PATIENCE = 150


@dataclass
class Pod:
    """A container of the chart as a process of this machine."""

    command: list[str]
    environment: dict[str, str]
    root: Path
    port: int

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """The process of a daemon, ready; it has to end well when it is told to."""
        process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            self._wait(process)
            yield process
        finally:
            process.terminate()
            _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, log

    def ask(self, path: str) -> int:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE).status_code
        except requests.ConnectionError:
            return 0

    def _wait(self, process: subprocess.Popen[str]) -> None:
        clock = SystemClock()
        while self.ask("/readyz") != 200:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            clock.sleep(0.1)


def pod_of(found: Rendered, kind: str, sim: SimCluster, root: Path, **environment: str) -> Pod:
    """The pod of the one workload of *kind* in *found*."""
    ((where, template, container),) = [each for each in found.commands() if each[0].startswith(f"{kind} ")]
    arguments = [own_argument(argument) for argument in container["args"]]
    port = free_port()
    for mount in container["volumeMounts"]:
        place = root / mount["mountPath"].lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        for name, text in config_map(found, template, mount["name"]).items():
            (place / name).write_text(text)
        arguments = [argument.replace(mount["mountPath"], str(place)) for argument in arguments]
    arguments = [f"--metrics-port={port}" if argument.startswith("--metrics-port=") else argument for argument in arguments]
    arguments.append(f"--kubeconfig={sim.write_kubeconfig(root / 'kubeconfig')}")
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    given = {each["name"]: value_of(each, where) for each in container["env"]} | {"HOME": str(root / "tmp")}
    command = [sys.executable, "-m", MODULES[container["command"][0]], *arguments]
    return Pod(command, bare | given | environment, root, port)


def config_map(found: Rendered, template: Manifest, volume: str) -> Mapping[str, str]:
    (source,) = [each for each in template["spec"]["volumes"] if each["name"] == volume]
    data: Mapping[str, str] = found.one("ConfigMap", source["configMap"]["name"])["data"] if "configMap" in source else {}
    return data


def value_of(variable: Manifest, where: str) -> str:
    if "value" in variable:
        return str(variable["value"])
    fields = {"metadata.name": f"{where.split()[1]}-0", "metadata.namespace": NAMESPACE}
    return fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    """On a clock of its own, so that what is made there is old for a process of today."""
    with SimCluster(start=datetime(2026, 3, 23, 12, tzinfo=UTC)) as made:
        for name in (NAMESPACE, "shop"):
            made.namespace(name)
        yield made


def deployment(sim: SimCluster, name: str, replicas: int, namespace: str = "shop", **annotations: str) -> None:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}
    keys = {key.replace("__", "/"): value for key, value in annotations.items()}
    meta = {"name": name, "namespace": namespace, "annotations": keys}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    sim.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})


def replicas(sim: SimCluster, name: str, namespace: str = "shop") -> int:
    return int(sim.get("deployments", namespace, name)["spec"]["replicas"])


def only(component: str, **values: Any) -> Rendered:
    """The chart with one controller, switched on."""
    others = {each: {"enabled": False} for each in ("downscaler", "janitor", "report") if each != component}
    return render({**others, component: values})


@pytest.mark.parametrize(("dry_run", "expected"), [(True, 3), (False, 0)])
def test_the_downscaler_as_a_deployment(sim: SimCluster, tmp_path: Path, dry_run: bool, expected: int) -> None:
    deployment(sim, "web", 3, downscaler__downtime="holidays(always)")
    calendar = "".join(f"{year}-{month:02}-{day:02}\n" for year in (2026, 2027) for month in range(1, 13) for day in range(1, 29))
    values = {"dryRun": dry_run, "calendars": {"always": calendar}, "config": {"default-downtime": "always"}}
    pod = pod_of(only("downscaler", **values), "Deployment", sim, tmp_path)
    with pod.running():
        assert [pod.ask(path) for path in ("/healthz", "/metrics")] == [200, 200]
        assert replicas(sim, "web") == expected


def test_the_downscaler_as_a_cronjob(sim: SimCluster, tmp_path: Path) -> None:
    deployment(sim, "web", 3, downscaler__downtime="always")
    found = only("downscaler", mode="cronjob", dryRun=False)
    assert pod_of(found, "CronJob", sim, tmp_path).run().returncode == 0
    assert replicas(sim, "web") == 0


def test_the_job_before_an_uninstall(sim: SimCluster, tmp_path: Path) -> None:
    """Of the very Deployment that the chart makes."""
    found = only("downscaler", restoreOnUninstall=True, dryRun=False, config={"default-downtime": "always"})
    sim.create(found.one("Deployment", "thrift-kube-thrift-downscaler"))
    deployment(sim, "web", 0, **{key.replace("/", "__"): value for key, value in ASLEEP.items()})
    result = pod_of(found, "Job", sim, tmp_path).run()
    assert result.returncode == 0, result.stderr
    assert (replicas(sim, "thrift-kube-thrift-downscaler", NAMESPACE), replicas(sim, "web")) == (0, 3)


@pytest.mark.parametrize(("dry_run", "left"), [(True, ["expired", "kept", "ruled"]), (False, ["kept"])])
@pytest.mark.parametrize("mode", ["daemon", "cronjob"])
def test_the_janitor(sim: SimCluster, tmp_path: Path, mode: str, dry_run: bool, left: list[str]) -> None:
    deployment(sim, "expired", 1, janitor__expires="2020-02-01")
    deployment(sim, "ruled", 1)
    deployment(sim, "kept", 1, janitor__ttl="forever")
    rule = {"id": "named", "resources": ["deployments"], "jmespath": "metadata.name != '$(HOME)'", "ttl": "1d"}
    found = only(
        "janitor", mode=mode, dryRun=dry_run, rules=[rule], includeResources=["deployments.apps"], config={"breaker-percent": 0}
    )
    pod = pod_of(found, "Deployment" if mode == "daemon" else "CronJob", sim, tmp_path)
    if mode == "daemon":
        with pod.running():
            pass
    else:
        assert pod.run().returncode == 0
    assert sorted(each["metadata"]["name"] for each in sim.list("deployments", "shop")) == left


def nodes_and_pods(sim: SimCluster) -> None:
    size = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    sim.create(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"capacity": size, "allocatable": size}}
    )


def test_the_report_as_a_deployment(sim: SimCluster, tmp_path: Path) -> None:
    nodes_and_pods(sim)
    found = only("report", files={"links.yaml": "cluster: []\n"}, config={"links-file": "/etc/kube-thrift/report/links.yaml"})
    pod = pod_of(found, "Deployment", sim, tmp_path)
    with pod.running():
        pages = tmp_path / "var/lib/kube-thrift/pages"
        assert "n1" in (pages / "nodes.html").read_text()
        assert not (pages / "data").exists()


def test_the_report_as_a_cronjob_to_s3(sim: SimCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes_and_pods(sim)
    storage = {"type": "s3", "s3": {"bucket": "pages", "prefix": "prod", "region": "eu-central-1"}}
    found = only("report", mode="cronjob", storage=storage, config={"aws-prices": "off"})
    with moto_server() as url:
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        client = boto3.session.Session().client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="pages")
        result = pod_of(found, "CronJob", sim, tmp_path, AWS_ENDPOINT_URL_S3=url, **CREDENTIALS).run()
        assert result.returncode == 0, result.stderr
        assert b"n1" in client.get_object(Bucket="pages", Key="prod/nodes.html")["Body"].read()
