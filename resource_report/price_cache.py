"""The cache of AWS's answers: one JSON file per region, replaced atomically, each answer with the instant it was fetched.

Holds no decision on what is fresh; a file that cannot be read is as good as none.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resource_report.live_prices import InstanceFacts, OnDemandTable, SpotQuote, SpotTable

VERSION = 1


@dataclass
class RegionCache:
    """What is held of one region."""

    on_demand: OnDemandTable | None = None
    spot: SpotTable | None = None
    instances: dict[str, InstanceFacts] = field(default_factory=dict)


class PriceCache:
    """The folder. None as folder: nothing is kept and nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, region: str) -> RegionCache:
        """What is held of *region*; empty where there is no file, or none of this version."""
        if self._folder is None:
            return RegionCache()
        try:
            data = json.loads(self._path(region).read_text(encoding="utf-8"))
            return _decode(data) if data.get("version") == VERSION else RegionCache()
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return RegionCache()

    def save(self, region: str, cache: RegionCache) -> str:
        """Writes what is held of *region*; returns what went wrong as one line, or an empty text."""
        if self._folder is None:
            return ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._path(region), json.dumps(_encode(cache), separators=(",", ":"), sort_keys=True))
        except OSError as error:
            return f"price cache {self._folder}: {error.strerror}"
        return ""

    def _path(self, region: str) -> Path:
        assert self._folder is not None
        return self._folder / f"aws-{region}.json"


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _encode(cache: RegionCache) -> dict[str, Any]:
    data: dict[str, Any] = {"version": VERSION}
    if cache.on_demand is not None:
        data["on_demand"] = {"fetched": cache.on_demand.fetched.isoformat(), "usd_per_hour": dict(cache.on_demand.prices)}
    if cache.spot is not None:
        quotes = [
            [quote.zone, quote.zone_id, quote.instance_type, quote.hourly, quote.since.isoformat() if quote.since else None]
            for quote in cache.spot.quotes
        ]
        data["spot"] = {"fetched": cache.spot.fetched.isoformat(), "asked": sorted(cache.spot.asked), "quotes": quotes}
    data["instances"] = {name: [facts.kind, facts.instance_type, facts.zone] for name, facts in sorted(cache.instances.items())}
    return data


def _decode(data: dict[str, Any]) -> RegionCache:
    return RegionCache(
        on_demand=_part(data.get("on_demand"), _decode_on_demand),
        spot=_part(data.get("spot"), _decode_spot),
        instances={str(name): InstanceFacts(*map(str, facts)) for name, facts in data.get("instances", {}).items()},
    )


def _part(data: dict[str, Any] | None, decode: Callable[[dict[str, Any]], Any]) -> Any:
    return None if data is None else decode(data)


def _decode_on_demand(data: dict[str, Any]) -> OnDemandTable:
    return OnDemandTable(_instant(data["fetched"]), {str(name): float(hourly) for name, hourly in data["usd_per_hour"].items()})


def _decode_spot(data: dict[str, Any]) -> SpotTable:
    quotes = tuple(
        SpotQuote(str(zone), str(zone_id), str(kind), float(hourly), _instant(since) if since else None)
        for zone, zone_id, kind, hourly, since in data["quotes"]
    )
    return SpotTable(_instant(data["fetched"]), frozenset(map(str, data["asked"])), quotes)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
