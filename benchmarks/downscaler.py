"""One idle turn of the downscaler (`--once`, every built-in kind, nothing to change) as the fleet grows.

Run: python -m benchmarks.downscaler [DEPLOYMENTS ...]      Each deployment has 5 pods.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.measure import row, run_measured, sizes
from shared.simcluster import SimCluster

KINDS = "deployments,statefulsets,daemonsets,cronjobs,jobs,horizontalpodautoscalers,poddisruptionbudgets"


def main() -> None:
    """Prints one row per fleet size."""
    for deployments in sizes([1_000, 10_000]):
        started = time.perf_counter()
        with SimCluster(fleet=deployments) as sim, tempfile.TemporaryDirectory() as folder:
            loaded = time.perf_counter() - started
            print(f"embedded cluster with {deployments:,} deployments, {deployments * 5:,} pods: {loaded:.1f} s")
            kubeconfig = sim.write_kubeconfig(Path(folder) / "kubeconfig")
            arguments = ["--once", f"--include-resources={KINDS}"]
            print(row(f"idle turn, {deployments:,}", run_measured(sim, "downscaler.main", arguments, kubeconfig)))


if __name__ == "__main__":
    main()
