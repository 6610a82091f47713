"""Nodes asked for at the price book."""

from __future__ import annotations

from datetime import date

from resource_report.frames import node_frame
from resource_report.node_prices import shapes, with_prices
from resource_report.price_types import NodeShape, Price, Ratios
from resource_report.rows import NodeRow, Snapshot


class Book:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[NodeShape] = []

    def price(self, shape: NodeShape) -> Price:
        self.asked.append(shape)
        # EC2 knows better than the label.
        kind = "spot" if shape.instance_id == "i-2" else shape.capacity_type
        return Price(0.1, 0.2, "list", date(2026, 1, 2), False, "why", kind)

    def ratios(self, shape: NodeShape) -> Ratios:
        return Ratios(8, 1, 40, "family")


def nodes(*rows: NodeRow) -> list[Snapshot]:
    return [Snapshot(cluster="a", name="a", api_server_url="", nodes=list(rows))]


def row(name: str, **more: object) -> NodeRow:
    return NodeRow(cluster="a", node=name, provider="aws", region="r", zone="ra", instance_type="m5", **more)  # type: ignore[arg-type]


def test_each_shape_is_asked_once() -> None:
    book = Book()
    frame = with_prices(node_frame(nodes(row("n1"), row("n2"), row("n3", cpu_capacity=8.0))), book)

    assert len(book.asked) == 2
    assert frame["hourly_price"].tolist() == [0.1, 0.1, 0.1]
    assert frame["price_as_of"].tolist() == ["2026-01-02"] * 3
    assert frame[["cpu_weight", "memory_weight", "gpu_weight"]].iloc[0].tolist() == [8, 1, 40]


def test_what_the_node_turned_out_to_be_wins() -> None:
    found = node_frame(nodes(row("n1", instance_id="i-1", capacity_type="on-demand"), row("n2", instance_id="i-2")))
    frame = with_prices(found, Book()).set_index("node")

    assert frame["spot"].to_dict() == {"n1": False, "n2": True}
    assert frame["capacity_type"].to_dict() == {"n1": "on-demand", "n2": "spot"}


def test_shape_of_a_node() -> None:
    found = list(shapes(node_frame(nodes(row("n1", cpu_capacity=4.0, memory_capacity=8.0, gpu_devices=1.0, arch="arm64")))))

    assert found == [NodeShape("aws", "r", "ra", "m5", "unknown", 4.0, 8.0, 1.0, "", "arm64")]


def test_no_nodes() -> None:
    assert with_prices(node_frame([]), Book()).empty
