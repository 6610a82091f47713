"""The user's price files: the old three-column form and the wider one with a header.

Old form, no header: `region,type,monthly_usd`, a month being 730.5 hours. Wider form: the first line that is no comment names
the columns; `type` and `price` are needed, `region`, `zone`, `unit`, `currency` and `rate` are optional, any other is ignored.
`#` starts a comment line, `*` and other glob patterns match regions, zones and types. A bad line is a problem with file and
line number; the others are still read. Reads that one file; knows no network.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from resource_report.price_types import HOURS_PER_MONTH, Found, NodeShape, Problem
from shared.errors import UsageError, ValueProblem, shorten

# Header names and what they mean; several spellings, because people export these from spreadsheets.
COLUMNS = {
    "region": "region",
    "location": "region",
    "zone": "zone",
    "availability_zone": "zone",
    "type": "type",
    "instance_type": "type",
    "price": "price",
    "monthly_usd": "monthly_usd",
    "hourly_usd": "hourly_usd",
    "price_per_hour": "hourly_usd",
    "price_per_month": "monthly_usd",
    "unit": "unit",
    "currency": "currency",
    "rate": "rate",
}
UNITS = {
    "hour": 1.0, "hourly": 1.0, "h": 1.0, "hr": 1.0, "hrs": 1.0,
    "month": HOURS_PER_MONTH, "monthly": HOURS_PER_MONTH, "mo": HOURS_PER_MONTH,
    "year": HOURS_PER_MONTH * 12, "yearly": HOURS_PER_MONTH * 12,
}  # fmt: skip
OLD_FORM = ("region", "type", "monthly_usd")
ACCEPTED_LINE = "region,type,monthly USD, or the columns of a header line with type and price"
ACCEPTED_AMOUNT = "a number of 0 or more, such as 84.01"
ACCEPTED_UNIT = "hour, month or year"
MAX_LINE_PROBLEMS = 20


@dataclass(frozen=True)
class PriceRow:
    """One line: which shapes it prices, and USD per hour."""

    region: str
    zone: str
    type: str
    hourly: float
    line: int

    def matches(self, shape: NodeShape) -> bool:
        return (
            fnmatchcase(shape.region, self.region)
            and fnmatchcase(shape.zone, self.zone)
            and fnmatchcase(shape.instance_type, self.type)
        )

    @property
    def rank(self) -> tuple[int, int]:
        """How special the line is: exact names before patterns, longer patterns before `*`; of equals the later line wins."""
        score = 0
        for pattern, weight in ((self.type, 400), (self.zone, 200), (self.region, 100)):
            exact = not is_pattern(pattern)
            score += weight if exact else min(len(pattern) - 1, weight // 2)
        return score, self.line


@dataclass(frozen=True)
class PriceFile:
    """A read file as a layer of prices: of on-demand prices or of spot prices, never both."""

    name: str
    kind: str
    rows: tuple[PriceRow, ...]
    as_of: date | None = None
    problems: tuple[Problem, ...] = ()

    def on_demand(self, shape: NodeShape) -> Found | None:
        return self._find(shape) if self.kind == "on-demand" else None

    def spot(self, shape: NodeShape) -> Found | None:
        return self._find(shape) if self.kind == "spot" else None

    @cached_property
    def _exact(self) -> dict[tuple[str, str], list[PriceRow]]:
        index: dict[tuple[str, str], list[PriceRow]] = {}
        for row in self.rows:
            if not is_pattern(row.region) and not is_pattern(row.type):
                index.setdefault((row.region, row.type), []).append(row)
        return index

    @cached_property
    def _patterns(self) -> tuple[PriceRow, ...]:
        return tuple(row for row in self.rows if is_pattern(row.region) or is_pattern(row.type))

    def _find(self, shape: NodeShape) -> Found | None:
        candidates = [*self._exact.get((shape.region, shape.instance_type), ()), *self._patterns]
        matching = [row for row in candidates if row.matches(shape)]
        if not matching:
            return None
        best = max(matching, key=lambda row: row.rank)
        source = f"pricing file {self.name} line {best.line}"
        return Found(best.hourly, source, self.as_of, f"{self.kind} price of your {source}.")


def load_price_file(path: Path, kind: str, rates: Mapping[str, float]) -> PriceFile:
    """Reads *path* as prices of *kind* (`on-demand` or `spot`); *rates* gives USD per unit of each other currency.

    Raises UsageError where the file cannot be opened or is not UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        as_of = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"price file {path}: {error.strerror if isinstance(error, OSError) else error}") from error
    rows, problems = parse_price_file(text, str(path), rates)
    return PriceFile(path.name, kind, tuple(rows), as_of, tuple(problems))


