"""The steps of a forecast: each moment at which the decision may change, and the object as it is from then on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import pytest

from downscaler.decide import Keep, Restore, ScaleTo
from downscaler.forecast import steps, transitions
from downscaler.policy import Policy, Setting
from downscaler.sizes import KINDS
from downscaler.timespec import parse
from downscaler.workloads import Workload

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
KIND = KINDS["deployments"]


def workload(replicas: int = 3, **annotations: str) -> Workload:
    meta = {"name": "web", "namespace": "shop", "annotations": {f"downscaler/{key}": value for key, value in annotations.items()}}
    return msgspec.convert({"metadata": meta, "spec": {"replicas": replicas}}, KIND.as_type)


def test_each_step_starts_from_what_the_one_before_left() -> None:
    policy = Policy(uptime=Setting(parse("Mon-Fri 08:00-18:00 UTC")))

    found = list(islice(steps(KIND, workload(), policy, NOON), 3))

    assert [(f"{step.at:%a %H:%M}", type(step.decision), step.workload.spec.replicas) for step in found] == [
        ("Mon 12:00", Keep, 3),
        ("Mon 18:00", ScaleTo, 0),
        ("Tue 08:00", Restore, 3),
    ]
    assert found[1].workload.metadata.annotation("downscaler/original-replicas") == "3"
    assert [step.transition.direction if step.transition else None for step in found] == [None, "down", "up"]


@pytest.mark.parametrize("spec", ["always", "never"])
def test_what_never_changes_is_one_step(spec: str) -> None:
    assert len(list(steps(KIND, workload(), Policy(uptime=Setting(parse(spec))), NOON))) == 1


def test_nothing_is_told_beyond_the_horizon() -> None:
    last = NOON + timedelta(days=500)
    policy = Policy(downtime=Setting(parse(f"from {last:%Y-%m-%dT%H:%M:%SZ}")))
    assert [step.at for step in steps(KIND, workload(), policy, NOON)] == [NOON]


def test_transitions_leave_out_what_is_due_now() -> None:
    policy = Policy(downtime=Setting(parse("Mon-Mon 10:00-14:00 UTC")))

    found = transitions(KIND, workload(), policy, NOON, count=2)

    assert [(f"{each.at:%a %H:%M}", each.direction, each.before, each.size) for each in found] == [
        ("Mon 14:00", "up", 0, 3),
        ("Mon 10:00", "down", 3, 0),
    ]
