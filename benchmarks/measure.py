"""Measuring one run of a command: wall time, peak memory of that process alone, and what it asked of the API server.

The embedded cluster lives in the benchmark's own process, so its memory never counts; it does share the machine's cores, as it
would on a laptop.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.simcluster import SimCluster

# The child reports its own high-water mark: what wait4 calls ru_maxrss starts from the size of the process that forked it, which
# here holds the whole embedded cluster.
_PEAK = "peak-kib:"
_REPORTING = f"""
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    sys.stderr.flush()
    status = open("/proc/self/status").read()
    print("{_PEAK}" + status.split("VmHWM:")[1].split()[0], end="", flush=True)
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of wall and CPU time, peak resident memory in MiB, requests by verb, and what the command printed."""

    wall: float
    cpu: float
    peak_mib: float
    requests: Counter[str]
    exit_code: int
    output: str


def run_measured(sim: SimCluster, module: str, arguments: Sequence[str], kubeconfig: Path) -> Measured:
    """Runs `python -m module arguments` against *sim* and returns what it cost."""
    sim.clear_requests()
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _REPORTING, module, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output, _, peak = process.stdout.read().rpartition(_PEAK)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return Measured(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mib=int(peak or 0) / 1024,
        requests=Counter(request.verb for request in sim.requests),
        exit_code=process.returncode,
        output=output,
    )


def row(label: str, measured: Measured) -> str:
    """One line of a benchmark's table."""
    requests = " ".join(f"{verb}={count}" for verb, count in sorted(measured.requests.items()))
    return f"{label:<28} {measured.wall:7.2f} s wall {measured.cpu:7.2f} s cpu {measured.peak_mib:8.1f} MiB peak   {requests}" + (
        "" if measured.exit_code == 0 else f"   EXIT {measured.exit_code}: {measured.output[-300:]}"
    )


def sizes(default: Sequence[int]) -> list[int]:
    """The fleet sizes given on the command line, else *default*."""
    return [int(argument) for argument in sys.argv[1:]] or list(default)
