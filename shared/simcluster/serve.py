"""`kube-thrift simcluster`: the embedded cluster in the foreground, until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from shared.errors import UsageError, ValueProblem
from shared.simcluster.cluster import SimCluster
from shared.times import parse_timestamp

# A Monday morning, so that a fleet with office hours is awake.
DEFAULT_START = datetime(2026, 3, 23, 8, tzinfo=UTC)
# Real seconds between two steps of the living half: short enough that `kubectl get -w` looks alive.
_TICK = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `kube-thrift simcluster`."""
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="port on 127.0.0.1 to listen on (default: a free one)")
    parser.add_argument(
        "--kubeconfig-out",
        type=Path,
        metavar="FILE",
        help="write a kubeconfig for the administrator here (default: in a temporary folder that is removed at the end)",
    )
    parser.add_argument(
        "--fleet",
        type=_fleet,
        default="demo",
        metavar="empty|demo|N",
        help="what runs in the cluster: nothing, the demo's teams, or N deployments with their pods and nodes (default: demo)",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="X",
        help="simulated seconds per real second, e.g. 3600: an hour per second (default: 1)",
    )
    pace.add_argument("--real-time", action="store_true", help="follow the real time and date instead of a simulated one")
    parser.add_argument(
        "--start",
        type=_start,
        metavar="TIME",
        help="simulated time at the start, e.g. 2026-03-23T08:00 (default: that Monday, 8:00 UTC)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="seed of everything that is random (default: 1); same seed, same run"
    )


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a port number from 0 to 65535")
    return int(text)


def _fleet(text: str) -> str | int:
    if text in ("empty", "demo"):
        return text
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: empty, demo or a number of deployments")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a number above 0 and up to 1000000")
    return speed


def _start(text: str) -> datetime:
    try:
        return parse_timestamp(text)
    except ValueProblem as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, then return 0. UsageError where the options cannot be carried out."""
    if args.real_time and args.start is not None:
        raise UsageError("--start: cannot be used together with --real-time")
    start = None if args.real_time else args.start or DEFAULT_START
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="kube-thrift-simcluster-") as folder:
        # A fleet given by number is made for scale and stands still.
        live = not isinstance(args.fleet, int)
        sim = SimCluster(start=start, fleet=args.fleet, live=live, seed=args.seed, port=args.port)
        sim.clock.speed = 1.0 if args.real_time else args.speed
        try:
            restore = _on_signals(stop)
            try:
                sim.start()
                path = _write_kubeconfig(sim, args.kubeconfig_out or Path(folder) / "kubeconfig")
                print(
                    f"Embedded cluster at {sim.url}; try: kubectl --kubeconfig {path} get pods -A (Ctrl-C stops it)", flush=True
                )
                _live(sim, stop)
            finally:
                restore()
        finally:
            sim.stop()
    return 0


def _write_kubeconfig(sim: SimCluster, path: Path) -> Path:
    try:
        return sim.write_kubeconfig(path)
    except OSError as problem:
        raise UsageError(f"--kubeconfig-out {path}: cannot be written: {problem.strerror or problem}") from None


def _on_signals(stop: threading.Event) -> Callable[[], None]:
    """Have SIGTERM and SIGINT set *stop*; returns what puts the old handlers back."""

    def handler(number: int, frame: FrameType | None) -> None:
        stop.set()

    old: dict[signal.Signals, Any] = {each: signal.signal(each, handler) for each in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, before in old.items():
            signal.signal(number, before)

    return restore


def _live(sim: SimCluster, stop: threading.Event) -> None:
    """Live through the time as it passes."""
    while not stop.wait(_TICK):
        sim.advance(timedelta(0))
