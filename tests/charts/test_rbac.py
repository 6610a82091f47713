"""The roles that the chart computes: what the code needs with the rendered flags, no more, and nothing that it never needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import pytest

from charts import generate, rights
from downscaler import rights as downscaler
from downscaler.config import read_config as read_downscaler
from janitor import access
from janitor.flags import config_from, janitor_parser
from janitor.rules import RuleSet, parse_rules
from resource_report import rights as report
from resource_report.config import read_config as read_report
from shared.cluster import Cluster
from shared.rights import Grant, Places, Where, placed
from shared.simcluster import SimCluster
from tests.charts.rendering import CASES, CONTROLLERS, NAMESPACE, Rendered, own_argument, render, rendered
from tests.charts.roles import account_of, held

_EVERY_KIND = sorted(downscaler.RIGHTS.types)
_BUILT_IN = ["deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "poddisruptionbudgets", "horizontalpodautoscalers"]
# Beside the combinations of the other tests, those in which another right is called for.
ON: dict[str, dict[str, Any]] = {
    "downscaler of all kinds": {"downscaler": {"dryRun": False, "includeResources": _EVERY_KIND}},
    "downscaler of built-in kinds": {"downscaler": {"dryRun": False, "includeResources": _BUILT_IN, "mode": "cronjob"}},
    "downscaler without autoscalers": {"downscaler": {"dryRun": False, "includeResources": ["cronjobs"], "events": False}},
    "downscaler with orphans": {"downscaler": {"dryRun": False, "config": {"orphans": "restore"}}},
    "downscaler with orphans, dry run": {"downscaler": {"config": {"orphans": "restore"}, "customKinds": ["a.org/v1/bs:scale"]}},
    "downscaler in namespaces": {
        "namespaces": ["shop", NAMESPACE],
        "downscaler": {"dryRun": False, "includeResources": _BUILT_IN, "customKinds": ["example.org/v1/widgets:spec.size"]},
    },
    "janitor, switched on": {"janitor": {"dryRun": False}},
    "janitor of namespaces": {"janitor": {"dryRun": False, "includeResources": ["namespaces", "secrets", "pods"]}},
    "janitor that warns": {"janitor": {"dryRun": False, "config": {"delete-notification": "1h"}}},
    "janitor that quarantines": {"janitor": {"dryRun": False, "config": {"quarantine": "1d", "delete-notification": 0}}},
    "janitor that evicts": {"janitor": {"dryRun": False, "config": {"evict-pods": True}, "excludeResources": ["configmaps"]}},
    "janitor without state": {"janitor": {"dryRun": False, "config": {"state": "none"}}},
    "janitor with state elsewhere": {"janitor": {"dryRun": False, "config": {"state": "tools/memory"}}},
    "janitor with backups": {"janitor": {"dryRun": False, "config": {"backup": "configmap:backups"}}},
    "janitor with backups, dry run": {"janitor": {"config": {"backup": "configmap:backups"}}},
    "janitor with rules": {
        "janitor": {
            "dryRun": False,
            "includeResources": ["persistentvolumeclaims", "services"],
            "rules": [
                {"id": "a", "resources": ["pvc"], "jmespath": "_context.pvc_is_not_referenced", "ttl": "1d"},
                {
                    "id": "b",
                    "resources": ["services"],
                    "jmespath": "_context.service_has_no_endpoints",
                    "ttl": "1d",
                    "notify": "1h",
                },
            ],
        }
    },
    "janitor with a rule on mounts": {
        "janitor": {
            "includeResources": ["persistentvolumeclaims"],
            "rules": [{"id": "a", "resources": ["pvc"], "jmespath": "_context.pvc_is_not_mounted", "ttl": "1d"}],
        }
    },
    "janitor with rules on everything": {
        "janitor": {
            "dryRun": False,
            "includeResources": ["configmaps", "namespaces"],
            "rules": [
                {"id": "a", "resources": ["configmaps"], "jmespath": "!_context.owner_exists", "ttl": "1d"},
                {"id": "b", "resources": ["namespaces"], "jmespath": "_context.namespace_is_empty", "ttl": "1d"},
            ],
        }
    },
    "janitor in namespaces": {
        "namespaces": ["shop", "review"],
        "janitor": {
            "dryRun": False,
            "includeResources": ["configmaps", "secrets", "namespaces", "pods"],
            "rules": [{"id": "a", "resources": ["secrets"], "jmespath": "_context.secret_is_not_referenced", "ttl": "1d"}],
            "config": {"backup": "configmap:shop", "delete-notification": "1h", "evict-pods": True},
        },
    },
    "report with routes": {"report": {"config": {"enable-routegroups": True, "enable-ingressroute": True}}},
    "report of other clusters": {"report": {"config": {"cluster-registry": "https://registry.example.org"}}},
}
ALL_CASES = {**CASES, **ON}


def with_roles(component: str) -> list[str]:
    """The combinations in which a controller runs, and has roles from the chart."""
    return [
        case
        for case, values in ALL_CASES.items()
        if values.get("rbac", {}).get("create", True) and values.get(component, {}).get("enabled", True)
    ]


Right = tuple[str, str, str, str, str]


@cache
def found(case: str) -> Rendered:
    return rendered(case) if case in CASES else render(ON[case])


def arguments(case: str, component: str) -> list[str]:
    for _, template, container in found(case).commands():
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == component:
            return [own_argument(each) for each in container["args"]]
    raise LookupError(component)


def rights_of(case: str, component: str, *, hook: bool = False) -> set[Right]:
    """(place, group, resource, name, verb) of a component's account; with *hook* what it has while the chart is uninstalled."""
    rendered_case = found(case)
    every = held(rendered_case, account_of(rendered_case, component))
    return {each[1:] for each in every if each.role.endswith("-restore") is hook}


