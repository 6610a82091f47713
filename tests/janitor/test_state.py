from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from janitor.breaker import Past, Trip
from janitor.state import ACK, DATA_KEY, Memory, State, acknowledge, load, save
from shared.cluster import Cluster
from shared.errors import NotFound
from shared.simcluster import Fault, SimCluster

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
PLACE = ("default", "kube-janitor-state")
RULES = "rules: [{id: a, resources: [pods], jmespath: kind, ttl: 1h}]"


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(sim: SimCluster) -> Iterator[Cluster]:
    with Cluster.connect(sim.connection(max_retries_on_throttling=0), clock=sim.clock) as cluster:
        yield cluster


def full() -> Memory:
    return Memory(
        past=[Past("a", NOW, 3)],
        trips={"a": Trip("a", 200, "100", NOW)},
        first_seen={"a": NOW},
        seen={"u": {"a": 2}},
        warned={"u": "x for y"},
    )


def test_what_was_saved_is_loaded_by_the_next_process(cluster: Cluster) -> None:
    before, after = State(memory=full()), State()

    assert load(cluster, PLACE, before) == ""
    before.memory = full()
    assert save(cluster, PLACE, before, frozenset()) == ""
    assert load(cluster, PLACE, after) == ""
    assert after.memory == full()


def test_nothing_new_is_not_written(cluster: Cluster, sim: SimCluster) -> None:
    state = State()
    load(cluster, PLACE, state)
    save(cluster, PLACE, state, frozenset())
    state.memory = full()
    save(cluster, PLACE, state, frozenset())
    sim.clear_requests()

    assert save(cluster, PLACE, state, frozenset()) == ""
    assert sim.requests == []


def test_without_open_breakers_it_is_read_once(cluster: Cluster, sim: SimCluster) -> None:
    state = State()
    load(cluster, PLACE, state)
    load(cluster, PLACE, state)

    assert len([request for request in sim.requests if request.name == PLACE[1]]) == 1


def test_without_a_place_nothing_is_asked(cluster: Cluster, sim: SimCluster) -> None:
    state = State(memory=full())

    assert (load(cluster, None, state), save(cluster, None, state, frozenset())) == ("", "")
    assert sim.requests == []


def test_a_state_that_exists_already_is_patched(cluster: Cluster, sim: SimCluster) -> None:
    sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PLACE[1], "namespace": "default"}})
    state = State(memory=full())

    assert save(cluster, PLACE, state, frozenset()) == ""
    assert DATA_KEY in sim.get("configmaps", *PLACE)["data"]


@pytest.mark.parametrize("verb", ["create", "get"])
def test_what_cannot_be_read_or_written_is_one_line(cluster: Cluster, sim: SimCluster, verb: str) -> None:
    sim.faults.add(Fault(verb=verb, resource="configmaps", status=403))
    state = State()

    lines = [load(cluster, PLACE, state)]
    state.memory = full()
    lines.append(save(cluster, PLACE, state, frozenset()))

    assert [line for line in lines if line][0].startswith("state default/kube-janitor-state cannot be ")


def test_a_damaged_state_is_one_line(cluster: Cluster, sim: SimCluster) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": PLACE[1], "namespace": "default"},
        "data": {DATA_KEY: "{"},
    }
    sim.create(body)

    assert "cannot be read" in load(cluster, PLACE, State())


def test_acknowledging(cluster: Cluster, sim: SimCluster) -> None:
    state = State()
    load(cluster, PLACE, state)
    state.memory = full()
    save(cluster, PLACE, state, frozenset())

    assert acknowledge(cluster, PLACE, ("b",)) == ()
    assert acknowledge(cluster, PLACE, ("a",)) == ("a",)
    load(cluster, PLACE, state)
    assert state.acknowledged == {"a": 200}
    save(cluster, PLACE, state, frozenset({"a"}))
    assert ACK not in (sim.get("configmaps", *PLACE)["metadata"].get("annotations") or {})


def test_acknowledging_by_annotation(cluster: Cluster, sim: SimCluster) -> None:
    state = State()
    load(cluster, PLACE, state)
    state.memory = full()
    save(cluster, PLACE, state, frozenset())
    sim.patch("configmaps", *PLACE, {"metadata": {"annotations": {ACK: "all"}}})

    load(cluster, PLACE, state)

    assert state.acknowledged == {"a": 200}


def test_acknowledging_without_a_state(cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        acknowledge(cluster, PLACE, ())


def test_a_state_too_large_drops_what_it_knows_about_objects() -> None:
    memory = full()
    memory.seen = {f"uid-{number}": {"rule": 1} for number in range(60_000)}

    assert len(memory.encoded()) < 10_000
    assert '"trips"' in memory.encoded()


def test_a_line_is_said_once_and_memory_is_bounded() -> None:
    state = State()

    assert state.once("a")
    assert not state.once("a")
    for number in range(10_001):
        state.once(str(number))
    assert len(state.told) < 10_000


def test_rules_are_taken_over_when_they_are_sound() -> None:
    state = State()

    assert state.use_rules(RULES, "r") == ()
    good = state.rules
    assert state.use_rules(RULES + "\n", "r") == ()
    assert state.use_rules("rules: [", "r") != ()
    assert state.rules == good
    assert state.use_rules("rules: [", "r") != ()
    assert state.use_rules("rules: []", "r") == ()
    assert state.rules.rules == ()


def test_at_first_a_broken_file_is_better_than_none() -> None:
    state = State()
    state.use_rules("rules: [", "r")

    assert len(state.rules.rules) == 1
    state.use_rules("rules: [{id: a}]", "r")
    assert state.rules.rules[0].id == "a"
