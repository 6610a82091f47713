"""Kinds that cost money outside pods: Services of load balancers, Ingresses and Gateways. Pure.

Down, a Service is a ClusterIP, and an Ingress or a Gateway has a class that no controller serves. What else a Service loses with
its type comes back with it: the API server clears the node ports, and refuses the fields of load balancers on any other type.
Source: "Type of service" of the Kubernetes API reference, and the rules of its update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from downscaler.amounts import Patch, Refusal, Size
from downscaler.beside import NOTHING, Beside, Originals, Return
from downscaler.words import compare_words, reach_word
from downscaler.workloads import Exposure, Workload
from shared.errors import ValueProblem

CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
# Each of these types is the one before and something more.
_TYPES = (CLUSTER_IP, NODE_PORT, LOAD_BALANCER)
NO_INGRESS_CLASS = "kube-downscaler-ingress-class"
NO_GATEWAY_CLASS = "kube-downscaler-gateway-class"
# How a class that nothing names is recorded.
UNSET = "-1"
INGRESS_CLASS = "kubernetes.io/ingress.class"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
AWS_TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"

_CLASS = re.compile(r"[^\s\x00-\x20\x7f]{1,253}")
_SPOKEN = "the name of a class"


def _spec(workload: Workload) -> Exposure:
    spec = workload.spec
    return spec if isinstance(spec, Exposure) else Exposure()


# ---- Services


def read_type(workload: Workload) -> Size | None:
    return _spec(workload).type or CLUSTER_IP


def patch_type(workload: Workload, size: Size) -> Patch:
    return {"spec": {"type": size}}


def reach_type(workload: Workload, target: Size) -> Size | Refusal:
    """An ExternalName is only a name: nothing is saved by taking it away."""
    current = read_type(workload)
    if current == EXTERNAL_NAME and target == 0:
        return EXTERNAL_NAME
    return reach_word(workload, target, current, CLUSTER_IP)


def type_original(text: str) -> Size:
    if (word := text.strip()) in (*_TYPES, EXTERNAL_NAME):
        return word
    raise ValueProblem(text, f"one of {', '.join((*_TYPES, EXTERNAL_NAME))}")


def compare_types(workload: Workload, left: Size, right: Size) -> int | None:
    if left in _TYPES and right in _TYPES:
        a, b = (_TYPES.index(str(each)) for each in (left, right))
        return (a > b) - (a < b)
    return compare_words(CLUSTER_IP, left, right) if left == right or CLUSTER_IP in (left, right) else None


def is_network_load_balancer(workload: Workload) -> bool:
    return (workload.metadata.annotation(AWS_TYPE) or "").lower() == "nlb"


def is_no_network_load_balancer(workload: Workload) -> bool:
    return not is_network_load_balancer(workload)


def _fall(workload: Workload, low: Size, asked: int | None, originals: Originals) -> Patch:
    if low != CLUSTER_IP or read_type(workload) == CLUSTER_IP:
        return {}
    patch: Patch = {"spec": {name: None for name, value in _dependent(_spec(workload)) if value is not None}}
    if workload.metadata.annotation(SOURCE_RANGES) is not None:
        patch["metadata"] = {"annotations": {SOURCE_RANGES: None}}
    return patch


def _dependent(spec: Exposure) -> Iterator[tuple[str, object]]:
    """The fields that only some types may have, which are named so that no server refuses the rest."""
    yield "externalTrafficPolicy", spec.external_traffic_policy
    yield "loadBalancerClass", spec.load_balancer_class
    yield "allocateLoadBalancerNodePorts", spec.allocate_load_balancer_node_ports
    yield "loadBalancerSourceRanges", spec.load_balancer_source_ranges
    yield "healthCheckNodePort", spec.health_check_node_port


def _never_holds(low: Size, asked: int | None, originals: Originals) -> bool:
    return False


def _remember(workload: Workload, fall: Patch) -> Originals:
    """All that is not as the API server would make it again by itself."""
    spec = _spec(workload)
    if not fall:
        return NOTHING
    allocate = spec.allocate_load_balancer_node_ports
    node_ports = {_port_key(port): int(port["nodePort"]) for port in spec.ports or () if port.get("nodePort")}
    return Originals(
        external_traffic_policy=spec.external_traffic_policy if spec.external_traffic_policy != "Cluster" else None,
        load_balancer_class=spec.load_balancer_class,
        allocate_load_balancer_node_ports=None if allocate else allocate,
        load_balancer_source_ranges=spec.load_balancer_source_ranges,
        source_ranges_annotation=workload.metadata.annotation(SOURCE_RANGES),
        health_check_node_port=spec.health_check_node_port,
        node_ports=node_ports or None,
    )


def _port_key(port: Mapping[str, object]) -> str:
    return f"{port.get('port')}/{port.get('protocol') or 'TCP'}"


def _recall(workload: Workload, size: Size, originals: Originals, exactly: bool) -> Return:
    """Nothing of one that somebody has exposed again: there the class of the load balancer must not change any more.

    Its ports on the nodes may have been given to another Service meanwhile.
    """
    if size == read_type(workload) or size not in (NODE_PORT, LOAD_BALANCER):
        return Return({}, {})
    must: dict[str, object] = {"externalTrafficPolicy": originals.external_traffic_policy}
    may: dict[str, object] = {"ports": _with_node_ports(_spec(workload), originals.node_ports or {})}
    if size == LOAD_BALANCER:
        must |= {
            "loadBalancerClass": originals.load_balancer_class,
            "allocateLoadBalancerNodePorts": originals.allocate_load_balancer_node_ports,
            "loadBalancerSourceRanges": originals.load_balancer_source_ranges,
        }
        may["healthCheckNodePort"] = originals.health_check_node_port
    patch = _set({"spec": _set(must)})
    if size == LOAD_BALANCER and originals.source_ranges_annotation is not None:
        patch["metadata"] = {"annotations": {SOURCE_RANGES: originals.source_ranges_annotation}}
    return Return(patch, _set({"spec": _set(may)}))


def _set(values: Mapping[str, object]) -> Patch:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}


def _with_node_ports(spec: Exposure, node_ports: Mapping[str, int]) -> list[dict[str, object]] | None:
    """The ports as they are now, those that are still there with their former ports on the nodes; None if that is none."""
    ports = spec.ports or []
    if not any(_port_key(port) in node_ports for port in ports):
        return None
    return [{**port, "nodePort": node_ports[_port_key(port)]} if _port_key(port) in node_ports else dict(port) for port in ports]


SERVICE = Beside(_fall, _never_holds, _remember, _recall)


# ---- Ingresses


def read_ingress_class(workload: Workload) -> Size | None:
    """The class by its field, or by the annotation that it had before there was one."""
    named = _spec(workload).ingress_class_name
    return named or workload.metadata.annotation(INGRESS_CLASS) or UNSET


def patch_ingress_class(workload: Workload, size: Size) -> Patch:
    value = None if size == UNSET else size
    if not _spec(workload).ingress_class_name and workload.metadata.annotation(INGRESS_CLASS):
        return {"metadata": {"annotations": {INGRESS_CLASS: value}}}
    return {"spec": {"ingressClassName": value}}


def reach_ingress_class(workload: Workload, target: Size) -> Size | Refusal:
    return reach_word(workload, target, read_ingress_class(workload), NO_INGRESS_CLASS)


def ingress_class_original(text: str) -> Size:
    return UNSET if text.strip() == UNSET else _class(text, f"{_SPOKEN}, or -1 for one that was not set")


def compare_ingress_classes(workload: Workload, left: Size, right: Size) -> int | None:
    return compare_words(NO_INGRESS_CLASS, left, right)


# ---- Gateways


def read_gateway_class(workload: Workload) -> Size | None:
    return _spec(workload).gateway_class_name or None


def patch_gateway_class(workload: Workload, size: Size) -> Patch:
    return {"spec": {"gatewayClassName": size}}


def reach_gateway_class(workload: Workload, target: Size) -> Size | Refusal:
    return reach_word(workload, target, read_gateway_class(workload), NO_GATEWAY_CLASS)


def gateway_class_original(text: str) -> Size:
    return _class("" if text.strip() == UNSET else text, _SPOKEN)


def compare_gateway_classes(workload: Workload, left: Size, right: Size) -> int | None:
    return compare_words(NO_GATEWAY_CLASS, left, right)


def _class(text: str, accepted: str) -> str:
    if (name := text.strip()) and _CLASS.fullmatch(name):
        return name
    raise ValueProblem(text, accepted)
