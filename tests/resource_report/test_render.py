"""A report as files: all of them, small, the same twice, and nothing that a name could break."""

from __future__ import annotations

import html.parser
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from resource_report.links import parse_links
from resource_report.output import MANIFEST, OutputFolder
from resource_report.render import RenderOptions, render, write_loading_page, write_report
from resource_report.summary import Report
from tests.resource_report.sample_report import HOSTILE, Size, sample_report

OLD_FILES = {
    *(
        "index.html",
        "clusters.html",
        "nodes.html",
        "namespaces.html",
        "teams.html",
        "applications.html",
        "pods.html",
        "ingresses.html",
    ),
    *("routegroups.html", "ingressroutes.html", "cluster-prod-eu.html", "team-payments.html", "team-payments.html"),
    *("clusters.tsv", "nodes.tsv", "ingresses.tsv", "teams.tsv", "applications.tsv", "namespaces.tsv", "pods.tsv", "slack.tsv"),
    *("routegroups.tsv", "metrics.json", "cluster-metrics.json", "team-metrics.json", "application-metrics.json"),
}
NEW_FILES = {
    *(
        "pools.html",
        "prices.html",
        "reconciliation.html",
        "notifications.html",
        "glossary.html",
        "httproutes.html",
        "workloads.html",
    ),
    *("pools.tsv", "prices.tsv", "reconciliation.tsv", "workloads.tsv", "ingressroutes.tsv", "httproutes.tsv"),
    *("assets/report.css", "assets/report.js", "assets/theme.js", "tables/index.js", "tables/run.js", "tables/pods-0.js"),
}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(render(sample_report()))


@pytest.fixture(scope="module")
def hostile() -> dict[str, bytes]:
    return dict(render(sample_report(hostile=True)))


class _Strict(html.parser.HTMLParser):
    """Collects what could run or reach out."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "script" and not re.fullmatch(r"assets/[a-z]+\.js", values.get("src", "")):
            self.odd.append(f"script {values}")
        if tag in {"iframe", "object", "embed", "img", "base", "form", "style"}:
            self.odd.append(tag)
        self.odd += [f"{name}={value}" for name, value in values.items() if name.startswith("on") or name == "style"]
        for name in ("href", "src"):
            if name in values and not re.match(r"(https?://|mailto:|[A-Za-z0-9#.][A-Za-z0-9._/#-]*$)", values[name]):
                self.odd.append(f"{name}={values[name]}")
        if "id" in values:
            self.ids.append(values["id"])


def test_all_files_under_their_names(files: dict[str, bytes]) -> None:
    assert set(files) >= OLD_FILES | NEW_FILES
    assert any(re.fullmatch(r"node-prod-eu\.ip-[\w.-]+\.html", name) for name in files)
    assert any(re.fullmatch(r"application-[\w-]+\.json", name) for name in files)


@pytest.mark.parametrize("report", ["files", "hostile"])
def test_no_page_holds_anything_that_runs(request: pytest.FixtureRequest, report: str) -> None:
    for name, content in request.getfixturevalue(report).items():
        if name.endswith(".html"):
            parser = _Strict()
            parser.feed(content.decode())
            assert parser.odd == [], name
            assert len(parser.ids) == len(set(parser.ids)), f"{name}: an id twice"
            assert HOSTILE not in content.decode()
            assert "Content-Security-Policy" in content.decode()


def test_hostile_names_stay_in_the_folder(tmp_path: Path, hostile: dict[str, bytes]) -> None:
    folder = tmp_path / "a" / "out"
    folder.mkdir(parents=True)
    with OutputFolder(folder) as output:
        for name, content in hostile.items():
            output.write(name, content)
        output.finish()

    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents) == []
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(hostile) + 1


def test_two_runs_write_the_same_and_only_what_changed(tmp_path: Path) -> None:
    report = sample_report()
    with OutputFolder(tmp_path) as first:
        write_report(report, first)
    with OutputFolder(tmp_path) as second:
        write_report(sample_report(), second)
    assert (second.written, second.removed) == (0, 0)

    from datetime import timedelta

    with OutputFolder(tmp_path) as later:
        write_report(replace(report, generated=report.generated + timedelta(hours=1)), later)
    assert later.written == 3, "only the overview, its time and metrics.json"


def test_pages_of_what_is_gone_go(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as first:
        write_report(sample_report(), first)
    (tmp_path / "notes.txt").write_text("mine")
    report = sample_report()
    with OutputFolder(tmp_path) as second:
        write_report(replace(report, teams=report.teams[report.teams["team"] != "payments"]), second)

    assert not (tmp_path / "team-payments.html").exists()
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / MANIFEST).exists()


def test_a_large_report_has_small_pages() -> None:
    sizes = {
        name: len(content) for name, content in render(sample_report(Size(nodes=200, pods=12_000, applications=1200, teams=60)))
    }

    assert max(size for name, size in sizes.items() if name.endswith(".html")) < 150_000
    assert max(size for name, size in sizes.items() if name.startswith("application-") and name.endswith(".html")) < 4_000
    assert max(size for name, size in sizes.items() if name.startswith("tables/")) < 1_000_000


def test_the_old_dump_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "dump.pickle").write_bytes(b"secret")
    with OutputFolder(tmp_path) as output:
        write_report(sample_report(), output)

    assert (tmp_path / "dump.pickle").exists()
    assert "dump.pickle" in (tmp_path / "notifications.html").read_text()


def test_what_hooks_links_and_templates_did_wrong_is_on_the_pages(tmp_path: Path) -> None:
    (tmp_path / "teams.html").write_text("{{ 1 / 0 }}")

    def hook(name: str, context: dict[str, object]) -> None:
        raise ValueError(f"no {name}")

    options = RenderOptions(links=parse_links("team: [{href: 'javascript:x'}]"), templates_path=tmp_path, prerender_hook=hook)
    made = dict(render(sample_report(), options))

    notes = made["notifications.html"].decode()
    assert "ValueError: no teams.html" in notes
    assert "ZeroDivisionError" in notes
    assert "javascript:x" in notes
    assert b"<h1>Teams</h1>" in made["teams.html"]
    assert b"prerender hook" in made["index.html"]


def test_the_loading_page_never_takes_the_place_of_a_report(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as output:
        write_loading_page(output, "1.0")
        assert "Loading" in (tmp_path / "index.html").read_text()
        write_report(sample_report(), output)
    with OutputFolder(tmp_path) as output:
        write_loading_page(output, "1.0")
    assert "Loading" not in (tmp_path / "index.html").read_text()


def test_an_empty_report_has_all_its_pages() -> None:
    report = sample_report()
    made = dict(render(Report(generated=report.generated, version="0")))

    assert {name for name in OLD_FILES if "-prod-eu" not in name and "payments" not in name} <= set(made)
    assert b"unknown" in made["index.html"]


def test_the_pages_are_in_the_package() -> None:
    import resource_report

    folder = Path(resource_report.__file__).parent
    assert (folder / "templates" / "base.html").is_file()
    assert shutil.which("sh") is None or (folder / "static" / "report.js").is_file()
