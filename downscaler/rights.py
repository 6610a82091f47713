"""Which rights the downscaler needs on the API server, and why; and which of them a configuration calls for. Pure.

A call that is added to this controller needs its row here: the chart grants nothing else, and the tests run under what it grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from downscaler.config import Config
from downscaler.policy import Orphans
from downscaler.relations import AUTOSCALED
from downscaler.sizes import KINDS
from shared.kinds import (
    CRON_JOBS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
)
from shared.rights import Grant, Places, Right, RightsTable, Where, granted, right_on, roles

# The word for the controller's own Deployment or CronJob.
SELF = "self"
# The word for the definitions of kinds whose size only the server knows.
SCALE = "scale"


_OWN = "whose pod it runs in, so that it never switches itself off, whatever it is called"
_TYPES = {kind.id: (kind.resource.group, kind.resource.plural) for kind in KINDS.values()}
_EVENTS = right_on(
    EVENTS, "create", "patch", when=("events",), why="says each change and each broken annotation; one said again is counted up"
)

RIGHTS = RightsTable(
    conditions={
        "wide": "no namespaces are listed",
        "named": "namespaces are listed",
        "write": "it is no dry run",
        "events": "events are on, and it is no dry run",
        "daemon": "it runs as a Deployment",
        "once": "it runs as a CronJob",
        "autoscaled": "deployments, statefulsets or rollouts are among the kinds",
        "children": "cronjobs are among the kinds",
        "orphans": "`orphans` is `restore`; then every kind counts as one of the kinds",
    },
    rights=(
        right_on(NAMESPACES, "list", when=("wide",), why="annotations of namespaces, and which are excluded"),
        right_on(NAMESPACES, "get", when=("named",), why="annotations of the namespace"),
        right_on(
            NAMESPACES,
            "patch",
            when=("write",),
            why="writes the time at which `downscaler/up-for` ends",
        ),
        right_on(PODS, "list", why="whether one asks with `downscaler/force-uptime` to stay up; metadata only is read"),
        right_on(HORIZONTAL_POD_AUTOSCALERS, "list", when=("autoscaled",), why="what an autoscaler says about what it scales"),
        right_on(JOBS, "list", when=("children",), why="the unfinished Jobs of CronJobs that ask for `scale-children`"),
        right_on(JOBS, "get", "patch", when=("children", "write"), why="suspends and resumes them; reads one again that changed"),
        right_on(
            CUSTOM_RESOURCE_DEFINITIONS,
            "get",
            where=Where.CLUSTER,
            only=SCALE,
            why="where the size of a custom kind is that is described by the word `scale`",
        ),
        _EVENTS,
        right_on(PODS, "get", where=Where.OWN, why=_OWN),
        right_on(REPLICA_SETS, "get", where=Where.OWN, when=("daemon",), why=_OWN),
        right_on(DEPLOYMENTS, "get", where=Where.OWN, when=("daemon",), only=SELF, why=_OWN),
        right_on(JOBS, "get", where=Where.OWN, when=("once",), why=_OWN),
        right_on(CRON_JOBS, "get", where=Where.OWN, when=("once",), only=SELF, why=_OWN),
    ),
    each=(
        Right(("list",), "", "", "finds what is to be scaled"),
        Right(("get",), "", "", "reads one again that somebody changed meanwhile", ("write",)),
        Right(("patch",), "", "", "scales, and writes the record that brings it back", ("write",)),
        Right(("get",), "", "", "reads what sleeps and is of a kind that is no longer named", ("orphans",)),
    ),
    types=_TYPES,
    in_scope={"autoscaled": AUTOSCALED, "children": (CRON_JOBS.plural,)},
)

# What the job before `helm uninstall` needs beside that, for as long as it runs.
RESTORE_RIGHTS = RightsTable(
    conditions={key: RIGHTS.conditions[key] for key in ("daemon", "once")} | {"events": "events are on"},
    rights=(
        right_on(DEPLOYMENTS, "get", "patch", where=Where.OWN, when=("daemon",), only=SELF, why="stops the controller"),
        right_on(CRON_JOBS, "get", "patch", where=Where.OWN, when=("once",), only=SELF, why="stops the controller"),
        right_on(PODS, "list", where=Where.OWN, why="waits until its last pod has ended"),
        right_on(PODS, "get", where=Where.OWN, why=_OWN),
        right_on(JOBS, "get", where=Where.OWN, why=_OWN),
        _EVENTS,
    ),
    each=(Right(("list", "get", "patch"), "", "", "brings back what sleeps, of every kind, also of those no longer named"),),
    types=_TYPES,
)


def needed(config: Config, own_name: str = "kube-downscaler") -> list[Grant]:
    """What a controller with this configuration may have to do. *own_name* is that of its own Deployment or CronJob."""
    ids = {kind.id for kind in config.kinds}
    write = not config.connection.dry_run
    orphans = config.rules.orphans is Orphans.RESTORE
    facts = {
        "wide": not config.namespaces,
        "named": bool(config.namespaces),
        "write": write,
        "events": config.enable_events and write,
        "once": config.once,
        "daemon": not config.once,
        "orphans": orphans,
    }
    facts |= {word: not ids.isdisjoint(types) for word, types in RIGHTS.in_scope.items()}
    types = [(kind.resource.group, kind.resource.plural) for kind in config.kinds]
    if orphans:
        types = list(dict.fromkeys([*RIGHTS.types.values(), *types]))
    names = {SELF: [own_name], SCALE: [kind.resource.name for kind in config.kinds if kind.by_scale]}
    return granted(RIGHTS, [word for word, holds in facts.items() if holds], types, names)


def role_documents(config: Config, own_namespace: str = "", name: str = "kube-downscaler") -> Iterator[dict[str, Any]]:
    """The ClusterRole, or the Roles, with these rights and no others. Those in the own namespace only where it is known."""
    places: Places = {
        Where.WORK: config.namespaces or (None,),
        Where.CLUSTER: (None,),
        Where.OWN: (own_namespace,) if own_namespace else (),
    }
    return roles(needed(config, name), places, name)
