"""Pods from pod templates: names, hashes, defaults, requests. Pure.

What a running pod's status says is in `kubelet.py`; who makes pods is in the workload controllers.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import msgspec

from shared.errors import ValueProblem
from shared.quantity import parse_quantity
from shared.simcluster.instance_types import MIB
from shared.simcluster.records import JsonObject

# The alphabet of Kubernetes' generated names: no vowels and nothing that looks like another sign.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

ANNOTATION_STARTUP = "simcluster/startup-seconds"
ANNOTATION_RUN = "simcluster/run-seconds"
ANNOTATION_EXIT_CODE = "simcluster/exit-code"
ANNOTATION_TIME_ZONE = "simcluster/time-zone"
ANNOTATION_CPU = "simcluster/cpu-usage"
ANNOTATION_MEMORY = "simcluster/memory-usage"
"""Annotations of a pod template by which a fleet steers the life of its pods; each has a deterministic default."""


class Demand(msgspec.Struct, frozen=True):
    """What a pod asks of a node: millicores and bytes."""

    cpu: int
    memory: int


def digest(*parts: object) -> int:
    """A number from 0 to 2**64 - 1 that depends on nothing but *parts*."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest())


def hexadecimal(*parts: object) -> str:
    """64 hexadecimal signs, as of a SHA-256, that depend on nothing but *parts*."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=32).hexdigest()


def fraction(*parts: object) -> float:
    """A number from 0 up to 1 that depends on nothing but *parts*."""
    return digest(*parts) / 2**64


def suffix(length: int, *parts: object) -> str:
    """A name's random-looking tail, such as the `x7k2p` of a pod."""
    number = digest(*parts)
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def template_hash(template: JsonObject) -> str:
    """The pod-template-hash: ten signs that change when the template does."""
    return suffix(10, json.dumps(template, sort_keys=True))


@lru_cache(maxsize=4096)
def _amount(text: str) -> float:
    try:
        return parse_quantity(text)
    except ValueProblem:
        # The API refuses such a quantity; one that got in by another way must not stop a scheduler pass.
        return 0.0


def _container(container: JsonObject) -> tuple[int, int]:
    resources = container.get("resources") or {}
    requests = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return round(_amount(str(requests.get("cpu", "0"))) * 1000), round(_amount(str(requests.get("memory", "0"))))


def demand_of(spec: JsonObject) -> Demand:
    """What the scheduler counts for a pod: the larger of its containers' sum and its largest init container, plus overhead.

    Native sidecars (init containers with restartPolicy Always) run beside the containers and add to their sum.
    """
    pairs = [_container(container) for container in spec.get("containers") or ()]
    once = [(0, 0)]
    for container in spec.get("initContainers") or ():
        (pairs if container.get("restartPolicy") == "Always" else once).append(_container(container))
    overhead = spec.get("overhead") or {}
    extra = round(_amount(str(overhead.get("cpu", "0"))) * 1000), round(_amount(str(overhead.get("memory", "0"))))
    cpu, memory = (max(sum(pair[i] for pair in pairs), max(pair[i] for pair in once)) + extra[i] for i in (0, 1))
    return Demand(cpu, memory)


def container_requests(container: JsonObject) -> tuple[float, float]:
    """Cores and bytes that one container asks for; one that asks for nothing counts as 50m and 64 MiB."""
    cpu, memory = _container(container)
    return (cpu or 50) / 1000, float(memory or 64 * MIB)


