"""No right too few: under the rendered roles nothing is refused. And none too many: without any single verb something is.

Each play is acted once under all of its account's rights, and once more for every verb on every type, without that one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from downscaler.sizes import KINDS
from shared.simcluster import SimCluster
from tests.charts.plays import (
    Outcome,
    Stage,
    definition,
    downscaler_play,
    janitor_play,
    orphans_play,
    report_play,
    restore_play,
)
from tests.charts.rendering import NAMESPACE, Manifest, render
from tests.charts.roles import Held, held, install, set_rights

BUILT_IN = ["deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "poddisruptionbudgets", "horizontalpodautoscalers"]
WIDGETS = definition("example.org", "v1", "widgets", "Widget", scale=True)
CUSTOM = [
    definition(kind.resource.group, kind.resource.version, kind.resource.plural, kind.resource.kind)
    for kind in KINDS.values()
    if kind.custom
]
ROUTES = [
    definition("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler"),
    definition("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    definition("zalando.org", "v1", "routegroups", "RouteGroup"),
    definition("traefik.io", "v1alpha1", "ingressroutes", "IngressRoute"),
    definition("traefik.containo.us", "v1alpha1", "ingressroutes", "IngressRoute"),
]
WARNED = {"jmespath": "metadata.labels.warn == 'true'", "ttl": "1h", "notify": "1d"}


def rule(identity: str, *resources: str, **more: str) -> dict[str, Any]:
    return {"id": identity, "resources": list(resources), **(more or WARNED)}


@dataclass(frozen=True)
class Case:
    """A play, the values under which it is acted, and the custom types that the cluster has."""

    component: str
    play: Callable[[Stage], None]
    values: dict[str, Any]
    types: list[Manifest] = field(default_factory=list)
    codes: tuple[int, ...] = (0, 0)
    quarrel: bool = True
    # Of several namespaces with the same rights, those that the play needs there.
    needs: Callable[[Held], bool] = lambda right: True


def downscaler_case(play: Callable[[Stage], None] = downscaler_play, **more: Any) -> Case:
    namespaces, types = more.pop("namespaces", []), more.pop("types", [WIDGETS])
    codes, needs = more.pop("codes", (0, 0)), more.pop("needs", lambda right: True)
    values = {"namespaces": namespaces, "downscaler": {"dryRun": False, **more}}
    return Case("downscaler", play, values, types, codes, quarrel=play is downscaler_play, needs=needs)


def janitor_case(
    types: list[str],
    rules: list[dict[str, Any]],
    *,
    namespaces: list[str] | None = None,
    needs: Callable[[Held], bool] = lambda right: True,
    codes: tuple[int, ...] = (0, 0),
    **config: Any,
) -> Case:
    values = {"dryRun": False, "includeResources": types, "rules": rules, "config": config}
    more = {"rbac": {"extraRules": {"janitor": [{"apiGroups": ["example.org"], "resources": ["widgets"], "verbs": ["list"]}]}}}
    values = {"namespaces": namespaces or [], "janitor": values} | (more if _FACTS[0] in rules else {})
    return Case("janitor", janitor_play, values, [WIDGETS], codes, quarrel=False, needs=needs)


# Where the play needs a right on a Namespace.
_SPACES = {("namespaces", "delete"): "due-space", ("namespaces", "patch"): "warned-space"}
_FACTS = [
    rule("unused", "persistentvolumeclaims", jmespath="_context.pvc_is_not_referenced", ttl="1h"),
    rule("idle", "services", jmespath="_context.service_has_no_endpoints && metadata.name == 'none'", ttl="1h"),
]
CASES = {
    "downscaler, everywhere": downscaler_case(includeResources=BUILT_IN, customKinds=["example.org/v1/widgets:scale"]),
    "downscaler, everywhere, CronJob": downscaler_case(includeResources=["deployments", "cronjobs"], mode="cronjob"),
    "downscaler, in namespaces": downscaler_case(
        includeResources=BUILT_IN,
        customKinds=["example.org/v1/widgets:spec.size"],
        namespaces=["shop", "longer"],
        needs=lambda right: right.place != "longer",
    ),
    "downscaler, in namespaces, CronJob": downscaler_case(
        includeResources=["cronjobs", "deployments"],
        mode="cronjob",
        namespaces=["shop", "longer"],
        needs=lambda right: right.place != "longer",
    ),
    "downscaler, orphans": downscaler_case(orphans_play, config={"orphans": "restore"}, types=CUSTOM),
    "restored on uninstall": downscaler_case(
        restore_play, restoreOnUninstall=True, types=CUSTOM, codes=(1, 1), needs=lambda right: right.role.endswith("-restore")
    ),
    "restored on uninstall, in a namespace": downscaler_case(
        restore_play,
        restoreOnUninstall=True,
        types=CUSTOM,
        namespaces=["shop"],
        mode="cronjob",
        codes=(1, 1),
        needs=lambda right: right.role.endswith("-restore") and right.place == NAMESPACE,
    ),
    "janitor, everywhere": janitor_case(
        ["configmaps", "deployments.apps", "persistentvolumeclaims", "pods", "services"],
        [rule("warned", "configmaps", "deployments", "persistentvolumeclaims", "pods", "services"), *_FACTS],
        **{"backup": "configmap:backups", "evict-pods": True},
    ),
    "janitor, namespaces and owners": janitor_case(
        ["configmaps", "namespaces", "pods"],
        [
            rule("warned", "configmaps", "namespaces", "pods"),
            rule("orphans", "pods", jmespath="!_context.owner_exists && metadata.name == 'none'", ttl="1h"),
        ],
    ),
    "janitor, in namespaces": janitor_case(
        ["configmaps", "namespaces", "pods", "deployments.apps"],
        [
            rule("warned", "configmaps", "namespaces", "pods", "deployments"),
            rule("excess", "configmaps", jmespath="metadata.labels.excess == 'true'", ttl="1h"),
        ],
        codes=(1, 1),
        namespaces=["shop", "due-space", "warned-space"],
        needs=lambda right: right.place in (NAMESPACE, _SPACES.get((right.resource, right.verb), "shop")),
        **{"breaker-rule-deletions": 1},
    ),
    "report": Case(
        "report",
        report_play,
        {"report": {"config": {"enable-routegroups": True, "enable-ingressroute": True}}},
        ROUTES,
        codes=(0,),
        quarrel=False,
    ),
}


def stage(case: Case, sim: SimCluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name in ("shop", "longer", "backups"):
        sim.namespace(name)
    for each in case.types:
        sim.create(each)
    return Stage(sim, render(case.values), case.component, folder, monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_every_right_is_used_and_no_other(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    with SimCluster(start=datetime(2026, 3, 23, 12, tzinfo=UTC)) as sim:
        acting = stage(case, sim, tmp_path, monkeypatch)
        rights = held(acting.found, acting.account)
        whole = acting.act(case.play, quarrel=case.quarrel)

        assert whole.refused == ()
        assert whole.codes == case.codes
        install(sim, acting.found)
        assert acting.act(case.play, quarrel=case.quarrel) == whole
        assert without_each(acting, case, [each for each in rights if case.needs(each)], whole) == []


def without_each(acting: Stage, case: Case, rights: list[Held], whole: Outcome) -> list[str]:
    """The rights without which nothing is different."""
    idle = []
    for missing in rights:
        # Some went with the Namespace that they were in.
        install(acting.sim, acting.found)
        role = [each for each in held(acting.found, acting.account) if (each.role, each.place) == (missing.role, missing.place)]
        set_rights(acting.sim, missing.role, missing.place, [each for each in role if each != missing])
        if acting.act(case.play, quarrel=case.quarrel) == whole:
            idle.append(str(missing))
        install(acting.sim, acting.found)
        set_rights(acting.sim, missing.role, missing.place, role)
    return idle
