"""What `kube-thrift explain --status-url` adds: a process's status over real HTTP, and one line where nothing good answers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from downscaler.config import read_config
from downscaler.main import report_of, run_once
from downscaler.memory import Memory
from downscaler.statuspage import pages_of
from kube_thrift import running
from kube_thrift.main import main
from shared.cluster import Cluster
from shared.health import Health
from shared.metrics import Metrics, start_metrics_server
from shared.simcluster import SimCluster

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
POD = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}


class Process:
    """A running downscaler on an embedded cluster: it takes a turn when told, and answers on a port."""

    def __init__(self, sim: SimCluster, *argv: str) -> None:
        config = read_config(["--metrics-port=1", *argv], {})
        self.sim = sim
        self.config = replace(config, connection=replace(sim.connection(None), dry_run=config.connection.dry_run))
        metrics = Metrics("kube-downscaler", "test", sim.clock)
        self.cluster = Cluster.connect(self.config.connection, clock=sim.clock)
        self.report = report_of(self.config, metrics, sim.clock.now(), None)
        self.memory = Memory()
        pages = pages_of(self.report.board)
        self.server = start_metrics_server(0, metrics, Health(30), sim.clock, address="127.0.0.1", pages=pages)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def turn(self) -> None:
        run_once(self.cluster, self.config, self.sim.clock.now(), self.report, self.memory)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOON) as made:
        made.namespace("shop")
        for name, depends in (("database", ""), ("api", "deployment/database")):
            own = {"downscaler/original-replicas": "1", "downscaler/depends-on": depends}
            meta = {"name": name, "namespace": "shop", "annotations": {key: value for key, value in own.items() if value}}
            spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": POD}
            made.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
        yield made


@pytest.fixture
def start(sim: SimCluster) -> Iterator[Callable[..., Process]]:
    begun: list[Process] = []

    def one(*argv: str) -> Process:
        begun.append(Process(sim, *argv))
        return begun[-1]

    yield one
    for each in begun:
        each.server.close()
        each.cluster.close()


@pytest.fixture
def kubeconfig(sim: SimCluster, tmp_path: Path) -> str:
    return f"--kubeconfig={sim.write_kubeconfig(tmp_path / 'config')}"


def explain(*argv: str) -> int:
    return main(["explain", "downscaler", *argv])


def test_what_an_object_waits_for_is_explained(
    start: Callable[..., Process], kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start()
    process.turn()
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", process.url) == 0
    text = capsys.readouterr().out
    assert "now:     bring up, replicas 0 -> 1" in text
    assert "its turn of 2026-03-23T12:00:00Z succeeded, 1 changed" in text
    since = "waiting since 2026-03-23T12:00:00Z"
    assert f"seen:    down, replicas 0, {since}: waits for deployments shop/database, which is asleep" in text
    assert "note:" not in text

    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", f"{process.url}/status/", "-o", "json") == 0
    found = json.loads(capsys.readouterr().out)["process"]
    assert (found["object"]["cause"], found["turn"]["ok"]) == ("waiting", True)


def test_a_fight_is_explained(
    sim: SimCluster, start: Callable[..., Process], kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start("--default-downtime=always", "--fight-flips=2", "--grace-period=0")
    sim.delete("deployments", "shop", "database")
    for _ in range(4):
        sim.patch("deployments", "shop", "api", {"spec": {"replicas": 3}})
        sim.advance(timedelta(minutes=1))
        process.turn()
    assert explain("deploy", "shop", "api", kubeconfig, f"--status-url={process.url}", "--default-downtime=always") == 0
    assert "seen:    up, replicas 3, fight since 2026-03-23T12:01:00Z: somebody keeps setting" in capsys.readouterr().out


def test_holds_are_explained_and_so_is_a_process_with_other_flags(
    sim: SimCluster, start: Callable[..., Process], kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start("--default-downtime=always", "--dry-run")
    sim.patch("deployments", "shop", "api", {"spec": {"replicas": 3}})
    process.memory.tick(sim.clock.now() - timedelta(hours=9), 0.0)
    process.memory.tick(sim.clock.now(), 1.0)
    sim.advance(timedelta(minutes=20))
    process.turn()
    assert explain("deploy", "shop", "api", kubeconfig, f"--status-url={process.url}") == 0
    lines = capsys.readouterr().out
    assert "dry run, since 2026-03-23T12:00:00Z" in lines
    assert "held:    clock: the clock has jumped" in lines
    assert "note:    it wants the object down (downscaler/downtime (configuration)): its flags differ" in lines


def test_before_the_first_turn_and_of_a_kind_that_is_left_out(
    start: Callable[..., Process], kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start("--include-resources=cronjobs")
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", process.url) == 0
    assert "no turn has ended yet" in capsys.readouterr().out
    process.turn()
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", process.url) == 0
    text = capsys.readouterr().out
    assert "seen:    not known, replicas 0, orphaned: deployments is not in --include-resources" in text
    assert "note:" not in text
    process.turn()
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", process.url) == 0
    assert "seen:    not in that turn: its kind is not included there" in capsys.readouterr().out


def answering(status: int, body: bytes) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "this is not the status of a downscaler: "),
        (200, b'{"controller": 3}', "this is not the status of a downscaler: "),
        (
            404,
            b"/metrics, /healthz and /readyz are here\n\x1b[2J",
            "status 404: /metrics, /healthz and /readyz are here\\n\\x1b[2J",
        ),
        (302, b"", "status 302: "),
        (200, b" " * (running._LARGEST + 1), f"no answer: more than {running._LARGEST} bytes"),
    ],
)
def test_something_else_answers(status: int, body: bytes, said: str, kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    server = answering(status, body)
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert explain("deploy", "shop", "api", kubeconfig, "--status-url", url) == 1
    finally:
        server.shutdown()
        server.server_close()
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_nothing_answers(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", url) == 1
    assert f"--status-url {url}/status: no answer: connection refused" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["7979", "ftp://x", "http://", "http://[", "file:///etc/passwd"])
def test_addresses_that_are_none(url: str, kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("deploy", "shop", "api", kubeconfig, "--status-url", url) == 2
    assert "accepted: a URL such as http://127.0.0.1:7979" in capsys.readouterr().err
