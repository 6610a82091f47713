"""The status over real HTTP: the paths, their headers, and the page in a real browser, light, dark and on a phone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("selenium", reason="needs selenium (in the dev extra)")

from downscaler.status import About, Board, Hold, Query, Row, Turn
from downscaler.statuspage import page, pages_of
from shared.clock import SystemClock
from shared.health import Health
from shared.metrics import Metrics, start_metrics_server
from tests.resource_report.chromium import PHONE, Browser, axe_source, browser

EVIL = "<script>window.evil=1</script><img src=x onerror=window.evil=1>\"'&"


@pytest.fixture
def served(world: Any) -> Iterator[str]:
    """The address of a process that has taken a turn over a few objects, one of them hostile."""
    world.sim.namespace("lab")
    world.deployment("database", 0, original_replicas="1")
    world.deployment("api", 0, original_replicas="1", depends_on="deployment/database")
    world.deployment("web", namespace="lab", uptime=EVIL)
    for index in range(210):
        world.deployment(f"idle-{index:03}", 1, "lab", uptime="Mon-Fri 08:00-18:00 UTC")
    controller = world.controller("--metrics-port=7979")
    controller.lasting_turn()
    clock = SystemClock()
    pages = pages_of(controller.report.board)
    server = start_metrics_server(0, Metrics("x", "1", clock), Health(30), clock, address="127.0.0.1", pages=pages)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def ask(url: str) -> tuple[int, Any, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_the_json(served: str) -> None:
    code, headers, body = ask(f"{served}/status?namespace=shop&only=waiting")
    found = json.loads(body)
    assert (code, headers["Content-Type"]) == (200, "application/json")
    assert [row["reason"] for row in found["objects"]] == ["waits for deployments shop/database, which is asleep"]
    assert (found["matching"], found["counts"]["objects"], found["after"]) == (1, 213, "")
    following = json.loads(ask(f"{served}/status?limit=200")[2])
    rest = json.loads(ask(f"{served}/status?limit=200&after={following['after']}")[2])
    assert len(following["objects"]) + len(rest["objects"]) == 213
    code, _, body = ask(f"{served}/status?limit=many")
    assert (code, body) == (400, "'many' is not understood; accepted: limit=1 to 10000\n")


def test_what_comes_from_the_cluster_is_escaped(served: str) -> None:
    code, headers, body = ask(f"{served}/?namespace=lab")
    assert code == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "<script" not in body
    assert "<img" not in body
    assert "http" not in body.replace("http-equiv", "").partition("<body>")[2]


def test_hostile_texts_stay_texts_everywhere() -> None:
    board = Board(About(EVIL, EVIL))
    row = Row(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, None, EVIL)
    board.put_up(Turn(EVIL, False, 1, [EVIL], [Hold(EVIL, 3, EVIL)]), [row])
    text = page(board.status(Query()), Query(namespace=EVIL, kind=EVIL, name=EVIL, only=EVIL, after=EVIL))
    assert "<script" not in text
    assert "<img" not in text
    assert EVIL not in text
    assert "Held (3 objects are due to go down): &lt;script&gt;" in text


def test_without_a_board_there_is_no_page() -> None:
    assert pages_of(None) == {}


def test_before_the_first_turn_the_page_says_so() -> None:
    text = page(Board(About("1.2.3", "2026-03-23T12:00:00Z", dry_run=True)).status(Query()), Query())
    assert "No turn has ended yet." in text
    assert "No object matches." in text
    assert "dry run: nothing is changed" in text


# ---- in a browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def look(opened: Browser, url: str, size: tuple[int, int], scheme: str) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    opened.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    opened.driver.get(url)


BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


def test_the_page_in_a_browser(served: str, chromium: Browser) -> None:
    grounds = {}
    for size, scheme in (((1280, 900), "light"), ((1280, 900), "dark"), (PHONE, "light"), (PHONE, "dark")):
        look(chromium, f"{served}/?namespace=shop", size, scheme)
        grounds[size, scheme] = chromium.run(BACKGROUND)
        assert chromium.run("return document.documentElement.scrollWidth") <= size[0]
        assert chromium.run("return window.evil") is None
        chromium.run(axe_source())
        found = chromium.run("return axe.run().then(result => result.violations.map(each => each.id + each.nodes[0].html))")
        assert found == []
    assert grounds[(1280, 900), "light"] == grounds[PHONE, "light"] == "rgb(255, 255, 255)"
    assert grounds[(1280, 900), "dark"] == grounds[PHONE, "dark"] == "rgb(18, 23, 29)"
    # All 213 in two pages, and those that wait by a click.
    rows = "return document.querySelectorAll('tbody tr').length"
    look(chromium, served, PHONE, "light")
    assert chromium.run(rows) == 200
    chromium.driver.find_element("link text", "next page").click()
    assert chromium.run(rows) == 13
    chromium.driver.find_element("partial link text", "waiting 1").click()
    assert "waits for deployments shop/database" in chromium.run("return document.body.innerText")
    asked = {url.partition("?")[0].rstrip("/") for url in chromium.requests() if not url.startswith(("chrome:", "data:"))}
    assert asked == {served}
    assert chromium.log() == []
