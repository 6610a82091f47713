"""The ReplicaSet controller: as many pods as replicas say, and their counts."""

from __future__ import annotations

from shared.kinds import PODS, REPLICA_SETS, Resource
from shared.simcluster.deployments import replicas_of
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import PodIdentity, counts_alike, is_active, is_ready, new_pod, suffix
from shared.simcluster.world import Controller, Key, World, key_of, owner_reference

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def _deletion_cost(pod: JsonObject) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    return int(text) if text.lstrip("-").isdigit() else 0


def deletion_order(pods: list[JsonObject]) -> list[JsonObject]:
    """Pods in the order in which a scale-down takes them: unbound, pending, not ready, cheap to delete, young."""
    by_name = sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
    youngest_first = sorted(by_name, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return sorted(
        youngest_first,
        key=lambda pod: (
            bool(pod["spec"].get("nodeName")),
            pod.get("status", {}).get("phase") == "Running",
            is_ready(pod),
            _deletion_cost(pod),
        ),
    )


def replica_set_status(replica_set: JsonObject, pods: list[JsonObject]) -> JsonObject:
    ready = sum(is_ready(pod) for pod in pods)
    labels = ((replica_set["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    labelled = sum(labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods)
    return {
        "observedGeneration": replica_set["metadata"].get("generation", 1),
        "replicas": len(pods),
        **({"fullyLabeledReplicas": labelled} if labelled else {}),
        **({"readyReplicas": ready, "availableReplicas": ready} if ready else {}),
    }


class ReplicaSetController(Controller):
    name = "replicaset"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._made: dict[str, int] = {}

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is REPLICA_SETS and after is not None:
            self._queue_changed(before, after)
        elif resource is REPLICA_SETS and before is not None:
            self._made.pop(before["metadata"]["uid"], None)
        elif resource is PODS and not counts_alike(before, after):
            self._queue_owner("ReplicaSet", after or before)

    def sync(self, key: Key) -> None:
        replica_set = self._world.get(REPLICA_SETS, key)
        if replica_set is None or replica_set["metadata"].get("deletionTimestamp"):
            return
        pods = [pod for pod in self._world.children(PODS, replica_set) if is_active(pod)]
        missing = replicas_of(replica_set) - len(pods)
        for _ in range(missing):
            self._add(replica_set)
        for pod in deletion_order(pods)[: max(0, -missing)]:
            self._world.delete(PODS, pod)
        if missing:
            pods = [pod for pod in self._world.children(PODS, replica_set) if is_active(pod)]
        self._world.set_status(REPLICA_SETS, replica_set, replica_set_status(replica_set, pods))

    def _add(self, replica_set: JsonObject) -> None:
        namespace, name = key_of(replica_set)
        made = self._made.get(replica_set["metadata"]["uid"], 0)
        # A controller that was started anew counts from zero again, so names may be taken.
        while self._world.get(PODS, (namespace, pod := f"{name[:57]}-{suffix(5, self._world.seed, namespace, name, made)}")):
            made += 1
        self._made[replica_set["metadata"]["uid"]] = made + 1
        identity = PodIdentity(namespace=namespace, name=pod, owner=owner_reference(replica_set), generate_name=f"{name[:57]}-")
        self._world.create(PODS, new_pod(replica_set["spec"]["template"], identity))
