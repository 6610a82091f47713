"""What is never deleted, and what is left to others. One case is one object and its fate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from janitor.policy import NamespaceView, Policy
from janitor.protect import Protection, parse_pattern
from janitor.wholes import object_of
from shared.kinds import (
    CONFIG_MAPS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SECRETS,
)
from tests.janitor.cases import (
    API_SERVICES,
    CLUSTER_ROLES,
    CRDS,
    HELM,
    MUTATING,
    ROLE_BINDINGS,
    VOLUMES,
    WEBHOOKS,
    Case,
    expires,
    owner,
    rule,
    run,
    told,
    ttl,
)

PROTECTED = [
    Case("kube-system", "keep:protected", namespace="kube-system", **ttl("1h")),
    Case("kube-public", "keep:protected", namespace="kube-public", **ttl("1h")),
    Case("kube-node-lease", "keep:protected", namespace="kube-node-lease", **ttl("1h")),
    Case("contents of default may go", "delete:ttl", namespace="default", **ttl("1h")),
    Case("the Namespace default", "keep:protected", resource=NAMESPACES, object_name="default", **ttl("1h")),
    Case("the Namespace kube-system", "keep:protected", resource=NAMESPACES, object_name="kube-system", **ttl("1h")),
    Case(
        "the janitor's own namespace", "keep:protected", policy=Policy(protection=Protection(own_namespace="shop")), **ttl("1h")
    ),
    Case(
        "the janitor's own Namespace object",
        "keep:protected",
        resource=NAMESPACES,
        object_name="tools",
        policy=Policy(protection=Protection(own_namespace="tools")),
        **ttl("1h"),
    ),
    Case("a Node", "keep:protected", resource=NODES, **ttl("1h")),
    Case("an APIService", "keep:protected", resource=API_SERVICES, **ttl("1h")),
    Case("a CustomResourceDefinition", "keep:protected", resource=CRDS, **ttl("1h")),
    Case("a validating webhook", "keep:protected", resource=WEBHOOKS, **ttl("1h")),
    Case("a mutating webhook", "keep:protected", resource=MUTATING, **ttl("1h")),
    Case("a Lease", "keep:protected", resource=LEASES, **ttl("1h")),
    Case("a bound volume", "keep:protected", resource=VOLUMES, extra={"status": {"phase": "Bound"}}, **ttl("1h")),
    Case("a released volume", "delete:ttl", resource=VOLUMES, extra={"status": {"phase": "Released"}}, **ttl("1h")),
    Case("a volume in an unknown phase", "keep:protected", resource=VOLUMES, **ttl("1h")),
    Case("a role of Kubernetes", "keep:protected", resource=CLUSTER_ROLES, object_name="system:node", **ttl("1h")),
    Case("another role", "delete:ttl", resource=CLUSTER_ROLES, object_name="reader", **ttl("1h")),
    Case("a binding of Kubernetes", "keep:protected", resource=ROLE_BINDINGS, object_name="system:x", **ttl("1h")),
    Case("janitor/protected true", "keep:protected", own={"janitor/ttl": "1h", "janitor/protected": "true"}),
    Case("janitor/protected TRUE", "keep:protected", own={"janitor/ttl": "1h", "janitor/protected": "TRUE"}),
    Case("janitor/protected misspelt protects", "keep:protected", own={"janitor/ttl": "1h", "janitor/protected": "ture"}),
    Case("janitor/protected empty protects", "keep:protected", own={"janitor/ttl": "1h", "janitor/protected": ""}),
    Case("janitor/protected false", "delete:ttl", own={"janitor/ttl": "1h", "janitor/protected": "false"}),
    Case("a protected Namespace protects its contents", "keep:protected", home={"janitor/protected": "true"}, **ttl("1h")),
    Case(
        "a protected Namespace",
        "keep:protected",
        resource=NAMESPACES,
        object_name="pr-1",
        own={"janitor/ttl": "1h", "janitor/protected": "yes"},
    ),
    Case("protection wins over rules", "keep:protected", rules=rule(), own={"janitor/protected": "true"}),
    Case("protection wins over expires", "keep:protected", own={"janitor/expires": "2026-03-23", "janitor/protected": "true"}),
    Case(
        "--protect of a namespace", "keep:protected", policy=Policy(protection=Protection((parse_pattern("sh*"),))), **ttl("1h")
    ),
    Case(
        "--protect of a Namespace object",
        "keep:protected",
        resource=NAMESPACES,
        object_name="prod-eu",
        policy=Policy(protection=Protection((parse_pattern("prod-*"),))),
        **ttl("1h"),
    ),
    Case("--protect of a name", "keep:protected", policy=Policy(protection=Protection((parse_pattern("*/we?"),))), **ttl("1h")),
    Case("--protect of another name", "delete:ttl", policy=Policy(protection=Protection((parse_pattern("*/db"),))), **ttl("1h")),
    Case(
        "--protect of a resource",
        "keep:protected",
        policy=Policy(protection=Protection((parse_pattern("deploy/shop/*"),))),
        **ttl("1h"),
    ),
    Case(
        "--protect of another resource",
        "delete:ttl",
        policy=Policy(protection=Protection((parse_pattern("secrets/shop/*"),))),
        **ttl("1h"),
    ),
    Case("the janitor's own backups", "keep:protected", resource=CONFIG_MAPS, labels={"janitor/keeps": "backup"}, **ttl("1h")),
    Case(
        "terminating objects are left alone",
        "keep:terminating",
        metadata={"deletionTimestamp": "2026-03-23T09:00:00Z"},
        **ttl("1h"),
    ),
]

OWNED = [
    Case(
        "a ReplicaSet with its Deployment's annotation",
        "keep:owned",
        resource=REPLICA_SETS,
        metadata=owner("Deployment"),
        **ttl("1h"),
    ),
    Case("its Deployment", "delete:ttl", **ttl("1h")),
    Case(
        "a Pod of a ReplicaSet by rule",
        "keep:undated",
        resource=PODS,
        metadata=owner("ReplicaSet"),
        rules=rule(resources="[pods]"),
    ),
    Case("a Job of a CronJob", "keep:owned", resource=JOBS, metadata=owner("CronJob"), **ttl("1h")),
    Case(
        "--include-owned",
        "delete:ttl",
        resource=PODS,
        metadata=owner("ReplicaSet"),
        policy=Policy(include_owned=True),
        **ttl("1h"),
    ),
    Case(
        "--include-owned and rules",
        "delete:rule",
        resource=PODS,
        metadata=owner("ReplicaSet"),
        policy=Policy(include_owned=True),
        rules=rule(resources="[pods]"),
    ),
    Case("an owner that is no controller", "delete:ttl", metadata=owner("App", controller=False), **ttl("1h")),
    Case(
        "an inherited notified flag means nothing",
        "keep:owned",
        resource=REPLICA_SETS,
        metadata=owner("Deployment"),
        own={"janitor/ttl": "1h", "janitor/notified": "yes"},
    ),
]


MANAGED = [
    Case("a part of a Helm release by rule", "keep:managed", own=HELM, rules=rule()),
    Case("a part of a Helm release with its own ttl", "delete:ttl", own=HELM | {"janitor/ttl": "1h"}),
    Case("managed true of a rule", "delete:rule", own=HELM, rules=rule(more="managed: true")),
    Case("--delete-managed", "delete:rule", own=HELM, rules=rule(), policy=Policy(delete_managed=True)),
    Case("a part of an Argo CD application", "keep:managed", labels={"argocd.argoproj.io/instance": "shop"}, rules=rule()),
    Case(
        "a tracked part of an Argo CD application",
        "keep:managed",
        own={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"},
        rules=rule(),
    ),
    Case("a part of a Flux kustomization", "keep:managed", labels={"kustomize.toolkit.fluxcd.io/name": "shop"}, rules=rule()),
    Case("a Helm release of Flux", "keep:managed", labels={"helm.toolkit.fluxcd.io/name": "shop"}, rules=rule()),
    Case(
        "a Helm release record by rule",
        "keep:managed",
        resource=SECRETS,
        object_name="sh.helm.release.v1.shop.v3",
        labels={"owner": "helm", "name": "shop"},
        rules=rule(resources="[secrets]"),
    ),
]

CLOSED = [
    Case(
        "a Namespace that cannot be read keeps its contents",
        "keep:unknown",
        subject={"namespace": replace(NamespaceView.of(object_of({"metadata": {"name": "shop"}})), unreadable="forbidden")},
        **ttl("1h"),
    ),
    Case("a Namespace with a ttl", "delete:ttl", resource=NAMESPACES, object_name="pr-1", **ttl("1h")),
    Case("a Namespace with expires", "delete:expires", resource=NAMESPACES, object_name="pr-1", **expires("2026-03-23")),
    Case(
        "a Namespace by rule",
        "delete:rule",
        resource=NAMESPACES,
        object_name="pr-1",
        rules=rule("starts_with(metadata.name, 'pr-')", resources="[namespaces]"),
    ),
    Case("the Namespace's ttl is not its contents'", "keep:undated", home={"janitor/ttl": "1s"}),
]

CASES = [
    *PROTECTED,
    *OWNED,
    *MANAGED,
    *CLOSED,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
