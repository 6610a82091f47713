"""What is ahead of one workload, as tables; and that a week of it is what the controller then does on the embedded cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.count import Report
from downscaler.main import run_once
from downscaler.memory import Memory
from downscaler.plan import Forced, Planner
from downscaler.savings import Amount
from downscaler.sizes import KINDS
from kube_thrift.ahead import Foresight, Outlook
from kube_thrift.foresee import Chosen, foresee
from shared.cluster import Cluster
from shared.metrics import Metrics
from shared.objects import Object
from shared.simcluster import SimCluster
from tests.kube_thrift.kit import deployment

# A Monday; that Friday is Good Friday, and on Sunday Europe changes to summer time.
MONDAY = datetime(2027, 3, 22, tzinfo=UTC)
WEEK = timedelta(days=7)
OFFICE = "Mon-Fri 08:00-18:00 Europe/Berlin"
POD = {"spec": {"containers": [{"resources": {"requests": {"cpu": "500m", "memory": "2Gi"}}}]}}


def ahead(
    *argv: str,
    kind: str = "deployments",
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    namespace: dict[str, str] | None = None,
    created: datetime = MONDAY - WEEK,
    days: int = 7,
    **own: str,
) -> Outlook:
    """The outlook of one workload of three replicas, each half a core and 2 GiB. Keywords are `downscaler/*` annotations."""

    def keys(values: dict[str, str]) -> dict[str, str]:
        return {f"downscaler/{key.replace('_', '-')}": value for key, value in values.items()}

    home = msgspec.convert({"metadata": {"name": "shop", "annotations": keys(namespace or {})}}, Object)
    rules = read_config([f"--include-resources={kind}", *argv], {}).rules
    meta = {"name": "web", "namespace": "shop", "annotations": keys(own), "creationTimestamp": created.isoformat()}
    body = {"metadata": meta, "spec": {"replicas": 3, "template": POD, **(spec or {})}, "status": status or {}}
    workload = msgspec.convert(body, KINDS[kind].as_type)
    foresight = Foresight(Planner(rules, {"shop": home}, Forced(), MONDAY), MONDAY + timedelta(days=days))
    return foresight.outlook(KINDS[kind], workload)


@pytest.mark.parametrize(
    ("annotations", "hours"),
    [
        ({}, 0),
        ({"uptime": OFFICE}, 168 - 50),
        ({"downtime": "always"}, 168),
        # Good Friday is one working day less.
        ({"uptime": OFFICE, "downtime": "holidays(DE-BE) Europe/Berlin"}, 168 - 40),
        # Seven nights of ten hours: the week begins at 01:00 in Berlin and ends at 02:00, and the last night is an hour shorter.
        ({"downtime": "Mon-Sun 20:00-06:00 Europe/Berlin"}, 5 + 5 * 10 + 9 + 6),
        ({"uptime": OFFICE, "exclude": "true"}, 0),
        ({"uptime": OFFICE, "exclude_until": "2027-03-27"}, 48),
        ({"uptime": OFFICE, "up_until": "2027-03-22T19:00:00Z"}, 168 - 50 - 7 - 2),
        ({"uptime": OFFICE, "force_uptime": "true"}, 0),
        ({"downscale_period": "Mon-Mon 20:00-21:00 UTC", "upscale_period": "Tue-Tue 06:00-07:00 UTC"}, 10),
        ({"uptime": OFFICE, "downtime_replicas": "3"}, 0),
        ({"uptime": "Mon-Fry 9-5"}, 0),
    ],
)
def test_hours_down_in_a_week(annotations: dict[str, str], hours: float) -> None:
    found = ahead(**annotations)

    assert found.hours_down == pytest.approx(hours)
    assert found.saved.cores == pytest.approx(hours * 1.5)
    assert found.saved.gib == pytest.approx(hours * 6)
    assert found.asked == Amount(3 * 168, 1.5 * 168, 6 * 168)


def test_what_is_due_now_and_what_comes() -> None:
    found = ahead(uptime=OFFICE, days=2)

    assert found.due is not None
    assert (found.due.direction, found.due.before, found.due.size, found.off_now) == ("down", 3, 0, Amount())
    assert [(f"{change.at:%a %H:%M}", change.direction) for change in found.changes] == [
        ("Mon 07:00", "up"),
        ("Mon 17:00", "down"),
        ("Tue 07:00", "up"),
        ("Tue 17:00", "down"),
    ]
    assert [phase.hours for phase in found.phases] == [7, 14, 7]


def test_what_is_asleep_already_comes_back_to_its_original_size() -> None:
    found = ahead(spec={"replicas": 0}, uptime=OFFICE, original_replicas="4", downscaled_to="0")

    assert (found.size, found.due, found.off_now) == (4, None, Amount(4, 2, 8))
    assert found.hours_down == 168 - 50
    assert found.saved.replicas == 4 * (168 - 50)


def test_part_of_it_may_stay_up() -> None:
    found = ahead(uptime=OFFICE, downtime_replicas="1")
    assert (found.hours_down, found.saved.replicas) == (118, 2 * 118)


def test_a_new_workload_is_left_up_for_its_grace_period() -> None:
    found = ahead("--grace-period=3600", uptime=OFFICE, created=MONDAY)
    assert (found.due, found.hours_down) == (None, pytest.approx(118 - 1, abs=0.001))


def test_what_is_too_late_is_left_out_as_the_controller_leaves_it_out() -> None:
    """Down since Friday evening by its schedule, and still up on Monday: with a limit it is left up until the next evening."""
    found = ahead("--max-lateness=3600", uptime=OFFICE)
    assert (found.due, found.hours_down) == (None, 118 - 7)
    assert [f"{change.at:%a %H:%M}" for change in found.changes[:2]] == ["Mon 17:00", "Tue 07:00"]


def test_jitter_makes_a_namespace_late_by_the_same_every_time() -> None:
    plain, late = ahead(uptime=OFFICE), ahead("--jitter=30m", uptime=OFFICE)
    lateness = late.changes[0].at - plain.changes[0].at

    assert timedelta(0) < lateness < timedelta(minutes=30)
    assert all(there.at - here.at == lateness for here, there in zip(plain.changes, late.changes, strict=True))


def test_a_broken_annotation_foretells_nothing_and_says_why() -> None:
    found = ahead(uptime="Mon-Fry 9-5")
    assert (found.phases, found.changes) == ((), ())
    assert "downscaler/uptime='Mon-Fry 9-5' is not understood" in found.complaints[0]


def test_kinds_that_are_only_on_or_off() -> None:
    on_nodes = ahead(kind="daemonsets", status={"desiredNumberScheduled": 5}, uptime=OFFICE)
    assert (on_nodes.hours_down, on_nodes.saved) == (118, Amount(5 * 118, 2.5 * 118, 10 * 118))

    nightly = ahead(kind="cronjobs", uptime=OFFICE)
    assert (nightly.hours_down, nightly.saved) == (118, Amount())

    balancer = ahead(kind="services", spec={"type": "LoadBalancer"}, uptime=OFFICE)
    assert (balancer.hours_down, balancer.saved, balancer.asked) == (118, Amount(), Amount())


def test_an_autoscaler_that_pauses_its_target_saves_all_of_the_target() -> None:
    home = msgspec.convert({"metadata": {"name": "shop"}}, Object)
    rules = read_config(["--include-resources=deployments,scaledobjects", f"--default-uptime={OFFICE}"], {}).rules
    foresight = Foresight(Planner(rules, {"shop": home}, Forced(), MONDAY), MONDAY + WEEK)
    target, scaler = KINDS["deployments"], KINDS["scaledobjects"]
    meta = {"name": "web", "namespace": "shop"}
    foresight.outlook(target, msgspec.convert({"metadata": meta, "spec": {"replicas": 4, "template": POD}}, target.as_type))

    found = foresight.outlook(
        scaler, msgspec.convert({"metadata": meta, "spec": {"scaleTargetRef": {"name": "web"}}}, scaler.as_type)
    )

    assert (found.hours_down, found.saved.cores) == (118, 4 * 0.5 * 118)


def test_a_deletion_ends_everything_else() -> None:
    gone = ahead(uptime=OFFICE).until_deleted(MONDAY + timedelta(days=1))

    assert gone.hours_down == 7 + 7 + 6 * 24
    assert [change.direction for change in gone.changes] == ["up", "down"]
    assert gone.off_at(MONDAY + timedelta(days=3, hours=10)) == gone.whole


def test_a_namespace_that_could_not_be_read_foretells_nothing() -> None:
    foresight = Foresight(Planner(read_config([], {}).rules, {}, Forced(), MONDAY), MONDAY + WEEK)
    kind = KINDS["deployments"]
    found = foresight.outlook(kind, msgspec.convert({"metadata": {"name": "web", "namespace": "shop"}}, kind.as_type))
    assert (found.phases, found.reason) == ((), "namespace shop could not be read")


def test_the_controller_does_what_was_foretold() -> None:
    """A week with a holiday and a clock change, half an hour a turn: hours down as foreseen on Monday, for every workload."""
    schedules = {
        "office": {"downscaler/uptime": OFFICE, "downscaler/downtime": "holidays(DE-BE) Europe/Berlin"},
        "nights": {"downscaler/downtime": "Mon-Sun 20:00-06:00 Europe/Berlin"},
        "york": {"downscaler/uptime": "Mon-Fri 08:00-19:00 America/New_York"},
        "cron": {"downscaler/downtime": "cron(0 20 * * 1-5)/10h Europe/Berlin", "downscaler/downtime-replicas": "1"},
        "asked": {"downscaler/uptime": OFFICE, "downscaler/up-until": "2027-03-23T22:00:00Z"},
        "none": {},
    }
    step = timedelta(minutes=30)
    with SimCluster(start=MONDAY - timedelta(days=1)) as sim:
        sim.namespace("shop")
        for name, annotations in schedules.items():
            sim.create(deployment("shop", name, annotations=annotations))
        sim.advance(timedelta(days=1))
        config = read_config(["--once", f"--kubeconfig={sim.connection().kubeconfig}"], {})
        with Cluster.connect(config.connection, clock=sim.clock) as cluster:
            foreseen = foresee(cluster, config, MONDAY, MONDAY + WEEK, Chosen())
            report, memory = Report(Metrics("kube-downscaler", "test", sim.clock)), Memory()
            lived = dict.fromkeys(schedules, 0.0)
            while sim.clock.now() < MONDAY + WEEK:
                assert run_once(cluster, config, sim.clock.now(), report, memory).ok
                for each in sim.list("deployments"):
                    if each["spec"]["replicas"] < 2:
                        lived[each["metadata"]["name"]] += step / timedelta(hours=1)
                sim.advance(step)

    assert foreseen.failures == []
    assert {each.name: each.hours_down for each in foreseen.outlooks} == lived
    assert 0 < lived["office"] != lived["york"]
