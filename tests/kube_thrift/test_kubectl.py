"""`kubectl thrift` by the real kubectl against the embedded cluster, and every mistake as one line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import pytest

from kube_thrift.kubectl import COMMANDS, help_text, main
from tests.kube_thrift.kit import ROOT, SCRIPTS, Shop, needs


@dataclass(frozen=True)
class Said:
    """What a command came to in this process."""

    code: int
    out: str
    err: str


@pytest.fixture
def thrift(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Said]:
    """The plugin without kubectl before it, under the same environment."""
    monkeypatch.setenv("KUBECONFIG", str(shop.kubeconfig))

    def called(line: str) -> Said:
        code = main(line.split())
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return called


@needs("kubectl")
def test_kubectl_finds_the_plugin(shop: Shop) -> None:
    assert "kubectl-thrift" in shop.says("kubectl plugin list")
    assert shop.says("kubectl thrift version").startswith("kubectl-thrift ")
    assert "kubectl thrift COMMAND --help" in shop.says("kubectl thrift")
    assert "kubectl thrift up-for LENGTH TYPE/NAME" in shop.says("kubectl thrift up-for --help")


@needs("kubectl")
def test_up_for_in_the_contexts_namespace(shop: Shop) -> None:
    said = shop.says("kubectl thrift up-for 3h deployment/web")

    assert said.startswith("deployments shop/web: up until 20")
    assert shop.sim.get("deployments", "shop", "web")["metadata"]["annotations"]["downscaler/up-for"] == "3h"
    assert "annotations" not in shop.sim.get("deployments", "shop", "api")["metadata"]


@needs("kubectl")
def test_up_for_by_type_and_names_in_another_namespace(shop: Shop, thrift: Callable[[str], Said]) -> None:
    said = shop.says("kubectl thrift up-for 1h30m deploy preview -n shop-pr-7")
    assert said.startswith("deployments shop-pr-7/preview: up until ")

    assert thrift("up-for 1d ns/shop-pr-7 ns/shop").out.count("up until") == 2
    assert shop.sim.get("namespaces", None, "shop-pr-7")["metadata"]["annotations"]["downscaler/up-for"] == "1d"

    assert thrift("up-for 2h deploy/web deploy/api --dry-run").out.count("(dry run)") == 2
    assert "annotations" not in shop.sim.get("deployments", "shop", "web")["metadata"]


def test_one_of_several_that_is_missing_stops_no_other(thrift: Callable[[str], Said]) -> None:
    said = thrift("up-for 1h deploy nobody web")

    assert said.code == 1
    assert said.err == 'error: deployments shop/nobody: not found: deployments.apps "nobody" not found\n'
    assert "deployments shop/web: up until" in said.out


def test_several_explanations_and_one_that_fails(thrift: Callable[[str], Said]) -> None:
    said = thrift("explain deploy/web deploy/api --kubeconfig=/no/such/file")
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1

    assert thrift("explain deploy/web deploy/api").out.count("# janitor") == 2
    said = thrift("explain configmap/nobody")
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    said = thrift("explain deploy/nobody")
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)


def test_a_kind_that_the_controllers_flags_leave_out_is_pointed_out_only_with_flags(thrift: Callable[[str], Said]) -> None:
    assert thrift("explain downscaler deploy/web").err == ""
    assert "is not in --include-resources" in thrift("explain downscaler deploy/web --include-resources=cronjobs").err


@needs("kubectl")
def test_both_controllers_explain_an_object(shop: Shop, thrift: Callable[[str], Said]) -> None:
    said = shop.says("kubectl thrift explain deploy/web")
    assert "# downscaler\ndeployments shop/web: replicas 2" in said
    assert "# janitor\ndeployments.apps shop/web is kept: undated" in said

    both = json.loads(thrift("explain deployment web -o json").out)
    assert (both["downscaler"]["size"], both["janitor"]["action"]) == (2, "keep")

    said = thrift("explain namespace/shop-pr-7").out
    assert "# downscaler\ndoes not scale namespace" in said
    assert "TTL of 3d" in said
    assert json.loads(thrift("explain ns/shop-pr-7 -o=json").out)["downscaler"] is None


def test_one_controller_with_its_own_flags(thrift: Callable[[str], Said]) -> None:
    said = thrift("explain downscaler deploy/web -o json --default-downtime always").out
    assert json.loads(said)["decidedBy"] == "downscaler/downtime (configuration)"
    assert "kept" in thrift("explain janitor deploy/web --exclude-namespaces kube-system").out


@needs("kubectl")
def test_the_plan_is_the_janitors_and_of_one_namespace_unless_asked(shop: Shop, thrift: Callable[[str], Said]) -> None:
    assert shop.says("kubectl thrift plan --horizon 7d") == "Nothing is due.\n"

    here = thrift("plan --horizon 7d -n shop-pr-7 -o json").out
    assert [(row["resource"], row["name"]) for row in map(json.loads, here.splitlines())] == [("namespaces", "shop-pr-7")]
    assert "shop-pr-7" in thrift("plan -A --horizon=7d").out

    shop.sim.patch("namespaces", None, "shop-pr-7", {"metadata": {"annotations": {"janitor/expires": "2020-01-01"}}})
    done = shop.run("kubectl", "thrift", "plan", "-A")
    assert (done.returncode, done.stderr) == (2, "")
    assert "delete" in done.stdout


@needs("kubectl")
def test_extend_moves_the_end(shop: Shop, thrift: Callable[[str], Said]) -> None:
    said = shop.says("kubectl thrift extend 2d namespace/shop-pr-7")

    assert said.startswith("namespaces shop-pr-7: kept at least until 20")
    assert "janitor/extend-until" in shop.sim.get("namespaces", None, "shop-pr-7")["metadata"]["annotations"]
    assert thrift("extend 1w deploy web api").out.count("kept at least until") == 2
    said = thrift("extend 1w deploy/nobody")
    assert (said.code, len(said.err.splitlines())) == (1, 1)


@needs("kubectl")
def test_restore_all_in_one_namespace_or_in_all(shop: Shop, thrift: Callable[[str], Said]) -> None:
    asleep = {"metadata": {"annotations": {"downscaler/original-replicas": "2"}}, "spec": {"replicas": 0}}
    shop.sim.patch("deployments", "shop", "web", asleep)
    shop.sim.patch("deployments", "shop-pr-7", "preview", asleep)

    def sizes() -> tuple[int, int]:
        places = (("shop", "web"), ("shop-pr-7", "preview"))
        found = [shop.sim.get("deployments", *place)["spec"]["replicas"] for place in places]
        return found[0], found[1]

    dry = shop.run("kubectl", "thrift", "restore-all", "--dry-run")
    assert "1 brought up" in dry.stderr
    assert "in namespace shop; -A restores everywhere" in dry.stderr
    assert sizes() == (0, 0)
    shop.says("kubectl thrift restore-all")
    assert sizes() == (2, 0)
    assert thrift("restore-all -A").code == 0
    assert sizes() == (2, 2)


def test_the_context_is_kubectls(shop: Shop, thrift: Callable[[str], Said], monkeypatch: pytest.MonkeyPatch) -> None:
    said = thrift("up-for 1h deploy/web --context elsewhere")
    assert said.code == 2
    assert "there is no context 'elsewhere' (there are: simcluster)" in said.err

    monkeypatch.delenv("KUBECONFIG")
    assert thrift(f"up-for 1h deploy/web --context=simcluster --kubeconfig {shop.kubeconfig}").code == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["dance"], "'dance' is no command; accepted: explain, plan"),
        (["help", "dance"], "'dance' is no command"),
        (["--context=x", "plan"], "--context=x: flags come after the command"),
        (["plan", "-A", "-n", "shop"], "-A: beside -n: give one of them"),
        (["plan", "now"], "'now': no argument is expected here"),
        (["restore-all", "deploy/web"], "'deploy/web': no argument is expected here"),
        (["up-for"], "how long, and which object? kubectl thrift up-for LENGTH TYPE/NAME"),
        (["up-for", "3h"], "how long, and which object?"),
        (["up-for", "3", "deploy/web"], "'3' is not understood; accepted: a number with a unit"),
        (["up-for", "90d", "deploy/web"], "'90d' is not understood; accepted: a duration such as 3h, more than 0 and at most"),
        (["up-for", "deploy/web", "3h"], "'3h': the name is missing"),
        (["up-for", "3h", "pod/web"], "'pod' cannot be scaled; accepted: namespace, deployments"),
        (["up-for", "3h", "deploy/web", "-A"], "-A: one object has one namespace: give -n"),
        (["extend", "2d"], "how long, and which object?"),
        (["explain"], "which object? accepted: TYPE/NAME"),
        (["explain", "deploy/web", "--grace-period=3"], "--grace-period=3: flags of a controller need its name"),
        (["completion"], "completion of which shell? accepted: bash, zsh, fish"),
        (["completion", "ksh"], "completion of which shell?"),
        (["version", "now"], "'now': no argument is expected here"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("argv", [["up-for", "1h", "deploy/web", "--shout"], ["version", "-o", "yaml"]])
def test_a_flag_that_nobody_knows_is_one_line_too(shop: Shop, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*argv, f"--kubeconfig={shop.kubeconfig}"])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_its_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"kubectl thrift {name}" in text
    assert all(f"  {flag} " in text for flag in COMMANDS[name].offers)
    assert max(map(len, text.splitlines())) <= 130
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == text == help_text(name)


def test_the_flags_offered_are_flags_of_the_command() -> None:
    for name, command in COMMANDS.items():
        known = {flag for each in command.flags().declared for flag in each.names}
        # --check is a switch of `kube-janitor plan` alone.
        assert set(command.offers) - known <= {"--check"}, name
    assert {"--rules-file", "--horizon", "-o"} <= COMMANDS["plan"].flags().valued
    assert {"--status-url", "--grace-period", "--rules-file", "-o"} <= COMMANDS["explain"].flags().valued
    assert "--dry-run" not in COMMANDS["plan"].flags().valued


def test_the_package_installs_both_scripts() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, module in SCRIPTS.items():
        assert scripts[name] == f"{module}:main"
        assert callable(import_module(module).main)
