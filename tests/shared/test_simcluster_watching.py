"""Watches: events, selectors, bookmarks, resuming, and the 410 after compaction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.client import Client

CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def config(sim: SimCluster, name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def brief(events: Iterator[dict[str, Any]], count: int) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in islice(events, count)]


def test_a_watch_tells_what_happens_after_its_version(sim: SimCluster, client: Client) -> None:
    config(sim, "before")
    version = client.call("GET", CONFIG_MAPS).json["metadata"]["resourceVersion"]
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={version}")
    config(sim, "one")
    sim.patch("configmaps", "shop", "one", {"data": {"a": "b"}})
    sim.delete("configmaps", "shop", "one")

    assert brief(events, 3) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]


def test_without_a_version_the_present_comes_first(sim: SimCluster, client: Client) -> None:
    config(sim, "one")

    assert brief(client.watch(f"{CONFIG_MAPS}?watch=true"), 2) == [("ADDED", "kube-root-ca.crt"), ("ADDED", "one")]


def test_a_watch_in_one_namespace_hears_nothing_of_others(sim: SimCluster, client: Client) -> None:
    sim.namespace("other")
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}")
    sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there", "namespace": "other"}})
    config(sim, "here")

    assert brief(events, 1) == [("ADDED", "here")]


def test_objects_enter_and_leave_a_selection(sim: SimCluster, client: Client) -> None:
    config(sim, "one", app="no")
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}&labelSelector=app%3Dyes")
    sim.patch("configmaps", "shop", "one", {"metadata": {"labels": {"app": "yes"}}})
    sim.patch("configmaps", "shop", "one", {"data": {"a": "b"}})
    sim.patch("configmaps", "shop", "one", {"metadata": {"labels": {"app": "no"}}})
    sim.delete("configmaps", "shop", "one")
    config(sim, "two", app="yes")

    expected = [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one"), ("ADDED", "two")]
    assert brief(events, 4) == expected


def test_one_object_is_watched_by_its_name(sim: SimCluster, client: Client) -> None:
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}&fieldSelector=metadata.name%3Dtwo")
    config(sim, "one")
    config(sim, "two")

    assert brief(events, 1) == [("ADDED", "two")]


def test_a_watch_resumes_where_another_ended(sim: SimCluster, client: Client) -> None:
    start = sim.store.rv
    config(sim, "one")
    config(sim, "two")
    first = next(client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={start}"))
    version = first["object"]["metadata"]["resourceVersion"]

    assert brief(client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={version}"), 1) == [("ADDED", "two")]


def test_a_watch_ends_after_its_timeout(sim: SimCluster, client: Client) -> None:
    assert list(client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}&timeoutSeconds=1")) == []


def test_bookmarks_move_a_quiet_watch_forward(sim: SimCluster, client: Client) -> None:
    sim.api.hub.bookmark_every = 0.05
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}&allowWatchBookmarks=true")
    sim.namespace("other")

    bookmark = next(events)

    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "ConfigMap"
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) == sim.store.rv


def test_without_asking_there_are_no_bookmarks(sim: SimCluster, client: Client) -> None:
    sim.api.hub.bookmark_every = 0.05

    assert list(client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}&timeoutSeconds=1")) == []


def test_a_streamed_list_ends_with_a_marked_bookmark(sim: SimCluster, client: Client) -> None:
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"

    added, bookmark = islice(client.watch(f"{CONFIG_MAPS}?{query}"), 2)

    assert added["type"] == "ADDED"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_from_before_compaction_is_gone(sim: SimCluster, client: Client) -> None:
    start = sim.store.rv
    config(sim, "one")
    sim.compact()

    reply = client.call("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={start}")

    assert (reply.status, reply.json["reason"]) == (410, "Expired")


def test_a_running_watch_that_falls_behind_gets_the_error_as_an_event(sim: SimCluster, client: Client) -> None:
    events = client.watch(f"{CONFIG_MAPS}?watch=1&resourceVersion={sim.store.rv}")
    with sim.store.lock:
        # Under the lock the stream sees both at once: the change is already swept away when it looks.
        config(sim, "one")
        sim.compact()

    (event,) = list(events)

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_watches_come_as_metadata_and_as_tables_too(sim: SimCluster, client: Client) -> None:
    config(sim, "one")

    partial = next(client.watch(f"{CONFIG_MAPS}?watch=1", METADATA))
    table = next(client.watch(f"{CONFIG_MAPS}?watch=1", TABLE))

    assert partial["object"]["kind"] == "PartialObjectMetadata"
    assert table["object"]["kind"] == "Table"
    assert table["object"]["rows"][0]["cells"][0] == "kube-root-ca.crt"


def test_stopping_the_cluster_ends_its_watches() -> None:
    with SimCluster() as sim, sim.client() as client:
        events = client.watch(f"/api/v1/namespaces?watch=1&resourceVersion={sim.store.rv}")
        sim.stop()

        assert list(events) == []
