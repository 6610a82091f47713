"""The CronJob controller: jobs at their times, in the CronJob's own time zone, and the history that is kept of them.

Follows Kubernetes' second controller: a start that was missed (while suspended, or while a Forbid run was still active) is made
up for once, for the latest time missed, unless startingDeadlineSeconds has passed since.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from croniter import croniter

from shared.kinds import CRON_JOBS, JOBS, Resource
from shared.simcluster.batch import finished_at, has_failed
from shared.simcluster.records import JsonObject
from shared.simcluster.world import Controller, Key, World, key_of, owner_reference
from shared.times import format_timestamp, parse_timestamp

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class Times(msgspec.Struct, frozen=True):
    """The last time a schedule was due before some instant, and the next one after it."""

    schedule: str
    zone: str
    last: datetime
    next: datetime


def next_time(schedule: str, zone: str, after: datetime) -> datetime:
    """The first due time after *after*. Raises ValueError for a schedule or zone that cannot be read."""
    following: datetime = croniter(schedule, after.astimezone(ZoneInfo(zone or "UTC"))).get_next(datetime)
    return following.astimezone(UTC)


def times_around(schedule: str, zone: str, now: datetime) -> Times:
    """Last and next due time. A time equal to *now* is the last one. Raises ValueError as `next_time` does."""
    # get_prev is strict and schedules are in whole minutes.
    local = now.astimezone(ZoneInfo(zone or "UTC")) + timedelta(seconds=1)
    last: datetime = croniter(schedule, local).get_prev(datetime)
    return Times(schedule, zone, last.astimezone(UTC), next_time(schedule, zone, now))


def missed_start(cron_job: JsonObject, last_due: datetime, now: datetime) -> datetime | None:
    """The due time for which a job has to be started now, if any. Pure."""
    recorded = (cron_job.get("status") or {}).get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    earliest = parse_timestamp(recorded)
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if last_due <= earliest or (deadline is not None and last_due + timedelta(seconds=int(deadline)) < now):
        return None
    return last_due


def new_job(cron_job: JsonObject, due: datetime, uid: str) -> JsonObject:
    """The job of one due time, named after it in minutes since 1970 as Kubernetes does."""
    template = cron_job["spec"]["jobTemplate"]
    about = template.get("metadata") or {}
    namespace, name = key_of(cron_job)
    job_name = f"{name}-{int(due.timestamp()) // 60}"
    spec = template.get("spec") or {}
    pods = spec.get("template") or {}
    labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": job_name}
    pod_about = pods.get("metadata") or {}
    pods = {**pods, "metadata": {**pod_about, "labels": {**(pod_about.get("labels") or {}), **labels}}}
    completions = {} if "parallelism" in spec else {"completions": 1}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name,
            "namespace": namespace,
            "uid": uid,
            "labels": {**(about.get("labels") or {}), **labels},
            "annotations": {**(about.get("annotations") or {}), SCHEDULED_AT: format_timestamp(due)},
            "ownerReferences": [owner_reference(cron_job)],
            "generation": 1,
        },
        "spec": {
            "parallelism": 1,
            **completions,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            **spec,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
            "template": pods,
        },
        "status": {},
    }


class CronJobController(Controller):
    name = "cronjob"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._times: dict[Key, Times] = {}

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is CRON_JOBS and after is not None:
            self._queue_changed(before, after)
        elif resource is CRON_JOBS:
            self._times.pop(key_of(before or {}), None)
        elif resource is JOBS and (before is None or after is None or finished_at(before) != finished_at(after)):
            self._queue_owner("CronJob", after or before)

    def sync(self, key: Key) -> None:
        cron_job = self._world.get(CRON_JOBS, key)
        if cron_job is None or cron_job["metadata"].get("deletionTimestamp"):
            return
        jobs = self._world.children(JOBS, cron_job)
        self._trim(cron_job, jobs)
        started = None
        if not cron_job["spec"].get("suspend"):
            times = self._around(key, cron_job)
            self._world.at(times.next, self.name, key)
            started = self._start(cron_job, jobs, missed_start(cron_job, times.last, self._world.now))
        self._report(key, started)

    def _around(self, key: Key, cron_job: JsonObject) -> Times:
        schedule, zone = cron_job["spec"]["schedule"], cron_job["spec"].get("timeZone") or ""
        known = self._times.get(key)
        if known is None or (known.schedule, known.zone) != (schedule, zone) or known.last > self._world.now:
            known = self._times[key] = times_around(schedule, zone, self._world.now)
        elif known.next <= self._world.now:
            # Usually the timer of the next time rang: one step along the schedule is cheaper than a search around now.
            known = Times(schedule, zone, known.next, next_time(schedule, zone, known.next))
            known = known if self._world.now < known.next else times_around(schedule, zone, self._world.now)
            self._times[key] = known
        return known

    def _start(self, cron_job: JsonObject, jobs: list[JsonObject], due: datetime | None) -> datetime | None:
        """Start the job of *due* as concurrencyPolicy allows; returns *due* if its job exists afterwards."""
        if due is None:
            return None
        policy = cron_job["spec"].get("concurrencyPolicy", "Allow")
        active = [job for job in jobs if finished_at(job) is None]
        if active and policy == "Forbid":
            return None
        if policy == "Replace":
            for job in active:
                self._world.delete(JOBS, job)
        job = new_job(cron_job, due, self._world.store.new_uid())
        if self._world.get(JOBS, key_of(job)) is None:
            self._world.create(JOBS, job)
        return due

    def _report(self, key: Key, started: datetime | None) -> None:
        cron_job = self._world.get(CRON_JOBS, key)
        if cron_job is None:
            return
        jobs = self._world.children(JOBS, cron_job)
        status = dict(cron_job.get("status") or {})
        # A reference keeps the resourceVersion that it was made with, so that a job's progress alone is no change here.
        known = {each["uid"]: each for each in status.pop("active", None) or ()}
        active = [known.get(job["metadata"]["uid"]) or _reference(job) for job in jobs if finished_at(job) is None]
        if active:
            status["active"] = active
        if started is not None:
            status["lastScheduleTime"] = format_timestamp(started)
        ends = [ended for job in jobs if (ended := finished_at(job)) is not None and not has_failed(job)]
        if ends:
            status["lastSuccessfulTime"] = max([*ends, status.get("lastSuccessfulTime", "")])
        self._world.set_status(CRON_JOBS, cron_job, status)

    def _trim(self, cron_job: JsonObject, jobs: list[JsonObject]) -> None:
        """Delete the oldest finished jobs beyond the history limits."""
        limits = {
            False: cron_job["spec"].get("successfulJobsHistoryLimit", 3),
            True: cron_job["spec"].get("failedJobsHistoryLimit", 1),
        }
        ended = [job for job in jobs if finished_at(job) is not None]
        for failed, limit in limits.items():
            same = sorted((job for job in ended if has_failed(job) is failed), key=lambda job: str(finished_at(job)))
            for job in same[: max(0, len(same) - int(limit))]:
                self._world.delete(JOBS, job)


def _reference(job: JsonObject) -> JsonObject:
    metadata = job["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