def qos_class(spec: JsonObject) -> str:
    """Guaranteed where every container's limits equal its requests for both resources, BestEffort where none says anything."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    settings = [container.get("resources") or {} for container in containers]
    if not any(each.get("requests") or each.get("limits") for each in settings):
        return "BestEffort"
    for each in settings:
        limits = each.get("limits") or {}
        requests = {**limits, **(each.get("requests") or {})}
        if any(name not in limits or limits[name] != requests[name] for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


_NOT_READY: list[JsonObject] = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]
_TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def _container_spec(container: JsonObject, volume: str) -> JsonObject:
    mounts = [*container.get("volumeMounts", ()), {"name": volume, "readOnly": True, "mountPath": _TOKEN_MOUNT}]
    defaults = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {**defaults, **container, "volumeMounts": mounts}


def _token_volume(name: str) -> JsonObject:
    sources: list[JsonObject] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def pod_spec(template_spec: JsonObject, salt: str) -> JsonObject:
    """The spec of a pod as the API server would complete it: defaults, service account token, node tolerations."""
    volume = f"kube-api-access-{suffix(5, salt)}"
    account = template_spec.get("serviceAccountName", "default")
    spec: JsonObject = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        **template_spec,
        "serviceAccountName": account,
        "serviceAccount": account,
        "volumes": [*template_spec.get("volumes", ()), _token_volume(volume)],
        "containers": [_container_spec(container, volume) for container in template_spec.get("containers") or ()],
        "tolerations": [*template_spec.get("tolerations", ()), *_NOT_READY],
    }
    if "initContainers" in template_spec:
        spec["initContainers"] = [_container_spec(container, volume) for container in template_spec["initContainers"]]
    return spec


class PodIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a new pod is: everything that its template does not say."""

    namespace: str
    name: str
    owner: dict[str, Any] | None
    labels: dict[str, str] = {}
    generate_name: str = ""


def new_pod(template: JsonObject, identity: PodIdentity) -> JsonObject:
    """A pending pod of *template*, complete as the API server would store it."""
    about = template.get("metadata") or {}
    metadata: JsonObject = {"name": identity.name, "namespace": identity.namespace}
    if identity.generate_name:
        metadata["generateName"] = identity.generate_name
    metadata["labels"] = {**(about.get("labels") or {}), **identity.labels}
    if about.get("annotations"):
        metadata["annotations"] = dict(about["annotations"])
    if identity.owner is not None:
        metadata["ownerReferences"] = [identity.owner]
    spec = pod_spec(template.get("spec") or {}, f"{identity.namespace}/{identity.name}")
    status = {"phase": "Pending", "qosClass": qos_class(spec)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def is_finished(pod: JsonObject) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: JsonObject) -> bool:
    """Neither finished nor being deleted: what a controller counts as a replica."""
    return not is_finished(pod) and not pod["metadata"].get("deletionTimestamp")


def counts_alike(before: JsonObject | None, after: JsonObject | None) -> bool:
    """Whether a pod counts for its controller and its budgets after a change as before it: most changes alter only details."""
    if before is None or after is None:
        return False
    old, new = before["metadata"], after["metadata"]
    return (
        before.get("status", {}).get("phase") == after.get("status", {}).get("phase")
        and is_ready(before) == is_ready(after)
        and old.get("deletionTimestamp") == new.get("deletionTimestamp")
        and old.get("labels") == new.get("labels")
        and old.get("ownerReferences") == new.get("ownerReferences")
    )


def is_ready(pod: JsonObject) -> bool:
    # A loop, not any(): this and controller_of are the most called functions of the living cluster.
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return False


def controller_of(obj: JsonObject | None) -> dict[str, Any] | None:
    """The owner reference with `controller: true`, if any."""
    if obj is not None:
        for owner in obj["metadata"].get("ownerReferences") or ():
            if owner.get("controller"):
                return owner  # type: ignore[no-any-return]
    return None


def workload_name(pod: JsonObject) -> str:
    """The name by which a pod's behaviour is chosen: its workload's, the same for all its replicas and generations."""
    owner = controller_of(pod)
    if owner is None:
        return str(pod["metadata"]["name"])
    if owner["kind"] in ("ReplicaSet", "Job"):
        return str(owner["name"]).rpartition("-")[0] or str(owner["name"])
    return str(owner["name"])


def ends_by_itself(pod: JsonObject) -> bool:
    """Whether the pod's containers are expected to finish: those of jobs, and of bare pods that say so."""
    return bool(pod["spec"].get("restartPolicy", "Always") != "Always")


def is_daemon(pod: JsonObject) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "DaemonSet"
