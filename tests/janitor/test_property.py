"""Random clusters, rules, API failures and interference; what must hold whatever happens.

The oracle below knows the rules of the game in its own words and shares no code with the janitor: an object may only be deleted
by a
request in whose very moment it was due, unprotected, undisputed and the same as the one that was decided about.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from janitor.breaker import Limits
from janitor.config import Backup, Config
from janitor.policy import Policy
from janitor.restore import Status, restore
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import run_once
from shared.cluster import Cluster
from shared.errors import ClusterError
from shared.simcluster import Fault, SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)
KINDS = {"configmaps": ("v1", "ConfigMap"), "secrets": ("v1", "Secret"), "serviceaccounts": ("v1", "ServiceAccount")}
CLAIMS = "persistentvolumeclaims"
RULES = {
    "no-app": ("[configmaps, serviceaccounts]", "!(metadata.labels.app)", "1h"),
    "keep-some": ("['*']", "metadata.labels.keep", "forever"),
    "unused": (f"[{CLAIMS}]", "_context.pvc_is_not_referenced", "1h"),
    "fails": ("[secrets]", "length(type) > `0` && length(immutable) > `0`", "1h"),
}
TTLS = ["30m", "1h", "3h", "forever", "0s", "soon", ""]
INSTANTS = ["2026-03-23T11:00:00Z", "2026-03-23T11:59:59Z", "2026-03-24", "2027-01-01", "never"]


@dataclass(frozen=True)
class Thing:
    """One object to put into the cluster."""

    plural: str
    namespace: str
    annotations: dict[str, str]
    labels: dict[str, str]
    owned: bool
    mounted: bool


@dataclass
class World:
    """A random cluster with its rules, its faults and what other people do during the deletions."""

    things: list[Thing]
    rules: list[str]
    faults: list[Fault]
    interference: list[tuple[int, str]]
    namespace_ttl: str
    notification: bool


annotations = st.fixed_dictionaries(
    {},
    optional={
        "janitor/ttl": st.sampled_from(TTLS),
        "janitor/expires": st.sampled_from(INSTANTS),
        "janitor/extend-until": st.sampled_from(INSTANTS),
        "janitor/protected": st.sampled_from(["true", "false", "yes"]),
    },
)
things = st.builds(
    Thing,
    plural=st.sampled_from([*KINDS, CLAIMS]),
    namespace=st.sampled_from(["shop", "vault", "kube-system", "pr-1"]),
    annotations=annotations,
    labels=st.fixed_dictionaries({}, optional={"app": st.just("web"), "keep": st.just("yes")}),
    owned=st.sampled_from([False, False, False, True]),
    mounted=st.booleans(),
)
faults = st.builds(
    Fault,
    verb=st.sampled_from(["get", "list", "delete", "patch", "create"]),
    resource=st.sampled_from([None, "pods", "configmaps", "namespaces", CLAIMS, "deployments"]),
    status=st.sampled_from([403, 409, 410, 429, 500, 503]),
    every=st.sampled_from([None, 2, 3]),
)
drops = st.builds(
    Fault,
    verb=st.sampled_from(["get", "list", "delete"]),
    drop=st.sampled_from(["before", "mid"]),
    every=st.sampled_from([2, 3, 5]),
)
worlds = st.builds(
    World,
    things=st.lists(things, min_size=1, max_size=12),
    rules=st.permutations(list(RULES)).flatmap(lambda order: st.integers(0, len(order)).map(lambda size: order[:size])),
    faults=st.lists(st.one_of(faults, drops), max_size=3),
    interference=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["extend", "recreate", "protect", "guard"])), max_size=4),
    namespace_ttl=st.sampled_from(["", "", "1h", "3h"]),
    notification=st.booleans(),
)


def manifest(thing: Thing, name: str) -> dict[str, Any]:
    version, kind = KINDS.get(thing.plural, ("v1", "PersistentVolumeClaim"))
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": thing.namespace,
        "annotations": thing.annotations,
        "labels": thing.labels,
        "finalizers": [],
    }
    body: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": metadata}
    if thing.plural == CLAIMS:
        body["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return body


def mounting_pod(name: str, namespace: str) -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    spec = {"containers": [{"name": "main", "image": "example.org/main:1"}], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{name}", "namespace": namespace}, "spec": spec}


@dataclass
class Watch:
    """Sees every write before it is committed, lets others interfere first, and remembers how a deleted object looked just
    then.
    """

    sim: SimCluster
    world: World
    names: list[str]
    left: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def __call__(self, verb: str, resource: str, namespace: str, name: str) -> None:
        if verb != "delete":
            return
        try:
            # The Namespace as it was a moment before: no precondition of a DELETE can be about another object.
            home = self.sim.get("namespaces", None, namespace)["metadata"].get("annotations") or {} if namespace else {}
            if self.left:
                self.interfere(*self.left.pop())
            obj = self.sim.get(resource, namespace or None, name)
        except ClusterErrorOfSim:
            return
        self.asked.append((resource, obj, home))

    def interfere(self, index: int, how: str) -> None:
        index %= len(self.names)
        thing, name = self.world.things[index], self.names[index]
        try:
            if how == "extend":
                self.annotate(thing.plural, thing.namespace, name, {"janitor/extend-until": "2027-01-01"})
            elif how == "protect":
                self.annotate(thing.plural, thing.namespace, name, {"janitor/protected": "true"})
            elif how == "guard":
                self.annotate("namespaces", None, thing.namespace, {"janitor/protected": "true"})
            else:
                self.sim.delete(thing.plural, thing.namespace, name)
                self.sim.create(manifest(thing, name))
        except ClusterErrorOfSim:
            return

    def annotate(self, plural: str, namespace: str | None, name: str, values: dict[str, str]) -> None:
        self.sim.patch(plural, namespace, name, {"metadata": {"annotations": values}})


# Whatever the embedded cluster's own door raises: the interference came too late.
ClusterErrorOfSim = Exception
# A shrunken world is worth little here and takes minutes: the first one found says enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


def instant(text: str | None) -> datetime | None:
    if not text or text == "never":
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC)


def may_go(world: World, plural: str, obj: dict[str, Any], home: dict[str, str], mounted: set[str], now: datetime) -> bool:
    """The oracle."""
    meta = obj["metadata"]
    marks = meta.get("annotations") or {}
    if meta.get("namespace") == "kube-system" or marks.get("janitor/protected", "false") != "false":
        return False
    if home.get("janitor/protected", "false") != "false" or meta.get("ownerReferences"):
        return False
    extended = marks.get("janitor/extend-until")
    if extended and (instant(extended) is None or instant(extended) >= now):
        return False
    if instant(marks.get("janitor/expires")) is not None and instant(marks.get("janitor/expires")) < now:
        return True
    created = instant(meta["creationTimestamp"])
    assert created is not None
    lengths = {"30m": timedelta(minutes=30), "1h": timedelta(hours=1), "3h": timedelta(hours=3)}
    if marks.get("janitor/ttl"):
        length = lengths.get(marks["janitor/ttl"])
    elif marks.get("janitor/expires") == "never":
        return False
    else:
        length = by_rules(world, plural, obj, mounted)
    return length is not None and created + length < now


def by_rules(world: World, plural: str, obj: dict[str, Any], mounted: set[str]) -> timedelta | None:
    labels = obj["metadata"].get("labels") or {}
    for rule in world.rules:
        if rule == "keep-some" and labels.get("keep"):
            return None
        if rule == "fails" and plural == "secrets":
            return None
        if rule == "no-app" and plural in ("configmaps", "serviceaccounts") and not labels.get("app"):
            return timedelta(hours=1)
        if rule == "unused" and plural == CLAIMS and obj["metadata"]["name"] not in mounted:
            return timedelta(hours=1)
    return None


def build(sim: SimCluster, world: World) -> tuple[list[str], set[str]]:
    """Puts the world into the cluster; returns the names and which claims are mounted."""
    for namespace in ("shop", "vault", "pr-1"):
        marks = {"janitor/protected": "true"} if namespace == "vault" else {}
        marks |= {"janitor/ttl": world.namespace_ttl} if namespace == "pr-1" and world.namespace_ttl else {}
        sim.namespace(namespace, annotations=marks)
    owner = sim.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": "shop", "labels": {"app": "x"}}}
    )
    names, mounted = [], set()
    for index, thing in enumerate(world.things):
        name = f"thing-{index}"
        body = manifest(thing, name)
        if thing.owned and thing.namespace == "shop":
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "owner",
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
            body["metadata"]["ownerReferences"] = [reference]
        sim.create(body)
        if thing.plural == CLAIMS and thing.mounted:
            sim.create(mounting_pod(name, thing.namespace))
            mounted.add(name)
        names.append(name)
    return names, mounted


def config_of(world: World, folder: Path) -> Config:
    lines = ["rules:"] + [
        f"- {{id: {name}, resources: {RULES[name][0]}, jmespath: {RULES[name][1]!r}, ttl: {RULES[name][2]}}}"
        for name in world.rules
    ]
    rules = folder / "rules.yaml"
    rules.write_text("\n".join(lines) if world.rules else "rules: []")
    return Config(
        policy=Policy(notification=timedelta(minutes=10) if world.notification else timedelta(0)),
        limits=Limits(0, 0, 0),
        rules_file=str(rules),
        backup=Backup(str(folder / "backup"), key="a key"),
    )


def everything(sim: SimCluster) -> dict[str, dict[str, Any]]:
    """Every thing of the test by uid."""
    found = {}
    for plural in [*KINDS, CLAIMS]:
        for obj in sim.list(plural):
            if obj["metadata"]["name"].startswith("thing-"):
                found[obj["metadata"]["uid"]] = {"plural": plural, **obj}
    return found


@pytest.mark.timeout(600)
@settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(world=worlds)
def test_only_what_is_due_is_deleted_once_and_can_be_restored(world: World) -> None:
    with tempfile.TemporaryDirectory() as name, SimCluster(start=START) as sim:
        folder = Path(name)
        names, mounted = build(sim, world)
        before = everything(sim)
        sim.advance(timedelta(hours=2))
        watch = Watch(sim, world, names, list(world.interference))
        sim.on_write(watch)
        config, state = config_of(world, folder), State()
        with Cluster.connect(sim.connection(max_retries_on_throttling=1, timeout=5), clock=sim.clock) as cluster:
            tools = open_tools(cluster, config, clock=sim.clock)
            for fault in world.faults:
                sim.faults.add(fault)
            for _ in range(2):
                try:
                    run_once(cluster, config, sim.clock.now(), state, tools)
                except ClusterError:
                    continue
            check_deletions(sim, world, watch, mounted)
            sim.faults.clear()
            watch.left.clear()
            for _ in range(3):
                result = run_once(cluster, config, sim.clock.now(), state, tools).result
                sim.advance(timedelta(minutes=11))
            assert not [failure for failure in result.failures if "cannot be evaluated" not in failure]
            check_deletions(sim, world, watch, mounted)
            check_nothing_due_is_left(sim, world, mounted)
            check_restore(sim, cluster, tools, before)


def check_deletions(sim: SimCluster, world: World, watch: Watch, mounted: set[str]) -> None:
    alive = everything(sim)
    deleted: dict[str, str] = {}
    for plural, obj, home in watch.asked:
        uid = obj["metadata"]["uid"]
        if plural == "namespaces":
            assert obj["metadata"]["name"] == "pr-1"
            assert world.namespace_ttl == "1h" or uid not in {one["metadata"]["uid"] for one in sim.list("namespaces")}
            continue
        if uid in alive:
            continue
        deleted[uid] = plural
        now = sim.clock.now()
        assert may_go(world, plural, obj, home, mounted, now), f"{plural} {obj['metadata']} was deleted"


def check_nothing_due_is_left(sim: SimCluster, world: World, mounted: set[str]) -> None:
    # Whoever became due in the last minutes was warned, and has the time of the warning left.
    now = sim.clock.now() - timedelta(minutes=45)
    homes = {one["metadata"]["name"]: one["metadata"].get("annotations") or {} for one in sim.list("namespaces")}
    for obj in everything(sim).values():
        home = homes[obj["metadata"]["namespace"]]
        assert not may_go(world, obj["plural"], obj, home, mounted, now), (
            f"{obj['plural']} {obj['metadata']} is due and still there"
        )


def check_restore(sim: SimCluster, cluster: Cluster, tools: Any, before: dict[str, dict[str, Any]]) -> None:
    alive = everything(sim)
    entries = [tools.vault.sink.load(identity) for identity in tools.vault.sink.ids()]
    kept = {one.uid for entry in entries for one in entry.objects}
    recreated = {obj["metadata"]["name"] for obj in alive.values()}
    for uid, obj in before.items():
        # What the interference deleted itself is nobody's backup; a namesake of it lives on or had its own turn.
        if uid not in alive and obj["metadata"]["name"] not in recreated and uid not in kept:
            assert any(one.name == obj["metadata"]["name"] for entry in entries for one in entry.objects), obj["metadata"]
    results = restore(cluster, tools.vault, entries, sim.clock.now())
    assert all(result.status in (Status.RESTORED, Status.EXISTS) for result in results), [str(result) for result in results]
    now_alive = {(obj["plural"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in everything(sim).values()}
    for uid, obj in before.items():
        if uid in kept:
            assert (obj["plural"], obj["metadata"]["namespace"], obj["metadata"]["name"]) in now_alive
