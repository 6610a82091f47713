"""The chart's alerts: their form, their unit tests by promtool, and what the documentation says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ALERTS = ROOT / "charts" / "kube-thrift" / "files" / "alerts.yaml"
CASES = (HERE / "alerts_test.yaml", HERE / "alerts_days_test.yaml")
GROUPS = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
RULES = [pytest.param(rule, id=rule["alert"]) for group in GROUPS for rule in group["rules"]]
PREFIXES = {
    "kube-thrift.controllers": "KubeThrift",
    "kube-thrift.downscaler": "KubeDownscaler",
    "kube-thrift.janitor": "KubeJanitor",
    "kube-thrift.report": "KubeResourceReport",
    "kube-thrift.cronjobs": "KubeThriftCronJob",
}
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, as in Debian's package prometheus")


def run(*arguments: str) -> None:
    result = subprocess.run(["promtool", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@promtool
def test_promtool_accepts_the_rules() -> None:
    run("check", "rules", str(ALERTS))


@promtool
@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(cases: Path) -> None:
    run("test", "rules", str(cases))


@promtool
def test_a_rule_that_never_fires_fails_these_tests(tmp_path: Path) -> None:
    """That the tests can fail: one alert is broken, and one case is left."""
    rules = ALERTS.read_text(encoding="utf-8")
    (tmp_path / "alerts.yaml").write_text(
        rules.replace("kube_janitor_stuck_seconds) > 3600", "kube_janitor_stuck_seconds) > 36e5")
    )
    cases = yaml.safe_load(CASES[0].read_text(encoding="utf-8"))
    cases["tests"] = [case for case in cases["tests"] if "KubeJanitorStuckTerminating" in case["name"]]
    cases["rule_files"] = ["alerts.yaml"]
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))

    with pytest.raises(AssertionError, match="KubeJanitorUnreadableAnnotations"):
        run("test", "rules", str(tmp_path / "cases.yaml"))


def seen(alert: str) -> set[bool]:
    """Whether a case of *alert* shows it firing (True), silent (False), or each at some instant."""
    found = set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            if re.search(rf"\b{alert}\b", case["name"]):
                found |= {f'alertname="{alert}"' in str(look["exp_samples"]) for look in case["promql_expr_test"]}
    return found


@pytest.mark.parametrize("rule", RULES)
def test_every_alert_is_seen_firing_and_silent(rule: dict[str, Any]) -> None:
    assert seen(rule["alert"]) == {True, False}


@pytest.mark.parametrize("rule", RULES)
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]

    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert re.match(r"[A-Z0-9{'].*\.$", notes["summary"], re.DOTALL)
    assert len(notes["summary"]) < 160
    assert notes["description"].rstrip().endswith(".")
    assert notes["runbook_url"] == f"docs/troubleshooting.md#{rule['alert'].lower()}"
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert re.fullmatch(r"\d+[mhd]", rule.get("for", "0m"))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["name"])
def test_groups_are_those_that_the_chart_chooses_from(group: dict[str, Any]) -> None:
    assert all(rule["alert"].startswith(PREFIXES[group["name"]]) for rule in group["rules"])
    if group["name"] == "kube-thrift.cronjobs":
        assert all("kube_cronjob_" in rule["expr"] for rule in group["rules"])
    else:
        assert not any("kube_cronjob_" in rule["expr"] for rule in group["rules"])


def test_there_are_no_other_groups_and_no_name_twice() -> None:
    names = [rule["alert"] for group in GROUPS for rule in group["rules"]]

    assert [group["name"] for group in GROUPS] == list(PREFIXES)
    assert len(names) == len(set(names))


def test_helm_leaves_the_file_alone() -> None:
    """It is not a template: what stands in braces is Prometheus' own, and only in annotations."""
    for group in GROUPS:
        for rule in group["rules"]:
            assert "{{" not in rule["expr"]
            assert not re.search(r"\{\{-? *(\.Values|include|tpl)\b", str(rule["annotations"]))


PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_the_table_of_alerts_is_the_file() -> None:
    section = PAGE.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    rules = [rule for group in GROUPS for rule in group["rules"]]

    assert [row[:3] for row in rows] == [
        [f"`{rule['alert']}`", rule["labels"]["severity"], rule.get("for", "")] for rule in rules
    ]
    assert all(len(row) == 4 and row[3] for row in rows)


@promtool
def test_prometheus_accepts_the_scrape_configuration_of_the_page(tmp_path: Path) -> None:
    block = next(text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "scrape_configs" in text)
    config = yaml.safe_load(block)
    (job,) = config["scrape_configs"]
    # Debian builds Prometheus without the discovery of pods.
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["kube-thrift"]}}]
    assert job["honor_labels"] is True
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    shutil.copy(ALERTS, tmp_path / "alerts.yaml")

    run("check", "config", str(tmp_path / "prometheus.yaml"))


@pytest.mark.parametrize("rule", RULES)
def test_every_runbook_is_there(rule: dict[str, Any]) -> None:
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    page = ROOT / file
    headings = re.findall(r"(?m)^#+ (\w+)$", page.read_text(encoding="utf-8"))

    assert anchor in [heading.lower() for heading in headings]
