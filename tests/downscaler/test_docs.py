"""The manual says what the code does: tables of flags and annotations are compared with their declarations."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from downscaler.customs import parse_generic
from downscaler.exposure import NO_GATEWAY_CLASS, NO_INGRESS_CLASS
from downscaler.keys import KEYS
from downscaler.measures import Measures
from downscaler.options import parser
from downscaler.sizes import KINDS
from downscaler.timespec import parse
from shared.flags import flag_table

DOCS = Path(__file__).parents[2] / "docs"
MANUAL = (DOCS / "downscaler.md").read_text()
KIND_PAGE = (DOCS / "downscaler-kinds.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below *heading*, without its two header lines."""
    return cells(MANUAL.partition(f"\n## {heading}\n")[2].partition("\n## ")[0])


def cells(section: str) -> list[list[str]]:
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def test_the_table_of_flags_is_the_parsers() -> None:
    assert rows("Flags") == [[code(row.flag), code(row.env), code(row.default), row.help] for row in flag_table(parser())]


def test_the_table_of_annotations_is_the_modules() -> None:
    assert rows("Annotations") == [[code(key.name), key.where, key.accepted, key.meaning] for key in KEYS]


@pytest.mark.parametrize("cell", [row[0] for row in rows("Time specs")])
def test_the_time_specs_of_the_manual_can_be_read(cell: str) -> None:
    for spec in re.findall(r"`([^`]+)`", cell):
        assert parse(spec).warnings == ()


def test_the_table_of_kinds_and_their_rights_is_the_modules() -> None:
    found = [(row[0].split()[0], row[1]) for row in cells(KIND_PAGE.partition("\n## ")[0])]
    described = ("`--custom-kinds`", "as described")
    assert found == [*((code(kind.id), code(kind.resource.name)) for kind in KINDS.values()), described]


def test_the_classes_that_nobody_serves_are_in_the_manual() -> None:
    manifests = list(yaml.safe_load_all(re.findall(r"```yaml\n(.*?)```", KIND_PAGE, re.DOTALL)[0]))
    assert [each["metadata"]["name"] for each in manifests] == [NO_INGRESS_CLASS, NO_GATEWAY_CLASS]


def test_the_described_kinds_of_the_manual_can_be_read() -> None:
    items = [row[0].strip("`") for row in cells(KIND_PAGE.partition("\n## Any other kind\n")[2])]
    assert [parse_generic(item).resource.plural for item in items] == ["clusters", "jobs", "machines", "widgets"]


def test_every_metric_is_in_the_manual() -> None:
    registry = CollectorRegistry()
    Measures(registry, late_after=timedelta(minutes=15), longest_gap=timedelta(hours=1))
    names = [family.name for family in registry.collect()]
    assert len(names) > 10
    assert [name for name in names if f"`{name}" not in MANUAL] == []


def test_no_line_is_endless() -> None:
    for page in ("downscaler.md", "downscaler-kinds.md", "migration.md"):
        for line in (DOCS / page).read_text().splitlines():
            assert line.startswith("|") or len(line) <= 180
