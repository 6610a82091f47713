"""The values that the API server fills in where a client left them out. Pure but for the object it completes.

Source: the "default" remarks of the Kubernetes API reference, v1.32. Only what a reader of the object, kubectl or a controller
would miss.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from shared.kinds import Resource
from shared.simcluster import crds, schemas, services
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject
from shared.simcluster.specfields import SPEC_FIELDS


def apply(kind: Type, obj: JsonObject, resource: Resource) -> None:
    """Complete *obj* in place. Content of the wrong shape is left for validation to refuse."""
    if kind.custom:
        # Unknown fields are dropped without a word, as under fieldValidation=Ignore; the HTTP layer has already warned of them.
        schema = kind.schemas.get(resource.version) or kind.schemas.get(kind.resource.version) or {}
        if schema:
            schemas.prune(schema, obj)
            schemas.complete(schema, obj)
        return
    known, spec = SPEC_FIELDS.get(kind.key), obj.get("spec")
    if known is not None and isinstance(spec, dict):
        # The API server's types have no room for a field that they do not know; it is gone after decoding.
        for name in [each for each in spec if each not in known]:
            del spec[name]
    completes = _BY_TYPE.get(kind.key)
    if completes is None:
        return
    try:
        completes(obj)
    except (AttributeError, KeyError, TypeError, ValueError):
        # A tenant's list where an object belongs: validation names it, defaulting only must not fall over it.
        return


def _fill(obj: JsonObject, **values: Any) -> None:
    for key, value in values.items():
        if obj.get(key) is None:
            obj[key] = value


def _spec(obj: JsonObject) -> JsonObject:
    spec = obj.setdefault("spec", {})
    if not isinstance(spec, dict):
        raise TypeError("spec is no object")
    return spec


def _containers(spec: JsonObject) -> Iterable[JsonObject]:
    for field in ("initContainers", "containers"):
        yield from spec.get(field) or ()


def _pod_spec(spec: JsonObject, restart: str = "Always") -> None:
    _fill(
        spec,
        restartPolicy=restart,
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    for container in _containers(spec):
        _fill(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File", resources={})
        tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
        _fill(container, imagePullPolicy="Always" if tag in ("", "latest") else "IfNotPresent")
        for port in container.get("ports") or ():
            _fill(port, protocol="TCP")
        resources = container["resources"]
        if resources.get("limits"):
            # What is limited and not requested is requested in the amount of its limit.
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def _template(spec: JsonObject) -> None:
    template = spec.get("template")
    if template is not None:
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        _pod_spec(template.setdefault("spec", {}))


def _pod(obj: JsonObject) -> None:
    spec = _spec(obj)
    _pod_spec(spec)
    _fill(spec, serviceAccountName="default", enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    requests = [each["resources"] for each in _containers(spec)]
    guaranteed = all(
        each.get("limits") and each.get("requests") == each["limits"] and {"cpu", "memory"} <= each["limits"].keys()
        for each in requests
    )
    burstable = any(each.get("requests") or each.get("limits") for each in requests)
    quality = "Guaranteed" if requests and guaranteed else "Burstable" if burstable else "BestEffort"
    if "status" not in obj:
        obj["status"] = {"phase": "Pending", "qosClass": quality}


def _deployment(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _fill(spec["strategy"], rollingUpdate={})
        _fill(spec["strategy"]["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replica_set(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, replicas=1)
    _template(spec)


def _stateful_set(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    _fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _fill(spec["updateStrategy"], rollingUpdate={"partition": 0})
    _fill(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    _template(spec)


def _daemon_set(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, revisionHistoryLimit=10, updateStrategy={})
    _fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _fill(spec["updateStrategy"], rollingUpdate={"maxSurge": 0, "maxUnavailable": 1})
    _template(spec)


def _job_spec(spec: JsonObject) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _fill(
        spec,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy="TerminatingOrFailed",
    )
    _template(spec)


def _job(obj: JsonObject) -> None:
    spec = _spec(obj)
    _job_spec(spec)
    uid, name = obj["metadata"].get("uid"), obj["metadata"].get("name")
    if spec.get("manualSelector") or "selector" in spec or "template" not in spec:
        return
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    spec["template"]["metadata"]["labels"] = {**(spec["template"]["metadata"].get("labels") or {}), **labels}
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def _cron_job(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    template = spec.get("jobTemplate")
    if template is not None:
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        inner = template.get("spec", {}).get("template")
        if inner is not None:
            inner.setdefault("metadata", {}).setdefault("creationTimestamp", None)
            _pod_spec(inner.setdefault("spec", {}))


def _autoscaler(obj: JsonObject) -> None:
    spec = _spec(obj)
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    _fill(spec, minReplicas=1, metrics=[{"type": "Resource", "resource": cpu}])
    if "status" not in obj:
        obj["status"] = {"currentMetrics": None, "desiredReplicas": 0}


def _namespace(obj: JsonObject) -> None:
    labels = obj["metadata"].get("labels") or {}
    obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"]["name"]}
    _fill(_spec(obj), finalizers=["kubernetes"])
    if "status" not in obj:
        obj["status"] = {"phase": "Active"}


def _service(obj: JsonObject) -> None:
    spec = _spec(obj)
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or ():
        _fill(port, protocol="TCP", targetPort=port.get("port"))
    if spec["type"] == "ExternalName":
        return
    _fill(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec.get("clusterIP") is None:
        # An address that depends on the object alone, so that runs repeat.
        digits = int(str(obj["metadata"]["uid"]).replace("-", "")[:8], 16)
        spec["clusterIP"] = f"10.96.{digits >> 8 & 255}.{digits & 255}"
    _fill(spec, clusterIPs=[spec["clusterIP"]])
    services.complete(obj)
    if "status" not in obj:
        obj["status"] = {"loadBalancer": {}}


def _claim(obj: JsonObject) -> None:
    _fill(_spec(obj), volumeMode="Filesystem", storageClassName="standard")
    if "status" not in obj:
        obj["status"] = {"phase": "Pending"}


def _volume(obj: JsonObject) -> None:
    _fill(_spec(obj), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    if "status" not in obj:
        obj["status"] = {"phase": "Pending"}


def _secret(obj: JsonObject) -> None:
    _fill(obj, type="Opaque")
    texts = obj.pop("stringData", None)
    if texts:
        obj["data"] = {
            **(obj.get("data") or {}),
            **{key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()},
        }


def _storage_class(obj: JsonObject) -> None:
    _fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _binding(obj: JsonObject) -> None:
    _fill(obj["roleRef"], apiGroup="rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or ():
        if subject.get("kind") != "ServiceAccount":
            _fill(subject, apiGroup="rbac.authorization.k8s.io")


def _crd(obj: JsonObject) -> None:
    crds.accept(obj, obj["metadata"]["creationTimestamp"])


_BY_TYPE: dict[str, Callable[[JsonObject], None]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "replicationcontrollers": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "namespaces": _namespace,
    "services": _service,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "secrets": _secret,
    "storageclasses.storage.k8s.io": _storage_class,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    crds.KEY: _crd,
}
