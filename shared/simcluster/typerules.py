"""What the built-in types require of their content, as a table of rules per type. Pure.

Source: the Kubernetes API reference, v1.32, and the messages of a real API server. Chosen are the rules that a controller of
sizes, schedules and lifetimes meets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from shared.errors import ValueProblem
from shared.quantity import parse_quantity
from shared.simcluster import services
from shared.simcluster.catalog import Type
from shared.simcluster.crds import type_of
from shared.simcluster.problems import bad_value, forbidden, required, unsupported
from shared.simcluster.records import JsonObject, lookup
from shared.simcluster.refusals import Cause
from shared.simcluster.selectors import matches_selector

Rule = Callable[[JsonObject], Iterator[Cause]]
_NEGATIVE = "must be greater than or equal to 0"
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#-]+")


def content(kind: Type, obj: JsonObject) -> Iterator[Cause]:
    """The mistakes in *obj* by the rules of its type."""
    for rule in _RULES.get(kind.key, ()):
        yield from rule(obj)


def immutable(kind: Type, old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    """The fields that changed and must not."""
    for path in _FIXED.get(kind.key, ()):
        before, after = lookup(old, path), lookup(new, path)
        if before is not None and before != after:
            yield bad_value(path, after, "field is immutable")
    if kind.key == "pods":
        yield from _pod_changes(old, new)
    if kind.key in ("configmaps", "secrets") and old.get("immutable") and old.get("data") != new.get("data"):
        yield forbidden("data", "field is immutable when `immutable` is set")
    if kind.key == services.KEY:
        yield from services.changes(old, new)
    if kind.key == "statefulsets.apps":
        yield from _stateful_changes(old, new)


def _count(path: str, *, lowest: int = 0, needed: bool = False) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        value = lookup(obj, path)
        if value is None:
            if needed:
                yield required(path)
        elif not isinstance(value, int) or isinstance(value, bool):
            yield bad_value(path, value, "must be a whole number")
        elif value < lowest:
            yield bad_value(path, value, f"must be greater than or equal to {lowest}")

    return rule


def _present(path: str) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        if not lookup(obj, path):
            yield required(path)

    return rule


def _boolean(path: str) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        value = lookup(obj, path)
        if value is not None and not isinstance(value, bool):
            yield bad_value(path, value, "must be a boolean")

    return rule


def _one_of(path: str, *values: str) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        value = lookup(obj, path)
        if value is not None and value not in values:
            yield unsupported(path, value, sorted(values))

    return rule


def _selected(obj: JsonObject) -> Iterator[Cause]:
    """The template's labels must match the selector."""
    selector = lookup(obj, "spec.selector")
    labels = lookup(obj, "spec.template.metadata.labels") or {}
    if not selector:
        yield required("spec.selector")
    elif not matches_selector(selector, labels):
        yield bad_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def _pod_template(path: str) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        spec = lookup(obj, path)
        if spec is None:
            yield required(path)
            return
        if not spec.get("containers"):
            yield required(f"{path}.containers")
        names: set[Any] = set()
        for field in ("initContainers", "containers"):
            for index, container in enumerate(spec.get(field) or ()):
                yield from _container(container, f"{path}.{field}[{index}]", names)

    return rule


def _container(container: JsonObject, path: str, names: set[Any]) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield required(f"{path}.name")
    elif name in names:
        yield Cause(reason="FieldValueDuplicate", message=f'Duplicate value: "{name}"', field=f"{path}.name")
    names.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    resources = container.get("resources") or {}
    for part in ("requests", "limits"):
        for key, amount in (resources.get(part) or {}).items():
            try:
                if parse_quantity(amount) < 0:
                    yield bad_value(f"{path}.resources.{part}[{key}]", amount, _NEGATIVE)
            except ValueProblem:
                text = r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                yield bad_value(f"{path}.resources.{part}[{key}]", amount, text)


def _replica_range(obj: JsonObject) -> Iterator[Cause]:
    low, high = lookup(obj, "spec.minReplicas"), lookup(obj, "spec.maxReplicas")
    # Zero needs an alpha feature gate (HPAScaleToZero) that clusters do not have on.
    if isinstance(low, int) and low < 1:
        yield bad_value("spec.minReplicas", low, "must be greater than or equal to 1")
    if not isinstance(high, int) or high < 1:
        yield bad_value("spec.maxReplicas", high or 0, "must be greater than 0")
    elif isinstance(low, int) and high < low:
        yield bad_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")


def _target(obj: JsonObject) -> Iterator[Cause]:
    for field in ("kind", "name"):
        if not lookup(obj, f"spec.scaleTargetRef.{field}"):
            yield required(f"spec.scaleTargetRef.{field}")


