"""Three controllers as processes on the embedded cluster, with trouble of every kind, and a real Prometheus that scrapes them.

Prometheus gets the chart's alerts, which wait for a second at most, and the labels that a PodMonitor would give its targets.
There is no `cluster` label, as in a single cluster mostly.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from shared.simcluster import Fault, SimCluster
from tests.ports import free_port
from tests.resource_report.clusters import node, pod

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "charts" / "kube-thrift" / "files" / "alerts.yaml"
_PATIENCE = 150.0
_RULES = """
rules:
- {id: junk, resources: [configmaps], jmespath: "metadata.labels.junk == 'true'", ttl: 1s}
- {id: single, resources: [configmaps], jmespath: "metadata.labels.single == 'true'", ttl: 1s}
"""


@dataclass
class Monitored:
    """The running whole: ask it PromQL with `query`, raw Prometheus paths with `api`."""

    sim: SimCluster
    folder: Path
    prometheus: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def api(self, path: str, **params: str) -> Any:
        """The `data` of an answer. Raises AssertionError with Prometheus' own words."""
        url = f"http://127.0.0.1:{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(params)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{params}: {error.read().decode()}") from None
        assert body["status"] == "success", body
        return body["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.api("query", query=expression)["result"]
        return result

    def scraped(self, controller: str) -> str:
        """What a controller says of itself, read without Prometheus."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[controller]}/metrics", timeout=20) as answer:
            text: str = answer.read().decode()
        return text

    def stop(self, name: str) -> None:
        """Ends a process, which is then not missed."""
        _end(self.processes.pop(name))

    def until(self, what: str, condition: Callable[[], object], each: Callable[[], None] = lambda: None) -> None:
        """Waits for *condition*, doing *each* between two looks at it."""
        end = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}"
            each()
            time.sleep(0.25)


def deployment(namespace: str, name: str, **annotations: str) -> dict[str, Any]:
    container = {"name": "main", "image": "example.invalid/web:1", "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()},
        },
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def config_map(name: str, annotations: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "annotations": annotations or {}, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def populate(sim: SimCluster) -> None:
    """A small fleet in which something is wrong with everything."""
    for name in ("shop", "lab", "annex"):
        sim.namespace(name)
    sim.create(deployment("shop", "office", uptime="Mon-Sun 07:00-19:00 UTC"))
    sim.create(deployment("shop", "batch", downtime="Mon-Sun 07:00-19:00 UTC"))
    sim.create(deployment("shop", "asleep", downtime="always"))
    sim.create(deployment("shop", "fought-over", downtime="always"))
    sim.create(deployment("shop", "broken", uptime="whenever"))
    for number in range(24):
        sim.create(deployment(("lab", "annex")[number % 2], f"mass-{number}"))
    for name in ("junk-1", "junk-2", "junk-3"):
        sim.create(config_map(name, junk="true"))
    sim.create(config_map("single", single="true"))
    sim.create(config_map("dated", {"janitor/ttl": "100d"}))
    sim.create(config_map("expired", {"janitor/ttl": "1s"}))
    sim.create(config_map("unreadable", {"janitor/ttl": "soon"}))
    held = config_map("stuck")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    sim.create(held)
    sim.delete("configmaps", "shop", "stuck")
    sim.create(node("n1"))
    sim.create(node("n2", **{"node.kubernetes.io__instance-type": "odd.large"}))
    for name, team in (("web", "retail"), ("db", "data"), ("cron", "")):
        sim.create(pod("shop", name, labels={"app": name, **({"team": team} if team else {})}))
        sim.set_usage("pods", "shop", name, {"main": {"cpu": 0.1, "memory": 2**28}})
    for status, resource in ((403, "secrets"), (503, "configmaps"), (429, "namespaces")):
        sim.faults.add(Fault(verb="list", resource=resource, status=status, every=3, retry_after=0.01))


def _commands(monitored: Monitored) -> dict[str, list[str]]:
    sim, folder = monitored.sim, monitored.folder
    kubeconfig = str(sim.write_kubeconfig(folder / "kubeconfig"))
    fleet = sim.kubeconfig()
    fleet["clusters"].append({"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}})
    fleet["contexts"].append({"name": "gone", "context": {"cluster": "gone", "user": fleet["users"][0]["name"]}})
    (folder / "fleet").touch(mode=0o600)
    (folder / "fleet").write_text(yaml.safe_dump(fleet))
    (folder / "rules.yaml").write_text(_RULES)
    (folder / "pages").mkdir()
    downscaler = [f"--kubeconfig={kubeconfig}", "--interval=1", "--grace-period=0", "--fight-flips=2", "--max-unscheduled=10%"]
    downscaler += ["--price-core-hour=0.04", "--price-gib-hour=0.005", "--co2-core-hour=0.96"]
    janitor = [
        f"--kubeconfig={kubeconfig}",
        "--interval=1",
        "--include-resources=configmaps,secrets",
        "--breaker-rule-deletions=2",
    ]
    janitor += [f"--rules-file={folder / 'rules.yaml'}"]
    report = [str(folder / "pages"), f"--kubeconfig-path={folder / 'fleet'}", "--update-interval-minutes=0.05"]
    report += ["--aws-prices=off", "--team-metrics=2", "--api-server-timeout=1", "--cluster-timeout=5"]
    return {"downscaler": downscaler, "janitor": janitor, "resource_report": report}


@contextmanager
def _process(command: list[str], made: Monitored, name: str) -> Iterator[None]:
    folder = made.folder
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(folder)}
    with (folder / f"{name}.log").open("wb") as log:
        made.processes[name] = subprocess.Popen(command, cwd=folder, env=bare, stdout=log, stderr=log)
        try:
            yield
            if name in made.processes:
                assert made.processes[name].poll() is None, (folder / f"{name}.log").read_text()
        finally:
            if name in made.processes:
                _end(made.processes[name])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _prometheus(monitored: Monitored, binary: str) -> list[str]:
    folder = monitored.folder
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "kube-thrift", "container": name}}
        for name, port in monitored.ports.items()
    ]
    alerts = yaml.safe_load(ALERTS.read_text())
    for rule in (rule for group in alerts["groups"] for rule in group["rules"] if "for" in rule):
        rule["for"] = "1s"
    (folder / "alerts.yaml").write_text(yaml.safe_dump(alerts))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "alerts.yaml")],
        "scrape_configs": [{"job_name": "kube-thrift", "honor_labels": True, "static_configs": targets}],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    monitored.prometheus = free_port()
    return [
        binary,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{monitored.prometheus}",
        "--log.level=warn",
    ]


@contextmanager
def monitored(folder: Path, binary: str) -> Iterator[Monitored]:
    """Runs until everything has gone wrong that is meant to, and Prometheus knows."""
    with ExitStack() as stack:
        sim = stack.enter_context(SimCluster())
        populate(sim)
        made = Monitored(sim, folder)
        for name, flags in _commands(made).items():
            made.ports[name] = free_port()
            command = [sys.executable, "-m", f"{name}.main", *flags, f"--metrics-port={made.ports[name]}"]
            stack.enter_context(_process(command, made, name))
        stack.enter_context(_process(_prometheus(made, binary), made, "prometheus"))
        made.until("Prometheus to answer", lambda: _answers(made))
        _trouble(made)
        yield made


def _answers(made: Monitored) -> bool:
    try:
        return len(made.query("up == 1")) == 3
    except (OSError, AssertionError):
        return False


def _trouble(made: Monitored) -> None:
    """A fight first; then a mass that no schedule explains, which would hide it; and an interval of rates to look back on."""

    def set_back() -> None:
        made.sim.patch("deployments", "shop", "fought-over", {"spec": {"replicas": 3}})

    made.until("a fight", lambda: made.query("kube_thrift_downscaler_fights > 0"), set_back)
    for namespace in ("lab", "annex"):
        made.sim.patch("namespaces", None, namespace, {"metadata": {"annotations": {"downscaler/downtime": "always"}}})
    for sign in (
        'kube_thrift_downscaler_held{cause="mass"} > 20',
        "kube_janitor_breaker_open > 0",
        "kube_thrift_report_cluster_stale > 0",
        "kube_thrift_report_slack_cost_usd_per_hour",
        'kube_thrift_errors_total{controller="kube-downscaler"}',
        'kube_janitor_deleted_total{rule="single"}',
        'kube_thrift_api_requests_total{code="403"}',
        'kube_thrift_api_requests_total{code="429"}',
        'kube_thrift_api_requests_total{code="503"}',
        "increase(kube_thrift_downscaler_saved_usd_total[30s])",
        "kube_thrift_consecutive_failed_turns >= 3",
        'ALERTS{alertname="KubeDownscalerHeld",alertstate="firing"}',
        'ALERTS{alertname="KubeResourceReportClusterStale",alertstate="firing"}',
    ):
        made.until(sign, lambda sign=sign: made.query(sign))  # type: ignore[misc]
