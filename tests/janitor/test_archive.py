from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from janitor.archive import (
    BackupProblem,
    Cipher,
    Entry,
    Kept,
    cleaned,
    decode_entry,
    entry_id,
    in_order,
    keep,
    opened,
    revived,
)
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, JOBS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS, Resource

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
SERVICES = Resource("", "v1", "services", "Service")
SERVER = {
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-03-23T10:00:00Z",
    "managedFields": [],
    "selfLink": "/x",
    "finalizers": ["kubernetes.io/pvc-protection"],
    "deletionTimestamp": "2026-03-23T10:00:00Z",
    "deletionGracePeriodSeconds": 30,
}


def test_a_manifest_without_what_the_server_writes() -> None:
    document = {"metadata": {"name": "web", **SERVER, "annotations": {"a": "b"}}, "spec": {"replicas": 1}, "status": {"x": 1}}

    assert cleaned(DEPLOYMENTS, document) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"a": "b"}},
        "spec": {"replicas": 1},
    }
    assert document["metadata"]["uid"] == "u"


@pytest.mark.parametrize(
    ("resource", "spec", "expected"),
    [
        (SERVICES, {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": []}, {"ports": []}),
        (SERVICES, {"clusterIP": "None", "clusterIPs": ["None"]}, {"clusterIP": "None", "clusterIPs": ["None"]}),
        (PERSISTENT_VOLUME_CLAIMS, {"volumeName": "pv-1", "accessModes": []}, {"accessModes": []}),
        (PODS, {"nodeName": "n1", "containers": []}, {"containers": []}),
        (NAMESPACES, {"finalizers": ["kubernetes"]}, {}),
        (
            JOBS,
            {
                "selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": {"controller-uid": "u", "a": "b"}}},
            },
            {"template": {"metadata": {"labels": {"a": "b"}}}},
        ),
        (JOBS, {"manualSelector": True, "selector": {"a": "b"}}, {"manualSelector": True, "selector": {"a": "b"}}),
    ],
)
def test_what_was_assigned_to_the_old_object_is_left_out(
    resource: Resource, spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert cleaned(resource, {"metadata": {"name": "a"}, "spec": spec})["spec"] == expected


def test_annotations_of_the_volume_binder_are_left_out() -> None:
    own = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n1"}

    assert "annotations" not in cleaned(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"annotations": own}})["metadata"]


SECRET = {"metadata": {"name": "key", "namespace": "shop", "uid": "u"}, "data": {"password": "c2VjcmV0"}, "type": "Opaque"}


def test_a_secret_is_encrypted_and_opened_with_the_same_key_only() -> None:
    kept = keep(SECRETS, SECRET, Cipher("a key"))

    assert kept is not None
    assert kept.manifest is None
    assert b"c2VjcmV0" not in Entry(objects=[kept]).encoded()
    assert opened(kept, Cipher("a key"))["data"] == {"password": "c2VjcmV0"}
    with pytest.raises(BackupProblem, match="another key"):
        opened(kept, Cipher("another"))
    with pytest.raises(BackupProblem, match="give --backup-key-file"):
        opened(kept, None)


def test_a_secret_without_a_key_is_refused_or_left_out() -> None:
    with pytest.raises(BackupProblem, match="secrets shop/key: kept"):
        keep(SECRETS, SECRET, None)
    assert keep(SECRETS, SECRET, None, skip_secrets=True) is None


def test_an_entry_survives_its_encoding() -> None:
    kept = keep(CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "shop"}, "data": {"x": "y"}}, None)
    assert kept is not None
    entry = Entry(id="x", deleted=NOW, reason="why", objects=[kept])

    assert decode_entry(entry.encoded()) == entry
    assert opened(kept, None)["data"] == {"x": "y"}
    assert (str(kept), kept.resource) == ("configmaps shop/a", CONFIG_MAPS)
    with pytest.raises(BackupProblem):
        decode_entry(b"{")


@pytest.mark.parametrize(
    ("namespace", "name", "start"),
    [
        ("shop", "web", "20260323t100000z.deployments.shop.web."),
        ("", "system:x/../y", "20260323t100000z.deployments.system-x-y."),
    ],
)
def test_ids_sort_by_time_and_are_valid_names(namespace: str, name: str, start: str) -> None:
    identity = entry_id(DEPLOYMENTS, namespace, name, "u", NOW)

    assert identity.startswith(start)
    assert entry_id(DEPLOYMENTS, namespace, name, "u2", NOW) != identity
    assert entry_id(DEPLOYMENTS, "a", "a", "u", NOW + timedelta(seconds=1)) > identity


def test_a_restored_object_has_time_to_live_and_only_living_owners() -> None:
    manifest = {
        "metadata": {
            "name": "a",
            "annotations": {"janitor/ttl": "1h", "janitor/notified": "yes", "janitor/quarantined": "x"},
            "ownerReferences": [{"uid": "dead"}, {"uid": "alive"}],
        }
    }

    metadata = revived(manifest, frozenset({"alive"}), NOW, timedelta(days=1))["metadata"]

    assert metadata["annotations"] == {"janitor/ttl": "1h", "janitor/extend-until": "2026-03-24T10:00:00Z"}
    assert metadata["ownerReferences"] == [{"uid": "alive"}]
    assert revived({"metadata": {"name": "a"}}, frozenset(), NOW, timedelta(0)) == {"metadata": {"name": "a"}}


def test_what_others_need_comes_first() -> None:
    kinds = ["Ingress", "Deployment", "ConfigMap", "Namespace", "Secret"]

    assert [kept.kind for kept in in_order(Kept(kind=kind) for kind in kinds)] == [
        "Namespace",
        "Secret",
        "ConfigMap",
        "Deployment",
        "Ingress",
    ]
