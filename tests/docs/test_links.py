"""Relative links of README.md, CHANGELOG.md and docs/ lead to files that exist, and their anchors to headings, in the repository.

The site's own links are checked by mkdocs (`test_site.py`).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks, pages

_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_SCHEME = re.compile(r"[a-z]+:", re.IGNORECASE)
ALL = [*pages(), ROOT / "CHANGELOG.md"]


def prose(page: Path) -> list[str]:
    """The lines of *page* outside fenced blocks."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in blocks(page):
        for number in range(block.line - 1, block.line + block.text.count("\n") + 2):
            if number < len(lines):
                lines[number] = ""
    return lines


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of *page*: its headings as GitHub and mkdocs make them, and explicit ids."""
    found: list[str] = []
    for line in prose(page):
        if heading := re.match(r"#{1,6} (.+)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
        found += re.findall(r'<a (?:id|name)="([^"]+)"', line)
    return frozenset(found)


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for number, line in enumerate(prose(page), start=1):
        for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            path, _, anchor = target.partition("#")
            if _SCHEME.match(target):
                continue
            file = page.parent / path if path else page
            if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}:{number}: {target}")

    assert broken == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Über `code` & more\n\n## Twice\n## Twice\n", encoding="utf-8")

    assert anchors(page) == {"über-code--more", "twice", "twice-1"}
