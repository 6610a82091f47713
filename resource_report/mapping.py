"""One API object to one row: nodes, pods, namespaces, usage, recommendations. Pure.

A quantity that cannot be read raises ValueProblem: the object is left out and reported, the others are mapped.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from resource_report.kinds import Namespace, Node, NodeMetrics, Pod, PodMetrics, Vpa
from resource_report.labels import LabelSettings, first, node_facts
from resource_report.rows import UNKNOWN, NamespaceRow, NodeRow, PodRow
from resource_report.sizes import amounts, effective_requests, number, provisioned
from shared.errors import ValueProblem
from shared.objects import Meta

WorkloadKey = tuple[str, str, str]  # namespace, kind, name
Targets = Mapping[WorkloadKey, Mapping[str, tuple[float, float]]]
"""What autoscalers recommend: per workload and container (cores, bytes)."""

_SCHEDULED_JOB = re.compile(r"(.+)-\d{8,}")
_GPU_COUNT = ("nvidia.com/gpu.count", "karpenter.k8s.aws/instance-gpu-count")


@dataclass(frozen=True)
class MapSettings:
    """What the mapping of a cluster's objects depends on."""

    cluster: str
    labels: LabelSettings
    system_namespaces: frozenset[str] = frozenset({"kube-system"})
    shared_labels: frozenset[tuple[str, str]] = frozenset()


def node_row(node: Node, settings: MapSettings) -> NodeRow:
    facts = node_facts(node.metadata.labels, node.spec.provider_id, settings.labels)
    capacity, allocatable = amounts(node.status.capacity), amounts(node.status.allocatable or node.status.capacity)
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions or ())
    return NodeRow(
        cluster=settings.cluster,
        node=node.name,
        role=facts.role,
        worker=facts.worker,
        pool=facts.pool,
        provider=facts.provider,
        region=facts.region,
        zone=facts.zone,
        instance_type=facts.instance_type,
        instance_id=facts.instance_id,
        arch=facts.arch or node.status.node_info.architecture,
        capacity_type=facts.capacity_type,
        spot=facts.capacity_type == "spot",
        kubelet_version=node.status.node_info.kubelet_version,
        ready=ready,
        schedulable=not node.spec.unschedulable,
        cpu_capacity=capacity.cpu,
        memory_capacity=capacity.memory,
        gpu_capacity=capacity.gpu,
        cpu_allocatable=allocatable.cpu,
        memory_allocatable=allocatable.memory,
        gpu_allocatable=allocatable.gpu,
        gpu_devices=_devices(node, capacity.gpu),
    )


def _devices(node: Node, advertised: float) -> float:
    """Physical GPUs: what a label counts, else what is advertised less the time slices of each."""
    labels = node.metadata.labels or {}
    try:
        if counted := first(labels, _GPU_COUNT):
            return number(counted)
        replicas = number(labels.get("nvidia.com/gpu.replicas", "1"))
    except ValueProblem:
        return advertised
    return advertised / replicas if replicas > 1 else advertised


def is_running(pod: Pod) -> bool:
    """Whether the pod holds resources of a node: it runs, or it was given a node and is starting."""
    phase, conditions = pod.status.phase, pod.status.conditions or ()
    scheduled = any(condition.type == "PodScheduled" and condition.status == "True" for condition in conditions)
    return bool(pod.spec.node_name) and (phase == "Running" or (phase == "Pending" and (scheduled or not conditions)))


