"""One controller's process, wired, against the embedded cluster."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from shared.clock import Clock
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.flags import FlagParser, Flags, add_common_flags, connection_from
from shared.kinds import NAMESPACES, PODS
from shared.loop import TurnResult
from shared.objects import Object
from shared.process import Process, Running
from shared.simcluster import SimCluster
from tests.ports import free_port


def start(given: Flags, clock: Clock | None = None) -> tuple[Process, Cluster]:
    process = Process(Running.from_flags(given), component="kube-janitor", clock=clock)
    return process, process.connect(connection_from(given, component="kube-janitor"))


def flags(sim: SimCluster, *argv: str) -> Flags:
    parser = FlagParser("kube-janitor", "cleans up")
    add_common_flags(parser, component="kube-janitor")
    path = sim.write_kubeconfig(sim.folder / "config")
    return parser.read(["--kubeconfig", str(path), "--once", *argv], {})


def test_a_turn_runs_with_everything_in_place(sim: SimCluster) -> None:
    port = free_port()
    process, cluster = start(flags(sim, "--metrics-port", str(port)))
    with cluster:

        def turn() -> TurnResult:
            count = len(list(cluster.list(NAMESPACES, Object)))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                assert b'verb="list"' in answer.read()
            return TurnResult(changed=count, summary=f"{count} namespaces")

        assert process.run(turn, cluster) == 0
    assert process.health.ready()
    labels = {"controller": "kube-janitor"}
    value = process.metrics.registry.get_sample_value
    assert value("kube_thrift_last_success_timestamp_seconds", labels)
    assert (value("kube_thrift_turn_interval_seconds", labels), value("kube_thrift_dry_run", labels)) == (30, 0)


def test_a_dry_run_says_so(sim: SimCluster) -> None:
    process, cluster = start(flags(sim, "--dry-run", "--interval", "5m"))
    with cluster:
        value = process.metrics.registry.get_sample_value
        assert value("kube_thrift_dry_run", {"controller": "kube-janitor"}) == 1
        assert value("kube_thrift_turn_interval_seconds", {"controller": "kube-janitor"}) == 300


def test_a_turn_that_takes_too_long_fails(sim: SimCluster) -> None:
    process, cluster = start(flags(sim, "--turn-timeout", "0.001"), sim.clock)
    with cluster:

        def turn() -> TurnResult:
            process.clock.sleep(1)
            list(cluster.list(PODS, Object))
            return TurnResult()

        assert process.run(turn, cluster) == 1


def test_a_server_that_is_not_there_fails_the_turn_with_one_line(sim: SimCluster, capsys: pytest.CaptureFixture[str]) -> None:
    parser = FlagParser("x", "x")
    add_common_flags(parser, component="x")
    process, cluster = start(parser.read(["--server", "https://127.0.0.1:1", "--once"], {}))
    with cluster:
        assert process.run(lambda: TurnResult(changed=len(list(cluster.list(PODS, Object)))), cluster) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("ERROR: cannot reach https://127.0.0.1:1: connection refused")


def test_a_port_that_is_taken_is_a_usage_error(sim: SimCluster) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        process, cluster = start(flags(sim, "--metrics-port", str(other.getsockname()[1])))
        with cluster, pytest.raises(UsageError):
            process.run(TurnResult, cluster)
