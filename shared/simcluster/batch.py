"""The Job controller: pods that run to completion, suspension, retries and the clean-up of finished jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.kinds import JOBS, PODS, Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import PodIdentity, counts_alike, is_active, is_ready, new_pod, suffix
from shared.simcluster.world import Controller, Key, World, key_of, owner_reference
from shared.times import format_timestamp, parse_timestamp

_RETRY_SECONDS = 10
_LONGEST_RETRY = 600


def finished_at(job: JsonObject) -> str | None:
    """When the job completed or failed for good; None while it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["lastTransitionTime"])
    return None


def has_failed(job: JsonObject) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)


def _phase_count(pods: list[JsonObject], phase: str) -> int:
    return sum((pod.get("status") or {}).get("phase") == phase for pod in pods)


def _last_failure(pods: list[JsonObject]) -> str | None:
    """When the latest pod failed."""
    times = [
        each["state"]["terminated"]["finishedAt"]
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Failed"
        for each in pod["status"].get("containerStatuses") or ()
        if "terminated" in each["state"]
    ]
    return max(times, default=None)


def is_complete(job: JsonObject, succeeded: int, active: int) -> bool:
    """Enough pods have succeeded: completions of them, or one of a work queue whose other pods have ended."""
    completions = job["spec"].get("completions")
    if completions is None:
        return succeeded > 0 and active == 0
    return succeeded >= int(completions)


