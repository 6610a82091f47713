"""The bundled table: what it must hold, its sizes against EC2's own facts, and prices that were read from the published list."""

from __future__ import annotations

import gzip
import json
from datetime import date
from importlib import resources
from typing import Any

import pytest

from resource_report.bundled import class_letters, generation, load_bundled, parse_bundled, size_units, split_type
from resource_report.price_types import NodeShape

REGIONS = {
    "us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "eu-north-1", "ap-southeast-1", "ap-northeast-1",
}  # fmt: skip
# Every line was read from a published copy of the price list, not computed: region, type, USD per hour.
PUBLISHED = """
us-east-1 m6i.large 0.096               us-east-1 m7g.medium 0.0408             us-east-1 c7i.48xlarge 8.568
us-east-1 t3.nano 0.0052                us-east-1 t2.small 0.023                us-east-1 c4.8xlarge 1.591
us-east-1 r7a.medium 0.07608            us-east-1 g5.12xlarge 5.672             us-east-1 g6.48xlarge 13.3504
us-east-1 p5.48xlarge 55.04             us-east-1 inf2.xlarge 0.7582            us-east-1 trn1.32xlarge 21.5
us-east-1 i4i.xlarge 0.343              us-east-1 x2iedn.xlarge 0.83363         us-east-1 m8g.48xlarge 8.61696
us-east-1 r8i.96xlarge 26.67264         us-east-1 c6g.metal 2.176               us-east-1 m7i.metal-24xl 4.8384
us-east-1 i3.metal 4.992                us-east-1 g4dn.metal 7.824              us-east-2 c7g.xlarge 0.1445
us-west-2 m7gd.16xlarge 3.4171          us-west-2 r7iz.metal-16xl 5.952         us-east-2 i3en.24xlarge 10.848
eu-west-1 m5.large 0.107                eu-west-1 c6a.12xlarge 1.96992          eu-west-1 r8g.12xlarge 3.16416
eu-west-1 m7i.4xlarge 0.8988            eu-west-1 t3a.large 0.0816              eu-west-1 c5ad.24xlarge 4.704
eu-west-1 g5.4xlarge 1.81287            eu-west-1 x2iezn.12xlarge 12.0          eu-central-1 m5.large 0.115
eu-central-1 m6a.12xlarge 2.484         eu-central-1 c7g.xlarge 0.1649          eu-central-1 m7i.large 0.12075
eu-central-1 r5n.metal 8.544            eu-central-1 m6id.xlarge 0.2856         eu-central-1 t4g.medium 0.0384
eu-central-1 inf1.24xlarge 5.902        eu-central-1 g6.8xlarge 2.519           eu-central-1 x8g.large 0.2731
eu-central-1 m8gd.48xlarge 13.3248      eu-central-1 i4i.metal 13.094           eu-north-1 c5.large 0.091
eu-north-1 m7gd.2xlarge 0.4536          eu-north-1 r8g.24xlarge 6.01392         eu-north-1 t4g.nano 0.0043
eu-north-1 m6idn.24xlarge 7.968         eu-north-1 c6gd.16xlarge 2.6624         eu-north-1 m7g.xlarge 0.1734
eu-north-1 x2iedn.xlarge 0.95072        ap-southeast-1 m5a.large 0.108          ap-southeast-1 m7g.xlarge 0.204
ap-southeast-1 c6g.xlarge 0.1568        ap-southeast-1 z1d.12xlarge 5.424       ap-southeast-1 r6a.12xlarge 3.2832
ap-southeast-1 im4gn.xlarge 0.43608     ap-southeast-1 m5zn.6xlarge 2.478       ap-southeast-1 p3.2xlarge 4.234
ap-northeast-1 r5.large 0.152           ap-northeast-1 m7i.48xlarge 12.4992     ap-northeast-1 c6a.12xlarge 2.3112
ap-northeast-1 t2.large 0.1216          ap-northeast-1 g6e.16xlarge 10.98917    ap-northeast-1 c7gd.large 0.1153
ap-northeast-1 r8g.2xlarge 0.56848      ap-northeast-1 i3.xlarge 0.366
"""
CASES = [tuple(PUBLISHED.split()[index : index + 3]) for index in range(0, len(PUBLISHED.split()), 3)]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """EC2's DescribeInstanceTypes answers, as moto ships them."""
    packed = resources.files("moto").joinpath("ec2/resources/instance_types.json.gz").read_bytes()
    return dict(json.loads(gzip.decompress(packed)))


