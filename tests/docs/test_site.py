"""The site that `make docs` builds: strict, complete, and without anything from other hosts; looked at in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("mkdocs", reason="needs mkdocs (in the docs extra)")
pytest.importorskip("material", reason="needs mkdocs-material (in the docs extra)")

from docs.hooks import ELSEWHERE
from tests.docs.blocks import DOCS, ROOT, blocks, pages

CONFIG = ROOT / "mkdocs.yml"
# One worker builds the site once.
pytestmark = pytest.mark.xdist_group("docs-site")


def entries(navigation: Any) -> list[str]:
    """The pages of a navigation, flat."""
    if isinstance(navigation, str):
        return [navigation]
    below = navigation.values() if isinstance(navigation, dict) else navigation
    return [page for entry in below for page in entries(entry)]


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    listed = entries(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["nav"])
    there = [str(page.relative_to(DOCS)) for page in pages() if DOCS in page.parents]
    made = [page for page, source in ELSEWHERE.items() if (ROOT / source).is_file()]

    assert sorted(listed) == sorted([*there, *made])


def test_no_page_needs_a_script_of_another_host() -> None:
    """The theme fetches mermaid from another host when a page has a block of that language."""
    assert [block.place for page in pages() for block in blocks(page) if block.language == "mermaid"] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    tag = re.compile(r"<(?:script|link|img|iframe|source|video)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+")
    style = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//")
    found = [text for page in site.rglob("*.html") for text in tag.findall(page.read_text(encoding="utf-8"))]
    found += [text for sheet in site.rglob("*.css") for text in style.findall(sheet.read_text(encoding="utf-8"))]

    assert found == []


def test_links_out_of_the_folder_lead_to_pages_or_are_plain_text(site: Path) -> None:
    page = (site / "reference.html").read_text(encoding="utf-8")

    assert 'href="chart-values.html"' in page
    assert "../charts" not in page


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A test has nothing to say."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_pages_and_search_work_in_a_browser_without_any_other_host(address: str, tmp_path: Path) -> None:
    pytest.importorskip("selenium", reason="needs selenium (in the dev extra)")
    from tests.resource_report.chromium import PHONE, browser

    with browser(tmp_path) as chromium:
        driver = chromium.driver
        driver.get("about:blank")
        # The browser's own start page.
        chromium.requests()
        for page in ("index", "downscaler", "janitor", "troubleshooting"):
            driver.get(f"{address}/{page}.html")
            chromium.wait(lambda: chromium.run("return document.readyState === 'complete'"))
        chromium.run(
            "document.getElementById('__search').click();"
            "const field = document.querySelector('.md-search__input'); field.focus(); field.value = 'quarantine';"
            "field.dispatchEvent(new Event('keyup')); field.dispatchEvent(new Event('input'));"
        )
        chromium.wait(
            lambda: "anitor" in (chromium.run("return document.querySelector('.md-search-result__list').innerText") or "")
        )
        metrics = {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for page in ("index", "downscaler", "reference"):
            driver.get(f"{address}/{page}.html")
            assert chromium.run("return document.documentElement.scrollWidth") <= PHONE[0], f"{page} is wider than a phone"

        assert [url for url in chromium.requests() if not url.startswith((address, "data:", "blob:"))] == []
        assert chromium.log() == []
