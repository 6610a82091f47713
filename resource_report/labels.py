"""What the labels of nodes and objects mean: instance type, zone, capacity type, role, pool, application, team. Pure.

Every setting is a list of label keys, tried in order: the user's own first, then those in use on today's clusters. Sources: the
Kubernetes page "Well-Known Labels, Annotations and Taints", and the documentation of EKS, GKE, AKS, Karpenter, eksctl and kops.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]

INSTANCE_TYPE = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone")
ARCH = ("kubernetes.io/arch", "beta.kubernetes.io/arch")
ROLE = ("kubernetes.io/role", "node.kubernetes.io/role")
POOL = (
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "kops.k8s.io/instancegroup",
    "node.kubernetes.io/node-pool",
    "alpha.eksctl.io/nodegroup-name",
)
APPLICATION = ("application", "app", "app.kubernetes.io/name")
COMPONENT = ("component", "app.kubernetes.io/component")
TEAM = ("team", "owner")

_ROLE_PREFIX = "node-role.kubernetes.io/"
_CONTROL_PLANE = frozenset({"control-plane", "master", "controlplane"})

# key, value (lower case, None: any value but "false"), what it says. The first hit wins; explicit capacity types come first.
_CAPACITY: tuple[tuple[str, str | None, str], ...] = (
    ("eks.amazonaws.com/compute-type", "fargate", "fargate"),
    ("karpenter.sh/capacity-type", "spot", "spot"),
    ("karpenter.sh/capacity-type", "on-demand", "on-demand"),
    ("karpenter.sh/capacity-type", "reserved", "reserved"),
    ("eks.amazonaws.com/capacitytype", "spot", "spot"),
    ("eks.amazonaws.com/capacitytype", "on_demand", "on-demand"),
    ("eks.amazonaws.com/capacitytype", "capacity_block", "reserved"),
    ("node.kubernetes.io/lifecycle", "spot", "spot"),
    ("node.kubernetes.io/capacity-type", "spot", "spot"),
    ("lifecycle", "ec2spot", "spot"),
    ("lifecycle", "spot", "spot"),
    ("spotinst.io/node-lifecycle", "spot", "spot"),
    ("spotinst.io/node-lifecycle", "od", "on-demand"),
    ("cloud.google.com/gke-spot", "true", "spot"),
    ("cloud.google.com/gke-provisioning", "spot", "spot"),
    ("cloud.google.com/gke-provisioning", "preemptible", "spot"),
    ("cloud.google.com/gke-provisioning", "standard", "on-demand"),
    ("kubernetes.azure.com/scalesetpriority", "spot", "spot"),
    ("kops.k8s.io/instancegroup", "spotinstance-nodes", "spot"),
)
_KNOWN_CAPACITY_KEYS = frozenset(key for key, _, _ in _CAPACITY)

# eu-central-1a, us-west-2-lax-1a, europe-west1-b
_ZONE_REGION = (re.compile(r"((?:[a-z]+-)+\d+)(?:-[a-z]+-\d+)?[a-z]"), re.compile(r"([a-z]+-[a-z]+\d+)-[a-z]"))
_PROVIDER_ID = (
    ("aws", re.compile(r"aws:///(?P<zone>[^/]*)/(?:[^/]*/)*(?P<instance>(?:i|fargate|mi)-[^/]*)")),
    ("gcp", re.compile(r"gce://[^/]+/(?P<zone>[^/]+)/(?P<instance>[^/]+)")),
    ("azure", re.compile(r"azure:///.*/(?P<instance>[^/]+)(?P<zone>)")),
)


@dataclass(frozen=True)
class LabelSettings:
    """Label keys in the order in which they are tried. `spot` holds key=value pairs.

    `worker_roles` names the roles that count as workers; empty: all but the control plane.
    """

    instance_type: tuple[str, ...] = INSTANCE_TYPE
    region: tuple[str, ...] = REGION
    zone: tuple[str, ...] = ZONE
    role: tuple[str, ...] = ROLE
    pool: tuple[str, ...] = POOL
    spot: tuple[tuple[str, str], ...] = (("aws.amazon.com/spot", "true"), ("cloud.google.com/gke-preemptible", "true"))
    worker_roles: tuple[str, ...] = ()
    application: tuple[str, ...] = APPLICATION
    component: tuple[str, ...] = COMPONENT
    team: tuple[str, ...] = TEAM
    team_annotations: tuple[str, ...] = TEAM


@dataclass(frozen=True)
class NodeFacts:
    """What a node's labels and provider id say about it; empty strings where they say nothing."""

    role: str
    worker: bool
    pool: str
    provider: str
    region: str
    zone: str
    instance_type: str
    instance_id: str
    arch: str
    capacity_type: str


