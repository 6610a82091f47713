"""Long tables for the browser: columns in shards of a few thousand rows, each a classic script that calls one function.

A script tag works from disk, where fetch() does not. Shards are loaded when a reader sorts, filters or turns the page. Values
that repeat are written once per table, in a file of words that is loaded with the first shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd

from resource_report.cells import Cells, raw
from resource_report.columns import Column, Table

SHARD_ROWS = 5000

_DIGITS = {"money": 2, "cpu": 3, "rate": 4, "pct": 4, "bar": 3}
_encode = msgspec.json.Encoder().encode


def as_script(function: str, *arguments: object) -> bytes:
    """A call with JSON arguments that can do nothing but be that call.

    `<` never appears, so that no `</script>` or `<!--` can, and neither do the two line separators that old engines take for
    a line's end.
    """
    body = b",".join(_encode(argument) for argument in arguments)
    body = body.replace(b"<", b"\\u003c").replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return function.encode() + b"(" + body + b");\n"


def numbers(column: pd.Series[Any], kind: str) -> list[float | int | None]:
    """Rounded values: counts and whole KiB of memory as integers, unknown as None."""
    digits = _DIGITS.get(kind, 0)
    numeric = column.astype("float64")
    values = (numeric / 1024 if kind == "mem" else numeric).round(digits).tolist()
    if digits:
        return [value if value == value else None for value in values]
    return [int(value) if value == value else None for value in values]


@dataclass(frozen=True)
class Words:
    """The different texts of one column, and for each row which one it is.

    `links` holds the links that report.js could not make from the ids (odd ids, and "" where there is no page), None for the
    others.
    """

    texts: list[str]
    links: list[str | None]
    places: list[int]

    @property
    def named(self) -> bool:
        """Whether any link has to be named."""
        return any(link is not None for link in self.links)

    def as_json(self) -> dict[str, list[Any]]:
        return {"d": self.texts, "h": self.links} if self.named else {"d": self.texts}


def words_of(frame: pd.DataFrame, key: str, column: Column | None, cells: Cells) -> Words | None:
    """The words of column *key*, or None when hardly any repeats and no link has to be named.

    Two ids with the same text are two words.
    """
    linked = column if column is not None and column.page else None
    ids = [raw(name, frame) for name in linked.ids] if linked else [key]
    places = frame.groupby(ids, observed=True, sort=False).ngroup()
    first = frame[(~places.duplicated()).to_numpy()]
    texts = first[key].astype(str).tolist()
    words = Words(texts, odd_hrefs(linked, first, cells) if linked else [None] * len(texts), places.tolist())
    return None if not words.named and len(texts) * 2 > len(frame) else words


def odd_hrefs(column: Column, piece: pd.DataFrame, cells: Cells) -> list[str | None]:
    """For each row the link that has to be named, None where it is `<page>-<id>.html` of the ids as shown."""
    shown = zip(*(piece[key].astype(str).tolist() for key in column.ids), strict=True)
    plain = [f"{column.page}-{'.'.join(ids)}.html" for ids in shown]
    return [None if href == usual else href for href, usual in zip(cells.hrefs(column, piece), plain, strict=True)]


def shard_columns(table: Table, cells: Cells) -> list[tuple[str, str, Column | None]]:
    """(key, kind, column) of everything that a shard of *table* holds.

    What is shown, the parts of bars, and what pages select by.
    """
    wanted: dict[str, tuple[str, Column | None]] = {}
    for column in cells.columns_of(table):
        if column.kind == "bar":
            for part in column.parts:
                wanted.setdefault(part, (column.bar_unit, None))
        elif column.kind != "links":
            wanted[column.key] = (column.kind, column)
            for key in column.ids:
                wanted.setdefault(key, ("text", None))
    fields = cells.link_columns(table) if cells.links.templates.get(table.links) else ()
    for key in (*table.extra, *fields):
        wanted.setdefault(key, ("text", None))
    return [(key, kind, column) for key, (kind, column) in wanted.items()]


def shards(table: Table, frame: pd.DataFrame, cells: Cells) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of the words and of every shard of *frame*, which is in the table's own order."""
    parts = shard_columns(table, cells)
    texts: dict[str, list[Any]] = {}
    words: dict[str, dict[str, list[Any]]] = {}
    for key, kind, column in parts:
        if kind == "text":
            found = words_of(frame, key, column, cells)
            texts[key] = frame[key].astype(str).tolist() if found is None else found.places
            if found is not None:
                words[key] = found.as_json()
    yield f"tables/{table.name}-words.js", as_script("thriftShard", table.name, "words", words)
    for number, start in enumerate(range(0, len(frame), SHARD_ROWS)):
        rows = slice(start, start + SHARD_ROWS)
        piece = {key: _values(frame[key].iloc[rows], kind) if kind != "text" else texts[key][rows] for key, kind, _ in parts}
        yield f"tables/{table.name}-{number}.js", as_script("thriftShard", table.name, number, piece)


def _values(column: pd.Series[Any], kind: str) -> list[Any]:
    return column.tolist() if kind == "bool" else list(numbers(column, kind))


class ShardIndex:
    """Collects what the browser has to know of each sharded table before it asks for a shard."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, object]] = {}

    def files(self, table: Table, frame: pd.DataFrame, cells: Cells) -> Iterator[tuple[str, bytes]]:
        """The shards of *table*, noted on the way; none for a table without rows."""
        if frame.empty:
            return
        digest = hashlib.blake2b(digest_size=5)
        for name, content in shards(table, frame, cells):
            digest.update(content)
            yield name, content
        count = -(-len(frame) // SHARD_ROWS)
        self._entries[table.name] = {"shards": count, "rows": len(frame), "size": SHARD_ROWS, "version": digest.hexdigest()}

    def script(self) -> bytes:
        return as_script("thriftIndex", dict(sorted(self._entries.items())))
