"""A mass transition: 1,000 deployments go down at once, with the pool of parallel writers and one by one.

The embedded cluster answers each request after 10 ms, about what a real API server needs to commit a write (existing tools were
measured at 96 one-by-one writes a second on a real one).

Run: python -m benchmarks.writes [DEPLOYMENTS ...]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import row, run_measured, sizes
from shared.simcluster import Fault, SimCluster

COMMIT_SECONDS = 0.010


def main() -> None:
    """Prints one row per number of writers."""
    for deployments in sizes([1_000]):
        seconds = {}
        for workers in (1, 4, 16):
            with SimCluster(fleet=deployments) as sim, tempfile.TemporaryDirectory() as folder:
                kubeconfig = sim.write_kubeconfig(Path(folder) / "kubeconfig")
                sim.faults.add(Fault(verb="patch", latency=COMMIT_SECONDS))
                arguments = ["--once", "--default-downtime=always", "--grace-period=0", f"--workers={workers}"]
                measured = run_measured(sim, "downscaler.main", arguments, kubeconfig)
                seconds[workers] = measured.wall
                print(row(f"{deployments:,} down, {workers} writer(s)", measured))
        print(f"16 writers need {seconds[16] / seconds[1]:.0%} of the time of one")


if __name__ == "__main__":
    main()
