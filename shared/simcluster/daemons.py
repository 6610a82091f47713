"""The DaemonSet controller: one pod on every node that its template accepts."""

from __future__ import annotations

from shared.kinds import DAEMON_SETS, NODES, PODS, Resource
from shared.simcluster.deployments import scaled_value
from shared.simcluster.labels import accepts_node, tolerates
from shared.simcluster.records import JsonObject
from shared.simcluster.stateful import REVISION_LABEL
from shared.simcluster.templates import PodIdentity, counts_alike, is_active, is_ready, new_pod, suffix, template_hash
from shared.simcluster.world import Controller, Key, key_of, owner_reference

# What the controller lets every daemon pod tolerate (Kubernetes documentation, "DaemonSet: taints and tolerations").
_TOLERATIONS: list[JsonObject] = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


def wants_node(daemon_set: JsonObject, node: JsonObject) -> bool:
    """Whether *node* should carry a pod of *daemon_set*."""
    spec = daemon_set["spec"]["template"].get("spec") or {}
    tolerations = [*(spec.get("tolerations") or ()), *_TOLERATIONS]
    metadata = node["metadata"]
    return (
        not metadata.get("deletionTimestamp")
        and accepts_node(spec, metadata["name"], metadata.get("labels") or {})
        and tolerates(tolerations, (node.get("spec") or {}).get("taints") or ())
    )


def node_of(pod: JsonObject) -> str:
    """The node a daemon pod is on or, while it waits, is meant for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    for term in (affinity or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


def _pinned(template: JsonObject, node: str) -> JsonObject:
    """*template* for one node: the scheduler binds daemon pods by a node affinity on the node's name."""
    spec = template.get("spec") or {}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    affinity = {**(spec.get("affinity") or {}), "nodeAffinity": required}
    tolerations = [*(spec.get("tolerations") or ()), *_TOLERATIONS]
    return {**template, "spec": {**spec, "affinity": affinity, "tolerations": tolerations}}


def daemon_set_status(daemon_set: JsonObject, wanted: int, pods: list[JsonObject], misplaced: int) -> JsonObject:
    revision = template_hash(daemon_set["spec"]["template"])
    ready = sum(is_ready(pod) for pod in pods)
    updated = sum(pod["metadata"]["labels"].get(REVISION_LABEL) == revision for pod in pods)
    return {
        "observedGeneration": daemon_set["metadata"].get("generation", 1),
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": misplaced,
        "numberReady": ready,
        **({"numberAvailable": ready} if ready else {}),
        **({"numberUnavailable": wanted - ready} if wanted > ready else {}),
        **({"updatedNumberScheduled": updated} if updated else {}),
    }


class DaemonSetController(Controller):
    name = "daemonset"

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is DAEMON_SETS and after is not None:
            self._queue_changed(before, after)
        elif resource is PODS and not counts_alike(before, after):
            self._queue_owner("DaemonSet", after or before)
        elif resource is NODES:
            self._world.queue_all(self.name, self._world.objects(DAEMON_SETS))

    def sync(self, key: Key) -> None:
        daemon_set = self._world.get(DAEMON_SETS, key)
        if daemon_set is None or daemon_set["metadata"].get("deletionTimestamp"):
            return
        nodes = self._world.objects(NODES)
        wanted = {node["metadata"]["name"] for node in nodes.values() if wants_node(daemon_set, node)}
        placed: dict[str, JsonObject] = {}
        for pod in self._world.children(PODS, daemon_set):
            node = node_of(pod)
            if node in wanted and node not in placed and is_active(pod):
                placed[node] = pod
            else:
                self._world.delete(PODS, pod)
        self._replace_outdated(daemon_set, placed, len(wanted))
        for node in sorted(wanted - set(placed)):
            self._create(daemon_set, node)
        pods = self._world.children(PODS, daemon_set)
        self._world.set_status(DAEMON_SETS, daemon_set, daemon_set_status(daemon_set, len(wanted), pods, 0))

    def _replace_outdated(self, daemon_set: JsonObject, placed: dict[str, JsonObject], wanted: int) -> None:
        """RollingUpdate: delete pods of an old template within maxUnavailable; those not ready anyway go first."""
        strategy = daemon_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        revision = template_hash(daemon_set["spec"]["template"])
        limit = scaled_value((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), wanted, up=True)
        budget = max(1, limit) - (wanted - sum(is_ready(pod) for pod in placed.values()))
        outdated = [node for node, pod in sorted(placed.items()) if pod["metadata"]["labels"].get(REVISION_LABEL) != revision]
        for node in sorted(outdated, key=lambda each: is_ready(placed[each])):
            if is_ready(placed[node]):
                if budget <= 0:
                    break
                budget -= 1
            self._world.delete(PODS, placed.pop(node))

    def _create(self, daemon_set: JsonObject, node: str) -> None:
        namespace, name = key_of(daemon_set)
        template = daemon_set["spec"]["template"]
        revision = template_hash(template)
        turn = 0
        while self._world.get(PODS, (namespace, pod := f"{name}-{suffix(5, namespace, name, node, revision, turn)}")) is not None:
            turn += 1
        identity = PodIdentity(
            namespace=namespace,
            name=pod,
            owner=owner_reference(daemon_set),
            labels={REVISION_LABEL: revision, "pod-template-generation": str(daemon_set["metadata"].get("generation", 1))},
            generate_name=f"{name}-",
        )
        self._world.create(PODS, new_pod(_pinned(template, node), identity))
