"""Writes what follows from the chart's values and from the code: `python -m charts.generate` (add `--check` to write nothing).

README.md comes from the comments in values.yaml. In values.schema.json the descriptions come from the same comments, and the
flags that `config` of each controller takes from the controllers' own parsers; its constraints are written by hand and kept.
files/rights.yaml, from which roles are computed, and the tables in docs/permissions.md come from the controllers' own tables of
rights.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from charts import rights
from downscaler.options import parser as downscaler_parser
from janitor.flags import janitor_parser
from resource_report.report_flags import parser as report_parser
from shared.flags import FlagParser, boolean

CHART = Path(__file__).parent / "kube-thrift"

# Flags that the chart sets itself, by the values that say so: given twice, the last one would win unseen.
_MODE = {"once", "metrics-port"}
RESERVED: Mapping[str, frozenset[str]] = {
    "downscaler": frozenset(
        _MODE
        | {"dry-run", "namespace", "include-resources", "custom-kinds", "enable-events", "calendars", "stop-controller"}
        # These would ask for rights that the chart does not give, or do what `mode` decides.
        | {"kubeconfig", "context", "server", "admission-controller"}
    ),
    "janitor": frozenset(
        _MODE
        | {"dry-run", "include-resources", "exclude-resources", "include-namespaces", "rules-file", "context-name"}
        | {"deployment-name", "kubeconfig", "context", "server"}
    ),
    "report": frozenset(_MODE | {"update-interval-minutes", "data-path", "publish", "default-cluster-name"}),
}
PARSERS: Mapping[str, Callable[[], FlagParser]] = {
    "downscaler": downscaler_parser,
    "janitor": janitor_parser,
    "report": report_parser,
}


@dataclass(frozen=True)
class Value:
    """One described value: its path (`image.tag`), what it is without being set, and its comment."""

    section: str
    path: str
    default: Any
    text: str


def described(text: str) -> Iterator[Value]:
    """The values of a values.yaml that a comment `# --` stands above, in order. Raises ValueError for one above nothing."""
    whole = yaml.safe_load(text)
    section, comment, path = "", "", list[tuple[int, str]]()
    for number, line in enumerate(text.splitlines(), start=1):
        if title := re.fullmatch(r"# @section (.+)", line):
            section = title[1]
        elif found := re.fullmatch(r"\s*# -- (.+)", line):
            comment = found[1]
        elif key := re.match(r"( *)([A-Za-z0-9]+):", line):
            path = [*(each for each in path if each[0] < len(key[1])), (len(key[1]), key[2])]
            if comment:
                names = [name for _, name in path]
                yield Value(section, ".".join(names), _at(whole, names), comment)
            comment = ""
        elif comment:
            raise ValueError(f"values.yaml line {number}: the comment above it describes no value")


def _at(values: Any, names: list[str]) -> Any:
    for name in names:
        values = values[name]
    return values


def readme(values: str, chart: Mapping[str, Any]) -> str:
    """README.md: what the chart is, how it is installed, and a table of values per section."""
    lines = [
        f"# {chart['name']}",
        "",
        f"{chart['description']}. Version {chart['version']}, for Kubernetes {chart['kubeVersion'].removesuffix('-0')}.",
        "",
        "```sh",
        "helm install kube-thrift charts/kube-thrift --namespace kube-thrift --create-namespace",
        "```",
        "",
        "Downscaler and janitor start in dry run. [docs/install.md](../../docs/install.md) explains the values by task:",
        "switching on, AWS, the report's URL, monitoring, upgrade and uninstall. The flags that `config` takes are in",
        "docs/downscaler.md, docs/janitor.md and docs/resource-report.md. A value that is misspelt or of a wrong form is refused",
        "before anything is installed.",
        "",
        "This page is made from the comments in values.yaml by `python -m charts.generate`.",
    ]
    section = ""
    for value in described(values):
        if value.section != section:
            section = value.section
            lines += ["", f"## {section}", "", "| value | default | meaning |", "|---|---|---|"]
        default = json.dumps(value.default, ensure_ascii=False)
        lines.append(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{value.path}`", f"`{default}`", value.text)) + " |"
        )
    return "\n".join(lines) + "\n"


def flags_of(controller: str) -> dict[str, Any]:
    """The JSON schema of `config`: a property for each flag of that controller but the RESERVED ones."""
    found: dict[str, Any] = {}
    for declared in PARSERS[controller]().declared:
        for name in (name.removeprefix("--") for name in declared.names if name.startswith("--")):
            if name not in RESERVED[controller]:
                kind = {"type": "boolean"} if declared.parse is boolean else {"$ref": "#/definitions/flagValue"}
                found[name] = {"description": declared.help, "allOf": [kind]}
    return {"type": "object", "additionalProperties": False, "properties": dict(sorted(found.items()))}


def schema(current: str, values: str) -> str:
    """values.schema.json with its generated parts renewed."""
    root = json.loads(current)
    for controller in PARSERS:
        root["definitions"][f"{controller}Config"] = flags_of(controller)
    for value in described(values):
        _describe(root, value)
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def _describe(root: dict[str, Any], value: Value) -> None:
    """Puts the comment beside what the value may be; not into a definition that several values share."""
    place = root
    *parents, last = value.path.split(".")
    for name in parents:
        place = place["properties"][name]
        if "properties" not in place:
            return
    found = place["properties"][last]
    # A draft-07 reader ignores what stands beside $ref.
    kept = {"allOf": [found]} if "$ref" in found else {name: text for name, text in found.items() if name != "description"}
    place["properties"][last] = {"description": value.text, **kept}


def main() -> int:
    """Returns 1 where --check finds a file that is not current."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="only say which files are not current")
    arguments = parser.parse_args()
    stale = {path: text for path, text in files().items() if path.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(CHART.parent.parent)}: {'is not current' if arguments.check else 'written'}")
    return int(arguments.check and bool(stale))


def files() -> dict[Path, str]:
    """Each generated file with the text that it should have."""
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    schema_path = CHART / "values.schema.json"
    permissions = CHART.parents[1] / "docs" / "permissions.md"
    return {
        CHART / "README.md": readme(values, chart),
        schema_path: schema(schema_path.read_text(encoding="utf-8"), values),
        CHART / "files" / "rights.yaml": rights.text(),
        permissions: rights.renewed(permissions.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    sys.exit(main())
