"""The cache: what is written is read again, and a file that is no cache is as good as none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resource_report.live_prices import InstanceFacts, OnDemandTable, SpotQuote, SpotTable
from resource_report.price_cache import PriceCache, RegionCache

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FULL = RegionCache(
    OnDemandTable(NOW, {"m6i.large": 0.115}),
    SpotTable(
        NOW,
        frozenset({"m6i.large", "m7i.large"}),
        (
            SpotQuote("eu-central-1a", "euc1-az2", "m6i.large", 0.04, NOW),
            SpotQuote("eu-central-1b", "", "m6i.large", 0.05, None),
        ),
    ),
    {"i-0123456789abcdef0": InstanceFacts("spot", "m6i.large", "eu-central-1a")},
)


@pytest.mark.parametrize("held", [FULL, RegionCache()], ids=["full", "empty"])
def test_what_is_written_is_read_again(tmp_path: Path, held: RegionCache) -> None:
    cache = PriceCache(tmp_path / "new" / "folder")

    assert cache.save("eu-central-1", held) == ""
    assert cache.load("eu-central-1") == held
    assert cache.load("eu-west-1") == RegionCache()


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    PriceCache(tmp_path).save("eu-central-1", FULL)
    PriceCache(tmp_path).save("eu-central-1", FULL)

    assert [path.name for path in tmp_path.iterdir()] == ["aws-eu-central-1.json"]


def test_without_a_folder_nothing_is_kept() -> None:
    assert PriceCache(None).save("eu-central-1", FULL) == ""
    assert PriceCache(None).load("eu-central-1") == RegionCache()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "on_demand": []}',
        '{"version": 1, "on_demand": {"fetched": "yesterday", "usd_per_hour": {}}}',
        '{"version": 1, "spot": {"fetched": "2026-11-24T12:00:00+00:00", "asked": [], "quotes": [[1]]}}',
        '{"version": 1, "instances": {"i-1": []}}',
        "\x00",
    ],
)
def test_a_file_that_is_no_cache_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "aws-eu-central-1.json").write_text(text)

    assert PriceCache(tmp_path).load("eu-central-1") == RegionCache()


def test_a_time_without_zone_is_utc(tmp_path: Path) -> None:
    PriceCache(tmp_path).save("eu-central-1", FULL)
    path = tmp_path / "aws-eu-central-1.json"
    data = json.loads(path.read_text())
    data["on_demand"]["fetched"] = "2026-11-24T12:00:00"
    path.write_text(json.dumps(data))

    assert PriceCache(tmp_path).load("eu-central-1").on_demand == FULL.on_demand


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    complaint = PriceCache(tmp_path / "taken").save("eu-central-1", FULL)

    assert complaint == f"price cache {tmp_path / 'taken'}: File exists"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    cache = PriceCache(tmp_path)
    cache.save("eu-central-1", FULL)
    (tmp_path / "aws-eu-west-1.json").mkdir()

    assert cache.save("eu-west-1", FULL) == f"price cache {tmp_path}: Is a directory"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aws-eu-central-1.json", "aws-eu-west-1.json"]
