"""The fenced blocks of the documentation and the markers above them. Reads pages; runs nothing.

The contract for whoever writes a page is at the top of `test_commands.py`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SHELL = "sh"
# Other names of a shell: a block that carries one would silently escape the test.
OTHER_SHELLS = frozenset({"bash", "shell", "console", "zsh", "shell-session"})

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})(?P<language>[\w-]*).*$")
_MARKER = re.compile(r"^\s*<!-- (?P<name>not run|exit code|prints): (?P<value>.+?) -->\s*$")
_FILE_NAME = re.compile(r"^(?:#|//) (?P<name>[\w-]+(?:[./][\w-]+)*\.(?:ya?ml|csv|txt|ics|json))$")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, text, and what the markers above it say. `line` counts from 1 and is the fence's."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    exit_code: int = 0
    prints: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{os.path.relpath(self.page, ROOT)}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that this block shows, where its first line is a comment with nothing but a relative file name."""
        match = _FILE_NAME.match(self.text.partition("\n")[0])
        return match["name"] if match and ".." not in match["name"] and self.language != SHELL else None


def pages() -> list[Path]:
    """README.md and every page of docs/, in the order of their names."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Every fenced block of *page* in order. Raises ValueError, naming the line, for one that is not closed."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found, at = [], 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == fence["fence"]), None)
        if end is None:
            raise ValueError(f"{page}:{at + 1}: the block is not closed")
        width = len(fence["indent"])
        text = "\n".join(line[width:] if not line[:width].strip() else line for line in lines[at + 1 : end])
        found.append(_marked(page, at, fence["language"], text, lines))
        at = end + 1
    return found


def _marked(page: Path, at: int, language: str, text: str, lines: list[str]) -> Block:
    """The block whose fence is line *at* (from 0), with the markers that stand right above it."""
    not_run, code, prints = "", 0, []
    above = at - 1
    while above >= 0 and (marker := _MARKER.match(lines[above])):
        if marker["name"] == "not run":
            not_run = marker["value"]
        elif marker["name"] == "exit code":
            code = int(marker["value"])
        else:
            prints.insert(0, marker["value"])
        above -= 1
    return Block(page, at + 1, language, text, not_run, code, tuple(prints))
