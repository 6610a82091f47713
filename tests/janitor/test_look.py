from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from janitor.config import Config, scope_of
from janitor.look import look
from janitor.state import State
from shared.cluster import Cluster
from shared.simcluster import SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("dated", [True, False])
def test_a_look_decides_and_changes_nothing(dated: bool) -> None:
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        sim.namespace("shop", annotations={"janitor/ttl": "7d"})
        view = look(cluster, Config(), START + timedelta(hours=2), State(), dated=dated)

        assert [str(one) for one in view.found.judged] == (["namespaces shop"] if dated else [])
        assert view.failures == []
        assert {request.verb for request in sim.requests} <= {"get", "list"}


def test_excluded_namespaces_are_no_objects_to_decide_about() -> None:
    config = Config(scope=scope_of(("all",), ("namespaces",), ("all",), ()))
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        sim.namespace("shop", annotations={"janitor/ttl": "1h"})
        view = look(cluster, config, START + timedelta(hours=2), State())

        assert view.found.judged == []


def test_an_unknown_name_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    config, state = Config(scope=scope_of(("widgets",), (), ("all",), ())), State()
    with SimCluster(start=START) as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        for _ in range(2):
            look(cluster, config, START, state)

    assert caplog.text.count("the cluster serves no resource 'widgets'") == 1
