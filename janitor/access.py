"""Which rights the configuration needs, as roles, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from janitor.config import Config
from janitor.read import TypePlan, plan_type, plan_types
from janitor.rights import backup_place, needed
from janitor.rules import RuleSet
from janitor.survey import mentioning_types
from janitor.usage import needs_of
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.kinds import NAMESPACES, Resource
from shared.rights import Grant, Places, Where, roles

_EVERYTHING = Resource("*", "*", "*", "*")


def needs(cluster: Cluster, config: Config, rules: RuleSet) -> list[Grant]:
    """Every right that this configuration can make use of on this cluster. Raises ClusterError where it cannot be discovered."""
    resources = cluster.discover().preferred()
    plans = plan_types(resources, config.scope, rules, config.policy.keys)
    surveyed = needs_of(_facts(plans, rules))
    found = needed(config, dry_run=cluster.dry_run, types=[plan.resource for plan in plans], rules=rules, needs=sorted(surveyed))
    if "references" in surveyed:
        # The table knows the built-in ones; only the cluster knows the custom ones.
        found += [Grant("list", it.group, it.plural) for it in mentioning_types(cluster, resources)]
    return list(dict.fromkeys(found))


def _facts(plans: Iterable[TypePlan], rules: RuleSet) -> frozenset[str]:
    own = plan_type(NAMESPACES, rules.about(NAMESPACES))
    return frozenset[str]().union(own.facts, *(plan.facts for plan in plans))


def places(config: Config) -> Places:
    """The namespaces in which rights hold; None for the whole cluster. The janitor's own one is unknown outside a cluster."""
    state, backup = config.state[0] if config.state else None, backup_place(config)
    return {
        Where.WORK: config.scope.named_namespaces or (None,),
        Where.CLUSTER: (None,),
        Where.OWN: (config.own_namespace,) if config.own_namespace else (),
        Where.STATE: (state,) if state else (),
        Where.BACKUP: (backup,) if backup else (),
    }


def role_documents(grants: Iterable[Grant], config: Config, name: str = "kube-janitor") -> Iterator[dict[str, Any]]:
    """The ClusterRole, or the Roles, with these rights and no others. Pure."""
    return roles(grants, places(config), name)


def missing(cluster: Cluster, config: Config, grants: Iterable[Grant]) -> list[str]:
    """The rights that the server says it would refuse, as `delete deployments.apps`. Where it does not answer: none.

    One question suffices for an administrator. Of several named namespaces, the first is asked about.
    """
    where = places(config)
    try:
        if cluster.can_i("*", _EVERYTHING, where[Where.WORK][0]):
            return []
        return [str(grant) for grant in grants if not _may(cluster, grant, where)]
    except ThriftError:
        return []


def _may(cluster: Cluster, grant: Grant, where: Places) -> bool:
    place = next(iter(where[grant.where]), None)
    # A Role in a namespace also holds for the Namespace itself.
    name = grant.name or (place or "" if grant.resource == NAMESPACES.plural else "")
    return cluster.can_i(grant.verb, Resource(grant.group, "*", grant.resource, ""), place, name)
