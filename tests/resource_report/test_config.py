"""Flags and variables to a configuration; and that the documentation lists them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_report.config import Config, read_config
from resource_report.report_flags import parser
from shared.flags import FlagRow, flag_table

DOCS = Path(__file__).parents[2] / "docs" / "resource-report.md"

OLD_DEFAULTS = {
    "--clusters": ("CLUSTERS", ""),
    "--cluster-registry": ("", ""),
    "--kubeconfig-path": ("", "~/.kube/config"),
    "--kubeconfig-contexts": ("KUBECONFIG_CONTEXTS", ""),
    "--application-registry": ("", ""),
    "--use-cache": ("", ""),
    "--no-ingress-status": ("", ""),
    "--enable-routegroups": ("", ""),
    "--enable-ingressroute": ("", ""),
    "--system-namespaces": ("", "kube-system"),
    "--include-clusters": ("", ""),
    "--exclude-clusters": ("", ""),
    "--additional-cost-per-cluster": ("", "0"),
    "--alpha-ema": ("", "1"),
    "--update-interval-minutes": ("", "0"),
    "--pricing-file": ("", ""),
    "--spot-pricing-file": ("", ""),
    "--links-file": ("", ""),
    "--node-labels": ("", "worker"),
    "--node-exclude-labels": ("", ""),
    "--data-path": ("", ""),
    "--templates-path": ("", ""),
    "--prerender-hook": ("", ""),
    "--map-node-hook": ("", ""),
    "--map-pod-hook": ("", ""),
    "--default-cluster-name": ("DEFAULT_CLUSTER_NAME", "cluster"),
    "--node-label-spot": ("NODE_LABEL_SPOT", "aws.amazon.com/spot"),
    "--node-label-spot-value": ("NODE_LABEL_SPOT_VALUE", "true"),
    "--node-label-preemptible": ("NODE_LABEL_PREEMPTIBLE", "cloud.google.com/gke-preemptible"),
    "--node-label-role": ("NODE_LABEL_ROLE", "kubernetes.io/role"),
    "--node-label-region": ("NODE_LABEL_REGION", "failure-domain.beta.kubernetes.io/region"),
    "--node-label-instance-type": ("NODE_LABEL_INSTANCE_TYPE", "beta.kubernetes.io/instance-type"),
    "--object-label-application": ("OBJECT_LABEL_APPLICATION", "application,app,app.kubernetes.io/name"),
    "--object-label-component": ("OBJECT_LABEL_COMPONENT", "component,app.kubernetes.io/component"),
    "--object-label-team": ("OBJECT_LABEL_TEAM", "team,owner"),
}


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path)


def read(out: str, *flags: str, **environ: str) -> Config:
    return read_config([out, *flags], {"HOME": out, **environ})


@pytest.mark.parametrize("flag", OLD_DEFAULTS)
def test_old_flags_and_variables_keep_their_names_and_defaults(flag: str) -> None:
    row = next(row for row in flag_table(parser()) if flag in row.flag.split(", "))

    assert (row.env, row.default) == OLD_DEFAULTS[flag]


def documented(row: FlagRow) -> str:
    cells = (f"`{row.flag}`", f"`{row.env}`" if row.env else "", f"`{row.default}`" if row.default else "", row.help)
    return "| " + " | ".join(cells) + " |"


def test_documentation_lists_every_flag() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.startswith("| `-")]

    assert listed == [documented(row) for row in flag_table(parser())]


def test_labels_are_tried_in_the_given_order_then_todays(out: str) -> None:
    labels = read(
        out, NODE_LABEL_INSTANCE_TYPE="a, b", NODE_LABEL_SPOT="x=1,y", NODE_LABEL_SPOT_VALUE="yes"
    ).collect.mapping.labels

    assert labels.instance_type == ("a", "b", "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
    assert labels.spot == (("x", "1"), ("y", "yes"), ("cloud.google.com/gke-preemptible", "true"))
    assert labels.worker_roles == ()
    assert read(out, "--node-labels=worker,gpu").collect.mapping.labels.worker_roles == ("worker", "gpu")


@pytest.mark.parametrize(
    ("flags", "environ", "live"),
    [
        pytest.param([], {}, False, id="no credentials"),
        pytest.param([], {"AWS_PROFILE": "x"}, True, id="credentials"),
        pytest.param(["--aws-prices=off"], {"AWS_PROFILE": "x"}, False, id="off"),
        pytest.param(["--aws-prices=on"], {}, True, id="on"),
    ],
)
def test_live_prices(out: str, flags: list[str], environ: dict[str, str], live: bool) -> None:
    assert read(out, *flags, **environ).prices.live_aws is live


def test_aws_credentials_file(out: str) -> None:
    (Path(out) / ".aws").mkdir()
    (Path(out) / ".aws" / "credentials").write_text("", encoding="utf-8")

    assert read(out).prices.live_aws


def test_costs_per_cluster(out: str) -> None:
    cost = read(out, "--additional-cost-per-cluster=10", "--additional-cost=prod=75.5,test=0").figures.cost

    assert [cost.overhead_of(name) for name in ("prod", "test", "other")] == [75.5, 0, 10]


def test_a_flag_wins_over_its_variable(out: str) -> None:
    discovery = read(out, "--clusters=http://a", CLUSTERS="http://b").discovery

    assert discovery.urls == ("http://a",)


def test_kubeconfig_variable_counts_unless_the_flag_is_given(out: str) -> None:
    (Path(out) / "config").write_text("{}", encoding="utf-8")

    merged = read(out, KUBECONFIG="/some/file").discovery
    named = read(out, f"--kubeconfig-path={out}/config", KUBECONFIG="/some/file").discovery
    assert (merged.has_kubeconfig, merged.kubeconfig) == (True, None)
    assert (named.has_kubeconfig, named.kubeconfig) == (True, f"{out}/config")


def test_status_of_ingresses_is_asked_for_only_on_request(out: str) -> None:
    assert not read(out).probe.enabled
    assert read(out, "--ingress-status").probe.enabled
    assert not read(out, "--ingress-status", "--no-ingress-status").probe.enabled


def test_data_path_is_in_the_output_folder_unless_given(out: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()

    assert read(out).data_path == tmp_path / "data"
    assert read(out, f"--data-path={tmp_path}/state").data_path == tmp_path / "state"
