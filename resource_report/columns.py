"""The tables of the pages: which columns each one shows, in which order its rows stand, and what a heading means. Values only.

The name comes first, then what it costs, then other texts, then other numbers: the style sheet aligns by these borders. The
browser learns all of this from the `<th>` elements; nothing is declared a second time in JavaScript.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """One column.

    `kind` is text, bool, int, cpu (cores), mem (bytes), money (per month), rate (per hour), pct (0..1), status, bar or links.

    `page` and `ids` name the kind of page that the cell links to and the columns that make up its id. A bar draws `parts`:
    used, requested, recommended and, where there is one, the amount that fills it; `bar_unit` is cpu or mem. `term` is its
    glossary entry, `width` a class of the style sheet (long: its texts may wrap).
    """

    key: str
    title: str
    kind: str = "text"
    unit: str = ""
    term: str = ""
    page: str = ""
    ids: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    bar_unit: str = ""
    width: str = ""

    @property
    def is_text(self) -> bool:
        return self.kind in {"text", "bool"}


@dataclass(frozen=True)
class Table:
    """One table. `frame` is the report's frame (and the shards) it shows, `sort` its own order ("-cost": from the largest).

    `links` is the kind of its custom links, `tsv` the file with all its rows, `extra` what shards hold beyond the columns shown.
    """

    name: str
    frame: str
    title: str
    columns: tuple[Column, ...]
    sort: tuple[str, ...]
    links: str = ""
    tsv: str = ""
    intro: str = ""
    extra: tuple[str, ...] = ()

    @property
    def style(self) -> str:
        """Classes for the style sheet: `t5`: numbers start after column five; `cost-first`: two and three are numbers too."""
        texts = [position for position, column in enumerate(self.columns) if column.is_text]
        lead = " cost-first" if texts[-1] > 1 and not self.columns[1].is_text else ""
        return f"t{texts[-1] + 1}{lead}"

    @property
    def light(self) -> Table:
        """The same table for pages of which there are thousands: without the columns that its other pages have."""
        return self.without("component", "team", "cpu_recommendation", "memory_recommendation")

    def without(self, *keys: str, **changes: str) -> Table:
        """The same table with fewer columns: on a node's page every pod is on that node."""
        columns = tuple(column for column in self.columns if column.key not in keys)
        return replace(self, columns=columns, **changes)  # type: ignore[arg-type]


def _measures(suffix: str = "") -> tuple[Column, ...]:
    """Used and requested, and recommended where known. *suffix* names the column that fills the bar."""
    full = (f"{{}}_{suffix}",) if suffix else ()
    shown = "used / requested" + (" / " + suffix if suffix else "")
    return tuple(
        Column(
            f"{resource}_usage",
            title,
            "bar",
            f"{shown}{unit}",
            "bars",
            parts=tuple(part.format(resource) for part in ("{}_usage", "{}_requests", "{}_recommendation", *full)),
            bar_unit=kind,
        )
        for resource, title, kind, unit in (("cpu", "CPU", "cpu", ", cores"), ("memory", "Memory", "mem", ""))
    )


CLUSTER = Column("cluster", "Cluster", page="cluster", ids=("cluster",))
NAMESPACE = Column("namespace", "Namespace", page="namespace", ids=("cluster", "namespace"))
NODE = Column("node", "Node", page="node", ids=("cluster", "node"))
TEAM = Column("team", "Team", page="team", ids=("team",), term="team")
APPLICATION = Column("application", "Application", page="application", ids=("application",), term="application")
POOL = Column("pool", "Pool", page="pool", ids=("cluster", "pool"), term="pool")
COMPONENT = Column("component", "Component")
PODS = Column("pods", "Pods", "int")
COST = Column("cost", "Cost", "money", "{currency}/month", "cost")
SLACK = Column("slack_cost", "Slack", "money", "{currency}/month", "slack")
IDLE = Column("idle_cost", "Idle", "money", "{currency}/month", "idle")
COVERAGE = Column("coverage", "Coverage", "pct", "", "coverage")
SPOT_SAVINGS = Column("spot_savings", "Spot saves", "money", "{currency}/month", "spot")
SHARED = Column("shared_total_cost", "Shared", "money", "{currency}/month", "shared")
LINKS = Column("links", "Links", "links")
BY_SLACK = ("-slack_cost", "-cost")

