"""Tables: what is aligned to which side, with and without a total."""

from __future__ import annotations

from kube_thrift.tables import table


def test_a_table_without_a_total() -> None:
    assert table(("a", "b"), [("1", "x y")], left=(0, 1)) == ["a  b", "1  x y"]
    assert table(("name", "n"), [("x", "10")], ("all", "10")) == ["name   n", "--------", "x     10", "--------", "all   10"]


def test_a_table_of_no_rows_still_has_its_total() -> None:
    assert table(("pool", "type", "n"), [], ("all", "", "7"), left=(0, 1)) == [
        "pool  type  n",
        "-------------",
        "-------------",
        "all         7",
    ]
