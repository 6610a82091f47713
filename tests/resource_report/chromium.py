"""A headless Chromium for the tests of the pages: started once, with a fresh profile, and asked what it logged and fetched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
DESKTOP = (1280, 900)
PHONE = (390, 844)
ROOT = Path(__file__).resolve().parents[2]


def needed(*names: str) -> str:
    """The first of *names* that is installed; skips the test, saying so, when none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs a browser: none of {', '.join(names)} is installed")


def axe_source() -> str:
    """axe-core's script, from its npm release under $AXE_CORE_DIR; skips the test, saying so, when it is not there."""
    folder = Path(os.environ.get("AXE_CORE_DIR", ROOT / ".venv-node"))
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("needs axe-core: npm install --prefix .venv-node axe-core@4 (or name its folder in AXE_CORE_DIR)")
    return script.read_text(encoding="utf-8")


class Browser:
    """The driver with the few questions that the tests ask."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, *, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> None:
        """Opens *url* as a new page, even where only the fragment differs, and waits until its script has run."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        self.driver.get("about:blank")
        self.driver.get(url)
        self.wait(lambda: self.run("return document.documentElement.dataset.ready === 'yes'"))

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, 15, poll_frequency=0.02).until(lambda _: condition())

    def settle(self) -> None:
        """Waits until no table is loading and something was on screen since."""
        self.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.wait(
            lambda: not self.run("return [...document.querySelectorAll('.table-status')].some(p => p.textContent === 'Loading…')")
        )

    def column(self, table: str, key: str) -> list[str]:
        """The texts of column *key* of the rows on screen."""
        script = """
            const table = document.getElementById(arguments[0]);
            const at = [...table.tHead.rows[0].cells].findIndex(th => th.dataset.k.split(':')[0] === arguments[1]);
            return [...table.tBodies[0].rows].map(row => (row.cells[at] || row.cells[0]).textContent.trim());
        """
        return list(self.run(script, table, key))

    def status(self, table: str) -> str:
        return str(
            self.run(
                "return document.getElementById(arguments[0]).closest('.table-wrap').parentNode"
                ".querySelector('.table-status').textContent",
                table,
            )
        )

    def sort(self, table: str, heading: str) -> None:
        xpath = f'//table[@id="{table}"]//th[@data-k="{heading}" or starts-with(@data-k, "{heading}:")]//button'
        self.driver.find_element(By.XPATH, xpath).click()
        self.settle()

    def filter(self, text: str) -> None:
        """Types *text* into the first filter field, in place of what is there."""
        field = self.driver.find_element(By.CSS_SELECTOR, "input[type=search]")
        before = self.run("return location.hash")
        field.clear()
        field.send_keys(text)
        self.wait(lambda: self.run("return location.hash") != before)
        self.settle()

    def press(self, label: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, f'button[aria-label="{label}"]').click()
        self.settle()

    def log(self) -> list[str]:
        """What the console said since the last call: errors, warnings, refusals by the content security policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that the browser asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = needed("chromium", "chromium-browser", "google-chrome")
    service = Service(needed("chromedriver"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
