"""The controllers' tables of rights: as the chart's templates read them (files/rights.yaml), and for docs/permissions.md."""

from __future__ import annotations

import re

import yaml

from downscaler.rights import RESTORE_RIGHTS
from downscaler.rights import RIGHTS as DOWNSCALER
from janitor.rights import RIGHTS as JANITOR
from resource_report.rights import RIGHTS as REPORT
from shared.rights import RightsTable, Where, as_data

TABLES = {"downscaler": DOWNSCALER, "restore": RESTORE_RIGHTS, "janitor": JANITOR, "report": REPORT}
_HEAD = "# Made by `python -m charts.generate` from the rights.py of each controller. Not to be edited.\n"


def text() -> str:
    """The content of the file."""
    data = {name: as_data(table) for name, table in TABLES.items()}
    return _HEAD + yaml.safe_dump(data, sort_keys=False, width=2**16)


_WHERE = {
    Where.WORK: "where it works",
    Where.CLUSTER: "everywhere",
    Where.OWN: "its own namespace",
    Where.STATE: "the namespace of its state",
    Where.BACKUP: "the namespace of the backups",
}
_ONLY = {"self": "its own one", "scale": "those of the kinds", "state": "its own one"}


def renewed(page: str) -> str:
    """docs/permissions.md with a current table below each of its marks, `<!-- rights of NAME -->` to `<!-- end -->`."""

    def table(match: re.Match[str]) -> str:
        return f"{match[1]}\n\n{_table(TABLES[match[2]])}\n<!-- end -->"

    return re.sub(r"(<!-- rights of (\w+) -->)\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def _table(table: RightsTable) -> str:
    lines = ["| verbs | on | where | when | why |", "|---|---|---|---|---|"]
    for right in (*table.rights, *table.each):
        name = ".".join(filter(None, (right.resource, right.group))) if right.group != "*" else "everything"
        on = f"`{name}`" if right.resource else "every type in scope"
        only = f", {_ONLY[right.only]}" if right.only else ""
        verbs = ", ".join(f"`{verb}`" for verb in right.verbs)
        when = "; ".join(table.conditions[word] for word in right.when) or "always"
        lines.append(f"| {verbs} | {on}{only} | {_WHERE[right.where]} | {when} | {right.why} |")
    return "\n".join(lines) + "\n"
