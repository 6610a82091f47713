from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.config import Config, scope_of
from janitor.explain import explain, resolve
from janitor.policy import Policy
from janitor.state import State
from shared.cluster import Cluster
from shared.discovery import Discovery
from shared.errors import NotFound, UsageError
from shared.kinds import PODS, Resource
from shared.simcluster import SimCluster

DEFAULTS = Config()
START = datetime(2026, 3, 23, 10, tzinfo=UTC)
NOW = START + timedelta(hours=2)
RULES = """rules:
- {id: unused, resources: [pvc], jmespath: _context.pvc_is_not_mounted, ttl: 1h}
- {id: broken, resources: [pvc], jmespath: "]", ttl: 1h}
"""


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster


def lines(
    sim: SimCluster, kind: str, namespace: str | None, name: str, config: Config = DEFAULTS, rules: str = ""
) -> tuple[str, ...]:
    state = State()
    if rules:
        state.use_rules(rules, "rules.yaml")
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        return explain(cluster, config, kind, namespace, name, NOW, state=state).lines


def config_map(**annotations: str) -> dict[str, Any]:
    own = {f"janitor/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop", "annotations": own}}


def test_what_is_due(sim: SimCluster) -> None:
    sim.create(config_map(ttl="1h"))

    assert lines(sim, "cm", "shop", "web") == (
        "janitor/ttl gives it a TTL of 1h; rules and namespace defaults do not count",
        "configmaps shop/web is deleted in the next turn: TTL 1h of janitor/ttl, counted from 2026-03-23T10:00:00Z, "
        "ends 2026-03-23T11:00:00Z",
    )


def test_what_is_warned_about(sim: SimCluster) -> None:
    sim.create(config_map(expires="2026-03-23T12:30:00Z"))

    assert (
        "warned in the next turn, and configmaps shop/web is deleted after 2026-03-23T13:00:00Z"
        in lines(sim, "ConfigMap", "shop", "web", Config(policy=Policy(notification=timedelta(hours=1))))[-1]
    )


def test_what_is_kept_and_why(sim: SimCluster) -> None:
    sim.create(config_map(ttl="forever", expires="soon", extend_until="2027-01-01"))

    found = lines(sim, "cm", "shop", "web", Config(scope=scope_of(("pods",), (), ("other",), ())))

    assert found[0].startswith("configmaps are out of scope")
    assert found[1].startswith("namespace shop is out of scope")
    assert found[2].startswith("janitor/expires='soon' is not understood")
    assert "it was extended until 2027-01-01T00:00:00Z" in found
    assert found[-1] == "configmaps shop/web is kept: janitor/ttl says forever"


def test_which_rules_and_facts_there_are(sim: SimCluster) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    meta = {"name": "data", "namespace": "shop"}
    sim.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec})

    found = lines(sim, "pvc", "shop", "data", rules=RULES)

    assert "_context.pvc_is_not_mounted is True" in found
    assert "rules about persistentvolumeclaims, in order: unused, broken (broken)" in found
    assert "is deleted in the next turn: TTL 1h of rule unused" in found[-1]


def test_something_without_an_end(sim: SimCluster) -> None:
    assert lines(sim, "ns", None, "shop") == ("namespaces shop is kept: undated",)
    assert (
        lines(sim, "clusterrole", None, "cluster-admin")[-1]
        == "clusterroles.rbac.authorization.k8s.io cluster-admin is kept: undated"
    )


def test_something_that_is_not_there(sim: SimCluster) -> None:
    with pytest.raises(NotFound):
        lines(sim, "cm", "shop", "nothing")


SERVICES = Resource("", "v1", "services", "Service")
KNATIVE = Resource("serving.knative.dev", "v1", "services", "Service")
OTHER = Resource("example.org", "v1", "widgets", "Widget")
ANOTHER = Resource("example.com", "v1", "widgets", "Widget")
KNOWN = Discovery((PODS, SERVICES, KNATIVE, OTHER, ANOTHER))


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("po", PODS),
        ("services", SERVICES),
        ("Service", SERVICES),
        ("services.serving.knative.dev", KNATIVE),
        ("widgets.example.org", OTHER),
    ],
)
def test_kinds(kind: str, resource: Resource) -> None:
    assert resolve(kind, KNOWN) == resource


def test_kinds_that_none_or_several_answer_to() -> None:
    with pytest.raises(UsageError, match="serves no resource 'gadgets'"):
        resolve("gadgets", KNOWN)
    with pytest.raises(UsageError, match="ambiguous: widgets.example.org, widgets.example.com"):
        resolve("widgets", KNOWN)
