"""Node pools and Node objects as EKS managed node groups and Karpenter make them today. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.quantity import format_cores
from shared.simcluster.instance_types import EPHEMERAL_ALLOCATABLE, EPHEMERAL_CAPACITY, INSTANCE_TYPES, MIB, InstanceType
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import digest, hexadecimal
from shared.times import format_timestamp

REGION = "eu-central-1"
ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
_ZONE_IDS = {"eu-central-1a": "euc1-az2", "eu-central-1b": "euc1-az3", "eu-central-1c": "euc1-az1"}
KUBELET_VERSION = "v1.34.2-eks-ecaa3a6"
LABEL_NODE_GROUP = "eks.amazonaws.com/nodegroup"
LABEL_NODE_POOL = "karpenter.sh/nodepool"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A group of nodes that an autoscaler grows and shrinks.

    `karpenter` tells a Karpenter NodePool (any of `types`, the smallest that fits what waits) from an EKS managed node group
    (the first of `types` only). `threshold` is the share of requested CPU and memory under which a node may be emptied onto
    others: 0.5 is the cluster autoscaler's, 1.0 is Karpenter's consolidation, which asks only whether the pods fit elsewhere.
    """

    name: str
    types: tuple[str, ...]
    karpenter: bool = False
    spot: bool = False
    minimum: int = 0
    maximum: int = 100
    zones: tuple[str, ...] = ZONES
    labels: dict[str, str] = {}
    taints: tuple[JsonObject, ...] = ()
    threshold: float = 0.5

    def candidates(self) -> list[InstanceType]:
        """The types that a new node may have, smallest first."""
        names = self.types if self.karpenter else self.types[:1]
        return sorted((INSTANCE_TYPES[name] for name in names), key=lambda each: (each.vcpu, each.memory, each.name))


DEFAULT_POOLS = (
    Pool(name="general", types=("m6i.xlarge",), minimum=2, maximum=40),
    Pool(
        name="spot",
        types=("m6i.xlarge", "m7i.xlarge", "c7i.2xlarge", "m6i.2xlarge", "r6i.xlarge"),
        karpenter=True,
        spot=True,
        maximum=40,
        labels={"workload-class": "flexible"},
        taints=({"key": "spot", "value": "true", "effect": "NoSchedule"},),
        threshold=1.0,
    ),
)
"""One managed on-demand group and one Karpenter spot pool, for pods that tolerate `spot=true:NoSchedule`."""


def pool_of(labels: dict[str, str]) -> str:
    """The name of the pool that a node belongs to, empty for a node of no pool."""
    return labels.get(LABEL_NODE_POOL) or labels.get(LABEL_NODE_GROUP) or ""


def node_name(seed: int, pool: str, index: int) -> str:
    """The private DNS name that is also the node's name, in the VPC 10.0.0.0/16."""
    number = digest("node", seed, pool, index)
    return f"ip-10-0-{number % 192}-{number // 192 % 253 + 2}.{REGION}.compute.internal"


def node_labels(pool: Pool, instance: InstanceType, zone: str, name: str) -> dict[str, str]:
    """The labels of a node of *pool*, by whichever of the two managers made it."""
    labels = {
        "kubernetes.io/arch": instance.arch,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance.name,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": zone,
        "topology.k8s.aws/zone-id": _ZONE_IDS.get(zone, ""),
        "topology.ebs.csi.aws.com/zone": zone,
        "k8s.io/cloud-provider-aws": "0553eb3f3f2bd4b4d1f0f4e5a5c1e8a2",
    }
    if not pool.karpenter:
        return (
            labels
            | {"eks.amazonaws.com/capacityType": "SPOT" if pool.spot else "ON_DEMAND", LABEL_NODE_GROUP: pool.name}
            | pool.labels
        )
    karpenter = {
        "karpenter.sh/capacity-type": "spot" if pool.spot else "on-demand",
        LABEL_NODE_POOL: pool.name,
        "karpenter.sh/registered": "true",
        "karpenter.sh/initialized": "true",
        "karpenter.k8s.aws/ec2nodeclass": "default",
        "karpenter.k8s.aws/instance-category": instance.family[0],
        "karpenter.k8s.aws/instance-cpu": str(instance.vcpu),
        "karpenter.k8s.aws/instance-family": instance.family,
        "karpenter.k8s.aws/instance-generation": "".join(sign for sign in instance.family if sign.isdigit()),
        "karpenter.k8s.aws/instance-memory": str(instance.memory // MIB),
        "karpenter.k8s.aws/instance-size": instance.size,
    }
    return labels | karpenter | pool.labels


def new_node(pool: Pool, instance: InstanceType, zone: str, name: str, now: datetime) -> JsonObject:
    """A Ready node, complete as the API server would store it."""
    stamp = format_timestamp(now)
    address = name.partition(".")[0].removeprefix("ip-").replace("-", ".")
    instance_id = f"i-0{digest('instance', name, stamp):016x}"
    annotations = {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    spec: JsonObject = {"providerID": f"aws:///{zone}/{instance_id}"}
    if pool.taints:
        spec["taints"] = list(pool.taints)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": node_labels(pool, instance, zone, name),
            "annotations": annotations,
            "creationTimestamp": stamp,
        },
        "spec": spec,
        "status": _status(instance, name, address, stamp),
    }


def _status(instance: InstanceType, name: str, address: str, stamp: str) -> JsonObject:
    shared = {"ephemeral-storage": EPHEMERAL_CAPACITY, "hugepages-1Gi": "0", "hugepages-2Mi": "0", "pods": str(instance.max_pods)}
    return {
        "capacity": {"cpu": str(instance.vcpu), "memory": f"{instance.memory_capacity // 1024}Ki", **shared},
        "allocatable": {
            **shared,
            "cpu": format_cores(instance.cpu_allocatable / 1000),
            "memory": f"{instance.memory_allocatable // 1024}Ki",
            "ephemeral-storage": EPHEMERAL_ALLOCATABLE,
        },
        "conditions": _conditions(stamp),
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "InternalDNS", "address": name},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": instance.arch,
            "bootID": hexadecimal("boot", name, stamp)[:32],
            "containerRuntimeVersion": "containerd://2.1.5",
            "kernelVersion": "6.12.58-82.121.amzn2023.x86_64" if instance.arch == "amd64" else "6.12.58-82.121.amzn2023.aarch64",
            "kubeProxyVersion": "",
            "kubeletVersion": KUBELET_VERSION,
            "machineID": f"ec2{hexadecimal('machine', name)[:29]}",
            "operatingSystem": "linux",
            "osImage": "Amazon Linux 2023.9.20251208",
            "systemUUID": f"ec2{hexadecimal('system', name)[:29]}",
        },
    }


def _conditions(stamp: str) -> list[JsonObject]:
    healthy = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    conditions = [{"type": kind, "status": "False", **times, "reason": reason, "message": text} for kind, reason, text in healthy]
    ready = {"type": "Ready", "status": "True", **times, "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    return [*conditions, ready]
