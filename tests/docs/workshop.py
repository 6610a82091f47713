"""The place in which the documentation's commands run: a scratch folder, our commands and kubectl, and a cluster to act on.

The cluster is the embedded one with the demo's fleet, on the real clock, and beside that the few objects that pages name in their
examples: `web`, `api`, `frontend`, `legacy` and `database` in the namespaces `default`, `shop` and `staging`, and previews.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.simcluster import SimCluster
from tests.docs.blocks import ROOT

SECONDS = 60
EXAMPLES = ("default", "shop", "staging")
PREVIEWS = ("shop-pr-101", "shop-pr-102")
_TICK = 0.1


def scripts() -> dict[str, str]:
    """Our commands and the function behind each, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(project["scripts"])


def _workload(kind: str, namespace: str, name: str) -> dict[str, Any]:
    labels = {"app": name, "team": "shop"}
    requests = {"requests": {"cpu": "250m", "memory": "256Mi"}}
    container = {"name": "main", "image": f"registry.example.org/{name}:1", "resources": requests}
    spec: dict[str, Any] = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": spec}


def _furnish(sim: SimCluster) -> None:
    known = {each["metadata"]["name"] for each in sim.list("namespaces")}
    for namespace in (*EXAMPLES, *PREVIEWS, "kube-thrift"):
        if namespace not in known:
            sim.namespace(namespace)
    for namespace in EXAMPLES:
        for name in ("web", "api", "frontend", "legacy"):
            sim.create(_workload("Deployment", namespace, name))
        sim.create(_workload("StatefulSet", namespace, "database"))
        settings = {"metadata": {"name": "settings", "namespace": namespace}, "data": {"colour": "blue"}}
        sim.create({"apiVersion": "v1", "kind": "ConfigMap", **settings})
    for preview in PREVIEWS:
        sim.create(_workload("Deployment", preview, "web"))


class Workshop:
    """Runs blocks as bash scripts, one after the other, in one folder with one cluster."""

    def __init__(self, folder: Path, sim: SimCluster) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        kubeconfig = sim.write_kubeconfig(folder / "kubeconfig")
        bin_folder = folder / ".venv" / "bin"
        bin_folder.mkdir(parents=True)
        for name, target in scripts().items():
            module, _, function = target.partition(":")
            script = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            script += f"from {module} import {function}\nsys.exit({function}())\n"
            (bin_folder / name).write_text(script, encoding="utf-8")
            (bin_folder / name).chmod(0o755)
        for name in ("charts", "docs"):
            if (ROOT / name).exists():
                (folder / name).symlink_to(ROOT / name)
        self._environ = {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "LANG": "C.UTF-8",
        }

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    def run(self, text: str) -> tuple[int, str]:
        """(exit code, everything printed). What a block leaves in the background lives until `close`."""
        log = self.folder / ".output"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._started.append(process)
            try:
                code = process.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                code = -signal.SIGALRM
        return code, log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=10)


@contextmanager
def workshop(folder: Path) -> Iterator[Workshop]:
    stop = threading.Event()
    with SimCluster(fleet="demo", live=True) as sim:
        _furnish(sim)
        sim.advance(timedelta(0))

        def live() -> None:
            while not stop.wait(_TICK):
                sim.advance(timedelta(0))

        living = threading.Thread(target=live, daemon=True)
        living.start()
        place = Workshop(folder, sim)
        try:
            yield place
        finally:
            place.close()
            stop.set()
            living.join()


def has_kubectl() -> bool:
    return shutil.which("kubectl") is not None and shutil.which("bash") is not None
