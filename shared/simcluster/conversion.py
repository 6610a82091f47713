"""Between the stored version of a type and the other versions that it is served in. Pure.

Two built-in pairs differ in shape: HorizontalPodAutoscaler v2 (stored) and v1, and core Events (stored) and events.k8s.io. Custom
resources are served with conversion strategy None: only the apiVersion changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.kinds import Resource
from shared.simcluster.records import JsonObject, decode, encode

METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics"


def outward(obj: JsonObject, resource: Resource) -> JsonObject:
    """The stored *obj* as *resource*'s version shows it. May change *obj*."""
    converter = _OUTWARD.get((resource.group, resource.version, resource.plural))
    shown = converter(obj) if converter is not None else obj
    return {**shown, "apiVersion": resource.api_version, "kind": resource.kind}


def inward(obj: JsonObject, resource: Resource, stored: Resource) -> JsonObject:
    """An object in *resource*'s version as it is stored. May change *obj*."""
    converter = _INWARD.get((resource.group, resource.version, resource.plural))
    kept = converter(obj) if converter is not None else obj
    return {**kept, "apiVersion": stored.api_version, "kind": stored.kind}


def _cpu_target(metric: Mapping[str, Any]) -> int | None:
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    target = resource.get("target") or {}
    average = target.get("averageUtilization")
    return average if isinstance(average, int) else None


def _hpa_to_v1(obj: JsonObject) -> JsonObject:
    spec = dict(obj.get("spec") or {})
    metrics = spec.pop("metrics", None) or []
    spec.pop("behavior", None)
    others = []
    for metric in metrics:
        target = _cpu_target(metric)
        if target is not None and "targetCPUUtilizationPercentage" not in spec:
            spec["targetCPUUtilizationPercentage"] = target
        else:
            others.append(metric)
    if others:
        annotations = obj["metadata"].setdefault("annotations", {})
        annotations[METRICS_ANNOTATION] = encode(others).decode()
    status = {key: value for key, value in (obj.get("status") or {}).items() if key not in ("conditions", "currentMetrics")}
    for current in (obj.get("status") or {}).get("currentMetrics") or []:
        average = ((current.get("resource") or {}).get("current") or {}).get("averageUtilization")
        if average is not None and (current.get("resource") or {}).get("name") == "cpu":
            status["currentCPUUtilizationPercentage"] = average
    return {**obj, "spec": spec, "status": status}


def _hpa_from_v1(obj: JsonObject) -> JsonObject:
    spec = dict(obj.get("spec") or {})
    metrics = []
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}
        metrics.append({"type": "Resource", "resource": cpu})
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if METRICS_ANNOTATION in annotations:
        metrics += decode(annotations.pop(METRICS_ANNOTATION))
    if metrics:
        spec["metrics"] = metrics
    status = dict(obj.get("status") or {})
    status.pop("currentCPUUtilizationPercentage", None)
    return {**obj, "spec": spec} | ({"status": status} if "status" in obj else {})


_EVENT_NAMES = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)
_TO_EVENTS_GROUP = dict(_EVENT_NAMES)
_FROM_EVENTS_GROUP = {there: here for here, there in _EVENT_NAMES}


def _rename(obj: JsonObject, names: Mapping[str, str]) -> JsonObject:
    return {names.get(key, key): value for key, value in obj.items()}


_Converter = Callable[[JsonObject], JsonObject]
_OUTWARD: dict[tuple[str, str, str], _Converter] = {
    ("autoscaling", "v1", "horizontalpodautoscalers"): _hpa_to_v1,
    ("events.k8s.io", "v1", "events"): lambda obj: _rename(obj, _TO_EVENTS_GROUP),
}
_INWARD: dict[tuple[str, str, str], _Converter] = {
    ("autoscaling", "v1", "horizontalpodautoscalers"): _hpa_from_v1,
    ("events.k8s.io", "v1", "events"): lambda obj: _rename(obj, _FROM_EVENTS_GROUP),
}


def differs(resource: Resource) -> bool:
    """Whether *resource* is shown in another shape than it is stored in, beyond its apiVersion."""
    return (resource.group, resource.version, resource.plural) in _OUTWARD
