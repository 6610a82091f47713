"""The word that stands in the STATUS column of a pod. Pure."""

from __future__ import annotations

from shared.simcluster.records import JsonObject


def pod_status(pod: JsonObject) -> str:
    """Running, Pending, Completed, CrashLoopBackOff, Init:0/1, Terminating ... from phase, reasons and container states."""
    status = pod.get("status") or {}
    shown = status.get("reason") or status.get("phase") or "Unknown"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            shown = "SchedulingGated"
    waiting = _init_status(pod, status)
    shown = waiting or _container_status(status, str(shown))
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return shown


def _init_status(pod: JsonObject, status: JsonObject) -> str:
    """The first init container that is not done, or an empty text."""
    total = len((pod.get("spec") or {}).get("initContainers") or ())
    for index, each in enumerate(status.get("initContainerStatuses") or ()):
        state = each.get("state") or {}
        ended, waits = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return "Init:" + (ended.get("reason") or f"ExitCode:{ended.get('exitCode')}")
        if waits.get("reason") and waits["reason"] != "PodInitializing":
            return f"Init:{waits['reason']}"
        if each.get("started") and state.get("running") is not None and each.get("ready"):
            continue
        return f"Init:{index}/{total}"
    return ""


def _container_status(status: JsonObject, shown: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        waits, ended = state.get("waiting") or {}, state.get("terminated")
        if waits.get("reason"):
            shown = waits["reason"]
        elif ended is not None:
            shown = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
        elif each.get("ready") and state.get("running") is not None:
            running = True
    return "Running" if shown == "Completed" and running else shown
