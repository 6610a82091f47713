"""Lists of any size: pages, expiry half-way, broken connections, broken objects, flat memory."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from shared.cluster import Cluster, Connection
from shared.errors import Gone, Unavailable, ValueProblem
from shared.kinds import CONFIG_MAPS, LEASES, NAMESPACES, PODS
from shared.objects import Object, Struct
from shared.simcluster import Fault, SimCluster

Connect = Callable[..., Cluster]


class Spec(Struct, frozen=True):
    holder_identity: str = ""


class Lease(Object, frozen=True):
    spec: Spec = Spec()


def fill(sim: SimCluster, count: int, namespace: str = "shop", **labels: str) -> list[str]:
    names = [f"c{number:03}" for number in range(count)]
    for name in names:
        meta = {"name": name, "namespace": namespace, "labels": labels}
        sim.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": {"holderIdentity": name}})
    return names


def test_pages_join_into_one_list(sim: SimCluster, connect: Connect) -> None:
    names = fill(sim, 25)
    cluster = connect(page_size=10)
    found = list(cluster.list(LEASES, Lease, namespace="shop"))
    assert [item.name for item in found] == names
    assert [item.spec.holder_identity for item in found] == names
    assert (cluster.calls["list"], cluster.list_sequences) == (3, 1)


def test_a_list_of_nothing(connect: Connect) -> None:
    cluster = connect()
    assert list(cluster.list(PODS, Object)) == []
    assert cluster.calls["list"] == 1


def test_no_request_goes_out_before_somebody_iterates(sim: SimCluster, connect: Connect) -> None:
    fill(sim, 25)
    cluster = connect(page_size=10)
    found = cluster.list(LEASES, Object, namespace="shop")
    assert cluster.calls["list"] == 0
    next(found)
    assert cluster.calls["list"] == 1


def test_namespaces_and_selectors_narrow_a_list(sim: SimCluster, connect: Connect) -> None:
    sim.namespace("lab")
    fill(sim, 3, team="a")
    fill(sim, 2, "lab", team="b")
    cluster = connect()

    def keys(**options: Any) -> list[str]:
        return [item.key for item in cluster.list(LEASES, Object, **options) if item.name.startswith("c0")]

    assert keys(namespace="lab") == ["lab/c000", "lab/c001"]
    assert keys(label_selector="team=b") == ["lab/c000", "lab/c001"]
    assert keys(field_selector="metadata.name=c001", label_selector="team") == ["lab/c001", "shop/c001"]
    assert len(keys()) == 5
    assert [item.key for item in cluster.list(NAMESPACES, Object, field_selector="metadata.name=lab")] == ["lab"]


def test_metadata_alone_is_asked_for_and_sent(sim: SimCluster, connect: Connect) -> None:
    names = fill(sim, 5, team="a")
    cluster = connect(page_size=2)
    found = list(cluster.list_metadata(LEASES, namespace="shop", label_selector="team=a"))
    assert [item.name for item in found] == names
    assert found[0].metadata.labels == {"team": "a"}
    assert all("as=PartialObjectMetadataList" in request.accept for request in sim.requests)
    assert cluster.list_sequences == 1


@pytest.mark.parametrize("drop", ["before", "mid"])
def test_a_page_that_breaks_off_is_asked_for_again(sim: SimCluster, connect: Connect, drop: str) -> None:
    names = fill(sim, 30)
    sim.faults.add(Fault(verb="list", drop=drop, every=2))
    cluster = connect(page_size=10)
    assert [item.name for item in cluster.list(LEASES, Object, namespace="shop")] == names
    assert cluster.calls["list"] == 5


def test_a_list_that_cannot_be_finished_raises_and_yields_nothing_twice(sim: SimCluster, connect: Connect) -> None:
    names = fill(sim, 30)
    cluster = connect(page_size=10)
    seen = []
    found = cluster.list(LEASES, Object, namespace="shop")
    for _ in range(10):
        seen.append(next(found).name)
    sim.faults.add(Fault(verb="list", status=500))
    with pytest.raises(Unavailable, match="leases in shop: server error 500"):
        next(found)
    assert seen == names[:10]


def test_a_list_that_expires_half_way_starts_again_without_repeating(sim: SimCluster, connect: Connect) -> None:
    names = fill(sim, 30)
    cluster = connect(page_size=10)
    seen = []
    for item in cluster.list(LEASES, Object, namespace="shop"):
        seen.append(item.name)
        if len(seen) == 12:
            sim.create(
                {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a-new-one", "namespace": "shop"}}
            )
            sim.delete("leases", "shop", "c029")
            sim.compact()
    assert sorted(seen) == sorted(["a-new-one", *names[:-1]])
    assert [request.status for request in sim.requests].count(410) == 1


def test_a_namesake_made_in_between_is_another_object(sim: SimCluster, connect: Connect) -> None:
    fill(sim, 20)
    cluster = connect(page_size=10)
    found = cluster.list(LEASES, Object, namespace="shop")
    seen = [next(found) for _ in range(10)]
    sim.delete("leases", "shop", "c000")
    sim.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "c000", "namespace": "shop"}})
    sim.compact()
    seen += found
    assert len({item.metadata.uid for item in seen}) == len(seen) == 21


def test_a_list_that_expires_again_and_again_is_given_up(sim: SimCluster, connect: Connect) -> None:
    fill(sim, 30)
    sim.faults.add(Fault(verb="list", status=410, every=2))
    cluster = connect(page_size=10)
    with pytest.raises(Gone):
        list(cluster.list(LEASES, Object, namespace="shop"))
    assert cluster.calls["list"] == 12


def test_gone_on_the_first_page_is_no_expiry(sim: SimCluster, connect: Connect) -> None:
    sim.faults.add(Fault(verb="list", status=410))
    cluster = connect()
    with pytest.raises(Gone):
        list(cluster.list(LEASES, Object))
    assert cluster.calls["list"] == 1


# ---- objects that do not decode


class Numbers(Object, frozen=True):
    data: dict[str, int] | None = None


def odd_page(items: str, token: str = "") -> bytes:
    return f'{{"metadata": {{"continue": "{token}"}}, "items": {items}}}'.encode()


ODD = """[
    {"metadata": {"name": "good", "namespace": "shop", "uid": "u1"}, "data": {"a": 1}},
    {"metadata": {"name": "bad", "namespace": "shop", "uid": "u2", "labels": {"team": "a"}}, "data": {"a": "red"}},
    {"metadata": {"name": "worse", "namespace": "shop", "uid": "u3", "labels": {"team": 7}}, "data": {}},
    {"metadata": {"name": 5}},
    7,
    {"metadata": {"name": "last", "namespace": "shop", "uid": "u4"}}
]"""


def test_an_object_that_does_not_decode_is_reported_and_left_out(scripted: Callable[..., str]) -> None:
    url = scripted(lambda method, path, headers: (200, {}, odd_page(ODD)))
    problems: list[tuple[Object, ValueProblem]] = []
    with Cluster.connect(Connection(server=url)) as cluster:
        found = list(cluster.list(CONFIG_MAPS, Numbers, on_problem=lambda obj, problem: problems.append((obj, problem))))
    assert [item.name for item in found] == ["good", "last"]
    assert [(obj.key, obj.metadata.uid, problem.value) for obj, problem in problems] == [
        ("shop/bad", "u2", "data[...]"),
        ("shop/worse", "u3", "metadata.labels[...]"),
        ("", "", "metadata.name"),
        ("", "", "the object"),
    ]
    assert problems[0][0].metadata.label("team") == "a"
    assert "expected `int`, got `str`" in str(problems[0][1])


def test_nobody_listening_gets_a_log_line(scripted: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    url = scripted(lambda method, path, headers: (200, {}, odd_page(ODD)))
    with Cluster.connect(Connection(server=url)) as cluster, caplog.at_level(logging.WARNING):
        assert len(list(cluster.list(CONFIG_MAPS, Numbers))) == 2
    assert "configmaps shop/bad: left out" in caplog.text


def test_the_same_broken_object_is_reported_once_though_the_list_starts_again(scripted: Callable[..., str]) -> None:
    answers: list[tuple[int, dict[str, str], bytes]] = [
        (200, {}, odd_page(ODD, "next")),
        (410, {}, b"{}"),
        (200, {}, odd_page(ODD)),
    ]
    url = scripted(lambda method, path, headers: answers.pop(0))
    problems: list[str] = []
    with Cluster.connect(Connection(server=url)) as cluster:
        found = list(cluster.list(CONFIG_MAPS, Numbers, on_problem=lambda obj, problem: problems.append(obj.key)))
    assert [item.name for item in found] == ["good", "last"]
    assert problems == ["shop/bad", "shop/worse", "", ""]


def test_null_items_are_no_items(scripted: Callable[..., str]) -> None:
    url = scripted(lambda method, path, headers: (200, {}, odd_page("null")))
    with Cluster.connect(Connection(server=url)) as cluster:
        assert list(cluster.list(CONFIG_MAPS, Object)) == []


@pytest.mark.parametrize("body", [b'{"items": [{"metadata": {"name": "a"}}', b"", b"<html>welcome</html>"])
def test_a_page_that_is_no_whole_json_is_asked_for_again_and_then_given_up(
    scripted: Callable[..., str], clock: Any, body: bytes
) -> None:
    asked = []

    def answer(method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, body if len(asked) != 7 else odd_page("[]")

    url = scripted(answer)
    with Cluster.connect(Connection(server=url), clock=clock) as cluster:
        with pytest.raises(Unavailable, match="configmaps: the answer of .* is not complete JSON"):
            list(cluster.list(CONFIG_MAPS, Object))
        assert len(asked) == 5
        assert list(cluster.list(CONFIG_MAPS, Object)) == []


def test_a_list_that_is_no_list_is_a_problem(scripted: Callable[..., str]) -> None:
    url = scripted(lambda method, path, headers: (200, {}, b'{"items": 7}'))
    with Cluster.connect(Connection(server=url)) as cluster, pytest.raises(ValueProblem, match="items"):
        list(cluster.list(CONFIG_MAPS, Object))


# ---- memory


class Tracked(Object, frozen=True, weakref=True):
    pass


def test_nothing_is_kept_of_what_was_yielded(sim: SimCluster, connect: Connect) -> None:
    fill(sim, 40)
    seen: list[weakref.ref[Tracked]] = []
    most = 0
    for item in connect(page_size=10).list(LEASES, Tracked, namespace="shop"):
        seen.append(weakref.ref(item))
        most = max(most, sum(1 for one in seen if one() is not None))
    assert len(seen) == 40
    assert most <= 2
