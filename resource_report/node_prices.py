"""Asks the price book for every node and writes the answers into the node frame. No files, no network: the book is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pandas as pd

from resource_report.price_types import NodeShape, Price, Ratios


class Book(Protocol):
    """What is needed of `prices.PriceBook`."""

    def price(self, shape: NodeShape) -> Price: ...

    def ratios(self, shape: NodeShape) -> Ratios: ...


_SHAPE_COLUMNS = (
    "provider",
    "region",
    "zone",
    "instance_type",
    "capacity_type",
    "cpu_capacity",
    "memory_capacity",
    "gpu_devices",
    "instance_id",
    "arch",
)


def shapes(nodes: pd.DataFrame) -> Iterator[NodeShape]:
    """The shape of every node, in the order of the frame."""
    for values in zip(*(nodes[column].tolist() for column in _SHAPE_COLUMNS), strict=True):
        yield NodeShape(*values)


def with_prices(nodes: pd.DataFrame, book: Book) -> pd.DataFrame:
    """*nodes* with hourly prices, where they come from, and the weights that split them (`cpu_weight`, ...).

    What the node turned out to be (EC2 knows better than a label) replaces `capacity_type` and `spot`.
    """
    asked = list(shapes(nodes))
    prices = {shape: book.price(shape) for shape in dict.fromkeys(asked)}
    weights = {shape: book.ratios(shape) for shape in prices}
    found = [prices[shape] for shape in asked]
    kinds = pd.Series([price.capacity_type for price in found], index=nodes.index, dtype="str")
    return nodes.assign(
        capacity_type=kinds.astype("category"),
        spot=kinds == "spot",
        hourly_price=[price.hourly_usd for price in found],
        list_hourly_price=[price.list_hourly_usd for price in found],
        price_source=[price.source for price in found],
        price_as_of=[price.as_of.isoformat() if price.as_of else "" for price in found],
        price_estimated=[price.estimated for price in found],
        price_explanation=[price.explanation for price in found],
        cpu_weight=[weights[shape].cpu for shape in asked],
        memory_weight=[weights[shape].memory for shape in asked],
        gpu_weight=[weights[shape].gpu for shape in asked],
    )
