"""The Dockerfile and what goes into it: nothing unlocked, nobody who is root, nothing of the checkout but the product."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CHART = ROOT / "charts" / "kube-thrift"


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments, as one line."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def last_stage() -> list[tuple[str, str]]:
    everything = instructions()
    start = max(index for index, (word, _) in enumerate(everything) if word == "FROM")
    return everything[start:]


def pins(name: str) -> dict[str, tuple[str, int]]:
    """Each distribution of a lock file with its version and the number of hashes."""
    found = {}
    for entry in re.sub(r"\\\n\s*", "", (ROOT / name).read_text()).splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)==(\S+)", entry):
            found[str(canonicalize_name(match[1]))] = (match[2], entry.count("--hash=sha256:"))
    return found


LOCK = pins("requirements.lock")
BUILD_LOCK = pins("requirements-build.lock")


def test_the_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_one_base_image_that_can_be_given_by_digest() -> None:
    everything = instructions()
    assert everything[0] == ("ARG", "PYTHON_IMAGE=python:3.11-slim-bookworm")
    assert [rest for word, rest in everything if word == "FROM"] == [
        "${PYTHON_IMAGE} AS build",
        "scratch AS sbom",
        "${PYTHON_IMAGE} AS image",
    ]


def test_the_image_runs_as_the_user_of_the_chart() -> None:
    context = yaml.safe_load((CHART / "values.yaml").read_text())["podSecurityContext"]
    users = [rest for word, rest in last_stage() if word == "USER"]
    assert users == [f"{context['runAsUser']}:{context['runAsGroup']}"]
    assert context["runAsUser"] > 0


def test_the_shipped_stage_runs_nothing_and_takes_only_what_was_built() -> None:
    assert [word for word, _ in last_stage() if word in ("RUN", "ADD")] == []
    assert [rest for word, rest in last_stage() if word == "COPY"] == ["--from=build /image/ /"]


def test_nothing_is_installed_that_is_not_locked() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and re.search(r"\bpip\b.*\b(install|wheel)\b", rest)]
    assert len(installs) == 4
    for command in installs:
        assert "--no-deps" in command
        assert "--no-index" in command or ("--require-hashes" in command and "--only-binary=:all:" in command)


def test_no_registry_is_named() -> None:
    for name in ("Dockerfile", ".dockerignore", "requirements.lock", "requirements-build.lock", "requirements-build.in"):
        assert not re.search(r"https?:|index-url|find-links\s*=|\bghcr\b|\bquay\b|docker\.io", (ROOT / name).read_text()), name


def test_every_command_is_started_once_while_building() -> None:
    started = [
        match[1]
        for word, rest in instructions()
        if word == "RUN" and (match := re.fullmatch(r"/opt/kube-thrift/bin/(\S+) --help", rest))
    ]
    assert {name for name in PROJECT["project"]["scripts"] if not name.startswith("kubectl_complete-")} <= set(started)
    assert len(started) == len(set(started))


def test_the_commands_are_found_by_name() -> None:
    (path,) = [rest for word, rest in last_stage() if word == "ENV"]
    assert path.startswith("PATH=/opt/kube-thrift/bin:${PATH} ")
    assert [word for word, _ in last_stage() if word == "ENTRYPOINT"] == []


def test_labels_and_versions_are_those_of_the_project() -> None:
    project = PROJECT["project"]
    (labels,) = [dict(re.findall(r'([a-z.]+)="([^"]*)"', rest)) for word, rest in last_stage() if word == "LABEL"]
    assert labels == {
        "org.opencontainers.image.title": project["name"],
        "org.opencontainers.image.description": project["description"],
        "org.opencontainers.image.licenses": project["license"],
        "org.opencontainers.image.version": "${VERSION}",
        "org.opencontainers.image.revision": "${REVISION}",
    }
    assert ("ARG", f"VERSION={project['version']}") in last_stage()
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == project["version"]


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=["requirements.lock", "requirements-build.lock"])
def test_every_pin_has_hashes(lock: dict[str, tuple[str, int]]) -> None:
    assert lock
    assert [name for name, (_, hashes) in lock.items() if not hashes] == []


def _needed(requirements: list[str]) -> set[str]:
    """What *requirements* need, and what that needs, by what is installed here."""
    needed: set[str] = set()
    todo = [Requirement(text) for text in requirements]
    while todo:
        requirement = todo.pop()
        name = str(canonicalize_name(requirement.name))
        fresh = name not in needed
        needed.add(name)
        extras = requirement.extras or {""}
        if fresh or requirement.extras:
            further = [Requirement(text) for text in distribution(name).requires or ()]
            todo += [
                each for each in further if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    return needed


def test_the_lock_is_the_runtime_dependencies_and_all_that_they_need() -> None:
    assert set(LOCK) == _needed(PROJECT["project"]["dependencies"])


@pytest.mark.parametrize(
    ("requirement", "lock"),
    [
        *((Requirement(text), LOCK) for text in PROJECT["project"]["dependencies"]),
        *((Requirement(text), BUILD_LOCK) for text in PROJECT["build-system"]["requires"]),
        *(
            (Requirement(line), BUILD_LOCK)
            for line in (ROOT / "requirements-build.in").read_text().splitlines()
            if line and not line.startswith("#")
        ),
    ],
    ids=str,
)
def test_a_pin_is_a_version_that_is_asked_for(requirement: Requirement, lock: dict[str, tuple[str, int]]) -> None:
    version, _ = lock[str(canonicalize_name(requirement.name))]
    assert requirement.specifier.contains(version, prereleases=True)


def test_the_image_has_the_versions_that_are_tested() -> None:
    tested = pins("constraints.txt")
    assert {name: version for name, (version, _) in LOCK.items()} == {name: tested[name][0] for name in LOCK}


def test_the_embedded_cluster_needs_what_the_image_has_not() -> None:
    extras = {str(canonicalize_name(Requirement(text).name)) for text in PROJECT["project"]["optional-dependencies"]["sim"]}
    assert extras.isdisjoint(LOCK)


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps *path* out of the build: the last pattern that matches it or a folder above it decides."""
    parts = path.split("/")
    places = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        names = [place.rpartition("/")[2] for place in places] if anywhere != pattern else places
        if any(fnmatch.fnmatchcase(name, anywhere) and ("/" not in name or "*" not in anywhere) for name in names):
            out = not line.startswith("!")
    return out


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".venv-node/x",
        ".env",
        "tests/conftest.py",
        "docs/index.md",
        "charts/kube-thrift/values.yaml",
        "benchmarks/report.py",
        "constraints.txt",
        "demo-out/index.html",
        "shared/__pycache__/clock.cpython-311.pyc",
        "shared/simcluster/__pycache__/api.cpython-311.pyc",
        "janitor/left.pyc",
        "kubeconfig.yaml",
    ],
)
def test_what_is_not_the_product_is_kept_out(path: str) -> None:
    assert ignored(path)


def test_what_the_wheel_is_made_of_is_let_in() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = [
        path for package in packages for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    named = ["pyproject.toml", "README.md", *PROJECT["project"]["license-files"], "requirements.lock", "requirements-build.lock"]
    assert len(files) > 200
    assert [path for path in [*(str(file.relative_to(ROOT)) for file in files), *named] if ignored(path)] == []
