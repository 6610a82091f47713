from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from janitor.main import main
from shared.simcluster import Fault, SimCluster


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster() as cluster:
        cluster.namespace("shop")
        yield cluster


@pytest.fixture
def kubeconfig(sim: SimCluster, tmp_path: Path) -> str:
    return str(sim.write_kubeconfig(tmp_path / "kubeconfig"))


def config_map(name: str, **annotations: str) -> dict[str, Any]:
    own = {f"janitor/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "annotations": own}}


def test_once_deletes_and_exits_with_0(sim: SimCluster, kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    sim.create(config_map("old", expires="2020-01-01"))

    assert main(["--once", "--kubeconfig", kubeconfig]) == 0

    error = capsys.readouterr().err
    assert "configmaps shop/old: deleted" in error
    assert "Clean up run completed: resources-processed=" in error
    assert "old" not in {one["metadata"]["name"] for one in sim.list("configmaps", "shop")}


def test_once_exits_with_1_when_anything_failed(sim: SimCluster, kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    sim.create(config_map("old", expires="2020-01-01"))
    sim.faults.add(Fault(verb="delete", status=403))

    assert main(["--once", "--kubeconfig", kubeconfig, "--quiet"]) == 1
    assert "Clean up" not in capsys.readouterr().err


def test_dry_run_changes_nothing(sim: SimCluster, kubeconfig: str) -> None:
    sim.create(config_map("old", expires="2020-01-01"))

    assert main(["--once", "--dry-run", "--kubeconfig", kubeconfig]) == 0
    assert sim.get("configmaps", "shop", "old")


def test_a_cluster_that_answers_nothing_is_a_failure(sim: SimCluster, kubeconfig: str) -> None:
    sim.faults.add(Fault(status=401))

    assert main(["--once", "--kubeconfig", kubeconfig]) == 1


def test_a_webhook_that_is_down_is_one_line_and_the_object_is_deleted(
    sim: SimCluster, kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.create(config_map("old", expires="2020-01-01"))

    code = main(["--once", "--kubeconfig", kubeconfig, "--webhook-url=http://127.0.0.1:9/hook"])

    error = capsys.readouterr().err
    assert code == 1
    assert error.count("webhook: no answer") == 1
    assert "old" not in {one["metadata"]["name"] for one in sim.list("configmaps", "shop")}


def test_a_log_format_of_ones_own(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--once", "--kubeconfig", kubeconfig, "--log-format", "janitor says %(message)s"]) == 0
    assert capsys.readouterr().err.startswith("janitor says ")


def test_json_logs(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--once", "--kubeconfig", kubeconfig, "--json-logs"]) == 0
    assert capsys.readouterr().err.startswith("{")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--log-format", "%(nothing"], "--log-format"),
        (["--audit-log", "/nowhere/audit"], "--audit-log /nowhere/audit"),
        (["--resource-context-hook", "nothing.here"], "--resource-context-hook"),
        (["--backup", "s3://"], "names no bucket"),
        (["--kubeconfig", "/nowhere/kubeconfig"], "/nowhere/kubeconfig"),
        (["--burst", "5"], "--qps"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    kubeconfig: str, argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = argv if "--kubeconfig" in argv else ["--kubeconfig", kubeconfig, *argv]

    with pytest.raises(SystemExit) as caught:
        main(["--once", *given])

    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert says in error
    assert error.count("\n") == 1


def test_the_audit_log_is_a_file_or_standard_output(
    sim: SimCluster, kubeconfig: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.create(config_map("one", expires="2020-01-01"))
    main(["--once", "--kubeconfig", kubeconfig, f"--audit-log={tmp_path}/audit"])
    sim.create(config_map("two", expires="2020-01-01"))
    main(["--once", "--kubeconfig", kubeconfig, "--audit-log=-"])

    assert '"name":"one"' in (tmp_path / "audit").read_text()
    assert '"name":"two"' in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["plan", "--kubeconfig", "K"], ["--kubeconfig", "K", "plan"], ["--kubeconfig=K", "--quiet", "plan"]]
)
def test_a_subcommand_stands_before_or_behind_flags(kubeconfig: str, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([argument.replace("K", kubeconfig) for argument in argv]) == 0
    assert capsys.readouterr().out == "Nothing is due.\n"


def test_a_value_of_a_flag_is_no_subcommand(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--once", "--context-name", "plan", "--kubeconfig", kubeconfig]) == 0
    with pytest.raises(SystemExit):
        main(["--once", "nothing", "--kubeconfig", kubeconfig])
    assert "nothing" in capsys.readouterr().err


def test_the_loop_ends_on_a_signal_and_names_missing_rights(sim: SimCluster, tmp_path: Path) -> None:
    sim.add_user("limited", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}])
    limited = sim.write_kubeconfig(tmp_path / "limited", "limited")
    command = [
        sys.executable,
        "-m",
        "janitor.main",
        "--kubeconfig",
        str(limited),
        "--include-resources=configmaps",
        "--interval=0.2",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "missing rights" in line:
            process.terminate()
    code = process.wait(timeout=20)
    process.stderr.close()

    assert code == 0
    assert any("delete configmaps" in line for line in lines)


def test_the_process_stays_small() -> None:
    code = "import sys, janitor.main; print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
    code += "; assert not {'boto3', 'cryptography', 'jinja2'} & set(sys.modules)"
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")

    used = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert used < 60_000
