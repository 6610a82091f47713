"""What node labels mean, as tables."""

from __future__ import annotations

import pytest

from resource_report.labels import (
    LabelSettings,
    capacity_type,
    first,
    is_virtual,
    node_facts,
    node_role,
    parse_provider_id,
    region_of,
)

SETTINGS = LabelSettings()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, "unknown", id="nothing said"),
        pytest.param({"karpenter.sh/capacity-type": "spot"}, "spot", id="karpenter spot"),
        pytest.param({"karpenter.sh/capacity-type": "on-demand"}, "on-demand", id="karpenter on-demand"),
        pytest.param({"karpenter.sh/capacity-type": "reserved"}, "reserved", id="karpenter reserved"),
        pytest.param({"eks.amazonaws.com/capacityType": "SPOT"}, "spot", id="eks spot"),
        pytest.param({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, "on-demand", id="eks on-demand"),
        pytest.param({"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}, "reserved", id="eks capacity block"),
        pytest.param({"aws.amazon.com/spot": "true"}, "spot", id="autoscaling group of spot nodes"),
        pytest.param({"aws.amazon.com/spot": "false"}, "unknown", id="not spot says nothing else"),
        pytest.param({"node.kubernetes.io/lifecycle": "spot"}, "spot", id="lifecycle"),
        pytest.param({"lifecycle": "Ec2Spot"}, "spot", id="older lifecycle"),
        pytest.param({"lifecycle": "EC2Spot"}, "spot", id="older lifecycle, other case"),
        pytest.param({"kops.k8s.io/instancegroup": "spotinstance-nodes"}, "spot", id="kops"),
        pytest.param({"kops.k8s.io/instancegroup": "nodes"}, "unknown", id="kops, no spot"),
        pytest.param({"spotinst.io/node-lifecycle": "spot"}, "spot", id="spotinst"),
        pytest.param({"cloud.google.com/gke-preemptible": "true"}, "spot", id="gke preemptible"),
        pytest.param({"cloud.google.com/gke-spot": "true"}, "spot", id="gke spot"),
        pytest.param({"cloud.google.com/gke-provisioning": "preemptible"}, "spot", id="gke provisioning"),
        pytest.param({"kubernetes.azure.com/scalesetpriority": "spot"}, "spot", id="azure"),
        pytest.param({"eks.amazonaws.com/compute-type": "fargate"}, "fargate", id="fargate"),
    ],
)
def test_capacity_type(labels: dict[str, str], expected: str) -> None:
    assert capacity_type(labels, SETTINGS) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, "worker", id="no label"),
        pytest.param({"node-role.kubernetes.io/control-plane": ""}, "control-plane", id="control plane"),
        pytest.param({"node-role.kubernetes.io/master": ""}, "control-plane", id="older control plane"),
        pytest.param({"kubernetes.io/role": "master"}, "control-plane", id="oldest control plane"),
        pytest.param({"node.kubernetes.io/role": "worker"}, "worker", id="one label less old"),
        pytest.param({"node-role.kubernetes.io/gpu": ""}, "gpu", id="another role"),
        pytest.param(
            {"kubernetes.io/role": "node", "node-role.kubernetes.io/master": ""}, "control-plane", id="the control plane wins"
        ),
    ],
)
def test_role(labels: dict[str, str], expected: str) -> None:
    assert node_role(labels, SETTINGS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aws:///eu-central-1a/i-0abc", ("aws", "eu-central-1a", "i-0abc")),
        ("aws:///eu-west-1b/0123/fargate-ip-10-0-0-1", ("aws", "eu-west-1b", "fargate-ip-10-0-0-1")),
        ("gce://project/europe-west1-b/node-1", ("gcp", "europe-west1-b", "node-1")),
        ("azure:///subscriptions/x/virtualMachines/0", ("azure", "", "0")),
        ("kind://docker/x/y", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_provider_id(text: str, expected: tuple[str, str, str]) -> None:
    assert parse_provider_id(text) == expected


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("eu-central-1a", "eu-central-1"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("europe-west1-b", "europe-west1"),
        ("1", ""),
        ("", ""),
    ],
)
def test_region_of_a_zone(zone: str, region: str) -> None:
    assert region_of(zone) == region


def test_todays_labels_come_before_the_provider_id() -> None:
    labels = {
        "node.kubernetes.io/instance-type": "m6i.large",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": "eu-west-1c",
        "karpenter.sh/nodepool": "general",
        "kubernetes.io/arch": "arm64",
    }
    facts = node_facts(labels, "aws:///eu-central-1a/i-1", SETTINGS)

    assert (facts.instance_type, facts.region, facts.zone) == ("m6i.large", "eu-west-1", "eu-west-1c")
    assert (facts.pool, facts.arch, facts.provider, facts.instance_id) == ("general", "arm64", "aws", "i-1")


def test_provider_id_is_the_last_resort() -> None:
    facts = node_facts({}, "aws:///eu-central-1a/i-1", SETTINGS)

    assert (facts.region, facts.zone, facts.worker) == ("eu-central-1", "eu-central-1a", True)


@pytest.mark.parametrize(
    ("roles", "role", "worker"),
    [
        pytest.param((), "gpu", True, id="by default every role but the control plane works"),
        pytest.param((), "control-plane", False, id="the control plane does not"),
        pytest.param(("worker",), "gpu", False, id="named roles only"),
        pytest.param(("control-plane",), "control-plane", True, id="also the control plane, if named"),
    ],
)
def test_worker(roles: tuple[str, ...], role: str, worker: bool) -> None:
    settings = LabelSettings(worker_roles=roles)

    assert node_facts({"kubernetes.io/role": role}, "", settings).worker is worker


def test_first_label_that_is_not_empty_wins() -> None:
    assert first({"a": "", "b": "x"}, ("a", "b")) == "x"
    assert first(None, ("a",)) == ""


def test_virtual_nodes() -> None:
    assert is_virtual({"type": "virtual-kubelet"})
    assert not is_virtual({"eks.amazonaws.com/compute-type": "fargate"})
    assert not is_virtual(None)


@pytest.mark.parametrize(
    ("labels", "provider"),
    [
        ({"eks.amazonaws.com/nodegroup": "x"}, "aws"),
        ({"karpenter.k8s.aws/instance-cpu": "2"}, "aws"),
        ({"cloud.google.com/gke-nodepool": "x"}, "gcp"),
        ({"kubernetes.azure.com/agentpool": "x"}, "azure"),
        ({}, ""),
    ],
)
def test_provider_of_labels(labels: dict[str, str], provider: str) -> None:
    assert node_facts(labels, "", SETTINGS).provider == provider
