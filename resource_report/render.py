"""A report to files: every page, table and data file as (name, bytes), in a fixed order. No disk is written here.

`render` makes them one by one, so that a large report never lies in memory as a whole; `write_report` puts them into a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from resource_report import metrics_json, tsv
from resource_report.cells import Cells
from resource_report.links import CustomLinks
from resource_report.notifications import Notification, Severity, ordered
from resource_report.output import OutputFolder
from resource_report.overview import navigation, overview_page, run_script
from resource_report.pages import Detail, Page, list_pages
from resource_report.shards import ShardIndex
from resource_report.summary import Report
from resource_report.templating import Templates
from resource_report.views import Currency, Views

Hook = Callable[[str, dict[str, Any]], object]

STATIC = ("report.css", "report.js", "theme.js", "icon.svg")
OLD_DUMP = "dump.pickle"


@dataclass(frozen=True)
class RenderOptions:
    """What the operator chose for the pages.

    `prerender_hook` is called with each page's template name and its context, which it may change. `templates_path` is a
    folder of templates that go before the built-in ones. `tsv_header` gives slack.tsv the heading that it never had.
    """

    links: CustomLinks = field(default_factory=CustomLinks)
    templates_path: Path | None = None
    prerender_hook: Hook | None = None
    tsv_header: bool = False
    currency: Currency = field(default_factory=Currency)


class Renderer:
    """Renders one report. `notifications` grows while pages are made.

    A hook or an override that fails is told and passed over.
    """

    def __init__(self, report: Report, options: RenderOptions) -> None:
        self.options = options
        problems = [Notification(Severity.WARNING, "", "custom links", text) for text in options.links.problems]
        self.report = replace(report, notifications=ordered((*report.notifications, *problems)))
        self.views = Views(self.report, options.currency)
        self.cells = Cells(self.views.names, options.links, sharing=report.sharing)
        self.templates = Templates(options.templates_path, options.prerender_hook)
        self.shared = {"version": report.version, "currency": options.currency.code, "navigation": navigation()}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file. Pages come after what they load, the overview and the notifications last.

        They say what went wrong before.
        """
        for name in STATIC:
            yield f"assets/{name}", resources.files("resource_report").joinpath("static", name).read_bytes()
        index = ShardIndex()
        for table in self.views.tables():
            yield from index.files(table, self.views.frames[table.name], self.cells)
        yield "tables/index.js", index.script()
        yield from tsv.files(self.views, header=self.options.tsv_header)
        yield from metrics_json.files(self.views)
        for page in self._pages():
            yield page.file, self._html(page)
        yield "tables/run.js", run_script(self.report, self.cells, self.views.currency.code)
        for page in self._last_pages():
            yield page.file, self._html(page)

    def _pages(self) -> Iterator[Page]:
        yield from Detail(self.views, self.options.links).pages()
        yield from list_pages(self.views, self.cells)
        yield Page("glossary.html", "glossary.html", "What the figures mean")

    def _last_pages(self) -> Iterator[Page]:
        for make in (self._notifications, lambda notes: overview_page(self.views, self.cells, notes)):
            yield make(ordered((*self.report.notifications, *self.templates.problems)))

    @staticmethod
    def _notifications(notes: tuple[Notification, ...]) -> Page:
        return Page("notifications.html", "notifications.html", "Notifications", context={"notifications": notes})

    def _html(self, page: Page) -> bytes:
        section = (
            page.file if page.template != page.fallback and not page.context.get("kind") else f"{page.context['kind']}s.html"
        )
        context = {**self.shared, "title": page.title, "file": page.file, "section": section, **page.context}
        return self.templates.render(page.template, page.fallback, context).encode("utf-8", "replace")


def render(report: Report, options: RenderOptions | None = None) -> Iterator[tuple[str, bytes]]:
    """Every file of *report* as (name relative to the output folder, content)."""
    return Renderer(report, options or RenderOptions()).files()


def write_report(report: Report, folder: OutputFolder, options: RenderOptions | None = None) -> None:
    """Writes *report* into *folder* and removes what an earlier run left there.

    The old tool's `dump.pickle` is never touched, but named: it holds the credentials of every cluster it read.
    """
    if folder.has(OLD_DUMP):
        message = "the folder still holds the old tool's dump.pickle, which contains API credentials"
        remedy = "delete dump.pickle and replace the credentials if the folder was ever published"
        note = Notification(Severity.WARNING, "", OLD_DUMP, message, remedy)
        report = replace(report, notifications=(*report.notifications, note))
    for name, content in render(report, options):
        folder.write(name, content)
    folder.finish()


def write_loading_page(folder: OutputFolder, version: str, options: RenderOptions | None = None) -> None:
    """On the very first run: a page that says so, because reading large clusters takes a while.

    An existing overview is left alone.
    """
    if folder.has("index.html"):
        return
    options = options or RenderOptions()
    for name in STATIC:
        folder.write(f"assets/{name}", resources.files("resource_report").joinpath("static", name).read_bytes())
    templates = Templates(options.templates_path, options.prerender_hook)
    context = {"version": version, "title": "Loading", "file": "index.html", "section": "", "navigation": []}
    folder.write("index.html", templates.render("loading.html", "", context).encode())
    folder.remember()
