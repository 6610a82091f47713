"""Tables of aligned columns for people. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] | None = None, *, left: Collection[int] = (0,)
) -> list[str]:
    """The lines of a table, a total under a rule. The columns *left* are aligned to the left, the others to the right."""
    above = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*above, *([total] if total else []), strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = enumerate(zip(row, widths, strict=True))
        return "  ".join(cell.ljust(width) if index in left else cell.rjust(width) for index, (cell, width) in cells).rstrip()

    lines = [line(row) for row in above]
    if total is None:
        return lines
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return [lines[0], rule, *lines[1:], rule, line(total)]
