"""Groups: who pays what, what is known, and rows in the same order on every run."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from resource_report import tables
from resource_report.cost import CostSettings
from resource_report.frames import FigureSettings, Tables, figures, node_frame, pod_frame
from resource_report.node_prices import with_prices
from resource_report.price_types import GIB, NodeShape, Price, Ratios
from resource_report.rows import IngressRow, NamespaceRow, NodeRow, PodRow, Snapshot, WorkloadRow
from resource_report.summary import Groups, Report


class Book:
    """100 USD a month, of which a spot node pays 30; a core weighs as much as 8 GiB."""

    def price(self, shape: NodeShape) -> Price:
        paid = 30 if shape.capacity_type == "spot" else 100
        return Price(paid / 730.5, 100 / 730.5, "test", datetime(2026, 3, 1, tzinfo=UTC), True, "by hand", shape.capacity_type)

    def ratios(self, shape: NodeShape) -> Ratios:
        return Ratios(8, 1, 0, "test")


def node(cluster: str, name: str, **more: object) -> NodeRow:
    facts = {"pool": "general", "instance_type": "m5", "region": "r", "kubelet_version": "v1"} | more
    size = {"cpu_capacity": 4.0, "memory_capacity": 16.0 * GIB, "cpu_allocatable": 4.0, "memory_allocatable": 16.0 * GIB}
    return NodeRow(cluster=cluster, node=name, **facts, **size)  # type: ignore[arg-type]


def pod(cluster: str, namespace: str, name: str, on: str, cores: float, **more: object) -> PodRow:
    return PodRow(cluster=cluster, namespace=namespace, pod=name, node=on, cpu_requests=cores, **more)  # type: ignore[arg-type]


def two_clusters() -> list[Snapshot]:
    """A core is 800 / 48 = 16.67 USD on an on-demand node and 5 USD on a spot node."""
    spot = node("a", "a2", capacity_type="spot", spot=True, pool="cheap", instance_type="c5")
    master = node("b", "m", role="control-plane", worker=False, pool="", instance_type="t3", kubelet_version="v0")
    shared = {"application": "web", "component": "front"}
    pods = [
        pod(
            "a",
            "shop",
            "p1",
            "a1",
            1,
            team="one",
            cpu_usage=0.1,
            memory_usage=1.0,
            workload_kind="DaemonSet",
            workload="d",
            **shared,
        ),
        pod("a", "shop", "p2", "a2", 2, team="two", **shared),
        pod("a", "other", "p3", "a1", 1),
        pod("a", "kube-system", "p4", "a1", 0.5, user=False, team="ops"),
    ]
    first = Snapshot(
        cluster="a",
        name="A",
        api_server_url="https://a",
        as_of="2026-03-23T12:00:00Z",
        nodes=[node("a", "a1"), spot],
        pods=pods,
        namespaces=[
            NamespaceRow(cluster="a", namespace="shop", status="Active", team="one", email="x@example.org"),
            NamespaceRow(cluster="a", namespace="empty", status="Active"),
        ],
        ingresses=[IngressRow(kind="Ingress", cluster="a", namespace="shop", name="i", host=host) for host in ("z", "b")],
        workloads=[WorkloadRow(cluster="a", namespace="shop", workload_kind="DaemonSet", workload="d", vpa=True, hpa="1-3")],
    )
    other = [pod("b", "other", "p5", "m", 1, **shared, team="one")]
    second = Snapshot(cluster="b", name="B", api_server_url="https://b", stale=True, error="gone", nodes=[master], pods=other)
    return [first, second]


@pytest.fixture(scope="module")
def groups() -> Groups:
    snapshots = two_clusters()
    nodes = with_prices(node_frame(snapshots), Book())
    settings = FigureSettings(cost=CostSettings(default_overhead=10.0, overhead={"b": 20.0}))
    return figures(Tables(nodes, pod_frame(snapshots), snapshots, {"web": False}), settings)


def column(groups: Groups, frame: str, key: str, value: str) -> dict[object, object]:
    return dict(zip(groups.frames[frame][key], groups.frames[frame][value], strict=True))


CORE, SPOT_CORE = 800 / 48, 240 / 48


def test_frames_have_exactly_their_columns(groups: Groups) -> None:
    report = Report(generated=datetime(2026, 3, 23, tzinfo=UTC), version="1", **groups.frames, totals=groups.totals)

    for name, frame in groups.frames.items():
        schema = getattr(tables, name.upper())
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == dict(schema), name
        assert getattr(report, name) is frame
        text = frame.select_dtypes(["category", "str"])
        assert not text.isna().any().any(), name


def test_an_application_of_two_teams_is_split_by_pod(groups: Groups) -> None:
    assert column(groups, "teams", "team", "cost") == pytest.approx(
        {"one": 2 * CORE, "two": 2 * SPOT_CORE, "": CORE, "ops": 0.5 * CORE}
    )
    web = groups.frames["applications"].set_index("application").loc["web"]
    assert (web["team"], web["clusters"], web["namespaces"], web["active"]) == ("one, two", "a, b", "other, shop", "no")
    shares = groups.frames["team_applications"].set_index(["team", "application"])["cost"]
    assert shares["one", "web"] == pytest.approx(2 * CORE)
    assert shares["two", "web"] == pytest.approx(2 * SPOT_CORE)


def test_pods_without_a_label_are_kept_apart_by_namespace(groups: Groups) -> None:
    found = groups.frames["applications"]

    assert set(found.loc[~found["labelled"], "application"]) == {"(unlabelled) other", "(unlabelled) kube-system"}


def test_teams_with_known_slack_come_first(groups: Groups) -> None:
    teams = groups.frames["teams"]

    assert teams["team"].tolist() == ["one", "", "ops", "two"]
    assert math.isnan(teams["slack_cost"].iloc[1])
    assert teams["coverage"].tolist() == [0.5, 0, 0, 0]
    assert teams["daemonset_cost"].iloc[0] == pytest.approx(CORE)


def test_clusters(groups: Groups) -> None:
    rows = groups.frames["clusters"].set_index("cluster")

    assert rows.loc["a", "cost"] == pytest.approx(140)
    assert rows.loc["b", "cost"] == pytest.approx(120)
    assert rows["stale"].to_dict() == {"a": False, "b": True}
    assert (rows.loc["a", "instance_types"], rows.loc["b", "instance_types"]) == ("c5, m5", "")
    assert (rows.loc["a", "pods"], rows.loc["a", "user_pods"], rows.loc["a", "user_cpu_requests"]) == (4, 3, 4)
    assert (rows.loc["b", "control_plane_nodes"], rows.loc["b", "worker_nodes"]) == (1, 0)
    assert rows.loc["a", "spot_savings"] == pytest.approx(70)
    assert rows.loc["a", "ingresses"] == 2


def test_usage_of_a_cluster_without_node_metrics_is_that_of_its_pods(groups: Groups) -> None:
    assert groups.frames["clusters"].set_index("cluster").loc["a", "cpu_usage"] == pytest.approx(0.1)
    assert math.isnan(groups.frames["clusters"].set_index("cluster").loc["b", "cpu_usage"])


def test_pools(groups: Groups) -> None:
    rows = groups.frames["pools"].set_index(["cluster", "pool"])

    assert rows.loc[("a", "cheap"), "cost"] == pytest.approx(30)
    assert rows.loc[("a", "cheap"), "pods"] == 1
    assert rows.loc[("a", "general"), "pods_cost"] == pytest.approx(2.5 * CORE)
    assert rows.loc[("b", ""), "role"] == "control-plane"


def test_reconciliation_adds_up_in_whole_cents(groups: Groups) -> None:
    frame = groups.frames["reconciliation"]

    assert frame["level"].tolist() == ["total", "cluster", "cluster", "pool", "pool", "pool"]
    assert (frame["difference"] == 0).all()
    parts = frame[["pods_cost", "idle_cost", "reserved_cost", "unattached_cost", "overhead_cost"]]
    assert (parts.sum(axis=1).round(2) == frame["cost"]).all()
    assert frame.loc[0, "cost"] == 260
    assert frame.loc[0, "overhead_cost"] == 30


def test_namespaces_without_pods_cost_nothing(groups: Groups) -> None:
    rows = groups.frames["namespaces"].set_index(["cluster", "namespace"])

    assert (rows.loc[("a", "empty"), "pods"], rows.loc[("a", "empty"), "cost"]) == (0, 0)
    assert rows.loc[("a", "shop"), "email"] == "x@example.org"
    # Seen on a pod only, because the list of namespaces lacked it.
    assert rows.loc[("b", "other"), "pods"] == 1


def test_workloads_know_their_autoscalers(groups: Groups) -> None:
    row = groups.frames["workloads"].iloc[0]

    assert (row["workload_kind"], row["workload"], row["vpa"], row["hpa"], row["team"]) == ("DaemonSet", "d", True, "1-3", "one")


def test_prices_name_their_source_once_per_kind_of_node(groups: Groups) -> None:
    frame = groups.frames["prices"].set_index("instance_type")

    assert frame.loc["c5", "hourly_price"] == pytest.approx(30 / 730.5)
    assert (frame.loc["m5", "price_source"], frame.loc["m5", "price_as_of"]) == ("test", "2026-03-01T00:00:00+00:00")
    assert frame.loc["m5", "price_estimated"]


def test_rows_come_in_the_same_order_whatever_was_read_first() -> None:
    def names(snapshots: list[Snapshot]) -> list[str]:
        read = Tables(with_prices(node_frame(snapshots), Book()), pod_frame(snapshots), snapshots)
        frames = figures(read, FigureSettings()).frames
        return [frame.to_csv(float_format="%.6f") for frame in frames.values()]

    backwards = two_clusters()[::-1]
    for snapshot in backwards:
        snapshot.pods.reverse()
        snapshot.nodes.reverse()
        snapshot.ingresses.reverse()

    assert names(backwards) == names(two_clusters())


def test_totals(groups: Groups) -> None:
    totals = groups.totals

    assert (totals["clusters"], totals["stale_clusters"], totals["teams"], totals["applications"]) == (2, 1, 4, 3)
    assert (totals["pods"], totals["worker_nodes"], totals["cost"]) == (5, 2, pytest.approx(260))
    assert totals["spot_savings_share"] == pytest.approx(0.7)
    assert totals["coverage"] == pytest.approx(0.2)
    assert totals["cost_per_user_request_hour_cpu"] == pytest.approx(0.5 * 260 / 730.5 / 5)


def test_nothing_at_all() -> None:
    read = Tables(with_prices(node_frame([]), Book()), pod_frame([]), [])
    found = figures(read, FigureSettings())

    assert all(frame.empty for name, frame in found.frames.items() if name != "reconciliation")
    assert found.totals["clusters"] == 0
    assert isinstance(found.frames["pods"], pd.DataFrame)
