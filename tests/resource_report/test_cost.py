"""Costs by hand, and their conservation over random clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resource_report.cost import CostSettings
from resource_report.frames import FigureSettings, Tables, figures, node_frame, pod_frame
from resource_report.node_prices import with_prices
from resource_report.price_types import GIB, NodeShape, Price, Ratios
from resource_report.rows import UNKNOWN, NodeRow, PodRow, Snapshot
from resource_report.summary import Groups

MONTH = 730.5


@dataclass(frozen=True)
class Book:
    """Prices by instance type, USD per month; the weights of a core, a GiB and a GPU are 8 : 1 : 40."""

    monthly: dict[str, float] = field(default_factory=dict)
    default: float = 100.0

    def price(self, shape: NodeShape) -> Price:
        paid = self.monthly.get(shape.instance_type, self.default) / MONTH
        listed = paid * 4 if shape.capacity_type == "spot" else paid
        return Price(paid, listed, "test", capacity_type=shape.capacity_type)

    def ratios(self, shape: NodeShape) -> Ratios:
        return Ratios(8, 1, 40, "test")


def node(name: str = "n1", cores: float = 4, gib: float = 16, **more: object) -> NodeRow:
    facts: dict[str, object] = {"capacity_type": "on-demand", "cpu_allocatable": cores, "memory_allocatable": gib * GIB}
    size = {"cpu_capacity": cores, "memory_capacity": gib * GIB}
    return NodeRow(cluster="prod", node=name, instance_type="m5", **size, **(facts | more))  # type: ignore[arg-type]


def pod(name: str, cores: float = 0, gib: float = 0, **more: object) -> PodRow:
    where = {"cluster": "prod", "namespace": "shop", "node": "n1"} | more
    return PodRow(pod=name, cpu_requests=cores, memory_requests=gib * GIB, **where)  # type: ignore[arg-type]


def compute(nodes: list[NodeRow], pods: list[PodRow], *, book: Book | None = None, **options: object) -> Groups:
    excluded = options.pop("excluded_nodes", [])
    snapshot = Snapshot(cluster="prod", name="prod", api_server_url="", nodes=nodes, pods=pods, excluded_nodes=excluded)  # type: ignore[arg-type]
    chosen = FigureSettings(cost=CostSettings(**options))  # type: ignore[arg-type]
    return run([snapshot], book or Book(), chosen)


def run(snapshots: list[Snapshot], book: Book, chosen: FigureSettings) -> Groups:
    nodes = with_prices(node_frame(snapshots), book)
    return figures(Tables(nodes, pod_frame(snapshots), snapshots), chosen)


def pod_column(groups: Groups, column: str) -> dict[str, float]:
    return dict(zip(groups.frames["pods"]["pod"], groups.frames["pods"][column], strict=True))


def only_row(groups: Groups, frame: str) -> pd.Series:
    assert len(groups.frames[frame]) == 1
    return groups.frames[frame].iloc[0]


def test_split_divides_the_node_price_by_cpu_and_memory() -> None:
    """100 USD over 4 cores of weight 8 and 16 GiB of weight 1: 48 shares, 2.0833 USD a GiB and 16.667 USD a core."""
    groups = compute([node()], [pod("a", 1, 2), pod("b", 0.5, 8)])

    assert pod_column(groups, "cost") == pytest.approx({"a": 8 * 100 / 48 + 2 * 100 / 48, "b": 4 * 100 / 48 + 8 * 100 / 48})
    row = only_row(groups, "nodes")
    assert row["cpu_hourly_price"] * MONTH == pytest.approx(800 / 48)
    assert row["memory_hourly_price"] * MONTH == pytest.approx(100 / 48)
    assert row["idle_cost"] == pytest.approx(100 - 22 * 100 / 48)


def test_what_is_not_allocatable_is_reserved_cost() -> None:
    """Half a core (4 shares) and 2 GiB (2 shares) of 48 are reserved."""
    groups = compute([node(cpu_allocatable=3.5, memory_allocatable=14 * GIB)], [])

    assert only_row(groups, "nodes")["reserved_cost"] == pytest.approx(600 / 48)
    assert only_row(groups, "nodes")["idle_cost"] == pytest.approx(100 - 600 / 48)


def test_pods_pay_the_price_of_their_own_node() -> None:
    cheap = node("spot", capacity_type="spot")
    cheap.instance_type = "cheap"
    groups = compute([node(), cheap], [pod("a", 1, 4), pod("b", 1, 4, node="spot")], book=Book({"m5": 100, "cheap": 30}))

    assert pod_column(groups, "cost") == pytest.approx({"a": 12 * 100 / 48, "b": 12 * 30 / 48})
    assert pod_column(groups, "spot") == {"a": False, "b": True}
    assert groups.totals["spot_savings"] == pytest.approx(90)
    assert groups.totals["spot_savings_share"] == pytest.approx(0.75)


def test_gpu_weighs_as_the_devices_that_are_there() -> None:
    """One device shared four ways: 40 shares of 88 for the device, 10 of them for each advertised GPU."""
    shared = node(gpu_capacity=4, gpu_allocatable=4, gpu_devices=1)
    groups = compute([shared], [pod("a", gpu_requests=1), pod("b", 4, 16)])

    assert pod_column(groups, "cost") == pytest.approx({"a": 1000 / 88, "b": 4800 / 88})
    assert only_row(groups, "nodes")["idle_cost"] == pytest.approx(3000 / 88)


@pytest.mark.parametrize(
    ("basis", "usage", "expected"),
    [
        pytest.param("request", {}, 0.0, id="request: a pod without requests pays nothing"),
        pytest.param("request", {"cpu_usage": 1.0, "memory_usage": GIB}, 0.0, id="request: whatever it uses"),
        pytest.param("max", {"cpu_usage": 1.0, "memory_usage": GIB}, 9 * 100 / 48, id="max: it pays for its usage"),
        pytest.param("max", {}, 0.0, id="max: unknown usage is no usage"),
    ],
)
def test_a_pod_without_requests(basis: str, usage: dict[str, float], expected: float) -> None:
    groups = compute([node()], [pod("a", **usage)], basis=basis)

    assert pod_column(groups, "cost")["a"] == pytest.approx(expected)


def test_usage_above_the_node_is_scaled_down() -> None:
    """Two pods use 6 of 4 cores: each is charged two thirds of its usage, and nothing is idle but memory."""
    pods = [pod("a", 1, 0, cpu_usage=2.0, memory_usage=0.0), pod("b", 1, 0, cpu_usage=4.0, memory_usage=0.0)]
    groups = compute([node()], pods, basis="max")

    assert pod_column(groups, "cost") == pytest.approx({"a": 32 / 3 * 100 / 48, "b": 64 / 3 * 100 / 48})
    assert only_row(groups, "nodes")["idle_cost"] == pytest.approx(16 * 100 / 48)


def test_fargate_is_paid_as_provisioned() -> None:
    virtual = node(capacity_type="fargate", cpu_allocatable=3.9)
    groups = compute([virtual], [pod("a", 0.3, 0.4, cpu_provisioned=0.5, memory_provisioned=GIB)])

    assert pod_column(groups, "cost")["a"] == pytest.approx(100)
    row = only_row(groups, "nodes")
    assert (row["idle_cost"], row["reserved_cost"]) == (0, 0)
    assert pod_column(groups, "cpu_requests")["a"] == 0.3


def test_pod_on_a_node_that_went_away_is_unattached() -> None:
    groups = compute([node()], [pod("a", 1, 4, node="gone")], default_overhead=10.0)

    assert pod_column(groups, "cost")["a"] == pytest.approx(12 * 100 / 48)
    row = only_row(groups, "clusters")
    assert row["unattached_cost"] == pytest.approx(25)
    assert row["pods_cost"] == 0
    assert row["cost"] == pytest.approx(135)


def test_pod_on_an_excluded_node_costs_nothing() -> None:
    groups = compute([node()], [pod("a", 1, 4, node="left-out")], excluded_nodes=["left-out"])

    assert pod_column(groups, "cost")["a"] == 0
    assert only_row(groups, "clusters")["cost"] == pytest.approx(100)


def test_without_nodes_costs_are_unknown_and_not_zero() -> None:
    groups = compute([], [pod("a", 1, 4)])

    assert math.isnan(pod_column(groups, "cost")["a"])
    assert math.isnan(groups.frames["teams"].iloc[0]["cost"])


def test_node_of_unknown_size_is_unattached() -> None:
    groups = compute([node(cores=0, gib=0)], [pod("a", 1, 1)])

    assert only_row(groups, "nodes")["unattached_cost"] == pytest.approx(100)
    assert pod_column(groups, "cost")["a"] == 0


# ---- slack


@pytest.mark.parametrize(
    ("facts", "slack", "source"),
    [
        pytest.param({}, UNKNOWN, "", id="nothing known"),
        pytest.param({"cpu_usage": 0.0, "memory_usage": 0.0}, UNKNOWN, "", id="a pod that just started"),
        pytest.param({"cpu_usage": 1 / 1.15, "memory_usage": GIB / 1.15}, 11 * 100 / 48, "usage", id="usage plus 15%"),
        pytest.param(
            {"cpu_recommendation": 0.5, "memory_recommendation": GIB, "recommendation_source": "vpa", "cpu_usage": 2.0},
            15 * 100 / 48,
            "vpa",
            id="the autoscaler's target wins",
        ),
        pytest.param({"cpu_usage": 4.0, "memory_usage": 8 * GIB}, 0.0, "usage", id="more than requested is no slack"),
    ],
)
def test_slack(facts: dict[str, float], slack: float, source: str) -> None:
    groups = compute([node()], [pod("a", 2, 4, **facts)])

    assert pod_column(groups, "slack_cost")["a"] == pytest.approx(slack, nan_ok=True)
    assert pod_column(groups, "recommendation_source")["a"] == source
    assert groups.totals["coverage"] == (0.0 if math.isnan(slack) else 1.0)


# ---- the max model: the worked examples are the older formulas, by hand


def max_groups(**facts: float) -> Groups:
    """C = 100 + 58 + 10 = 168 USD, Ac = 4 + 2 = 6 cores, Am = 16 + 8 = 24 GiB: 28 USD a core, 7 USD a GiB."""
    small = node("n2", 2, 8)
    small.instance_type = "small"
    pods = [pod("cpu", 3, 2, **facts), pod("memory", 0.5, 12, node="n2", namespace="kube-system", user=False), pod("none")]
    return compute([node(), small], pods, book=Book({"m5": 100, "small": 58}), model="max", default_overhead=10.0)


def test_max_model_charges_the_larger_share() -> None:
    groups = max_groups()

    assert pod_column(groups, "cost") == pytest.approx({"cpu": 84, "memory": 84, "none": 0})
    assert only_row(groups, "clusters")["cost"] == pytest.approx(168)


@pytest.mark.parametrize(
    ("cores", "gib", "slack"),
    [
        pytest.param(1.0, 1.0, 84 - 28, id="cpu decides"),
        pytest.param(0.5, 6.0, 84 - 42, id="memory decides"),
        pytest.param(9.0, 1.0, 0, id="never negative"),
    ],
)
def test_max_model_slack(cores: float, gib: float, slack: float) -> None:
    groups = max_groups(cpu_recommendation=cores, memory_recommendation=gib * GIB)

    assert pod_column(groups, "slack_cost")["cpu"] == pytest.approx(slack)


def test_max_model_price_per_requested_hour() -> None:
    """Half of 168 / 730.5 over 3 requested cores and 2 requested GiB outside the system namespaces."""
    row = only_row(max_groups(), "clusters")

    assert row["cost_per_user_request_hour_cpu"] == pytest.approx(0.5 * 168 / MONTH / 3)
    assert row["cost_per_user_request_hour_memory"] == pytest.approx(0.5 * 168 / MONTH / 2)
    assert (row["user_pods"], row["pods"]) == (2, 3)


def test_max_model_does_not_add_up_and_says_so() -> None:
    """Pods of 168 plus 10 of overhead on a cluster of 168."""
    frame = max_groups().frames["reconciliation"].set_index("level")

    assert frame.loc["cluster", "difference"] == pytest.approx(-10)


def test_max_model_slack_of_a_cluster_is_at_most_its_cost() -> None:
    pods = [pod("cpu", 4, 0, cpu_recommendation=0.0, memory_recommendation=0.0)]
    pods.append(pod("memory", 0, 16, cpu_recommendation=0.0, memory_recommendation=0.0))
    groups = compute([node()], pods, model="max")

    assert only_row(groups, "clusters")["slack_cost"] == pytest.approx(100)
    assert groups.totals["slack_cost"] == pytest.approx(200)


# ---- conservation

# Many small clusters in one example: what a run costs hardly depends on their number.
CLUSTERS = [f"c{number}" for number in range(8)]
AMOUNT = st.one_of(st.just(0.0), st.floats(0, 64), st.sampled_from([UNKNOWN, -1.0, math.inf]))
NODES = st.lists(
    st.builds(
        NodeRow,
        cluster=st.sampled_from(CLUSTERS),
        node=st.sampled_from([f"n{number}" for number in range(5)]),
        pool=st.sampled_from(["", "p", "q"]),
        worker=st.booleans(),
        instance_type=st.sampled_from(["free", "m5", "p4d", "nameless"]),
        capacity_type=st.sampled_from(["on-demand", "spot", "fargate", "unknown"]),
        cpu_capacity=AMOUNT, memory_capacity=AMOUNT.map(lambda amount: amount * GIB), gpu_capacity=AMOUNT,
        cpu_allocatable=AMOUNT, memory_allocatable=AMOUNT.map(lambda amount: amount * GIB), gpu_allocatable=AMOUNT,
        gpu_devices=AMOUNT, cpu_usage=AMOUNT,
    ),
    max_size=24, unique_by=lambda row: (row.cluster, row.node),
)  # fmt: skip
PODS = st.lists(
    st.builds(
        PodRow,
        cluster=st.sampled_from(CLUSTERS),
        namespace=st.sampled_from(["x", "y", "kube-system"]),
        pod=st.uuids().map(str),
        node=st.sampled_from([f"n{number}" for number in range(5)] + ["gone"]),
        application=st.sampled_from(["", "web"]), team=st.sampled_from(["", "one", "two"]),
        workload_kind=st.sampled_from(["", "DaemonSet"]), workload=st.sampled_from(["", "w"]),
        cpu_requests=AMOUNT, memory_requests=AMOUNT.map(lambda amount: amount * GIB), gpu_requests=AMOUNT,
        cpu_usage=AMOUNT, memory_usage=AMOUNT.map(lambda amount: amount * GIB),
        cpu_recommendation=st.just(UNKNOWN) | st.floats(0, 9), cpu_provisioned=AMOUNT, memory_provisioned=AMOUNT,
    ),
    max_size=40,
)  # fmt: skip
PRICES = st.fixed_dictionaries(
    {"m5": st.floats(0, 1e5), "p4d": st.floats(0, 1e5), "nameless": st.sampled_from([0.0, UNKNOWN, 0.01])}
)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(nodes=NODES, pods=PODS, monthly=PRICES, basis=st.sampled_from(["request", "max"]), overhead=st.floats(0, 1000))
def test_money_is_conserved(
    nodes: list[NodeRow], pods: list[PodRow], monthly: dict[str, float], basis: str, overhead: float
) -> None:
    snapshots = [
        Snapshot(
            cluster=name,
            name=name,
            api_server_url="",
            nodes=[row for row in nodes if row.cluster == name],
            pods=[row for row in pods if row.cluster == name],
            excluded_nodes=["n4"],
        )
        for name in CLUSTERS
    ]
    kept = [row for row in nodes if row.node != "n4"]
    for snapshot in snapshots:
        snapshot.nodes = [row for row in kept if row.cluster == snapshot.cluster]

    cost = CostSettings(basis=basis, default_overhead=overhead)
    groups = run(snapshots, Book({"free": 0.0} | monthly), FigureSettings(cost=cost))

    assert (groups.frames["reconciliation"]["difference"] == 0).all()
    by_node = groups.frames["nodes"]
    parts = by_node[["pods_cost", "idle_cost", "reserved_cost", "unattached_cost"]]
    assert (by_node["cost"] - parts.sum(axis=1)).fillna(0).abs().max() < 0.005 or by_node.empty
    assert not (parts < -1e-6).to_numpy().any()
    clusters = groups.frames["clusters"]
    beside = clusters[["idle_cost", "reserved_cost", "overhead_cost"]].to_numpy()
    without_pods = pd.Series(beside[~pd.isna(beside)]).sum() + by_node["unattached_cost"].sum()
    for frame in ("teams", "applications", "namespaces", "team_applications", "components"):
        assert groups.frames[frame]["cost"].sum() + without_pods == pytest.approx(clusters["cost"].sum(), abs=0.005)
    slack = groups.frames["pods"]["slack_cost"].dropna()
    assert (slack >= 0).all()
    assert not (groups.frames["pods"]["slack_cost"] > groups.frames["pods"]["cost"] + 1e-9).any()