def first(labels: Labels | None, keys: Iterable[str]) -> str:
    """The value of the first of *keys* that is present and not empty, or ""."""
    if labels:
        for key in keys:
            if value := labels.get(key):
                return value
    return ""


def node_facts(labels: Labels | None, provider_id: str, settings: LabelSettings) -> NodeFacts:
    """Reads a node's labels, with the provider id as the last resort for zone and region."""
    labels = labels or {}
    provider, id_zone, instance = parse_provider_id(provider_id)
    zone = first(labels, settings.zone) or id_zone
    role = node_role(labels, settings)
    return NodeFacts(
        role=role,
        worker=role in settings.worker_roles if settings.worker_roles else not is_control_plane(role),
        pool=first(labels, settings.pool),
        provider=provider or _provider_of(labels),
        region=first(labels, settings.region) or region_of(zone),
        zone=zone,
        instance_type=first(labels, settings.instance_type),
        instance_id=instance,
        arch=first(labels, ARCH),
        capacity_type=capacity_type(labels, settings),
    )


def parse_provider_id(text: str) -> tuple[str, str, str]:
    """(provider, zone, instance id) of a node's `spec.providerID`; empty strings for any other form.

    `aws:///eu-central-1a/i-0abc` gives ("aws", "eu-central-1a", "i-0abc").
    """
    for provider, pattern in _PROVIDER_ID:
        if match := pattern.fullmatch(text):
            return provider, match["zone"] or "", match["instance"] or ""
    return "", "", ""


def region_of(zone: str) -> str:
    """The region that a zone's name tells: `eu-central-1` of `eu-central-1a`, `europe-west1` of `europe-west1-b`; else ""."""
    for pattern in _ZONE_REGION:
        if match := pattern.fullmatch(zone):
            return match[1]
    return ""


def capacity_type(labels: Labels, settings: LabelSettings) -> str:
    """`spot`, `on-demand`, `reserved` or `fargate`; `unknown` where no label tells.

    A configured spot label of the wanted value wins. Without any capacity label a node may still be spot: only EC2 knows.
    """
    if any(labels.get(key) == value for key, value in settings.spot):
        return "spot"
    lowered = {key.lower(): value.lower() for key, value in labels.items() if key.lower() in _KNOWN_CAPACITY_KEYS}
    for key, value, meaning in _CAPACITY:
        if lowered.get(key) == value:
            return meaning
    return "unknown"


def node_role(labels: Labels, settings: LabelSettings) -> str:
    """control-plane if any label says so, else the role of the role labels or of `node-role.kubernetes.io/ROLE`, else worker."""
    explicit = first(labels, settings.role)
    suffixes = sorted(key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX))
    roles = [role for role in (explicit, *suffixes) if role]
    if any(is_control_plane(role) for role in roles):
        return "control-plane"
    return roles[0] if roles else "worker"


def is_virtual(labels: Labels | None) -> bool:
    """Whether this is a virtual kubelet: its capacity is a promise of nobody, so it must not be priced. Fargate is not one."""
    return first(labels, ("type",)) == "virtual-kubelet"


def is_control_plane(role: str) -> bool:
    return role.lower() in _CONTROL_PLANE


def _provider_of(labels: Labels) -> str:
    for prefix, provider in (("eks.amazonaws.com/", "aws"), ("cloud.google.com/gke-", "gcp"), ("kubernetes.azure.com/", "azure")):
        if any(key.startswith(prefix) for key in labels):
            return provider
    return "aws" if any(key.startswith("karpenter.k8s.aws/") for key in labels) else ""
