"""What happens between the list and the deletion. On the embedded cluster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.simcluster import SimCluster
from tests.janitor.kit import (
    HOUR,
    Janitor,
    claim,
    config_map,
    interfere,
    names,
    pod,
    reasons,
    with_rules,
)


def test_an_object_created_again_in_between_survives(sim: SimCluster) -> None:
    sim.create(config_map("web", {"janitor/ttl": "1h"}))

    def action() -> None:
        sim.delete("configmaps", "shop", "web")
        sim.create(config_map("web", {"janitor/ttl": "1h"}))

    interfere(sim, action)
    turn = Janitor(sim).turn(2 * HOUR)

    assert names(sim) == {"web"}
    assert turn.outcomes[0].result == "changed"
    assert turn.result.ok


def test_an_object_extended_in_between_survives(sim: SimCluster) -> None:
    sim.create(config_map("web", {"janitor/ttl": "1h"}))
    interfere(sim, lambda: sim.patch("configmaps", "shop", "web", {"metadata": {"annotations": {"janitor/ttl": "7d"}}}))
    janitor = Janitor(sim)

    assert janitor.turn(2 * HOUR).outcomes[0].result == "changed"
    assert janitor.turn().outcomes == ()
    assert names(sim) == {"web"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"janitor/ttl": "7d"}, id="extended"),
        pytest.param({"janitor/ttl": None}, id="the annotation is gone"),
        pytest.param({"janitor/protected": "true"}, id="protected"),
        pytest.param({"janitor/extend-until": "2027-01-01"}, id="snoozed"),
        pytest.param({"janitor/ttl": "foo"}, id="unreadable now"),
    ],
)
def test_an_object_changed_after_the_list_is_decided_anew(sim: SimCluster, change: dict[str, str | None]) -> None:
    sim.create(config_map("first", {"janitor/ttl": "30m"}))
    sim.create(config_map("second", {"janitor/ttl": "1h"}))
    interfere(sim, lambda: sim.patch("configmaps", "shop", "second", {"metadata": {"annotations": change}}))

    turn = Janitor(sim).turn(2 * HOUR)

    assert names(sim) == {"second"}
    assert [outcome.result.value for outcome in turn.outcomes] == ["deleted", "rescued"]


def test_a_namespace_protected_after_the_list_keeps_its_contents(sim: SimCluster) -> None:
    sim.create(config_map("first", {"janitor/ttl": "30m"}))
    sim.create(config_map("second", {"janitor/ttl": "1h"}))
    interfere(sim, lambda: sim.patch("namespaces", None, "shop", {"metadata": {"annotations": {"janitor/protected": "true"}}}))

    Janitor(sim).turn(2 * HOUR)

    assert names(sim) == {"second"}


def test_a_claim_mounted_after_the_list_survives(sim: SimCluster, tmp_path: Path) -> None:
    rules = "rules: [{id: unused, resources: [persistentvolumeclaims], jmespath: _context.pvc_is_not_referenced, ttl: 1h}]"
    sim.create(config_map("first", {"janitor/ttl": "30m"}))
    sim.create(claim("data"))
    interfere(sim, lambda: sim.create(pod("web", "data")))

    turn = Janitor(sim, with_rules(tmp_path, rules)).turn(2 * HOUR)

    assert names(sim, "persistentvolumeclaims") == {"data"}
    assert turn.result.ok


def test_an_object_that_somebody_else_deleted_is_no_failure(sim: SimCluster) -> None:
    sim.create(config_map("first", {"janitor/ttl": "30m"}))
    sim.create(config_map("second", {"janitor/ttl": "1h"}))
    interfere(sim, lambda: sim.delete("configmaps", "shop", "second"))

    turn = Janitor(sim).turn(2 * HOUR)

    assert [outcome.result.value for outcome in turn.outcomes] == ["deleted", "gone"]
    assert turn.result.ok


def test_two_replicas_delete_every_object_once(sim: SimCluster) -> None:
    for number in range(10):
        sim.create(config_map(f"web-{number}", {"janitor/ttl": "1h"}))
    sim.advance(2 * HOUR)
    replicas = [Janitor(sim), Janitor(sim)]

    with ThreadPoolExecutor(2) as pool:
        turns = list(pool.map(lambda janitor: janitor.turn(), replicas))

    assert names(sim) == set()
    assert sum(turn.result.changed for turn in turns) == 10
    assert all(turn.result.ok for turn in turns)
    assert reasons(sim) == ["TimeToLiveExpired"] * 10
