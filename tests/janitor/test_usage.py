from __future__ import annotations

from typing import Any

import pytest

from janitor.usage import Usage, facts_wanted, may_refer, needs_of, references
from janitor.wholes import object_of
from shared.kinds import CONFIG_MAPS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS, STATEFUL_SETS, Resource

CLAIM, CONFIG, SECRET = "PersistentVolumeClaim", "ConfigMap", "Secret"
SERVICES = Resource("", "v1", "services", "Service")
ALL = frozenset({"*"})


def pod_spec(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


@pytest.mark.parametrize(
    ("document", "mentioned"),
    [
        (pod_spec(volumes=[{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}]), (CLAIM, "", "data")),
        (pod_spec(volumes=[{"name": "a", "configMap": {"name": "cfg"}}]), (CONFIG, "", "cfg")),
        (pod_spec(volumes=[{"name": "a", "secret": {"secretName": "key"}}]), (SECRET, "", "key")),
        (pod_spec(volumes=[{"projected": {"sources": [{"configMap": {"name": "cfg"}}]}}]), (CONFIG, "", "cfg")),
        (pod_spec(volumes=[{"projected": {"sources": [{"secret": {"name": "key"}}]}}]), (SECRET, "", "key")),
        (pod_spec(volumes=[{"csi": {"nodePublishSecretRef": {"name": "key"}}}]), (SECRET, "", "key")),
        (pod_spec(containers=[{"envFrom": [{"configMapRef": {"name": "cfg"}}]}]), (CONFIG, "", "cfg")),
        (pod_spec(containers=[{"env": [{"valueFrom": {"secretKeyRef": {"name": "key", "key": "x"}}}]}]), (SECRET, "", "key")),
        (pod_spec(initContainers=[{"envFrom": [{"secretRef": {"name": "key"}}]}]), (SECRET, "", "key")),
        (pod_spec(ephemeralContainers=[{"env": [{"valueFrom": {"configMapKeyRef": {"name": "cfg"}}}]}]), (CONFIG, "", "cfg")),
        (pod_spec(imagePullSecrets=[{"name": "pull"}]), (SECRET, "", "pull")),
        (pod_spec(template=pod_spec(volumes=[{"persistentVolumeClaim": {"claimName": "data"}}])), (CLAIM, "", "data")),
        (
            pod_spec(jobTemplate=pod_spec(template=pod_spec(volumes=[{"persistentVolumeClaim": {"claimName": "data"}}]))),
            (CLAIM, "", "data"),
        ),
        ({"secrets": [{"name": "token"}], "imagePullSecrets": [{"name": "pull"}]}, (SECRET, "", "pull")),
        ({"secrets": [{"name": "token"}]}, (SECRET, "", "token")),
        (pod_spec(tls=[{"secretName": "cert", "hosts": ["a"]}]), (SECRET, "", "cert")),
        (pod_spec(source={"persistentVolumeClaimName": "data"}), (CLAIM, "", "data")),
        (pod_spec(dataSource={"kind": CLAIM, "name": "data"}), (CLAIM, "", "data")),
        (pod_spec(valuesFrom=[{"kind": "ConfigMap", "name": "cfg"}]), (CONFIG, "", "cfg")),
        (pod_spec(target={"secretRef": {"name": "key", "namespace": "vault"}}), (SECRET, "vault", "key")),
        (pod_spec(ref={"kind": SECRET, "name": "key", "namespace": "vault"}), (SECRET, "vault", "key")),
        (pod_spec(volumes={"disk": {"pvc": "data"}}), (CLAIM, "", "data")),
        (pod_spec(secretNames=["one", "two"]), (SECRET, "", "two")),
    ],
)
def test_what_a_document_mentions(document: dict[str, Any], mentioned: tuple[str, str, str]) -> None:
    assert mentioned in set(references(document))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": {"annotations": {"secretName": "x"}}, "data": {"secretName": "x"}},
        {"kind": "Secret", "spec": {"name": "x"}},
        pod_spec(secret=5, configMap=None, kind="Secret"),
    ],
)
def test_what_mentions_nothing(document: dict[str, Any]) -> None:
    assert set(references(document)) == set()


def test_a_document_nested_without_end_is_no_trap() -> None:
    deep: dict[str, Any] = {"secretName": "deep"}
    for _ in range(500):
        deep = {"a": deep}

    assert set(references({"spec": deep})) == set()


def claim(name: str, **spec: Any) -> Any:
    return object_of({"metadata": {"name": name, "namespace": "shop", **spec}})


def facts(usage: Usage, resource: Resource, name: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return dict(usage.facts(resource, claim(name), document, ALL).values)


def test_a_claim_in_use() -> None:
    usage = Usage()
    meta = {"metadata": {"name": "web", "namespace": "shop"}}
    usage.add_mentions(PODS, meta | pod_spec(volumes=[{"persistentVolumeClaim": {"claimName": "data"}}]))
    usage.add_mentions(PODS, meta | pod_spec(volumes=[{"name": "tmp", "ephemeral": {}}, 5]))
    usage.add_mentions(PODS, meta | {"spec": None})

    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "data")["pvc_is_not_mounted"] is False
    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "web-tmp")["pvc_is_not_mounted"] is False
    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "web-tmp")["pvc_is_not_referenced"] is False
    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "other")["pvc_is_not_referenced"] is True


