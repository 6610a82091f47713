"""The objects of one type in order, and their bounded history."""

from __future__ import annotations

from shared.simcluster import shelf as module
from shared.simcluster.records import Record, make_record
from shared.simcluster.shelf import Change, Shelf


def record(namespace: str, name: str, rv: int = 1) -> Record:
    return make_record({"metadata": {"name": name, "namespace": namespace, "uid": name}}, rv, ())


def filled(*places: tuple[str, str]) -> Shelf:
    made = Shelf()
    for namespace, name in places:
        made.put(record(namespace, name))
    return made


def test_records_come_by_namespace_and_name() -> None:
    shelf = filled(("b", "2"), ("a", "9"), ("b", "1"))

    assert [(each.namespace, each.name) for each in shelf.records()] == [("a", "9"), ("b", "1"), ("b", "2")]
    assert [each.name for each in shelf.records("b")] == ["1", "2"]
    assert list(shelf.records("none")) == []
    assert len(shelf) == 3


def test_the_order_holds_as_objects_come_and_go() -> None:
    shelf = filled(("a", "2"), ("a", "3"))
    list(shelf.records())
    shelf.put(record("a", "1"))
    shelf.put(record("0", "x"))
    shelf.drop(record("a", "3"))
    shelf.put(record("a", "2", rv=7))

    assert [(each.namespace, each.name, each.rv) for each in shelf.records()] == [("0", "x", 1), ("a", "1", 1), ("a", "2", 7)]


def test_a_namespace_that_empties_is_gone() -> None:
    shelf = filled(("a", "1"))
    shelf.drop(record("a", "1"))

    assert list(shelf.records()) == []
    assert shelf.get("a", "1") is None


def log(shelf: Shelf, *versions: int) -> None:
    for version in versions:
        shelf.log(Change(version, "ADDED", record("a", "x", version), None))


def test_history_is_read_from_a_version_on() -> None:
    shelf = Shelf()
    log(shelf, 3, 5, 9)

    assert [change.rv for change in shelf.since(3)] == [5, 9]
    assert [change.rv for change in shelf.since(4)] == [5, 9]
    assert shelf.since(9) == []


def test_history_is_forgotten_on_request() -> None:
    shelf = Shelf()
    log(shelf, 3, 5, 9)
    shelf.forget(5)
    shelf.forget(4)

    assert shelf.floor == 5
    assert [change.rv for change in shelf.since(5)] == [9]


def test_history_is_bounded() -> None:
    shelf = Shelf()
    shared = record("a", "x")
    for version in range(1, module.HISTORY * 5 // 4 + 2):
        shelf.log(Change(version, "MODIFIED", shared, None))

    assert len(shelf.changes) == module.HISTORY
    assert shelf.floor == module.HISTORY // 4 + 1
