"""Reads one cluster into rows, page by page. Nothing here computes or prices.

Nodes and pods are essential; whatever else fails costs its own section and a notification.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from resource_report import kinds, routes
from resource_report.hooks import HookRunner, ObjectView, map_pod
from resource_report.labels import first, is_virtual
from resource_report.listing import Lists
from resource_report.mapping import (
    MapSettings,
    Targets,
    WorkloadKey,
    is_running,
    namespace_row,
    node_row,
    node_usage,
    pod_row,
    pod_usage,
    targets_of,
)
from resource_report.notifications import Complaints, Severity
from resource_report.registry import without_credentials
from resource_report.rows import IngressRow, Snapshot, WorkloadRow
from resource_report.smoothing import Usage, mean_usage, smooth
from resource_report.teams import TeamMapping, assign_teams
from shared.clock import Clock
from shared.cluster import Cluster
from shared.errors import ClusterError
from shared.kinds import CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, NAMESPACES, NODES, PODS, STATEFUL_SETS, Resource
from shared.objects import Object
from shared.times import format_timestamp

T = TypeVar("T", bound=Object)

_TEAM_OWNERS = {resource.kind: resource for resource in (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, CRON_JOBS)}


@dataclass(frozen=True)
class CollectSettings:
    """What to read. `samples` usage samples are taken `sample_seconds` apart; `alpha` smooths their mean over the runs."""

    mapping: MapSettings
    exclude_nodes: tuple[tuple[str, str], ...] = ()
    route_groups: bool = False
    ingress_routes: bool = False
    samples: int = 1
    sample_seconds: float = 15.0
    alpha: float = 1.0
    teams: TeamMapping = field(default_factory=TeamMapping)


@dataclass
class Memory:
    """What is remembered of a cluster from run to run in this process: smoothed usage; and, for the node hook, its nodes."""

    nodes: Usage = field(default_factory=dict)
    pods: Usage = field(default_factory=dict)
    node_objects: dict[str, Object] = field(default_factory=dict)


@dataclass(frozen=True)
class Hooks:
    """The operator's functions. The node hook runs later, over priced nodes; here their objects are kept for it."""

    node: HookRunner
    pod: HookRunner


def collect(cluster: Cluster, settings: CollectSettings, hooks: Hooks, memory: Memory, clock: Clock) -> Snapshot:
    """Everything the report needs of *cluster*. Raises ClusterError when its nodes or pods cannot be read."""
    snapshot = Snapshot(
        cluster=settings.mapping.cluster,
        name=settings.mapping.cluster,
        api_server_url=without_credentials(cluster.server),
        as_of=format_timestamp(clock.now()),
    )
    reader = _Reader(cluster, settings, snapshot)
    with ThreadPoolExecutor(1, thread_name_prefix="usage") as beside:
        # While the server puts one list together, we decode the other.
        first_sample = beside.submit(reader.read_sample)
        reader.read_namespaces()
        targets = reader.read_autoscalers()
        backends = reader.read_routes()
        memory.node_objects = reader.read_nodes(keep=hooks.node.hook is not None)
        jobs = reader.read_pods(targets, backends, hooks.pod)
        samples = [first_sample.result()]
    for _ in range(settings.samples - 1):
        clock.sleep(settings.sample_seconds)
        samples.append(reader.read_sample())
    reader.fill_usage(samples, memory)
    reader.fill_owners(jobs)
    snapshot.notifications = reader.complaints.notifications()
    return snapshot


@dataclass
class _Sample:
    nodes: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    pods: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


