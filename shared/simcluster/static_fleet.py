"""A fleet of any size, written straight into the store: for benchmarks and tests of scale. Nothing in it lives.

Objects have the size that they have in real clusters (a pod is about 3 KB), managedFields included. Owner references, labels,
nodes and requests agree with each other, so that the living half could take over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared.kinds import DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICA_SETS
from shared.simcluster import defaults, manifests
from shared.simcluster.deployments import DESIRED, MAXIMUM, REVISION, deployment_status, new_replica_set
from shared.simcluster.instance_types import INSTANCE_TYPES
from shared.simcluster.kubelet import pod_ip, running_status, waiting_status
from shared.simcluster.manifests import Team, Workload
from shared.simcluster.nodes import Pool, new_node, node_name
from shared.simcluster.records import JsonObject
from shared.simcluster.scheduling import Room, room_of
from shared.simcluster.store import Store
from shared.simcluster.templates import PodIdentity, demand_of, digest, fraction, new_pod, suffix
from shared.simcluster.world import owner_reference
from shared.times import format_timestamp

PODS_PER_DEPLOYMENT = 5
PODS_PER_NODE = 50
DEPLOYMENTS_PER_NAMESPACE = 20
DEPLOYMENTS_PER_APPLICATION = 5
TEAMS = 150

_POOLS = (
    Pool(name="fleet", types=("m6i.2xlarge",)),
    Pool(name="fleet-spot", types=("m7i.2xlarge",), karpenter=True, spot=True),
    Pool(name="fleet-arm", types=("m7g.2xlarge",)),
)
# Requests whose mean lets 50 pods fill two thirds of a 2xlarge.
_SIZES = (("50m", "128Mi"), ("100m", "256Mi"), ("100m", "512Mi"), ("150m", "384Mi"), ("200m", "512Mi"))
_ROLES = ("api", "web", "worker", "gateway", "sync", "cache", "consumer", "scheduler")
_WORDS = (
    "order",
    "invoice",
    "stock",
    "price",
    "profile",
    "basket",
    "parcel",
    "refund",
    "review",
    "coupon",
    "session",
    "supplier",
)


def load(store: Store, deployments: int, seed: int, now: datetime) -> None:
    """Write *deployments* deployments with their ReplicaSets, pods, namespaces and as many nodes as they need."""
    count = max(1, deployments // DEPLOYMENTS_PER_NAMESPACE)
    width = len(str(count))
    for index in range(count):
        obj = manifests.namespace(f"team-space-{index:0{width}d}", f"team-{index % TEAMS:03d}")
        obj["metadata"]["creationTimestamp"] = format_timestamp(now - timedelta(days=420))
        store.create(NAMESPACES, obj, trusted=True)
    nodes = _Nodes(store, seed, now)
    for index in range(deployments):
        workload = _workload(index, f"team-space-{index % count:0{width}d}")
        born = now - timedelta(seconds=int(86400 * (1 + 400 * fraction("age", seed, index))))
        _deploy(store, nodes, workload, born)


def _workload(index: int, namespace: str) -> Workload:
    """Deployment number *index*: name, application, team and requests follow from the number."""
    application = index // DEPLOYMENTS_PER_APPLICATION
    word, role = _WORDS[application % len(_WORDS)], _ROLES[index % len(_ROLES)]
    cpu, memory = _SIZES[digest("size", index) % len(_SIZES)]
    return Workload(
        kind="Deployment",
        namespace=namespace,
        name=f"{word}-{role}-{index}",
        team=Team(f"team-{application % TEAMS:03d}"),
        replicas=PODS_PER_DEPLOYMENT,
        cpu=cpu,
        memory=memory,
        application=f"{word}-{application}",
        component=role,
        pod={"volumes": [{"name": "config", "configMap": {"name": f"{word}-{role}-config", "defaultMode": 420}}]},
    )


class _Nodes:
    """Hands out places one node after another: a node is full at 50 pods or when its room is."""

    def __init__(self, store: Store, seed: int, now: datetime) -> None:
        self._store, self._seed, self._now = store, seed, now
        self._made = 0
        self._room: Room | None = None
        self.address = ""

    def place(self, spec: JsonObject) -> str:
        demand = demand_of(spec)
        if self._room is None or self._room.used_pods >= PODS_PER_NODE or self._room.obstacle(demand):
            self._room = self._add()
        self._room.add(demand)
        return self._room.name

    def _add(self) -> Room:
        pool = _POOLS[self._made % len(_POOLS)]
        zone = pool.zones[self._made % len(pool.zones)]
        # Tens of thousands of names collide in one /16; the counter in front keeps them apart.
        address = f"10.{self._made // 60000}.{self._made // 250 % 240}.{self._made % 250 + 2}"
        name = node_name(self._seed, pool.name, self._made).partition(".")[2]
        name = f"ip-{address.replace('.', '-')}.{name}"
        node = new_node(pool, INSTANCE_TYPES[pool.types[0]], zone, name, self._now - timedelta(hours=1 + self._made % 200))
        node["metadata"]["managedFields"] = _managed("kubelet", "v1", _NODE_FIELDS, node["metadata"]["creationTimestamp"])
        self._store.create(NODES, node, trusted=True)
        self.address = address
        self._made += 1
        return room_of(node)


def _deploy(store: Store, nodes: _Nodes, workload: Workload, born: datetime) -> None:
    stamp = format_timestamp(born)
    deployment = manifests.manifest(workload)
    _weigh(deployment["spec"]["template"]["spec"]["containers"][0])
    defaults.apply(store.type_of(DEPLOYMENTS), deployment, DEPLOYMENTS)
    metadata = deployment["metadata"]
    metadata |= {
        "uid": store.new_uid(),
        "generation": 1,
        "creationTimestamp": stamp,
        "annotations": {REVISION: "1", "meta.helm.sh/release-name": workload.application},
        "managedFields": _managed("helm", "apps/v1", _WORKLOAD_FIELDS, stamp),
    }
    replica_set = new_replica_set(deployment, 1)
    replica_set["metadata"] |= {
        "uid": store.new_uid(),
        "creationTimestamp": stamp,
        "managedFields": _managed("kube-controller-manager", "apps/v1", _WORKLOAD_FIELDS, stamp),
    }
    replica_set["metadata"]["annotations"] |= {DESIRED: str(workload.replicas), MAXIMUM: str(workload.replicas + 2)}
    replica_set["spec"]["replicas"] = workload.replicas
    counts = {"replicas": workload.replicas, "readyReplicas": workload.replicas, "availableReplicas": workload.replicas}
    replica_set["status"] = {**counts, "fullyLabeledReplicas": workload.replicas, "observedGeneration": 1}
    deployment["status"] = deployment_status(deployment, replica_set, [replica_set], stamp)
    store.create(DEPLOYMENTS, deployment, trusted=True)
    reference = owner_reference(replica_set)
    template = replica_set["spec"]["template"]
    store.create(REPLICA_SETS, replica_set, trusted=True)
    _add_pods(store, nodes, (workload, template, reference), born)


def _add_pods(store: Store, nodes: _Nodes, what: tuple[Workload, JsonObject, JsonObject], born: datetime) -> None:
    """One pod is built and the others vary it: name, uid, node and addresses are each one's own."""
    workload, template, reference = what
    base = f"{reference['name']}-"
    identity = PodIdentity(namespace=workload.namespace, name=base, owner=reference, generate_name=base)
    pattern = new_pod(template, identity)
    stamp = format_timestamp(born + timedelta(seconds=40))
    pattern["metadata"] |= {"uid": reference["uid"], "managedFields": _managed("kubelet", "v1", _POD_FIELDS, stamp)}
    pattern["status"] = waiting_status(pattern, format_timestamp(born), "")
    status = running_status(pattern, stamp, "")
    for index in range(workload.replicas):
        node = nodes.place(pattern["spec"])
        metadata = {
            **pattern["metadata"],
            "name": base + suffix(5, base, index),
            "uid": store.new_uid(),
            "creationTimestamp": format_timestamp(born),
        }
        pod = {**pattern, "metadata": metadata, "spec": {**pattern["spec"], "nodeName": node}}
        address = pod_ip(pod, nodes.address)
        addresses = {"hostIP": nodes.address, "hostIPs": [{"ip": nodes.address}], "podIP": address, "podIPs": [{"ip": address}]}
        pod["status"] = {**status, **addresses}
        store.create(PODS, pod, trusted=True)


