"""CronJobs that would never run: schedules against runs as a table, and what becomes of one on the embedded cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from downscaler.cronruns import never_runs
from downscaler.policy import Policy, Setting
from downscaler.timespec import parse

MONDAY = datetime(2026, 3, 23, 12, tzinfo=UTC)
OFFICE = "Mon-Fri 08:00-18:00 UTC"
NIGHTS = "Mon-Sun 20:00-06:00 UTC"


@pytest.mark.parametrize(
    ("expression", "zone", "times", "expected"),
    [
        ("0 2 * * *", "UTC", {"downtime": NIGHTS}, True),
        ("0 12 * * *", "UTC", {"downtime": NIGHTS}, False),
        ("*/5 * * * *", "UTC", {"downtime": NIGHTS}, False),
        ("0 20 * * *", "UTC", {"downtime": NIGHTS}, True),  # the very moment it goes down
        ("0 6 * * *", "UTC", {"downtime": NIGHTS}, False),  # the very moment it comes up
        ("59 5 * * *", "UTC", {"downtime": NIGHTS}, True),
        ("0 2 * * *", "UTC", {"uptime": OFFICE}, True),
        ("0 2,9 * * *", "UTC", {"uptime": OFFICE}, False),
        ("0 9 * * 6", "UTC", {"uptime": OFFICE}, True),
        ("0 9 * * 1", "UTC", {"uptime": OFFICE}, False),
        ("0 9 1 * *", "UTC", {"uptime": OFFICE}, False),  # some firsts of a month are weekdays
        ("0 9 1 1 *", "UTC", {"uptime": "Sat-Sun 00:00-24:00 UTC"}, False),  # not in 2027, but in 2028
        ("0 2 1 1 *", "UTC", {"uptime": OFFICE}, True),
        ("0 2 * * *", "Asia/Tokyo", {"downtime": NIGHTS}, False),  # 17:00 in UTC
        ("0 12 * * *", "Asia/Tokyo", {"downtime": NIGHTS}, True),
        ("@daily", "UTC", {"downtime": NIGHTS}, True),
        ("@hourly", "UTC", {"downtime": NIGHTS}, False),
        ("0 2 * * *", "UTC", {"downtime": "always"}, False),  # down for good, which somebody wanted
        ("0 2 * * *", "UTC", {"uptime": "never"}, False),
        ("0 2 * * *", "UTC", {}, False),
        ("0 2 * * *", "UTC", {"downtime": "2026-03-20T00:00:00Z-2026-04-20T00:00:00Z"}, False),
        ("0 2 * * *", "UTC", {"upscale_period": "Mon-Fri 07:00-07:10 UTC", "downscale_period": "Mon-Fri 19:00-19:10 UTC"}, True),
        (
            "0 12 * * *",
            "UTC",
            {"upscale_period": "Mon-Fri 07:00-07:10 UTC", "downscale_period": "Mon-Fri 19:00-19:10 UTC"},
            False,
        ),
        ("0 12 * * 0", "UTC", {"upscale_period": "Mon-Fri 07:00-07:10 UTC", "downscale_period": "Mon-Fri 19:00-19:10 UTC"}, True),
        ("0 2 * * *", "UTC", {"upscale_period": "Mon-Fri 07:00-07:10 UTC"}, False),
        ("0 2 * * *", "UTC", {"downtime": NIGHTS, "force_uptime": "Sun 00:00-24:00 UTC"}, False),
        ("0 0 31 2 *", "UTC", {"downtime": NIGHTS}, False),
        ("not cron", "UTC", {"downtime": NIGHTS}, False),
        ("TZ=UTC 0 2 * * *", "UTC", {"downtime": NIGHTS}, False),
        ("", "UTC", {"downtime": NIGHTS}, False),
        ("0 2 * * *", "Nowhere", {"downtime": NIGHTS}, False),
    ],
)
def test_runs_against_schedules(expression: str, zone: str, times: dict[str, str], expected: bool) -> None:
    policy = Policy(**{key: Setting(parse(text)) for key, text in times.items()})  # type: ignore[arg-type]
    assert bool(never_runs((expression, zone), policy, MONDAY)) is expected


def test_what_is_excluded_runs() -> None:
    policy = Policy(downtime=Setting(parse(NIGHTS)), excluded="excluded by workload annotation")
    assert never_runs(("0 2 * * *", "UTC"), policy, MONDAY) == ""


def test_the_nights_of_a_clock_change_are_nights_too() -> None:
    policy = Policy(downtime=Setting(parse("Mon-Sun 20:00-06:00 Europe/Berlin")))
    for day in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        assert never_runs(("30 2 * * *", "Europe/Berlin"), policy, day) == "each of its runs (30 2 * * *) lies in its downtime"


# ---- on the embedded cluster


def suspended(world: Any, kind: str = "cronjobs", name: str = "web") -> bool:
    return bool(world.sim.get(kind, "shop", name)["spec"].get("suspend"))


def test_a_nightly_run_is_left_on_with_a_hint(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.add("CronJob", spec={"schedule": "0 2 * * *"}, downtime=NIGHTS)
    world.add("CronJob", "hourly", downtime=NIGHTS)
    controller = world.controller("--include-resources=cronjobs", "--enable-events")
    controller.turn()
    world.pass_time(hours=9)
    controller.turn()

    assert (suspended(world), suspended(world, name="hourly")) == (False, True)
    assert controller.metric("kept", kind="cronjobs", cause="never-runs") == 1
    said = "cronjobs shop/web: each of its runs (0 2 * * *) lies in its downtime: it is left on, as it would never run; "
    assert caplog.text.count(f"{said}--night-runs=suspend suspends it") == 1
    assert [event["involvedObject"]["name"] for event in world.sim.list("events") if event["reason"] == "NeverRuns"] == ["web"]


def test_who_wants_so_has_it_suspended_with_a_hint(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.add("CronJob", spec={"schedule": "0 2 * * *"}, downtime=NIGHTS)
    world.pass_time(hours=9)
    world.controller("--include-resources=cronjobs", "--night-runs=suspend").turn()
    assert suspended(world)
    assert "lies in its downtime: it never runs; downscaler/exclude=true leaves it on" in caplog.text


@pytest.mark.parametrize("own", [{"exclude": "true"}, {"exclude": "true", "original_replicas": "1"}])
def test_no_hint_where_it_runs(world: Any, own: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    world.add("CronJob", spec={"schedule": "0 2 * * *"}, downtime=NIGHTS, **own)
    world.controller("--include-resources=cronjobs").turn()
    assert "lies in its downtime" not in caplog.text


def test_what_is_suspended_already_comes_up_by_its_schedule(world: Any) -> None:
    """As another downscaler left it: the night is not the time to start what it missed."""
    world.add("CronJob", spec={"schedule": "0 2 * * *", "suspend": True}, downtime=NIGHTS, original_replicas="1")
    world.pass_time(hours=9)
    world.controller("--include-resources=cronjobs").turn()
    assert suspended(world)
    world.pass_time(hours=10)
    world.controller("--include-resources=cronjobs").turn()
    assert not suspended(world)


def test_the_jobs_of_a_nightly_run_run_too(world: Any) -> None:
    world.add("CronJob", "nightly", spec={"schedule": "0 2 * * *"}, downtime=NIGHTS, scale_children="true")
    uid = world.sim.get("cronjobs", "shop", "nightly")["metadata"]["uid"]
    world.pass_time(hours=9)
    world.add("Job", "nightly-1")
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": uid, "controller": True}
    world.sim.patch("jobs", "shop", "nightly-1", {"metadata": {"ownerReferences": [owner]}})
    world.controller("--include-resources=cronjobs,jobs", "--grace-period=0").turn()
    assert not suspended(world, "jobs", "nightly-1")
