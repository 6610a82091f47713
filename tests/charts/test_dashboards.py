"""The Grafana dashboards: that they are what their sources make, and what Grafana needs of them."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import msgspec
import pytest

from charts.dashboards import FOLDER, TAG, Dashboard, dashboards, rendered

FILES = sorted(FOLDER.glob("*.json"))
LOADED = [pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.stem) for path in FILES]
PANELS = [
    pytest.param(panel, dashboard, id=f"{path.stem} - {panel['title']}")
    for path in FILES
    for dashboard in [json.loads(path.read_text(encoding="utf-8"))]
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Units as Grafana calls them.
UNITS = {"none", "short", "s", "bytes", "gbytes", "percentunit", "reqps", "cps", "cpm", "currencyUSD", "massg", "dateTimeFromNow"}
# A ConfigMap holds a MiB, and its annotations may hold the whole again.
LARGEST = 200_000


def test_the_files_are_those_that_their_sources_make() -> None:
    """`python -m charts.dashboards` writes them."""
    assert {path.stem: path.read_text(encoding="utf-8") for path in FILES} == {
        name: rendered(dashboard) for name, dashboard in dashboards().items()
    }


@pytest.mark.parametrize("dashboard", LOADED)
def test_a_dashboard_is_ready_to_import(dashboard: dict[str, Any]) -> None:
    assert dashboard["id"] is None
    assert "uid" not in dashboard, "two releases on one Grafana would overwrite each other"
    assert dashboard["schemaVersion"] >= 39
    assert dashboard["tags"] == [TAG]
    assert dashboard["description"]
    assert dashboard["links"][0]["tags"] == [TAG]


def test_titles_differ() -> None:
    titles = [each.values[0]["title"] for each in LOADED]  # type: ignore[index]
    assert len(titles) == len(set(titles)) == 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_fits_into_a_config_map(path: Any) -> None:
    assert path.stat().st_size < LARGEST


@pytest.mark.parametrize("dashboard", LOADED)
def test_the_data_source_is_a_variable(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert {"cluster", "namespace"} <= variables.keys()
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["datasource"] == SOURCE
            # A single cluster has no label `cluster`: only a pattern that fits nothing at all fits that, too.
            assert variable["allValue"] == ".*"
            assert variable["query"]["query"] == variable["definition"]


@pytest.mark.parametrize("dashboard", LOADED)
def test_every_variable_is_used_and_every_one_used_is_declared(dashboard: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]} - {"datasource"}
    used = set(
        re.findall(r"\$(\w+)", " ".join(target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())))
    )

    assert used - {"__rate_interval", "__range"} == declared


@pytest.mark.parametrize("dashboard", LOADED)
def test_panels_have_ids_and_places_of_their_own(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]

    assert len(ids) == len(set(ids))
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        assert place["h"] > 0
    for one, other in combinations(panels, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not below


def test_an_overlap_is_noticed() -> None:
    assert overlap({"x": 0, "y": 0, "w": 12, "h": 8}, {"x": 11, "y": 7, "w": 1, "h": 1})
    assert not overlap({"x": 0, "y": 0, "w": 12, "h": 8}, {"x": 12, "y": 0, "w": 12, "h": 8})


@pytest.mark.parametrize(("panel", "dashboard"), PANELS)
def test_a_panel_says_what_it_shows(panel: dict[str, Any], dashboard: dict[str, Any]) -> None:
    titles = [each["title"] for each in dashboard["panels"] if each["type"] != "row"]

    assert titles.count(panel["title"]) == 1
    assert len(panel["description"]) > 15
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == SOURCE
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


@pytest.mark.parametrize(("panel", "dashboard"), PANELS)
def test_every_selector_follows_the_variables(panel: dict[str, Any], dashboard: dict[str, Any]) -> None:
    """Those of the process's own metrics are joined with one that does."""
    for target in panel["targets"]:
        for name, matchers in re.findall(r"\b((?:kube_thrift|kube_janitor)_\w+|ALERTS)\b(\{[^}]*\})?", target["expr"]):
            assert 'cluster=~"$cluster"' in matchers, name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"colour": "red"}, "unknown field", id="misspelt key"),
        pytest.param({"type": "piechart"}, "Invalid enum value", id="no such type"),
        pytest.param({"unit": None}, "Expected `str`", id="no unit"),
    ],
)
def test_a_panel_that_is_wrongly_described_is_refused(change: dict[str, Any], words: str) -> None:
    panel = {"title": "A", "description": "B", "type": "stat", "unit": "s", "expr": "up"} | change
    text = {"title": "A", "description": "B", "since": "now-1h", "variables": [], "rows": [{"title": "R", "panels": [panel]}]}

    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(text, Dashboard)
