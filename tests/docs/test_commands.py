"""The documentation's commands work: every ```sh block of README.md and docs/ is run against the embedded cluster.

The contract for pages:

- Commands stand in blocks fenced with ```sh (no other shell name, no indentation instead of a fence), what they print in ```text.
- The blocks of one page run in order, each as one `bash -euo pipefail` script, in one scratch folder (also $HOME), with
  $KUBECONFIG set to a cluster as `tests/docs/workshop.py` describes: the demo's fleet, and `web`, `api`, `frontend`, `legacy`
  (Deployments), `database` (StatefulSet) and `settings` (ConfigMap) in the namespaces default, shop and staging. `charts/` and
  `docs/` are there as in the repository; our commands are on $PATH and in `.venv/bin/`. Each page has a fresh folder and cluster.
- A block must end with 0 within a minute. Another exit code is said right above the fence: `<!-- exit code: 2 -->`.
- `<!-- prints: some text -->` right above the fence, once or several times, says what the output has to contain.
- A block that cannot run here (helm, docker, a cloud, a server in the foreground) says why, right above the fence:
  `<!-- not run: needs AWS -->`. Its reason has to be one of `NOT_RUN` below or start with one of these and a colon. Flags of our
  own commands in it have to exist all the same, and `--set` paths of helm have to be in the chart's values.yaml.
- A block of another language whose first line is a comment with nothing but a file name (`# rules.yaml`) is written to the
  folder under that name before the blocks below it run. Files called `values*.yaml` are compared with the chart's values.
"""

from __future__ import annotations

import io
import re
import shlex
from contextlib import nullcontext, redirect_stderr, redirect_stdout, suppress
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.blocks import OTHER_SHELLS, ROOT, SHELL, Block, blocks, pages
from tests.docs.workshop import has_kubectl, scripts, workshop

# Why a block may be left out, and no other reason.
NOT_RUN = (
    "needs Helm and a real cluster",
    "needs a real cluster",
    "needs AWS",
    "needs Docker",
    "needs a Prometheus",
    "needs a package index",
    "needs Argo CD",
    "needs Flux",
    "needs your own cluster's names",
    "runs until it is stopped",
    "takes minutes",
    "run by another test",
)
VALUES = ROOT / "charts" / "kube-thrift" / "values.yaml"
OWN_COMMAND = re.compile(rf"(?m)(?:^|[;|&(])\s*(?:[\w./]+/)?({'|'.join(scripts())}|kubectl thrift)\s+([^\n;|&]*)")
needs_kubectl = pytest.mark.skipif(not has_kubectl(), reason="kubectl is not installed")
ALL = [(page, block) for page in pages() for block in blocks(page)]


def _name(value: object) -> str:
    return value.place if isinstance(value, Block) else str(value)


def _runnable(page: Path) -> bool:
    return any(block.language == SHELL and not block.not_run for block in blocks(page))


@pytest.mark.parametrize("block", [block for _, block in ALL if block.language in ("yaml", "json")], ids=_name)
def test_examples_of_files_can_be_read(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text)), block.place


def run_page(page: Path, folder: Path) -> None:
    with workshop(folder) as place:
        for block in blocks(page):
            if name := block.file_name:
                place.write(name, block.text)
            if block.language != SHELL or block.not_run:
                continue
            code, output = place.run(block.text)
            assert code == block.exit_code, f"{block.place}: exit code {code}, not {block.exit_code}\n{block.text}\n{output}"
            for text in block.prints:
                assert text in output, f"{block.place}: does not print {text!r}\n{output}"


