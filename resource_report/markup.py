"""The larger pieces of a page that are faster built here than in a template: tables, bars with their figures, stacked bars,
charts.

Every text that comes from a cluster passes `escape`; widths are numbers made here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

import pandas as pd
from markupsafe import Markup

from resource_report.cells import FORMATS, Cells, bar_svg, known, money, percent, shard_field, written
from resource_report.columns import Column, Table
from resource_report.links import CustomLinks

FIRST_ROWS = 50
PART_NAMES = {
    "pods": "Pods",
    "idle": "Idle",
    "reserved": "System reserved",
    "unattached": "Unattached",
    "overhead": "Overhead",
}


@dataclass(frozen=True)
class TableMarkup:
    """A finished table: `html` to be printed, `shown` of `total` rows in it, and the file that has all of them."""

    name: str
    title: str
    html: Markup
    shown: int
    total: int
    tsv: str = ""
    intro: str = ""
    more: str = ""
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Which rows of a table a page shows: those whose columns equal `where`; `total` of them, `rows` written out."""

    rows: Sequence[str]
    total: int
    where: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=256)
def _head(columns: tuple[Column, ...], sort: str, currency: str, sharded: bool) -> str:
    """The heading row: `data-k` is key, kind, unit and parts of a bar.

    `data-p` the page that cells link to and the ids it is made of.
    """
    cells = []
    for column in columns:
        attributes = [f" data-k={_key_words(column)}"]
        if column.page and sharded:
            attributes.append(f" data-p={column.page}:{','.join(column.ids)}")
        if column.width:
            attributes.append(f" class={column.width}")
        if column.key == sort.removeprefix("-"):
            attributes.append(f" aria-sort={'descending' if sort.startswith('-') else 'ascending'}")
        unit = f"<small>{escape(column.unit.format(currency=currency))}</small>" if column.unit else ""
        cells.append(f"<th{''.join(attributes)}>{escape(column.title)}{unit}")
    return f"<thead><tr>{''.join(cells)}<tbody>"


def script_links(table: Table, links: CustomLinks) -> str:
    """The link templates of *table* for report.js, naming columns of the shards."""
    made = []
    for template in links.templates.get(table.links, ()):
        href, title = template.href, template.title
        for name in template.placeholders:
            column = shard_field(table.links, name)
            href, title = (text.replace(f"{{{name}}}", f"{{{column}\0}}") for text in (href, title))
        made.append({"href": href.replace("\0", ""), "title": title.replace("\0", ""), "class": template.css_class})
    return json.dumps(made) if made else ""


def table_markup(table: Table, cells: Cells, currency: str, selection: Selection, *, size: int = FIRST_ROWS) -> TableMarkup:
    """*table* with the rows of *selection*, and with what the browser needs to show the others."""
    shown, total = len(selection.rows), selection.total
    sort = table.sort[0] if any(column.key == table.sort[0].removeprefix("-") for column in table.columns) else ""
    columns = cells.columns_of(table)
    attributes = f' data-sort="{sort}"'
    if shown < total:
        attributes += f" data-src={table.name} data-rows={total}"
        if size != FIRST_ROWS:
            attributes += f" data-size={size}"
        if selection.where:
            attributes += f' data-where="{escape(urlencode(selection.where))}"'
        if links := script_links(table, cells.links):
            attributes += f' data-links="{escape(links)}"'
    html = (
        f'<div class=table-wrap role=region aria-label="{escape(table.title)}" tabindex=0>'
        f'<table id={table.name} class="{table.style}" data-table{attributes}>'
        f"{_head(columns, sort, currency, shown < total)}{''.join(selection.rows)}</table></div>"
    )
    return TableMarkup(table.name, table.title, Markup(html), shown, total, table.tsv, table.intro, "", columns)


def bare_table(table: Table, cells: Cells, selection: Selection) -> Markup:
    """*table* for a compact page: report.js makes its heading (see `head_fields`) and its rows."""
    links = script_links(table, cells.links)
    return Markup(
        f"<div class=table-wrap><table id={table.name} data-table data-src={table.name}"
        f' data-rows={selection.total} data-where="{escape(urlencode(selection.where))}"'
        + (f' data-links="{escape(links)}"' if links else "")
        + f"><caption>{selection.total:,} rows in <a href={table.tsv}>{table.tsv}</a></table></div>"
    )


def head_fields(columns: Sequence[Column], currency: str) -> list[list[str]]:
    """What report.js has to know of each column to make its heading: title, unit, and the texts of `data-k` and `data-p`."""
    return [
        [
            column.title,
            column.unit.format(currency=currency),
            _key_words(column),
            f"{column.page}:{','.join(column.ids)}" if column.page else "",
        ]
        for column in columns
    ]