def parse_price_file(text: str, path: str, rates: Mapping[str, float]) -> tuple[list[PriceRow], list[Problem]]:
    """The rows of *text* and a problem for each line that cannot be read."""
    rows: list[PriceRow] = []
    problems: list[Problem] = []
    columns: tuple[str, ...] | None = None
    reader = csv.reader(io.StringIO(text))
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problems.append(("warning", f"price file {path} line {reader.line_num}: {error}"))
            continue
        if cells is None:
            break
        cells = [cell.strip() for cell in cells]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if columns is None:
            columns = _header(cells)
            if columns is not None:
                continue
            columns = OLD_FORM
        try:
            rows.append(_row(cells, columns, rates, reader.line_num))
        except ValueProblem as problem:
            problems.append(("warning", f"price file {path} line {reader.line_num}: {problem}"))
    return rows, _capped(problems, path)


def is_pattern(text: str) -> bool:
    """Whether *text* holds a glob character."""
    return any(character in text for character in "*?[")


def _capped(problems: list[Problem], path: str) -> list[Problem]:
    if len(problems) <= MAX_LINE_PROBLEMS:
        return problems
    more = len(problems) - MAX_LINE_PROBLEMS
    return [*problems[:MAX_LINE_PROBLEMS], ("warning", f"price file {path}: {more} more lines cannot be read")]


def _header(cells: list[str]) -> tuple[str, ...] | None:
    """The columns that a header line names, or None where *cells* is no header but a line of prices."""
    names = tuple(COLUMNS.get(cell.lower().replace(" ", "_").replace("-", "_"), "") for cell in cells)
    return names if "type" in names and {"price", "monthly_usd", "hourly_usd"} & set(names) else None


def _row(cells: list[str], columns: tuple[str, ...], rates: Mapping[str, float], line: int) -> PriceRow:
    if columns is OLD_FORM and len(cells) != len(OLD_FORM):
        raise ValueProblem(",".join(cells), ACCEPTED_LINE)
    fields = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    instance_type = fields.get("type", "")
    if not instance_type:
        raise ValueProblem(",".join(cells), ACCEPTED_LINE)
    hourly = _amount(fields) * _usd_per_unit(fields, rates)
    return PriceRow(fields.get("region") or "*", fields.get("zone") or "*", instance_type, hourly, line)


def _amount(fields: Mapping[str, str]) -> float:
    """The line's amount per hour, in its own currency."""
    if fields.get("hourly_usd"):
        return _number(fields["hourly_usd"])
    if fields.get("monthly_usd"):
        return _number(fields["monthly_usd"]) / HOURS_PER_MONTH
    unit = fields.get("unit", "").lower() or "month"
    if unit not in UNITS:
        raise ValueProblem(unit, ACCEPTED_UNIT)
    return _number(fields.get("price", "")) / UNITS[unit]


def _usd_per_unit(fields: Mapping[str, str], rates: Mapping[str, float]) -> float:
    currency = fields.get("currency", "").upper() or "USD"
    if fields.get("rate"):
        return _number(fields["rate"])
    if currency == "USD":
        return 1.0
    rate = rates.get(currency)
    if rate is None:
        raise ValueProblem(currency, "USD, a currency with a configured rate, or a rate column in USD per unit")
    return rate


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueProblem(shorten(text), ACCEPTED_AMOUNT) from None
    if not math.isfinite(number) or number < 0:
        raise ValueProblem(text, ACCEPTED_AMOUNT)
    return number
