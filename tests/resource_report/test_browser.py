"""The pages in a real Chromium: from disk and over HTTP, with a mouse, with a keyboard, on a phone, in the dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="needs selenium (in the dev extra)")

from selenium.webdriver.common.keys import Keys

from resource_report.links import parse_links
from resource_report.output import OutputFolder
from resource_report.render import RenderOptions, write_report
from resource_report.views import WHOLE_PAGES
from tests.resource_report.chromium import PHONE, Browser, axe_source, browser
from tests.resource_report.sample_report import Size, sample_report

MANY = Size(nodes=60, pods=6000, applications=1200, teams=70, namespaces=20)

LINKS = """
pod:
- {href: "https://logs.example.org/{cluster}/{namespace}/{name}", title: "Logs of {name}", icon: search}
team:
- {href: "https://wiki.example.org/teams/{id}", title: Wiki}
"""


# Text, links and parts of bars of every cell. Widths of bars are left out: they are rounded from rounded figures in the browser.
ROWS = """
return [...document.getElementById(arguments[0]).tBodies[0].rows].map(row => [...row.cells].map(cell => [
    cell.innerText.trim(), cell.tagName, cell.className, [...cell.querySelectorAll('a')].map(a => a.href + a.className).join(),
    [...cell.querySelectorAll('rect')].map(rect => rect.getAttribute('class')).join()].join('|')))
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """A test's output is for the test."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def _written(folder: Path, size: Size, *, hostile: bool = False) -> Path:
    with OutputFolder(folder) as output:
        write_report(sample_report(size, hostile=hostile), output, RenderOptions(links=parse_links(LINKS)))
    return folder


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with more rows than fit into a page or a shard, so large that its small pages are compact."""
    assert MANY.applications > WHOLE_PAGES
    return _written(tmp_path_factory.mktemp("large"), MANY)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("small"), Size())


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _written(tmp_path_factory.mktemp("hostile"), Size(), hostile=True)


@pytest.fixture(scope="session")
def served(large: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(large)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["file", "http"])
def origin(request: pytest.FixtureRequest, large: Path) -> str:
    """Where the large report is opened from."""
    return large.as_uri() if request.param == "file" else str(request.getfixturevalue("served"))


def _money(texts: list[str]) -> list[float]:
    return [float(text.replace(",", "")) for text in texts if text != "unknown"]


def test_a_long_table_sorts_filters_and_pages(chromium: Browser, origin: str) -> None:
    chromium.open(f"{origin}/pods.html")
    assert chromium.status("pods") == "6,000 rows"
    server_rendered = chromium.column("pods", "cost")
    assert _money(server_rendered) == sorted(_money(server_rendered), reverse=True)

    chromium.press("Next page")
    assert _money(chromium.column("pods", "cost"))[0] <= _money(server_rendered)[-1]
    chromium.press("Last page")
    last = chromium.column("pods", "pod")
    assert len(last) == 50

    chromium.sort("pods", "pod")
    names = chromium.column("pods", "pod")
    assert names[:3] == sorted(names)[:3]
    assert names != last

    chromium.sort("pods", "slack_cost")
    largest_first = _money(chromium.column("pods", "slack_cost"))
    assert largest_first == sorted(largest_first, reverse=True)
    chromium.sort("pods", "slack_cost")
    smallest_first = _money(chromium.column("pods", "slack_cost"))
    assert smallest_first == sorted(smallest_first)
    assert smallest_first[0] <= largest_first[-1]

    chromium.filter("cluster:prod-eu component:web cpu_requests>0.4")
    assert set(chromium.column("pods", "cluster")) == {"prod-eu"}
    assert set(chromium.column("pods", "component")) == {"web"}
    assert all(float(text) > 0.4 for text in chromium.column("pods", "cpu_requests"))
    assert " of 6,000 rows" in chromium.status("pods")
    chromium.filter("no-such-pod-anywhere")
    assert chromium.column("pods", "pod") == ["No row fits this filter."]
    assert chromium.log() == []


def test_rows_made_in_the_browser_read_like_those_from_the_server(chromium: Browser, origin: str) -> None:
    for name in ("pods", "workloads", "nodes", "teams"):
        chromium.open(f"{origin}/{name}.html")
        from_server = chromium.run(ROWS, name)
        chromium.open(f"{origin}/{name}.html#{name}.size=100")
        chromium.settle()
        from_browser = chromium.run(ROWS, name)
        different = [(left, right) for left, right in zip(from_server, from_browser, strict=False) if left != right]
        assert different == [], name
        assert len(from_browser) > len(from_server)


