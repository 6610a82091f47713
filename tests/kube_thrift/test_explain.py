"""`kube-thrift explain` as users run it: output, exit codes, one line per mistake."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from kube_thrift.main import main
from shared.simcluster import SimCluster

POD = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> object:
    with SimCluster() as sim:
        sim.namespace("shop")
        meta = {
            "name": "web",
            "namespace": "shop",
            "annotations": {"downscaler/uptime": "Mon-Sun 08:00-09:00 UTC, Mon-Sun 09:00-10:00 UTC"},
        }
        spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": POD}
        sim.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
        yield f"--kubeconfig={sim.write_kubeconfig(tmp_path / 'config')}"


def explain(*argv: str) -> int:
    return main(["explain", "downscaler", *argv])


def test_as_text_and_as_json(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("deploy", "shop", "web", kubeconfig) == 0
    text = capsys.readouterr().out
    assert text.startswith("deployments shop/web: replicas 2, at ")
    assert text.count("Z  down") + text.count("Z  up") == 3

    assert explain("Deployment", "shop", "web", "-o", "json", kubeconfig, "--default-downtime=always") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["decidedBy"] == "downscaler/downtime (configuration)"
    # Due already, and put off by the grace period alone.
    assert [each["direction"] for each in data["next"]] == ["down"]


def test_a_kind_that_the_flags_leave_out_is_pointed_out(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("deploy", "shop", "web", kubeconfig, "--include-resources=cronjobs") == 0
    assert "deployments is not in --include-resources" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("pod", "shop", "web"), 2, "'pod' is not understood; accepted: one of deployments"),
        (("deploy", "Shop", "web"), 2, "'Shop' is not understood"),
        (("deploy", "shop", "../x"), 2, "'../x' is not understood"),
        (("deploy", "shop", "nobody"), 1, "deployments shop/nobody: not found"),
    ],
)
def test_mistakes_are_one_line(
    kubeconfig: str, argv: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(*argv, kubeconfig) == code
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_server_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert explain("deploy", "shop", "web", f"--server=http://127.0.0.1:{port}", "--api-server-timeout=1") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_missing_words_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        explain("deploy")
    assert stopped.value.code == 2
    assert "NAMESPACE" in capsys.readouterr().err


def test_the_janitor_explains_itself_too(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "janitor", "deployment", "shop", "web", kubeconfig, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "web"

    assert main(["explain", "janitor", "namespace", "-", "shop", kubeconfig]) == 0
    assert "namespaces shop" in capsys.readouterr().out

    assert main(["explain", "janitor", "deployment", "shop", "nobody", kubeconfig]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
