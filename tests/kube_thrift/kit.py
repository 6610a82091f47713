"""What the tests of the umbrella command share: a shop on the embedded cluster, and the environment of a user's shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.simcluster import SimCluster

ROOT = Path(__file__).parents[2]
SCRIPTS = {"kubectl-thrift": "kube_thrift.kubectl", "kubectl_complete-thrift": "kube_thrift.completion"}


def deployment(namespace: str, name: str, replicas: int = 2, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """One core and two GiB a replica."""
    container = {"name": "main", "image": "example.org/web:1", "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    meta = {"name": name, "namespace": namespace, "labels": {"app": name}, "annotations": annotations or {}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


@dataclass(frozen=True)
class Shop:
    """The cluster, a kubeconfig whose context is in the namespace `shop`, and the environment of a user's shell."""

    sim: SimCluster
    kubeconfig: Path
    environment: dict[str, str]

    def run(self, *command: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.kubeconfig.parent,
            **more,
        )

    def says(self, line: str, *more: str) -> str:
        """The output of a command that succeeds; *more* are arguments with blanks in them."""
        done = self.run(*line.split(), *more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def needs(tool: str) -> pytest.MarkDecorator:
    """Skips where *tool* is not installed."""
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Two Deployments in `shop`, one in a preview with a TTL; files go to *folder*."""
    with SimCluster() as sim:
        sim.namespace("shop")
        sim.namespace("shop-pr-7", annotations={"janitor/ttl": "3d"})
        for name in ("web", "api"):
            sim.create(deployment("shop", name))
        sim.create(deployment("shop-pr-7", "preview"))
        kubeconfig = sim.write_kubeconfig(folder / "config")
        text = kubeconfig.read_text()
        kubeconfig.write_text(text.replace("namespace: default", "namespace: shop"))
        tools = folder / "bin"
        tools.mkdir()
        for name, module in SCRIPTS.items():
            script = tools / name
            script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m {module} "$@"\n')
            script.chmod(0o755)
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        yield Shop(sim, kubeconfig, {"PATH": path, "KUBECONFIG": str(kubeconfig), "HOME": str(folder)})
