"""What a Service may have depends on its type: what the server fills in, clears when the type changes, and refuses. Pure.

Source: the Kubernetes API reference of ServiceSpec, and the rule of its update that a field which the new type has no room for is
cleared, unless the client has changed it in the same request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import crc32

from shared.simcluster.problems import bad_value, forbidden
from shared.simcluster.records import JsonObject, lookup
from shared.simcluster.refusals import Cause

KEY = "services"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_EXPOSED = ("NodePort", "LoadBalancer")
_BALANCED = ("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort")
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_FIRST_PORT, _PORTS = 30000, 2768


def complete(obj: JsonObject) -> None:
    """The fields of a type that is reached from outside. Ports depend on the object alone, so that runs repeat."""
    spec = obj["spec"]
    if spec["type"] not in _EXPOSED:
        return
    _default(spec, "externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        _default(spec, "allocateLoadBalancerNodePorts", True)
        if spec["externalTrafficPolicy"] == "Local":
            _default(spec, "healthCheckNodePort", _port(obj, "healthcheck"))
    if spec.get("allocateLoadBalancerNodePorts") is not False:
        for port in spec.get("ports") or ():
            _default(port, "nodePort", _port(obj, f"{port.get('port')}/{port.get('protocol')}"))


def _default(obj: JsonObject, key: str, value: Any) -> None:
    if obj.get(key) is None:
        obj[key] = value


def _port(obj: JsonObject, what: str) -> int:
    metadata = obj["metadata"]
    return _FIRST_PORT + crc32(f"{metadata.get('namespace')}/{metadata.get('name')}/{what}".encode()) % _PORTS


def settle(old: JsonObject, new: JsonObject) -> None:
    """Clears in *new* what its type has no room for and what the client did not touch."""
    before, after = old.get("spec"), new.get("spec")
    if not isinstance(before, dict) or not isinstance(after, dict) or before.get("type") == after.get("type"):
        return
    exposed, balanced = after.get("type") in _EXPOSED, after.get("type") == "LoadBalancer"
    for field in (*(() if exposed else ("externalTrafficPolicy",)), *(() if balanced else _BALANCED)):
        if field in after and after[field] == before.get(field):
            del after[field]
    known = {port.get("nodePort") for port in before.get("ports") or ()}
    if not exposed and all(port.get("nodePort") in known for port in after.get("ports") or ()):
        for port in after.get("ports") or ():
            port.pop("nodePort", None)


def content(obj: JsonObject) -> Iterator[Cause]:
    """The fields that the type has no room for."""
    kind = lookup(obj, "spec.type")
    if kind != "LoadBalancer":
        for field in ("loadBalancerSourceRanges", "loadBalancerClass", "allocateLoadBalancerNodePorts"):
            if lookup(obj, f"spec.{field}") not in (None, []):
                yield forbidden(f"spec.{field}", _ONLY_BALANCED)
        if SOURCE_RANGES in (obj["metadata"].get("annotations") or {}):
            yield forbidden(f"metadata.annotations[{SOURCE_RANGES}]", _ONLY_BALANCED)
    if kind not in _EXPOSED:
        if policy := lookup(obj, "spec.externalTrafficPolicy"):
            yield bad_value("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
        for index, port in enumerate(lookup(obj, "spec.ports") or ()):
            if port.get("nodePort"):
                yield forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")


def changes(old: JsonObject, new: JsonObject) -> Iterator[Cause]:
    """A load balancer keeps its class."""
    before, after = lookup(old, "spec.loadBalancerClass"), lookup(new, "spec.loadBalancerClass")
    if lookup(old, "spec.type") == lookup(new, "spec.type") == "LoadBalancer" and before != after:
        yield bad_value("spec.loadBalancerClass", after, "may not change once set")
