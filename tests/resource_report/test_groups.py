"""Sums and their rounding."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_report.groups import joined, ranked, whole_cents


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([0.333, 0.333, 0.334], [0.33, 0.33, 0.34], id="thirds"),
        pytest.param([0.005, 0.005], [0.01, 0.0], id="two halves of a cent"),
        pytest.param([1.0, 0.0, 2.0], [1.0, 0.0, 2.0], id="whole already"),
        pytest.param([math.nan, 1.0], [0.0, 1.0], id="unknown is no money"),
    ],
)
def test_cents_add_up(parts: list[float], expected: list[float]) -> None:
    frame = pd.DataFrame([parts])
    rounded, total = whole_cents(frame, frame.sum(axis=1))

    assert rounded.iloc[0].tolist() == pytest.approx(expected)
    assert rounded.sum(axis=1).round(2).iloc[0] == total.iloc[0]


def test_a_real_difference_stays_visible() -> None:
    rounded, total = whole_cents(pd.DataFrame([[1.004, 2.004]]), pd.Series([5.0]))

    assert rounded.iloc[0].tolist() == [1.0, 2.0]
    assert total.iloc[0] == 5.0


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=6))
def test_cents_always_add_up(parts: list[float]) -> None:
    rounded, total = whole_cents(pd.DataFrame([parts]), pd.Series([sum(parts)]))

    assert round(rounded.iloc[0].sum(), 2) == total.iloc[0]
    assert (abs(rounded.iloc[0] - parts) < 0.0101).all()


def test_ranked_puts_unknown_last_and_breaks_ties_by_name() -> None:
    frame = pd.DataFrame({"cost": [1.0, math.nan, 2.0, 2.0], "name": ["a", "b", "d", "c"]})

    assert ranked(frame, "cost", "name")["name"].tolist() == ["c", "d", "a", "b"]


def test_joined_values_are_sorted_and_never_empty() -> None:
    frame = pd.DataFrame({"key": ["k", "k", "k", "k"], "value": ["b", "", "a", "b"]})

    assert joined(frame, ["key"], "value").tolist() == ["a, b"]
