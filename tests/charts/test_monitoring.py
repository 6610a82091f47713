"""Alerts and dashboards on a real Prometheus that scrapes three running controllers: every expression and every name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.monitored import ALERTS, Monitored, monitored

pytestmark = [
    pytest.mark.xdist_group("prometheus"),
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus, as in Debian's package"),
]
DASHBOARDS = sorted((ALERTS.parent / "dashboards").glob("*.json"))
NAME = re.compile(r"\b(?:kube_thrift|kube_janitor|kube_cronjob|process)_\w+\b|\bALERTS\b")
SELECTOR = re.compile(r"\b(?:kube_thrift|kube_janitor|process)_\w+(?:\{[^}]*\})?")
# What Grafana puts in, all values being chosen.
VARIABLES = {"$__rate_interval": "30s", "$__range": "10m"} | {
    f"${name}": ".*" for name in ("cluster", "namespace", "workload_namespace", "reported_cluster")
}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def filled(expression: str) -> str:
    for name in sorted(VARIABLES, key=len, reverse=True):
        expression = expression.replace(name, VARIABLES[name])
    assert "$" not in expression, expression
    return expression


EXPRESSIONS = [
    pytest.param(filled(target["expr"]), id=f"{path.stem} - {panel['title']}")
    for path in DASHBOARDS
    for panel in panels(path)
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    binary = shutil.which("prometheus")
    assert binary is not None
    with monitored(tmp_path_factory.mktemp("monitored"), binary) as made:
        yield made


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_panel_has_something_to_show(running: Monitored, expression: str) -> None:
    assert running.query(expression) != []


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["alert"]) for rule in rules()])
def test_every_alert_selects_what_is_there(running: Monitored, rule: dict[str, Any]) -> None:
    """The whole expression runs, and each of its selectors finds series, whatever their value."""
    running.query(rule["expr"])
    for selector in SELECTOR.findall(rule["expr"]):
        assert running.query(f"last_over_time({selector}[10m])") != [], selector


def test_prometheus_itself_has_no_complaint_about_a_rule(running: Monitored) -> None:
    groups = running.api("rules")["groups"]

    assert sum(len(group["rules"]) for group in groups) == len(rules())
    assert {rule["alert"]: rule.get("lastError") for rule in rules_of(groups) if rule["health"] != "ok"} == {}


def rules_of(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**rule, "alert": rule["name"]} for group in groups for rule in group["rules"]]


def test_the_trouble_that_was_made_raises_its_alerts(running: Monitored) -> None:
    raised = {sample["metric"]["alertname"] for sample in running.query('ALERTS{alertstate="firing"}')}

    assert raised >= {
        "KubeDownscalerHeld",
        "KubeDownscalerFights",
        "KubeDownscalerInvalidConfiguration",
        "KubeJanitorBreakerOpen",
        "KubeJanitorUnreadableAnnotations",
        "KubeResourceReportClusterStale",
        "KubeThriftForbidden",
    }
    # Turns that fail because of the breaker or the mass are told of by these two alone.
    assert not raised & {"KubeThriftTurnsFailing", "KubeThriftNoSuccessfulTurn", "KubeResourceReportStale"}
    assert not raised & {rule["alert"] for rule in rules() if rule["alert"].endswith("Absent")}


def test_every_metric_that_is_named_is_there(running: Monitored) -> None:
    known = set(running.api("label/__name__/values"))
    texts = [rule["expr"] for rule in rules()] + [path.read_text() for path in DASHBOARDS]
    named = {name for text in texts for name in NAME.findall(text)}

    # Those of the CronJobs are kube-state-metrics' own.
    assert {name for name in named if not name.startswith("kube_cronjob_")} - known == set()


def test_every_variable_has_values(running: Monitored) -> None:
    for path in DASHBOARDS:
        for variable in json.loads(path.read_text())["templating"]["list"]:
            if variable["type"] != "query" or variable["name"] == "cluster":
                continue
            match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert match, variable
            assert running.api(f"label/{match[2]}/values", **{"match[]": filled(match[1])}) != [], variable["name"]


def test_namespaces_of_workloads_stay_theirs(running: Monitored) -> None:
    """With honor_labels, hours saved are those of the workload's namespace, and everything else is of the controller's."""
    saved = running.query("kube_thrift_downscaler_saved_replica_hours_total")
    built = running.query("kube_thrift_build_info")

    assert {sample["metric"]["namespace"] for sample in saved} == {"shop"}
    assert {sample["metric"]["namespace"] for sample in built} == {"kube-thrift"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, as in Debian's package prometheus")
@pytest.mark.parametrize("controller", ["downscaler", "janitor", "resource_report"])
def test_promtool_finds_nothing_in_what_a_controller_shows(running: Monitored, controller: str) -> None:
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=running.scraped(controller), capture_output=True, text=True, check=False
    )

    # Core-hours and GiB-hours are what prices are per; docs/metrics.md says so.
    known = 'use base unit "seconds" instead of "hours"'
    assert [line for line in result.stderr.splitlines() if not line.endswith(known)] == []


def test_every_controller_counts_its_requests_and_its_turns(running: Monitored) -> None:
    for name in ("kube_thrift_api_requests_total", "kube_thrift_turns_total", "kube_thrift_turn_interval_seconds"):
        seen = {sample["metric"]["controller"] for sample in running.query(name)}
        assert seen == {"kube-downscaler", "kube-janitor", "kube-resource-report"}, name


def test_a_controller_has_few_series(running: Monitored) -> None:
    """Every object of the cluster could be one by mistake; what there is comes from closed sets."""
    for sample in running.query("scrape_samples_scraped"):
        assert float(sample["value"][1]) < 600, sample["metric"]


def test_a_controller_that_stops_is_missed(running: Monitored) -> None:
    """The last test of this file, as the janitor is gone after it."""
    gone = 'ALERTS{alertname="KubeThriftControllerGone",alertstate="firing"}'
    assert running.query(gone) == []

    running.stop("janitor")
    running.until("the alert", lambda: running.query(gone))

    assert [sample["metric"]["controller"] for sample in running.query(gone)] == ["kube-janitor"]
