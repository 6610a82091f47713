"""Which rights the configuration needs, as a ClusterRole, and which of them are missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from janitor.config import Config
from janitor.read import TypePlan
from janitor.rules import Rule, RuleSet
from shared.cluster import Cluster
from shared.errors import ThriftError
from shared.kinds import CONFIG_MAPS, EVENTS, NAMESPACES, Resource

Need = tuple[str, Resource]
_EVERYTHING = Resource("*", "*", "*", "*")


def needed(config: Config, plans: Iterable[TypePlan], rules: RuleSet) -> list[Need]:
    """Verb and type of every call that this configuration can lead to. Pure."""
    warns = bool(config.policy.notification or config.policy.quarantine) or any(
        isinstance(rule, Rule) and (rule.notify or rule.quarantine) for rule in rules.rules
    )
    verbs = ("get", "list", "delete") + (("patch",) if warns else ())
    types = [plan.resource for plan in plans]
    reads = [("get", NAMESPACES)] + ([("list", NAMESPACES)] if config.scope.named_namespaces is None else [])
    found = reads + [(verb, resource) for resource in types for verb in verbs]
    # An event that is said again is patched: its count goes up.
    found += [("create", EVENTS), ("patch", EVENTS)]
    if config.state is not None or (config.backup is not None and config.backup.target.startswith("configmap:")):
        found += [(verb, CONFIG_MAPS) for verb in ("get", "create", "patch")]
    return list(dict.fromkeys(found))


def role(needs: Iterable[Need], name: str = "kube-janitor") -> dict[str, Any]:
    """A ClusterRole with these rights and no others; types with the same verbs share a rule. Pure."""
    per_type: dict[tuple[str, str], set[str]] = {}
    for verb, resource in needs:
        per_type.setdefault((resource.group, resource.plural), set()).add(verb)
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, plural), verbs in sorted(per_type.items()):
        grouped.setdefault((group, tuple(sorted(verbs))), []).append(plural)
    rules = [
        {"apiGroups": [group], "resources": plurals, "verbs": list(verbs)} for (group, verbs), plurals in sorted(grouped.items())
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def missing(cluster: Cluster, config: Config, needs: Iterable[Need]) -> list[str]:
    """The needs that the server says it would refuse, as `delete deployments.apps`. Where it does not answer: none.

    One question suffices for an administrator. With named namespaces, the first of them is asked about.
    """
    place = (config.scope.named_namespaces or (None,))[0]
    try:
        if cluster.can_i("*", _EVERYTHING, place):
            return []
        return [
            f"{verb} {resource.name}"
            for verb, resource in needs
            if not cluster.can_i(verb, resource, place if resource.namespaced else None)
        ]
    except ThriftError:
        return []