def pod_row(pod: Pod, settings: MapSettings, targets: Targets) -> PodRow:
    meta, labels = pod.metadata, settings.labels
    kind, workload = workload_of(meta, pod.spec.node_name)
    team = first(meta.labels, labels.team)
    containers = pod.spec.containers or []
    requested = effective_requests(pod.spec)
    fargate = provisioned(meta.annotation("CapacityProvisioned") or "") or (UNKNOWN, UNKNOWN)
    # The same few texts stand on thousands of pods, each decoded anew: keeping one of each saves 20 MB at 50,000 pods.
    intern = sys.intern
    target = targets.get((pod.namespace, kind, workload), {}) if targets else {}
    recommended = [target[container.name] for container in containers if container.name in target]
    return PodRow(
        cluster=settings.cluster,
        namespace=intern(pod.namespace),
        pod=pod.name,
        node=intern(pod.spec.node_name),
        application=intern(first(meta.labels, labels.application)),
        component=intern(first(meta.labels, labels.component)),
        team=intern(team),
        team_source="pod" if team else "",
        workload_kind=intern(kind),
        workload=intern(workload),
        user=pod.namespace not in settings.system_namespaces,
        container_images=intern(", ".join([container.image for container in containers])),
        containers=intern(", ".join([container.name for container in containers])),
        cpu_requests=requested.cpu,
        memory_requests=requested.memory,
        gpu_requests=requested.gpu,
        cpu_recommendation=sum(cpu for cpu, _ in recommended) if recommended else UNKNOWN,
        memory_recommendation=sum(memory for _, memory in recommended) if recommended else UNKNOWN,
        recommendation_source="vpa" if recommended else "",
        cpu_provisioned=fargate[0],
        memory_provisioned=fargate[1],
        shared=bool(settings.shared_labels) and not settings.shared_labels.isdisjoint((meta.labels or {}).items()),
    )


def workload_of(meta: Meta, node: str) -> tuple[str, str]:
    """(kind, name) of what made the pod; ("", "") for a bare one.

    A ReplicaSet is named after its Deployment and the hash that its pods carry as a label, a scheduled Job after its CronJob and
    the time in minutes, a static pod after its manifest and its node: no further list is needed to tell.
    """
    owner = meta.controller
    if owner is None:
        return "", ""
    labels = meta.labels or {}
    if owner.kind == "ReplicaSet":
        for label, kind in (("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout")):
            digest = labels.get(label)
            if digest and owner.name.endswith(f"-{digest}"):
                return kind, owner.name.removesuffix(f"-{digest}")
    if owner.kind == "Job" and (match := _SCHEDULED_JOB.fullmatch(owner.name)):
        return "CronJob", match[1]
    if owner.kind == "Node":
        return "Node", meta.name.removesuffix(f"-{node}")
    return owner.kind, owner.name


def namespace_row(namespace: Namespace, settings: MapSettings) -> NamespaceRow:
    meta = namespace.metadata
    labelled = first(meta.labels, settings.labels.team)
    team = labelled or first(meta.annotations, settings.labels.team_annotations)
    return NamespaceRow(
        cluster=settings.cluster,
        namespace=namespace.name,
        status=namespace.status.phase,
        team=team,
        team_source="namespace" if labelled else "annotation" if team else "",
        email=meta.annotation("email") or "",
        system=namespace.name in settings.system_namespaces,
    )


def pod_usage(metrics: PodMetrics) -> tuple[float, float] | None:
    """Cores and bytes of all containers together; None where nothing was measured yet."""
    measured = [container.usage for container in metrics.containers or () if container.usage]
    if not measured:
        return None
    return sum(number(used.cpu) for used in measured), sum(number(used.memory) for used in measured)


def node_usage(metrics: NodeMetrics) -> tuple[float, float] | None:
    if not metrics.usage:
        return None
    return number(metrics.usage.cpu), number(metrics.usage.memory)


def targets_of(vpa: Vpa) -> tuple[WorkloadKey, dict[str, tuple[float, float]]] | None:
    """What an autoscaler recommends for which workload; None where it has no target or no recommendation yet."""
    target, recommendation = vpa.spec.target_ref, vpa.status.recommendation
    if target is None or recommendation is None or not recommendation.container_recommendations:
        return None
    containers = {}
    for found in recommendation.container_recommendations:
        wanted = amounts(found.target)
        containers[found.container_name] = (wanted.cpu, wanted.memory)
    return (vpa.namespace, target.kind, target.name), containers
