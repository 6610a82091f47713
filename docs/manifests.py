"""Renders the chart into plain manifests for those without Helm: `python docs/manifests.py [--check]`.

Each file is the chart with some values, without what only Helm reads. What acts is there twice: in dry run, and in `for-real`
with the rights that acting needs. A kustomization beside them puts the files together for `kubectl apply -k`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "kube-thrift"
TARGET = ROOT / "docs" / "manifests"
NAME = "kube-thrift"
ONE_NAMESPACE = "team-a"
Values = dict[str, Any]


@dataclass(frozen=True)
class File:
    """One file: the values it is rendered with, and what it says of itself. `acts`: it is in `for-real`, too."""

    name: str
    says: str
    values: Values
    acts: bool = True
    # Whether it brings its namespace along. The files of single controllers do not, so that they can be combined.
    complete: bool = False
    namespace: str = NAME
    kinds: tuple[str, ...] = ()


def _alone(component: str) -> Values:
    return {each: {"enabled": each == component} for each in ("downscaler", "janitor", "report")}


POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
FILES = (
    File("all-in-one.yaml", "Downscaler, janitor and report for the whole cluster.", {}, complete=True),
    File("downscaler.yaml", "The downscaler for the whole cluster.", _alone("downscaler")),
    File("janitor.yaml", "The janitor for the whole cluster.", _alone("janitor")),
    File("report.yaml", "The report of the whole cluster, which it only reads.", _alone("report"), acts=False),
    File(
        "one-namespace.yaml",
        f"Downscaler and janitor in namespace {ONE_NAMESPACE} and for it alone, without any right elsewhere.",
        {"namespaces": [ONE_NAMESPACE], "report": {"enabled": False}},
        namespace=ONE_NAMESPACE,
    ),
    File(
        "admission-policy.yaml",
        "Refuses malformed annotations as they are written, whatever of the rest is installed.",
        {"admissionPolicy": {"enabled": True}},
        acts=False,
        kinds=POLICIES,
    ),
)
_NAMESPACE = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAME}"
_FOR_REAL = {"downscaler": {"dryRun": False}, "janitor": {"dryRun": False}}
# Lines that only Helm reads.
_HELM = re.compile(r"(?m)^ +(?:helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n")
# What others refer to comes first, so that one `kubectl apply` is enough.
_ORDER = (
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "Deployment",
    "CronJob",
    *POLICIES,
)


def merged(first: Values, second: Values) -> Values:
    """*second* over *first*, two levels deep: what `enabled` of a component says stays."""
    return {**first, **{key: {**first.get(key, {}), **value} for key, value in second.items()}}


def objects(file: File, values: Values) -> Iterator[str]:
    """The objects of *file* as text, in an order in which they can be created."""
    with Chart.load(CHART) as chart:
        rendered = chart.render(values=values, name=NAME, namespace=file.namespace)
    texts = [text for name, text in rendered.items() if name.endswith(".yaml")]
    parts = [
        _HELM.sub("", part.strip() + "\n").rstrip() for text in texts for part in re.split(r"(?m)^---$", text) if part.strip()
    ]
    kinds = {part: yaml.safe_load(part)["kind"] for part in parts}
    chosen = [part for part in parts if not file.kinds or kinds[part] in file.kinds]
    yield from sorted(chosen, key=lambda part: _ORDER.index(kinds[part]))


def manifest(file: File, *, for_real: bool) -> str:
    """The text of one file."""
    says = file.says
    if file.acts:
        says += " It acts." if for_real else " What acts only says what it would do: dry run."
    parts = [
        *([_NAMESPACE] if file.complete else []),
        *objects(file, merged(file.values, _FOR_REAL) if for_real else file.values),
    ]
    head = f"# {says}\n# Rendered from charts/kube-thrift by docs/manifests.py; how to change it: docs/install-without-helm.md\n"
    return head + "".join(f"---\n{part}\n" for part in parts)


def render() -> dict[Path, str]:
    """Every file with its content."""
    files = {TARGET / file.name: manifest(file, for_real=False) for file in FILES}
    files |= {TARGET / "for-real" / file.name: manifest(file, for_real=True) for file in FILES if file.acts}
    files[TARGET / "namespace.yaml"] = f"# The namespace of the controllers.\n{_NAMESPACE}\n"
    files[TARGET / "kustomization.yaml"] = (
        "# Everything for the whole cluster, in dry run. With one of your own, for-real/downscaler.yaml takes the place of\n"
        "# downscaler.yaml, and so on: docs/install-without-helm.md\n"
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
        "  - namespace.yaml\n  - downscaler.yaml\n  - janitor.yaml\n  - report.yaml\n"
    )
    return files


def main() -> int:
    """Writes the files; with --check only says which are not current, and ends with 1 if there are any."""
    parser = argparse.ArgumentParser(description="render the chart into docs/manifests")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a file is not current")
    check = parser.parse_args().check
    stale = {path: text for path, text in render().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        print(f"{path.relative_to(ROOT)} {'is not current' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
