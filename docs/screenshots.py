"""Takes the README's pictures of a report: `python docs/screenshots.py OUTPUT_DIR PICTURE_DIR` (needs selenium and Chromium).

The pages are opened from disk, as a reader would who got the folder by mail. Pages that the report lacks are left out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
DESKTOP = (1280, 900)
PHONE = (390, 844)


def find(*names: str) -> str:
    """The first of *names* that is installed; exits with one line when none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    sys.exit(f"screenshots: none of {', '.join(names)} is installed")


def browser(profile: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = find("chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service(find("chromedriver")))


def take(driver: webdriver.Chrome, page: Path, picture: Path, size: tuple[int, int], scheme: str) -> None:
    """One picture of *page*: the first screen at *size*, in the colour scheme *scheme* (light or dark)."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    driver.get(page.resolve().as_uri())
    driver.save_screenshot(str(picture))


# Page, picture, window, colour scheme.
SHOTS = (
    ("index", "report-index", DESKTOP, "light"),
    ("index", "report-index-dark", DESKTOP, "dark"),
    ("index", "report-index-phone", PHONE, "light"),
    ("teams", "report-teams", DESKTOP, "light"),
    ("team", "report-team", DESKTOP, "light"),
    ("prices", "report-prices", DESKTOP, "light"),
)


def page_of(folder: Path, name: str) -> Path | None:
    """The page called *name*; `team` is the team page with most to see, which is the largest. None where there is none."""
    if name != "team":
        page = folder / f"{name}.html"
        return page if page.is_file() else None
    return max(folder.glob("team-*.html"), key=lambda path: (path.stat().st_size, path.name), default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes pictures of a report's pages.")
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("picture_dir", type=Path)
    arguments = parser.parse_args()
    arguments.picture_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            for name, picture, size, scheme in SHOTS:
                if (page := page_of(arguments.output_dir, name)) is not None:
                    take(driver, page, arguments.picture_dir / f"{picture}.png", size, scheme)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
