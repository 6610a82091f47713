"""Tab, as kubectl and the shells ask for it: the real kubectl where it completes plugins, and a real bash, zsh and fish."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube_thrift import kubectl
from kube_thrift.completion import complete, main
from kube_thrift.shells import SCRIPTS
from tests.kube_thrift.kit import Shop, needs, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Nothing here changes it."""
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


def kubectl_minor() -> int:
    """The minor version of the kubectl on the PATH; 0 without one."""
    if (kubectl := shutil.which("kubectl")) is None:
        return 0
    done = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60, check=True)
    return int(json.loads(done.stdout)["clientVersion"]["minor"].rstrip("+"))


needs_protocol = pytest.mark.skipif(kubectl_minor() < 26, reason="kubectl before 1.26 does not ask plugins for completions")


def offered(text: str) -> list[str]:
    """The words of a completion, without descriptions and without the directive."""
    return [line.partition("\t")[0] for line in text.splitlines() if not line.startswith(":")]


@needs_protocol
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["up"], ["up-for"]),
        (["up-for", "3h", "dep"], ["deployment"]),
        (["up-for", "3h", "deployment/"], ["deployment/api", "deployment/web"]),
        (["up-for", "3h", "deploy", "w"], ["web"]),
        (["up-for", "3h", "-n", "shop-"], ["shop-pr-7"]),
        (["up-for", "3h", "-n", "shop-pr-7", "deploy/"], ["deploy/preview"]),
        (["explain", "downscaler", "deploy", "api", ""], ["web"]),
        (["plan", "--namespace=shop-"], ["--namespace=shop-pr-7"]),
    ],
)
def test_kubectl_completes_the_plugin(shop: Shop, words: list[str], expected: list[str]) -> None:
    done = shop.run("kubectl", "__complete", "thrift", *words)

    assert done.returncode == 0
    assert offered(done.stdout) == expected
    assert done.stdout.splitlines()[-1] == ":4"
    assert "ShellCompDirectiveNoFileComp" in done.stderr


def test_the_protocol_without_kubectl(shop: Shop) -> None:
    done = shop.run("kubectl_complete-thrift", "up-for", "3h", "deployment/w")
    assert (done.returncode, done.stdout, done.stderr) == (0, "deployment/web\n:4\n", "")


# In order: the words before the one being typed, and that one; what is offered; and the directive.
CASES: list[tuple[list[str], list[str], int]] = [
    ([], ["explain", "plan", "restore-all", "up-for", "extend", "completion", "version"], 4),
    (["e"], ["explain", "extend"], 4),
    (["help", "v"], ["version"], 4),
    (["dance", ""], [], 4),
    (["completion", ""], ["bash", "zsh", "fish"], 4),
    (["completion", "bash", ""], [], 4),
    (["version", "-o", ""], ["text", "json"], 4),
    (["plan", "-o", ""], ["table", "json"], 4),
    (["plan", "--horizon", ""], ["1d", "2d", "1w", "2w"], 4),
    (["plan", ""], [], 4),
    (["plan", "--a"], ["--all-namespaces"], 4),
    (["up-for", "--a"], [], 4),
    (["up-for", "--d"], ["--dry-run"], 4),
    (["up-for", ""], ["1h", "2h", "3h", "8h", "12h"], 4),
    (["up-for", "3h", "n"], ["namespace"], 4),
    (["up-for", "3h", "replica"], [], 4),
    (["up-for", "3h", "deploy/web", "deploy/a"], ["deploy/api"], 4),
    (["up-for", "3h", "deploy", "web", ""], ["api"], 4),
    (["up-for", "3h", "ns/shop"], ["ns/shop", "ns/shop-pr-7"], 4),
    (["extend", "2"], ["2d", "2w"], 4),
    (["extend", "2d", "replicas"], ["replicaset"], 4),
    (["extend", "2d", "cm", ""], ["kube-root-ca.crt"], 4),
    (["explain", "d"], ["downscaler", "deployment", "daemonset"], 4),
    (["explain", "janitor", "ns", "shop-"], ["shop-pr-7"], 4),
    (["explain", "downscaler", "config"], [], 4),
    (["explain", "deploy/web", "-n", "x"], [], 4),
    (["plan", "--rules-file", ""], [], 0),
    (["plan", "--kubeconfig", ""], [], 0),
    (["plan", "--context", ""], ["simcluster"], 4),
    (["plan", "--qps", ""], [], 4),
]


def test_every_word_of_every_command(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(shop.kubeconfig))
    for words, expected, directive in CASES:
        found = complete(words)
        assert ([word.partition("\t")[0] for word in found.words], found.directive) == (expected, directive), words