def _weigh(container: JsonObject) -> None:
    """Bring a container to the size of the average real one: a mount more, one probe instead of two."""
    container["volumeMounts"] = [{"name": "config", "mountPath": "/etc/service", "readOnly": True}]
    del container["livenessProbe"]


def _managed(manager: str, api_version: str, fields: msgspec.Raw, stamp: str) -> list[JsonObject]:
    entry = {"manager": manager, "operation": "Update", "apiVersion": api_version, "time": stamp, "fieldsType": "FieldsV1"}
    return [{**entry, "fieldsV1": fields}]


def _encoded(*paths: str) -> msgspec.Raw:
    """FieldsV1 of dotted *paths*, encoded once for all objects."""
    root: JsonObject = {}
    for path in paths:
        inner = root
        for part in path.split("."):
            inner = inner.setdefault(f"f:{part}", {})
    return msgspec.Raw(msgspec.json.encode(root))


_CONTAINER = ("image", "name", "resources", "env", "ports", "livenessProbe", "readinessProbe", "securityContext", "volumeMounts")
_TEMPLATE_FIELDS = tuple(f"spec.template.spec.containers.{name}" for name in _CONTAINER)
_METADATA_FIELDS = ("metadata.labels.application", "metadata.labels.component", "metadata.labels.team")
_SPEC_FIELDS = (
    "spec.replicas",
    "spec.selector",
    "spec.template.metadata.labels",
    "spec.template.spec.volumes",
    *_TEMPLATE_FIELDS,
)
_WORKLOAD_FIELDS = _encoded(*_METADATA_FIELDS, *_SPEC_FIELDS, "status.conditions", "status.replicas")
_POD_FIELDS = _encoded(
    *(f"status.conditions.{name}" for name in ("Initialized", "Ready", "ContainersReady")),
    *(f"status.{name}" for name in ("containerStatuses", "hostIP", "hostIPs", "phase", "podIP", "podIPs", "startTime")),
)
_NODE_FIELDS = _encoded("status.allocatable", "status.capacity", "status.conditions", "status.nodeInfo")
