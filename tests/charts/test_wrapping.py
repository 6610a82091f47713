"""How the chart wraps alerts and dashboards, whatever these say: which of them, under which names, unchanged."""

from __future__ import annotations

import json
import shutil
from typing import Any

import helm_python
import pytest
import yaml

from tests.charts.rendering import CHART, NAMESPACE

EXPRESSION = 'max(kube_cronjob_next_schedule_time{cronjob=~".*kube-thrift-(downscaler|janitor|report)"}) > 0'
SUMMARY = "{{ $labels.cronjob }} is late by {{ $value | humanizeDuration }}"
GROUPS = ["controllers", "downscaler", "janitor", "report", "cronjobs"]
DASHBOARD = json.dumps(
    {"title": "{{ not a template }}", "panels": [{"legendFormat": "{{team}}", "expr": 'a{b=~"$c"}'}]}, indent=2
)


def alert(name: str) -> dict[str, Any]:
    annotations = {"summary": SUMMARY, "runbook_url": f"docs/troubleshooting.md#{name}"}
    return {"alert": name, "expr": EXPRESSION, "for": "10m", "labels": {"severity": "warning"}, "annotations": annotations}


@pytest.fixture(scope="module")
def own_chart(tmp_path_factory: pytest.TempPathFactory) -> helm_python.Chart:
    """The chart with one alert per group and two dashboards."""
    place = tmp_path_factory.mktemp("chart") / "kube-thrift"
    shutil.copytree(CHART, place, ignore=shutil.ignore_patterns("dashboards", "alerts.yaml"))
    groups = [{"name": f"kube-thrift.{name}", "rules": [alert(f"Alert{name}")]} for name in GROUPS]
    (place / "files" / "alerts.yaml").write_text(yaml.safe_dump({"groups": groups}))
    (place / "files" / "dashboards").mkdir(parents=True)
    for name in ("overview", "janitor"):
        (place / "files" / "dashboards" / f"{name}.json").write_text(DASHBOARD + "\n")
    return helm_python.Chart.load(str(place))


def rendered(chart: helm_python.Chart, template: str, metrics: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    texts = chart.render(values={"metrics": metrics, **values}, name="prod", namespace=NAMESPACE)
    return [each for each in yaml.safe_load_all(texts.get(f"kube-thrift/templates/{template}", "")) if each]


OFF, CRON = {"enabled": False}, {"mode": "cronjob"}


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ({}, ["controllers", "downscaler", "janitor", "report"]),
        ({"janitor": OFF, "report": OFF}, ["controllers", "downscaler"]),
        ({"janitor": CRON}, ["controllers", "downscaler", "report", "cronjobs"]),
        ({"downscaler": CRON, "janitor": CRON, "report": OFF}, ["cronjobs"]),
        ({"downscaler": OFF, "janitor": OFF, "report": OFF}, []),
    ],
)
def test_only_alerts_of_what_is_installed(own_chart: helm_python.Chart, values: dict[str, Any], groups: list[str]) -> None:
    found = rendered(own_chart, "prometheusrule.yaml", {"prometheusRule": {"enabled": True}}, **values)
    assert [group["name"] for rule in found for group in rule["spec"]["groups"]] == [f"kube-thrift.{name}" for name in groups]


def test_daemons_without_metrics_have_no_alerts(own_chart: helm_python.Chart) -> None:
    assert rendered(own_chart, "prometheusrule.yaml", {"enabled": False, "prometheusRule": {"enabled": True}}) == []


def test_an_alert_is_as_it_was_written_but_for_names_and_runbook(own_chart: helm_python.Chart) -> None:
    settings = {
        "enabled": True,
        "runbookUrl": "https://docs.example.org/t.html",
        "labels": {"release": "p"},
        "namespace": "monitoring",
    }
    (rule,) = rendered(own_chart, "prometheusrule.yaml", {"prometheusRule": settings})
    expected = alert("Alertjanitor")
    expected["expr"] = expected["expr"].replace(".*kube-thrift", "prod-kube-thrift")
    expected["annotations"]["runbook_url"] = "https://docs.example.org/t.html#Alertjanitor"
    assert rule["spec"]["groups"][2] == {"name": "kube-thrift.janitor", "rules": [expected]}
    assert (rule["metadata"]["namespace"], rule["metadata"]["labels"]["release"]) == ("monitoring", "p")


def test_a_dashboard_is_as_it_was_written(own_chart: helm_python.Chart) -> None:
    settings = {"enabled": True, "namespace": "grafana", "annotations": {"grafana_folder": "Cost"}}
    found = rendered(own_chart, "dashboards.yaml", {"dashboards": settings})
    assert [each["metadata"]["name"] for each in found] == [
        "prod-kube-thrift-dashboard-janitor",
        "prod-kube-thrift-dashboard-overview",
    ]
    for each, name in zip(found, ["janitor.json", "overview.json"], strict=True):
        assert each["data"] == {name: DASHBOARD + "\n"}
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Cost"}
        assert each["metadata"]["namespace"] == "grafana"