def test_commands_come_with_what_they_do() -> None:
    assert all("\t" in word for word in complete([""]).words)


@pytest.mark.parametrize(
    "words",
    [
        ["up-for", "3h", "--kubeconfig=/no/such/file", ""],
        ["up-for", "3h", "pod/"],
        ["extend", "2d", "no-such-type", ""],
        ["explain", "-n", "NOT A NAMESPACE", "deploy/"],
    ],
)
def test_whatever_goes_wrong_offers_nothing_and_says_nothing(
    shop: Shop, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(shop.kubeconfig))

    assert main(words) == 0
    assert capsys.readouterr() == (":1\n", "")


# ---- the shells

LINES = [
    ("kubectl-thrift up", ["up-for"]),
    ("kubectl-thrift up-for 3h deployment/", ["deployment/api", "deployment/web"]),
    ("kubectl-thrift up-for 3h deploy w", ["web"]),
    ("kubectl-thrift plan -n shop-", ["shop-pr-7"]),
]


def in_bash(shop: Shop, line: str) -> list[str]:
    """What bash would put in the place of the last word: its own COMP_WORDS, split as it splits them."""
    program = r"""
source <(kubectl-thrift completion bash)
line=$1
# Readline splits at these signs too, and keeps each as a word.
split=${line//=/ = }
read -ra COMP_WORDS <<<"$split"
[[ $line == *' ' || $line == *= ]] && COMP_WORDS+=('')
[[ $line == *= ]] && unset 'COMP_WORDS[${#COMP_WORDS[@]}-1]'
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE=$line
_kubectl_thrift
printf '%s\n' "${COMPREPLY[@]}"
complete -p kubectl-thrift
"""
    done = shop.run("bash", "--norc", "-c", program, "bash", line)
    assert done.stderr == ""
    *words, registered = done.stdout.splitlines()
    assert registered == "complete -F _kubectl_thrift kubectl-thrift"
    return [word for word in words if word]


@needs("bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *LINES,
        # Of --namespace=shop- bash replaces only what stands behind the sign.
        ("kubectl-thrift plan --namespace=shop-", ["shop-pr-7"]),
        ("kubectl-thrift plan --namespace=sh", ["shop", "shop-pr-7"]),
        ("kubectl-thrift up-for --namespace=shop-pr-7 3h deploy/", ["deploy/preview"]),
        ("kubectl-thrift up-for 3h pod/", []),
    ],
)
def test_bash(shop: Shop, line: str, expected: list[str]) -> None:
    assert in_bash(shop, line) == expected


@needs_protocol
@pytest.mark.skipif(not BASH_COMPLETION.exists(), reason="bash-completion is not installed")
def test_bash_with_kubectls_own_completion(shop: Shop) -> None:
    program = r"""
source "$2"
source <(kubectl completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<<"$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_kubectl 2>/dev/null # outside of readline it cannot set options
printf '%s\n' "${COMPREPLY[@]}"
"""
    line = "kubectl thrift up-for 3h -n shop deployment/"
    done = shop.run("bash", "--norc", "-c", program, "bash", line, str(BASH_COMPLETION))
    assert done.stdout.splitlines() == ["deployment/api", "deployment/web"]


@needs("fish")
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_fish(shop: Shop, line: str, expected: list[str]) -> None:
    done = shop.run("fish", "--no-config", "-c", f"kubectl-thrift completion fish | source; complete -C '{line}'")

    assert (done.returncode, done.stderr) == (0, "")
    assert offered(done.stdout) == expected


@needs("zsh")
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_zsh(shop: Shop, line: str, expected: list[str]) -> None:
    """The function as zsh's completion calls it; only the part of zsh that shows a menu is left out."""
    program = """
compdef() { registered="$*" }
_describe() { print -rl -- "${(@P)2}" }
source <(kubectl-thrift completion zsh)
words=("${(@s: :)1}"); CURRENT=${#words}
_kubectl-thrift
print -r -- "$registered"
"""
    done = shop.run("zsh", "-f", "-c", program, "zsh", line)

    assert (done.returncode, done.stderr) == (0, "")
    *found, registered = done.stdout.splitlines()
    assert registered == "_kubectl-thrift kubectl-thrift"
    # A description stands behind a colon there.
    assert [each.partition(":")[0] for each in found] == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_what_the_command_prints(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert kubectl.main(["completion", name]) == 0
    assert capsys.readouterr().out == SCRIPTS[name]
