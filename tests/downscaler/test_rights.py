from __future__ import annotations

import pytest
import yaml

from downscaler.config import read_config
from downscaler.main import main
from downscaler.rights import RESTORE_RIGHTS, RIGHTS, needed
from downscaler.sizes import KINDS


def rights(*flags: str) -> set[str]:
    return {f"{grant} {grant.name}".strip() for grant in needed(read_config(list(flags), {}), "mine")}


@pytest.mark.parametrize(
    ("flags", "has", "lacks"),
    [
        ([], {"list deployments.apps", "patch deployments.apps", "list namespaces"}, {"create events", "get namespaces"}),
        (["--namespace=a"], {"get namespaces", "patch namespaces"}, {"list namespaces"}),
        (["--enable-events"], {"create events", "patch events"}, set()),
        (
            ["--include-resources=cronjobs"],
            {"patch jobs.batch", "list jobs.batch"},
            {"list horizontalpodautoscalers.autoscaling"},
        ),
        ([], {"list horizontalpodautoscalers.autoscaling"}, {"patch horizontalpodautoscalers.autoscaling", "list jobs.batch"}),
        ([], {"get replicasets.apps", "get deployments.apps mine"}, {"get cronjobs.batch mine"}),
        (["--once"], {"get cronjobs.batch mine", "get jobs.batch"}, {"get replicasets.apps"}),
        (["--orphans=restore"], {"patch stacks.zalando.org", "list poddisruptionbudgets.policy"}, set()),
        (
            ["--custom-kinds=example.org/v1/widgets:scale"],
            {"get customresourcedefinitions.apiextensions.k8s.io widgets.example.org", "patch widgets.example.org"},
            set(),
        ),
        (["--custom-kinds=example.org/v1/widgets:spec.size"], {"patch widgets.example.org"}, {"get customresourcedefinitions"}),
    ],
)
def test_what_flags_need(flags: list[str], has: set[str], lacks: set[str]) -> None:
    found = rights(*flags)

    assert has <= found
    assert not lacks & found


def test_a_dry_run_may_change_nothing() -> None:
    found = rights("--dry-run", "--enable-events", "--orphans=restore", f"--include-resources={','.join(KINDS)}")

    assert {right.split()[0] for right in found} == {"get", "list"}


def test_every_condition_is_explained_and_used() -> None:
    for table in (RIGHTS, RESTORE_RIGHTS):
        assert {word for right in (*table.rights, *table.each) for word in right.when} == set(table.conditions)


def test_the_roles_are_printed_without_a_cluster(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "tools")

    assert main(["--namespace=shop", "rbac"]) == 0

    roles = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [(role["kind"], role["metadata"]["namespace"]) for role in roles] == [("Role", "shop"), ("Role", "tools")]
