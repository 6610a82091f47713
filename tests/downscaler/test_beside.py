"""The maximum of an autoscaler that goes down with its minimum: decisions as rows, and the whole way on the embedded cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from downscaler.beside import CEILING, NOTHING, Originals, clamp_to_ceiling, text_of
from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, TARGET
from downscaler.workloads import Workload, WorkloadSpec

HPA = "horizontalpodautoscalers"


def workload(low: int, high: int | None) -> Workload:
    return Workload(spec=WorkloadSpec(min_replicas=low, max_replicas=high))


@pytest.mark.parametrize(
    ("high", "low", "asked", "was", "expected"),
    [
        (10, 1, None, None, None),
        (10, 1, 2, None, 2),
        (10, 3, 2, None, 3),  # never below the minimum
        (10, 1, 20, None, None),  # never raised
        (10, 1, 10, None, None),
        (2, 1, 2, 10, None),  # it is so already
        (2, 3, 2, 10, 3),  # the target was raised above it
        (2, 3, None, 10, 3),
        (2, 1, None, 10, None),  # no longer asked for: the morning brings it back
        (2, 1, 5, 10, None),  # below what is asked for is left there
        (20, 1, 2, 10, 2),  # raised by hand at night
        (2, 2, 50, 10, None),
        (None, 1, 2, None, None),
    ],
)
def test_falling(high: int | None, low: int, asked: int | None, was: int | None, expected: int | None) -> None:
    patch = CEILING.fall(workload(low, high), low, asked, Originals(max_replicas=was))
    assert patch == ({} if expected is None else {"spec": {"maxReplicas": expected}})


@pytest.mark.parametrize(
    ("high", "was", "exactly", "expected"),
    [
        (2, 10, False, 10),
        (2, 10, True, 10),
        (20, 10, False, None),
        (20, 10, True, 10),
        (10, 10, False, None),
        (2, None, False, None),
    ],
)
def test_coming_back(high: int, was: int | None, exactly: bool, expected: int | None) -> None:
    back = CEILING.recall(workload(1, high), 1, Originals(max_replicas=was), exactly)
    assert (back.must, back.may) == ({} if expected is None else {"spec": {"maxReplicas": expected}}, {})


@pytest.mark.parametrize(("size", "expected"), [(3, 3), (12, 10), ("50%", "50%")])
def test_a_minimum_stays_below_the_maximum_that_comes_back(size: int | str, expected: int | str) -> None:
    assert clamp_to_ceiling(workload(1, 2), size, Originals(max_replicas=10)) == expected


def test_nothing_to_remember_is_no_annotation() -> None:
    assert text_of(NOTHING) is None
    assert text_of(Originals(max_replicas=4)) == '{"maxReplicas":4}'


# ---- on the embedded cluster


def autoscaler(world: Any, low: int = 3, high: int = 10, **own: str) -> None:
    world.add("HorizontalPodAutoscaler", "hpa", spec={"minReplicas": low, "maxReplicas": high}, **own)


def bounds(world: Any) -> tuple[int, int]:
    spec = world.sim.get(HPA, "shop", "hpa")["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


def own(world: Any) -> dict[str, str]:
    found: dict[str, str] = world.sim.get(HPA, "shop", "hpa")["metadata"].get("annotations") or {}
    return found


NIGHT = {"downtime": "always", "downtime_replicas": "1"}
ASKED = {"downtime_max_replicas": "2"}


@pytest.mark.parametrize("carrier", ["scaler", "target", "namespace", "flag"])
def test_both_bounds_go_down_and_come_back_together(world: Any, carrier: str) -> None:
    world.deployment(**({**NIGHT, **ASKED} if carrier == "target" else {}))
    autoscaler(world, **({**NIGHT, **ASKED} if carrier == "scaler" else {}))
    if carrier == "namespace":
        world.annotate_namespace(**NIGHT, **ASKED)
    if carrier == "flag":
        world.annotate_namespace(**NIGHT)
    world.pass_time(hours=1)
    flags = (
        "--include-resources=deployments,horizontalpodautoscalers",
        *(("--downtime-max-replicas=2",) if carrier == "flag" else ()),
    )
    patches = []
    world.sim.on_write(lambda verb, *_: patches.append(verb) if verb == "patch" else None)

    assert world.controller(*flags).turn().ok

    assert bounds(world) == (1, 2)
    assert patches == ["patch"]
    assert (own(world)[ORIGINAL], own(world)[TARGET], json.loads(own(world)[ORIGINAL_FIELDS])) == ("3", "1", {"maxReplicas": 10})
    assert world.controller(*flags).turn().changed == 0

    for kind, name in (("deployments", "web"), (HPA, "hpa")):
        world.annotate(name, kind, downtime="never")
    assert world.controller(*flags).turn().ok
    assert bounds(world) == (3, 10)
    assert not own(world).keys() & {ORIGINAL, TARGET, ORIGINAL_FIELDS}
    assert patches == ["patch", "patch"]


def test_a_minimum_at_the_target_already_does_not_keep_the_maximum_up(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    autoscaler(world, low=1, **NIGHT, **ASKED)
    world.pass_time(hours=1)
    flags = "--include-resources=horizontalpodautoscalers"
    assert world.controller(flags).turn().ok
    assert bounds(world) == (1, 2)
    assert "in downtime always (workload annotation); maxReplicas 2" in caplog.text
    assert world.controller(flags).turn().changed == 0
    world.annotate("hpa", HPA, downtime="never")
    world.controller(flags).turn()
    assert bounds(world) == (1, 10)
    assert ORIGINAL not in own(world)


@pytest.mark.parametrize(
    ("by_hand", "night", "morning"),
    [
        ({"maxReplicas": 20}, (1, 2), (3, 10)),  # put down again, the original stays
        ({"minReplicas": 5, "maxReplicas": 8}, (1, 2), (3, 10)),
        ({"maxReplicas": 1}, (1, 1), (3, 10)),
    ],
)
def test_what_somebody_sets_at_night(
    world: Any, by_hand: dict[str, int], night: tuple[int, int], morning: tuple[int, int]
) -> None:
    autoscaler(world, **NIGHT, **ASKED)
    world.pass_time(hours=1)
    flags = "--include-resources=horizontalpodautoscalers"
    world.controller(flags).turn()
    world.sim.patch(HPA, "shop", "hpa", {"spec": by_hand})
    world.controller(flags).turn()
    assert bounds(world) == night
    world.annotate("hpa", HPA, downtime="never")
    world.controller(flags).turn()
    assert bounds(world) == morning
    assert ORIGINAL not in own(world)


def test_a_raised_maximum_is_kept_in_the_morning(world: Any) -> None:
    autoscaler(world, **NIGHT, **ASKED)
    world.pass_time(hours=1)
    flags = "--include-resources=horizontalpodautoscalers"
    world.controller(flags).turn()
    world.annotate("hpa", HPA, downtime="never")
    world.sim.patch(HPA, "shop", "hpa", {"spec": {"maxReplicas": 20}})
    world.controller(flags).turn()
    assert bounds(world) == (3, 20)


def test_the_target_follows_and_makes_room(world: Any) -> None:
    autoscaler(world, low=5, **NIGHT, **ASKED)
    world.pass_time(hours=1)
    flags = "--include-resources=horizontalpodautoscalers"
    world.controller(flags).turn()
    world.annotate("hpa", HPA, downtime_replicas="4")
    assert world.controller(flags).turn().ok
    assert bounds(world) == (4, 4)
    world.annotate("hpa", HPA, downtime_replicas="50")
    assert world.controller(flags).turn().ok
    assert bounds(world) == (5, 5)
    assert world.controller(flags).turn().changed == 0
    world.annotate("hpa", HPA, downtime_max_replicas=None)
    assert world.controller(flags).turn().ok
    assert bounds(world) == (5, 10)
    assert ORIGINAL not in own(world)


def test_a_ceiling_that_cannot_be_read_counts_as_not_set(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    autoscaler(world, **NIGHT, downtime_max_replicas="0")
    world.pass_time(hours=1)
    world.controller("--include-resources=horizontalpodautoscalers").turn()
    assert bounds(world) == (1, 10)
    assert (
        "downscaler/downtime-max-replicas='0' is not understood; accepted: a whole number from 1; it counts as not set"
        in caplog.text
    )


def test_everything_comes_back_by_the_command(world: Any) -> None:
    autoscaler(world, **NIGHT, **ASKED)
    world.pass_time(hours=1)
    world.controller("--include-resources=horizontalpodautoscalers").turn()
    assert world.controller().command("restore-all").ok
    assert bounds(world) == (3, 10)
