"""Outlooks laid over one another: sums per time, and means between two instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from downscaler.savings import Amount
from downscaler.sizes import KINDS
from kube_thrift.ahead import Outlook, Phase
from kube_thrift.bands import Bands, hours
from kube_thrift.rates import Rates

NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = Amount(1, 2, 4, 0.5)
PRICED = Rates(priced=True)


def outlook(name: str, *phases: tuple[float, float], off: Amount = ONE) -> Outlook:
    """Down from and to so many hours after noon."""
    made = tuple(Phase(NOON + start * HOUR, NOON + end * HOUR, off) for start, end in phases)
    return Outlook(KINDS["deployments"], "shop", name, NOON, NOON + 24 * HOUR, 1, off, "", phases=made)


def test_workloads_of_one_schedule_share_their_bands() -> None:
    found = Bands.of([outlook("a", (1, 3), (5, 6)), outlook("b", (1, 3), (5, 6)), outlook("c", (2, 4)), outlook("d")], PRICED)

    assert [(band.workloads, band.off.cores, band.money) for band in found.bands] == [(2, 4, 1), (1, 2, 0.5), (2, 4, 1)]
    assert found.sleepers == 3


def test_means_between_two_instants() -> None:
    found = Bands.of([outlook("a", (1, 3)), outlook("b", (2.5, 4))], PRICED)

    whole = found.between(NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert (whole.workloads, whole.amount.cores, whole.money) == (1.5, 3, 0.75)
    assert found.between(NOON, NOON + HOUR).workloads == 0
    assert found.between(NOON, NOON + 24 * HOUR).amount.cores == pytest.approx(2 * 3.5 / 24)


@pytest.mark.parametrize(("after", "workloads"), [(0.99, 0), (1, 1), (2.99, 1), (3, 0)])
def test_a_change_at_the_very_instant_is_done(after: float, workloads: int) -> None:
    assert Bands.of([outlook("a", (1, 3))], PRICED).at(NOON + after * HOUR).workloads == pytest.approx(workloads)


def test_money_is_unknown_where_nobody_knows_any_and_the_known_part_otherwise() -> None:
    bare = Amount(1)
    assert Bands.of([outlook("a", (1, 3), off=bare)], PRICED).at(NOON + HOUR).money is None
    assert Bands.of([outlook("a", (1, 3), off=bare), outlook("b", (1, 3))], PRICED).at(NOON + HOUR).money == pytest.approx(0.5)
    assert Bands.of([outlook("a", (1, 3))], Rates()).at(NOON + HOUR).money is None
    # Between its bands nothing is off, and that costs nothing.
    assert Bands.of([outlook("a", (1, 3))], PRICED).at(NOON).money == 0


def test_hours_are_those_of_the_clock() -> None:
    start = NOON + timedelta(minutes=40)
    found = list(hours(start, start + 2 * HOUR))
    assert [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in found] == ["12:40-13:00", "13:00-14:00", "14:00-14:40"]
