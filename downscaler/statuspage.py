"""The page at `/` that shows the status to people: one HTML document, read-only, for phones too, light and dark. Pure.

Everything that comes from the cluster is escaped; the page loads nothing, runs no script, and its policy forbids both.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from downscaler.status import ONLY, Board, Hold, Query, Row, Status, as_json, parse_query
from shared.pages import Document, Page

_ROWS = 200
_STYLE = """
:root{color-scheme:light dark;--line:#d0d5dd;--soft:#f4f6f8;--text:#16202c;--dim:#566170;--bad:#b42318;--warn:#8a5300;
--good:#067647;--back:#fff;--link:#175cd3}
@media(prefers-color-scheme:dark){:root{--line:#3a4350;--soft:#1b222b;--text:#e8ecf1;--dim:#a3afbd;--bad:#ff9a90;
--warn:#f7c563;--good:#6ce0a4;--back:#12171d;--link:#84b6ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:90rem;padding:1rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:0}h1 small{color:var(--dim);font-weight:400;font-size:.9rem}
a{color:var(--link)}p{margin:.4rem 0}.dim{color:var(--dim)}.bad{color:var(--bad)}.warn{color:var(--warn)}.good{color:var(--good)}
nav,form{display:flex;flex-wrap:wrap;gap:.5rem .9rem;margin:.8rem 0;align-items:center}
nav a{padding:.25rem 0}nav a[aria-current]{color:var(--text);font-weight:700;text-decoration:none}
input,button{font:inherit;padding:.35rem .6rem;border:1px solid var(--line);border-radius:.3rem;background:var(--soft);
color:var(--text);max-width:100%}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);
vertical-align:top;overflow-wrap:anywhere}th{background:var(--soft);white-space:nowrap}
@media(max-width:48rem){
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}tr{display:block;border:1px solid var(--line);
border-radius:.4rem;margin:.6rem 0;padding:.3rem 0}
td{display:grid;grid-template-columns:6.5rem minmax(0,1fr);border:0;padding:.15rem .6rem}
td::before{content:attr(data-label);color:var(--dim)}}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = ("object", "now", "wanted", "why", "decided by", "next")
_TONES = {
    "fight": "bad",
    "failed": "bad",
    "broken": "bad",
    "held": "warn",
    "hold": "warn",
    "waiting": "warn",
    "throttled": "warn",
}


def pages_of(board: Board | None) -> dict[str, Page]:
    """The paths that show *board*; none without one."""
    if board is None:
        return {}
    return {
        "/": lambda given: _html(board, given),
        "/status": lambda given: Document(as_json(board.status(parse_query(given))), "application/json"),
    }


def _html(board: Board, given: Mapping[str, str]) -> Document:
    query = parse_query(given, _ROWS)
    text = page(board.status(query), query)
    return Document(text.encode(), "text/html; charset=utf-8", (("Content-Security-Policy", _POLICY),))


def page(status: Status, query: Query) -> str:
    """The document."""
    about = status.controller
    dry = " · dry run: nothing is changed" if about.dry_run else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>kube-downscaler</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>kube-downscaler <small>{escape(about.version)}{dry}</small></h1>{_turn(status)}</header>"
        f"<main>{_filters(status, query)}{_table(status)}{_pager(status, query)}</main>"
        f'<footer class="dim"><p>Running since {_time(about.started)}. All times are UTC. '
        f'The same as data: <a href="status">/status</a>, and <a href="metrics">/metrics</a>.</p></footer></body></html>\n'
    )


def _time(text: str) -> str:
    return escape(text.replace("T", " ").removesuffix("Z"))


def _turn(status: Status) -> str:
    turn = status.turn
    if turn is None:
        return "<p>No turn has ended yet.</p>"
    result = '<span class="good">succeeded</span>' if turn.ok else '<span class="bad">failed</span>'
    due = f", something is due again at {_time(turn.next_due)}" if turn.next_due else ""
    lines = [f"<p>The last turn began at {_time(turn.at)} UTC and {result}: {turn.changed} changed{due}.</p>"]
    lines += [f'<p class="warn">{_hold(hold)}</p>' for hold in turn.holds]
    lines += [f'<p class="bad">{escape(failure)}</p>' for failure in turn.failures]
    return "".join(lines)


def _hold(hold: Hold) -> str:
    return f"Held ({hold.objects} objects are due to go down): {escape(hold.reason)}"


def _filters(status: Status, query: Query) -> str:
    links = [_link("all", status.counts["objects"], query, "")]
    links += [_link(name, status.counts[name], query, name) for name in ONLY]
    kept = f'<input type="hidden" name="only" value="{escape(query.only)}">' if query.only else ""
    return (
        f'<nav aria-label="Which objects">{"".join(links)}</nav>'
        f'<form role="search">{kept}<label>Namespace <input name="namespace" value="{escape(query.namespace)}" '
        f'autocapitalize="none" autocomplete="off"></label><button>Show</button></form>'
    )


def _link(text: str, number: int, query: Query, only: str) -> str:
    current = ' aria-current="page"' if query.only == only else ""
    return f'<a href="{_address(query, only=only)}"{current}>{text} {number}</a>'


def _address(query: Query, only: str, after: str = "") -> str:
    given = {"namespace": query.namespace, "kind": query.kind, "name": query.name, "only": only, "after": after}
    return escape("?" + urlencode({key: value for key, value in given.items() if value}))


def _table(status: Status) -> str:
    if not status.objects:
        return "<p>No object matches.</p>"
    head = "".join(f'<th scope="col">{text}</th>' for text in _HEADERS)
    rows = "".join(map(_row, status.objects))
    return f"<p>{status.matching} objects.</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(row: Row) -> str:
    original = "" if row.original is None else f' <span class="dim">of {escape(str(row.original))}</span>'
    size = "" if row.size is None else f" ({escape(str(row.size))}{original})"
    tone = _TONES.get(row.cause, "dim")
    since = f" since {_time(row.since)}" if row.since else ""
    cells = (
        f"<span>{escape(row.kind)} <b>{escape(row.namespace)}/{escape(row.name)}</b></span>",
        f"<span>{escape(row.actual or 'unknown')}{size}</span>",
        escape(row.wanted or "not known"),
        f'<span><span class="{tone}">{escape(row.cause)}{since}</span>: {escape(row.reason)}</span>',
        escape(row.decided_by or "-"),
        "-" if row.next is None else f"<span>{escape(row.next.want)} {_time(row.next.at)}</span>",
    )
    return (
        "<tr>" + "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in zip(_HEADERS, cells, strict=True)) + "</tr>"
    )


def _pager(status: Status, query: Query) -> str:
    first = f'<a href="{_address(query, only=query.only)}">first page</a>' if query.after else ""
    more = f'<a rel="next" href="{_address(query, only=query.only, after=status.after)}">next page</a>' if status.after else ""
    return f'<nav aria-label="Pages">{first}{more}</nav>' if first or more else ""
