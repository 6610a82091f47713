"""Discounts: what the file may say, which entry wins, and what is told of entries that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_report.discounts import Discounts, load_discounts, parse_discount
from resource_report.price_types import NodeShape
from shared.errors import UsageError, ValueProblem

NODE = NodeShape("aws", "eu-central-1", "eu-central-1a", "m6i.large")


def load(tmp_path: Path, text: str) -> tuple[Discounts, list[str]]:
    path = tmp_path / "discounts.yaml"
    path.write_text(text)
    discounts, problems = load_discounts(path)
    return discounts, [told.removeprefix(f"discounts file {path}: ") for _, told in problems]


@pytest.mark.parametrize(
    ("text", "paid"),
    [
        pytest.param("", 1.0, id="empty"),
        pytest.param("all: 5%", 0.95, id="flat"),
        pytest.param("all: 0.05", 0.95, id="flat-as-number"),
        pytest.param("all: 5%\nfamilies: {m6i: 12%}", 0.88, id="family-before-all"),
        pytest.param("families: {m6i: 12%}\ninstance-types: {m6i.large: 20%}", 0.80, id="type-before-family"),
        pytest.param("families: {c6i: 12%}", 1.0, id="other-family"),
        pytest.param("all: 5%\nfamilies: {m6i: 0%}", 0.95, id="zero-discount-is-none"),
        pytest.param("instance-types: {m6i.large: 20%}\nrates: [{instance-type: m6i.large, hourly: 0.7}]", 0.7, id="rate-first"),
        pytest.param("rates: [{instance-type: m6i.large, region: us-east-1, hourly: 0.7}]", 1.0, id="rate-elsewhere"),
        pytest.param(
            "rates: [{discount: 10%}, {family: m6i, discount: 30%}, {region: eu-central-1, discount: 20%}]", 0.7, id="special"
        ),
        pytest.param("rates: [{family: m6i, discount: 30%}, {family: m6i, discount: 40%}]", 0.7, id="first-of-equals"),
        pytest.param("reserved: [{family: m6i, discount: 60%}]", 1.0, id="reserved-rate-is-not-for-everybody"),
    ],
)
def test_what_is_paid_of_a_list_price_of_one(tmp_path: Path, text: str, paid: float) -> None:
    discounts, problems = load(tmp_path, text)

    assert problems == []
    assert discounts.apply(NODE, 1.0, reserved=False)[0] == pytest.approx(paid)


@pytest.mark.parametrize(
    ("text", "paid", "why"),
    [
        pytest.param("reserved: [{family: m6i, discount: 60%}]\nrates: [{hourly: 0.9}]", 0.4, "configured rate", id="reserved"),
        pytest.param("rates: [{hourly: 0.9, name: plan 2026}]", 0.9, "plan 2026", id="else-a-rate"),
        pytest.param("all: 5%", 0.95, "general discount", id="else-a-discount"),
        pytest.param("", 1.0, "no rate is configured", id="else-the-list-price"),
    ],
)
def test_what_is_paid_for_reserved_capacity(tmp_path: Path, text: str, paid: float, why: str) -> None:
    discounts, _ = load(tmp_path, text)
    amount, words = discounts.apply(NODE, 1.0, reserved=True)

    assert amount == pytest.approx(paid)
    assert why in words


def test_fargate_has_a_family_of_its_own(tmp_path: Path) -> None:
    discounts, _ = load(tmp_path, "all: 5%\nfamilies: {fargate: 20%}")

    assert discounts.apply(NodeShape("aws", capacity_type="fargate"), 1.0, reserved=False)[0] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("al: 5%", "al: 'al' is not understood; accepted: the keys all, families", id="key"),
        pytest.param("all: 100%", "all: '100%' is not understood; accepted: a discount such as 12%", id="everything-free"),
        pytest.param("all: -5%", "all: '-5%' is not understood", id="surcharge"),
        pytest.param("all: true", "all: 'True' is not understood", id="flag"),
        pytest.param("all: much", "all: 'much' is not understood", id="word"),
        pytest.param("all: nan", "all: 'nan' is not understood", id="nan"),
        pytest.param("families: [m6i]", "families: \"['m6i']\" is not understood; accepted: a mapping", id="list"),
        pytest.param("families: {m6i: x}", "families.m6i: 'x' is not understood", id="family"),
        pytest.param("rates: 5", "rates: '5' is not understood; accepted: a list of mappings", id="rates"),
        pytest.param("rates: [5]", "rates[0]: '5' is not understood; accepted: a mapping of name, region", id="rate"),
        pytest.param("rates: [{colour: red}]", "accepted: a mapping of name, region", id="unknown-rate-key"),
        pytest.param("rates: [{family: m6i}]", "accepted: either hourly or discount", id="neither"),
        pytest.param("rates: [{hourly: 1, discount: 5%}]", "accepted: either hourly or discount", id="both"),
        pytest.param("rates: [{hourly: 0}]", "rates[0]: '0' is not understood; accepted: USD per hour above 0", id="free"),
        pytest.param("rates: [{hourly: dear}]", "rates[0]: 'dear' is not understood", id="rate-word"),
        pytest.param("[]", "the file: '[]' is not understood; accepted: a mapping", id="no-mapping"),
    ],
)
def test_an_entry_that_cannot_be_read_is_told_and_changes_nothing(tmp_path: Path, text: str, told: str) -> None:
    discounts, problems = load(tmp_path, text)

    assert len(problems) == 1
    assert told in problems[0]
    assert discounts.apply(NODE, 1.0, reserved=False)[0] == 1.0


@pytest.mark.parametrize("content", [None, "a: [", "\x00"], ids=["missing", "no-yaml", "control-character"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "discounts.yaml"
    if content is not None:
        path.write_text(content)

    with pytest.raises(UsageError, match=r"discounts file .*discounts\.yaml: ") as caught:
        load_discounts(path)

    assert "\n" not in str(caught.value)


def test_no_file_is_no_discount() -> None:
    assert load_discounts(None) == (Discounts(), [])


@pytest.mark.parametrize(("value", "expected"), [("12%", 0.12), (0.12, 0.12), ("0.12", 0.12), (0, 0.0), (" 7.5% ", 0.075)])
def test_forms_of_a_discount(value: object, expected: float) -> None:
    assert parse_discount(value) == pytest.approx(expected)


@pytest.mark.parametrize("value", [12, "12", None, [], "1.0"])
def test_a_number_of_per_cent_needs_its_sign(value: object) -> None:
    with pytest.raises(ValueProblem):
        parse_discount(value)