def test_the_state_is_in_the_address_and_comes_back(chromium: Browser, origin: str) -> None:
    chromium.open(f"{origin}/pods.html")
    chromium.filter("staging-eu")
    chromium.sort("pods", "memory_requests")
    chromium.press("Next page")
    address, rows = chromium.driver.current_url, chromium.column("pods", "pod")
    assert "pods.q=staging-eu" in address
    assert "pods.sort=-memory_requests" in address
    assert "pods.page=2" in address

    chromium.open(address)
    chromium.settle()

    assert chromium.column("pods", "pod") == rows
    assert chromium.run("return document.querySelector('input[type=search]').value") == "staging-eu"
    assert chromium.run("return document.querySelector('[aria-sort=descending]').dataset.k") == "memory_requests:mem"


def test_a_sorted_heading_says_so_to_a_screen_reader(chromium: Browser, small: Path) -> None:
    chromium.open(f"{small.as_uri()}/teams.html")
    sorted_by = "return [...document.querySelectorAll('th[aria-sort]')].map(th => [th.dataset.k, th.getAttribute('aria-sort')])"
    assert chromium.run(sorted_by) == [["slack_cost:money", "descending"]]

    chromium.run("document.querySelector('th[data-k=team] button').focus()")
    chromium.driver.switch_to.active_element.send_keys(Keys.ENTER)

    assert chromium.run(sorted_by) == [["team", "ascending"]]
    teams = chromium.column("teams", "team")
    assert teams == sorted(teams)
    chromium.driver.switch_to.active_element.send_keys(Keys.SPACE)
    assert chromium.run(sorted_by) == [["team", "descending"]]


def test_unknown_stands_last_whichever_way_a_column_is_sorted(chromium: Browser, small: Path) -> None:
    for sort in ("slack_cost", "-slack_cost"):
        chromium.open(f"{small.as_uri()}/pods.html#pods.sort={sort}&pods.size=250&pods.page=2")
        chromium.settle()
        slack = chromium.column("pods", "slack_cost")
        first_unknown = slack.index("unknown")
        assert set(slack[first_unknown:]) == {"unknown"}


def test_a_compact_page_gets_its_heading_rows_and_bars(chromium: Browser, origin: str, large: Path) -> None:
    page = sorted(large.glob("node-*.html"))[0]
    assert "<thead" not in page.read_text()
    chromium.open(f"{origin}/{page.name}")
    chromium.wait(lambda: chromium.run("return document.querySelectorAll('#pods tbody tr').length") > 1)
    node = chromium.run("return document.querySelector('h1').textContent")
    assert chromium.column("pods", "pod")[0]
    assert chromium.run("return document.querySelectorAll('.usage svg.bar').length") == 2
    assert chromium.run("return document.querySelector('#nav [aria-current]').textContent") == "Nodes"

    listed = int(chromium.status("pods").split()[0])
    chromium.open(f"{origin}/pods.html#pods.q=node:{node}")
    chromium.settle()
    assert chromium.status("pods") == f"{listed} of 6,000 rows"
    assert chromium.log() == []


def test_light_and_dark(chromium: Browser, small: Path) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    page = f"{small.as_uri()}/index.html"
    chromium.open(page, scheme="dark")
    dark = chromium.run(background)
    chromium.open(page, scheme="light")
    light = chromium.run(background)
    assert dark != light

    button = chromium.driver.find_element("id", "theme")
    assert button.get_attribute("aria-label") == "Switch to dark colours"
    button.click()
    assert chromium.run(background) == dark
    chromium.open(f"{small.as_uri()}/teams.html", scheme="light")
    assert chromium.run(background) == dark, "the choice is kept for the other pages"
    chromium.driver.find_element("id", "theme").click()
    assert chromium.run(background) == light
    chromium.run("localStorage.clear()")


def _every_kind(folder: Path) -> list[str]:
    """One page of each kind."""
    names = sorted(path.name for path in folder.glob("*.html"))
    kinds = {name.split("-")[0].removesuffix(".html"): name for name in names}
    return sorted(kinds.values())


@pytest.mark.parametrize("report", ["small", "large", "hostile"])
def test_no_error_no_other_host_and_nothing_wider_than_a_phone(
    chromium: Browser, request: pytest.FixtureRequest, report: str
) -> None:
    folder: Path = request.getfixturevalue(report)
    chromium.log()
    chromium.requests()
    for name in _every_kind(folder):
        chromium.open(f"{folder.as_uri()}/{name}", size=PHONE)
        chromium.settle()
        assert chromium.run("return document.documentElement.scrollWidth") <= PHONE[0], name
        assert chromium.log() == [], name
    asked = [url for url in chromium.requests() if url != "about:blank" and not url.startswith("data:")]
    assert asked
    assert all(url.startswith(folder.as_uri()) for url in asked)


