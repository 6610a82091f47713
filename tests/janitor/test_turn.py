from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from janitor.collect import Found
from janitor.config import Config
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import Turn, run_once
from shared.cluster import Cluster
from shared.simcluster import SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)


def test_a_turn_with_nothing_but_a_cluster_and_a_configuration() -> None:
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
        sim.advance(timedelta(hours=2))

        turn = run_once(cluster, Config(), sim.clock.now(), State())

    assert (turn.result.ok, turn.result.changed) == (True, 1)
    assert turn.summary.startswith("Clean up run completed: resources-processed=")
    assert "namespaces-deleted=1" in turn.summary


def test_a_failure_makes_the_turn_one_that_failed() -> None:
    assert not Turn(Found(), failures=("x",)).result.ok
    assert Turn(Found()).result.ok


def test_many_deletions_go_several_at_a_time_and_each_once() -> None:
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        for number in range(120):
            meta = {"name": f"web-{number}", "namespace": "default", "annotations": {"janitor/ttl": "1h"}}
            sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        sim.advance(timedelta(hours=2))

        turn = run_once(cluster, Config(), sim.clock.now(), State())

        deleted = [request.name for request in sim.requests if request.verb == "delete"]
        assert turn.result.changed == 120
        assert len(deleted) == len(set(deleted)) == 120


def test_the_audit_also_holds_what_is_due_and_kept(tmp_path: Path) -> None:
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        own = {"janitor/ttl": "1h", "janitor/protected": "true"}
        sim.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default", "annotations": own}}
        )
        tools = open_tools(cluster, Config(), clock=sim.clock)
        with (tmp_path / "audit").open("w") as tools.audit:
            run_once(cluster, Config(), START + timedelta(hours=2), State(), tools)

    record = json.loads((tmp_path / "audit").read_text())
    assert (record["action"], record["reason"]) == ("keep", "protected")
