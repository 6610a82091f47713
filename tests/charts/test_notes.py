"""What `helm install` says afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts.rendering import CASES, render, rendered

OFF = {"enabled": False}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "DRY RUN: DOWNSCALER AND JANITOR CHANGE NOTHING YET."),
        ({"janitor": {"dryRun": False}}, "DRY RUN: DOWNSCALER CHANGES NOTHING YET."),
        ({"downscaler": OFF}, "DRY RUN: JANITOR CHANGES NOTHING YET."),
        ({}, "helm upgrade thrift CHART -n cost --reset-then-reuse-values --set downscaler.dryRun=false"),
        ({}, "helm upgrade thrift CHART -n cost --reset-then-reuse-values --set janitor.dryRun=false"),
        ({}, "kubectl logs -n cost deployment/thrift-kube-thrift-janitor"),
        (
            {"janitor": {"mode": "cronjob"}},
            "kubectl logs -n cost -l app.kubernetes.io/instance=thrift,app.kubernetes.io/component=janitor",
        ),
        ({"downscaler": {"dryRun": False}}, "What sleeps when you uninstall goes on sleeping."),
        ({"downscaler": {"dryRun": False, "restoreOnUninstall": True}}, 'give it time: --timeout 15m.'),
        ({"janitor": {"dryRun": False}}, "The janitor DELETES what has outlived its TTL or matches a rule."),
        ({}, "kubectl port-forward -n cost service/thrift-kube-thrift-report 8080:80"),
        (CASES["report on the web"], "https://cost.example.org/"),
        (CASES["report to S3 from a daemon"], "The report is published to s3://reports/kubernetes/prod."),
        (CASES["accounts of one's own"], "rbac.create is false"),
    ],
)  # fmt: skip
def test_it_says(values: dict[str, Any], line: str) -> None:
    assert line in render(values).notes


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"downscaler": {"dryRun": False}, "janitor": {"dryRun": False}}, "DRY RUN"),
        ({"downscaler": OFF, "janitor": OFF}, "DRY RUN"),
        ({}, "DELETES"),
        ({"report": {"nginx": OFF}}, "The report"),
    ],
)
def test_it_does_not_say(values: dict[str, Any], word: str) -> None:
    assert word not in render(values).notes


@pytest.mark.parametrize("case", CASES)
def test_every_object_it_names_is_there(case: str) -> None:
    found = rendered(case)
    names = {each["metadata"]["name"] for each in found.of_kind("Deployment", "Service")}
    for word in found.notes.split():
        if word.startswith(("deployment/", "service/")):
            assert word.partition("/")[2] in names
    assert "<no value>" not in found.notes
