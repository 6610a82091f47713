"""Custom resources: from a CustomResourceDefinition to a served type, and its own status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.kinds import Resource
from shared.simcluster.catalog import Column, Scale, Type
from shared.simcluster.records import JsonObject

if TYPE_CHECKING:
    from shared.simcluster.shelf import Change
    from shared.simcluster.store import Store

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
KEY = CRDS.name


def _path(text: str | None, default: str) -> str:
    return text.lstrip(".") if text else default


def type_of(crd: JsonObject) -> Type:
    """The type that *crd* (valid, as stored) defines."""
    spec = crd["spec"]
    names, group = spec["names"], spec["group"]
    versions = [each for each in spec["versions"] if each.get("served")]
    stored = next((each["name"] for each in spec["versions"] if each.get("storage")), versions[0]["name"] if versions else "v1")
    offered: list[dict[str, Any]] = [each.get("subresources") or {} for each in versions]
    status = any("status" in each for each in offered)
    scales = [each["scale"] for each in offered if "scale" in each]
    scale = None
    if scales:
        first = scales[0] or {}
        selector = first.get("labelSelectorPath")
        scale = Scale(
            _path(first.get("specReplicasPath"), "spec.replicas"),
            _path(first.get("statusReplicasPath"), "status.replicas"),
            _path(selector, "") if selector else "",
        )
    fields = {_path(each["jsonPath"], "") for version in versions for each in version.get("selectableFields") or ()}
    return Type(
        resource=Resource(group, stored, names["plural"], names["kind"], spec.get("scope") != "Cluster"),
        served=tuple((group, each["name"]) for each in versions),
        singular=names.get("singular") or names["kind"].lower(),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status=status,
        scale=scale,
        generation=True,
        fields=tuple(sorted(fields)),
        subresources=("scale",) * (scale is not None) + ("status",) * status,
        custom=True,
        columns={each["name"]: _columns(each) for each in versions},
        schemas={each["name"]: (each.get("schema") or {}).get("openAPIV3Schema") or {} for each in versions},
    )


def _columns(version: JsonObject) -> tuple[Column, ...]:
    return tuple(
        Column(
            each.get("name", ""),
            each.get("type", "string"),
            each.get("jsonPath", ""),
            each.get("priority", 0),
            each.get("description", ""),
            each.get("format", ""),
        )
        for each in version.get("additionalPrinterColumns") or ()
    )


def accept(crd: JsonObject, now: str) -> None:
    """Fill in what the API server answers a good CRD with: accepted names and the Established condition. Changes *crd*."""
    spec = crd["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    status = crd.setdefault("status", {})
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    status.setdefault("conditions", conditions)
    status["acceptedNames"] = names
    status["storedVersions"] = [each["name"] for each in spec["versions"] if each.get("storage")]


def changed(store: Store, change: Change) -> None:
    """Serve, re-serve or stop serving the type of a CRD that was just written; its objects go with it."""
    crd = change.record.decoded(CRDS.api_version, CRDS.kind)
    if change.kind == "DELETED":
        store.registry.remove(crd["metadata"]["name"])
        return
    store.registry.add(type_of(crd))