@needs_kubectl
@pytest.mark.parametrize("page", [page for page in pages() if _runnable(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@needs_kubectl
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\nkubectl get deployment web\n```", None),
        ("<!-- exit code: 3 -->\n<!-- prints: blue -->\n```sh\necho blue\nexit 3\n```", None),
        ("<!-- not run: needs AWS -->\n```sh\nfalse\n```", None),
        ("```yaml\n# a.yaml\na: 1\n```\n\n1. Then\n\n    ```sh\n    grep 1 a.yaml\n    ```", None),
        ("```sh\nfalse\n```", "page.md:1: exit code 1, not 0"),
        ("```sh\nkubectl get deployment nobody | cat\n```", "exit code 1, not 0"),
        ("\n<!-- prints: blue -->\n```sh\necho red\n```", "page.md:3: does not print 'blue'"),
        ("```sh\nkube-downscaler --once --no-such-flag\n```", "exit code 2, not 0"),
        ("```sh\ntrue", "is not closed"),
    ],
)
def test_what_does_not_work_is_found(text: str, problem: str | None, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises((AssertionError, ValueError), match=re.escape(problem)) if problem else nullcontext():
        run_page(page, tmp_path)


@pytest.mark.parametrize("block", [block for _, block in ALL], ids=_name)
def test_a_shell_block_is_called_sh_and_left_out_only_for_a_known_reason(block: Block) -> None:
    assert block.language not in OTHER_SHELLS, f"{block.place}: write ```sh, so that it is run"
    assert block.language, f"{block.place}: name the language; ```text for output"
    if block.not_run:
        assert block.language == SHELL, f"{block.place}: only commands are run"
        known = any(block.not_run == reason or block.not_run.startswith(f"{reason}: ") for reason in NOT_RUN)
        assert known, f"{block.place}: {block.not_run!r} is no reason that the test knows"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_hides_in_an_indented_block(page: Path) -> None:
    starts = tuple(f"    {name} " for name in (*scripts(), "kubectl", "helm", "make", "pip"))
    lines = page.read_text(encoding="utf-8").splitlines()
    inside = {number for block in blocks(page) for number in range(block.line, block.line + block.text.count("\n") + 2)}
    hidden = [
        f"{page.name}:{number}: {line.strip()}"
        for number, (above, line) in enumerate(pairwise(["", *lines]), start=1)
        if line.startswith(starts) and number not in inside and not above.lstrip().startswith(("-", "*", "1"))
    ]

    assert hidden == []


@cache
def help_of(command: str, *words: str) -> str:
    """What `command words --help` prints, for one of our commands."""
    module, _, function = scripts()[command].partition(":")
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed), suppress(SystemExit):
        getattr(import_module(module), function)([*words, "--help"])
    return printed.getvalue()


def flags_of(command: str, *words: str) -> frozenset[str]:
    """Its long flags."""
    return frozenset(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", help_of(command, *words))) | {"--help", "--version"}


@pytest.mark.parametrize("block", [block for _, block in ALL if block.not_run], ids=_name)
def test_flags_of_our_commands_exist_where_the_block_is_not_run(block: Block) -> None:
    text = block.text.replace("\\\n", " ")
    for command, rest in OWN_COMMAND.findall(text):
        words = shlex.split(rest, comments=True)
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        if not given:
            continue
        commands = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]+", word)]
        command = command.replace("kubectl thrift", "kubectl-thrift")
        known = flags_of(command) | flags_of(command, *commands[:1]) | flags_of(command, *commands)
        assert given <= known, f"{block.place}: {command} has no {', '.join(sorted(given - known))}"


def missing_values(given: Any, known: Any, path: str = "") -> list[str]:
    """The paths of *given* that the chart does not have. An empty map or list, or null, in the chart takes anything."""
    if not isinstance(given, dict) or not isinstance(known, dict) or not known:
        return []
    found = []
    for key, value in given.items():
        below = f"{path}.{key}".lstrip(".")
        found += missing_values(value, known[key], below) if key in known else [below]
    return found


def set_paths(text: str) -> list[list[str]]:
    """The paths of every `--set path=value` of a helm command line."""
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    flags = ("--set", "--set-string", "--set-file", "--set-json")
    values = [after for flag, after in pairwise(words) if flag in flags]
    values += [word.partition("=")[2] for word in words if word.startswith(tuple(f"{flag}=" for flag in flags))]
    pairs = [pair for value in values for pair in re.split(r"(?<!\\),(?=[\w.-]+(?:\[\d+\])?=)", value)]
    return [re.split(r"(?<!\\)\.", re.sub(r"\[\d+\]", "", pair.partition("=")[0])) for pair in pairs]


@pytest.mark.skipif(not VALUES.exists(), reason="the chart is not there")
@pytest.mark.parametrize("block", [block for _, block in ALL if "helm " in block.text and block.language == SHELL], ids=_name)
def test_values_set_on_helms_command_line_are_the_charts(block: Block) -> None:
    known = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    for path in set_paths(block.text):
        given: Any = None
        for key in reversed(path):
            given = {key.replace("\\.", "."): given}
        assert missing_values(given, known) == [], block.place


@pytest.mark.skipif(not VALUES.exists(), reason="the chart is not there")
@pytest.mark.parametrize("block", [block for _, block in ALL if (block.file_name or "").startswith("values")], ids=_name)
def test_values_files_of_the_pages_are_the_charts(block: Block) -> None:
    known = yaml.safe_load(VALUES.read_text(encoding="utf-8"))

    assert missing_values(yaml.safe_load(block.text), known) == [], block.place


def test_what_the_chart_does_not_have_is_found() -> None:
    known = {"downscaler": {"dryRun": True, "config": {}}, "rules": []}

    assert missing_values({"downscaler": {"dryRun": False, "config": {"interval": 60}}, "rules": [1]}, known) == []
    assert missing_values({"downscaler": {"dryrun": False}, "rule": 1}, known) == ["downscaler.dryrun", "rule"]
    assert set_paths("helm install x y --set a.b=1,c=2 '--set-string=d\\.e[0].f=z'") == [["a", "b"], ["c"], ["d\\.e", "f"]]
