"""Single facts of the rendered objects that an operator relies on."""

from __future__ import annotations

from typing import Any

import pytest
from helm_python import HelmRenderError

from tests.charts.rendering import CONTROLLERS, Manifest, Rendered, render, rendered

INSTANCE = "app.kubernetes.io/instance"
DIGEST = f"sha256:{'a' * 64}"
CLAIM = {"type": "persistentVolumeClaim"}


def pod(found: Rendered, component: str) -> Manifest:
    (template,) = [
        each for _, each in found.pods() if each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]  # fmt: skip
    return template


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "kube-thrift:0.1.0"),
        ({"tag": "1.2.3"}, "kube-thrift:1.2.3"),
        ({"registry": "example.org:5000", "repository": "a/b"}, "example.org:5000/a/b:0.1.0"),
        ({"registry": "example.org/", "tag": "1", "digest": DIGEST}, f"example.org/kube-thrift@{DIGEST}"),
    ],
)
def test_the_image(image: dict[str, str], expected: str) -> None:
    found = render({"image": image})
    images = {component: pod(found, component)["spec"]["containers"][0]["image"] for component in CONTROLLERS}
    assert images == dict.fromkeys(CONTROLLERS, expected)


@pytest.mark.parametrize(
    ("release", "values", "expected"),
    [
        ("kube-thrift", {}, "kube-thrift-report"),
        ("prod", {}, "prod-kube-thrift-report"),
        ("my-kube-thrift", {}, "my-kube-thrift-report"),
        ("prod", {"nameOverride": "thrift"}, "prod-thrift-report"),
        ("prod", {"fullnameOverride": "saver"}, "saver-report"),
        ("prod", {"report": {"serviceAccount": {"name": "reader"}}}, "reader"),
        ("prod", {"report": {"serviceAccount": {"name": "1e3"}}}, "1e3"),
    ],
)
def test_the_name_by_which_pod_identity_is_associated(release: str, values: dict[str, Any], expected: str) -> None:
    found = render(values, release)
    assert pod(found, "report")["spec"]["serviceAccountName"] == expected
    assert found.one("ServiceAccount", expected)


def test_a_release_whose_objects_could_not_be_created_is_refused() -> None:
    with pytest.raises(
        HelmRenderError, match='release name "42": the name of a Service begins with a letter; set fullnameOverride'
    ):
        render({}, "42")
    assert render({"fullnameOverride": "thrift"}, "42").one("Service", "thrift-report")["metadata"]["labels"][INSTANCE] == "42"


@pytest.mark.parametrize("component", CONTROLLERS)
def test_a_role_is_for_one_controller_alone(component: str) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/one"}
    accounts = render({component: {"serviceAccount": {"annotations": role}}}).of_kind("ServiceAccount")
    assert {each["metadata"]["name"]: each["metadata"].get("annotations") for each in accounts} == {
        f"thrift-kube-thrift-{each}": role if each == component else None for each in CONTROLLERS
    }


@pytest.mark.parametrize(
    ("component", "values", "strategy"),
    [
        ("downscaler", {}, "Recreate"),
        ("janitor", {}, "Recreate"),
        ("report", {}, "RollingUpdate"),
        ("report", {"report": {"storage": CLAIM}}, "Recreate"),
    ],
)
def test_no_two_pods_act_at_once(component: str, values: dict[str, Any], strategy: str) -> None:
    """Nor write to one claim; two reports in emptyDirs of their own do no harm, and the old one serves until the new one can."""
    spec = render(values).one("Deployment", f"thrift-kube-thrift-{component}")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": strategy})


@pytest.mark.parametrize("component", CONTROLLERS)
def test_runs_do_not_overlap_and_end(component: str) -> None:
    spec = rendered("cronjobs, report to S3").one("CronJob", f"thrift-kube-thrift-{component}")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    assert spec["startingDeadlineSeconds"] >= 10, "the CronJob controller looks every ten seconds"
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("component", "before", "after", "restarts"),
    [
        ("downscaler", {"calendars": {"a": "2026-12-24"}}, {"calendars": {"a": "2026-12-25"}}, True),
        ("janitor", {"rules": [{"id": "a", "resources": ["pods"]}]}, {"rules": [{"id": "b", "resources": ["pods"]}]}, True),
        ("report", {"files": {"links.yaml": "a"}}, {"files": {"links.yaml": "b"}}, True),
        ("report", {"nginx": {"contentSecurityPolicy": "a"}}, {"nginx": {"contentSecurityPolicy": "b"}}, True),
        ("report", {"service": {"port": 80}}, {"service": {"port": 81}}, False),
    ],
)
def test_a_pod_is_replaced_when_its_files_change(component: str, before: Any, after: Any, restarts: bool) -> None:
    first, second = (pod(render({component: values}), component) for values in (before, after))
    assert (first != second) is restarts
    if restarts:
        assert first["metadata"]["annotations"]["checksum/config"] != second["metadata"]["annotations"]["checksum/config"]


