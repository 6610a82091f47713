"""The types that the embedded cluster serves from the start, as rows of a table, and the value that describes one type.

Pure. Custom resources become further `Type` values (`crds.py`); nothing here knows how objects are stored or served.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from shared.kinds import Resource

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_VERBS = ("get", "list")


class Scale(msgspec.Struct, frozen=True):
    """JSON paths (dotted) of the scale subresource."""

    spec: str = "spec.replicas"
    status: str = "status.replicas"
    selector: str = "spec.selector"


class Column(msgspec.Struct, frozen=True):
    """One additionalPrinterColumns entry of a CRD."""

    name: str
    type: str
    json_path: str
    priority: int = 0
    description: str = ""
    format: str = ""


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """One stored type. `resource` names its storage version; `served` every (group, version) under which clients see it."""

    resource: Resource
    served: tuple[tuple[str, str], ...]
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: Scale | None = None
    generation: bool = False
    fields: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    virtual: bool = False
    custom: bool = False
    columns: dict[str, tuple[Column, ...]] = {}
    schemas: dict[str, dict[str, object]] = {}

    @property
    def key(self) -> str:
        """What tells one stored type from another: `deployments.apps`."""
        return self.resource.name

    def view(self, group: str, version: str) -> Resource:
        """This type as a client of (*group*, *version*) names it."""
        own = self.resource
        return Resource(group, version, own.plural, own.kind, own.namespaced)

    def views(self) -> Iterator[Resource]:
        for group, version in self.served:
            yield self.view(group, version)


_POD_FIELDS = (
    "spec.nodeName",
    "status.phase",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a row may say beside its names; see `Type` for the meaning."""

    short: str = ""
    all: bool = False
    namespaced: bool = True
    status: bool = False
    scale: Scale | None = None
    generation: bool = False
    fields: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    virtual: bool = False


_CLUSTER = _Options(namespaced=False)
_CREATE_ONLY = _Options(verbs=("create",), virtual=True, namespaced=False)
_WORKLOAD = _Options(status=True, scale=Scale(), generation=True, all=True)


def _with(base: _Options, **changes: object) -> _Options:
    return msgspec.structs.replace(base, **changes)


_ROWS: tuple[tuple[str, str, str, str, _Options], ...] = (
    (
        "",
        "v1",
        "namespaces",
        "Namespace",
        _with(_CLUSTER, short="ns", status=True, fields=("status.phase",), subresources=("finalize",)),
    ),
    ("", "v1", "nodes", "Node", _with(_CLUSTER, short="no", status=True, fields=("spec.unschedulable",))),
    (
        "",
        "v1",
        "pods",
        "Pod",
        _Options(short="po", all=True, status=True, fields=_POD_FIELDS, subresources=("binding", "eviction", "log")),
    ),
    ("", "v1", "services", "Service", _Options(short="svc", all=True, status=True, fields=("spec.clusterIP", "spec.type"))),
    ("", "v1", "endpoints", "Endpoints", _Options(short="ep")),
    ("", "v1", "configmaps", "ConfigMap", _Options(short="cm")),
    ("", "v1", "secrets", "Secret", _Options(fields=("type",))),
    ("", "v1", "serviceaccounts", "ServiceAccount", _Options(short="sa", subresources=("token",))),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", _Options(short="pvc", status=True)),
    ("", "v1", "persistentvolumes", "PersistentVolume", _with(_CLUSTER, short="pv", status=True)),
    ("", "v1", "events", "Event", _Options(short="ev", fields=_EVENT_FIELDS, also=(("events.k8s.io", "v1"),))),
    ("", "v1", "replicationcontrollers", "ReplicationController", _with(_WORKLOAD, short="rc", fields=("status.replicas",))),
    ("", "v1", "resourcequotas", "ResourceQuota", _Options(short="quota", status=True)),
    ("", "v1", "limitranges", "LimitRange", _Options(short="limits")),
    ("", "v1", "podtemplates", "PodTemplate", _Options(generation=True)),
    ("apps", "v1", "deployments", "Deployment", _with(_WORKLOAD, short="deploy")),
    ("apps", "v1", "replicasets", "ReplicaSet", _with(_WORKLOAD, short="rs", fields=("status.replicas",))),
    ("apps", "v1", "statefulsets", "StatefulSet", _with(_WORKLOAD, short="sts")),
    ("apps", "v1", "daemonsets", "DaemonSet", _Options(short="ds", all=True, status=True, generation=True)),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", _Options()),
    ("batch", "v1", "jobs", "Job", _Options(all=True, status=True, generation=True, fields=("status.successful",))),
    ("batch", "v1", "cronjobs", "CronJob", _Options(short="cj", all=True, status=True, generation=True)),
    (
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        _Options(short="hpa", all=True, status=True, also=(("autoscaling", "v1"),)),
    ),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", _Options(short="pdb", status=True, generation=True)),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", _Options(short="ing", status=True, generation=True)),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", _Options(short="netpol", generation=True)),
    ("networking.k8s.io", "v1", "ingressclasses", "IngressClass", _with(_CLUSTER, generation=True)),
    ("coordination.k8s.io", "v1", "leases", "Lease", _Options()),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", _Options(generation=True)),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", _Options()),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", _Options()),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", _CLUSTER),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", _CLUSTER),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", _with(_CLUSTER, short="sc")),
    ("storage.k8s.io", "v1", "csidrivers", "CSIDriver", _CLUSTER),
    ("storage.k8s.io", "v1", "csinodes", "CSINode", _CLUSTER),
    ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", _with(_CLUSTER, status=True)),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", _with(_CLUSTER, short="pc", generation=True)),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        _with(_CLUSTER, short="crd,crds", status=True, generation=True),
    ),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", _with(_CLUSTER, status=True)),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        _with(_CLUSTER, generation=True),
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        _with(_CLUSTER, generation=True),
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        _with(_CLUSTER, status=True, generation=True),
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        _with(_CLUSTER, generation=True),
    ),
    ("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", _with(_CLUSTER, verbs=READ_VERBS, virtual=True)),
    ("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", _Options(verbs=READ_VERBS, virtual=True)),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", _CREATE_ONLY),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", _CREATE_ONLY),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", _CREATE_ONLY),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", _CREATE_ONLY),
)


def _type(group: str, version: str, plural: str, kind: str, options: _Options) -> Type:
    subresources = options.subresources + ("status",) * options.status + ("scale",) * (options.scale is not None)
    return Type(
        resource=Resource(group, version, plural, kind, options.namespaced),
        served=((group, version), *options.also),
        singular=kind.lower(),
        short_names=tuple(options.short.split(",")) if options.short else (),
        categories=("all",) if options.all else (),
        status=options.status,
        scale=options.scale,
        generation=options.generation,
        fields=options.fields,
        verbs=options.verbs,
        subresources=tuple(sorted(subresources)),
        virtual=options.virtual,
    )


BUILT_IN: tuple[Type, ...] = tuple(_type(*row) for row in _ROWS)
