"""The umbrella command line: exit codes, one line per mistake, and a foreground cluster that stops when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kube_thrift.main import main


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["demo", "--days", "0"], "'0' is not a number of days from 1 to 60"),
        (["demo", "--days", "many"], "'many' is not a number of days from 1 to 60"),
        (["simcluster", "--fleet", "-3"], "--fleet"),
        (["simcluster", "--speed", "fast"], "--speed"),
        (["simulate", "--days", "many"], "--days"),
        (["plan", "--days", "0"], "--days"),
        (["simcluster", "--start", "yesterday"], "--start"),
    ],
)
def test_wrong_use_is_exit_code_2_with_the_mistake_named(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_version_does_not_pay_for_the_controllers() -> None:
    """Starting the umbrella command loads neither pandas nor boto3 nor the embedded cluster's web server."""
    code = (
        "import sys\n"
        "from kube_thrift.main import build_parser\n"
        "build_parser()\n"
        "print([name for name in ('pandas', 'boto3', 'jinja2', 'uvicorn') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_simcluster_runs_in_the_foreground_and_stops_on_sigterm(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    process = subprocess.Popen(
        [sys.executable, "-m", "kube_thrift.main", "simcluster", "--port", "0", "--kubeconfig-out", str(kubeconfig)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert "https://127.0.0.1:" in first
        assert kubeconfig.stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)

    assert process.returncode == 0, first + rest
