"""The Deployment controller: one ReplicaSet per template, rolled from old to new, and the status that says how far it is."""

from __future__ import annotations

import math
from typing import Any

from shared.kinds import DEPLOYMENTS, REPLICA_SETS, Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import template_hash
from shared.simcluster.world import Controller, Key, key_of, owner_reference

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
# What the controller does not copy from a Deployment to its ReplicaSets.
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision-history",
    "deprecated.deployment.rollback.to",
    REVISION,
    DESIRED,
    MAXIMUM,
}


def replicas_of(obj: JsonObject) -> int:
    """spec.replicas; absent means 1, as the API server's default says."""
    replicas = obj["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def scaled_value(value: object, total: int, *, up: bool) -> int:
    """An int-or-percent such as maxSurge: percentages are of *total*, rounded up or down."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(str(value))


def rolling_limits(deployment: JsonObject) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; both zero would stand still, so one pod may then be missing."""
    settings = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    replicas = replicas_of(deployment)
    surge = scaled_value(settings.get("maxSurge", "25%"), replicas, up=True)
    missing = scaled_value(settings.get("maxUnavailable", "25%"), replicas, up=False)
    return (surge, missing) if surge or missing else (0, 1)


def _count(replica_set: JsonObject, field: str) -> int:
    return int((replica_set.get("status") or {}).get(field) or 0)


def _revision(obj: JsonObject) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def rollout_targets(deployment: JsonObject, new: JsonObject, old: list[JsonObject]) -> dict[str, int]:
    """The replicas that each ReplicaSet (by name) should have next. Pure.

    RollingUpdate as Kubernetes does it: never above replicas + maxSurge pods in all, never under replicas - maxUnavailable
    available.
    """
    wanted = replicas_of(deployment)
    name = new["metadata"]["name"]
    active = [each for each in old if replicas_of(each) > 0 or _count(each, "replicas") > 0]
    if not active:
        return {name: wanted}
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        gone = all(_count(each, "replicas") == 0 and replicas_of(each) == 0 for each in active)
        return {each["metadata"]["name"]: 0 for each in active} | ({name: wanted} if gone else {})
    surge, missing = rolling_limits(deployment)
    total = replicas_of(new) + sum(replicas_of(each) for each in active)
    targets = {name: min(wanted, replicas_of(new) + max(0, wanted + surge - total))}
    unavailable = replicas_of(new) - min(replicas_of(new), _count(new, "availableReplicas"))
    removable = total - (wanted - missing) - unavailable
    for each in active:
        broken = replicas_of(each) - min(replicas_of(each), _count(each, "availableReplicas"))
        cut = max(0, min(replicas_of(each), removable))
        # Pods that are not available anyway cost nothing to remove, but they are removed within the same limit.
        cut = max(cut, min(broken, removable)) if removable > 0 else 0
        if cut:
            targets[each["metadata"]["name"]] = replicas_of(each) - cut
            removable -= cut
    return targets


def copied_annotations(deployment: JsonObject) -> dict[str, str]:
    """The annotations that the controller copies to the current ReplicaSet: all but kubectl's and its own."""
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def new_replica_set(deployment: JsonObject, revision: int) -> JsonObject:
    """The ReplicaSet of the Deployment's present template, with no replicas yet."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    template = spec["template"]
    label = template_hash(template)
    about = template.get("metadata") or {}
    labels = {**(about.get("labels") or {}), HASH_LABEL: label}
    selector = spec.get("selector") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{label}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {**copied_annotations(deployment), REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
            "generation": 1,
        },
        "spec": {
            "replicas": 0,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: label}},
            "template": {**template, "metadata": {**about, "labels": labels}},
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
        },
        "status": {"replicas": 0},
    }


def deployment_status(deployment: JsonObject, new: JsonObject | None, sets: list[JsonObject], stamp: str) -> JsonObject:
    """Status from the ReplicaSets: counts, observedGeneration and the two conditions that kubectl and people read."""
    wanted = replicas_of(deployment)
    counts = {field: sum(_count(each, field) for each in sets) for field in ("replicas", "readyReplicas", "availableReplicas")}
    updated = _count(new, "replicas") if new is not None else 0
    missing = max(0, wanted - counts["availableReplicas"])
    old = deployment.get("status") or {}
    limit = rolling_limits(deployment)[1]
    available = counts["availableReplicas"] >= wanted - limit
    complete = updated == wanted == counts["replicas"] == counts["availableReplicas"]
    name = new["metadata"]["name"] if new is not None else ""
    condition = _Conditions(old, stamp)
    status: JsonObject = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{field: count for field, count in counts.items() if count},
        **({"updatedReplicas": updated} if updated else {}),
        **({"unavailableReplicas": missing} if missing else {}),
        "conditions": [
            condition(
                "Available",
                available,
                "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
                f"Deployment {'has' if available else 'does not have'} minimum availability.",
            ),
            condition(
                "Progressing",
                True,
                "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated",
                f'ReplicaSet "{name}" {"has successfully progressed" if complete else "is progressing"}.',
            ),
        ],
    }
    return status


class _Conditions:
    """Conditions that keep their times while nothing about them changes."""

    def __init__(self, status: JsonObject, stamp: str) -> None:
        self._old = {each["type"]: each for each in status.get("conditions") or ()}
        self._stamp = stamp

    def __call__(self, kind: str, value: bool, reason: str, message: str) -> dict[str, Any]:
        old = self._old.get(kind) or {}
        same = old.get("status") == str(value)
        if same and old.get("reason") == reason and old.get("message") == message:
            return old
        changed = old.get("lastTransitionTime", self._stamp) if same else self._stamp
        times = {"lastUpdateTime": self._stamp, "lastTransitionTime": changed}
        return {"type": kind, "status": str(value), **times, "reason": reason, "message": message}


class DeploymentController(Controller):
    name = "deployment"

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is DEPLOYMENTS and after is not None:
            self._queue_changed(before, after)
        elif resource is REPLICA_SETS:
            self._queue_owner("Deployment", after or before)

    def sync(self, key: Key) -> None:
        deployment = self._world.get(DEPLOYMENTS, key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return
        sets = self._world.children(REPLICA_SETS, deployment)
        label = template_hash(deployment["spec"]["template"])
        new = next((each for each in sets if (each["metadata"].get("labels") or {}).get(HASH_LABEL) == label), None)
        if deployment["spec"].get("paused"):
            active = [each for each in sets if replicas_of(each)]
            if len(active) <= 1 and (active or new):
                self._scale(active[0] if active else new, replicas_of(deployment), deployment)
        else:
            new = self._progress(deployment, new, [each for each in sets if each is not new])
        current = self._world.children(REPLICA_SETS, deployment)
        new = next((each for each in current if new is not None and each["metadata"]["uid"] == new["metadata"]["uid"]), None)
        latest = self._world.get(DEPLOYMENTS, key_of(deployment)) or deployment
        self._world.set_status(DEPLOYMENTS, latest, deployment_status(latest, new, current, self._world.timestamp))
        self._clean(deployment, [each for each in current if each is not new])

    def _progress(self, deployment: JsonObject, new: JsonObject | None, old: list[JsonObject]) -> JsonObject:
        newest = max((_revision(each) for each in old), default=0)
        if new is None:
            new = self._world.create(REPLICA_SETS, new_replica_set(deployment, newest + 1))
        # A template that comes back (a rollback) gets the next revision, as its ReplicaSet becomes the current one again.
        revision = max(_revision(new), newest + 1) if old else _revision(new) or 1
        self._record_revision(deployment, revision)
        targets = rollout_targets(deployment, new, old)
        for each in [new, *old]:
            target = targets.get(each["metadata"]["name"], replicas_of(each))
            self._scale(each, target, deployment, revision if each is new else None)
        return new

    def _record_revision(self, deployment: JsonObject, revision: int) -> None:
        if _revision(deployment) == revision:
            return
        metadata = deployment["metadata"]
        annotations = {**(metadata.get("annotations") or {}), REVISION: str(revision)}
        self._world.replace(DEPLOYMENTS, {**deployment, "metadata": {**metadata, "annotations": annotations}})

    def _scale(self, replica_set: JsonObject | None, target: int, deployment: JsonObject, revision: int | None = None) -> None:
        """Give *replica_set* its size and, when it is the current one (*revision*), the Deployment's annotations."""
        if replica_set is None:
            return
        metadata = replica_set["metadata"]
        wanted = replicas_of(deployment)
        annotations = dict(metadata.get("annotations") or {})
        if revision is not None:
            annotations |= copied_annotations(deployment) | {REVISION: str(revision)}
        if target or revision is not None:
            annotations |= {DESIRED: str(wanted), MAXIMUM: str(wanted + rolling_limits(deployment)[0])}
        resized = target != replicas_of(replica_set)
        if not resized and annotations == metadata.get("annotations"):
            return
        generation = metadata.get("generation", 1) + resized
        self._world.replace(
            REPLICA_SETS,
            {
                **replica_set,
                "metadata": {**metadata, "annotations": annotations, "generation": generation},
                "spec": {**replica_set["spec"], "replicas": target},
            },
        )

    def _clean(self, deployment: JsonObject, old: list[JsonObject]) -> None:
        """Delete the oldest emptied ReplicaSets beyond revisionHistoryLimit."""
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        empty = [each for each in old if replicas_of(each) == 0 and _count(each, "replicas") == 0]
        for each in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            self._world.delete(REPLICA_SETS, each)
