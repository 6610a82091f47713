"""Custom links: the YAML of `--links-file`, checked once, and the hrefs made from it. Pure.

A template may name fields of the row in braces (`https://wiki/{name}`). Values come from the cluster, so that they are
percent-encoded, and the finished address must be http, https, mailto or relative: nothing that a tenant writes into a label
becomes a script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import yaml

from shared.errors import UsageError, shorten

# What a template of each kind may name. `application` and `team` carry more, as they did: every column of their row.
FIELDS: dict[str, frozenset[str]] = {
    "cluster": frozenset({"id", "name", "api_server_url"}),
    "team": frozenset({"id", "name"}),
    "application": frozenset({"id", "name", "team", "active", "cost", "slack_cost", "pods"}),
    "ingress": frozenset({"cluster", "namespace", "name", "application", "host"}),
    "routegroup": frozenset({"cluster", "namespace", "name", "application", "host"}),
    "ingressroute": frozenset({"cluster", "namespace", "name", "application", "host"}),
    "httproute": frozenset({"cluster", "namespace", "name", "application", "host"}),
    "node": frozenset({"cluster", "name"}),
    "pool": frozenset({"cluster", "name"}),
    "namespace": frozenset({"cluster", "name", "id"}),
    "pod": frozenset({"cluster", "namespace", "name"}),
    "component": frozenset({"application", "name"}),
}

# One page of the old tool read "routegroup", another "routegroups"; both mean the same here.
ALIASES = {"routegroups": "routegroup", "ingresses": "ingress", "ingressroutes": "ingressroute", "httproutes": "httproute"}

ACCEPTED_HREF = "an http, https or mailto address, or a relative one"

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}(?: [A-Za-z][A-Za-z0-9_-]{0,40}){0,5}")
_ICON = re.compile(r"[A-Za-z0-9 _-]{0,60}")

# Kept readable in a value, as the old tool left them: none of these ends a path or a query, and none starts a scheme after the
# first.
_KEPT = "/:,@"


@dataclass(frozen=True)
class LinkTemplate:
    """One entry: `href` and `title` may hold placeholders; `icon` is kept for own templates; `css_class` goes onto the link."""

    href: str
    title: str
    icon: str = ""
    css_class: str = ""

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(_PLACEHOLDER.findall(self.href + self.title))


@dataclass(frozen=True)
class Link:
    """A finished link."""

    href: str
    title: str
    icon: str = ""
    css_class: str = ""


@dataclass(frozen=True)
class CustomLinks:
    """Templates by kind, and what was wrong with the rest (one line each)."""

    templates: Mapping[str, tuple[LinkTemplate, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of(self, kind: str, row: Mapping[str, object]) -> list[Link]:
        """The links of one row. A template whose address comes out unsafe for this row is left out."""
        made = (make_link(template, row) for template in self.templates.get(kind, ()))
        return [link for link in made if link is not None]


def is_safe_href(href: str) -> bool:
    """Whether a browser that follows *href* runs no script: http, https, mailto, or relative to the page.

    "//host" is refused as well: on a page opened from disk it means file://host.
    """
    if not href or _CONTROL.search(href) or href.startswith("//"):
        return False
    scheme = _SCHEME.match(href)
    return scheme is None or scheme.group(1).lower() in {"http", "https", "mailto"}


def make_link(template: LinkTemplate, row: Mapping[str, object]) -> Link | None:
    """*template* with the fields of *row* put in; None when the address is not safe."""

    def encoded(match: re.Match[str]) -> str:
        value = str(row.get(match.group(1)) or "")
        # At the very start a value may be a whole address (`{api_server_url}/…`); the check below sees to its scheme.
        return quote(value, safe=_KEPT + "-._~")

    href = _PLACEHOLDER.sub(encoded, template.href)
    if not is_safe_href(href):
        return None
    title = _PLACEHOLDER.sub(lambda match: str(row.get(match.group(1)) or ""), template.title)
    return Link(href, title, template.icon, template.css_class)


def parse_links(text: str, *, source: str = "--links-file") -> CustomLinks:
    """Reads the YAML: a mapping from kind to a list of `href`, `title`, `icon`, `class`.

    Raises UsageError when it is no such mapping at all; a single bad entry only becomes one of the `problems`.
    """
    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UsageError(f"{source}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{source}: accepted: a mapping from {', '.join(sorted(FIELDS))} to lists of links")
    templates: dict[str, tuple[LinkTemplate, ...]] = {}
    problems: list[str] = []
    for key, entries in document.items():
        kind = ALIASES.get(str(key), str(key))
        if kind not in FIELDS or not isinstance(entries, list):
            problems.append(f"{source}: {shorten(str(key))!r}: accepted: a list of links under {', '.join(sorted(FIELDS))}")
            continue
        good = []
        for number, entry in enumerate(entries, 1):
            parsed = _parse_entry(kind, entry)
            if isinstance(parsed, str):
                problems.append(f"{source}: {key} link {number}: {parsed}")
            else:
                good.append(parsed)
        templates[kind] = (*templates.get(kind, ()), *good)
    return CustomLinks(templates, tuple(problems))


def _parse_entry(kind: str, entry: object) -> LinkTemplate | str:
    """The template, or what is wrong with it."""
    if not isinstance(entry, dict) or not isinstance(entry.get("href"), str):
        return "accepted: href, title, icon and class, of which href is required"
    href = entry["href"].strip()
    title = str(entry.get("title") or href)
    for name in _PLACEHOLDER.findall(href + title):
        if name not in FIELDS[kind]:
            return f"unknown placeholder {{{shorten(name, 40)}}}; accepted: {', '.join(sorted(FIELDS[kind]))}"
    # The part before the first placeholder decides the scheme for every row: javascript: is refused here, once, and not row by
    # row.
    sample = _PLACEHOLDER.sub("x", href)
    if not href.startswith("{") and not is_safe_href(sample):
        return f"href {shorten(href)!r} refused; accepted: {ACCEPTED_HREF}"
    css_class, icon = str(entry.get("class") or ""), str(entry.get("icon") or "")
    return LinkTemplate(
        href,
        title,
        icon if _ICON.fullmatch(icon) else "",
        css_class if _CLASS.fullmatch(css_class) else "",
    )
