"""The overview: the figures of all clusters together, what could be saved and what is, and the way to every other page."""

from __future__ import annotations

from collections import Counter

from resource_report import columns
from resource_report.cells import NO_TEAM, Cells, known, percent, written
from resource_report.columns import ROUTES
from resource_report.markup import Selection, cost_chart, cost_stack, head_fields, table_markup, usage_bars
from resource_report.notifications import Notification, Severity
from resource_report.pages import Page, Tile
from resource_report.shards import as_script
from resource_report.summary import Report
from resource_report.views import Views

TEAMS_SHOWN = 10
CHART_BARS = 12
NOTES_SHOWN = 3

DATA_FILES = (
    "clusters.tsv",
    "nodes.tsv",
    "pools.tsv",
    "namespaces.tsv",
    "teams.tsv",
    "applications.tsv",
    "workloads.tsv",
    "pods.tsv",
    "slack.tsv",
    "ingresses.tsv",
    "routegroups.tsv",
    "ingressroutes.tsv",
    "prices.tsv",
    "reconciliation.tsv",
    "metrics.json",
    "cluster-metrics.json",
    "team-metrics.json",
    "application-metrics.json",
)


def navigation() -> list[tuple[str, str]]:
    """(text, href) of the pages in the bar on top. The other kinds of routes are reached from the ingresses."""
    workloads = (columns.TEAMS, columns.APPLICATIONS, columns.NAMESPACES, columns.WORKLOADS, columns.PODS_TABLE)
    machines = (columns.CLUSTERS, columns.POOLS, columns.NODES, columns.INGRESSES)
    return [
        ("Overview", "index.html"),
        *((table.title, f"{table.name}.html") for table in (*workloads, *machines)),
        ("Prices", "prices.html"),
        ("Notifications", "notifications.html"),
    ]


def written_time(report: Report) -> str:
    return report.generated.strftime("%Y-%m-%d %H:%M UTC")


def run_script(report: Report, cells: Cells, currency: str) -> bytes:
    """What all pages share: when the data is of, the navigation and the headings of compact pages.

    A file of its own, so that a page whose figures stay the same is not written again every run.
    """
    tables = (columns.PODS_TABLE.light, columns.WORKLOADS.light, columns.COMPONENTS, *ROUTES.values())
    heads = {
        table.name: {"title": table.title, "sort": table.sort[0], "columns": head_fields(cells.columns_of(table), currency)}
        for table in tables
    }
    return as_script(
        "thriftRun", {"time": written_time(report), "version": report.version, "navigation": navigation(), "heads": heads}
    )


def overview_page(views: Views, cells: Cells, notes: tuple[Notification, ...]) -> Page:
    """index.html."""
    report, totals, code = views.report, views.totals, views.currency.code
    teams = views.frames["teams"]
    context = {
        "generated": f"Data of {written_time(report)}",
        "notifications": notes,
        "worst": [note for note in notes if note.severity is Severity.ERROR][:NOTES_SHOWN],
        "warnings": _warnings(notes),
        "slack": _slack_tile(views),
        "spot": _spot_tile(views),
        "coverage": written("pct", totals.get("coverage")),
        "tiles": _tiles(views),
        "usage": usage_bars(totals),
        "stack": cost_stack(totals),
        "chart": _chart(views),
        "table": table_markup(
            columns.TEAMS,
            cells,
            code,
            Selection(cells.rows(columns.TEAMS, teams.head(TEAMS_SHOWN)), len(teams)),
            size=TEAMS_SHOWN,
        ),
        "downloads": DATA_FILES,
        "settings": sorted(report.settings.items()),
    }
    return Page("index.html", "index.html", "Overview", context=context)


def _warnings(notes: tuple[Notification, ...]) -> str:
    """How many warnings there are of what: "5 warnings: prices (4), metrics (1)"; empty without any."""
    subjects = Counter(note.subject.split("/")[0] for note in notes if note.severity is Severity.WARNING)
    count = subjects.total()
    listed = ", ".join(f"{subject} ({number:,})" for subject, number in subjects.most_common(4))
    more = " and others" if len(subjects) > 4 else ""
    return f"{count:,} warning{'' if count == 1 else 's'}: {listed}{more}" if count else ""


def _slack_tile(views: Views) -> Tile:
    slack, cost, code = views.totals.get("slack_cost"), views.totals.get("cost", 0.0), views.currency.code
    if slack is None or not known(slack):
        return Tile("Slack", "unknown", note="Neither usage nor recommendations are known", term="slack")
    share = f"{percent(slack / cost)} of the cost" if cost else "of nothing"
    return Tile("Slack", written("money", slack), f"{code}/month", share, "slack")


def _spot_tile(views: Views) -> Tile:
    saved, share = views.totals.get("spot_savings"), views.totals.get("spot_savings_share")
    nodes = views.totals.get("spot_nodes", 0)
    if not nodes:
        return Tile("Spot", written("money", 0.0), f"{views.currency.code}/month", "There are no spot nodes.", "spot")
    against = (
        f"{percent(share)} of the on-demand list price of {nodes:,.0f} spot nodes." if known(share) and share is not None else ""
    )
    return Tile("Spot", written("money", saved), f"{views.currency.code}/month" if known(saved) else "", against, "spot")


def _tiles(views: Views) -> list[Tile]:
    totals, code = views.totals, views.currency.code

    def count(name: str, key: str, href: str, note: str = "") -> Tile:
        return Tile(name, written("int", totals.get(key)), href=href, note=note)

    def price(name: str, key: str) -> Tile:
        value = totals.get(key)
        return Tile(name, written("rate", value), f"{code}/hour" if known(value) else "", term="price-per-unit")

    stale = totals.get("stale_clusters", 0)
    return [
        Tile("Cost", written("money", totals.get("cost")), f"{code}/month", term="cost", href="reconciliation.html"),
        count("Clusters", "clusters", "clusters.html", f"{stale:,.0f} stale" if stale else ""),
        count("Worker nodes", "worker_nodes", "nodes.html", f"{totals.get('spot_nodes', 0):,.0f} spot"),
        count("Teams", "teams", "teams.html"),
        count("Applications", "applications", "applications.html"),
        count("Pods", "pods", "pods.html"),
        price("Per requested core", "cost_per_user_request_hour_cpu"),
        price("Per requested GiB", "cost_per_user_request_hour_memory"),
    ]


def _chart(views: Views) -> list[object]:
    """The teams that cost most, and all others as one bar."""
    frame = views.frames["teams"].sort_values(["cost", "team"], ascending=[False, True], na_position="last", kind="stable")
    rows = list(zip(frame["team"], frame["team_id"], frame["cost"], frame["slack_cost"], strict=True))
    shown = [
        (str(team) or NO_TEAM, views.names.page("team", str(key)), cost, slack) for team, key, cost, slack in rows[:CHART_BARS]
    ]
    rest = frame.iloc[CHART_BARS:]
    if len(rest):
        shown.append((f"{len(rest):,} others", "teams.html", rest["cost"].sum(), rest["slack_cost"].sum(min_count=1)))
    return list(cost_chart(shown))
