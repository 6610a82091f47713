"""Every manifest of every combination: valid for the oldest and the newest Kubernetes, consistent in itself, and locked down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import pytest

from tests.charts.rendering import CASES, CHART, NAMESPACE, Manifest, Rendered, chart, digest, rendered

OLDEST, NEWEST = "1.30", "1.37"
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")}
# Objects that the values name and somebody else makes.
FOREIGN = {"kube-root-ca.crt", "theirs", "default"}

every_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module", autouse=True)
def _read_schemas_once() -> Iterator[None]:
    """kubernetes-validate reads its 2 MB of definitions anew for each manifest."""
    patch = pytest.MonkeyPatch()
    patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
    yield
    patch.undo()


@cache
def distinct() -> list[tuple[str, Manifest]]:
    """Each different manifest once, with the first combination that it is in."""
    found = {digest(each): (case, each) for case in reversed(CASES) for each in rendered(case).manifests}
    return list(found.values())


def test_the_chart_names_the_oldest_version_that_is_tested() -> None:
    assert chart().metadata["kubeVersion"] == f">={OLDEST}.0-0"
    assert kubernetes_validate.latest_version().startswith(NEWEST)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_valid(version: str) -> None:
    problems = []
    for case, manifest in distinct():
        kind = manifest["kind"].lower()
        try:
            if kind in SCHEMAS:
                jsonschema.validate(manifest, SCHEMAS[kind])
            else:
                kubernetes_validate.validate(manifest, version, strict=True)
        except (
            jsonschema.ValidationError,
            kubernetes_validate.ValidationError,
            kubernetes_validate.SchemaNotFoundError,
        ) as error:
            problems.append(f"{case}: {manifest['kind']} {manifest['metadata']['name']}: {str(error).splitlines()[0]}")
    assert problems == []
    assert len(distinct()) > 100


@every_case
def test_helm_lints_it(case: str) -> None:
    report = helm_python.lint(str(CHART), values=CASES[case], strict=True, namespace=NAMESPACE, kube_version=f"v{OLDEST}.0")
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


@every_case
def test_it_renders_the_same_twice(case: str) -> None:
    first, second = (chart().render(values=CASES[case], name="thrift", namespace=NAMESPACE) for _ in range(2))
    assert first == second


@every_case
@pytest.mark.parametrize("release", ["thrift", "kube-thrift", f"r{'x' * 51}z"])
def test_names_are_short_and_unique(case: str, release: str) -> None:
    """A release name may have 53 characters; a CronJob's name may have 52, as its Jobs append to it."""
    seen = set()
    for manifest in rendered(case, release).manifests:
        kind, meta = manifest["kind"], manifest["metadata"]
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", meta["name"]), meta["name"]
        assert len(meta["name"]) <= (52 if kind == "CronJob" else 63)
        assert (kind, meta.get("namespace"), meta["name"]) not in seen
        seen.add((kind, meta.get("namespace"), meta["name"]))
        for value in meta["labels"].values():
            assert re.fullmatch(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]", value), value


@every_case
def test_every_object_says_whose_it_is(case: str) -> None:
    for manifest in rendered(case).manifests:
        labels = manifest["metadata"]["labels"]
        expected = {f"app.kubernetes.io/{key}" for key in ("name", "instance", "component", "version", "managed-by")}
        assert labels.keys() >= expected, manifest["metadata"]["name"]
        assert (labels["app.kubernetes.io/instance"], labels["app.kubernetes.io/managed-by"]) == ("thrift", "Helm")


def selectors(manifest: Manifest) -> Iterator[dict[str, str]]:
    """The label selectors for pods in *manifest*."""
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "Service":
            yield spec["selector"]
        case "Deployment" | "PodDisruptionBudget" | "PodMonitor":
            yield spec["selector"]["matchLabels"]
        case "NetworkPolicy":
            yield spec["podSelector"]["matchLabels"]
    for term in _affinity_terms(manifest):
        yield term["labelSelector"]["matchLabels"]


def _affinity_terms(manifest: Manifest) -> list[Any]:
    spec = manifest.get("spec", {}).get("jobTemplate", manifest).get("spec", {}).get("template", {}).get("spec", {})
    found = spec.get("affinity", {}).get("podAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", [])
    return list(found)


