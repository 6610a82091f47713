"""Tables of the documentation against the code, both ways: commands, variables, annotations, labels, lines of the log, alerts.

Flags of the controllers are compared in their own tests (tests/downscaler/test_docs.py and its siblings).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from downscaler import keys as downscaler_keys
from downscaler.config import _NOT_VARIABLES
from downscaler.options import COMMAND_NAMES, RBAC
from downscaler.options import parser as downscaler_parser
from janitor.commands import COMMANDS
from janitor.flags import janitor_parser
from kube_thrift.main import build_parser
from resource_report import labels
from resource_report.clusters import _AUTHORITIES
from resource_report.config import _AWS_CREDENTIALS
from resource_report.report_flags import parser as report_parser
from shared.flags import FlagParser, flag_table
from tests.docs.blocks import DOCS, ROOT, pages
from tests.docs.test_commands import help_of

REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
CODE = [
    path
    for package in ("downscaler", "janitor", "resource_report", "kube_thrift", "shared")
    for path in (ROOT / package).rglob("*.py")
]
# Pages that have rows for the commands of the plugin and of the plan.
COMMAND_PAGES = ("reference.md", "kubectl-plugin.md", "plan-and-simulate.md")


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below *heading*."""
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in rows[2:]]


def code_in(cell: str) -> list[str]:
    return [text.replace("\\|", "|") for text in re.findall(r"`([^`]+)`", cell)]


# ---- commands


def controllers_flags(parser: FlagParser) -> set[str]:
    return {name for row in flag_table(parser) for name in row.flag.split(", ")}


def subcommands() -> list[tuple[str, ...]]:
    """Every command and subcommand, as the words of its command line."""
    umbrella = next(action for action in build_parser()._actions if action.dest == "command").choices
    assert isinstance(umbrella, dict)
    found = [("kube-downscaler",), ("kube-janitor",), ("kube-resource-report",)]
    found += [("kube-janitor", name) for name in COMMANDS]
    found += [("kube-thrift", name) for name in umbrella if name != "explain"]
    return [*found, ("kube-thrift", "explain", "downscaler")]


def own_flags(words: tuple[str, ...]) -> set[str]:
    """The flags of one command that are not those of a controller, which have tables of their own."""
    text = help_of(*words)
    given = set(re.findall(r"(?m)^  +(?:-\w(?: [A-Z{][^\s,]*)?, )?(--[a-z][a-z0-9-]*)", text))
    common = set().union(*(controllers_flags(parser) for parser in (downscaler_parser(), janitor_parser(), report_parser())))
    return given - common - {f"--no-{name.removeprefix('--')}" for name in common} - {"--help"}


def documented() -> dict[str, set[str]]:
    """Command to the flags and arguments in its rows; a row without a command belongs to the one above."""
    found: dict[str, set[str]] = {}
    command = ""
    for name, arguments, _ in table(REFERENCE, "Commands"):
        command = code_in(name)[0] if name else command
        found.setdefault(command, set()).update(code_in(arguments))
    return found


@pytest.mark.parametrize("words", subcommands(), ids=" ".join)
def test_every_flag_of_a_command_is_in_a_table(words: tuple[str, ...]) -> None:
    rows = documented().get(" ".join(words), set())
    others = {flag for page in COMMAND_PAGES[1:] for flag in flags_in_tables(page)}

    assert {flag for flag in own_flags(words) - rows if flag not in others} == set()


def flags_in_tables(page: str) -> set[str]:
    path = DOCS / page
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {flag for line in lines if line.startswith("|") for flag in re.findall(r"`(--[a-z][a-z0-9-]*)", line)}


def test_every_command_is_in_a_table_and_every_row_is_a_command() -> None:
    rows = documented()
    elsewhere = "".join((DOCS / page).read_text(encoding="utf-8") for page in COMMAND_PAGES[1:] if (DOCS / page).exists())
    real = {" ".join(words) for words in subcommands()} | {f"kube-downscaler {name}" for name in (*COMMAND_NAMES, RBAC)}
    real.add("kube-resource-report rbac")

    assert {name for name in real if " " in name and name not in rows and f"`{name}" not in elsewhere} == set()
    assert set(rows) - real == {"kube-thrift explain janitor"}


@pytest.mark.parametrize("command", [name for name in documented() if "restore-all" not in name and "import" not in name])
def test_every_row_is_an_argument_of_the_command(command: str) -> None:
    text = help_of(*command.split())

    assert [name for name in documented()[command] if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)] == []


# ---- variables