class _Reader:
    """One reading of one cluster: fills a snapshot, section by section."""

    def __init__(self, cluster: Cluster, settings: CollectSettings, snapshot: Snapshot) -> None:
        self._settings = settings
        self._map = settings.mapping
        self._snapshot = snapshot
        self._unresolved: list[routes.Route] = []
        self.complaints = Complaints(settings.mapping.cluster)
        self._lists = Lists(cluster, self.complaints)

    def read_sample(self) -> _Sample:
        """One sample of the usage of all nodes and pods; empty where there are no metrics."""
        sample = _Sample()

        def node(metrics: kinds.NodeMetrics) -> None:
            if used := node_usage(metrics):
                sample.nodes["", metrics.name] = used

        def pod(metrics: kinds.PodMetrics) -> None:
            if used := pod_usage(metrics):
                sample.pods[sys.intern(metrics.namespace), metrics.name] = used

        self._lists.optional(self._lists.find(kinds.NODE_METRICS_VERSIONS), kinds.NodeMetrics, node)
        resource = self._lists.find(kinds.POD_METRICS_VERSIONS)
        self._lists.optional(resource, kinds.PodMetrics, pod)
        if resource is None:
            message = "the metrics API is not served: usage and slack are unknown"
            self.complaints.add(Severity.WARNING, "metrics", message, "install metrics-server")
        return sample

    def read_namespaces(self) -> None:
        rows = self._snapshot.namespaces
        self._lists.optional(NAMESPACES, kinds.Namespace, lambda found: rows.append(namespace_row(found, self._map)))

    def read_autoscalers(self) -> Targets:
        """What vertical autoscalers recommend; both kinds are noted on their workloads."""
        targets: dict[WorkloadKey, dict[str, tuple[float, float]]] = {}
        known: dict[WorkloadKey, WorkloadRow] = {}

        def workload(namespace: str, target: kinds.Target) -> WorkloadRow:
            key = (namespace, target.kind, target.name)
            row = WorkloadRow(cluster=self._map.cluster, namespace=namespace, workload_kind=target.kind, workload=target.name)
            return known.setdefault(key, row)

        def vertical(vpa: kinds.Vpa) -> None:
            if vpa.spec.target_ref:
                workload(vpa.namespace, vpa.spec.target_ref).vpa = True
            if recommended := targets_of(vpa):
                targets[recommended[0]] = recommended[1]

        def horizontal(hpa: kinds.Hpa) -> None:
            if target := hpa.spec.scale_target_ref:
                lowest = 1 if hpa.spec.min_replicas is None else hpa.spec.min_replicas
                workload(hpa.namespace, target).hpa = f"{lowest}-{hpa.spec.max_replicas}"

        self._lists.optional(self._lists.find(kinds.VERTICAL_POD_AUTOSCALERS), kinds.Vpa, vertical)
        self._lists.optional(self._lists.find(kinds.HPA_VERSIONS), kinds.Hpa, horizontal)
        self._snapshot.workloads = list(known.values())
        return targets

    def read_routes(self) -> routes.Backends:
        """All routes; and the services that decide the application of those without a label of their own."""
        found: list[routes.Route] = []
        self._routes_of(found, self._lists.find(kinds.INGRESS_VERSIONS), kinds.Ingress, routes.ingress_routes)
        self._routes_of(found, self._lists.find(kinds.HTTP_ROUTES), kinds.HttpRoute, routes.http_route_routes)
        if self._settings.route_groups:
            self._routes_of(found, self._lists.find(kinds.ROUTE_GROUPS), kinds.RouteGroup, routes.route_group_routes)
        if self._settings.ingress_routes:
            for resource in kinds.INGRESS_ROUTES:
                self._routes_of(found, self._lists.find([resource]), kinds.IngressRoute, routes.ingress_route_routes)
        self._unresolved = [(row, services) for row, services in found if not row.application and services]
        wanted = {(row.namespace, service) for row, services in self._unresolved for service in services}
        backends = routes.Backends(wanted, self._map.labels)
        if wanted:
            self._lists.optional(kinds.SERVICES, kinds.Service, backends.see_service)
        self._snapshot.ingresses = [row for row, _ in found]
        return backends

    def _routes_of(
        self,
        into: list[routes.Route],
        resource: Resource | None,
        as_type: type[T],
        split: Callable[[T, Callable[[], IngressRow]], Iterator[routes.Route]],
    ) -> None:
        kind = resource.kind if resource else ""

        def use(found: T) -> None:
            for row, services in split(found, lambda: routes.new_row(kind, self._map.cluster, found, self._map.labels)):
                row.backend = ", ".join(services)
                into.append((row, services))

        self._lists.optional(resource, as_type, use)

    def read_nodes(self, *, keep: bool) -> dict[str, Object]:
        """All nodes but those left out by the operator. Raises ClusterError. With *keep* the objects are returned too."""
        objects: dict[str, Object] = {}

        def use(found: kinds.Node) -> None:
            labels = found.metadata.labels or {}
            if any(labels.get(key) == value for key, value in self._settings.exclude_nodes):
                self._snapshot.excluded_nodes.append(found.name)
            elif is_virtual(labels):
                self._snapshot.excluded_nodes.append(found.name)
                self.complaints.add(Severity.INFO, f"nodes/{found.name}", "a virtual node: neither it nor its pods are priced")
            else:
                self._snapshot.nodes.append(node_row(found, self._map))
                if keep:
                    objects[found.name] = found

        self._snapshot.excluded_nodes = []
        for found in self._lists.each(NODES, kinds.Node):
            self._lists.mapped(NODES, found, use)
        return objects

    def read_pods(self, targets: Targets, backends: routes.Backends, hook: HookRunner) -> dict[tuple[str, str], str]:
        """All pods that hold resources. Raises ClusterError. Returns the Job names of those that look scheduled."""
        rows = self._snapshot.pods
        jobs: dict[tuple[str, str], str] = {}

        def use(pod: kinds.Pod) -> None:
            if not is_running(pod):
                return
            row = pod_row(pod, self._map, targets)
            if hook.hook is not None:
                map_pod(hook, ObjectView(pod, pod.name, pod.namespace), row)
            if row.workload_kind == CRON_JOBS.kind and (owner := pod.metadata.controller):
                jobs[pod.namespace, pod.name] = owner.name
            backends.see_pod(pod.namespace, pod.metadata.labels, row.application)
            rows.append(row)

        for pod in self._lists.each(PODS, kinds.Pod):
            self._lists.mapped(PODS, pod, use)
        for row, services in self._unresolved:
            row.application = backends.application(row.namespace, services)
        return jobs

    def fill_usage(self, samples: list[_Sample], memory: Memory) -> None:
        """Smoothed usage into the rows of nodes and pods; what was not measured stays unknown."""
        memory.nodes = smooth(memory.nodes, mean_usage([sample.nodes for sample in samples]), self._settings.alpha)
        memory.pods = smooth(memory.pods, mean_usage([sample.pods for sample in samples]), self._settings.alpha)
        for node in self._snapshot.nodes:
            if used := memory.nodes.get(("", node.node)):
                node.cpu_usage, node.memory_usage = used
        for pod in self._snapshot.pods:
            if used := memory.pods.get((pod.namespace, pod.pod)):
                pod.cpu_usage, pod.memory_usage = used
        if self._settings.alpha == 1:
            # Without smoothing nothing of it is needed again, and it is as large as the cluster.
            memory.nodes, memory.pods = {}, {}

    def fill_owners(self, jobs: dict[tuple[str, str], str]) -> None:
        """Teams; and whether what looks like a CronJob's Job is one. Lists only the kinds that could tell something new."""
        pods = self._snapshot.pods
        wanted = {row.workload_kind for row in pods if not row.team} | ({CRON_JOBS.kind} if jobs else set())
        teams: dict[WorkloadKey, str] = {}
        for kind, resource in _TEAM_OWNERS.items():
            if kind not in wanted:
                continue
            names = self._team_labels(resource, teams)
            if kind == CRON_JOBS.kind and names is not None:
                for row in pods:
                    if row.workload_kind == kind and (row.namespace, row.workload) not in names:
                        row.workload_kind, row.workload = "Job", jobs[row.namespace, row.pod]
        assign_teams(pods, teams, self._snapshot.namespaces, self._settings.teams)

    def _team_labels(self, resource: Resource, teams: dict[WorkloadKey, str]) -> set[tuple[str, str]] | None:
        """Adds the team labels of one kind to *teams*; its (namespace, name)s for CronJobs, None where it cannot be listed."""
        names: set[tuple[str, str]] = set()
        try:
            for found in self._lists.metadata(resource):
                if team := first(found.metadata.labels, self._map.labels.team):
                    teams[found.namespace, resource.kind, found.name] = team
                if resource is CRON_JOBS:
                    names.add((found.namespace, found.name))
        except ClusterError as error:
            self._lists.failed(resource.plural, error, resource)
            return None
        return names