_REST = (PODS, *_measures())
_GROUP = (COST, SLACK, *_REST)
_PARTS = tuple(
    Column(f"{part}_cost", title, "money", "{currency}/month", term)
    for part, title, term in (
        ("pods", "Pods", "cost"),
        ("idle", "Idle", "idle"),
        ("reserved", "System reserved", "reserved"),
        ("unattached", "Unattached", "unattached"),
        ("overhead", "Overhead", "overhead"),
    )
)

CLUSTERS = Table(
    "clusters",
    "clusters",
    "Clusters",
    (
        CLUSTER,
        COST,
        SLACK,
        Column("state", "Data"),
        Column("instance_types", "Worker types"),
        Column("kubelet_versions", "Version"),
        IDLE,
        SPOT_SAVINGS,
        *_measures("allocatable"),
        Column("control_plane_nodes", "Control plane", "int", "nodes"),
        Column("worker_nodes", "Workers", "int", "nodes"),
        Column("spot_nodes", "Spot", "int", "nodes"),
        PODS,
        Column("user_pods", "User pods", "int", "", "user-pods"),
        Column("ingresses", "Ingresses", "int"),
        LINKS,
    ),
    (*BY_SLACK, "cluster"),
    "cluster",
    "clusters.tsv",
)
POOLS = Table(
    "pools",
    "pools",
    "Pools",
    (
        POOL,
        COST,
        SLACK,
        CLUSTER,
        Column("role", "Role"),
        Column("instance_types", "Instance types"),
        Column("capacity_types", "Capacity"),
        IDLE,
        SPOT_SAVINGS,
        *_measures("allocatable"),
        Column("nodes", "Nodes", "int"),
        Column("spot_nodes", "Spot", "int", "nodes"),
        PODS,
        LINKS,
    ),
    ("-cost", "cluster", "pool"),
    "pool",
    "pools.tsv",
    "Nodes that are made alike: a node group, a Karpenter node pool, an instance group.",
)
NODES = Table(
    "nodes",
    "nodes",
    "Nodes",
    (
        NODE,
        COST,
        SLACK,
        CLUSTER,
        POOL,
        Column("role", "Role"),
        Column("instance_type", "Type"),
        Column("capacity_type", "Capacity"),
        Column("zone", "Zone"),
        Column("kubelet_version", "Version"),
        Column("price", "Price from", term="price"),
        IDLE,
        *_measures("allocatable"),
        PODS,
        LINKS,
    ),
    ("-cost", "cluster", "node"),
    "node",
    "nodes.tsv",
)
NAMESPACES = Table(
    "namespaces",
    "namespaces",
    "Namespaces",
    (NAMESPACE, COST, SLACK, CLUSTER, TEAM, Column("status", "Status"), SHARED, *_REST, LINKS),
    (*BY_SLACK, "cluster", "namespace"),
    "namespace",
    "namespaces.tsv",
)
TEAMS = Table(
    "teams",
    "teams",
    "Teams",
    (
        TEAM,
        SLACK,
        COST,
        SHARED,
        COVERAGE,
        *_REST,
        Column("applications", "Applications", "int"),
        Column("clusters", "Clusters", "int"),
        LINKS,
    ),
    (*BY_SLACK, "team"),
    "team",
    "teams.tsv",
    "Sorted by slack: what a team requests and neither uses nor is recommended to keep. A team of which nothing is "
    "measured comes last.",
)
APPLICATIONS = Table(
    "applications",
    "applications",
    "Applications",
    (
        APPLICATION,
        COST,
        SLACK,
        TEAM,
        Column("active", "Active", term="active"),
        Column("clusters", "Clusters"),
        SHARED,
        COVERAGE,
        *_REST,
        LINKS,
    ),
    (*BY_SLACK, "application"),
    "application",
    "applications.tsv",
)
TEAM_APPLICATIONS = Table(
    "team-applications",
    "team_applications",
    "Applications",
    (APPLICATION, *_GROUP, Column("share", "Share", "pct", "of the team's cost")),
    (*BY_SLACK, "team", "application"),
    extra=("team",),
)
TEAM_CLUSTERS = Table(
    "team-clusters",
    "pods",
    "Clusters",
    (CLUSTER, COST, SLACK, PODS, Column("share", "Share", "pct", "of the team's cost")),
    ("-cost", "team", "cluster"),
    extra=("team",),
)
COMPONENTS = Table(
    "components",
    "components",
    "Components",
    (COMPONENT, *_GROUP, Column("share", "Share", "pct", "of the application's cost"), LINKS),
    ("-cost", "application", "component"),
    "component",
    extra=("application",),
)
WORKLOADS = Table(
    "workloads",
    "workloads",
    "Workloads",
    (
        Column("workload", "Workload"),
        COST,
        SLACK,
        Column("workload_kind", "Kind"),
        CLUSTER,
        NAMESPACE,
        APPLICATION,
        TEAM,
        Column("hpa", "HPA", term="hpa"),
        *_REST,
    ),
    (*BY_SLACK, "cluster", "namespace", "workload_kind", "workload"),
    tsv="workloads.tsv",
)
POD_COLUMNS = (
    Column("pod", "Pod"),
    COST,
    SLACK,
    CLUSTER,
    NAMESPACE,
    NODE,
    APPLICATION,
    COMPONENT,
    TEAM,
    Column("cpu_requests", "CPU requests", "cpu", "cores", "requests"),
    Column("cpu_usage", "CPU used", "cpu", "cores", "usage"),
    Column("cpu_recommendation", "CPU rec.", "cpu", "cores", "recommendation"),
    Column("memory_requests", "Memory requests", "mem", "", "requests"),
    Column("memory_usage", "Memory used", "mem", "", "usage"),
    Column("memory_recommendation", "Memory rec.", "mem", "", "recommendation"),
    LINKS,
)
PODS_TABLE = Table("pods", "pods", "Pods", POD_COLUMNS, ("-cost", "cluster", "namespace", "pod"), "pod", "pods.tsv")