def _key_words(column: Column) -> str:
    """Key, kind, unit and parts of a bar, as far as they are not the usual ones."""
    key = "" if column.kind == "links" else column.key
    return ":".join([key, column.kind, column.bar_unit, ",".join(column.parts)]).rstrip(":").removesuffix(":text")


def whole_table(table: Table, frame: pd.DataFrame, cells: Cells, currency: str) -> TableMarkup:
    """*table* over all of *frame*, the first rows written out."""
    return table_markup(table, cells, currency, Selection(cells.rows(table, frame.head(FIRST_ROWS)), len(frame)))


class Groups:
    """The rows of one table by what they belong to (their node, their application), the first *limit* of each written out."""

    def __init__(self, table: Table, frame: pd.DataFrame, keys: tuple[str, ...], limit: int, cells: Cells) -> None:
        self.table = table
        self.keys = keys
        self.bare = limit == 0
        grouped = frame.groupby(list(keys), observed=True, sort=False)
        first = frame[(grouped.cumcount() < limit).to_numpy()]
        self._rows: dict[tuple[str, ...], list[str]] = {}
        if not self.bare:
            for key, row in zip(
                zip(*(first[name].tolist() for name in keys), strict=True), cells.rows(table, first), strict=True
            ):
                self._rows.setdefault(key, []).append(row)
        sizes = grouped.size()
        counted = sizes.index.tolist() if len(keys) > 1 else [(key,) for key in sizes.index.tolist()]
        self._totals = dict(zip(counted, sizes.tolist(), strict=True))

    def of(self, *key: str) -> Selection:
        """The rows with these values of the keys."""
        return Selection(self._rows.get(key, []), self._totals.get(key, 0), dict(zip(self.keys, key, strict=True)))


def usage_bars(row: Mapping[str, object], *, compact: bool = False) -> Markup:
    """CPU and memory of a cluster, a node, a team, …: a wide bar each, and its figures.

    On a compact page report.js draws the bar.
    """
    made = []
    for label, resource, unit, suffix in (("CPU", "cpu", "cpu", " cores"), ("Memory", "memory", "mem", "")):
        names = ["usage", "requests", "recommendation", *(["allocatable"] if f"{resource}_allocatable" in row else [])]
        values = [_number(row.get(f"{resource}_{name}")) for name in names]
        figures = "".join(
            f"<dt class={style}>{word}<dd>{written(unit, value)}{suffix if known(value) else ''}"
            for (style, word), value in zip(_USAGE_WORDS, values, strict=False)
        )
        drawn = "" if compact else bar_svg(*values)
        data = " data-bar" if compact else ""
        made.append(f"<div class=usage{data}><h3>{label}</h3>{drawn}<dl>{figures}</dl></div>")
    return Markup("".join(made))


_USAGE_WORDS = (("use", "used"), ("req", "requested"), ("rec", "recommended"), ("all", "allocatable"))


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def cost_stack(row: Mapping[str, object]) -> Markup:
    """What the cost of a cluster, a pool or a node consists of: a stacked bar and its legend; empty where there is no cost."""
    amounts = {name: _number(row.get(f"{name}_cost")) for name in PART_NAMES}
    amounts = {name: value for name, value in amounts.items() if known(value) and value > 0}
    total = sum(amounts.values())
    rects, legend, left = [], [], 0.0
    for name, value in amounts.items():
        width = 100 * value / total
        rects.append(f"<rect class={name} x={left:.2f}% width={width:.2f}% />")
        legend.append(f"<li class={name}>{PART_NAMES[name]} {money(value)} <small>{percent(value / total)}</small>")
        left += width
    if not rects:
        return Markup()
    return Markup(f'<svg class="bar stack" aria-hidden=true>{"".join(rects)}</svg><ul class=legend>{"".join(legend)}</ul>')


@dataclass(frozen=True)
class ChartRow:
    """One bar of a chart: its figures stand beside it as text, so that the drawing itself can stay hidden from screen readers."""

    label: str
    href: str
    bar: Markup
    value: str
    note: str


def cost_chart(rows: Sequence[tuple[str, str, float, float]]) -> list[ChartRow]:
    """Horizontal bars of (label, href, cost, slack), longest = largest cost; slack is drawn as the last part of its bar."""
    largest = max((cost for _, _, cost, _ in rows if known(cost)), default=0) or 1.0
    made = []
    for label, href, cost, slack in rows:
        width = 100 * cost / largest if known(cost) else 0.0
        part = min(width, 100 * slack / largest) if known(slack) else 0.0
        bar = (
            f"<svg class=bar aria-hidden=true><rect class=cost width={width:.1f}% />"
            f"<rect class=slack x={width - part:.1f}% width={part:.1f}% /></svg>"
        )
        note = f"slack {FORMATS['money'](slack)}" if known(slack) else "slack unknown"
        made.append(ChartRow(label, href, Markup(bar), written("money", cost), note))
    return made
