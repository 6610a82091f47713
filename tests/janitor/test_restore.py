from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from janitor.apply import Vault
from janitor.archive import Cipher, Entry, Kept
from janitor.config import Backup, Config
from janitor.restore import Status, chosen_entries, restore
from janitor.state import State
from janitor.tools import Tools, open_tools
from janitor.turn import run_once
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.simcluster import Fault, SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster


def connect(sim: SimCluster, **more: Any) -> Cluster:
    return Cluster.connect(sim.connection(**more), clock=sim.clock)


def delete_all(sim: SimCluster, folder: Path, key: str = "k") -> tuple[Cluster, Tools]:
    """One turn, two hours later, with backups."""
    config = Config(backup=Backup(str(folder), key=key))
    cluster = connect(sim)
    tools = open_tools(cluster, config, clock=sim.clock)
    sim.advance(timedelta(hours=2))
    turn = run_once(cluster, config, sim.clock.now(), State(), tools)
    assert turn.result.ok, turn.failures
    return cluster, tools


def thing(kind: str, name: str, namespace: str = "shop", ttl: str = "1h", **body: Any) -> dict[str, Any]:
    own = {"janitor/ttl": ttl} if ttl else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace, "annotations": own}, **body}


def test_a_deleted_object_comes_back_and_lives_for_a_day(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(thing("ConfigMap", "web", data={"a": "b"}))
    cluster, tools = delete_all(sim, tmp_path)
    assert tools.vault.sink is not None

    results = restore(cluster, tools.vault, chosen_entries(tools.vault, next(tools.vault.sink.ids())), sim.clock.now())

    back = sim.get("configmaps", "shop", "web")
    assert [str(result) for result in results] == ["configmaps shop/web: restored"]
    assert back["data"] == {"a": "b"}
    assert back["metadata"]["annotations"]["janitor/extend-until"] == "2026-03-24T12:00:00Z"


def test_a_namespace_comes_back_with_everything_in_it(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
    sim.create(thing("ConfigMap", "cfg", "pr-1", ttl="", data={"a": "b"}))
    sim.create(thing("Secret", "key", "pr-1", ttl="", data={"a": "Yg=="}))
    sim.create(thing("Service", "web", "pr-1", ttl="", spec={"ports": [{"port": 80}], "selector": {"app": "web"}}))
    cluster, tools = delete_all(sim, tmp_path)
    assert tools.vault.sink is not None
    assert "pr-1" not in {one["metadata"]["name"] for one in sim.list("namespaces")}

    results = restore(cluster, tools.vault, chosen_entries(tools.vault, next(tools.vault.sink.ids())), sim.clock.now())

    assert {result.status for result in results} == {Status.RESTORED}
    assert sim.get("secrets", "pr-1", "key")["data"] == {"a": "Yg=="}
    assert sim.get("services", "pr-1", "web")["spec"]["ports"][0]["port"] == 80
    assert "janitor/extend-until" in sim.get("namespaces", None, "pr-1")["metadata"]["annotations"]
    assert "annotations" not in sim.get("configmaps", "pr-1", "cfg")["metadata"]


def test_an_object_that_exists_is_left_as_it_is(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(thing("ConfigMap", "web", data={"a": "b"}))
    cluster, tools = delete_all(sim, tmp_path)
    sim.create(thing("ConfigMap", "web", ttl="", data={"mine": "new"}))

    results = restore(cluster, tools.vault, chosen_entries(tools.vault, "shop/web"), sim.clock.now())

    assert [result.status for result in results] == [Status.EXISTS]
    assert sim.get("configmaps", "shop", "web")["data"] == {"mine": "new"}


def test_where_the_server_refuses_one_object_nothing_of_the_entry_is_created(sim: SimCluster, tmp_path: Path) -> None:
    sim.namespace("pr-1", annotations={"janitor/ttl": "1h"})
    sim.create(thing("ConfigMap", "cfg", "pr-1", ttl=""))
    cluster, tools = delete_all(sim, tmp_path)
    sim.faults.add(Fault(verb="create", resource="configmaps", status=422))

    results = restore(cluster, tools.vault, chosen_entries(tools.vault, "namespaces//pr-1"), sim.clock.now())

    assert Status.FAILED in {result.status for result in results}
    assert "pr-1" not in {one["metadata"]["name"] for one in sim.list("namespaces")}


def test_a_dry_run_only_says_what_would_be_restored(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(thing("ConfigMap", "web"))
    _, tools = delete_all(sim, tmp_path)

    results = restore(connect(sim, dry_run=True), tools.vault, chosen_entries(tools.vault, "*/web"), sim.clock.now())

    assert [result.status for result in results] == [Status.WOULD_RESTORE]
    assert "web" not in {one["metadata"]["name"] for one in sim.list("configmaps", "shop")}


def test_without_the_key_a_secret_stays_closed(sim: SimCluster, tmp_path: Path) -> None:
    sim.create(thing("Secret", "key", data={"a": "Yg=="}))
    cluster, tools = delete_all(sim, tmp_path)

    for cipher in (None, Cipher("another")):
        results = restore(cluster, replace(tools.vault, cipher=cipher), chosen_entries(tools.vault, "*/key"), sim.clock.now())
        assert [result.status for result in results] == [Status.FAILED]


@pytest.mark.parametrize("alive", [True, False])
def test_owners_come_back_only_while_they_live(sim: SimCluster, tmp_path: Path, alive: bool) -> None:
    parent = sim.create(thing("ConfigMap", "parent", ttl=""))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": parent["metadata"]["uid"]}
    child = thing("ConfigMap", "child")
    child["metadata"]["ownerReferences"] = [owner]
    sim.create(child)
    cluster, tools = delete_all(sim, tmp_path)
    if not alive:
        sim.delete("configmaps", "shop", "parent")

    restore(cluster, tools.vault, chosen_entries(tools.vault, "configmaps/shop/child"), sim.clock.now())

    assert bool(sim.get("configmaps", "shop", "child")["metadata"].get("ownerReferences")) is alive


@pytest.mark.parametrize("fault", [None, Fault(verb="get", status=403), Fault(verb="get", resource="configmaps", status=403)])
def test_an_owner_that_cannot_be_looked_up_counts_as_gone(sim: SimCluster, fault: Fault | None) -> None:
    version, kind = ("example.org/v1", "Nothing") if fault is None else ("v1", "ConfigMap")
    owners = [{"apiVersion": version, "kind": kind, "name": "a", "uid": "u"}]
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "shop", "ownerReferences": owners},
    }
    kept = Kept(version="v1", plural="configmaps", kind="ConfigMap", namespace="shop", name="a", manifest=manifest)
    if fault is not None:
        sim.faults.add(fault)

    results = restore(connect(sim, max_retries_on_throttling=0), Vault(), [Entry(id="x", objects=[kept])], sim.clock.now())

    assert [result.status for result in results] == [Status.RESTORED]
    assert "ownerReferences" not in sim.get("configmaps", "shop", "a")["metadata"]


def test_a_selector_chooses_the_newest_backup_of_each_object(sim: SimCluster, tmp_path: Path) -> None:
    for value in ("first", "second"):
        sim.create(thing("ConfigMap", "web", data={"a": value}))
        _, tools = delete_all(sim, tmp_path)

    entries = chosen_entries(tools.vault, "configmaps/shop/w*")

    assert [entry.objects[0].manifest["data"] for entry in entries if entry.objects[0].manifest] == [{"a": "second"}]


@pytest.mark.parametrize("what", ["nothing", "shop/other", "secrets/shop/web"])
def test_what_no_backup_answers_to(sim: SimCluster, tmp_path: Path, what: str) -> None:
    sim.create(thing("ConfigMap", "web"))
    _, tools = delete_all(sim, tmp_path)

    with pytest.raises(UsageError, match="backup"):
        chosen_entries(tools.vault, what)


def test_without_a_sink_there_is_nothing_to_restore() -> None:
    with pytest.raises(UsageError, match="restore needs --backup"):
        chosen_entries(Vault(), "x")