def test_a_claim_of_a_scaled_down_stateful_set() -> None:
    usage = Usage()
    body = pod_spec(volumeClaimTemplates=[{"metadata": {"name": "data"}}, {"metadata": 5}])
    usage.add_mentions(STATEFUL_SETS, {"metadata": {"name": "db", "namespace": "shop"}} | body)

    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "data-db-0") == {
        "pvc_is_not_mounted": True,
        "pvc_is_not_referenced": False,
        "owner_exists": None,
    }
    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "data-db-x")["pvc_is_not_referenced"] is True
    assert facts(usage, PERSISTENT_VOLUME_CLAIMS, "data-other-0")["pvc_is_not_referenced"] is True


def test_a_reference_of_another_namespace_does_not_count_but_one_into_it_does() -> None:
    usage = Usage()
    body = pod_spec(a={"configMap": {"name": "cfg"}}, b={"kind": CONFIG, "name": "shared", "namespace": "shop"})
    usage.add_mentions(PODS, {"metadata": {"name": "web", "namespace": "other"}} | body)

    assert facts(usage, CONFIG_MAPS, "cfg")["configmap_is_not_referenced"] is True
    assert facts(usage, CONFIG_MAPS, "shared")["configmap_is_not_referenced"] is False
    assert facts(usage, CONFIG_MAPS, "kube-root-ca.crt")["configmap_is_not_referenced"] is False


@pytest.mark.parametrize(
    ("kind", "unused"),
    [
        ("Opaque", True),
        ("helm.sh/release.v1", False),
        ("kubernetes.io/service-account-token", False),
        ("kubernetes.io/dockerconfigjson", False),
        ("bootstrap.kubernetes.io/token", False),
        ("kubernetes.io/tls", True),
    ],
)
def test_secrets_that_need_no_reference(kind: str, unused: bool) -> None:
    assert facts(Usage(), SECRETS, "a", {"type": kind})["secret_is_not_referenced"] is unused


def test_services_without_endpoints() -> None:
    usage = Usage()
    labels = {"kubernetes.io/service-name": "web"}
    usage.add_slice(
        {"metadata": {"name": "web-1", "namespace": "shop", "labels": labels}, "endpoints": [{"addresses": ["10.0.0.1"]}]}
    )
    usage.add_slice(
        {"metadata": {"name": "db-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}}, "endpoints": None}
    )

    assert facts(usage, SERVICES, "web")["service_has_no_endpoints"] is False
    assert facts(usage, SERVICES, "db")["service_has_no_endpoints"] is True
    assert facts(usage, SERVICES, "ext", {"spec": {"type": "ExternalName"}})["service_has_no_endpoints"] is False


def test_empty_namespaces() -> None:
    usage = Usage()
    for resource, name in ((CONFIG_MAPS, "kube-root-ca.crt"), (Resource("", "v1", "events", "Event"), "e")):
        usage.add_existing(resource, object_of({"metadata": {"name": name, "namespace": "shop"}}))

    assert usage.facts(NAMESPACES, object_of({"metadata": {"name": "shop"}}), None, ALL).values["namespace_is_empty"] is True
    usage.add_existing(CONFIG_MAPS, claim("mine"))
    assert usage.facts(NAMESPACES, object_of({"metadata": {"name": "shop"}}), None, ALL).values["namespace_is_empty"] is False


def test_owners_that_exist() -> None:
    usage = Usage()
    usage.add_existing(CONFIG_MAPS, object_of({"metadata": {"name": "a", "namespace": "shop", "uid": "u-1"}}))
    mine, orphan = (claim("a", ownerReferences=[{"uid": uid}]) for uid in ("u-1", "u-2"))

    assert usage.facts(PODS, mine, None, ALL).values == {"owner_exists": True}
    assert usage.facts(PODS, orphan, None, ALL).values == {"owner_exists": False}


def test_what_could_not_be_read_makes_its_facts_unknown() -> None:
    usage = Usage(unknown={"references": "jobs: forbidden"})

    found = usage.facts(PERSISTENT_VOLUME_CLAIMS, claim("data"), None, ALL)

    assert found.values == {"pvc_is_not_mounted": True, "owner_exists": None}
    assert found.unknown == {"pvc_is_not_referenced"}


def test_only_facts_that_rules_read_are_looked_up() -> None:
    assert facts_wanted(PERSISTENT_VOLUME_CLAIMS, frozenset({"pvc_is_not_mounted", "random_dice"})) == {"pvc_is_not_mounted"}
    assert facts_wanted(PODS, frozenset({"pvc_is_not_mounted"})) == frozenset()


def test_what_has_to_be_read() -> None:
    assert needs_of(["pvc_is_not_mounted"]) == {"pods"}
    assert needs_of(["random_dice"]) == frozenset()
    assert needs_of(["*"]) == {"pods", "references", "endpoints", "inventory"}


@pytest.mark.parametrize(
    ("schema", "may"),
    [
        ({"properties": {"spec": {"properties": {"size": {"type": "integer"}}}}}, False),
        ({"properties": {"spec": {"properties": {"tlsSecretName": {"type": "string"}}}}}, True),
        ({"properties": {"spec": {"properties": {"template": {"x-kubernetes-preserve-unknown-fields": True}}}}}, True),
        ({"properties": {"spec": {"additionalProperties": {"type": "string"}}}}, True),
        ({"properties": {"ref": {"properties": {"kind": {}, "name": {}}}}}, True),
        ([{"items": [{"properties": {"claimName": {}}}]}], True),
        ({}, False),
        (None, False),
    ],
)
def test_custom_types_that_may_mention_something(schema: Any, may: bool) -> None:
    assert may_refer(schema) is may
