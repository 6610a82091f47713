"""The kubelets: pods that have a node start, become Ready and end; pods of lost nodes go.

A pod's start takes a fixed time that depends on its workload alone, so that "how long did waking take" has one answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import ValueProblem
from shared.kinds import NODES, PODS, Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import (
    ANNOTATION_EXIT_CODE,
    ANNOTATION_RUN,
    ANNOTATION_STARTUP,
    digest,
    ends_by_itself,
    fraction,
    hexadecimal,
    is_finished,
    workload_name,
)
from shared.simcluster.world import Controller, Key, key_of
from shared.times import format_timestamp, parse_timestamp


def _seconds(pod: JsonObject, annotation: str, default: float) -> float:
    """A number that a pod's annotation gives, or *default* where it gives none that can be read."""
    text = (pod["metadata"].get("annotations") or {}).get(annotation)
    try:
        return max(0.0, float(text)) if text is not None else default
    except ValueError:
        return default


def startup_seconds(pod: JsonObject) -> float:
    """Seconds from a pod's binding to Ready: the annotation's, else 25 to 55 by workload (3 to 8 for a job's pod)."""
    low, spread = (3.0, 5.0) if ends_by_itself(pod) else (25.0, 30.0)
    chosen = low + spread * fraction("startup", pod["metadata"].get("namespace"), workload_name(pod))
    return _seconds(pod, ANNOTATION_STARTUP, round(chosen))


def run_seconds(pod: JsonObject) -> float:
    """Seconds that a pod which ends by itself runs: the annotation's, else 60 to 600 by workload."""
    chosen = 60 + 540 * fraction("run", pod["metadata"].get("namespace"), workload_name(pod))
    return _seconds(pod, ANNOTATION_RUN, round(chosen))


def _instant(text: object, default: datetime) -> datetime:
    try:
        return parse_timestamp(str(text))
    except ValueProblem:
        return default


def _condition(kind: str, value: bool, stamp: str, reason: str = "") -> JsonObject:
    condition: JsonObject = {"type": kind, "status": str(value), "lastProbeTime": None, "lastTransitionTime": stamp}
    return condition | ({"reason": reason} if reason else {})


def _conditions(pod: JsonObject, ready: bool, stamp: str, reason: str = "") -> list[JsonObject]:
    old = {each["type"]: each for each in pod["status"].get("conditions") or ()}
    scheduled = old.get("PodScheduled") or _condition("PodScheduled", True, stamp)
    return [
        _condition("PodReadyToStartContainers", ready, stamp),
        old.get("Initialized") or _condition("Initialized", True, stamp),
        _condition("Ready", ready, stamp, reason),
        _condition("ContainersReady", ready, stamp, reason),
        scheduled,
    ]


def _container_statuses(containers: list[JsonObject], state: JsonObject, ready: bool, salt: str) -> list[JsonObject]:
    statuses = []
    for container in containers:
        image = container.get("image", "")
        container_id = f"containerd://{hexadecimal('container', salt, container.get('name'))}"
        running = ready or "terminated" in state
        statuses.append(
            {
                "name": container.get("name", ""),
                "image": image,
                "imageID": f"{image.partition(':')[0]}@sha256:{hexadecimal('image', image)}" if running else "",
                **({"containerID": container_id} if running else {}),
                "lastState": {},
                "ready": ready,
                "restartCount": 0,
                "started": ready,
                "state": state,
            }
        )
    return statuses


def _init_statuses(pod: JsonObject, stamp: str) -> JsonObject:
    """initContainerStatuses: native sidecars run on, the others have completed."""
    statuses = []
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp, "finishedAt": stamp}}
    for container in pod["spec"].get("initContainers") or ():
        sidecar = container.get("restartPolicy") == "Always"
        state = {"running": {"startedAt": stamp}} if sidecar else done
        statuses += _container_statuses([container], state, True, pod["metadata"]["uid"])
    return {"initContainerStatuses": statuses} if statuses else {}


