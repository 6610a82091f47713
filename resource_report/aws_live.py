"""Brings the tables of AWS up to date: fresh from the cache, else fetched, else the last that is known, marked with its age.

Reaches boto3 through its siblings, so nothing but `prices` may load it, and only by name. Every failure is one line among the
problems; none is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from resource_report.aws_prices import AwsConnection, AwsProblem, fetch_on_demand, pricing_region
from resource_report.aws_spot import fetch_instances, fetch_spot
from resource_report.live_prices import (
    INSTANCE_ID,
    INSTANCE_TYPE,
    REGION,
    InstanceFacts,
    LiveTables,
    OnDemandTable,
    SpotTable,
    age,
)
from resource_report.price_cache import PriceCache, RegionCache
from resource_report.price_types import NodeShape, Problems
from resource_report.prices import LivePrices, PriceSettings

# More regions than AWS has: a bound for labels that somebody made up.
MAX_REGIONS = 40

T = TypeVar("T")


def load_live(settings: PriceSettings, shapes: list[NodeShape], now: datetime, *, force: bool = False) -> LivePrices:
    """The tables for the regions, types and instances of *shapes*; with *force* whatever the cache holds is fetched anew."""
    return _Loader(settings, now, force=force).load(shapes)


class _Loader:
    def __init__(self, settings: PriceSettings, now: datetime, *, force: bool) -> None:
        self._settings = settings
        self._now = now
        self._force = force
        self._cache = PriceCache(settings.cache_dir)
        self._connection = AwsConnection(settings.timeout, settings.price_endpoint, settings.ec2_endpoint)
        self._problems = Problems()
        # Endpoints that did not answer, and whether there are credentials at all: asking again would only cost time-outs.
        self._dead: set[str] = set()
        self._no_credentials = False

    def load(self, shapes: list[NodeShape]) -> LivePrices:
        on_demand: dict[str, OnDemandTable] = {}
        spot: dict[str, SpotTable] = {}
        instances: dict[str, InstanceFacts] = {}
        for region, members in self._by_region(shapes).items():
            held = self._cache.load(region)
            fresh = self._update(region, members, held)
            if fresh.on_demand is not None:
                on_demand[region] = fresh.on_demand
            if fresh.spot is not None:
                spot[region] = fresh.spot
            instances.update(fresh.instances)
        return LivePrices(LiveTables(on_demand, spot, self._now), instances, self._problems.entries)

    def _by_region(self, shapes: Iterable[NodeShape]) -> dict[str, list[NodeShape]]:
        regions: dict[str, list[NodeShape]] = {}
        for shape in shapes:
            priced_by_aws = shape.provider in {"", "aws"} and shape.capacity_type != "fargate" and REGION.fullmatch(shape.region)
            if priced_by_aws and (shape.region in regions or len(regions) < MAX_REGIONS):
                regions.setdefault(shape.region, []).append(shape)
        return dict(sorted(regions.items()))

    def _update(self, region: str, shapes: list[NodeShape], held: RegionCache) -> RegionCache:
        types = frozenset(shape.instance_type for shape in shapes if INSTANCE_TYPE.fullmatch(shape.instance_type))
        ids = frozenset(shape.instance_id for shape in shapes if INSTANCE_ID.fullmatch(shape.instance_id))
        found = RegionCache(
            on_demand=self._on_demand(region, held.on_demand),
            spot=self._spot(region, types, held.spot),
            instances=self._instances(region, ids, held.instances),
        )
        if found != held:
            complaint = self._cache.save(region, found)
            if complaint:
                self._problems.add("warning", complaint)
        return found

    def _on_demand(self, region: str, held: OnDemandTable | None) -> OnDemandTable | None:
        if held is not None and self._is_fresh(held.fetched, self._settings.on_demand_ttl):
            return held
        prices = self._ask(
            f"pricing {pricing_region(region)}",
            lambda: fetch_on_demand(region, self._connection, self._settings.rates),
            _fallback(held.fetched if held else None, self._now, "the bundled table"),
        )
        if prices is None:
            return replace(held, stale=True) if held else None
        return OnDemandTable(self._now, prices)

    def _spot(self, region: str, types: frozenset[str], held: SpotTable | None) -> SpotTable | None:
        if held is not None and types <= held.asked and self._is_fresh(held.fetched, self._settings.spot_ttl):
            return held
        if not types:
            return held
        wanted = types | (held.asked if held else frozenset())
        quotes = self._ask(
            f"ec2 {region}",
            lambda: fetch_spot(region, wanted, self._connection, self._now),
            _fallback(held.fetched if held else None, self._now, "usual spot discounts"),
        )
        if quotes is None:
            return replace(held, stale=True) if held else None
        return SpotTable(self._now, wanted, quotes)

    def _instances(self, region: str, ids: frozenset[str], held: Mapping[str, InstanceFacts]) -> dict[str, InstanceFacts]:
        """How an instance was bought never changes while it lives, so only new ids are asked for."""
        known = {name: facts for name, facts in held.items() if name in ids}
        missing = ids - set(known)
        if missing and self._settings.ask_instances:
            facts = self._ask(
                f"ec2 {region}", lambda: fetch_instances(region, missing, self._connection), "using the nodes' labels"
            )
            known.update(facts or {})
        return known

    def _is_fresh(self, fetched: datetime, ttl: float) -> bool:
        return not self._force and self._now - fetched < timedelta(seconds=ttl)

    def _ask(self, endpoint: str, call: Callable[[], T], fallback: str) -> T | None:
        """The answer of *call*, or None with a problem that says what is used instead."""
        if self._no_credentials or endpoint in self._dead:
            return None
        try:
            return call()
        except AwsProblem as problem:
            self._no_credentials = problem.no_credentials
            if problem.unreachable:
                self._dead.add(endpoint)
            quiet = problem.no_credentials and self._settings.live_optional
            self._problems.add("info" if quiet else "warning", f"prices: {problem}; {fallback}")
            return None


def _fallback(fetched: datetime | None, now: datetime, otherwise: str) -> str:
    return f"using those of {age(now - fetched)} ago" if fetched else f"using {otherwise}"
