"""The plain manifests in docs/: they are the chart's, any supported Kubernetes takes them, and kubectl applies them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from docs.manifests import FILES, NAME, ONE_NAMESPACE, TARGET, render
from shared.simcluster import SimCluster

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
NAMES = [file.name for file in FILES] + [f"for-real/{file.name}" for file in FILES if file.acts]
ACTING = [file.name for file in FILES if file.acts]
Run = Callable[..., str]


def objects(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((TARGET / name).read_text()))


def arguments(documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The command line of each controller among *documents*."""
    pods = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "Deployment"]
    return {pod["containers"][0]["name"]: pod["containers"][0]["args"] for pod in pods}


def verbs(documents: list[dict[str, Any]]) -> set[str]:
    roles = [document for document in documents if document["kind"] in ("Role", "ClusterRole")]
    return {verb for role in roles for rule in role["rules"] for verb in rule["verbs"]}


@cache
def rendered() -> dict[Path, str]:
    return render()


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Run]:
    """Runs kubectl against a cluster that has the namespaces which the files expect."""
    with SimCluster() as sim:
        sim.namespace(ONE_NAMESPACE)
        config = sim.write_kubeconfig(tmp_path / "config", None)

        def run(*words: str) -> str:
            command = [str(KUBECTL), f"--kubeconfig={config}", f"--cache-dir={tmp_path / 'cache'}", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield run


def test_they_are_what_the_chart_renders_and_nothing_else_lies_there() -> None:
    assert {path for path in TARGET.rglob("*") if path.is_file()} == set(rendered())
    assert [path.name for path, text in rendered().items() if path.read_text() != text] == [], "run: make manifests"


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_knows_every_field(name: str, version: str) -> None:
    for document in objects(name):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_helm_is_left(name: str) -> None:
    for document in objects(name):
        metadata = document["metadata"]
        assert not [key for key in {**metadata.get("labels", {}), **metadata.get("annotations", {})} if "helm" in key.lower()]
        assert "app.kubernetes.io/managed-by" not in metadata.get("labels", {})


@pytest.mark.parametrize("name", ACTING)
def test_dry_run_has_no_right_to_act_and_for_real_has_both(name: str) -> None:
    for folder, dry in (("", True), ("for-real/", False)):
        documents = objects(f"{folder}{name}")
        acting = [words for controller, words in arguments(documents).items() if controller != "report"]
        assert acting
        assert {"--dry-run" in words for words in acting} == {dry}
        assert verbs(documents).isdisjoint({"patch", "delete", "create", "update"}) is dry


@pytest.mark.parametrize("name", ["one-namespace.yaml", "for-real/one-namespace.yaml"])
def test_the_file_for_one_namespace_touches_no_other(name: str) -> None:
    for document in objects(name):
        assert document["metadata"]["namespace"] == ONE_NAMESPACE
        for subject in document.get("subjects", ()):
            assert subject["namespace"] == ONE_NAMESPACE


@needs_kubectl
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_one_apply_creates_everything_the_next_changes_nothing_and_for_real_replaces_it(kubectl: Run, file: Any) -> None:
    if not file.complete:
        kubectl("apply", "-f", str(TARGET / "namespace.yaml"))
    path = str(TARGET / file.name)
    lines = kubectl("apply", "-f", path).splitlines()
    assert len(lines) == len(objects(file.name))
    assert [line for line in lines if not line.endswith(" created")] == []
    versions = ("get", "-f", path, "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{'\\n'}{end}")
    before = kubectl(*versions)

    kubectl("apply", "-f", path)

    assert f"{objects(file.name)[-1]['kind']}/" in before
    assert kubectl(*versions) == before
    if file.acts:
        lines = kubectl("apply", "-f", str(TARGET / "for-real" / file.name)).splitlines()
        added = {line.partition(".")[0] for line in lines if line.endswith(" created")}
        assert added <= {"role", "rolebinding"}
        changed = [line.partition("/")[0] for line in lines if line.endswith(" configured")]
        assert "deployment.apps" in changed
        assert {"clusterrole.rbac.authorization.k8s.io", "role.rbac.authorization.k8s.io"} & set(changed)


@needs_kubectl
def test_kustomize_applies_everything(kubectl: Run) -> None:
    lines = kubectl("apply", "-k", str(TARGET)).splitlines()
    assert sorted(line.rpartition(" ")[2] for line in lines) == ["created"] * len(objects("all-in-one.yaml"))


@needs_kubectl
def test_a_kustomization_of_your_own_says_what_acts_and_where_the_image_is(tmp_path: Path) -> None:
    shutil.copytree(TARGET, tmp_path / "manifests")
    files = ("namespace", "for-real/downscaler", "janitor", "report")
    own = {
        "resources": [f"manifests/{name}.yaml" for name in files],
        "images": [{"name": NAME, "newName": "registry.example.org/kube-thrift", "newTag": "1"}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own))

    done = subprocess.run([str(KUBECTL), "kustomize", str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)

    documents = list(yaml.safe_load_all(done.stdout))
    assert {name for name, words in arguments(documents).items() if "--dry-run" in words} == {"janitor"}
    assert done.stdout.count("image: registry.example.org/kube-thrift:1\n") == 3
