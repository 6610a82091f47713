"""What stands in the columns of the built-in types. Pure.

Source of the columns: the output of `kubectl get` against a real cluster, and the API server's printers by their documented
behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import ValueProblem
from shared.simcluster.podphase import pod_status
from shared.simcluster.records import JsonObject, lookup
from shared.times import parse_timestamp

Cell = Callable[[JsonObject, datetime], Any]
Row = tuple[str, int, bool, Cell]


def human(length: timedelta) -> str:
    """A duration as kubectl writes it: two units while they are small, one when they are large ("90s", "5m30s", "3h12m",
    "4d3h", "2y").
    """
    seconds = int(length.total_seconds())
    if seconds < 0:
        return "0s" if seconds > -2 else "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(text: Any, now: datetime) -> str:
    """The time since the instant *text*."""
    if not text:
        return "<unknown>"
    try:
        return human(now - parse_timestamp(str(text)))
    except ValueProblem:
        return "<invalid>"


def age(obj: JsonObject, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def _at(path: str, default: Any = "") -> Cell:
    def cell(obj: JsonObject, now: datetime) -> Any:
        value = lookup(obj, path)
        return default if value is None else value

    return cell


def _containers(path: str, field: str) -> Cell:
    return lambda obj, now: ",".join(str(each.get(field, "")) for each in lookup(obj, f"{path}.containers") or ())


def _selector(obj: JsonObject, now: datetime) -> str:
    selector = lookup(obj, "spec.selector") or {}
    labels = selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else selector
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


_TEMPLATE = "spec.template.spec"
_WIDE: tuple[Row, ...] = (
    ("Containers", 1, False, _containers(_TEMPLATE, "name")),
    ("Images", 1, False, _containers(_TEMPLATE, "image")),
)
_AGE: Row = ("Age", 0, False, age)
_SELECTOR: Row = ("Selector", 1, False, _selector)


def _ready_pair(ready: str, wanted: str) -> Cell:
    return lambda obj, now: f"{lookup(obj, ready) or 0}/{lookup(obj, wanted) or 0}"


def _truth(value: Any) -> str:
    return "True" if value else "False"


def _job_status(obj: JsonObject, now: datetime) -> str:
    status = obj.get("status") or {}
    conditions = {each.get("type"): each.get("status") for each in status.get("conditions") or ()}
    for kind in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if conditions.get(kind) == "True":
            return kind
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else "Running"


def _job_completions(obj: JsonObject, now: datetime) -> str:
    spec, done = obj.get("spec") or {}, lookup(obj, "status.succeeded") or 0
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(obj: JsonObject, now: datetime) -> str:
    started, ended = lookup(obj, "status.startTime"), lookup(obj, "status.completionTime")
    if not started:
        return ""
    return human((parse_timestamp(ended) if ended else now) - parse_timestamp(started))


def _last_schedule(obj: JsonObject, now: datetime) -> str:
    last = lookup(obj, "status.lastScheduleTime")
    return since(last, now) if last else "<none>"


def _reference(obj: JsonObject, now: datetime) -> str:
    target = lookup(obj, "spec.scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(obj: JsonObject, now: datetime) -> str:
    current = {_metric_name(each): each for each in lookup(obj, "status.currentMetrics") or ()}
    shown = []
    for metric in lookup(obj, "spec.metrics") or ():
        name = _metric_name(metric)
        wanted = _metric_value((metric.get(_source(metric)) or {}).get("target") or {})
        found = current.get(name)
        now_is = _metric_value((found.get(_source(found)) or {}).get("current") or {}) if found else "<unknown>"
        shown.append(f"{name}: {now_is}/{wanted}")
    if not shown:
        return "<none>"
    return ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "")


def _source(metric: JsonObject) -> str:
    kind = str(metric.get("type", ""))
    return kind[:1].lower() + kind[1:]


def _metric_name(metric: JsonObject) -> str:
    source = metric.get(_source(metric)) or {}
    return str(source.get("name") or (source.get("metric") or {}).get("name") or "")


def _metric_value(target: JsonObject) -> str:
    if target.get("averageUtilization") is not None:
        return f"{target['averageUtilization']}%"
    return str(target.get("averageValue") or target.get("value") or "<unknown>")


def _node_status(obj: JsonObject, now: datetime) -> str:
    ready = next((each for each in lookup(obj, "status.conditions") or () if each.get("type") == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return status + (",SchedulingDisabled" if lookup(obj, "spec.unschedulable") else "")


def _node_roles(obj: JsonObject, now: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = {key[len(prefix) :] for key in labels if key.startswith(prefix)} | {labels.get("kubernetes.io/role", "")}
    return ",".join(sorted(roles - {""})) or "<none>"


def _address(kind: str) -> Cell:
    return lambda obj, now: next(
        (each.get("address") for each in lookup(obj, "status.addresses") or () if each.get("type") == kind), "<none>"
    )


def _service_ports(obj: JsonObject, now: datetime) -> str:
    ports = []
    for each in lookup(obj, "spec.ports") or ():
        node = f":{each['nodePort']}" if each.get("nodePort") else ""
        ports.append(f"{each.get('port')}{node}/{each.get('protocol', 'TCP')}")
    return ",".join(ports) or "<none>"


def _pvc_capacity(obj: JsonObject, now: datetime) -> str:
    return str(lookup(obj, "status.capacity.storage") or "")


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _access_modes(obj: JsonObject, now: datetime) -> str:
    return ",".join(_MODES.get(each, each) for each in lookup(obj, "spec.accessModes") or ())


def _claim(obj: JsonObject, now: datetime) -> str:
    claim = lookup(obj, "spec.claimRef")
    return f"{claim.get('namespace')}/{claim.get('name')}" if claim else ""


def _event_age(obj: JsonObject, now: datetime) -> str:
    count = lookup(obj, "series.count") or obj.get("count") or 1
    last = lookup(obj, "series.lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    shown = since(last or obj["metadata"].get("creationTimestamp"), now)
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    return f"{shown} (x{count} over {since(first, now)})" if count > 1 and first else shown


def _event_object(obj: JsonObject, now: datetime) -> str:
    involved = obj.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _event_source(obj: JsonObject, now: datetime) -> str:
    component = lookup(obj, "source.component") or obj.get("reportingComponent") or ""
    host = lookup(obj, "source.host") or obj.get("reportingInstance") or ""
    return f"{component}, {host}" if host else str(component)


def _data(obj: JsonObject, now: datetime) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def _hosts(obj: JsonObject, now: datetime) -> str:
    return ",".join(each.get("host") or "*" for each in lookup(obj, "spec.rules") or ()) or "*"


def _ingress_address(obj: JsonObject, now: datetime) -> str:
    return ",".join(str(each.get("ip") or each.get("hostname")) for each in lookup(obj, "status.loadBalancer.ingress") or ())


def _external_ip(obj: JsonObject, now: datetime) -> str:
    found = [str(each.get("ip") or each.get("hostname")) for each in lookup(obj, "status.loadBalancer.ingress") or ()]
    found += lookup(obj, "spec.externalIPs") or []
    if found:
        return ",".join(found)
    return "<pending>" if lookup(obj, "spec.type") == "LoadBalancer" else "<none>"


def _role_ref(obj: JsonObject, now: datetime) -> str:
    return f"{lookup(obj, 'roleRef.kind')}/{lookup(obj, 'roleRef.name')}"


def _ready_of_pod(obj: JsonObject, now: datetime) -> str:
    ready = sum(1 for each in lookup(obj, "status.containerStatuses") or () if each.get("ready"))
    return f"{ready}/{len(lookup(obj, 'spec.containers') or ())}"


def _restarts(obj: JsonObject, now: datetime) -> str:
    statuses = lookup(obj, "status.containerStatuses") or ()
    count = sum(each.get("restartCount") or 0 for each in statuses)
    ended = [lookup(each, "lastState.terminated.finishedAt") for each in statuses]
    last = max((each for each in ended if each), default=None)
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


def _gates(obj: JsonObject, now: datetime) -> str:
    gates = lookup(obj, "spec.readinessGates") or ()
    met = {each.get("type") for each in lookup(obj, "status.conditions") or () if each.get("status") == "True"}
    return f"{sum(1 for each in gates if each.get('conditionType') in met)}/{len(gates)}" if gates else "<none>"


COLUMNS: dict[str, tuple[Row, ...]] = {
    "pods": (
        ("Ready", 0, False, _ready_of_pod),
        ("Status", 0, False, lambda obj, now: pod_status(obj)),
        ("Restarts", 0, False, _restarts),
        _AGE,
        ("IP", 1, False, _at("status.podIP", "<none>")),
        ("Node", 1, False, _at("spec.nodeName", "<none>")),
        ("Nominated Node", 1, False, _at("status.nominatedNodeName", "<none>")),
        ("Readiness Gates", 1, False, _gates),
    ),
    "deployments.apps": (
        ("Ready", 0, False, _ready_pair("status.readyReplicas", "spec.replicas")),
        ("Up-to-date", 0, True, _at("status.updatedReplicas", 0)),
        ("Available", 0, True, _at("status.availableReplicas", 0)),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "replicasets.apps": (
        ("Desired", 0, True, _at("spec.replicas", 0)),
        ("Current", 0, True, _at("status.replicas", 0)),
        ("Ready", 0, True, _at("status.readyReplicas", 0)),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "statefulsets.apps": (("Ready", 0, False, _ready_pair("status.readyReplicas", "spec.replicas")), _AGE, *_WIDE),
    "daemonsets.apps": (
        ("Desired", 0, True, _at("status.desiredNumberScheduled", 0)),
        ("Current", 0, True, _at("status.currentNumberScheduled", 0)),
        ("Ready", 0, True, _at("status.numberReady", 0)),
        ("Up-to-date", 0, True, _at("status.updatedNumberScheduled", 0)),
        ("Available", 0, True, _at("status.numberAvailable", 0)),
        (
            "Node Selector",
            0,
            False,
            lambda obj, now: (
                ",".join(f"{key}={value}" for key, value in (lookup(obj, f"{_TEMPLATE}.nodeSelector") or {}).items()) or "<none>"
            ),
        ),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "jobs.batch": (
        ("Status", 0, False, _job_status),
        ("Completions", 0, False, _job_completions),
        ("Duration", 0, False, _job_duration),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "cronjobs.batch": (
        ("Schedule", 0, False, _at("spec.schedule")),
        ("Timezone", 0, False, _at("spec.timeZone", "<none>")),
        ("Suspend", 0, False, lambda obj, now: _truth(lookup(obj, "spec.suspend"))),
        ("Active", 0, True, lambda obj, now: len(lookup(obj, "status.active") or ())),
        ("Last Schedule", 0, False, _last_schedule),
        _AGE,
        ("Containers", 1, False, _containers("spec.jobTemplate.spec.template.spec", "name")),
        ("Images", 1, False, _containers("spec.jobTemplate.spec.template.spec", "image")),
    ),
    "horizontalpodautoscalers.autoscaling": (
        ("Reference", 0, False, _reference),
        ("Targets", 0, False, _targets),
        ("MinPods", 0, False, lambda obj, now: str(lookup(obj, "spec.minReplicas") or "<unset>")),
        ("MaxPods", 0, True, _at("spec.maxReplicas", 0)),
        ("Replicas", 0, True, _at("status.currentReplicas", 0)),
        _AGE,
    ),
    "poddisruptionbudgets.policy": (
        ("Min Available", 0, False, lambda obj, now: str(_at("spec.minAvailable", "N/A")(obj, now))),
        ("Max Unavailable", 0, False, lambda obj, now: str(_at("spec.maxUnavailable", "N/A")(obj, now))),
        ("Allowed Disruptions", 0, True, _at("status.disruptionsAllowed", 0)),
        _AGE,
    ),
    "nodes": (
        ("Status", 0, False, _node_status),
        ("Roles", 0, False, _node_roles),
        _AGE,
        ("Version", 0, False, _at("status.nodeInfo.kubeletVersion")),
        ("Internal-IP", 1, False, _address("InternalIP")),
        ("External-IP", 1, False, _address("ExternalIP")),
        ("OS-Image", 1, False, _at("status.nodeInfo.osImage", "<unknown>")),
        ("Kernel-Version", 1, False, _at("status.nodeInfo.kernelVersion", "<unknown>")),
        ("Container-Runtime", 1, False, _at("status.nodeInfo.containerRuntimeVersion", "<unknown>")),
    ),
    "namespaces": (("Status", 0, False, _at("status.phase")), _AGE),
    "services": (
        ("Type", 0, False, _at("spec.type")),
        ("Cluster-IP", 0, False, _at("spec.clusterIP", "<none>")),
        ("External-IP", 0, False, _external_ip),
        ("Port(s)", 0, False, _service_ports),
        _AGE,
        _SELECTOR,
    ),
    "events": (
        ("Last Seen", 0, False, _event_age),
        ("Type", 0, False, _at("type")),
        ("Reason", 0, False, _at("reason")),
        ("Object", 0, False, _event_object),
        ("Subobject", 1, False, _at("involvedObject.fieldPath")),
        ("Source", 1, False, _event_source),
        ("Message", 0, False, lambda obj, now: str(obj.get("message") or "").strip()),
        ("First Seen", 1, False, lambda obj, now: since(obj.get("firstTimestamp") or obj.get("eventTime"), now)),
        ("Count", 1, False, lambda obj, now: str(obj.get("count") or 1)),
        ("Name", 1, False, _at("metadata.name")),
    ),
    "configmaps": (("Data", 0, True, _data), _AGE),
    "secrets": (("Type", 0, False, _at("type")), ("Data", 0, True, _data), _AGE),
    "serviceaccounts": (("Secrets", 0, True, lambda obj, now: len(obj.get("secrets") or ())), _AGE),
    "persistentvolumeclaims": (
        ("Status", 0, False, _at("status.phase")),
        ("Volume", 0, False, _at("spec.volumeName")),
        ("Capacity", 0, False, _pvc_capacity),
        ("Access Modes", 0, False, _access_modes),
        ("StorageClass", 0, False, _at("spec.storageClassName")),
        ("VolumeAttributesClass", 0, False, _at("spec.volumeAttributesClassName", "<unset>")),
        _AGE,
        ("VolumeMode", 1, False, _at("spec.volumeMode", "Filesystem")),
    ),
    "persistentvolumes": (
        ("Capacity", 0, False, _at("spec.capacity.storage")),
        ("Access Modes", 0, False, _access_modes),
        ("Reclaim Policy", 0, False, _at("spec.persistentVolumeReclaimPolicy")),
        ("Status", 0, False, _at("status.phase")),
        ("Claim", 0, False, _claim),
        ("StorageClass", 0, False, _at("spec.storageClassName")),
        ("Reason", 0, False, _at("status.reason")),
        _AGE,
    ),
    "ingresses.networking.k8s.io": (
        ("Class", 0, False, _at("spec.ingressClassName", "<none>")),
        ("Hosts", 0, False, _hosts),
        ("Address", 0, False, _ingress_address),
        ("Ports", 0, False, lambda obj, now: "80, 443" if lookup(obj, "spec.tls") else "80"),
        _AGE,
    ),
    "leases.coordination.k8s.io": (("Holder", 0, False, _at("spec.holderIdentity")), _AGE),
    "storageclasses.storage.k8s.io": (
        ("Provisioner", 0, False, _at("provisioner")),
        ("ReclaimPolicy", 0, False, _at("reclaimPolicy", "Delete")),
        ("VolumeBindingMode", 0, False, _at("volumeBindingMode", "Immediate")),
        _AGE,
    ),
    "priorityclasses.scheduling.k8s.io": (
        ("Value", 0, True, _at("value", 0)),
        ("Global-Default", 0, False, lambda obj, now: "true" if obj.get("globalDefault") else "false"),
        _AGE,
    ),
    "customresourcedefinitions.apiextensions.k8s.io": (("Created At", 0, False, _at("metadata.creationTimestamp")),),
    "roles.rbac.authorization.k8s.io": (("Created At", 0, False, _at("metadata.creationTimestamp")),),
    "clusterroles.rbac.authorization.k8s.io": (("Created At", 0, False, _at("metadata.creationTimestamp")),),
    "rolebindings.rbac.authorization.k8s.io": (("Role", 0, False, _role_ref), _AGE),
    "clusterrolebindings.rbac.authorization.k8s.io": (("Role", 0, False, _role_ref), _AGE),
}
