"""Label selectors and node selection as Kubernetes matches them, on plain dicts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.simcluster.records import JsonObject


def _requirement(requirement: JsonObject, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.get("key", ""))
    values = requirement.get("values") or []
    operator = requirement.get("operator")
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator in ("Gt", "Lt") and values and str(value).isdigit() and str(values[0]).isdigit():
        return int(str(value)) > int(values[0]) if operator == "Gt" else int(str(value)) < int(values[0])
    return False


def selects(selector: JsonObject | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels and matchExpressions) selects *labels*; None selects nothing, {} everything."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _requirement(each, labels) for each in selector.get("matchExpressions") or ()
    )


def _term(term: JsonObject, name: str, labels: Mapping[str, str]) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_requirement(each, labels) for each in expressions) and all(
        _requirement(each, {"metadata.name": name}) for each in fields
    )


def accepts_node(spec: JsonObject, name: str, labels: Mapping[str, str]) -> bool:
    """Whether a pod's nodeSelector and required node affinity allow the node *name*."""
    selector: Mapping[str, str] = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term(term, name, labels) for term in required.get("nodeSelectorTerms") or ())


def _tolerated(taint: JsonObject, toleration: JsonObject) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def tolerates(tolerations: Iterable[JsonObject], taints: Iterable[JsonObject]) -> bool:
    """Whether every taint that keeps pods away (NoSchedule, NoExecute) is tolerated."""
    known = list(tolerations)
    return all(
        any(_tolerated(taint, toleration) for toleration in known)
        for taint in taints
        if taint.get("effect") in ("NoSchedule", "NoExecute")
    )