def needed(grants: Iterable[Grant], places: Places) -> set[Right]:
    return {
        (place, grant.group, grant.resource, grant.name, grant.verb)
        for place, held in placed(grants, places).items()
        for grant in held
    }


def own_name(case: str, component: str) -> str:
    for _, manifest in found(case).documents:
        if (
            manifest["kind"] in ("Deployment", "CronJob")
            and manifest["metadata"]["labels"]["app.kubernetes.io/component"] == component
        ):
            return str(manifest["metadata"]["name"])
    raise LookupError(component)


def test_the_file_that_roles_are_made_from_is_current() -> None:
    path = generate.CHART / "files" / "rights.yaml"

    assert path.read_text(encoding="utf-8") == rights.text(), "run `python -m charts.generate`"


def test_the_manual_has_a_row_for_every_right() -> None:
    page = (generate.CHART.parents[1] / "docs" / "permissions.md").read_text(encoding="utf-8")

    assert page == rights.renewed(page), "run `python -m charts.generate`"
    assert {f"<!-- rights of {name} -->" in page for name in rights.TABLES} == {True}
    for table in rights.TABLES.values():
        for right in (*table.rights, *table.each):
            assert f"| {right.why} |" in page


@pytest.mark.parametrize("case", with_roles("downscaler"))
def test_the_downscaler_has_what_its_flags_need(case: str) -> None:
    argv = arguments(case, "downscaler")
    config = read_downscaler([each for each in argv if not each.startswith("--calendars=")], {})
    places = {Where.WORK: config.namespaces or (None,), Where.CLUSTER: (None,), Where.OWN: (NAMESPACE,)}

    assert rights_of(case, "downscaler") == needed(downscaler.needed(config, own_name(case, "downscaler")), places)


@pytest.fixture(scope="module")
def served() -> Iterator[Cluster]:
    with SimCluster() as sim, Cluster.connect(sim.connection()) as cluster:
        yield cluster


@pytest.mark.parametrize("case", with_roles("janitor"))
def test_the_janitor_has_what_its_flags_and_rules_need(case: str, served: Cluster) -> None:
    argv = arguments(case, "janitor")
    flags = janitor_parser().read([each for each in argv if not each.startswith("--rules-file=")], {})
    config = config_from(flags, {"POD_NAMESPACE": NAMESPACE})
    served.connection = type(served.connection)(dry_run=flags.dry_run)

    assert rights_of(case, "janitor") == needed(access.needs(served, config, rules_of(case)), access.places(config))


def rules_of(case: str) -> RuleSet:
    for manifest in found(case).of_kind("ConfigMap"):
        if manifest["metadata"]["name"].endswith("-janitor-rules"):
            return parse_rules(manifest["data"]["rules.yaml"], case)
    return RuleSet()


@pytest.mark.parametrize("case", with_roles("report"))
def test_the_report_has_what_its_flags_need(case: str, tmp_path: Path) -> None:
    argv = arguments(case, "report")
    flags = [each for each in argv[1:] if not each.startswith(("--data-path=", "--publish")) and "/etc/kube-thrift/" not in each]
    config = read_report([str(tmp_path), *flags], {})

    assert rights_of(case, "report") == needed(report.needed(config), {Where.CLUSTER: (None,)})


