"""The shapes of API objects as far as the report reads them, and where those objects live. Nothing else of a page is decoded."""

from __future__ import annotations

import msgspec

from shared.kinds import HORIZONTAL_POD_AUTOSCALERS, INGRESSES, NODE_METRICS, POD_METRICS, Resource
from shared.objects import Object, Struct

Quantity = str | int | float
Quantities = dict[str, Quantity]

SERVICES = Resource("", "v1", "services", "Service")
HTTP_ROUTES = tuple(Resource("gateway.networking.k8s.io", version, "httproutes", "HTTPRoute") for version in ("v1", "v1beta1"))
ROUTE_GROUPS = (Resource("zalando.org", "v1", "routegroups", "RouteGroup"),)
INGRESS_ROUTES = tuple(
    Resource(group, "v1alpha1", "ingressroutes", "IngressRoute") for group in ("traefik.io", "traefik.containo.us")
)
AUTOSCALER = "verticalpodautoscalers"
VERTICAL_POD_AUTOSCALERS = tuple(
    Resource("autoscaling.k8s.io", version, AUTOSCALER, "VerticalPodAutoscaler") for version in ("v1", "v1beta2")
)
# What is read only where the server has it: the versions we understand, best first.
INGRESS_VERSIONS = (INGRESSES,)
HPA_VERSIONS = (HORIZONTAL_POD_AUTOSCALERS, Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler"))
NODE_METRICS_VERSIONS = (NODE_METRICS,)
POD_METRICS_VERSIONS = (POD_METRICS,)


class Requirements(Struct, frozen=True):
    requests: Quantities | None = None


class Container(Struct, frozen=True):
    name: str = ""
    image: str = ""
    restart_policy: str = ""  # "Always" makes an init container a sidecar
    resources: Requirements | None = None


class PodSpec(Struct, frozen=True):
    node_name: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    overhead: Quantities | None = None
    resources: Requirements | None = None


class Condition(Struct, frozen=True):
    type: str = ""
    status: str = ""


class PodStatus(Struct, frozen=True):
    phase: str = ""
    conditions: list[Condition] | None = None


class Pod(Object, frozen=True):
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class NodeSpec(Struct, frozen=True):
    provider_id: str = msgspec.field(default="", name="providerID")
    unschedulable: bool = False


class NodeInfo(Struct, frozen=True):
    kubelet_version: str = ""
    architecture: str = ""


class NodeStatus(Struct, frozen=True):
    capacity: Quantities | None = None
    allocatable: Quantities | None = None
    conditions: list[Condition] | None = None
    node_info: NodeInfo = msgspec.field(default_factory=NodeInfo)


class Node(Object, frozen=True):
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


class Phase(Struct, frozen=True):
    phase: str = ""


class Namespace(Object, frozen=True):
    status: Phase = msgspec.field(default_factory=Phase)


class Used(Struct, frozen=True):
    cpu: Quantity = "0"
    memory: Quantity = "0"


class ContainerUsage(Struct, frozen=True):
    usage: Used | None = None


class MetricsMeta(Struct, frozen=True):
    """As much metadata as metrics need. The metrics API knows no pages: at 50,000 pods the labels alone would be 25 MB."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""


class PodMetrics(Object, frozen=True):
    metadata: MetricsMeta = msgspec.field(default_factory=MetricsMeta)  # type: ignore[assignment]  # a part of Meta
    containers: list[ContainerUsage] | None = None


class NodeMetrics(Object, frozen=True):
    metadata: MetricsMeta = msgspec.field(default_factory=MetricsMeta)  # type: ignore[assignment]  # as above
    usage: Used | None = None


class Target(Struct, frozen=True):
    kind: str = ""
    name: str = ""


class ContainerRecommendation(Struct, frozen=True):
    container_name: str = ""
    target: Quantities | None = None


class Recommendation(Struct, frozen=True):
    container_recommendations: list[ContainerRecommendation] | None = None


class VpaSpec(Struct, frozen=True):
    target_ref: Target | None = None


class VpaStatus(Struct, frozen=True):
    recommendation: Recommendation | None = None


class Vpa(Object, frozen=True):
    spec: VpaSpec = msgspec.field(default_factory=VpaSpec)
    status: VpaStatus = msgspec.field(default_factory=VpaStatus)


class HpaSpec(Struct, frozen=True):
    scale_target_ref: Target | None = None
    min_replicas: int | None = None
    max_replicas: int = 0


class Hpa(Object, frozen=True):
    spec: HpaSpec = msgspec.field(default_factory=HpaSpec)


class ServiceSpec(Struct, frozen=True):
    selector: dict[str, str] | None = None


class Service(Object, frozen=True):
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


# ---- routes


class Named(Struct, frozen=True):
    name: str = ""
    service_name: str = ""


class IngressBackend(Struct, frozen=True):
    service: Named | None = None


class IngressPath(Struct, frozen=True):
    path: str = ""
    backend: IngressBackend | None = None


class IngressHttp(Struct, frozen=True):
    paths: list[IngressPath] | None = None


class IngressRule(Struct, frozen=True):
    host: str = ""
    http: IngressHttp | None = None


class IngressTls(Struct, frozen=True):
    hosts: list[str] | None = None
    secret_name: str = ""


class IngressSpec(Struct, frozen=True):
    rules: list[IngressRule] | None = None
    default_backend: IngressBackend | None = None
    tls: list[IngressTls] | None = None


class Ingress(Object, frozen=True):
    spec: IngressSpec = msgspec.field(default_factory=IngressSpec)


class RouteGroupSpec(Struct, frozen=True):
    hosts: list[str] | None = None
    backends: list[Named] | None = None


class RouteGroup(Object, frozen=True):
    spec: RouteGroupSpec = msgspec.field(default_factory=RouteGroupSpec)


class TraefikRoute(Struct, frozen=True):
    match: str = ""
    services: list[Named] | None = None


class TraefikTls(Struct, frozen=True):
    cert_resolver: str = ""
    secret_name: str = ""


class IngressRouteSpec(Struct, frozen=True):
    routes: list[TraefikRoute] | None = None
    tls: TraefikTls | None = None


class IngressRoute(Object, frozen=True):
    spec: IngressRouteSpec = msgspec.field(default_factory=IngressRouteSpec)


class HttpRouteRule(Struct, frozen=True):
    backend_refs: list[Named] | None = None


class HttpRouteSpec(Struct, frozen=True):
    hostnames: list[str] | None = None
    rules: list[HttpRouteRule] | None = None


class HttpRoute(Object, frozen=True):
    spec: HttpRouteSpec = msgspec.field(default_factory=HttpRouteSpec)
