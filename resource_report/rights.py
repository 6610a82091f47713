"""Which rights the report needs on the API server, and why; and which of them a configuration calls for. Pure.

It only ever lists. Nodes, usage and pods of the whole cluster are what a cost is made of, so that its rights are cluster-wide. A
list that is added to `collect.py` needs its row here: the chart grants nothing else, and the tests run under what it grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resource_report.config import Config
from resource_report.kinds import HTTP_ROUTES, INGRESS_ROUTES, ROUTE_GROUPS, SERVICES, VERTICAL_POD_AUTOSCALERS
from shared.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    INGRESSES,
    NAMESPACES,
    NODE_METRICS,
    NODES,
    POD_METRICS,
    PODS,
    STATEFUL_SETS,
    Resource,
)
from shared.rights import Grant, Right, RightsTable, Where, granted, right_on, roles


def _list(resource: Resource, why: str, *when: str) -> Right:
    return right_on(resource, "list", why=why, when=("local", *when), where=Where.CLUSTER)


RIGHTS = RightsTable(
    conditions={
        "local": "it reads the cluster it runs in: neither `clusters` nor `cluster-registry` is set",
        "routegroups": "`enable-routegroups` is set",
        "ingressroutes": "`enable-ingressroute` is set",
    },
    rights=(
        _list(NODES, "what there is to pay for: instance type, zone, capacity"),
        _list(PODS, "what requests it"),
        _list(NODE_METRICS, "usage of nodes"),
        _list(POD_METRICS, "usage of pods"),
        _list(NAMESPACES, "teams and owners of namespaces"),
        _list(VERTICAL_POD_AUTOSCALERS[0], "what vertical autoscalers recommend"),
        _list(HORIZONTAL_POD_AUTOSCALERS, "which workloads scale by themselves"),
        _list(INGRESSES, "hosts of applications"),
        _list(HTTP_ROUTES[0], "hosts of applications"),
        *(_list(resource, "hosts of applications", "routegroups") for resource in ROUTE_GROUPS),
        *(_list(resource, "hosts of applications", "ingressroutes") for resource in INGRESS_ROUTES),
        _list(SERVICES, "which application is behind a host that carries no label of its own"),
        *(
            _list(resource, "teams of pods without a label; metadata only")
            for resource in (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, CRON_JOBS)
        ),
    ),
)


def needed(config: Config) -> list[Grant]:
    """What a report with this configuration lists in the cluster it runs in."""
    discovery = config.discovery
    facts = {
        "local": not (discovery.registry or discovery.urls),
        "routegroups": config.collect.route_groups,
        "ingressroutes": config.collect.ingress_routes,
    }
    return granted(RIGHTS, [word for word, holds in facts.items() if holds])


def role_documents(config: Config, name: str = "kube-resource-report") -> Iterator[dict[str, Any]]:
    """The ClusterRole with these rights and no others."""
    return roles(needed(config), {Where.CLUSTER: (None,)}, name)
