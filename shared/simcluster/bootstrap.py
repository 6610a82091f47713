"""What a cluster holds before anybody creates anything: system namespaces, the service account of each namespace, default
roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.kinds import CONFIG_MAPS, NAMESPACES, Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.tls import authority

if TYPE_CHECKING:
    from shared.simcluster.catalog import Type
    from shared.simcluster.shelf import Change
    from shared.simcluster.store import Store

SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
_SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC = "rbac.authorization.k8s.io"
_WORKLOADS = ["apps", "batch", "autoscaling", "policy", "networking.k8s.io"]
_CORE = ["configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "serviceaccounts", "services"]
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]


def install(store: Store) -> None:
    """Fill an empty store."""
    store.after_commit.append(lambda kind, change: _furnish(store, kind, change))
    for name in _SYSTEM_NAMESPACES:
        store.create(NAMESPACES, {"metadata": {"name": name}})
    for plural, kind, objects in (
        ("clusterroles", "ClusterRole", _cluster_roles()),
        ("clusterrolebindings", "ClusterRoleBinding", [_admins()]),
    ):
        resource = Resource(_RBAC, "v1", plural, kind, namespaced=False)
        for obj in objects:
            store.create(resource, obj)
    standard = {"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
    standard |= {"provisioner": "simcluster", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}  # type: ignore[dict-item]
    store.create(Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False), standard)


def _furnish(store: Store, kind: Type, change: Change) -> None:
    """Every new namespace gets its default service account and the certificate authority's ConfigMap."""
    if change.kind != "ADDED" or kind.resource != NAMESPACES:
        return
    namespace = change.record.name
    account: JsonObject = {"metadata": {"name": "default", "namespace": namespace}}
    store.create(SERVICE_ACCOUNTS, account, trusted=True)
    bundle: JsonObject = {"metadata": {"name": "kube-root-ca.crt", "namespace": namespace}}
    store.create(CONFIG_MAPS, bundle | {"data": {"ca.crt": authority().pem.decode()}}, trusted=True)


def _cluster_roles() -> list[JsonObject]:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    writing = [*_READ, *_WRITE]
    view = [
        {"apiGroups": [""], "resources": [*_CORE, "namespaces", "pods/log", "resourcequotas", "limitranges"], "verbs": _READ},
        {"apiGroups": _WORKLOADS, "resources": ["*"], "verbs": _READ},
    ]
    edit = [
        {"apiGroups": [""], "resources": [*_CORE, "secrets", "pods/eviction"], "verbs": writing},
        {"apiGroups": _WORKLOADS, "resources": ["*"], "verbs": writing},
        *view,
    ]
    roles = {
        "cluster-admin": [everything, {"nonResourceURLs": ["*"], "verbs": ["*"]}],
        "admin": [*edit, {"apiGroups": [_RBAC], "resources": ["roles", "rolebindings"], "verbs": writing}],
        "edit": edit,
        "view": view,
    }
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    return [{"metadata": {"name": name, "labels": labels}, "rules": rules} for name, rules in roles.items()]


def _admins() -> JsonObject:
    return {
        "metadata": {"name": "cluster-admin", "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": "system:masters"}],
    }
