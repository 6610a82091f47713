"""The cluster in the foreground: options, the line it prints, and how it ends."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from shared.errors import UsageError
from shared.simcluster import serve
from shared.simcluster.client import Client

PROGRAM = """
import argparse, sys
from shared.simcluster import serve
parser = argparse.ArgumentParser()
serve.add_arguments(parser)
sys.exit(serve.run(parser.parse_args()))
"""


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    serve.add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "config"
    command = [sys.executable, "-W", "error", "-c", PROGRAM, "--fleet=empty", f"--kubeconfig-out={config}", "--speed=60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            written = yaml.safe_load(config.read_text())
            server, token = written["clusters"][0]["cluster"]["server"], written["users"][0]["user"]["token"]
            with Client(server, _authority(written), token) as client:
                status = client.call("GET", "/api/v1/namespaces").status
        finally:
            process.send_signal(number)
        output, errors = process.communicate(timeout=20)

    assert line == f"Embedded cluster at {server}; try: kubectl --kubeconfig {config} get pods -A (Ctrl-C stops it)\n"
    assert status == 200
    assert (process.returncode, output, errors) == (0, "", "")


def _authority(config: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    import base64

    return base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()


@pytest.mark.parametrize(
    ("arguments", "attribute", "value"),
    [
        ((), "fleet", "demo"),
        (("--fleet", "empty"), "fleet", "empty"),
        (("--fleet", "500"), "fleet", 500),
        (("--port", "6443"), "port", 6443),
        (("--speed", "3600"), "speed", 3600.0),
        (("--real-time",), "real_time", True),
        (("--seed", "7"), "seed", 7),
    ],
)
def test_options(arguments: tuple[str, ...], attribute: str, value: object) -> None:
    assert getattr(parse(*arguments), attribute) == value


@pytest.mark.parametrize(
    "arguments",
    [("--port", "70000"), ("--port", "x"), ("--fleet", "many"), ("--speed", "0"), ("--speed", "fast"), ("--start", "soon")],
)
def test_options_that_are_not_understood_say_what_is(arguments: tuple[str, ...]) -> None:
    with pytest.raises(argparse.ArgumentError, match="accepted:"):
        parse(*arguments)


def test_a_start_makes_no_sense_in_real_time() -> None:
    with pytest.raises(UsageError, match="--start"):
        serve.run(parse("--real-time", "--start", "2026-03-23"))


def test_a_kubeconfig_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        serve.run(parse("--fleet", "empty", "--kubeconfig-out", str(tmp_path / "none" / "config")))