@every_case
def test_every_selector_finds_the_pods_of_one_component(case: str) -> None:
    found = rendered(case)
    pods = [template["metadata"]["labels"] for _, template in found.pods()]
    for manifest in found.manifests:
        for selector in selectors(manifest):
            matched = [labels for labels in pods if selector.items() <= labels.items()]
            assert len(matched) == 1, f"{manifest['kind']} {manifest['metadata']['name']}: {selector}"
    for monitor in found.of_kind("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        services = [each for each in found.of_kind("Service") if wanted.items() <= each["metadata"]["labels"].items()]
        assert len(services) == 1
        assert monitor["spec"]["namespaceSelector"]["matchNames"] == [services[0]["metadata"]["namespace"]]


@every_case
def test_every_port_that_is_named_is_there(case: str) -> None:
    found = rendered(case)
    for manifest in found.of_kind("Service", "NetworkPolicy", "PodMonitor"):
        (selector,) = selectors(manifest)
        (template,) = [each for _, each in found.pods() if selector.items() <= each["metadata"]["labels"].items()]
        open_ports = {port["name"] for each in template["spec"]["containers"] for port in each.get("ports", ())}
        spec = manifest["spec"]
        named = [port["targetPort"] for port in spec.get("ports", ())] + [
            each["port"] for each in spec.get("podMetricsEndpoints", ())
        ]
        named += [port["port"] for rule in spec.get("ingress", ()) for port in rule["ports"]]
        assert set(named) <= open_ports, f"{manifest['kind']} {manifest['metadata']['name']}"


@every_case
def test_every_reference_leads_somewhere(case: str) -> None:
    found = rendered(case)
    there = {(each["kind"], each["metadata"]["name"]) for each in found.manifests}
    for where, template in found.pods():
        for kind, name in references(template["spec"]):
            assert (kind, name) in there or name in FOREIGN, f"{where}: no {kind} {name}"
    for service in backends(found):
        assert ("Service", service) in there


def references(spec: Manifest) -> Iterator[tuple[str, str]]:
    if "serviceAccountName" in spec:
        yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec["volumes"]:
        sources = [volume, *volume.get("projected", {}).get("sources", ())]
        for source in sources:
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]


def backends(found: Rendered) -> Iterator[str]:
    for ingress in found.of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            yield from (path["backend"]["service"]["name"] for path in rule["http"]["paths"])
    for route in found.of_kind("HTTPRoute"):
        yield from (backend["name"] for rule in route["spec"]["rules"] for backend in rule["backendRefs"])


@every_case
def test_every_mount_has_its_volume_and_every_volume_its_mount(case: str) -> None:
    for where, template in rendered(case).pods():
        volumes = [volume["name"] for volume in template["spec"]["volumes"]]
        mounts = {mount["name"] for each in template["spec"]["containers"] for mount in each["volumeMounts"]}
        assert len(volumes) == len(set(volumes)), where
        assert set(volumes) == mounts, where
        for container in template["spec"]["containers"]:
            places = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(places) == len(set(places)), where


@every_case
def test_every_container_is_locked_down(case: str) -> None:
    """What the restricted Pod Security Standard asks for, and a root file system that nobody writes to."""
    for where, template in rendered(case).pods():
        pod = template["spec"]["securityContext"]
        assert pod["runAsNonRoot"] is True, where
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, where
        for container in template["spec"]["containers"]:
            context = pod | container["securityContext"]
            assert context["runAsUser"] > 0
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            image = container["image"]
            assert "@sha256:" in image or re.search(r":[^/:]+$", image), image
            assert not image.endswith(":latest")


@every_case
def test_the_token_is_only_where_the_api_server_is_called(case: str) -> None:
    found = rendered(case)
    assert all(account["automountServiceAccountToken"] is False for account in found.of_kind("ServiceAccount"))
    for where, template in found.pods():
        spec = template["spec"]
        for container in spec["containers"]:
            mounted = any(mount["mountPath"].startswith("/var/run/secrets/kubernetes.io") for mount in container["volumeMounts"])
            assert (spec["automountServiceAccountToken"] or mounted) is (container["name"] != "nginx"), where
