"""`kube-thrift demo`: days of off-hours scaling on the embedded cluster with a table per team, a week of clean-up, the report."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from kube_thrift.cleanup import clean_up
from kube_thrift.costs import report_costs
from kube_thrift.demo_summary import as_json, as_text, cleanup_text
from kube_thrift.week import live_week
from shared.clock import SystemClock
from shared.errors import UsageError
from shared.simcluster import SimCluster

# A Monday; that Friday is Good Friday, and on Sunday Europe changes to summer time.
START = datetime(2027, 3, 22, tzinfo=UTC)
_WIDTH = 32


@dataclass(frozen=True)
class DemoSettings:
    """Where the summary goes, how many days are lived, and the seed of everything random."""

    out: str
    days: int = 7
    seed: int = 1


class ProgressBar:
    """One line that fills up on a terminal; a line per day elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._day = ""

    def __call__(self, share: float, now: datetime) -> None:
        """*share* of the way is done, and it is *now* in the cluster."""
        if self._stream.isatty():
            filled = round(share * _WIDTH)
            self._stream.write(f"\r  {now:%a %d %b %H:%M} UTC  [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}")
            if share >= 1:
                self._stream.write("\n")
        elif f"{now:%a %d %b}" != self._day:
            self._day = f"{now:%a %d %b}"
            self._stream.write(f"  {self._day}  {share:4.0%}\n")
        self._stream.flush()


def run(settings: DemoSettings) -> int:
    """Runs the demo and writes its figures to `settings.out`. Returns 0, or 1 if anything was left asleep, a turn failed, or an
    evening of the first week went by without the controller being killed in the middle of its writes.

    Raises UsageError if the folder cannot be written.
    """
    folder = _folder(settings.out)
    clock = SystemClock()
    begun = clock.monotonic()
    print("The embedded cluster starts: nine teams of a shop, on managed on-demand nodes and Karpenter spot nodes.")
    with SimCluster(start=START, fleet="demo", live=True, seed=settings.seed) as sim:
        print(f"{settings.days} days with the downscaler acting, every built-in kind, on a simulated clock:", flush=True)
        week = live_week(sim, settings.seed, settings.days, ProgressBar(sys.stderr))
        print(f"\n{_keep(folder / 'downscaler.txt', as_text(week))}", flush=True)
        _keep(folder / "downscaler.json", as_json(week))
        costs = report_costs(sim, folder / "report", settings.seed)
    with tempfile.TemporaryDirectory(prefix="kube-thrift-demo-") as scratch:
        cleanup = clean_up(START, Path(scratch), settings.days)
    print(_keep(folder / "janitor.txt", cleanup_text(cleanup)))
    print(f"The resource report over this cluster and one without spot nodes: {costs.result.summary}")
    print(f"Took {clock.monotonic() - begun:.0f} s. All of this is in {folder}/; open {costs.page.resolve().as_uri()}")
    # Whoever reads that a controller died each night has to be able to rely on it.
    survived = week.kills < min(settings.days, 7)
    failed = week.stuck or week.failures or survived or cleanup.lost or cleanup.left or not costs.result.ok
    return 1 if failed else 0


def _keep(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return text


def _folder(out: str) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror or error}") from None
    return folder
