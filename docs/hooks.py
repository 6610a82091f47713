"""What mkdocs needs besides the pages of docs/: pages that are kept elsewhere in the repository, and links that leave docs/.

A link from a page to a file of the repository works where the repository is browsed. On the site it leads to the page made from
that file, where there is one, and is plain text otherwise.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# Page of the site: the file of the repository that it shows.
ELSEWHERE = {"changelog.md": "CHANGELOG.md", "chart-values.md": "charts/kube-thrift/README.md"}
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are kept elsewhere."""
    for page, source in ELSEWHERE.items():
        if (ROOT / source).is_file():
            files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites the links that leave docs/, as seen from where the page's source stands in the repository."""
    source = ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pages = {where: name for name, where in ELSEWHERE.items()}

    def rewritten(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["target"]))
        inside = target.removeprefix("docs/") if target.startswith("docs/") else pages.get(target)
        if inside is None:
            return match["text"]
        if source == f"docs/{page.file.src_uri}" and target.startswith("docs/"):
            return match[0]
        return f"[{match['text']}]({inside}{match['anchor'] or ''})"

    return _LINK.sub(rewritten, markdown)
