"""`kubectl thrift` by the real kubectl against the embedded cluster, and every mistake as one line."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module

import pytest

from kube_thrift.kubectl import COMMANDS, help_text, main, valued_flags
from tests.kube_thrift.kit import ROOT, SCRIPTS, Shop, needs


@needs("kubectl")
def test_kubectl_finds_the_plugin(shop: Shop) -> None:
    assert "kubectl-thrift" in shop.says("kubectl plugin list")
    assert shop.says("kubectl thrift version").startswith("kubectl-thrift ")
    assert "up-for" in shop.says("kubectl thrift")
    assert "kubectl thrift up-for LENGTH TYPE/NAME" in shop.says("kubectl thrift up-for --help")


@needs("kubectl")
def test_up_for_in_the_contexts_namespace(shop: Shop) -> None:
    said = shop.says("kubectl thrift up-for 3h deployment/web")

    assert said.startswith("deployments shop/web: up until 20")
    assert shop.sim.get("deployments", "shop", "web")["metadata"]["annotations"]["downscaler/up-for"] == "3h"
    assert "annotations" not in shop.sim.get("deployments", "shop", "api")["metadata"]


@needs("kubectl")
def test_up_for_by_type_and_names_in_another_namespace(shop: Shop) -> None:
    said = shop.says("kubectl thrift up-for 1h30m deploy preview -n shop-pr-7")
    assert said.startswith("deployments shop-pr-7/preview: up until ")

    assert shop.says("kubectl thrift up-for 1d ns/shop-pr-7 ns/shop").count("up until") == 2
    assert shop.sim.get("namespaces", None, "shop-pr-7")["metadata"]["annotations"]["downscaler/up-for"] == "1d"

    shop.says("kubectl thrift up-for 2h deploy/web deploy/api --dry-run")
    assert "annotations" not in shop.sim.get("deployments", "shop", "web")["metadata"]


@needs("kubectl")
def test_one_of_several_that_is_missing_stops_no_other(shop: Shop) -> None:
    done = shop.run("kubectl", "thrift", "up-for", "1h", "deploy", "nobody", "web")

    assert done.returncode == 1
    assert done.stderr.splitlines() == ['error: deployments shop/nobody: not found: deployments.apps "nobody" not found']
    assert "deployments shop/web: up until" in done.stdout


@needs("kubectl")
def test_both_controllers_explain_an_object(shop: Shop) -> None:
    said = shop.says("kubectl thrift explain deploy/web")
    assert "# downscaler\ndeployments shop/web: replicas 2" in said
    assert "# janitor\ndeployments.apps shop/web is kept: undated" in said

    both = json.loads(shop.says("kubectl thrift explain deployment web -o json"))
    assert (both["downscaler"]["size"], both["janitor"]["action"]) == (2, "keep")

    said = shop.says("kubectl thrift explain namespace/shop-pr-7")
    assert "# downscaler\ndoes not scale namespace" in said
    assert "TTL of 3d" in said
    assert json.loads(shop.says("kubectl thrift explain ns/shop-pr-7 -o=json"))["downscaler"] is None


@needs("kubectl")
def test_one_controller_with_its_own_flags(shop: Shop) -> None:
    said = shop.says("kubectl thrift explain downscaler deploy/web -o json --default-downtime always")
    assert json.loads(said)["decidedBy"] == "downscaler/downtime (configuration)"
    assert "kept" in shop.says("kubectl thrift explain janitor deploy/web --exclude-namespaces kube-system")


@needs("kubectl")
def test_the_plan_is_the_janitors_and_of_one_namespace_unless_asked(shop: Shop) -> None:
    assert shop.says("kubectl thrift plan --horizon 7d") == "Nothing is due.\n"

    here = shop.says("kubectl thrift plan --horizon 7d -n shop-pr-7 -o json")
    assert [(row["resource"], row["name"]) for row in map(json.loads, here.splitlines())] == [("namespaces", "shop-pr-7")]
    assert "shop-pr-7" in shop.says("kubectl thrift plan -A --horizon=7d")

    shop.sim.patch("namespaces", None, "shop-pr-7", {"metadata": {"annotations": {"janitor/expires": "2020-01-01"}}})
    done = shop.run("kubectl", "thrift", "plan", "-A")
    assert (done.returncode, done.stderr) == (2, "")
    assert "delete" in done.stdout


@needs("kubectl")
def test_extend_moves_the_end(shop: Shop) -> None:
    said = shop.says("kubectl thrift extend 2d namespace/shop-pr-7")

    assert said.startswith("namespaces shop-pr-7: kept at least until 20")
    assert "janitor/extend-until" in shop.sim.get("namespaces", None, "shop-pr-7")["metadata"]["annotations"]
    assert "kept at least until" in shop.says("kubectl thrift extend 1w deploy web api")


@needs("kubectl")
def test_restore_all_in_one_namespace_or_in_all(shop: Shop) -> None:
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
    shop.says("kubectl thrift restore-all -A")
    assert sizes() == (2, 2)


@needs("kubectl")
def test_the_context_is_kubectls(shop: Shop) -> None:
    done = shop.run("kubectl", "thrift", "up-for", "1h", "deploy/web", "--context", "elsewhere")
    assert done.returncode == 2
    assert "there is no context 'elsewhere' (there are: simcluster)" in done.stderr

    shop.says(f"kubectl thrift up-for 1h deploy/web --context=simcluster --kubeconfig {shop.kubeconfig}")


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
    assert {"--rules-file", "--horizon", "-o"} <= valued_flags(COMMANDS["plan"])
    assert "--dry-run" not in valued_flags(COMMANDS["plan"])


def test_the_package_installs_both_scripts() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name, module in SCRIPTS.items():
        assert scripts[name] == f"{module}:main"
        assert callable(import_module(module).main)