class JobController(Controller):
    name = "job"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._made: dict[str, int] = {}

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is JOBS and after is not None:
            self._queue_changed(before, after)
        elif resource is JOBS and before is not None:
            self._made.pop(before["metadata"]["uid"], None)
        elif resource is PODS and not counts_alike(before, after):
            self._queue_owner("Job", after or before)

    def sync(self, key: Key) -> None:
        job = self._world.get(JOBS, key)
        if job is None or job["metadata"].get("deletionTimestamp"):
            return
        if finished_at(job) is not None:
            self._expire(key, job)
            return
        pods = self._world.children(PODS, job)
        if job["spec"].get("suspend"):
            self._suspend(job, pods)
        else:
            self._run(key, job, pods)

    def _expire(self, key: Key, job: JsonObject) -> None:
        """ttlSecondsAfterFinished: the job and its pods go that long after its end."""
        ttl, ended = job["spec"].get("ttlSecondsAfterFinished"), finished_at(job)
        if ttl is None or ended is None:
            return
        due = parse_timestamp(ended) + timedelta(seconds=int(ttl))
        if due <= self._world.now:
            self._world.delete(JOBS, job)
        else:
            self._world.at(due, self.name, key)

    def _suspend(self, job: JsonObject, pods: list[JsonObject]) -> None:
        for pod in pods:
            if is_active(pod):
                self._world.delete(PODS, pod)
        status = dict(job.get("status") or {})
        for gone in ("startTime", "active", "ready"):
            status.pop(gone, None)
        self._write(job, status, ("Suspended", True, "JobSuspended", "Job suspended"))

    def _run(self, key: Key, job: JsonObject, pods: list[JsonObject]) -> None:
        status = dict(job.get("status") or {})
        resumed = any(each["type"] == "Suspended" and each["status"] == "True" for each in status.get("conditions") or ())
        status.setdefault("startTime", self._world.timestamp)
        # Finished pods may have been deleted meanwhile; what was counted once stays counted.
        succeeded = max(_phase_count(pods, "Succeeded"), status.get("succeeded", 0))
        failed = max(_phase_count(pods, "Failed"), status.get("failed", 0))
        active = [pod for pod in pods if is_active(pod)]
        status |= {name: count for name, count in (("succeeded", succeeded), ("failed", failed)) if count}
        if is_complete(job, succeeded, len(active)):
            self._finish(job, status, active, ("Complete", "CompletionsReached", "Reached expected number of succeeded pods"))
            return
        if failed > int(job["spec"].get("backoffLimit", 6)):
            self._finish(job, status, active, ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
            return
        if self._is_late(key, job, status):
            self._finish(job, status, active, ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline"))
            return
        count = self._adjust(key, job, (pods, active), (succeeded, failed))
        ready = sum(is_ready(pod) for pod in active)
        status |= {"active": count, "ready": ready, "terminating": 0, "uncountedTerminatedPods": {}}
        self._write(job, status, ("Suspended", False, "JobResumed", "Job resumed") if resumed else None)

    def _is_late(self, key: Key, job: JsonObject, status: JsonObject) -> bool:
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is None:
            return False
        due = parse_timestamp(status["startTime"]) + timedelta(seconds=int(deadline))
        if due > self._world.now:
            self._world.at(due, self.name, key)
        return due <= self._world.now

    def _adjust(self, key: Key, job: JsonObject, pods: tuple[list[JsonObject], list[JsonObject]], counts: tuple[int, int]) -> int:
        """Make or delete pods until as many are active as parallelism and the work left allow; returns how many are then."""
        everything, active = pods
        succeeded, failed = counts
        spec = job["spec"]
        parallelism = int(spec.get("parallelism", 1))
        completions = spec.get("completions")
        # Of a work queue (no completions) nothing new is started once one pod has succeeded.
        wanted = (
            min(parallelism, int(completions) - succeeded)
            if completions is not None
            else (len(active) if succeeded else parallelism)
        )
        for pod in active[wanted:] if wanted < len(active) else ():
            self._world.delete(PODS, pod)
        failure = _last_failure(everything)
        if wanted > len(active) and failed and failure is not None:
            retry = parse_timestamp(failure) + timedelta(seconds=min(_RETRY_SECONDS * 2 ** (failed - 1), _LONGEST_RETRY))
            if retry > self._world.now:
                self._world.at(retry, self.name, key)
                return len(active)
        for _ in range(wanted - len(active)):
            self._create(job)
        return wanted

    def _create(self, job: JsonObject) -> None:
        namespace, name = key_of(job)
        uid = job["metadata"]["uid"]
        made = self._made.get(uid, 0)
        while self._world.get(PODS, (namespace, pod := f"{name[:57]}-{suffix(5, self._world.seed, namespace, name, made)}")):
            made += 1
        self._made[uid] = made + 1
        labels = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
        }
        identity = PodIdentity(
            namespace=namespace, name=pod, owner=owner_reference(job), labels=labels, generate_name=f"{name[:57]}-"
        )
        self._world.create(PODS, new_pod(job["spec"]["template"], identity))

    def _finish(self, job: JsonObject, status: JsonObject, active: list[JsonObject], outcome: tuple[str, str, str]) -> None:
        for pod in active:
            self._world.delete(PODS, pod)
        kind, reason, message = outcome
        # To be looked at once more: a finished job may have a time to live.
        self._world.queue(self.name, key_of(job))
        for gone in ("active", "ready"):
            status.pop(gone, None)
        if kind == "Complete":
            status["completionTime"] = self._world.timestamp
        first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        status["conditions"] = self._conditions(status, (first, True, reason, message))
        self._write(job, status, (kind, True, reason, message))

    def _conditions(self, status: JsonObject, change: tuple[str, bool, str, str]) -> list[dict[str, Any]]:
        kind, value, reason, message = change
        conditions = list(status.get("conditions") or ())
        old = next((each for each in conditions if each["type"] == kind), None)
        if old is not None and old["status"] == str(value):
            return conditions
        stamp = format_timestamp(self._world.now)
        new = {"type": kind, "status": str(value), "lastProbeTime": stamp, "lastTransitionTime": stamp}
        return [*(each for each in conditions if each["type"] != kind), new | {"reason": reason, "message": message}]

    def _write(self, job: JsonObject, status: JsonObject, change: tuple[str, bool, str, str] | None) -> None:
        if change is not None:
            status["conditions"] = self._conditions(status, change)
        latest = self._world.get(JOBS, key_of(job))
        if latest is not None:
            self._world.set_status(JOBS, latest, status)
