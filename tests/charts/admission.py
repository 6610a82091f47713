"""The rendered admission policies, evaluated by CEL as an API server does it: match conditions, variables, validations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings
from helm_python import Chart

CHART = Path(__file__).parents[2] / "charts" / "kube-thrift"
NAMES = ("object", "oldObject", "request", "variables")
Document = dict[str, Any]


def render(values: Mapping[str, Any] | None = None) -> list[Document]:
    """What the chart's policy template makes of *values*."""
    enabled = {**(values or {}), "admissionPolicy": {"enabled": True, **(values or {}).get("admissionPolicy", {})}}
    with Chart.load(CHART) as chart:
        files = chart.render(values=enabled, name="kt")
    text = next(text for name, text in files.items() if name.endswith("/admission-policy.yaml"))
    return [document for document in yaml.safe_load_all(text) if document]


class Policy:
    """One ValidatingAdmissionPolicy, compiled with the functions that Kubernetes offers and no other."""

    def __init__(self, document: Document) -> None:
        environment = cel.NewEnv(
            variables=dict.fromkeys(NAMES, cel.Type.DYN), extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()]
        )
        self.document = document
        spec = document["spec"]
        self._conditions = [environment.compile(each["expression"]) for each in spec["matchConditions"]]
        self._variables = {each["name"]: environment.compile(each["expression"]) for each in spec["variables"]}
        self._validations = [
            (environment.compile(each["expression"]), environment.compile(each["messageExpression"]))
            for each in spec["validations"]
        ]

    def matches(self, new: Document, old: Document | None = None) -> bool:
        """Whether the policy looks at this write at all."""
        return all(_value(each, _activation(new, old)) for each in self._conditions)

    def refusals(self, new: Document, old: Document | None = None) -> list[str]:
        """The messages of the validations that fail; none where the policy lets the write through."""
        if not self.matches(new, old):
            return []
        activation = _activation(new, old)
        variables: dict[str, Any] = activation["variables"]
        for name, expression in self._variables.items():
            variables[name] = _value(expression, activation)
        return [_value(message, activation) for test, message in self._validations if not _value(test, activation)]


def _value(expression: cel.Expression, activation: Mapping[str, Any]) -> Any:
    found = expression.eval(data=activation)
    assert found.type() != cel.Type.ERROR, found.value()
    return found.plain_value()


def _activation(new: Document, old: Document | None) -> dict[str, Any]:
    return {"object": new, "oldObject": old, "request": {"kind": {"kind": new["kind"]}}, "variables": {}}


@cache
def policies() -> Mapping[str, Policy]:
    """The policies of the default values, by the component whose annotations they check."""
    found = [document for document in render() if document["kind"] == "ValidatingAdmissionPolicy"]
    return {document["metadata"]["labels"]["app.kubernetes.io/component"]: Policy(document) for document in found}


def workload(annotations: Mapping[str, str] | None = None, **metadata: Any) -> Document:
    """A Deployment shop/web with these annotations."""
    meta: Document = {"name": "web", "namespace": "shop", **metadata}
    if annotations is not None:
        meta["annotations"] = dict(annotations)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 3}}


def refused(key: str, value: str) -> list[str]:
    """What the policies say to a new Deployment with this annotation."""
    return [message for policy in policies().values() for message in policy.refusals(workload({key: value}))]
