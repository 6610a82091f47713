"""Which rights the janitor needs on the API server, and why; and which of them a configuration calls for. Pure.

A call that is added to this controller needs its row here: the chart grants nothing else, and the tests run under what it grants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from janitor.config import Config
from janitor.rules import Rule, RuleSet
from janitor.usage import MENTIONING, NEEDS
from shared.kinds import CONFIG_MAPS, CUSTOM_RESOURCE_DEFINITIONS, ENDPOINT_SLICES, EVENTS, NAMESPACES, PODS, Resource
from shared.rights import Grant, Right, RightsTable, Where, granted, right_on

# The word for the ConfigMap in which it remembers what has to outlive its process.
STATE = "state"
_BACKUP_IN_CLUSTER = "configmap:"
# What a survey of the cluster needs (`usage.NEEDS`), as a condition.
_CONDITION = {"pods": "mounts", "references": "references", "endpoints": "endpoints", "inventory": "inventory"}
_INSIDE = "a Namespace goes with everything in it, so it looks whether anything there is protected, whatever its type"


RIGHTS = RightsTable(
    conditions={
        "wide": "no namespaces are listed",
        "named": "namespaces are listed",
        "write": "it is no dry run",
        "warn": "owners are warned, or objects quarantined, before the end, and it is no dry run",
        "namespaces": "namespaces are among the types",
        "pods": "pods are among the types",
        "deleted": "pods are deleted",
        "evicted": "pods are evicted",
        "mounts": "a rule reads `pvc_is_not_mounted`, or what is not referenced",
        "references": "a rule reads `pvc_is_not_referenced`, `configmap_is_not_referenced` or `secret_is_not_referenced`",
        "endpoints": "a rule reads `service_has_no_endpoints`",
        "inventory": "a rule reads `namespace_is_empty` or `owner_exists`",
        "state": "`state` is not `none`",
        "backup": "backups are kept in ConfigMaps, and it is no dry run",
    },
    rights=(
        right_on(NAMESPACES, "list", when=("wide",), why="annotations of namespaces, and which are in scope"),
        right_on(NAMESPACES, "get", why="reads the Namespace of an object again before the object is deleted"),
        right_on(NAMESPACES, "delete", when=("namespaces", "write"), why="deletes what is due"),
        right_on(NAMESPACES, "patch", when=("namespaces", "warn"), why="writes the warning on the object"),
        Right(("list",), "*", "*", _INSIDE, ("namespaces", "write")),
        right_on(PODS, "list", when=("pods",), why="finds what is due; metadata only, unless a rule looks inside"),
        right_on(PODS, "get", when=("pods",), why="reads an object again before it is deleted"),
        right_on(PODS, "delete", when=("pods", "write", "deleted"), why="deletes what is due"),
        Right(
            ("create",),
            PODS.group,
            f"{PODS.plural}/eviction",
            "evicts what is due, if budgets allow",
            ("pods", "write", "evicted"),
        ),
        right_on(PODS, "patch", when=("pods", "warn"), why="writes the warning on the object"),
        right_on(PODS, "list", when=("mounts",), why="which claims are mounted, and what else pods refer to"),
        *(
            Right(("list",), group, plural, "which claims, ConfigMaps and Secrets are mentioned", ("references",))
            for group, plural in MENTIONING
        ),
        right_on(
            CUSTOM_RESOURCE_DEFINITIONS,
            "list",
            why="which custom types cannot mention any of them, by their schemas",
            when=("references", "wide"),
            where=Where.CLUSTER,
        ),
        right_on(ENDPOINT_SLICES, "list", when=("endpoints",), why="which Services have endpoints"),
        Right(("list",), "*", "*", "what there is at all: owners, and what is in a namespace", ("inventory",)),
        right_on(
            EVENTS,
            "create",
            "patch",
            when=("write",),
            why="says each warning, deletion and broken annotation; one said again is counted up",
        ),
        right_on(
            EVENTS,
            "create",
            "patch",
            why="says on its own Deployment that a breaker is open",
            when=("write", "named"),
            where=Where.OWN,
        ),
        right_on(
            CONFIG_MAPS,
            "get",
            where=Where.STATE,
            when=(),
            only=STATE,
            why="open breakers, deletions of the last minutes, how long rules are known",
        ),
        right_on(CONFIG_MAPS, "patch", where=Where.STATE, when=("write",), only=STATE, why="keeps them up to date"),
        right_on(CONFIG_MAPS, "create", where=Where.STATE, when=("state", "write"), why="makes that ConfigMap"),
        right_on(
            CONFIG_MAPS,
            "list",
            where=Where.BACKUP,
            when=("backup",),
            why="how much of `backup-max-size` is used, and which backups are old",
        ),
        right_on(
            CONFIG_MAPS, "create", where=Where.BACKUP, when=("backup",), why="keeps a manifest before its object is deleted"
        ),
        right_on(CONFIG_MAPS, "delete", where=Where.BACKUP, when=("backup",), why="removes backups after `backup-retention`"),
    ),
    each=(
        Right(("list",), "", "", "finds what is due; metadata only, unless a rule looks inside"),
        Right(("get",), "", "", "reads an object again before it is deleted"),
        Right(("delete",), "", "", "deletes what is due", ("write",)),
        Right(("patch",), "", "", "writes the warning on the object", ("warn",)),
    ),
    apart=(NAMESPACES.plural, PODS.plural),
    in_scope={"namespaces": (NAMESPACES.plural,), "pods": (PODS.plural,)},
    read_by_rules={name: tuple(sorted(_CONDITION[need] for need in needs)) for name, needs in NEEDS.items()},
)


def needed(config: Config, *, dry_run: bool, types: Sequence[Resource], rules: RuleSet, needs: Iterable[str] = ()) -> list[Grant]:
    """What a janitor with this configuration may have to do with *types*, which are all that it lists.

    *needs* are those of `usage.needs_of`: what has to be surveyed for the facts that *rules* read.
    """
    named = config.scope.named_namespaces is not None
    backup = config.backup is not None and config.backup.target.startswith(_BACKUP_IN_CLUSTER)
    facts: Mapping[str, bool] = {
        "wide": not named,
        "named": named,
        "write": not dry_run,
        "warn": warns(config, rules) and not dry_run,
        "namespaces": config.scope.allows_resource(NAMESPACES),
        "pods": any((each.group, each.plural) == (PODS.group, PODS.plural) for each in types),
        "deleted": not config.evict,
        "evicted": config.evict,
        "state": config.state is not None,
        "backup": backup and not dry_run,
    }
    holds = [word for word, fact in facts.items() if fact] + [_CONDITION[need] for need in needs]
    names = {STATE: [config.state[1]]} if config.state is not None else {}
    return granted(RIGHTS, holds, [(each.group, each.plural) for each in types], names)


def warns(config: Config, rules: RuleSet) -> bool:
    """Whether anything can be written on an object before it is deleted."""
    by_rule = any(isinstance(rule, Rule) and (rule.notify or rule.quarantine) for rule in rules.rules)
    return bool(config.policy.notification or config.policy.quarantine) or by_rule


def backup_place(config: Config) -> str | None:
    """The namespace in which backups are kept; None for another store, or none."""
    target = config.backup.target if config.backup is not None else ""
    return target.removeprefix(_BACKUP_IN_CLUSTER) if target.startswith(_BACKUP_IN_CLUSTER) else None