def test_markup_and_tricks_in_names_stay_text(chromium: Browser, hostile: Path) -> None:
    odd_names = [path.name for path in hostile.glob("*-??????????.html")]
    assert len(odd_names) > 20
    for page in sorted({*odd_names[::3], *_every_kind(hostile)}):
        chromium.open(f"{hostile.as_uri()}/{page}#x=1")
        chromium.settle()
        found = chromium.run(
            """
            const odd = [];
            for (const s of document.scripts)
                if (!/^(assets|tables)\\/[\\w.-]+(\\?\\w+)?$/.test(s.getAttribute('src'))) odd.push(s.outerHTML);
            for (const e of document.querySelectorAll('[href]'))
                if (!/^(https:|file:|mailto:)/.test(e.href)) odd.push(e.outerHTML);
            for (const e of document.querySelectorAll('main img, iframe, object, embed')) odd.push(e.outerHTML);
            for (const e of document.querySelectorAll('*'))
                for (const a of e.attributes) if (/^on|^style$/i.test(a.name)) odd.push(e.outerHTML);
            return odd
            """
        )
        assert found == [], page
    chromium.open(f"{hostile.as_uri()}/applications.html")
    assert '<script>alert("x")</script>\'"&' in chromium.column("applications", "application")
    assert "javascript:alert(1)" in chromium.column("applications", "application")
    assert chromium.log() == []


def test_every_link_leads_somewhere(hostile: Path, small: Path) -> None:
    """Links between the pages, checked in the files: names were made safe, and both sides have to agree on how."""
    import re

    for folder in (hostile, small):
        files = {path.name for path in folder.iterdir()}
        for page in folder.glob("*.html"):
            for href in re.findall(r'href="?([^">\s]+)', page.read_text(encoding="utf-8")):
                target = href.split("#")[0].split("?")[0]
                if target and not href.startswith(("http", "assets/")):
                    assert target in files, (page.name, href)


@pytest.mark.parametrize(("report", "scheme"), [("small", "light"), ("large", "light"), ("small", "dark")])
def test_axe_finds_no_serious_fault(chromium: Browser, request: pytest.FixtureRequest, report: str, scheme: str) -> None:
    script = axe_source()
    folder: Path = request.getfixturevalue(report)
    # The large report differs in its compact pages; in the dark only the colours differ.
    kinds = {"large": ("node", "application", "namespace"), "dark": ("index", "team", "node", "glossary")}
    names = [name for name in _every_kind(folder) if name.startswith(kinds.get(report, kinds.get(scheme, ("",))))]
    for name in names:
        chromium.open(f"{folder.as_uri()}/{name}", scheme=scheme)
        chromium.settle()
        chromium.run("document.querySelectorAll('details.why, details.how').forEach((one, n) => one.open = n % 2 === 0)")
        chromium.run(script)
        faults = chromium.run(
            "return axe.run(document).then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
            ".map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html)]))"
        )
        assert faults == [], (name, scheme)


def test_an_explanation_opens_by_keyboard_and_closes_with_escape(chromium: Browser, small: Path) -> None:
    chromium.open(f"{small.as_uri()}/index.html")
    chromium.run("document.querySelector('details.why summary').focus()")
    chromium.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert chromium.run("return document.querySelectorAll('details.why[open]').length") == 1
    chromium.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert chromium.run("return document.querySelectorAll('details.why[open]').length") == 0
    assert chromium.run("return document.activeElement.tagName") == "SUMMARY"


def test_collapsed_sections_are_in_the_address(chromium: Browser, small: Path) -> None:
    page = sorted(small.glob("cluster-*.html"))[0].as_uri()
    chromium.open(page)
    chromium.driver.find_element("css selector", "#s-nodes summary").click()
    chromium.wait(lambda: "collapsed=s-nodes" in chromium.driver.current_url)
    address = chromium.driver.current_url

    chromium.open(address)

    closed = "return [...document.querySelectorAll('details.section')].filter(one => !one.open).map(one => one.id)"
    assert chromium.run(closed) == ["s-nodes"]


def test_print_shows_every_row_of_the_page_and_no_navigation(chromium: Browser, small: Path) -> None:
    chromium.open(f"{small.as_uri()}/applications.html")
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert chromium.run(shown, ".top nav") == "none"
    assert chromium.run(shown, "#theme") == "none"
    assert len(chromium.column("applications", "application")) == 30
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_javascript_the_first_rows_are_there(chromium: Browser, small: Path) -> None:
    chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.driver.get(f"{small.as_uri()}/pods.html")
        rows = chromium.driver.find_elements("css selector", "#pods tbody tr")
        assert len(rows) == 50
        assert not chromium.driver.find_elements("css selector", "button.sort")
        assert not chromium.driver.find_element("id", "theme").is_displayed()
    finally:
        chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_custom_links_of_rows_made_in_the_browser(chromium: Browser, origin: str) -> None:
    chromium.open(f"{origin}/pods.html#pods.page=3")
    chromium.settle()
    cluster, namespace, pod = (chromium.column("pods", key)[0] for key in ("cluster", "namespace", "pod"))
    href, text = chromium.run("const a = document.querySelector('#pods tbody a.custom'); return [a.href, a.textContent]")
    assert href == f"https://logs.example.org/{cluster}/{namespace}/{pod}"
    assert text == f"Logs of {pod}"