def test_the_table_covers_the_regions_and_families_promised() -> None:
    table = load_bundled()

    assert set(table.prices) == REGIONS
    assert min(len(families) for families in table.prices.values()) >= 50
    assert all(set(families) <= set(table.families) for families in table.prices.values())
    assert date(2026, 1, 1) <= table.as_of


@pytest.mark.parametrize(("region", "instance_type", "usd"), CASES)
def test_prices_are_the_published_ones(region: str, instance_type: str, usd: str) -> None:
    # AWS rounds each size by itself, to as few as four digits; a base times a multiplier may differ in the last of them.
    assert load_bundled().hourly(region, instance_type) == pytest.approx(float(usd), rel=1.5e-3, abs=5e-5)


def test_every_size_has_the_vcpus_and_memory_that_ec2_states(facts: dict[str, Any]) -> None:
    table, compared = load_bundled(), 0
    for family in table.families.values():
        for size in family.sizes:
            fact = facts.get(f"{family.name}.{size}")
            if fact is None:
                continue
            compared += 1
            stated = (fact["VCpuInfo"]["DefaultVCpus"], fact["MemoryInfo"]["SizeInMiB"] / 1024)
            assert table.nominal(f"{family.name}.{size}") == pytest.approx(stated, rel=0.01), f"{family.name}.{size}"

    assert compared > 900


def test_every_price_is_above_zero_and_grows_with_the_size() -> None:
    table = load_bundled()
    for region, families in table.prices.items():
        for name in families:
            sizes = table.families[name].sizes
            assert all((table.hourly(region, f"{name}.{size}") or 0) > 0 for size in sizes)


def test_prices_elsewhere_stay_near_the_usual_level() -> None:
    """A slip of a digit in the table would show here."""
    table = load_bundled()
    home = table.prices["us-east-1"]
    for region, families in table.prices.items():
        for name, base in families.items():
            assert 0.99 <= base / home[name] <= 1.95, f"{name} in {region}"


def test_what_the_table_does_not_hold_is_none() -> None:
    table = load_bundled()

    assert table.hourly("us-east-1", "m6i.7xlarge") is None
    assert table.hourly("us-east-1", "zz9.large") is None
    assert table.hourly("mars-1", "m6i.large") is None
    assert table.hourly("us-east-1", "") is None
    assert table.nominal("m6i.7xlarge") is None
    assert table.nominal("") is None


def test_the_file_is_small_and_says_what_it_is() -> None:
    raw = resources.files("resource_report").joinpath("data/aws_prices.json").read_bytes()

    assert len(raw) < 64_000
    data = json.loads(raw)
    assert "sources" in data["about"].lower()
    assert data["as_of"] == load_bundled().as_of.isoformat()


def test_a_size_without_a_multiplier_is_refused() -> None:
    data = json.loads(resources.files("resource_report").joinpath("data/aws_prices.json").read_text())
    data["families"] = {"m6i": {"gib": 4.0, "sizes": "metal", "spot": 0.6}}

    with pytest.raises(ValueError, match="'metal' needs a multiplier"):
        parse_bundled(data)


@pytest.mark.parametrize(
    ("size", "units"),
    [("nano", 1 / 32), ("large", 0.5), ("xlarge", 1), ("24xlarge", 24), ("metal-24xl", 24), ("metal", None), ("", None)],
)
def test_sizes_by_name(size: str, units: float | None) -> None:
    assert size_units(size) == units


@pytest.mark.parametrize(
    ("name", "letters", "number"),
    [("m7i-flex", "m", 7), ("inf2", "inf", 2), ("x2iedn", "x", 2), ("u-6tb1", "u", 0), ("", "", 0), ("7", "", 0)],
)
def test_family_names(name: str, letters: str, number: int) -> None:
    assert (class_letters(name), generation(name)) == (letters, number)
    assert split_type(f"{name}.large") == (name, "large")


def test_a_price_computed_from_a_sibling_counts_as_an_estimate() -> None:
    table = load_bundled()
    region, families = next(iter(table.computed.items()))
    family = sorted(set(families) & set(table.families))[0]
    kind = f"{family}.{next(iter(table.families[family].sizes))}"

    found = table.on_demand(NodeShape("aws", region, instance_type=kind))

    assert found is not None
    assert found.estimated
    assert "computed from a sibling" in found.explanation
