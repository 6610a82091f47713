"""The cluster that the end-to-end suite runs against: the embedded one, or the one that --kubeconfig names.

On a real cluster everything happens in namespaces that the suite makes and removes itself; every command is told to stay in them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.clock import SystemClock
from shared.cluster import Cluster, Connection
from shared.errors import NotFound
from shared.kinds import NAMESPACES, Resource
from shared.simcluster import SimCluster
from tests.e2e.installed import Installed


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kubeconfig", default=None, help="run tests/e2e on this cluster instead of the embedded one")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            # One cluster, one process: the fixtures below live as long as the session.
            item.add_marker(pytest.mark.xdist_group("e2e"))


@dataclass
class ClusterAccess:
    """A way into the cluster under test. `sim` is None on a real one, where time and faults are not ours to change."""

    kubeconfig: Path
    client: Cluster
    folder: Path
    sim: SimCluster | None = None
    made: list[str] = field(default_factory=list)
    # The chart, where the controllers run under its roles; without it they are the administrator.
    installed: Installed | None = None

    def namespace(self, **annotations: str) -> str:
        """The name of a new namespace, which is removed at the end of the session."""
        name = f"kube-thrift-e2e-{secrets.token_hex(4)}"
        meta = {"name": name, "labels": {"kube-thrift": "e2e"}, "annotations": annotations}
        self.client.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        self.made.append(name)
        if self.installed is not None:
            self.installed.upgrade(name)
        return name

    def create(self, resource: Resource, namespace: str, name: str, spec: dict[str, Any], **annotations: str) -> None:
        meta = {"name": name, "namespace": namespace, "annotations": annotations}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta, "spec": spec}
        self.client.create(resource, namespace, body)

    def read(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        return self.client.get_json(resource.path(namespace, name), dict[str, Any])

    def patch(self, resource: Resource, namespace: str, name: str, body: dict[str, Any]) -> None:
        self.client.patch(resource, namespace, name, body)

    def run(self, module: str, *argv: str, kubeconfig: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """The command of *module* as a process of its own, with nothing of our environment but the path."""
        if self.installed is not None and kubeconfig is None:
            kubeconfig = self.installed.kubeconfig(module, argv)
            argv = argv if kubeconfig is None else (*self.installed.flags(module), *argv)
        command = [sys.executable, "-m", module, "--kubeconfig", str(kubeconfig or self.kubeconfig), *argv]
        bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(self.folder)}
        return subprocess.run(command, env=bare | environ, capture_output=True, text=True, timeout=120, check=False)

    def altered(self, name: str, change: Any) -> Path:
        """A copy of the kubeconfig with *change*, a function of its content, applied."""
        content = yaml.safe_load(self.kubeconfig.read_text())
        change(content)
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content))
        return path

    def clean(self) -> None:
        for name in self.made:
            with contextlib.suppress(NotFound):
                self.client.delete(NAMESPACES, None, name)


@pytest.fixture(scope="session", params=["administrator", "chart"])
def cluster_access(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterAccess]:
    """The cluster under test, on the real clock; the commands run as its administrator, or with the rights of the chart."""
    folder = tmp_path_factory.mktemp("e2e")
    given = request.config.getoption("--kubeconfig", default=None)
    if given and request.param == "chart":
        pytest.skip("on a real cluster the chart is installed with Helm, and the kubeconfig decides")
    if given:
        with Cluster.connect(Connection(kubeconfig=given), clock=SystemClock()) as client:
            access = ClusterAccess(Path(given), client, folder)
            yield access
            access.clean()
        return
    with SimCluster() as sim:
        kubeconfig = sim.write_kubeconfig(folder / "kubeconfig")
        with Cluster.connect(Connection(kubeconfig=str(kubeconfig)), clock=SystemClock()) as client:
            installed = Installed(sim, folder) if request.param == "chart" else None
            yield ClusterAccess(kubeconfig, client, folder, sim, installed=installed)


@pytest.fixture(autouse=True)
def _nothing_is_refused(request: pytest.FixtureRequest) -> Iterator[None]:
    """Under the chart's roles no test makes a controller ask for more than they give."""
    access: ClusterAccess = request.getfixturevalue("cluster_access")
    if access.sim is not None:
        access.sim.clear_requests()
    yield
    if access.installed is not None:
        assert access.installed.refused() == []