def read_variables() -> set[str]:
    """What the code asks of the environment by name, without what a flag falls back on."""
    pattern = re.compile(r"""environ(?:ment)?(?:\.get\(|\[)["']([A-Z][A-Z0-9_]+)["']""")
    found = {
        name for path in CODE if "simcluster" not in path.parts for name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    # What a WSGI server hands over is called an environment too.
    return (found | set(_AUTHORITIES) | set(_AWS_CREDENTIALS)) - {"PATH_INFO", "QUERY_STRING", "REQUEST_METHOD"}


def test_every_variable_without_a_flag_is_in_the_table() -> None:
    rows = {name for row in table(REFERENCE, "Variables without a flag") for name in code_in(row[0])}
    # Read by libraries: proxies by requests, endpoints by boto3.
    libraries = {"HTTPS_PROXY", "NO_PROXY", "AWS_ENDPOINT_URL_PRICING", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_S3"}

    assert rows - libraries == read_variables()
    assert all(f"`{name}`" in REFERENCE for name in _NOT_VARIABLES)


# ---- annotations and labels


def constants(path: Path) -> Iterator[str]:
    """Every text in the code of *path*, without docstrings and comments' backticks."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def keys_in_code(prefix: str, package: str) -> frozenset[str]:
    paths = list((ROOT / package).glob("*.py"))
    return frozenset(text for path in paths for text in constants(path) if re.fullmatch(rf"{prefix}/[a-z][a-z-]+", text))


def keys_in_pages(prefix: str) -> dict[str, str]:
    """`downscaler/…` keys that the pages name, and where. Names of files and folders are no keys."""
    pattern = re.compile(rf"(?<![\w./-]){prefix}/[a-z][a-z-]+(?![\w./*])")
    found = {}
    for page in [*pages(), ROOT / "CHANGELOG.md"]:
        for key in pattern.findall(page.read_text(encoding="utf-8")):
            # kubectl removes an annotation whose name ends with a dash.
            found[key.removesuffix("-")] = str(page.relative_to(ROOT))
    return found


@pytest.mark.parametrize(("prefix", "package"), [("downscaler", "downscaler"), ("janitor", "janitor")])
def test_annotations_of_the_pages_are_those_of_the_code(prefix: str, package: str) -> None:
    known = keys_in_code(prefix, package)
    named = keys_in_pages(prefix)

    assert {key: page for key, page in named.items() if key not in known} == {}
    # Keys of other downscalers are explained without their prefix, if at all.
    foreign = {downscaler_keys.ORIGINAL_PAUSE, *downscaler_keys.FOREIGN_KEYS}
    assert known - set(named) - foreign == set()


def test_labels_that_the_report_reads_are_in_the_table() -> None:
    rows = {row[0]: code_in(row[1]) for row in table(REFERENCE, "Labels of nodes and pods")}
    capacity = list(dict.fromkeys(key for key, _, _ in labels._CAPACITY))
    settings = labels.LabelSettings()

    assert rows["instance type"] == list(labels.INSTANCE_TYPE)
    assert rows["region"] == list(labels.REGION)
    assert rows["zone"] == [*labels.ZONE, "spec.providerID"]
    assert rows["architecture"] == list(labels.ARCH)
    assert rows["role"] == [*labels.ROLE, f"{labels._ROLE_PREFIX}ROLE"]
    assert rows["pool"] == list(labels.POOL)
    assert rows["capacity"] == capacity
    assert rows["spot, as set"] == [key for key, _ in settings.spot]
    assert rows["application"] == list(labels.APPLICATION)
    assert rows["component"] == list(labels.COMPONENT)
    assert rows["team"] == list(labels.TEAM)


# ---- troubleshooting


@cache
def source() -> str:
    """All code as one text, with texts that go over several lines joined."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    return re.sub(r"""["']\s*\n\s*f?["']""", "", text)


def lines_of_the_log() -> list[str]:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    return [code_in(row[0])[0] for row in table(text, "Lines in the log")]


@pytest.mark.parametrize("line", lines_of_the_log())
def test_a_line_of_the_log_is_one_that_the_code_prints(line: str) -> None:
    """`…` stands for what differs; what is left has to be in the code as it is."""
    # An f-string's fields end a fragment; so does a name that is put in.
    fragments = [part.strip(" :(),;") for part in line.split("…")]

    assert [part for part in fragments if len(part) > 2 and part not in source()] == []


def alerts() -> list[str]:
    path = ROOT / "charts" / "kube-thrift" / "files" / "alerts.yaml"
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] if path.exists() else []
    return [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    names = alerts()
    if not names:
        pytest.skip("the chart has no alerts yet")
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").partition("\n## Alerts\n")[2]

    assert sorted(re.findall(r"(?m)^### (\w+)$", text)) == sorted(names)
