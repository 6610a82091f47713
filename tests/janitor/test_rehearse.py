from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from janitor.breaker import Limits
from janitor.config import Config
from janitor.rehearse import rehearse
from janitor.state import State
from shared.cluster import Cluster
from shared.simcluster import Fault, SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)


def test_a_plan_is_what_a_turn_would_do(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules: [{id: all, resources: [cm], jmespath: \"starts_with(metadata.name, 'web')\", ttl: 1h}]"
    )
    config = Config(rules_file=str(tmp_path / "rules.yaml"), limits=Limits(per_rule=2))
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(dry_run=True), clock=sim.clock) as cluster:
        sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
        sim.namespace("pr-2", annotations={"janitor/ttl": "1h"})
        sim.namespace("later", annotations={"janitor/ttl": "1d"})
        meta = {"name": "keep", "namespace": "pr-2", "annotations": {"janitor/protected": "true"}}
        sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        for number in range(3):
            meta = {"name": f"web-{number}", "namespace": "later"}
            sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        sim.advance(timedelta(hours=2))

        plan, failures = rehearse(cluster, config, sim.clock.now(), State(), horizon=timedelta(days=2))

        assert failures == ()
        assert {(row["name"], row["action"]) for row in plan.rows} == {
            ("pr-1", "delete"),
            ("pr-2", "keep"),
            ("later", "keep"),
            ("web-0", "stop"),
            ("web-1", "stop"),
            ("web-2", "stop"),
        }
        assert {request.verb for request in sim.requests} <= {"get", "list"}


def test_what_cannot_be_read_is_named() -> None:
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(dry_run=True), clock=sim.clock) as cluster:
        sim.faults.add(Fault(verb="list", resource="pods", status=403))

        plan, failures = rehearse(cluster, Config(), START, State())

    assert plan.rows == ()
    assert failures[0].startswith("pods: cannot be listed")
