"""One run of the resource report as the cluster grows: 1,000, 10,000 and 50,000 pods, with their nodes, usage and routes.

Run: python -m benchmarks.report [PODS ...]

Prints the wall time of the whole process, its peak memory, its requests and lists, how long each phase took, and the size of the
output. The last line compares the largest run with the limits: 15 s, 350 MiB, 40 MB, 12 lists.
"""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured, row, run_measured, sizes
from shared.simcluster import SimCluster

PODS_PER_DEPLOYMENT = 5  # of the embedded cluster's static fleet

LIMITS = {"seconds": 15.0, "MiB": 350.0, "MB of output": 40.0, "lists": 12.0}


@dataclass(frozen=True)
class Output:
    """What lies in the folder: files, bytes in all, and the largest page."""

    files: int
    bytes: int
    largest_page: tuple[str, int]


def output_of(folder: Path) -> Output:
    found = [path for path in folder.rglob("*") if path.is_file()]
    pages = [(path.name, path.stat().st_size) for path in found if path.suffix == ".html"]
    largest = max(pages, key=lambda pair: pair[1], default=("", 0))
    return Output(len(found), sum(path.stat().st_size for path in found), largest)


def lists_of(measured: Measured) -> int:
    """How many lists the run says it made, pages not counted."""
    match = re.search(r"(\d+) lists", measured.output)
    return int(match[1]) if match else 0


def main() -> None:
    """Prints one block per size of the cluster."""
    figures: dict[str, float] = {}
    for pods in sizes([1_000, 10_000, 50_000]):
        started = time.perf_counter()
        with SimCluster(fleet=pods // PODS_PER_DEPLOYMENT) as sim, tempfile.TemporaryDirectory() as folder:
            print(f"embedded cluster with {pods:,} pods: {time.perf_counter() - started:.1f} s")
            kubeconfig = sim.write_kubeconfig(Path(folder) / "kubeconfig")
            out = Path(folder) / "out"
            out.mkdir()
            arguments = [str(out), "--kubeconfig-path", str(kubeconfig), "--aws-prices=off"]
            measured = run_measured(sim, "resource_report.main", arguments, kubeconfig)
            written, lists = output_of(out), lists_of(measured)
            print(row(f"report, {pods:,} pods", measured))
            print(f"{'':<28} {lists} lists; {measured.output.strip().splitlines()[-1]}")
            name, size = written.largest_page
            print(f"{'':<28} {written.files:,} files, {written.bytes / 1e6:.1f} MB; largest page {name}: {size / 1e3:.0f} kB")
            again = run_measured(sim, "resource_report.main", arguments, kubeconfig)
            print(row("the same again", again))
            figures = {
                "seconds": measured.wall,
                "MiB": measured.peak_mib,
                "MB of output": written.bytes / 1e6,
                "lists": float(lists),
            }
    print("; ".join(f"{name}: {value:.1f} of {LIMITS[name]:g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
