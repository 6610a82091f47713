"""One idle turn of the janitor (`--once`, every type, nothing due) over 60 types, as the cluster grows.

Run: python -m benchmarks.janitor [OBJECTS ...]

Prints the wall time of the whole process, its peak memory, its requests, and how many a turn may need at most: one list per
type, one
more per further page, discovery (2) and the Namespaces (1).
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import row, run_measured, sizes
from shared.simcluster import SimCluster

TYPES = 60
NAMESPACES = 50
PAGE = 1000
GROUP = "bench.example.org"

# Built-in types with the smallest spec that the server takes; the rest of the 60 are custom types.
BUILT_IN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("v1", "ConfigMap", {"data": {"settings": "x" * 500}}),
    ("v1", "Secret", {"data": {"key": "eA=="}}),
    ("v1", "ServiceAccount", {}),
    ("v1", "Endpoints", {}),
    ("v1", "Service", {"spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}),
    ("v1", "Pod", {"spec": {"containers": [{"name": "main", "image": "registry.example.org/web:1"}]}}),
    ("rbac.authorization.k8s.io/v1", "Role", {"rules": []}),
)


def manifests(objects: int) -> Iterator[dict[str, Any]]:
    """*objects* objects, spread evenly over the 60 types and 50 namespaces, with metadata of the usual size."""
    kinds = list(BUILT_IN)
    kinds += [(f"{GROUP}/v1", f"Bench{number}", {"spec": {"size": number}}) for number in range(TYPES - len(kinds))]
    for number in range(objects):
        version, kind, body = kinds[number % TYPES]
        yield {
            "apiVersion": version,
            "kind": kind,
            "metadata": {
                "name": f"{kind.lower()}-{number:06d}",
                "namespace": f"team-{number % NAMESPACES:02d}",
                "labels": {"app": f"app-{number % 700}", "team": f"team-{number % NAMESPACES:02d}", "tier": "backend"},
                "annotations": {"example.org/commit": f"{number:040x}", "example.org/contact": "team@example.org"},
            },
            **body,
        }


def custom_type(number: int) -> dict[str, Any]:
    plural = f"bench{number}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural[:-1], "kind": f"Bench{number}", "listKind": f"Bench{number}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def fill(sim: SimCluster, objects: int) -> None:
    for number in range(NAMESPACES):
        sim.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number:02d}"}})
    for number in range(TYPES - len(BUILT_IN)):
        sim.create(custom_type(number))
    for manifest in manifests(objects):
        sim.create(manifest)


def main() -> None:
    """Prints one row per size of the cluster."""
    for objects in sizes([1_000, 10_000, 100_000]):
        started = time.perf_counter()
        with SimCluster() as sim, tempfile.TemporaryDirectory() as folder:
            fill(sim, objects)
            print(f"embedded cluster with {objects:,} objects of {TYPES} types: {time.perf_counter() - started:.1f} s")
            kubeconfig = sim.write_kubeconfig(Path(folder) / "kubeconfig")
            measured = run_measured(sim, "janitor.main", ["--once", f"--page-size={PAGE}"], kubeconfig)
            listed = {request.path.partition("?")[0] for request in sim.requests if request.verb == "list"}
            pages = sum(max(0, math.ceil(objects / TYPES / PAGE) - 1) for _ in range(TYPES))
            print(row(f"idle turn, {objects:,}", measured))
            total = sum(measured.requests.values())
            print(f"{'':<28} {total} requests for {len(listed)} types: at most {len(listed) + pages + 3}")
            print(f"{'':<28} {measured.output.strip().splitlines()[-1]}")


if __name__ == "__main__":
    main()
