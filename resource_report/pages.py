"""What stands on each page: one `Page` per HTML file, with the values that its template prints.

Frames in, contexts out; nothing is rendered or written here. Contexts hold plain values and finished pieces of markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from resource_report import columns
from resource_report.cells import Cells, known, link_fields, percent, written
from resource_report.columns import ROUTES, Table
from resource_report.links import CustomLinks
from resource_report.markup import FIRST_ROWS, Groups, TableMarkup, bare_table, cost_stack, table_markup, usage_bars, whole_table
from resource_report.views import Views

# What a page of a team, a pool or a cluster writes out of each table when the report is large.
FEW_ROWS = 6
# The kinds of which there may be thousands.
MANY = frozenset({"node", "application", "namespace"})

Row = Mapping[str, Any]


@dataclass
class Page:
    """One HTML file. `template` is its own name, by which it may be overridden.

    `fallback` the built-in one it shares with others.
    """

    file: str
    template: str
    title: str
    fallback: str = ""
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tile:
    """One figure. `term` names the glossary entry behind "why this number", `why` adds what is special about this one."""

    name: str
    value: str
    unit: str = ""
    note: str = ""
    term: str = ""
    why: str = ""
    href: str = ""
    text: bool = False


class Detail:
    """Builds the pages of single things: clusters, pools, nodes, namespaces, teams and applications."""

    def __init__(self, views: Views, links: CustomLinks) -> None:
        self.views = views
        self.cells = Cells(views.names, links, sharing=views.report.sharing)
        self.code = views.currency.code

    def pages(self) -> Iterator[Page]:
        yield from self.clusters()
        yield from self.pools()
        yield from self.nodes()
        yield from self.namespaces()
        yield from self.teams()
        yield from self.applications()

    def clusters(self) -> Iterator[Page]:
        tables = {
            table.name: self._groups(table.without("cluster"), ("cluster",), "cluster")
            for table in (columns.POOLS, columns.NODES, columns.NAMESPACES, columns.PODS_TABLE, *ROUTES.values())
        }
        for row in self._rows("clusters"):
            tiles = [
                *self._cost_tiles(row),
                self._money("Idle", row["idle_cost"], "idle", share_of=row["cost"]),
                self._money("Spot saves", row["spot_savings"], "spot"),
                Tile(
                    "Workers",
                    written("int", row["worker_nodes"]),
                    note=f"{row['spot_nodes']} spot, {row['control_plane_nodes']} control plane",
                ),
                Tile("Pods", written("int", row["pods"]), note=f"{row['user_pods']} user pods", term="user-pods"),
                self._unit_price(row, "cpu", "core"),
                self._unit_price(row, "memory", "GiB"),
            ]
            facts = [("API server", row["api_server_url"]), ("Versions", row["kubelet_versions"]), ("Regions", row["regions"])]
            chosen = [group.of(row["cluster"]) for group in tables.values()]
            yield self._page(
                "cluster",
                (row["cluster"],),
                row["name"] or row["cluster"],
                row,
                tiles=tiles,
                facts=facts,
                stack=cost_stack(row),
                stale=f"its figures are of {row['as_of']}" if row["stale"] else "",
                tables=[
                    table_markup(group.table, self.cells, self.code, selection)
                    for group, selection in zip(tables.values(), chosen, strict=True)
                    if selection.total
                ],
            )

    def pools(self) -> Iterator[Page]:
        nodes = self._groups(columns.NODES.without("cluster", "pool"), ("cluster", "pool"), "pool")
        for row in self._rows("pools"):
            tiles = [
                *self._cost_tiles(row),
                self._money("Idle", row["idle_cost"], "idle", share_of=row["cost"]),
                self._money("Spot saves", row["spot_savings"], "spot", share_of=row["list_cost"]),
                Tile("Nodes", written("int", row["nodes"]), note=f"{row['spot_nodes']} spot"),
                Tile("Pods", written("int", row["pods"])),
            ]
            facts = [("Instance types", row["instance_types"]), ("Capacity", row["capacity_types"]), ("Role", row["role"])]
            yield self._page(
                "pool",
                (row["cluster"], row["pool_id"]),
                row["pool"],
                row,
                tiles=tiles,
                facts=facts,
                stack=cost_stack(row),
                tables=self._tables((nodes, (row["cluster"], row["pool"]))),
            )

    def nodes(self) -> Iterator[Page]:
        pods = self._groups(self._slim(columns.PODS_TABLE.without("cluster", "node")), ("cluster", "node"), "node")
        for row in self._rows("nodes"):
            yield self._page(
                "node",
                (row["cluster"], row["node"]),
                row["node"],
                row,
                tiles=[*self._node_tiles(row), Tile("Pods", written("int", row["pods"]))],
                facts=self._node_facts(row),
                why=self._price_words(row),
                stack=cost_stack(row),
                tables=self._tables((pods, (row["cluster"], row["node"]))),
            )

    def namespaces(self) -> Iterator[Page]:
        keys = ("cluster", "namespace")
        workloads = self._groups(self._slim(columns.WORKLOADS.without(*keys)), keys, "namespace")
        pods = self._groups(self._slim(columns.PODS_TABLE.without(*keys)), keys, "namespace")
        for row in self._rows("namespaces"):
            identity = (row["cluster"], row["namespace"])
            yield self._page(
                "namespace",
                identity,
                row["namespace"],
                row,
                tiles=[*self._cost_tiles(row), Tile("Pods", written("int", row["pods"]))],
                facts=[("Status", row["status"]), ("Contact", row["email"])],
                tables=self._tables((workloads, identity), (pods, identity)),
            )

    def teams(self) -> Iterator[Page]:
        applications = self._groups(columns.TEAM_APPLICATIONS, ("team",), "team")
        clusters = self._groups(columns.TEAM_CLUSTERS, ("team",), "team")
        namespaces = self._groups(columns.NAMESPACES.without("team"), ("team",), "team")
        for row in self._rows("teams"):
            tiles = [
                *self._cost_tiles(row),
                Tile(
                    "Spot", percent(row["spot_cost"] / row["cost"]) if row["cost"] else "-", note="of the cost runs on spot nodes"
                ),
                Tile("Applications", written("int", row["applications"])),
                Tile(
                    "Pods", written("int", row["pods"]), note=f"in {row['clusters']} cluster{'' if row['clusters'] == 1 else 's'}"
                ),
            ]
            yield self._page(
                "team",
                (row["team_id"],),
                row["team"],
                row,
                tiles=tiles,
                facts=[],
                tables=self._tables(*((group, (row["team"],)) for group in (applications, clusters, namespaces))),
            )

    def applications(self) -> Iterator[Page]:
        key = ("application",)
        tables = (*ROUTES.values(), self._slim(columns.PODS_TABLE.without("application")))
        components = self._groups(columns.COMPONENTS, key, "application")
        groups = [self._groups(table.without("application"), key, "application") for table in tables]
        several = self.views.frames["components"]["application"].value_counts()
        named = set(several.index[several > 1])
        for row in self._rows("applications"):
            tiles = [*self._cost_tiles(row), Tile("Pods", written("int", row["pods"]), note=f"in {row['clusters']}")]
            yield self._page(
                "application",
                (row["application"],),
                row["application"],
                row,
                tiles=tiles,
                facts=[("Active", row["active"])],
                json=self.views.names.page("application", row["application"], ending=".json"),
                tables=self._tables(
                    *(
                        (group, (row["application"],))
                        for group in ([components, *groups] if row["application"] in named else groups)
                    )
                ),
            )

    def _page(self, kind: str, identity: tuple[str, ...], title: str, row: Row, **context: Any) -> Page:
        template = f"{kind}.html"
        file = self.views.names.page(kind, *identity)
        links = self.cells.links.of(kind, link_fields(kind, dict(row)))
        compact = self._is_compact(kind)
        context |= {"row": row, "kind": kind, "heading": title, "links": links, "usage": usage_bars(row, compact=compact)}
        context["crumbs"] = self._crumbs(kind, row)
        return Page(file, template, f"{kind.capitalize()} {title}", "compact.html" if compact else "detail.html", context)

    def _is_compact(self, kind: str) -> bool:
        return self.views.compact and kind in MANY

    def _slim(self, table: Table) -> Table:
        return table.light if self.views.compact else table

    def _crumbs(self, kind: str, row: Row) -> list[tuple[str, str]]:
        """(text, href) of what the page belongs to, from the list to the nearest thing above it."""
        names, crumbs = self.views.names, [(f"{kind.capitalize()}s", f"{kind}s.html")]
        if kind in {"node", "pool", "namespace"}:
            crumbs.append((row["cluster"], names.page("cluster", row["cluster"])))
        if kind == "node":
            crumbs.append((row["pool"], names.page("pool", row["cluster"], row["pool_id"])))
        if kind in {"application", "namespace"}:
            crumbs.append((row["team"], names.page("team", row["team_id"])))
        return crumbs

    def _groups(self, table: Table, keys: tuple[str, ...], kind: str) -> Groups:
        limit = 0 if self._is_compact(kind) else FEW_ROWS if self.views.compact else FIRST_ROWS
        return Groups(table, self.views.frames[table.name], keys, limit, self.cells)

    def _tables(self, *wanted: tuple[Groups, tuple[str, ...]]) -> list[TableMarkup] | list[tuple[str, Markup]]:
        """The tables that have any row; for a compact page their titles and their markup only."""
        chosen = [(group.table, group.of(*key)) for group, key in wanted]
        if chosen and wanted[0][0].bare:
            return [(table.title, bare_table(table, self.cells, rows)) for table, rows in chosen if rows.total]
        return [table_markup(table, self.cells, self.code, selection) for table, selection in chosen if selection.total]

    def _rows(self, name: str) -> Iterator[Row]:
        frame = self.views.frames[name]
        keys = [str(key) for key in frame.columns]
        for values in zip(*(frame[key].tolist() for key in keys), strict=True):
            yield dict(zip(keys, values, strict=True))

    def _money(self, name: str, value: float, term: str, *, share_of: float = 0.0, why: str = "") -> Tile:
        note = f"{percent(value / share_of)} of the cost" if known(value) and known(share_of) and share_of > 0 else ""
        unit = f"{self.code}/month" if known(value) else ""
        return Tile(name, written("money", value), unit, note, term, why)

    def _cost_tiles(self, row: Row) -> list[Tile]:
        slack = self._money("Slack", row["slack_cost"], "slack", share_of=row["cost"])
        coverage = percent(row["coverage"]) if known(row["coverage"]) else "unknown"
        return [
            self._money("Cost", row["cost"], "cost"),
            slack,
            Tile("Coverage", coverage, note="of the pods", term="coverage"),
        ]

    def _node_tiles(self, row: Row) -> list[Tile]:
        hourly = f"{written('rate', row['hourly_price'])} {self.code}/hour"
        cost = Tile("Cost", written("money", row["cost"]), f"{self.code}/month", hourly, "price", self._price_words(row))
        tiles = [cost, self._money("Slack", row["slack_cost"], "slack", share_of=row["cost"])]
        tiles.append(self._money("Idle", row["idle_cost"], "idle", share_of=row["cost"]))
        if row["spot"]:
            tiles.append(self._money("Spot saves", row["spot_savings"], "spot"))
        return tiles

    @staticmethod
    def _price_words(row: Row) -> str:
        """Where a node's price comes from, in a sentence or two."""
        estimated = "An estimate. " if row["price_estimated"] else ""
        as_of = f" As of {row['price_as_of']}." if row["price_as_of"] else ""
        return f"{estimated}{row['price_source']}: {row['price_explanation'] or 'no more is known'}{as_of}"

    def _node_facts(self, row: Row) -> list[tuple[str, str]]:
        price = row["price"] + (f", as of {row['price_as_of']}" if row["price_as_of"] else "")
        states = [text for text, said in (("not ready", not row["ready"]), ("cordoned", not row["schedulable"])) if said]
        return [
            ("Type", f"{row['instance_type']} {row['capacity_type']}"),
            ("Zone", row["zone"] or row["region"]),
            ("Role", row["role"]),
            ("Kubelet", row["kubelet_version"]),
            ("Price from", "" if self.views.compact else price),
            ("State", ", ".join(states)),
        ]

    def _unit_price(self, row: Row, resource: str, unit: str) -> Tile:
        value = row[f"cost_per_user_request_hour_{resource}"]
        return Tile(
            f"Per requested {unit}", written("rate", value), f"{self.code}/hour" if known(value) else "", "", "price-per-unit"
        )


def list_pages(views: Views, cells: Cells) -> Iterator[Page]:
    """The page of every table. RouteGroups and their like get one even when empty: links of earlier reports lead there."""
    routes = [table for table in ROUTES.values() if table is columns.INGRESSES or len(views.frames[table.name])]
    siblings = [(table.title, f"{table.name}.html") for table in routes] if len(routes) > 1 else []
    for table in (*columns.LIST_TABLES, *ROUTES.values()):
        frame = views.frames[table.name]
        if table is columns.HTTPROUTES and frame.empty:
            continue
        markup = whole_table(table, frame, cells, views.currency.code)
        context: dict[str, Any] = {"table": markup}
        if table in ROUTES.values():
            context |= {"siblings": siblings, "section": "ingresses.html"}
        yield Page(f"{table.name}.html", f"{table.name}.html", table.title, "list.html", context)