def waiting_status(pod: JsonObject, stamp: str, host_ip: str) -> JsonObject:
    """The status of a pod that a kubelet has accepted and whose containers are being made."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    return {
        **pod["status"],
        "phase": "Pending",
        "conditions": _conditions(pod, False, stamp, "ContainersNotReady"),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": stamp,
        "containerStatuses": _container_statuses(pod["spec"]["containers"], waiting, False, pod["metadata"]["uid"]),
    }


def running_status(pod: JsonObject, stamp: str, pod_ip: str) -> JsonObject:
    """The status of a pod whose containers all run and are ready since *stamp*."""
    running = {"running": {"startedAt": stamp}}
    return {
        **pod["status"],
        "phase": "Running",
        "conditions": _conditions(pod, True, stamp),
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
        "containerStatuses": _container_statuses(pod["spec"]["containers"], running, True, pod["metadata"]["uid"]),
        **_init_statuses(pod, stamp),
    }


def finished_status(pod: JsonObject, started: str, stamp: str, exit_code: int) -> JsonObject:
    """The status of a pod whose containers have all ended with *exit_code*."""
    reason = "Completed" if exit_code == 0 else "Error"
    ended = {"terminated": {"exitCode": exit_code, "reason": reason, "startedAt": started, "finishedAt": stamp}}
    why = "PodCompleted" if exit_code == 0 else "PodFailed"
    return {
        **pod["status"],
        "phase": "Succeeded" if exit_code == 0 else "Failed",
        "conditions": _conditions(pod, False, stamp, why),
        "containerStatuses": _container_statuses(pod["spec"]["containers"], ended, False, pod["metadata"]["uid"]),
    }


def pod_ip(pod: JsonObject, host_ip: str) -> str:
    """An address of the VPC for the pod: the node's own with hostNetwork, else one chosen by its uid."""
    if pod["spec"].get("hostNetwork"):
        return host_ip
    number = digest("ip", pod["metadata"]["uid"])
    return f"10.0.{192 + number % 64}.{number // 64 % 253 + 2}"


class Kubelet(Controller):
    """All kubelets in one: moves each bound pod to the state that its age demands."""

    name = "kubelet"

    def changed(self, resource: Resource, before: JsonObject | None, after: JsonObject | None) -> None:
        if resource is PODS and after is not None and after["spec"].get("nodeName") and not is_finished(after):
            if before is None or before["spec"].get("nodeName") != after["spec"]["nodeName"]:
                self._world.queue(self.name, key_of(after))
        elif resource is NODES and after is None and before is not None:
            # The pods of a node that is gone go too, as the pod garbage collector sees to.
            self._world.queue_all(self.name, list(self._world.on_node.get(before["metadata"]["name"], ())))

    def sync(self, key: Key) -> None:
        pod = self._world.get(PODS, key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        node = self._world.get(NODES, ("", pod["spec"]["nodeName"]))
        if node is None:
            self._world.delete(PODS, pod)
            return
        if is_finished(pod):
            return
        status = pod.get("status") or {}
        if not status.get("startTime"):
            self._accept(key, pod, _address(node))
        elif status.get("phase") != "Running":
            self._start(key, pod, _address(node))
        elif ends_by_itself(pod):
            self._finish(key, pod)

    def _accept(self, key: Key, pod: JsonObject, host_ip: str) -> None:
        pod = pod if pod.get("status") else {**pod, "status": {}}
        self._world.set_status(PODS, pod, waiting_status(pod, self._world.timestamp, host_ip))
        self._world.after(startup_seconds(pod), self.name, key)

    def _start(self, key: Key, pod: JsonObject, host_ip: str) -> None:
        due = _instant(pod["status"]["startTime"], self._world.now) + timedelta(seconds=startup_seconds(pod))
        if due > self._world.now:
            self._world.at(due, self.name, key)
            return
        self._world.set_status(PODS, pod, running_status(pod, self._world.timestamp, pod_ip(pod, host_ip)))
        if ends_by_itself(pod):
            self._world.after(run_seconds(pod), self.name, key)

    def _finish(self, key: Key, pod: JsonObject) -> None:
        states = [each["state"] for each in pod["status"].get("containerStatuses") or ()]
        started = next((state["running"]["startedAt"] for state in states if "running" in state), self._world.timestamp)
        due = _instant(started, self._world.now) + timedelta(seconds=run_seconds(pod))
        if due > self._world.now:
            self._world.at(due, self.name, key)
            return
        exit_code = int(_seconds(pod, ANNOTATION_EXIT_CODE, 0))
        self._world.set_status(PODS, pod, finished_status(pod, started, format_timestamp(self._world.now), exit_code))


def _address(node: JsonObject) -> str:
    addresses = node.get("status", {}).get("addresses") or ()
    return next((str(each["address"]) for each in addresses if each["type"] == "InternalIP"), "10.0.0.1")
