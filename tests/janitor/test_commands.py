from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from janitor.breaker import Trip
from janitor.commands import COMMANDS, run_command
from janitor.main import main
from janitor.state import State, load, save
from shared.cluster import Cluster
from shared.simcluster import Fault, SimCluster

START = datetime(2026, 3, 23, 10, tzinfo=UTC)
RULES = "rules:\n- {id: no-app, resources: [configmaps], jmespath: '!(metadata.labels.app)', ttl: 1h}\n"


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster


class Shell:
    """Subcommands on the embedded cluster, at its time."""

    def __init__(self, sim: SimCluster, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.sim = sim
        self.kubeconfig = sim.write_kubeconfig(folder / "kubeconfig")
        self.capsys = capsys

    def __call__(self, name: str, *argv: str) -> tuple[int, str, str]:
        code = run_command(name, [*argv, "--kubeconfig", str(self.kubeconfig)], self.sim.clock)
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def shell(sim: SimCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(sim, tmp_path, capsys)


def config_map(name: str, **annotations: str) -> dict[str, Any]:
    own = {f"janitor/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "annotations": own}}


def test_a_plan_shows_what_is_due_and_changes_nothing(sim: SimCluster, shell: Shell) -> None:
    sim.create(config_map("old", ttl="1h"))
    sim.create(config_map("next", ttl="1d"))
    sim.create(config_map("safe", ttl="1h", protected="true"))
    sim.advance(timedelta(hours=2))

    code, table, _ = shell("plan")
    _, longer, _ = shell("plan", "--horizon=2d", "-o", "json")

    assert code == 2
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["delete", "keep"]
    assert [json.loads(line)["name"] for line in longer.splitlines()] == ["old", "safe", "next"]
    assert {request.verb for request in sim.requests} <= {"get", "list"}


def test_a_plan_with_nothing_due(shell: Shell) -> None:
    assert shell("plan") == (0, "Nothing is due.\n", "")


def test_a_plan_compared_with_an_earlier_one(sim: SimCluster, shell: Shell, tmp_path: Path) -> None:
    sim.create(config_map("old", ttl="1h"))
    sim.advance(timedelta(hours=2))
    (tmp_path / "previous.json").write_text(shell("plan", "-o", "json")[1])
    sim.create(config_map("more", expires="2026-03-23"))
    sim.patch("configmaps", "shop", "old", {"metadata": {"annotations": {"janitor/ttl": "7d"}}})

    code, text, _ = shell("plan", "--diff", str(tmp_path / "previous.json"))

    assert code == 2
    assert [line.split(":")[0] for line in text.splitlines()] == ["+ configmaps shop/more", "- configmaps shop/old"]


def test_a_plan_that_asks_the_server(sim: SimCluster, shell: Shell) -> None:
    sim.create(config_map("old", ttl="1h"))
    sim.advance(timedelta(hours=2))
    sim.faults.add(Fault(verb="delete", status=403))

    row = json.loads(shell("plan", "--check", "-o", "json")[1])

    assert row["result"] == "failed"
    assert "forbidden" in row["outcome"]
    sim.faults.clear()
    assert json.loads(shell("plan", "--check", "-o", "json")[1])["result"] == "would-delete"
    assert sim.get("configmaps", "shop", "old")


def test_a_plan_of_what_can_only_be_read_in_part(sim: SimCluster, shell: Shell) -> None:
    sim.faults.add(Fault(verb="list", resource="secrets", status=403))

    code, _, error = shell("plan")

    assert code == 1
    assert error.startswith("kube-janitor: secrets: cannot be listed")


def test_extending(sim: SimCluster, shell: Shell) -> None:
    sim.create(config_map("web", ttl="1h"))
    sim.advance(timedelta(hours=2))

    code, text, _ = shell("extend", "cm", "shop", "web", "2d")

    assert (code, text) == (0, "configmaps shop/web: kept at least until 2026-03-25T12:00:00Z\n")
    assert shell("plan")[0] == 0
    assert "2026-03-27T12:00:00Z" in shell("extend", "ConfigMap", "shop", "web", "2d")[1]


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (
            ["cm", "shop", "web", "30d", "--max-lifetime=7d"],
            2,
            "--max-lifetime lets nobody extend it beyond 2026-03-30T10:00:00Z",
        ),
        (["widgets", "shop", "web", "2d"], 2, "the cluster serves no resource 'widgets'"),
        (["cm", "shop", "nothing", "2d"], 1, "not found"),
        (["cm", "../x", "web", "2d"], 1, "is not understood"),
    ],
)
def test_what_cannot_be_extended_is_one_line(sim: SimCluster, shell: Shell, argv: list[str], code: int, says: str) -> None:
    sim.create(config_map("web"))

    found, _, error = shell("extend", *argv)

    assert found == code
    assert says in error
    assert error.count("\n") == 1


def test_a_length_that_is_none_is_one_line(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        shell("extend", "cm", "shop", "web", "soon")

    assert caught.value.code == 2
    assert "'soon' is not understood" in capsys.readouterr().err


def test_deleting_listing_and_restoring(sim: SimCluster, shell: Shell, tmp_path: Path) -> None:
    sim.create(config_map("web", expires="2026-03-23"))
    backup = f"--backup={tmp_path}/b"
    assert main(["--once", backup, f"--kubeconfig={shell.kubeconfig}", "--quiet"]) == 0

    code, listed, _ = shell("backups", backup)
    identity = listed.split()[0]

    assert code == 0
    assert shell("restore", identity, backup)[:2] == (0, "configmaps shop/web: restored\n")
    assert shell("restore", "shop/web", backup)[0] == 1
    assert "there is no backup 'x'" in shell("restore", "x", backup)[2]
    assert shell("backups")[0] == 2


def test_rules_on_manifests_need_no_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "m.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop, creationTimestamp: 2020-01-01T00:00:00Z}\n"
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: shop, labels: {app: web}}\n"
    )

    code = run_command("test-rules", [str(tmp_path / "rules.yaml"), str(tmp_path / "m.yaml")])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[1].split() == ["configmaps", "shop/a", "no-app", "2020-01-01T01:00:00Z", "delete"]
    assert lines[2].split()[3:] == ["never", "keep", "(undated)"]


