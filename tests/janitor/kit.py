"""A janitor on the embedded cluster, and the objects that the API's conformance cases are played with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from janitor.config import Config
from janitor.policy import Policy
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import Turn, run_once
from shared.cluster import Cluster
from shared.simcluster import SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEFAULTS = Config()
RULE = """rules:
- id: no-app
  resources: [configmaps]
  jmespath: "!(metadata.labels.app) && metadata.name != 'kube-root-ca.crt'"
  ttl: 1h
"""


class Janitor:
    """A janitor on the embedded cluster: turns that share a state, as a process has it."""

    def __init__(self, sim: SimCluster, config: Config = DEFAULTS, *, user: str | None = None, **connection: Any) -> None:
        self.sim = sim
        self.config = config
        self.cluster = Cluster.connect(sim.connection(user, field_manager="kube-janitor", **connection), clock=sim.clock)
        self.state = State()
        self.tools = open_tools(self.cluster, config, clock=sim.clock)

    def turn(self, after: timedelta = timedelta(0)) -> Turn:
        self.sim.advance(after)
        return run_once(self.cluster, self.config, self.sim.clock.now(), self.state, self.tools)


def config_map(name: str, annotations: dict[str, str] | None = None, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "annotations": annotations or {}, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def claim(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def pod(name: str, claim_name: str = "") -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}] if claim_name else []
    spec = {"containers": [{"name": "main", "image": "example.org/main:1"}], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def names(sim: SimCluster, plural: str = "configmaps", namespace: str | None = "shop") -> set[str]:
    return {one["metadata"]["name"] for one in sim.list(plural, namespace)} - {"kube-root-ca.crt", "default"}


def reasons(sim: SimCluster, namespace: str = "shop") -> list[str]:
    return sorted(event["reason"] for event in sim.list("events", namespace))


def deletes(sim: SimCluster) -> list[str]:
    return [request.name for request in sim.requests if request.verb == "delete"]


def with_rules(tmp_path: Path, text: str = RULE, **changes: Any) -> Config:
    (tmp_path / "rules.yaml").write_text(text)
    return replace(Config(rules_file=str(tmp_path / "rules.yaml")), **changes)


def interfere(sim: SimCluster, action: Any) -> None:
    """Runs *action* once, at the first single-object read that a deletion starts with."""
    done: list[int] = []

    def callback(verb: str, resource: str, namespace: str, name: str) -> None:
        if verb == "delete" and not done:
            done.append(1)
            action()

    sim.on_write(callback)


def release_part(name: str, **labels: str) -> dict[str, Any]:
    own = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}
    return config_map(name, own, labels=labels)


def results(turn: Turn) -> list[str]:
    return [outcome.result.value for outcome in turn.outcomes]


NOTIFYING = Config(policy=Policy(notification=HOUR))
