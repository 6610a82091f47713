"""What is kept of a cluster: one slim row per object, and a snapshot of all of them.

Rows are what a page of a list is mapped to before the next page is read, and what the state on disk holds for a cluster that
cannot be reached later. They hold no credentials, no environment variables and no label other than the few that are shown.
CPU in cores, memory in bytes; NaN where a number is not known.
"""

from __future__ import annotations

import math

import msgspec

from resource_report.notifications import Notification

UNKNOWN = math.nan


class Row(msgspec.Struct, kw_only=True, gc=False, array_like=True):
    """The base of all rows. Plain values only, so the garbage collector need not walk 50,000 of them.

    Stored as arrays: a new field goes to the end and has a default, and what an earlier version stored can still be read.
    """


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """Amounts of the three resources that are priced."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def at_least(self, other: Amounts) -> Amounts:
        """The larger of the two, resource by resource."""
        return Amounts(max(self.cpu, other.cpu), max(self.memory, other.memory), max(self.gpu, other.gpu))


class NodeRow(Row):
    cluster: str
    node: str
    role: str = "worker"
    worker: bool = True
    pool: str = ""
    provider: str = ""
    region: str = ""
    zone: str = ""
    instance_type: str = ""
    instance_id: str = ""
    arch: str = ""
    capacity_type: str = "unknown"
    spot: bool = False
    kubelet_version: str = ""
    ready: bool = True
    schedulable: bool = True
    cpu_capacity: float = 0.0
    memory_capacity: float = 0.0
    gpu_capacity: float = 0.0
    cpu_allocatable: float = 0.0
    memory_allocatable: float = 0.0
    gpu_allocatable: float = 0.0
    gpu_devices: float = 0.0
    cpu_usage: float = UNKNOWN
    memory_usage: float = UNKNOWN


class PodRow(Row):
    cluster: str
    namespace: str
    pod: str
    node: str = ""
    application: str = ""  # the label's value, "" without one
    component: str = ""
    team: str = ""
    team_source: str = ""
    workload_kind: str = ""
    workload: str = ""
    user: bool = True
    container_images: str = ""
    containers: str = ""
    cpu_requests: float = 0.0
    memory_requests: float = 0.0
    gpu_requests: float = 0.0
    cpu_usage: float = UNKNOWN
    memory_usage: float = UNKNOWN
    cpu_recommendation: float = UNKNOWN
    memory_recommendation: float = UNKNOWN
    recommendation_source: str = ""
    cpu_provisioned: float = UNKNOWN
    memory_provisioned: float = UNKNOWN
    shared: bool = False  # it has one of the labels of shared pods


class NamespaceRow(Row):
    cluster: str
    namespace: str
    status: str = ""
    team: str = ""
    team_source: str = ""
    email: str = ""
    system: bool = False


class IngressRow(Row):
    kind: str
    cluster: str
    namespace: str
    name: str
    application: str = ""
    host: str = ""
    status: int = 0
    rule: str = ""
    backend: str = ""
    tls: str = ""


class WorkloadRow(Row):
    """A workload that something is known of beyond its pods: an autoscaler or a recommendation."""

    cluster: str
    namespace: str
    workload_kind: str
    workload: str
    vpa: bool = False
    hpa: str = ""


class Snapshot(Row, gc=True):
    """Everything that was read of one cluster. `as_of` is ISO 8601 in UTC; `stale` marks one that was read in an earlier run."""

    cluster: str
    name: str
    api_server_url: str
    as_of: str = ""
    stale: bool = False
    error: str = ""
    excluded_nodes: list[str] = []
    nodes: list[NodeRow] = []
    pods: list[PodRow] = []
    namespaces: list[NamespaceRow] = []
    ingresses: list[IngressRow] = []
    workloads: list[WorkloadRow] = []
    notifications: list[Notification] = []