def test_rules_on_the_cluster(sim: SimCluster, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    sim.create(config_map("web"))

    code, text, _ = shell("test-rules", str(tmp_path / "rules.yaml"))

    assert code == 0
    assert "shop/web" in text


def test_rules_that_are_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES + "  colour: red\n")
    (tmp_path / "m.yaml").write_text("")

    assert run_command("test-rules", [str(tmp_path / "rules.yaml"), str(tmp_path / "m.yaml")]) == 1
    assert "rules.yaml:3" in capsys.readouterr().err
    assert run_command("test-rules", [str(tmp_path / "nothing.yaml"), str(tmp_path / "m.yaml")]) == 1
    assert run_command("test-rules", [str(tmp_path / "rules.yaml"), str(tmp_path / "nothing.yaml")]) == 2


def test_acknowledging(sim: SimCluster, shell: Shell) -> None:
    place = ("shop", "state")
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        state = State()
        load(cluster, place, state)
        state.memory.trips = {"no-app": Trip("no-app", 200, "100", START)}
        save(cluster, place, state, frozenset())

    assert shell("ack", "other", "--state=shop/state")[1] == "no breaker is open\n"
    assert shell("ack", "--state=shop/state")[:2] == (0, "acknowledged: no-app\n")
    assert shell("ack", "--state=none")[0] == 2
    assert shell("ack", "--state=shop/nothing")[0] == 1


def test_the_rights_that_are_needed(sim: SimCluster, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)

    code, text, _ = shell("rbac", "--include-resources=configmaps", f"--rules-file={tmp_path}/rules.yaml")

    assert code == 0
    assert "kind: ClusterRole" in text
    assert shell("rbac", "--check")[:2] == (0, "")
    sim.add_user("limited", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}])
    shell.kubeconfig = sim.write_kubeconfig(tmp_path / "limited", "limited")
    code, text, _ = shell("rbac", "--check", "--include-resources=configmaps")
    assert code == 1
    assert "missing: delete configmaps\n" in text


def test_explaining(sim: SimCluster, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES + "- 5\n")
    sim.create(config_map("web"))
    sim.advance(timedelta(hours=2))

    code, text, error = shell("explain", "cm", "shop", "web", f"--rules-file={tmp_path}/rules.yaml")
    fields = json.loads(shell("explain", "cm", "shop", "web", f"--rules-file={tmp_path}/rules.yaml", "-o", "json")[1])

    assert code == 0
    assert text.splitlines()[-1].startswith("configmaps shop/web is deleted in the next turn: TTL 1h of rule no-app")
    assert "rules.yaml:3" in error
    assert (fields["action"], fields["source"]) == ("delete", "no-app")


def test_explaining_something_cluster_scoped(shell: Shell) -> None:
    assert "namespaces default is kept" in shell("explain", "ns", "-", "default")[1]


def test_every_command_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as caught:
            run_command(name, ["--help"])
        assert caught.value.code == 0
        assert f"kube-janitor {name}" in capsys.readouterr().out
