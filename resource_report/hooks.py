"""The operator's own functions over nodes and pods (`--map-node-hook`, `--map-pod-hook`), with their errors kept apart.

A hook is called as `hook(object, mapped)`: the object as it was read, with `obj` (a dict of the fields the report reads), `name`,
`namespace`, `labels` and `annotations`; and a dict of figures, which it may change. A hook that raises, or that leaves something
that is no figure, changes nothing for that object and is reported once.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pandas as pd

from resource_report.notifications import Notification, Severity
from resource_report.price_types import HOURS_PER_MONTH
from resource_report.rows import PodRow
from resource_report.tables import as_dtype
from shared.errors import UsageError, shorten
from shared.objects import Object

Hook = Callable[..., object]


class ObjectView:
    """What a hook sees of an API object. Changing it has no effect."""

    def __init__(self, found: Object | None, name: str, namespace: str | None = None) -> None:
        self.obj: dict[str, Any] = msgspec.to_builtins(found) if found else {"metadata": {"name": name}}
        self.name = name
        self.namespace = namespace

    @property
    def metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = self.obj.get("metadata") or {}
        return metadata

    @property
    def labels(self) -> dict[str, str]:
        return self.metadata.get("labels") or {}

    @property
    def annotations(self) -> dict[str, str]:
        return self.metadata.get("annotations") or {}


@dataclass
class HookRunner:
    """One hook and what went wrong with it in this run."""

    flag: str
    hook: Hook | None
    failures: int = 0
    first: str = ""
    clusters: set[str] = field(default_factory=set)

    def call(self, view: ObjectView, mapped: dict[str, Any]) -> bool:
        """Runs the hook. False where it raised; *mapped* must then not be used."""
        if self.hook is None:
            return False
        try:
            self.hook(view, mapped)
        except Exception as error:  # noqa: BLE001 - somebody else's code, which may raise anything
            self.failed(view, f"{type(error).__name__}: {error}")
            return False
        return True

    def failed(self, view: ObjectView, message: str) -> None:
        self.failures += 1
        place = f"{view.namespace}/{view.name}" if view.namespace else view.name
        self.first = self.first or f"{place}: {shorten(' '.join(message.split()))}"

    def notifications(self) -> list[Notification]:
        if not self.failures:
            return []
        count = "once" if self.failures == 1 else f"{self.failures} times"
        message = f"failed {count}, first for {self.first}; the figures of these objects were left as they are"
        return [Notification(Severity.WARNING, "", self.flag, message, "correct the hook")]


def load_hook(flag: str, path: str | None) -> Hook | None:
    """The function that `module.function` names. Raises UsageError."""
    if not path:
        return None
    module_name, _, name = path.rpartition(".")
    try:
        hook = getattr(importlib.import_module(module_name), name) if module_name else None
    except Exception as error:  # noqa: BLE001 - importing runs somebody else's code
        raise UsageError(f"{flag} {path}: {type(error).__name__}: {error}") from None
    if not callable(hook):
        raise UsageError(f"{flag} {path}: no such function; accepted: module.function, importable from PYTHONPATH")
    function: Hook = hook
    return function


# ---- pods


def map_pod(runner: HookRunner, view: ObjectView, row: PodRow) -> None:
    """Runs the pod hook over *row* and takes over what it changed.

    `requests`, `application`, `component`, `team`, `container_names`, `container_images`, and `usage` or `recommendation` where
    it sets them. `cost` is there for older hooks and has no effect: a pod's cost follows from what it requests.
    """
    mapped: dict[str, Any] = {
        "requests": {"cpu": row.cpu_requests, "memory": row.memory_requests},
        "application": row.application,
        "component": row.component,
        "team": row.team,
        "container_names": row.containers.split(", ") if row.containers else [],
        "container_images": row.container_images.split(", ") if row.container_images else [],
        "cost": 0.0,
        "usage": {"cpu": _number(row.cpu_usage), "memory": _number(row.memory_usage)},
    }
    measured = dict(mapped["usage"])
    if not runner.call(view, mapped):
        return
    try:
        changes = _pod_changes(mapped, measured)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        runner.failed(view, f"left {type(error).__name__}: {error}")
        return
    for name, value in changes.items():
        setattr(row, name, value)


def _pod_changes(mapped: Mapping[str, Any], measured: Mapping[str, float]) -> dict[str, Any]:
    changes: dict[str, Any] = {f"{name}_requests": _amount(mapped["requests"][name]) for name in ("cpu", "memory")}
    for name in ("application", "component", "team"):
        changes[name] = str(mapped[name] or "")
    changes["team_source"] = "pod" if changes["team"] else ""
    changes["containers"] = ", ".join(map(str, mapped["container_names"]))
    changes["container_images"] = ", ".join(map(str, mapped["container_images"]))
    if mapped["usage"] != measured:
        changes |= {f"{name}_usage": _amount(mapped["usage"][name]) for name in ("cpu", "memory")}
    if mapped.get("recommendation"):
        changes |= {f"{name}_recommendation": _amount(mapped["recommendation"][name]) for name in ("cpu", "memory")}
        changes["recommendation_source"] = "hook"
    return changes


# ---- nodes


def map_nodes(nodes: pd.DataFrame, runner: HookRunner, objects: Mapping[tuple[str, str], Object]) -> pd.DataFrame:
    """Runs the node hook over every priced node and returns the frame with what it changed.

    `capacity`, `allocatable`, `usage`, `spot`, `kubelet_version`, `role`, `instance_type` and `cost` (USD per month, as paid).
    """
    if runner.hook is None or nodes.empty:
        return nodes
    records = nodes.to_dict("records")
    for record in records:
        key = (str(record["cluster"]), str(record["node"]))
        view = ObjectView(objects.get(key), key[1])
        mapped = _node_mapped(record)
        if runner.call(view, mapped):
            try:
                record.update(_node_changes(mapped, record))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                runner.failed(view, f"left {type(error).__name__}: {error}")
    changed = pd.DataFrame(records, index=nodes.index)
    return pd.DataFrame({name: as_dtype(changed[name], str(dtype)) for name, dtype in nodes.dtypes.items()})


def _node_mapped(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "capacity": {name: record[f"{name}_capacity"] for name in ("cpu", "memory")},
        "allocatable": {name: record[f"{name}_allocatable"] for name in ("cpu", "memory")},
        "requests": {"cpu": 0.0, "memory": 0.0},
        "usage": {name: _number(record[f"{name}_usage"]) for name in ("cpu", "memory")},
        "pods": {},
        "slack_cost": 0.0,
        "spot": bool(record["spot"]),
        "kubelet_version": record["kubelet_version"],
        "role": record["role"],
        "instance_type": record["instance_type"],
        "cost": record["hourly_price"] * HOURS_PER_MONTH,
    }


def _node_changes(mapped: Mapping[str, Any], record: Mapping[Any, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for kind in ("capacity", "allocatable"):
        changes |= {f"{name}_{kind}": _amount(mapped[kind][name]) for name in ("cpu", "memory")}
    for name in ("cpu", "memory"):
        if mapped["usage"][name] != _number(record[f"{name}_usage"]):
            changes[f"{name}_usage"] = _amount(mapped["usage"][name])
    changes |= {name: str(mapped[name] or "") for name in ("kubelet_version", "role", "instance_type")}
    changes["spot"] = bool(mapped["spot"])
    if changes["spot"] != record["spot"]:
        changes["capacity_type"] = "spot" if changes["spot"] else "on-demand"
    hourly = _amount(mapped["cost"]) / HOURS_PER_MONTH
    if not math.isclose(hourly, record["hourly_price"], rel_tol=1e-12):
        changes |= {"hourly_price": hourly, "price_source": "map-node-hook", "price_explanation": "Set by the node hook."}
    return changes


def _amount(value: Any) -> float:
    """A finite number of at least 0. Raises ValueError or TypeError."""
    amount = float(value)
    if not math.isfinite(amount) or amount < 0:
        raise ValueError(f"{value!r} is not an amount")
    return amount


def _number(value: float) -> float:
    """Unknown usage is 0 for a hook, as it always was there."""
    return 0.0 if math.isnan(value) else value
