"""The demo's figures as a table for people and as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kube_thrift.cleanup import Cleanup
from kube_thrift.outlet import json_text
from kube_thrift.tables import table
from kube_thrift.week import Week
from shared.simcluster.accounting import Hours, avoided


def as_text(week: Week) -> str:
    """A table per team and one per node pool, then what went wrong, if anything."""
    saved = avoided(week.without, week.with_downscaler)
    days = (week.end - week.start).total_seconds() / 86400
    lines = [
        f"{days:g} days from {week.start:%a %d %b %Y}, requested by each team and avoided by scaling down outside its hours:",
        "",
        *_team_table(week, saved.teams),
        "",
        *_node_table(week),
        "",
        f"{week.changes:,} scalings in {week.turns:,} turns with {week.requests:,} API requests.",
        *week.story,
        *_health(week),
    ]
    return "\n".join(lines) + "\n"


def _team_table(week: Week, saved: dict[str, Hours]) -> list[str]:
    head = ("team", "workloads", "replica-hours", "avoided", "core-hours", "avoided", "GiB-hours", "avoided", "share")
    ranked = sorted(saved, key=lambda team: (-saved[team].cores, team))
    rows = [_row(team, week.workloads.get(team, 0), week.without.teams.get(team, Hours()), saved[team]) for team in ranked]
    total = _row("all", sum(week.workloads.values()), week.without.total, sum(saved.values(), Hours()))
    return table(head, rows, total)


def _row(team: str, workloads: int, asked: Hours, saved: Hours) -> Sequence[str]:
    amounts = [
        f"{amount:,.0f}"
        for pair in ((asked.replicas, saved.replicas), (asked.cores, saved.cores), (asked.gib, saved.gib))
        for amount in pair
    ]
    return (team, f"{workloads}", *amounts, _share(saved.cores, asked.cores))


def _node_table(week: Week) -> list[str]:
    head = ("node pool", "instance type", "node-hours", "avoided", "share")
    gone = avoided(week.without, week.with_downscaler).nodes
    rows = []
    for (pool, kind), less in gone.items():
        asked = week.without.nodes.get((pool, kind), 0)
        rows.append((pool, kind, f"{asked:,.0f}", f"{less:,.0f}", _share(less, asked)))
    whole, less = week.without.node_hours, sum(gone.values())
    return table(head, rows, ("all", "", f"{whole:,.0f}", f"{less:,.0f}", _share(less, whole)), left=(0, 1))


def _health(week: Week) -> list[str]:
    lines = (
        [f"Left asleep after everything was switched back on: {', '.join(week.stuck)}"]
        if week.stuck
        else ["Switched back on afterwards: every workload is at its original size."]
    )
    if week.complaints:
        lines += [
            "",
            "Annotations that nobody can read stopped only what they are on:",
            *(f"  {line}" for line in week.complaints),
        ]
    if week.failures:
        lines += ["", "Failures:", *(f"  {line}" for line in week.failures)]
    return lines


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def cleanup_text(cleanup: Cleanup) -> str:
    """The janitor's week as a story with dates, and what it came to."""
    lines = [
        "A week of clean-up: previews with a TTL, a load test with a date, an unused claim, a rule gone wrong, a restore:",
        "",
        *(f"  {happening.at:%a %H:%M}  {happening.text}" for happening in cleanup.story),
        "",
        f"{cleanup.deleted} deleted, after a warning a day ahead and a backup; {cleanup.restored} objects brought back."
        + (" The rule gone wrong deleted nothing." if cleanup.stopped else ""),
    ]
    lines += [f"Gone, and should not be: {', '.join(cleanup.lost)}"] if cleanup.lost else []
    lines += [f"Still there, and should not be: {', '.join(cleanup.left)}"] if cleanup.left else []
    return "\n".join(lines) + "\n"


def as_json(week: Week) -> str:
    """The same figures: hours of pods, of cores and of GiB requested, per team, and node-hours per pool."""
    saved = avoided(week.without, week.with_downscaler)

    def hours(amount: Hours) -> dict[str, float]:
        return {
            "replica_hours": round(amount.replicas, 3),
            "core_hours": round(amount.cores, 3),
            "gib_hours": round(amount.gib, 3),
        }

    teams = {
        team: {
            "workloads": week.workloads.get(team, 0),
            "requested": hours(week.without.teams.get(team, Hours())),
            "avoided": hours(amount),
        }
        for team, amount in saved.teams.items()
    }
    nodes = [
        {
            "pool": pool,
            "instance_type": kind,
            "node_hours": round(week.without.nodes.get((pool, kind), 0), 3),
            "avoided": round(less, 3),
        }
        for (pool, kind), less in saved.nodes.items()
    ]
    content = {
        "start": week.start,
        "end": week.end,
        "teams": teams,
        "nodes": nodes,
        "scalings": week.changes,
        "turns": week.turns,
        "kills": week.kills,
        "slowest_wake_minutes": round(week.slowest_wake, 1),
        "stuck": week.stuck,
        "unreadable": week.complaints,
        "failures": week.failures,
    }
    return json_text(content)
