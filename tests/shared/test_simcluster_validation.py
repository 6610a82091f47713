"""What the API server refuses and what it fills in, as tables."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from shared.errors import Invalid
from shared.simcluster import defaults, validation
from shared.simcluster.catalog import Type
from shared.simcluster.records import lookup
from shared.simcluster.registry import Registry

TYPES = Registry()
CONTAINER = {"name": "a", "image": "registry.example.com/a:1"}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}}
JOB_TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}
SELECTOR = {"matchLabels": {"app": "web"}}
DEPLOYMENT = {"selector": SELECTOR, "template": TEMPLATE}
CRON = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}}
SCALER = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3}


def type_of(key: str) -> Type:
    found = TYPES.get(key)
    assert found is not None
    return found


def made(key: str, spec: dict[str, Any], **changes: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "uid": "12345678-0000", "creationTimestamp": "2026-03-23T00:00:00Z"}
    return {"metadata": metadata, "spec": {**deepcopy(spec), **changes}}


def mistakes(key: str, obj: dict[str, Any]) -> list[str]:
    try:
        validation.check_create(type_of(key), obj)
    except Invalid as refusal:
        return [cause["field"] for cause in refusal.details["causes"]]  # type: ignore[attr-defined]
    return []


@pytest.mark.parametrize(
    ("key", "spec", "change", "fields"),
    [
        ("deployments.apps", DEPLOYMENT, {}, []),
        ("deployments.apps", DEPLOYMENT, {"replicas": -1}, ["spec.replicas"]),
        ("deployments.apps", DEPLOYMENT, {"replicas": "2"}, ["spec.replicas"]),
        ("deployments.apps", DEPLOYMENT, {"replicas": True}, ["spec.replicas"]),
        ("deployments.apps", DEPLOYMENT, {"selector": None}, ["spec.selector"]),
        ("deployments.apps", DEPLOYMENT, {"selector": {"matchLabels": {"app": "x"}}}, ["spec.template.metadata.labels"]),
        ("deployments.apps", DEPLOYMENT, {"template": None}, ["spec.template.metadata.labels", "spec.template.spec"]),
        ("deployments.apps", DEPLOYMENT, {"paused": "yes"}, ["spec.paused"]),
        ("deployments.apps", DEPLOYMENT, {"template": "text"}, ["spec.template.metadata.labels", "spec.template.spec"]),
        ("statefulsets.apps", DEPLOYMENT, {"replicas": -5}, ["spec.replicas"]),
        ("cronjobs.batch", CRON, {}, []),
        ("cronjobs.batch", CRON, {"schedule": "@daily"}, []),
        ("cronjobs.batch", CRON, {"schedule": ""}, ["spec.schedule"]),
        ("cronjobs.batch", CRON, {"schedule": "every day"}, ["spec.schedule"]),
        ("cronjobs.batch", CRON, {"schedule": "TZ=UTC * * * * *"}, ["spec.schedule"]),
        ("cronjobs.batch", CRON, {"suspend": "true"}, ["spec.suspend"]),
        ("cronjobs.batch", CRON, {"concurrencyPolicy": "Maybe"}, ["spec.concurrencyPolicy"]),
        ("jobs.batch", {"template": JOB_TEMPLATE}, {}, []),
        (
            "jobs.batch",
            {"template": JOB_TEMPLATE},
            {"parallelism": -1, "backoffLimit": -2},
            ["spec.parallelism", "spec.backoffLimit"],
        ),
        ("jobs.batch", {"template": TEMPLATE}, {}, ["spec.template.spec.restartPolicy"]),
        ("horizontalpodautoscalers.autoscaling", SCALER, {}, []),
        ("horizontalpodautoscalers.autoscaling", SCALER, {"minReplicas": 0}, ["spec.minReplicas"]),
        ("horizontalpodautoscalers.autoscaling", SCALER, {"minReplicas": 5}, ["spec.maxReplicas"]),
        ("horizontalpodautoscalers.autoscaling", SCALER, {"maxReplicas": 0}, ["spec.maxReplicas"]),
        (
            "horizontalpodautoscalers.autoscaling",
            SCALER,
            {"scaleTargetRef": {}},
            ["spec.scaleTargetRef.kind", "spec.scaleTargetRef.name"],
        ),
        ("poddisruptionbudgets.policy", {}, {"minAvailable": 1}, []),
        ("poddisruptionbudgets.policy", {}, {"minAvailable": "50%"}, []),
        ("poddisruptionbudgets.policy", {}, {"minAvailable": "half"}, ["spec.minAvailable"]),
        ("poddisruptionbudgets.policy", {}, {"minAvailable": -1}, ["spec.minAvailable"]),
        ("poddisruptionbudgets.policy", {}, {"minAvailable": 1, "maxUnavailable": 1}, ["spec"]),
        ("pods", {"containers": [CONTAINER]}, {}, []),
        ("pods", {}, {}, ["spec.containers"]),
        ("pods", {"containers": [CONTAINER, CONTAINER]}, {}, ["spec.containers[1].name"]),
        ("pods", {"containers": [{"name": "a"}]}, {}, ["spec.containers[0].image"]),
        (
            "pods",
            {"containers": [{**CONTAINER, "resources": {"requests": {"cpu": "lots"}}}]},
            {},
            ["spec.containers[0].resources.requests[cpu]"],
        ),
        ("persistentvolumeclaims", {}, {}, ["spec.accessModes", "spec.resources.requests.storage"]),
        ("services", {}, {"type": "Magic"}, ["spec.type"]),
        ("leases.coordination.k8s.io", {}, {"leaseDurationSeconds": 0}, ["spec.leaseDurationSeconds"]),
    ],
)
def test_content(key: str, spec: dict[str, Any], change: dict[str, Any], fields: list[str]) -> None:
    assert mistakes(key, made(key, spec, **change)) == fields


@pytest.mark.parametrize(
    ("key", "metadata", "fields"),
    [
        ("configmaps", {"name": "a.b-c.9"}, []),
        ("configmaps", {"name": ""}, ["metadata.name"]),
        ("configmaps", {"name": "Upper"}, ["metadata.name"]),
        ("configmaps", {"name": "a/b"}, ["metadata.name"]),
        ("configmaps", {"name": "x" * 254}, ["metadata.name"]),
        ("namespaces", {"name": "a.b"}, ["metadata.name"]),
        ("namespaces", {"name": "x" * 64}, ["metadata.name"]),
        ("roles.rbac.authorization.k8s.io", {"name": "system:Any.Thing"}, []),
        ("roles.rbac.authorization.k8s.io", {"name": "a/b"}, ["metadata.name"]),
        ("configmaps", {"labels": {"a": "b", "example.com/a": ""}}, []),
        ("configmaps", {"labels": {"a": "-b"}}, ["metadata.labels"]),
        ("configmaps", {"labels": {"a": "x" * 64}}, ["metadata.labels"]),
        ("configmaps", {"labels": {"a": 7}}, ["metadata.labels"]),
        ("configmaps", {"labels": {"/a": "b"}}, ["metadata.labels"]),
        ("configmaps", {"labels": ["a"]}, ["metadata.labels"]),
        ("configmaps", {"annotations": {"Example.com/Any": "free text: ü"}}, []),
        ("configmaps", {"annotations": {"a b": "c"}}, ["metadata.annotations"]),
        ("configmaps", {"annotations": {"a": "x" * 262145}}, ["metadata.annotations"]),
        ("configmaps", {"finalizers": ["example.com/hold"]}, []),
        ("configmaps", {"finalizers": ["no good"]}, ["metadata.finalizers"]),
        (
            "configmaps",
            {"ownerReferences": [{"kind": "A", "name": "b", "uid": "c"}]},
            ["metadata.ownerReferences[0].apiVersion"],
        ),
    ],
)
def test_metadata(key: str, metadata: dict[str, Any], fields: list[str]) -> None:
    assert mistakes(key, {"metadata": {"name": "a", **metadata}}) == fields


def test_a_cron_job_name_leaves_room_for_its_jobs() -> None:
    assert mistakes("cronjobs.batch", {**made("cronjobs.batch", CRON), "metadata": {"name": "x" * 53}}) == ["metadata.name"]


@pytest.mark.parametrize(
    ("key", "before", "after", "fields"),
    [
        ("deployments.apps", DEPLOYMENT, {"replicas": 9}, []),
        (
            "deployments.apps",
            DEPLOYMENT,
            {"selector": {"matchLabels": {"app": "web", "x": "y"}}},
            ["spec.template.metadata.labels", "spec.selector"],
        ),
        ("statefulsets.apps", DEPLOYMENT, {"serviceName": "other"}, ["spec"]),
        ("statefulsets.apps", DEPLOYMENT, {"replicas": 0}, []),
        ("jobs.batch", {"template": JOB_TEMPLATE}, {"suspend": True}, []),
        (
            "jobs.batch",
            {"template": JOB_TEMPLATE},
            {"template": {**JOB_TEMPLATE, "metadata": {"labels": {"a": "b"}}}},
            ["spec.template"],
        ),
        ("pods", {"containers": [CONTAINER]}, {"containers": [{**CONTAINER, "image": "new"}]}, []),
        ("pods", {"containers": [CONTAINER]}, {"nodeName": "n1"}, ["spec"]),
    ],
)
def test_what_may_change(key: str, before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    found = []
    try:
        validation.check_update(type_of(key), made(key, before), made(key, before, **after))
    except Invalid as refusal:
        found = [cause["field"] for cause in refusal.details["causes"]]  # type: ignore[attr-defined]

    assert found == fields


def test_an_old_mistake_does_not_block_an_unrelated_change() -> None:
    old = made("deployments.apps", DEPLOYMENT, replicas=-1)
    new = deepcopy(old)
    new["metadata"]["annotations"] = {"a": "b"}

    validation.check_update(type_of("deployments.apps"), old, new)


@pytest.mark.parametrize(
    ("key", "spec", "path", "value"),
    [
        ("deployments.apps", DEPLOYMENT, "spec.replicas", 1),
        ("deployments.apps", {**DEPLOYMENT, "replicas": 0}, "spec.replicas", 0),
        ("deployments.apps", DEPLOYMENT, "spec.strategy.rollingUpdate.maxSurge", "25%"),
        ("deployments.apps", {**DEPLOYMENT, "strategy": {"type": "Recreate"}}, "spec.strategy.rollingUpdate", None),
        ("deployments.apps", DEPLOYMENT, "spec.template.spec.restartPolicy", "Always"),
        ("statefulsets.apps", DEPLOYMENT, "spec.podManagementPolicy", "OrderedReady"),
        ("daemonsets.apps", DEPLOYMENT, "spec.updateStrategy.type", "RollingUpdate"),
        ("jobs.batch", {"template": JOB_TEMPLATE}, "spec.completions", 1),
        ("jobs.batch", {"template": JOB_TEMPLATE, "parallelism": 3}, "spec.completions", None),
        ("jobs.batch", {"template": JOB_TEMPLATE}, "spec.backoffLimit", 6),
        ("cronjobs.batch", CRON, "spec.suspend", False),
        ("cronjobs.batch", CRON, "spec.concurrencyPolicy", "Allow"),
        ("horizontalpodautoscalers.autoscaling", SCALER, "spec.minReplicas", 1),
        ("namespaces", {}, "status.phase", "Active"),
        ("services", {"ports": [{"port": 80}]}, "spec.type", "ClusterIP"),
        ("pods", {"containers": [CONTAINER]}, "status.qosClass", "BestEffort"),
        ("pods", {"containers": [{**CONTAINER, "resources": {"requests": {"cpu": "1"}}}]}, "status.qosClass", "Burstable"),
        (
            "pods",
            {"containers": [{**CONTAINER, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]},
            "status.qosClass",
            "Guaranteed",
        ),
        ("persistentvolumeclaims", {}, "status.phase", "Pending"),
    ],
)
def test_defaults(key: str, spec: dict[str, Any], path: str, value: Any) -> None:
    kind = type_of(key)
    obj = made(key, spec)

    defaults.apply(kind, obj, kind.resource)

    assert lookup(obj, path) == value


@pytest.mark.parametrize("spec", [[], "text", {"template": {"spec": {"containers": "text"}}}, {"template": []}])
def test_defaults_never_fall_over_content(spec: Any) -> None:
    kind = type_of("deployments.apps")

    defaults.apply(kind, {"metadata": {"name": "web"}, "spec": spec}, kind.resource)


def test_a_job_gets_a_selector_of_its_own() -> None:
    kind = type_of("jobs.batch")
    job = made("jobs.batch", {"template": JOB_TEMPLATE})

    defaults.apply(kind, job, kind.resource)

    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "12345678-0000"}}
    assert job["spec"]["template"]["metadata"]["labels"]["job-name"] == "web"


def test_a_secret_takes_text() -> None:
    kind = type_of("secrets")
    secret = {"metadata": {"name": "s"}, "stringData": {"a": "b"}}

    defaults.apply(kind, secret, kind.resource)

    assert secret == {"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "Yg=="}}
