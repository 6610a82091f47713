"""What the downscaler reads of the objects it scales, as msgspec Structs. Shapes only; what they mean is in `sizes.py`."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.objects import Object, Struct


class Resources(Struct, frozen=True):
    requests: dict[str, str | float] | None = None
    limits: dict[str, str | float] | None = None


class Container(Struct, frozen=True):
    resources: Resources = Resources()
    restart_policy: str = ""


class PodSpec(Struct, frozen=True):
    node_selector: dict[str, str] | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    overhead: dict[str, str | float] | None = None


class Template(Struct, frozen=True):
    spec: PodSpec = PodSpec()


class Ceiling(Struct, frozen=True):
    """The autoscaling part of a Stack."""

    max_replicas: int | None = None


class Retention(Struct, frozen=True):
    """What becomes of a StatefulSet's volumes; the API's default is Retain."""

    when_scaled: str = "Retain"


class ScaleTarget(Struct, frozen=True):
    """What an autoscaler scales. KEDA's default kind is Deployment."""

    kind: str = "Deployment"
    name: str = ""


class WorkloadSpec(Struct, frozen=True):
    """The size fields of all built-in kinds; an object holds those of its own kind and the rest stay None."""

    replicas: int | None = None
    suspend: bool | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    template: Template = Template()
    min_runners: int | None = None
    number_of_instances: int | None = None
    starting_deadline_seconds: int | None = None
    autoscaler: Ceiling | None = None
    horizontal_pod_autoscaler: Ceiling | None = None
    persistent_volume_claim_retention_policy: Retention | None = None
    scale_target_ref: ScaleTarget | None = None


class Exposure(WorkloadSpec, frozen=True):
    """What a Service, an Ingress or a Gateway is exposed by. Ports are kept whole, as a merge patch replaces all of them."""

    type: str | None = None
    ports: list[dict[str, Any]] | None = None
    external_traffic_policy: str | None = None
    load_balancer_class: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_source_ranges: list[str] | None = None
    health_check_node_port: int | None = None
    ingress_class_name: str | None = None
    gateway_class_name: str | None = None


class Schedule(WorkloadSpec, frozen=True):
    """When a CronJob runs."""

    schedule: str = ""
    time_zone: str | None = None


class Status(Struct, frozen=True):
    """How many pods there are, and how many are ready, of kinds that say so."""

    replicas: int | None = None
    ready_replicas: int | None = None
    # The nodes that a DaemonSet wants a pod on.
    desired_number_scheduled: int | None = None


class Workload(Object, frozen=True):
    """One object of a kind in `sizes.KINDS`."""

    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: Status = msgspec.field(default_factory=Status)

    @property
    def running(self) -> bool:
        """Whether it still has pods, as far as it says so."""
        return bool(self.status.replicas)

    @property
    def finished(self) -> bool:
        """Whether the object has run to its end, so that its size no longer means anything."""
        return False


class Scheduled(Workload, frozen=True):
    spec: Schedule = msgspec.field(default_factory=Schedule)


class Exposed(Workload, frozen=True):
    spec: Exposure = msgspec.field(default_factory=Exposure)


class Condition(Struct, frozen=True):
    type: str = ""
    status: str = ""


class JobStatus(Status, frozen=True):
    conditions: list[Condition] | None = None


class Job(Workload, frozen=True):
    status: JobStatus = msgspec.field(default_factory=JobStatus)

    @property
    def finished(self) -> bool:
        return any(each.type in ("Complete", "Failed") and each.status == "True" for each in self.status.conditions or ())
