"""The volume provisioner: every pending claim gets a volume of its size at once, and the volume goes with the claim."""

from __future__ import annotations

import contextlib

from shared.errors import AlreadyExists, NotFound
from shared.kinds import PERSISTENT_VOLUME_CLAIMS, Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import hexadecimal
from shared.simcluster.world import Controller, Key, key_of

PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)


def _is_pending(claim: JsonObject) -> bool:
    return bool((claim.get("status") or {}).get("phase", "Pending") == "Pending")


def new_volume(claim: JsonObject, name: str, stamp: str) -> JsonObject:
    """The volume that an EBS driver would make for *claim*, bound to it. The scheduler knows no zones, so it has none."""
    spec, metadata = claim["spec"], claim["metadata"]
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com"},
            "creationTimestamp": stamp,
        },
        "spec": {
            "capacity": _capacity(claim),
            "accessModes": _modes(claim),
            "claimRef": {**reference, "uid": metadata["uid"]},
            "csi": {"driver": "ebs.csi.aws.com", "fsType": "ext4", "volumeHandle": f"vol-0{hexadecimal('volume', name)[:16]}"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec.get("storageClassName", ""),
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
        "status": {"phase": "Bound"},
    }


def _capacity(claim: JsonObject) -> JsonObject:
    return {"storage": ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage", "1Gi")}


def _modes(claim: JsonObject) -> list[str]:
    return claim["spec"].get("accessModes") or ["ReadWriteOnce"]


class VolumeBinder(Controller):
    name = "volumes"

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is not PERSISTENT_VOLUME_CLAIMS:
            return
        if after is not None and _is_pending(after):
            self._world.queue(self.name, key_of(after))
        elif after is None and before is not None and before["spec"].get("volumeName"):
            self._world.queue(self.name, ("", before["spec"]["volumeName"]))

    def sync(self, key: Key) -> None:
        """Bind the claim of *key*, or delete the volume that lost its claim (no namespace)."""
        if not key[0]:
            self._release(key[1])
            return
        claim = self._world.get(PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None or not _is_pending(claim):
            return
        name = claim["spec"].get("volumeName") or f"pvc-{claim['metadata']['uid']}"
        # A claim may ask for a volume that somebody made before.
        with contextlib.suppress(AlreadyExists):
            self._world.store.create(PERSISTENT_VOLUMES, new_volume(claim, name, self._world.timestamp), trusted=True)
        status = {"phase": "Bound", "accessModes": _modes(claim), "capacity": _capacity(claim)}
        self._world.replace(PERSISTENT_VOLUME_CLAIMS, {**claim, "spec": {**claim["spec"], "volumeName": name}, "status": status})

    def _release(self, name: str) -> None:
        try:
            volume = self._world.store.get(PERSISTENT_VOLUMES, None, name)
            if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                self._world.store.delete(PERSISTENT_VOLUMES, None, name, uid=volume["metadata"]["uid"])
        except NotFound:
            return
