"""The StatefulSet controller, and the volume claims that its pods bring with them."""

from __future__ import annotations

from shared.kinds import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS, Resource
from shared.simcluster.deployments import replicas_of
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import PodIdentity, counts_alike, is_active, is_ready, new_pod, template_hash
from shared.simcluster.world import Controller, Key, key_of, owner_reference

REVISION_LABEL = "controller-revision-hash"


def ordinal_of(pod: JsonObject) -> int:
    """The number at the end of a pod's name, -1 where there is none."""
    tail = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1


def ordinals(stateful_set: JsonObject) -> range:
    """The ordinals that should have a pod."""
    start = int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))
    return range(start, start + replicas_of(stateful_set))


def revision_of(stateful_set: JsonObject) -> str:
    return f"{stateful_set['metadata']['name']}-{template_hash(stateful_set['spec']['template'])}"


def claims_of(stateful_set: JsonObject, ordinal: int) -> list[JsonObject]:
    """The volume claims of one pod, named template-set-ordinal."""
    namespace, name = key_of(stateful_set)
    retention = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    claims = []
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        about = template.get("metadata") or {}
        labels = {**(about.get("labels") or {}), **((stateful_set["spec"].get("selector") or {}).get("matchLabels") or {})}
        metadata: JsonObject = {"name": f"{about.get('name')}-{name}-{ordinal}", "namespace": namespace, "labels": labels}
        if about.get("annotations"):
            metadata["annotations"] = about["annotations"]
        if retention.get("whenDeleted") == "Delete":
            reference = owner_reference(stateful_set)
            metadata["ownerReferences"] = [{key: value for key, value in reference.items() if key != "controller"}]
        claims.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": metadata,
                "spec": {"volumeMode": "Filesystem", "storageClassName": "gp3", **(template.get("spec") or {})},
                "status": {"phase": "Pending"},
            }
        )
    return claims


def stateful_set_status(stateful_set: JsonObject, pods: list[JsonObject]) -> JsonObject:
    revision = revision_of(stateful_set)
    updated = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == revision for pod in pods)
    ready = sum(is_ready(pod) for pod in pods)
    complete = updated == len(pods)
    current = revision if complete else (stateful_set.get("status") or {}).get("currentRevision", revision)
    return {
        "observedGeneration": stateful_set["metadata"].get("generation", 1),
        "replicas": len(pods),
        "availableReplicas": ready,
        "collisionCount": 0,
        **({"readyReplicas": ready} if ready else {}),
        **({"currentReplicas": len(pods) if complete else len(pods) - updated} if pods else {}),
        **({"updatedReplicas": updated} if updated else {}),
        "currentRevision": current,
        "updateRevision": revision,
    }


class StatefulSetController(Controller):
    name = "statefulset"

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is STATEFUL_SETS and after is not None:
            self._queue_changed(before, after)
        elif resource is PODS and not counts_alike(before, after):
            self._queue_owner("StatefulSet", after or before)

    def sync(self, key: Key) -> None:
        stateful_set = self._world.get(STATEFUL_SETS, key)
        if stateful_set is None or stateful_set["metadata"].get("deletionTimestamp"):
            return
        pods = {ordinal_of(pod): pod for pod in self._world.children(PODS, stateful_set)}
        self._scale_down(stateful_set, pods)
        if self._fill(stateful_set, pods):
            self._update(stateful_set, pods)
        pods = {ordinal_of(pod): pod for pod in self._world.children(PODS, stateful_set)}
        status = stateful_set_status(stateful_set, [pod for pod in pods.values() if is_active(pod)])
        self._world.set_status(STATEFUL_SETS, stateful_set, status)

    def _scale_down(self, stateful_set: JsonObject, pods: dict[int, JsonObject]) -> None:
        """Highest ordinal first; with whenScaled Delete the claims go with the pod."""
        retention = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        wanted = ordinals(stateful_set)
        for ordinal in sorted(set(pods) - set(wanted), reverse=True):
            self._world.delete(PODS, pods.pop(ordinal))
            if retention.get("whenScaled") == "Delete":
                self._delete_claims(stateful_set, ordinal)

    def _delete_claims(self, stateful_set: JsonObject, ordinal: int) -> None:
        for claim in claims_of(stateful_set, ordinal):
            stored = self._world.get(PERSISTENT_VOLUME_CLAIMS, key_of(claim))
            if stored is not None:
                self._world.delete(PERSISTENT_VOLUME_CLAIMS, stored)

    def _fill(self, stateful_set: JsonObject, pods: dict[int, JsonObject]) -> bool:
        """Make the missing pods: all at once (Parallel), or each once those before it are Ready. True when all are Ready."""
        ordered = stateful_set["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        whole = True
        for ordinal in ordinals(stateful_set):
            pod = pods.get(ordinal)
            if pod is not None and not is_active(pod):
                self._world.delete(PODS, pod)
                pod = None
            if pod is None:
                self._create(stateful_set, ordinal)
            if pod is None or not is_ready(pod):
                whole = False
                if ordered:
                    break
        return whole

    def _create(self, stateful_set: JsonObject, ordinal: int) -> None:
        namespace, name = key_of(stateful_set)
        template = stateful_set["spec"]["template"]
        claims = claims_of(stateful_set, ordinal)
        for claim in claims:
            if self._world.get(PERSISTENT_VOLUME_CLAIMS, key_of(claim)) is None:
                self._world.create(PERSISTENT_VOLUME_CLAIMS, claim)
        volumes = [
            {"name": each["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
            for each, claim in zip(stateful_set["spec"].get("volumeClaimTemplates") or (), claims, strict=True)
        ]
        spec = template["spec"]
        pod_spec = {**spec, "hostname": f"{name}-{ordinal}", "volumes": [*volumes, *spec.get("volumes", ())]}
        if stateful_set["spec"].get("serviceName"):
            pod_spec["subdomain"] = stateful_set["spec"]["serviceName"]
        labels = {
            REVISION_LABEL: revision_of(stateful_set),
            "statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}",
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        identity = PodIdentity(
            namespace=namespace,
            name=f"{name}-{ordinal}",
            owner=owner_reference(stateful_set),
            labels=labels,
            generate_name=f"{name}-",
        )
        self._world.create(PODS, new_pod({**template, "spec": pod_spec}, identity))

    def _update(self, stateful_set: JsonObject, pods: dict[int, JsonObject]) -> None:
        """RollingUpdate: replace the highest pod of an old revision, one at a time, down to the partition."""
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0))
        revision = revision_of(stateful_set)
        for ordinal in sorted(pods, reverse=True):
            if ordinal >= partition and pods[ordinal]["metadata"]["labels"].get(REVISION_LABEL) != revision:
                self._world.delete(PODS, pods[ordinal])
                return
