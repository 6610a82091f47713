"""Who owns a pod: its own label, its workload's, its namespace's label or annotation, a mapping file.

Pure but for reading that file. The first of them that names a team wins. What an application registry says comes later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from resource_report.mapping import WorkloadKey
from resource_report.rows import NamespaceRow, PodRow
from shared.errors import UsageError, shorten

ACCEPTED = "a list of entries with team and at least one of namespace and application (regular expressions for the whole name)"


@dataclass(frozen=True)
class TeamRule:
    namespace: re.Pattern[str]
    application: re.Pattern[str]
    team: str


@dataclass(frozen=True)
class TeamMapping:
    """Rules in the order of the file; the first that matches decides."""

    rules: tuple[TeamRule, ...] = ()

    def team(self, namespace: str, application: str) -> str:
        for rule in self.rules:
            if rule.namespace.fullmatch(namespace) and rule.application.fullmatch(application):
                return rule.team
        return ""


def load_team_mapping(path: str | None) -> TeamMapping:
    """Reads `--team-mapping-file`. Raises UsageError with one line naming the file and the entry."""
    if path is None:
        return TeamMapping()
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"--team-mapping-file {path}: {' '.join(str(error).split())}") from None
    if not isinstance(entries, list):
        raise UsageError(f"--team-mapping-file {path}: accepted: {ACCEPTED}")
    return TeamMapping(
        tuple(_rule(entry, f"--team-mapping-file {path}: entry {number}") for number, entry in enumerate(entries, 1))
    )


def _rule(entry: Any, place: str) -> TeamRule:
    known = isinstance(entry, dict) and set(entry) <= {"namespace", "application", "team"} and len(entry) > 1
    if not known or not isinstance(entry.get("team"), str) or not entry["team"]:
        raise UsageError(f"{place}: {shorten(repr(entry))}; accepted: {ACCEPTED}")
    try:
        patterns = [re.compile(str(entry.get(key, ".*"))) for key in ("namespace", "application")]
    except re.error as error:
        raise UsageError(f"{place}: {shorten(repr(entry))}: {error}; accepted: {ACCEPTED}") from None
    return TeamRule(patterns[0], patterns[1], entry["team"])


def assign_teams(
    pods: Iterable[PodRow], workloads: Mapping[WorkloadKey, str], namespaces: Iterable[NamespaceRow], mapping: TeamMapping
) -> None:
    """Gives every row of *pods* without a team the first that is known of it, and says where from in `team_source`.

    *workloads* holds the team labels of workloads. Rows are filled in place: they were just made and nobody else has them yet.
    """
    by_namespace = {row.namespace: (row.team, row.team_source) for row in namespaces}
    chain: tuple[Callable[[PodRow], tuple[str, str]], ...] = (
        lambda row: (workloads.get((row.namespace, row.workload_kind, row.workload), ""), "workload"),
        lambda row: by_namespace.get(row.namespace, ("", "")),
        lambda row: (mapping.team(row.namespace, row.application), "mapping"),
    )
    for row in pods:
        if row.team:
            continue
        for source in chain:
            team, name = source(row)
            if team:
                row.team, row.team_source = team, name
                break
