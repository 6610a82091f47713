"""What stands on which page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resource_report.cells import Cells
from resource_report.links import CustomLinks, parse_links
from resource_report.pages import Detail, Page, list_pages
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import Size, sample_report

LIST_PAGES = {
    "applications",
    "clusters",
    "ingresses",
    "ingressroutes",
    "namespaces",
    "nodes",
    "pods",
    "pools",
    "prices",
    "reconciliation",
    "routegroups",
    "teams",
    "workloads",
}


@pytest.fixture(scope="module")
def views() -> Views:
    return Views(sample_report(), Currency())


@pytest.fixture(scope="module")
def details(views: Views) -> list[Page]:
    return list(Detail(views, CustomLinks()).pages())


def _tile(page: Page, name: str) -> str:
    return next(str(tile.value) for tile in page.context["tiles"] if tile.name == name)


def test_everything_has_its_page(views: Views, details: list[Page]) -> None:
    files = [page.file for page in details]

    assert len(files) == len(set(files))
    for kind in ("cluster", "pool", "node", "namespace", "team", "application"):
        assert sorted(file for file in files if file.startswith(f"{kind}-")) == sorted(views.names.of_kind(kind).values())


def test_a_page_holds_only_its_own_rows(views: Views, details: list[Page]) -> None:
    pods = views.report.pods
    for page in details:
        row = page.context["row"]
        for table in page.context["tables"]:
            if table.name == "pods":
                wanted = pods
                for key in ("cluster", "node", "namespace") if page.context["kind"] == "node" else ():
                    wanted = wanted[wanted[key] == row[key]] if key in row else wanted
                if page.context["kind"] == "node":
                    assert table.total == len(wanted)


def test_a_node_says_where_its_price_comes_from(views: Views, details: list[Page]) -> None:
    nodes = [page for page in details if page.context["kind"] == "node"]

    for page in nodes:
        row = page.context["row"]
        why = page.context["tiles"][0].why
        assert row["price_source"] in why
        assert row["price_as_of"] in why
        assert why.startswith("An estimate. ") == row["price_estimated"]
        assert ("Spot saves" in [tile.name for tile in page.context["tiles"]]) == row["spot"]


def test_a_team_shows_its_own_cost_and_share_of_each_cluster(details: list[Page]) -> None:
    page = next(page for page in details if page.context["kind"] == "team")

    assert [table.name for table in page.context["tables"]][:2] == ["team-applications", "team-clusters"]
    assert _tile(page, "Cost") == f"{page.context['row']['cost']:,.2f}"


def test_components_are_shown_where_there_are_several(views: Views, details: list[Page]) -> None:
    components = views.report.components
    several = components["application"].value_counts()
    named = set(several.index[several > 1])

    for page in details:
        if page.context["kind"] == "application":
            shown = "components" in [table.name for table in page.context["tables"]]
            assert shown == (page.context["row"]["application"] in named)


def test_unknown_slack_is_said_to_be_unknown() -> None:
    views = Views(sample_report(measured=False), Currency())

    for page in Detail(views, CustomLinks()).pages():
        slack = next(tile for tile in page.context["tiles"] if tile.name == "Slack")
        assert (slack.value, slack.unit, slack.note) == ("unknown", "", "")


def test_a_large_report_has_compact_pages_and_full_ones_of_few_rows() -> None:
    views = Views(sample_report(Size(applications=1100, pods=4000)), Currency())

    pages = list(Detail(views, CustomLinks()).pages())

    for page in pages:
        compact = page.context["kind"] in {"node", "application", "namespace"}
        assert page.fallback == ("compact.html" if compact else "detail.html")
        if compact:
            assert all("<thead" not in markup for _, markup in page.context["tables"])
        else:
            assert all(table.shown <= 6 for table in page.context["tables"])


def test_list_pages_and_httproutes_only_where_there_are_any(views: Views) -> None:
    report = views.report
    cells = Cells(views.names, CustomLinks())

    assert {page.file for page in list_pages(views, cells)} == {f"{name}.html" for name in (*LIST_PAGES, "httproutes")}
    bare = Views(replace(report, ingresses=report.ingresses[report.ingresses["kind"] == "Ingress"]), Currency())
    pages = {page.file: page for page in list_pages(bare, cells)}
    assert set(pages) == {f"{name}.html" for name in LIST_PAGES}
    assert pages["ingresses.html"].context["siblings"] == []


def test_custom_links_stand_on_the_page_of_their_kind(views: Views) -> None:
    links = parse_links("node: [{href: 'https://x/{cluster}/{name}'}]\nteam: [{href: 'https://t/{id}'}]")

    for page in Detail(views, links).pages():
        expected = {"node": 1, "team": 1}.get(page.context["kind"], 0)
        assert len(page.context["links"]) == expected