def _schedule(obj: JsonObject) -> Iterator[Cause]:
    text = lookup(obj, "spec.schedule")
    if not text:
        yield required("spec.schedule")
        return
    if "TZ" in str(text):
        yield bad_value("spec.schedule", text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        return
    fields = str(text).split()
    if not str(text).startswith("@") and (len(fields) != 5 or not all(_CRON_FIELD.fullmatch(each) for each in fields)):
        yield bad_value("spec.schedule", text, f"expected exactly 5 fields, found {len(fields)}: {fields}")


def _job_restart(path: str) -> Rule:
    def rule(obj: JsonObject) -> Iterator[Cause]:
        value = lookup(obj, f"{path}.restartPolicy")
        if value not in ("OnFailure", "Never"):
            yield required(f"{path}.restartPolicy", 'valid values: "OnFailure", "Never"')

    return rule


def _budget(obj: JsonObject) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield bad_value("spec", {}, "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        if isinstance(value, int) and value < 0:
            yield bad_value(f"spec.{field}", value, _NEGATIVE)
        elif isinstance(value, str) and re.fullmatch(r"[0-9]+%", value) is None:
            yield bad_value(f"spec.{field}", value, "a valid percent string must be a numeric string followed by an ending '%'")


def _involved(obj: JsonObject) -> Iterator[Cause]:
    """An event lives in its object's namespace; one about a cluster-scoped object lives in `default`."""
    namespace = obj["metadata"].get("namespace")
    wanted = lookup(obj, "involvedObject.namespace") or "default"
    if namespace != wanted and not (wanted == "default" and namespace == "kube-system"):
        yield bad_value(
            "involvedObject.namespace", lookup(obj, "involvedObject.namespace") or "", "does not match event.namespace"
        )


def _crd(obj: JsonObject) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    for path in ("spec.group", "spec.names.plural", "spec.names.kind", "spec.versions"):
        if not lookup(obj, path):
            yield required(path)
    if obj["metadata"].get("name") != f"{names.get('plural')}.{spec.get('group')}":
        yield bad_value("metadata.name", obj["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield unsupported("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    if sum(1 for each in spec.get("versions") or () if each.get("storage")) != 1:
        yield bad_value("spec.versions", [], "must have exactly one version marked as storage version")
    for index, each in enumerate(spec.get("versions") or ()):
        if not lookup(each, "schema.openAPIV3Schema"):
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")
    if spec.get("versions") and names.get("kind"):
        # What cannot be made into a type must not be stored; the wrong shape is named by the caller.
        type_of(obj)


def _pod_changes(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    """Of a pod only images, activeDeadlineSeconds, tolerations and a few more may change once it exists."""
    if _pod_core(old.get("spec") or {}) != _pod_core(new.get("spec") or {}):
        text = (
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        yield forbidden("spec", text)


def _pod_core(spec: JsonObject) -> JsonObject:
    core = {
        key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations", "ephemeralContainers")
    }
    for field in ("containers", "initContainers"):
        core[field] = [{key: value for key, value in each.items() if key != "image"} for each in spec.get(field) or ()]
    return core


def _stateful_changes(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    fixed = ("serviceName", "selector", "volumeClaimTemplates", "podManagementPolicy")
    if any(lookup(old, f"spec.{field}") != lookup(new, f"spec.{field}") for field in fixed):
        text = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
            "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
        yield forbidden("spec", text)


_TEMPLATED = (_selected, _pod_template("spec.template.spec"))
_RULES: dict[str, tuple[Rule, ...]] = {
    "pods": (_pod_template("spec"),),
    "deployments.apps": (_count("spec.replicas"), _boolean("spec.paused"), *_TEMPLATED),
    "replicasets.apps": (_count("spec.replicas"), *_TEMPLATED),
    "statefulsets.apps": (_count("spec.replicas"), *_TEMPLATED),
    "daemonsets.apps": _TEMPLATED,
    "jobs.batch": (
        _count("spec.parallelism"),
        _count("spec.completions"),
        _count("spec.backoffLimit"),
        _count("spec.ttlSecondsAfterFinished"),
        _boolean("spec.suspend"),
        _pod_template("spec.template.spec"),
        _job_restart("spec.template.spec"),
    ),
    "cronjobs.batch": (
        _schedule,
        _boolean("spec.suspend"),
        _one_of("spec.concurrencyPolicy", "Allow", "Forbid", "Replace"),
        _count("spec.startingDeadlineSeconds"),
        _pod_template("spec.jobTemplate.spec.template.spec"),
        _job_restart("spec.jobTemplate.spec.template.spec"),
    ),
    "horizontalpodautoscalers.autoscaling": (_replica_range, _target),
    "poddisruptionbudgets.policy": (_budget,),
    "events": (_involved,),
    "customresourcedefinitions.apiextensions.k8s.io": (_crd,),
    "persistentvolumeclaims": (_present("spec.accessModes"), _present("spec.resources.requests.storage")),
    services.KEY: (_one_of("spec.type", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), services.content),
    "leases.coordination.k8s.io": (_count("spec.leaseDurationSeconds", lowest=1), _count("spec.leaseTransitions")),
    "rolebindings.rbac.authorization.k8s.io": (_present("roleRef.kind"), _present("roleRef.name")),
    "clusterrolebindings.rbac.authorization.k8s.io": (_present("roleRef.kind"), _present("roleRef.name")),
    "priorityclasses.scheduling.k8s.io": (_count("value", lowest=-2147483648, needed=True),),
}
_FIXED: dict[str, tuple[str, ...]] = {
    "deployments.apps": ("spec.selector",),
    "replicasets.apps": ("spec.selector",),
    "daemonsets.apps": ("spec.selector",),
    "jobs.batch": ("spec.selector", "spec.template", "spec.completions", "spec.completionMode"),
    "rolebindings.rbac.authorization.k8s.io": ("roleRef",),
    "clusterrolebindings.rbac.authorization.k8s.io": ("roleRef",),
    "storageclasses.storage.k8s.io": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "persistentvolumeclaims": ("spec.accessModes", "spec.volumeName", "spec.storageClassName"),
    "priorityclasses.scheduling.k8s.io": ("value",),
    "secrets": ("type",),
}