_ROUTE = (
    Column("name", "Name"),
    CLUSTER,
    NAMESPACE,
    APPLICATION,
    Column("host", "Host"),
    Column("rule", "Rule"),
    Column("backend", "Backend"),
    Column("tls", "TLS"),
)
_STATUS = Column("status", "Status", "status", term="ingress-status")
_ROUTE_SORT = ("cluster", "namespace", "name", "host", "rule")
INGRESSES = Table("ingresses", "ingresses", "Ingresses", (*_ROUTE, _STATUS, LINKS), _ROUTE_SORT, "ingress", "ingresses.tsv")
ROUTEGROUPS = Table("routegroups", "routegroups", "RouteGroups", (*_ROUTE, LINKS), _ROUTE_SORT, "routegroup", "routegroups.tsv")
INGRESSROUTES = Table(
    "ingressroutes", "ingressroutes", "IngressRoutes", (*_ROUTE, LINKS), _ROUTE_SORT, "ingressroute", "ingressroutes.tsv"
)
HTTPROUTES = Table("httproutes", "httproutes", "HTTPRoutes", (*_ROUTE, LINKS), _ROUTE_SORT, "httproute", "httproutes.tsv")
ROUTES = {"Ingress": INGRESSES, "RouteGroup": ROUTEGROUPS, "IngressRoute": INGRESSROUTES, "HTTPRoute": HTTPROUTES}

PRICES = Table(
    "prices",
    "prices",
    "Prices",
    (
        Column("instance_type", "Instance type"),
        COST,
        Column("list_cost", "At list price", "money", "{currency}/month", "price"),
        Column("place", "Zone or region"),
        Column("capacity_type", "Capacity"),
        Column("price", "Source", term="price"),
        Column("price_as_of", "As of"),
        Column("price_explanation", "How it came about", width="long"),
        Column("nodes", "Nodes", "int"),
        Column("hourly_price", "Paid", "rate", "{currency}/hour", "price"),
        Column("list_hourly_price", "On-demand list", "rate", "{currency}/hour", "price"),
    ),
    ("-cost", "instance_type", "region", "zone", "capacity_type"),
    tsv="prices.tsv",
    intro="One row for each kind of node: what it costs here, what its on-demand list price would be, and who says so.",
)
RECONCILIATION = Table(
    "reconciliation",
    "reconciliation",
    "Reconciliation",
    (
        Column("level", "Level"),
        CLUSTER,
        POOL,
        *_PARTS,
        COST,
        Column("difference", "Difference", "money", "{currency}/month", "difference"),
    ),
    ("rank", "cluster", "pool"),
    tsv="reconciliation.tsv",
    intro="Every cluster's cost is the sum of its parts, to the cent: pods, idle capacity, what the system reserves, "
    "nodes whose price "
    "cannot be split, and the fixed overhead. The last column has to be 0.00 everywhere.",
)

LIST_TABLES = (CLUSTERS, POOLS, NODES, NAMESPACES, TEAMS, APPLICATIONS, WORKLOADS, PODS_TABLE, PRICES, RECONCILIATION)
