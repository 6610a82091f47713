"""The report's frames as the pages show them: in each table's own order, in the report's currency, with words for what is empty.

Frames in, new frames out; the report itself is not changed. Where a shown value differs from the id, the id stays in
`<column>_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from resource_report import columns
from resource_report.cells import NO_COMPONENT, NO_POOL, NO_TEAM
from resource_report.columns import ROUTES, Table
from resource_report.files import FileNames, Id
from resource_report.summary import Report
from resource_report.tables import SHARED

# Beyond this many pages of nodes, applications and namespaces each of them comes compact: its figures, and rows from the shards.
# Whole pages would make a report of 1,000 nodes and 2,000 applications 60 MB large.
WHOLE_PAGES = 1000

LEVELS = {"total": 0, "cluster": 1, "pool": 2}


@dataclass(frozen=True)
class Currency:
    """What money is written in: a code for headings, and how many of it one US dollar is."""

    code: str = "USD"
    per_usd: float = 1.0


def is_money(name: str) -> bool:
    """Whether a column of `tables` holds money: costs, prices and savings, by month or hour."""
    return name in {"cost", "spot_savings", "difference"} or name.endswith(("_cost", "_price")) or "cost_per_user_request" in name


def in_currency(frame: pd.DataFrame, currency: Currency) -> pd.DataFrame:
    """*frame* with its money in *currency*."""
    if currency.per_usd == 1.0:
        return frame
    return frame.assign(**{name: frame[name] * currency.per_usd for name in frame.columns if is_money(str(name))})


def ordered(frame: pd.DataFrame, sort: tuple[str, ...]) -> pd.DataFrame:
    """*frame* by *sort*; unknown stands last whichever way a column is sorted."""
    keys = [key.removeprefix("-") for key in sort]
    ascending = [not key.startswith("-") for key in sort]
    return frame.sort_values(keys, ascending=ascending, na_position="last", kind="stable", ignore_index=True)


def _named(frame: pd.DataFrame, key: str, empty: str) -> pd.DataFrame:
    """*frame* with *empty* in place of "" in column *key*, and the raw values in `<key>_id`."""
    if key not in frame.columns:
        return frame
    column = frame[key]
    if isinstance(column.dtype, pd.CategoricalDtype):
        shown = column.cat.rename_categories({"": empty}) if "" in column.cat.categories else column
    else:
        shown = column.mask(column == "", empty)
    return frame.assign(**{key: shown, f"{key}_id": column})


def _price(frame: pd.DataFrame) -> pd.DataFrame:
    """The price's source in words, with "(estimated)" where it is."""
    source = frame["price_source"].astype(str)
    source = source.mask(source == "", "unknown")
    unsaid = frame["price_estimated"] & ~source.str.startswith("estimated")
    return frame.assign(price=source.mask(unsaid, source + " (estimated)"))


def _place(frame: pd.DataFrame) -> pd.DataFrame:
    zone = frame["zone"].astype(str)
    return frame.assign(place=zone.mask(zone == "", frame["region"].astype(str)))


def _state(frame: pd.DataFrame) -> pd.DataFrame:
    """Whether a cluster's data is of this run, in words. An address loses a password that somebody put into it."""
    addresses = frame["api_server_url"].astype(str).str.replace(r"//[^/@]*@", "//", regex=True)
    return frame.assign(
        api_server_url=addresses,
        state=[f"stale, of {when}" if stale else "current" for stale, when in zip(frame["stale"], frame["as_of"], strict=True)],
    )


def _shares(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Each row's share (0..1) of the cost of all rows with the same *key*; unknown where that is nothing."""
    total = frame.groupby(key, observed=True)["cost"].transform("sum")
    return frame.assign(share=(frame["cost"] / total.where(total > 0)))


def _with_shared(frame: pd.DataFrame) -> pd.DataFrame:
    """*frame* with all that its pods take of shared cost, in one figure."""
    return frame.assign(shared_total_cost=frame[list(SHARED)].sum(axis=1, min_count=1))


def _several(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Only the rows whose *key* has more than one: a single component says nothing that its application does not."""
    return frame[frame[key].duplicated(keep=False)]


def _team_clusters(pods: pd.DataFrame) -> pd.DataFrame:
    """What each team has in each cluster: its own part of the cost, not the cluster's."""
    groups = pods.groupby(["team", "cluster"], observed=True)
    summed = groups[["cost", "slack_cost"]].sum(min_count=1).assign(pods=groups.size()).reset_index()
    return _shares(summed, "team")


class Views:
    """All tables of a report, ready to be written.

    `frames[table.name]` is the table's frame in its order; `names` holds the file of everything that has a page; `compact` says
    that there are too many pages to write them whole.
    """

    def __init__(self, report: Report, currency: Currency) -> None:
        self.report = report
        self.currency = currency
        self.names = FileNames(page_ids(report))
        frames = {
            "clusters": _state(report.clusters),
            "pools": report.pools,
            "nodes": _price(report.nodes),
            "namespaces": _with_shared(report.namespaces),
            "teams": _with_shared(report.teams),
            "applications": _with_shared(report.applications),
            "team-applications": _shares(report.team_applications, "team"),
            "team-clusters": _team_clusters(report.pods),
            "components": _several(_shares(report.components, "application"), "application"),
            "workloads": report.workloads,
            "pods": report.pods,
            "prices": _place(_price(report.prices)),
            "reconciliation": report.reconciliation.assign(rank=report.reconciliation["level"].astype(str).map(LEVELS)),
        }
        for kind, table in ROUTES.items():
            frames[table.name] = report.ingresses[report.ingresses["kind"] == kind]
        self.frames: Mapping[str, pd.DataFrame] = {table.name: self._ready(frames[table.name], table) for table in self.tables()}
        self.compact = sum(len(self.frames[name]) for name in ("nodes", "applications", "namespaces")) > WHOLE_PAGES
        self.totals = {name: value * currency.per_usd if is_money(name) else value for name, value in report.totals.items()}

    @staticmethod
    def tables() -> tuple[Table, ...]:
        return (*columns.LIST_TABLES, *ROUTES.values(), columns.TEAM_APPLICATIONS, columns.TEAM_CLUSTERS, columns.COMPONENTS)

    def _ready(self, frame: pd.DataFrame, table: Table) -> pd.DataFrame:
        frame = ordered(in_currency(frame, self.currency), table.sort)
        if table.name != "reconciliation":
            frame = _named(frame, "pool", NO_POOL)
        if table is columns.COMPONENTS:
            frame = _named(frame, "component", NO_COMPONENT)
        return _named(frame, "team", NO_TEAM)


def page_ids(report: Report) -> dict[str, list[Id]]:
    """The ids of everything that gets a page of its own, by kind."""

    def ids(frame: pd.DataFrame, *keys: str) -> list[Id]:
        return list(zip(*(frame[key].astype(str).tolist() for key in keys), strict=True))

    return {
        "cluster": ids(report.clusters, "cluster"),
        "pool": ids(report.pools, "cluster", "pool"),
        "node": ids(report.nodes, "cluster", "node"),
        "namespace": ids(report.namespaces, "cluster", "namespace"),
        "team": ids(report.teams, "team"),
        "application": ids(report.applications, "application"),
    }
