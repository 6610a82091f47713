"""What hours are worth: the prices file, which entry covers a pod, and what ends up in the metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.prices import NOTHING, Price, parse_prices
from downscaler.savings import Amount, amount_of
from downscaler.workloads import PodSpec
from shared.errors import UsageError, ValueProblem

USUAL = Price(0.03, 0.004, 1.0, 0.2)
FILE = """
- node-selector: {pool: spot}
  price-core-hour: 0.01
- namespaces: [shop-.*, lab]
  price-core-hour: 0.05
  co2-gib-hour: 0
- {"namespaces": ["free"], "price-core-hour": 0, "price-gib-hour": 0, "co2-core-hour": 0, "co2-gib-hour": 0}
"""
CASES = [
    ("other", {}, USUAL),
    ("lab", {}, Price(0.05, 0.004, 1.0, 0.0)),
    ("shop-eu", {}, Price(0.05, 0.004, 1.0, 0.0)),
    ("my-shop-eu", {}, USUAL),
    ("shop-eu", {"pool": "spot", "zone": "a"}, Price(0.01, 0.004, 1.0, 0.2)),
    ("shop-eu", {"pool": "on-demand"}, Price(0.05, 0.004, 1.0, 0.0)),
    ("free", {}, NOTHING),
]


@pytest.mark.parametrize(("namespace", "selector", "expected"), CASES)
def test_the_first_entry_that_covers_a_pod_counts(namespace: str, selector: dict[str, str], expected: Price) -> None:
    spec = msgspec.convert({"nodeSelector": selector}, PodSpec)
    assert parse_prices(FILE, USUAL).of(namespace, spec) == expected


BROKEN = [
    ("price: 3", "Expected `array`, got `object`"),
    ("- price: 3", "unknown field `price`"),
    ("- price-core-hour: -1", "Expected `float` >= 0.0"),
    ("- price-core-hour: .inf", "a number of at least 0"),
    ("- price-core-hour: .nan", "accepted:"),
    ("- price-core-hour: cheap", "Expected `float"),
    ("- namespaces: ['(']", "'(' is not understood; accepted: a comma-separated list of regular expressions"),
    ("- namespaces: shop", "Expected `array"),
    ("- [", "YAML or JSON"),
    ("- !!python/object:os.system {}", "YAML or JSON"),
    ("", "Expected `array`, got `null`"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_file_that_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse_prices(text, USUAL)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_hour_of_a_replica() -> None:
    spec = msgspec.convert({"containers": [{"resources": {"requests": {"cpu": "2", "memory": "4Gi"}}}]}, PodSpec)
    found = amount_of(spec, USUAL).times(3)
    assert (found.usd, found.co2_grams) == pytest.approx((3 * (0.06 + 0.016), 3 * (2.0 + 0.8)))
    assert amount_of(spec) == Amount(1.0, 2.0, 4.0)


def test_the_flags_and_the_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("- namespaces: [lab]\n  co2-core-hour: 3\n")
    argv = ["--price-core-hour=0.03", f"--prices-file={path}"]
    prices = read_config(argv, {"CO2_CORE_HOUR": "1", "PRICE_GIB_HOUR": "0.01"}).prices
    assert prices.of("shop", PodSpec()) == Price(0.03, 0.01, 1.0, 0.0)
    assert prices.of("lab", PodSpec()) == Price(0.03, 0.01, 3.0, 0.0)
    assert read_config([], {}).prices.of("shop", PodSpec()) == NOTHING


def test_the_place_of_a_mistake_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"^--prices-file: /nowhere: No such file or directory$"):
        read_config(["--prices-file=/nowhere"], {})
    path = tmp_path / "prices.yaml"
    path.write_text("- cores: 1")
    with pytest.raises(UsageError, match="^environment variable PRICES_FILE: .*unknown field `cores`"):
        read_config([], {"PRICES_FILE": str(path)})
    with pytest.raises(SystemExit):
        read_config(["--price-core-hour=-1"], {})
    assert "a number of at least 0" in capsys.readouterr().err


def test_money_and_co2_are_counted_where_somebody_gave_figures(world: Any, tmp_path: Path) -> None:
    container = {"name": "main", "image": "a/b:1", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    pods = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    world.sim.namespace("free")
    for namespace in ("shop", "free"):
        world.add("Deployment", namespace=namespace, spec={"replicas": 4, "template": pods}, downtime="always")
    path = tmp_path / "prices.yaml"
    path.write_text("- namespaces: [free]\n  price-core-hour: 0\n  price-gib-hour: 0\n")
    priced = world.controller("--price-core-hour=0.04", "--price-gib-hour=0.005", "--co2-core-hour=2", f"--prices-file={path}")
    plain = world.controller("--dry-run")
    world.pass_time(hours=1)
    for _ in range(2):
        priced.turn()
        plain.turn()
        world.pass_time(minutes=30)
    # Half an hour of four replicas: 1 core-hour and 2 GiB-hours.
    assert priced.metric("saved_usd_total", namespace="shop") == pytest.approx(1 * 0.04 + 2 * 0.005)
    assert priced.metric("saved_co2_grams_total", namespace="shop") == pytest.approx(2.0)
    assert priced.metric("saved_usd_total", namespace="free") is None
    assert priced.metric("saved_co2_grams_total", namespace="free") == pytest.approx(2.0)
    assert plain.metric("saved_core_hours_total", namespace="shop") == pytest.approx(1.0)
    assert plain.metric("saved_usd_total", namespace="shop") is None
