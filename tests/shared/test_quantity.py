"""Kubernetes quantities: the forms of the API reference, and nothing else."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ValueProblem
from shared.quantity import format_bytes, format_cores, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("2", 2),
        ("+3", 3),
        ("-1", -1),
        ("100m", 0.1),
        ("250m", 0.25),
        ("1500m", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("250000000n", 0.25),
        ("250000u", 0.25),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 1.5 * 1024**3),
        ("128Mi", 128 * 1024**2),
        ("1M", 1e6),
        ("2T", 2e12),
        ("1Pi", 1024**5),
        ("1E", 1e18),
        ("1Ei", 1024**6),
        ("1e3", 1000),
        ("1E3", 1000),
        ("12e-1", 1.2),
        (" 64Mi ", 64 * 1024**2),
        (2, 2),
    ],
)
def test_a_quantity_is_read(text: object, number: float) -> None:
    assert parse_quantity(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "m",
        "1 Gi",
        "1gi",
        "1K",
        "1mi",
        "0x10",
        "1e",
        "1e1000",
        "٣",
        "1Gi\n2",
        "--1",
        "nan",
        "inf",
        None,
        "9" * 400,
        "1e999",
    ],
)
def test_anything_else_is_a_problem_that_names_the_forms(text: object) -> None:
    with pytest.raises(ValueProblem, match="500m"):
        parse_quantity(text)


@given(st.text(max_size=20))
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(ValueProblem):
        assert math.isfinite(parse_quantity(text))


@given(st.text(alphabet="0123456789.+-eEnumkKMGTPi", max_size=12))
def test_no_text_of_the_right_letters_raises_anything_else(text: str) -> None:
    with suppress(ValueProblem):
        assert math.isfinite(parse_quantity(text))


@pytest.mark.parametrize(("cores", "text"), [(0, "0"), (2, "2"), (0.25, "250m"), (1.5, "1500m"), (-0.5, "-500m")])
def test_cores_as_kubernetes_writes_them(cores: float, text: str) -> None:
    assert format_cores(cores) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1, "1"), (1000, "1000"), (1024, "1Ki"), (512 * 1024**2, "512Mi"), (1.5 * 1024**3, "1536Mi"), (-1024, "-1Ki")],
)
def test_bytes_in_the_largest_whole_unit(amount: float, text: str) -> None:
    assert format_bytes(amount) == text


@given(st.integers(min_value=0, max_value=2**52))
def test_bytes_come_back(amount: int) -> None:
    assert parse_quantity(format_bytes(amount)) == amount


@given(st.integers(min_value=0, max_value=10**9))
def test_millicores_come_back(milli: int) -> None:
    assert round(parse_quantity(format_cores(milli / 1000)) * 1000) == milli
