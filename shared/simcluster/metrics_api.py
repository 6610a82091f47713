"""metrics.k8s.io: what pods and nodes use now, from figures that were set or from the living half of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from shared.kinds import NODES, PODS
from shared.quantity import format_cores
from shared.simcluster.reads import matcher
from shared.simcluster.records import JsonObject, Record, encode
from shared.simcluster.refusals import not_found
from shared.simcluster.represent import Style, negotiate
from shared.simcluster.routes import Target
from shared.simcluster.wire import Request, Response, json_response
from shared.times import format_timestamp

if TYPE_CHECKING:
    from shared.simcluster.api import Api

Amounts = Mapping[str, float]
"""`cpu` in cores and `memory` in bytes."""

WINDOW = "30s"


class UsageSource(Protocol):
    """Where usage comes from when the cluster lives."""

    def pod_usage(self, namespace: str, name: str) -> Mapping[str, Amounts] | None:
        """Usage by container name; None for a pod that uses nothing yet (it is then absent from the metrics API)."""
        ...

    def node_usage(self, name: str) -> Amounts | None:
        """Usage of a whole node, the system's share included; None where it is not known."""
        ...


class Usage:
    """Figures set by hand; they win over *source*."""

    def __init__(self) -> None:
        self.source: UsageSource | None = None
        self._pods: dict[tuple[str, str], Mapping[str, Amounts]] = {}
        self._nodes: dict[str, Amounts] = {}

    def set_pod(self, namespace: str, name: str, containers: Mapping[str, Amounts]) -> None:
        self._pods[namespace, name] = containers

    def set_node(self, name: str, amounts: Amounts) -> None:
        self._nodes[name] = amounts

    def pod(self, namespace: str, name: str) -> Mapping[str, Amounts] | None:
        found = self._pods.get((namespace, name))
        return found if found is not None or self.source is None else self.source.pod_usage(namespace, name)

    def node(self, name: str) -> Amounts | None:
        found = self._nodes.get(name)
        return found if found is not None or self.source is None else self.source.node_usage(name)


def _quantities(amounts: Amounts) -> dict[str, str]:
    # The real metrics server writes nanocores and KiB; millicores and KiB lose nothing that a reader could use.
    return {"cpu": format_cores(round(amounts.get("cpu", 0.0), 3)), "memory": f"{round(amounts.get('memory', 0.0) / 1024)}Ki"}


def _item(api: Api, record: Record, kind: str) -> JsonObject | None:
    metadata: JsonObject = {"name": record.name}
    if record.namespace:
        metadata["namespace"] = record.namespace
    now = format_timestamp(api.store.clock.now())
    metadata |= {"creationTimestamp": now} | ({"labels": record.labels} if record.labels else {})
    head = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata, "timestamp": now, "window": WINDOW}
    if kind == "NodeMetrics":
        amounts = api.usage.node(record.name)
        return None if amounts is None else head | {"usage": _quantities(amounts)}
    containers = api.usage.pod(record.namespace, record.name)
    if containers is None:
        return None
    return head | {"containers": [{"name": name, "usage": _quantities(each)} for name, each in containers.items()]}


def answer(api: Api, target: Target, request: Request) -> Response:
    """get and list of PodMetrics and NodeMetrics."""
    kind = target.view.kind
    stored = api.store.type_of(NODES if kind == "NodeMetrics" else PODS)
    style = negotiate(request, collection=not target.name)
    if target.name:
        record = api.store.record(stored, target.namespace, target.name)
        item = _item(api, record, kind) if record is not None else None
        if item is None:
            raise not_found(target.view, target.name)
        return json_response(item if style.form != "table" else _table([item]))
    selects = matcher(target, request)
    records = [each for each in api.store.records(stored, target.namespace) if selects is None or selects(each)]
    items = [item for item in (_item(api, each, kind) for each in records) if item is not None]
    return Response(body=encode(_list(items, kind, style)))


def _list(items: list[JsonObject], kind: str, style: Style) -> JsonObject:
    if style.form == "table":
        return _table(items)
    if style.form == "metadata":
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        partial = [head | {"metadata": item["metadata"]} for item in items]
        return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": partial}
    return {"kind": f"{kind}List", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}


def _table(items: list[JsonObject]) -> JsonObject:
    columns = [
        {"name": name, "type": "string", "format": "", "description": "", "priority": 0} for name in ("Name", "CPU", "Memory")
    ]
    columns[0]["format"] = "name"
    rows = []
    for item in items:
        usage = item.get("usage") or (item.get("containers") or [{}])[0].get("usage") or {}
        cells = [item["metadata"]["name"], usage.get("cpu", ""), usage.get("memory", "")]
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        rows.append({"cells": cells, "object": head | {"metadata": item["metadata"]}})
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows}