@pytest.mark.parametrize("case", ALL_CASES)
def test_what_no_controller_ever_has(case: str) -> None:
    """Watches and Leases are not used; everything at once only who deletes Namespaces, or asks what there is, may list."""
    for role in found(case).of_kind("ClusterRole", "Role"):
        for rule in role["rules"]:
            verbs, resources = set(rule["verbs"]), rule["resources"]
            assert verbs <= {"get", "list", "create", "patch", "delete"}, role["metadata"]["name"]
            assert "leases" not in resources
            if "*" in (*resources, *rule["apiGroups"]):
                assert verbs == {"list"}
                assert ON.get(case, CASES.get(case))["janitor"]["includeResources"].count("namespaces") == 1  # type: ignore[index]
            if "secrets" in resources:
                assert "secrets" in ON[case]["janitor"]["includeResources"]
            assert role["metadata"]["labels"]["app.kubernetes.io/component"] != "report" or verbs == {"list"}


@pytest.mark.parametrize("case", [case for case, values in ALL_CASES.items() if values.get("namespaces")])
def test_listed_namespaces_mean_no_right_anywhere_else(case: str) -> None:
    own = {*ALL_CASES[case]["namespaces"], NAMESPACE}
    for component in ("downscaler", "janitor"):
        assert {place for place, *_ in rights_of(case, component)} <= own
        bindings = found(case).of_kind("ClusterRoleBinding")
        assert not [each for each in bindings if each["metadata"]["labels"]["app.kubernetes.io/component"] == component]


@pytest.mark.parametrize(
    "case", ["defaults", "some namespaces", "janitor with backups, dry run", "downscaler with orphans, dry run"]
)
def test_a_dry_run_can_change_nothing(case: str) -> None:
    for component in ("downscaler", "janitor"):
        assert {verb for *_, verb in rights_of(case, component)} <= {"get", "list"}


@pytest.mark.parametrize("case", ["restored on uninstall", "restored on uninstall, CronJob"])
def test_the_job_before_uninstall_may_restore_every_kind_while_it_runs(case: str) -> None:
    argv = arguments(case, "downscaler")
    config = read_downscaler([each for each in argv if not each.startswith("--calendars=")], {})
    usual, during = rights_of(case, "downscaler"), rights_of(case, "downscaler", hook=True)
    places = config.namespaces or ("",)

    for place in places:
        for group, resource in downscaler.RIGHTS.types.values():
            wanted = {(place, group, resource, "", verb) for verb in ("list", "get", "patch")}
            assert wanted <= usual | during
    assert not usual & during
    for manifest in found(case).of_kind("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"):
        hooked = manifest["metadata"].get("annotations", {}).get("helm.sh/hook") == "pre-delete"
        assert hooked is manifest["metadata"]["name"].endswith("-restore")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"downscaler": {"includeResources": ["pods"]}}, 'downscaler.includeResources: "pods" is not understood; accepted: '),
        (
            {"namespaces": ["a"], "downscaler": {"customKinds": ["example.org/v1/widgets:scale"]}},
            'downscaler.customKinds: "example.org/v1/widgets:scale" asks the CustomResourceDefinition',
        ),
        (
            {
                "namespaces": ["a"],
                "janitor": {"rules": [{"id": "a", "resources": ["cm"], "jmespath": "_context.owner_exists", "ttl": "1d"}]},
            },
            "janitor.rules: namespace_is_empty and owner_exists are known only from lists of the whole cluster",
        ),
    ],
)
def test_what_cannot_be_granted_is_refused(values: Mapping[str, Any], expected: str) -> None:
    with pytest.raises(helm_python.HelmError) as caught:
        render(values)

    assert expected in str(caught.value)


def test_rules_of_ones_own_are_added_where_it_works() -> None:
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list"]}
    extra = {"rbac": {"extraRules": {component: [rule] for component in CONTROLLERS}}}

    for values, places in (({}, {"": 3}), ({"namespaces": ["shop"]}, {"shop": 2, "": 1})):
        roles: dict[str, int] = {}
        for role in render({**values, **extra}).of_kind("Role", "ClusterRole"):
            if rule in role["rules"]:
                place = role["metadata"].get("namespace", "")
                roles[place] = roles.get(place, 0) + 1
        assert roles == places


def test_every_right_says_why() -> None:
    for table in rights.TABLES.values():
        for right in (*table.rights, *table.each):
            assert right.why
            assert set(right.when) <= table.conditions.keys() | {"wide", "named"}
