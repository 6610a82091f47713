"""One object and its fate: the rows of the conformance tables, and how a row is played."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from janitor.decide import Decision, Delete, Keep, Notify, decide
from janitor.policy import Facts, NamespaceView, Policy, Subject
from janitor.rules import parse_rules
from janitor.wholes import object_of
from shared.kinds import (
    DEPLOYMENTS,
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    Resource,
)
from shared.times import format_timestamp

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)


MINUTE, HOUR, DAY, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


PVC = PERSISTENT_VOLUME_CLAIMS


CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)


API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)


WEBHOOKS = Resource(
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False
)


MUTATING = Resource("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False)


VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)


CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)


ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")


INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")


POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")


ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints")


KNATIVE = Resource("serving.knative.dev", "v1", "services", "Service")


SERVICES = Resource("", "v1", "services", "Service")


OXEN = Resource("farm.example.org", "v1", "oxen", "Ox")


HELM = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}


@dataclass(frozen=True)
class Case:
    """One object. `age` since its creation; `own` and `labels` its annotations and labels; `home` the annotations of its
    Namespace.
    """

    name: str
    expected: str
    own: dict[str, str] = field(default_factory=dict)
    age: timedelta = 2 * HOUR
    rules: str = ""
    resource: Resource = DEPLOYMENTS
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "shop"
    object_name: str = "web"
    home: dict[str, str] = field(default_factory=dict)
    home_labels: dict[str, str] = field(default_factory=dict)
    policy: Policy = Policy()
    facts: Facts = Facts()
    extra: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    subject: dict[str, Any] = field(default_factory=dict)


def rule(jmespath: str = "@", ttl: str = "1h", resources: str = "[deployments]", more: str = "", identity: str = "one") -> str:
    """One entry of a rules file; *more* holds further keys, separated by semicolons."""
    lines = [f"- id: {identity}", f"  resources: {resources}", f"  jmespath: {jmespath!r}", f"  ttl: {ttl}"]
    return "\n".join(lines + [f"  {key.strip()}" for key in more.split(";") if key.strip()]) + "\n"


def owner(kind: str, *, controller: bool | None = True) -> dict[str, Any]:
    reference: dict[str, Any] = {"apiVersion": "apps/v1", "kind": kind, "name": "parent", "uid": "u-parent"}
    return {"ownerReferences": [reference | ({"controller": controller} if controller is not None else {})]}


def run(case: Case) -> Decision:
    metadata: dict[str, Any] = {
        "name": case.object_name,
        "uid": "u-1",
        "resourceVersion": "7",
        "creationTimestamp": format_timestamp(NOW - case.age),
        "annotations": case.own,
        "labels": case.labels,
    }
    if case.resource.namespaced:
        metadata["namespace"] = case.namespace
    document = {"metadata": metadata | case.metadata, **case.extra}
    home = object_of({"metadata": {"name": case.namespace, "annotations": case.home, "labels": case.home_labels}})
    obj = object_of(document)
    view = NamespaceView.of(obj if case.resource == NAMESPACES else home)
    parsed = parse_rules(
        f"rules:\n{case.rules}" if case.rules and not case.rules.startswith("rules:") else case.rules or "rules: []", "rules.yaml"
    )
    subject = Subject(
        resource=case.resource,
        obj=obj,
        document=document,
        namespace=view if case.resource.namespaced or case.resource == NAMESPACES else None,
        facts=case.facts,
    )
    return decide(replace(subject, **case.subject), parsed.about(case.resource), case.policy, NOW)


def told(decision: Decision) -> str:
    match decision:
        case Keep(why=why):
            return f"keep:{why.value}"
        case Notify():
            return "notify"
        case Delete(due=due):
            return f"delete:{due.trigger.value}"


def ttl(value: str, **more: Any) -> dict[str, Any]:
    return {"own": {"janitor/ttl": value}, **more}


def expires(value: str, **more: Any) -> dict[str, Any]:
    return {"own": {"janitor/expires": value}, **more}
