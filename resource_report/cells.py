"""Numbers and cells as the pages write them. Pure; report.js writes the same numbers the same way.

Everything that a cluster said is escaped here or in a template with autoescape; nothing else makes HTML.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd

from resource_report.columns import SHARED, Column, Table
from resource_report.files import FileNames
from resource_report.links import FIELDS, CustomLinks, Link

UNKNOWN = "unknown"
NO_TEAM = "(no team)"
NO_POOL = "(no pool)"
NO_COMPONENT = "(no component)"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def one_digit(number: float) -> str:
    """One decimal, halves upwards, without a trailing ".0": Python and JavaScript otherwise disagree about 1.25."""
    return f"{math.floor(number * 10 + 0.5) / 10:.1f}".removesuffix(".0")


def cpu(cores: float) -> str:
    """Cores: three decimals below ten, fewer above. Shards hold three, so that rounding starts there."""
    cores = round(cores, 3)
    return f"{cores:,.{3 if cores < 10 else 2 if cores < 100 else 1}f}"


def memory(amount: float) -> str:
    """Bytes, to the KiB, in the largest binary unit: "1.5 GiB"."""
    amount, unit = round(amount / 1024) * 1024, 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount /= 1024
        unit += 1
    return f"{one_digit(amount)} {_UNITS[unit]}"


def money(amount: float) -> str:
    """Two decimals and groups of thousands; never "-0.00"."""
    return f"{round(amount, 2) + 0.0:,.2f}"


def rate(amount: float) -> str:
    """An hourly price: four decimals, because a spot core costs fractions of a cent."""
    return f"{amount:,.4f}"


def percent(share: float) -> str:
    """A share (0..1) as a percentage."""
    return f"{one_digit(round(share, 4) * 100)} %"


def status(code: float) -> str:
    """The answer of a probe: 0 was never asked, 999 is no answer."""
    return {0: "not checked", 999: "no answer"}.get(int(code), str(int(code)))


FORMATS: dict[str, Callable[[float], str]] = {
    "int": lambda value: f"{value:,.0f}",
    "cpu": cpu,
    "mem": memory,
    "money": money,
    "rate": rate,
    "pct": percent,
    "status": status,
}


def known(value: object) -> bool:
    """False for None and NaN."""
    return value is not None and value == value


def written(kind: str, value: Any) -> str:
    """*value* as text; "unknown" where there is none."""
    if not known(value):
        return UNKNOWN
    if kind in FORMATS:
        return FORMATS[kind](float(value))
    return ("Yes" if value else "No") if kind == "bool" else str(value)


def bar_svg(used: float, requested: float, recommended: float, full: float = math.nan) -> str:
    """A bar: *requested* behind, *used* in front, a mark at *recommended*; *full* is its whole width, else the largest of the
    three.

    Hidden from screen readers: the numbers stand beside it.
    """
    numbers = [value for value in (used, requested, recommended) if known(value)]
    whole = full if known(full) and full > 0 else max(numbers, default=0) or 1.0

    def width(value: float) -> str:
        return f"{max(0.0, min(100.0, 100 * value / whole)):.1f}%"

    rects = [f"<rect class=req width={width(requested)} />" if known(requested) else ""]
    if known(used):
        rects.append(f"<rect class=use width={width(used)} />")
    if known(recommended):
        rects.append(f"<rect class=rec x={width(recommended)} />")
    return f"<svg class=bar aria-hidden=true>{''.join(rects)}</svg>"


def bar_text(unit: str, values: Sequence[float]) -> str:
    """The numbers beside a bar: "0.250 / 1.000" or, where something fills it, "0.250 / 1.000 / 4.000"."""
    shown = [values[0], values[1], *values[3:]]
    return " / ".join(FORMATS[unit](value) if known(value) else "?" for value in shown)


def link_html(link: Link) -> str:
    classes = f"custom {link.css_class}".strip()
    return f'<a class="{escape(classes)}" href="{escape(link.href)}" rel="noopener noreferrer">{escape(link.title)}</a>'


class Cells:
    """Writes the cells of tables for one report: knows the pages that exist and the custom links.

    *sharing* says whether the report shares any cost, and tables show what is taken of it.
    """

    def __init__(self, names: FileNames, links: CustomLinks, *, sharing: bool = False) -> None:
        self.names = names
        self.sharing = sharing
        self.links = links

    def columns_of(self, table: Table) -> tuple[Column, ...]:
        """The columns of *table*, without the one for custom links when there are none for its kind, and that for shared cost."""
        links = bool(self.links.templates.get(table.links))
        return tuple(
            column for column in table.columns if (links or column.kind != "links") and (self.sharing or column is not SHARED)
        )

    def link_columns(self, table: Table) -> tuple[str, ...]:
        """The columns that the custom links of *table* name."""
        used = {name for template in self.links.templates.get(table.links, ()) for name in template.placeholders}
        return tuple(sorted(shard_field(table.links, name) for name in used))

    def hrefs(self, column: Column, frame: pd.DataFrame) -> list[str]:
        """For each row the page that its cell links to, "" for none."""
        if not column.page or any(key not in frame for key in column.ids):
            return [""] * len(frame)
        keys = zip(*(frame[raw(key, frame)].tolist() for key in column.ids), strict=True)
        return [self.names.page(column.page, *key) for key in keys]

    def rows(self, table: Table, frame: pd.DataFrame) -> list[str]:
        """One `<tr>` per row of *frame*. Closing tags are left out where HTML lets them be.

        30,000 rows are written per report.
        """
        columns = [self._cells(column, table, frame) for column in self.columns_of(table)]
        return ["<tr><th scope=row>" + "<td".join(cells) for cells in zip(*columns, strict=True)]

    def _cells(self, column: Column, table: Table, frame: pd.DataFrame) -> list[str]:
        """The cells of one column, each without its leading `<td` (the first column: without `<th scope=row>`)."""
        first = column is table.columns[0]
        lead = "" if first else " class=long>" if column.width else ">"
        if column.kind == "links":
            return [lead + " ".join(map(link_html, links)) for links in self._custom_links(table, frame)]
        if column.kind == "bar":
            return self._bars(column, frame)
        values = frame[column.key].tolist()
        if column.kind in FORMATS:
            write = FORMATS[column.kind]
            return [f">{write(value)}" if value == value else f" class=unknown>{UNKNOWN}" for value in values]
        if column.kind == "bool":
            return [lead + ("Yes" if value else "No") for value in values]
        return [lead + text for text in self._texts(values, self.hrefs(column, frame))]

    @staticmethod
    def _texts(values: Iterable[object], hrefs: Iterable[str]) -> list[str]:
        made: dict[tuple[object, str], str] = {}
        texts = []
        for pair in zip(values, hrefs, strict=True):
            if pair not in made:
                text = escape(str(pair[0]))
                made[pair] = f'<a href="{pair[1]}">{text}</a>' if pair[1] else text
            texts.append(made[pair])
        return texts

    @staticmethod
    def _bars(column: Column, frame: pd.DataFrame) -> list[str]:
        rows = zip(*(frame[part].tolist() for part in column.parts), strict=True)
        return [
            f' data-v="{row[0]:.6g}">{bar_text(column.bar_unit, row)}{bar_svg(*row)}'
            if known(row[0])
            else f' data-v="">{bar_text(column.bar_unit, row)}{bar_svg(*row)}'
            for row in rows
        ]

    def _custom_links(self, table: Table, frame: pd.DataFrame) -> list[list[Link]]:
        return [self.links.of(table.links, link_fields(table.links, row)) for row in frame.to_dict("records")]


def raw(key: str, frame: pd.DataFrame) -> str:
    """The column that holds the id itself, where `key` holds what is shown in its place ("(no team)")."""
    return f"{key}_id" if f"{key}_id" in frame else key


def field_column(kind: str, field: str) -> str:
    """The frame's column behind a placeholder: `{name}` of a pod is its column `pod`."""
    own = {"ingress": "name", "routegroup": "name", "ingressroute": "name", "httproute": "name"}.get(kind, kind)
    return own if field in {"id", "name"} and (kind, field) != ("cluster", "name") else field


def shard_field(kind: str, field: str) -> str:
    """The column of a shard behind a placeholder: the raw id, where the page shows words for an empty one."""
    column = field_column(kind, field)
    return f"{column}_id" if column in {"team", "pool", "component"} else column


def link_fields(kind: str, row: dict[Any, Any]) -> dict[str, object]:
    """The fields that a link template of *kind* may name, from a row of its frame; ids raw."""
    columns = {field: field_column(kind, field) for field in FIELDS[kind]}
    return {field: row.get(f"{column}_id", row.get(column)) for field, column in columns.items()}
