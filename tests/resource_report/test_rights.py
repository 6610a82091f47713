from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from resource_report.config import read_config
from resource_report.main import main
from resource_report.rights import RIGHTS, needed


@pytest.mark.parametrize(
    ("flags", "has", "lacks"),
    [
        ([], {"list nodes", "list pods.metrics.k8s.io"}, {"list routegroups.zalando.org", "list ingressroutes.traefik.io"}),
        (["--enable-routegroups"], {"list routegroups.zalando.org"}, set()),
        (["--enable-ingressroute"], {"list ingressroutes.traefik.io", "list ingressroutes.traefik.containo.us"}, set()),
        (["--cluster-registry=https://registry.example.org"], set(), {"list nodes"}),
        (["--clusters=https://one.example.org"], set(), {"list nodes"}),
    ],
)
def test_what_flags_need(tmp_path: Path, flags: list[str], has: set[str], lacks: set[str]) -> None:
    found = {str(grant) for grant in needed(read_config([str(tmp_path), *flags], {}))}

    assert has <= found
    assert not lacks & found


def test_it_only_lists() -> None:
    assert {verb for right in RIGHTS.rights for verb in right.verbs} == {"list"}
    assert {word for right in RIGHTS.rights for word in right.when} == set(RIGHTS.conditions)


def test_the_role_is_printed_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rbac", "--enable-routegroups"]) == 0

    (role,) = yaml.safe_load_all(capsys.readouterr().out)
    assert role["kind"] == "ClusterRole"
    assert {"apiGroups": ["zalando.org"], "resources": ["routegroups"], "verbs": ["list"]} in role["rules"]