def test_labels_of_the_user_are_added_and_replace_none() -> None:
    values = {"commonLabels": {"app.kubernetes.io/version": "mine", "team": "a"}, "janitor": {"podLabels": {"team": "b"}}}
    found = render(values)
    janitor = found.one("Deployment", "thrift-kube-thrift-janitor")
    assert janitor["metadata"]["labels"]["app.kubernetes.io/version"] == "0.1.0"
    assert janitor["metadata"]["labels"]["team"] == "a"
    assert janitor["spec"]["template"]["metadata"]["labels"]["team"] == "b"


@pytest.mark.parametrize("component", ["janitor", "report"])
def test_the_downscaler_leaves_the_others_alone(component: str) -> None:
    for case in ("defaults", "cronjobs, report to S3"):
        found = rendered(case)
        (workload,) = [
            each for each in found.of_kind("Deployment", "CronJob") if each["metadata"]["name"].endswith(f"-{component}")
        ]  # fmt: skip
        assert workload["metadata"]["annotations"]["downscaler/exclude"] == "true"


def test_a_claim_outlives_the_release() -> None:
    claim = rendered("report from a CronJob").one("PersistentVolumeClaim", "thrift-kube-thrift-report")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize(
    ("claim", "nginx", "beside"),
    [
        ({}, {}, True),
        ({"accessModes": ["ReadWriteMany"]}, {}, False),
        ({}, {"enabled": False}, False),
    ],
)
def test_a_run_is_put_where_its_claim_is(claim: dict[str, Any], nginx: dict[str, Any], beside: bool) -> None:
    storage = {**CLAIM, "persistentVolumeClaim": claim}
    spec = pod(render({"report": {"mode": "cronjob", "storage": storage, "nginx": nginx}}), "report")["spec"]
    assert ("affinity" in spec) is beside


def test_an_affinity_of_the_user_is_left_as_it_is() -> None:
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    values = {"report": {"mode": "cronjob", "storage": CLAIM, "affinity": affinity}}
    assert pod(render(values), "report")["spec"]["affinity"] == affinity


def test_what_the_report_keeps_is_not_served() -> None:
    mounts = {each["name"]: each["volumeMounts"] for each in pod(render({}), "report")["spec"]["containers"]}
    (served,) = [mount for mount in mounts["nginx"] if mount["name"] == "report"]
    assert (served["subPath"], served["readOnly"]) == ("pages", True)
    assert {mount["subPath"] for mount in mounts["report"] if mount["name"] == "report"} == {"pages", "data"}


def policies(found: Rendered) -> dict[str, Manifest]:
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"] for each in found.of_kind("NetworkPolicy")}


def test_nginx_alone_reaches_nothing() -> None:
    found = policies(rendered("report from a CronJob"))
    assert (found["report-web"]["egress"], found["report"]["ingress"]) == ([], [])
    assert found.keys() == {"downscaler", "janitor", "report", "report-web"}


def test_only_who_calls_aws_reaches_the_agent_for_its_credentials() -> None:
    for component, spec in policies(render({"networkPolicy": {"enabled": True}})).items():
        reached = [peer["ipBlock"]["cidr"] for rule in spec["egress"] for peer in rule.get("to", ())]
        assert ("169.254.170.23/32" in reached) is (component in {"janitor", "report"})


def test_peers_and_addresses_are_those_of_the_values() -> None:
    spec = policies(rendered("locked down and placed"))["report"]
    scraped, opened = spec["ingress"]
    assert (scraped["ports"][0]["port"], opened["ports"][0]["port"]) == ("metrics", "http")
    assert scraped["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    assert opened["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ingress"}
    server = next(rule for rule in spec["egress"] if rule["ports"] == [{"port": 443, "protocol": "TCP"}])
    assert [peer["ipBlock"]["cidr"] for peer in server["to"]] == ["10.0.0.0/8", "fd00::/8"]
    assert spec["egress"][-1]["to"] == [{"ipBlock": {"cidr": "192.0.2.1/32"}}]


def test_nginx_runs_without_its_entry_point() -> None:
    """The image's entry point edits files at start; on a read-only file system it must not run."""
    (nginx,) = [each for each in pod(render({}), "report")["spec"]["containers"] if each["name"] == "nginx"]
    assert nginx["command"][0] == "nginx"
    assert "args" not in nginx
