"""Jobs and CronJobs in the living cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import NotFound
from shared.simcluster import SimCluster
from shared.simcluster.cronjobs import missed_start, times_around
from shared.simcluster.manifests import Team, Workload, manifest
from shared.times import format_timestamp

TEAM = Team("shop")
# A Monday.
START = datetime(2026, 3, 23, 9, tzinfo=UTC)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START, live=True) as sim:
        sim.namespace("shop")
        yield sim


def batch(kind: str, seconds: int = 60, exit_code: int = 0, **spec: Any) -> dict[str, Any]:
    steered = {"simcluster/run-seconds": str(seconds), "simcluster/exit-code": str(exit_code)}
    return manifest(Workload(kind=kind, namespace="shop", name="task", team=TEAM, pod_annotations=steered, spec=spec))


def conditions(job: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in job["status"].get("conditions", [])}


def job_names(sim: SimCluster) -> list[str]:
    return [job["metadata"]["name"] for job in sim.list("jobs", "shop")]


def active_pods(sim: SimCluster) -> list[dict[str, Any]]:
    return [pod for pod in sim.list("pods", "shop") if pod["status"]["phase"] in ("Pending", "Running")]


def test_a_job_runs_its_completions(sim: SimCluster) -> None:
    """Never more pods than parallelism, as many successes as completions, then Complete."""
    sim.create(batch("Job", parallelism=2, completions=5))
    most = 0
    for _ in range(60):
        sim.advance(timedelta(seconds=10))
        most = max(most, len(active_pods(sim)))

    job = sim.get("jobs", "shop", "task")
    assert most == 2
    assert job["status"]["succeeded"] == 5
    assert conditions(job)["Complete"] == "True"
    assert job["status"]["startTime"] < job["status"]["completionTime"]
    assert {pod["status"]["phase"] for pod in sim.list("pods", "shop")} == {"Succeeded"}


def test_suspending_a_job_deletes_its_active_pods(sim: SimCluster) -> None:
    """Suspended: no active pods and no startTime; resumed: it runs to its end."""
    sim.create(batch("Job", seconds=600, parallelism=1, completions=1))
    sim.advance(timedelta(minutes=2))

    sim.patch("jobs", "shop", "task", {"spec": {"suspend": True}})
    sim.advance(timedelta(minutes=1))
    suspended = sim.get("jobs", "shop", "task")
    left = active_pods(sim)
    sim.patch("jobs", "shop", "task", {"spec": {"suspend": False}})
    sim.advance(timedelta(minutes=15))

    assert left == []
    assert conditions(suspended)["Suspended"] == "True"
    assert "startTime" not in suspended["status"]
    resumed = conditions(sim.get("jobs", "shop", "task"))
    assert (resumed["Suspended"], resumed["Complete"]) == ("False", "True")


def test_a_failing_job_gives_up_after_its_retries(sim: SimCluster) -> None:
    """backoffLimit retries with growing pauses, then Failed."""
    sim.create(batch("Job", seconds=5, exit_code=1, backoffLimit=2))

    sim.advance(timedelta(minutes=10))

    job = sim.get("jobs", "shop", "task")
    assert job["status"]["failed"] == 3
    assert conditions(job)["Failed"] == "True"


def test_a_job_past_its_deadline_fails(sim: SimCluster) -> None:
    """activeDeadlineSeconds ends the job and its pods at that second."""
    sim.create(batch("Job", seconds=3600, activeDeadlineSeconds=120))

    sim.advance(timedelta(seconds=119))
    before = active_pods(sim)
    sim.advance(timedelta(seconds=1))

    assert len(before) == 1
    assert active_pods(sim) == []
    assert conditions(sim.get("jobs", "shop", "task"))["Failed"] == "True"


def test_a_finished_job_is_cleaned_up_when_it_says_so(sim: SimCluster) -> None:
    """ttlSecondsAfterFinished takes the job and its pods."""
    sim.create(batch("Job", seconds=60, ttlSecondsAfterFinished=600))
    sim.advance(timedelta(minutes=5))
    assert conditions(sim.get("jobs", "shop", "task"))["Complete"] == "True"

    sim.advance(timedelta(minutes=10))

    with pytest.raises(NotFound):
        sim.get("jobs", "shop", "task")
    assert sim.list("pods", "shop") == []


def test_a_cron_job_fires_in_its_own_time_zone(sim: SimCluster) -> None:
    """12:00 in Berlin is 11:00 UTC before the change to summer time; the job is named after the minute."""
    sim.create(batch("CronJob", schedule="0 12 * * *", timeZone="Europe/Berlin"))

    sim.advance(timedelta(hours=1, minutes=59))
    before = job_names(sim)
    sim.advance(timedelta(minutes=1))

    minute = int(datetime(2026, 3, 23, 11, tzinfo=UTC).timestamp()) // 60
    assert before == []
    assert job_names(sim) == [f"task-{minute}"]
    assert sim.get("cronjobs", "shop", "task")["status"]["lastScheduleTime"] == "2026-03-23T11:00:00Z"


def test_history_keeps_the_latest_jobs(sim: SimCluster) -> None:
    """Three successful jobs are kept by default, and lastSuccessfulTime follows."""
    sim.create(batch("CronJob", schedule="*/10 * * * *"))

    sim.advance(timedelta(hours=2, minutes=5))

    status = sim.get("cronjobs", "shop", "task")["status"]
    assert len(job_names(sim)) == 3
    assert "active" not in status
    assert status["lastSuccessfulTime"] > "2026-03-23T11:00:00Z"


def test_a_suspended_cron_job_is_silent_and_catches_up_once(sim: SimCluster) -> None:
    """Nothing starts while suspended; afterwards the latest missed start is made up for, and only that one."""
    sim.create(batch("CronJob", schedule="0 * * * *"))
    sim.advance(timedelta(minutes=30))
    sim.patch("cronjobs", "shop", "task", {"spec": {"suspend": True}})
    sim.advance(timedelta(hours=5))
    silent = job_names(sim)

    sim.patch("cronjobs", "shop", "task", {"spec": {"suspend": False}})
    sim.advance(timedelta(minutes=5))

    minute = int(datetime(2026, 3, 23, 14, tzinfo=UTC).timestamp()) // 60
    assert silent == []
    assert job_names(sim) == [f"task-{minute}"]


def test_a_starting_deadline_forgoes_the_catch_up(sim: SimCluster) -> None:
    """A start missed by more than startingDeadlineSeconds stays missed; the next one comes on time."""
    sim.create(batch("CronJob", schedule="0 * * * *", startingDeadlineSeconds=600, suspend=True))
    sim.advance(timedelta(hours=3, minutes=30))

    sim.patch("cronjobs", "shop", "task", {"spec": {"suspend": False}})
    sim.advance(timedelta(minutes=10))
    after = job_names(sim)
    sim.advance(timedelta(minutes=20))

    assert after == []
    assert len(job_names(sim)) == 1


@pytest.mark.parametrize(
    ("policy", "running"),
    [("Allow", 3), ("Forbid", 1), ("Replace", 1)],
)
def test_concurrency_policies(sim: SimCluster, policy: str, running: int) -> None:
    """Jobs of 25 minutes every ten: three at a time, the old one alone, or the new one alone."""
    sim.create(batch("CronJob", seconds=1500, schedule="*/10 * * * *", concurrencyPolicy=policy))

    sim.advance(timedelta(minutes=34))

    active = sim.get("cronjobs", "shop", "task")["status"]["active"]
    newest = f"task-{int((START + timedelta(minutes=30)).timestamp()) // 60}"
    assert len(active) == running
    assert (newest in {each["name"] for each in active}) == (policy != "Forbid")


def test_an_unreadable_schedule_stops_only_itself(sim: SimCluster) -> None:
    """The store may hold what the API would refuse; other CronJobs go on."""
    broken = batch("CronJob", schedule="every now and then")
    broken["metadata"]["name"] = "broken"
    sim.store.create(sim.store.resource_for("cronjobs"), broken, trusted=True)
    sim.create(batch("CronJob", schedule="*/5 * * * *"))

    sim.advance(timedelta(minutes=6))

    assert len(job_names(sim)) == 1


NOW = datetime(2026, 3, 23, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "last", "following"),
    [
        ("0 * * * *", "", "2026-03-23T12:00:00Z", "2026-03-23T13:00:00Z"),
        ("30 12 * * *", "", "2026-03-23T12:30:00Z", "2026-03-24T12:30:00Z"),
        ("0 20 * * 1-5", "Europe/Berlin", "2026-03-20T19:00:00Z", "2026-03-23T19:00:00Z"),
        ("@daily", "Asia/Tokyo", "2026-03-22T15:00:00Z", "2026-03-23T15:00:00Z"),
    ],
)
def test_times_around(schedule: str, zone: str, last: str, following: str) -> None:
    """Both in UTC; a time equal to now counts as past."""
    times = times_around(schedule, zone, NOW)

    assert (format_timestamp(times.last), format_timestamp(times.next)) == (last, following)


@pytest.mark.parametrize(
    ("recorded", "deadline", "missed"),
    [("2026-03-23T11:00:00Z", None, True), ("2026-03-23T12:00:00Z", None, False), ("2026-03-23T11:00:00Z", 1799, False)],
    ids=["not yet started", "already started", "too late"],
)
def test_missed_start(recorded: str, deadline: int | None, missed: bool) -> None:
    """The last due time (12:00) is started unless its job was, or its deadline has passed."""
    cron_job = {
        "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {} if deadline is None else {"startingDeadlineSeconds": deadline},
        "status": {"lastScheduleTime": recorded},
    }
    due = datetime(2026, 3, 23, 12, tzinfo=UTC)

    assert missed_start(cron_job, due, NOW) == (due if missed else None)
