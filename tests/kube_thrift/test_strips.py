"""The strip of hours: one sign per hour of the wall clock, also on days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from downscaler.savings import Amount
from downscaler.sizes import KINDS
from kube_thrift.ahead import Outlook, Phase
from kube_thrift.bands import Bands
from kube_thrift.rates import Rates
from kube_thrift.strips import strip

BERLIN = ZoneInfo("Europe/Berlin")
ONE = Amount(1, 1, 1)


def outlook(start: datetime, days: int, *phases: tuple[datetime, datetime]) -> Outlook:
    made = tuple(Phase(begin, end, ONE) for begin, end in phases)
    return Outlook(KINDS["deployments"], "shop", "web", start, start + timedelta(days=days), 1, ONE, "", phases=made)


def strip_of(zone: ZoneInfo, start: datetime, *outlooks: Outlook) -> list[str]:
    return strip(zone, start, outlooks[0].end, Bands.of(outlooks, Rates()))


def days_of(zone: ZoneInfo, start: datetime, *outlooks: Outlook) -> list[str]:
    """The signs of each day, without the legend."""
    return [line[14:] for line in strip_of(zone, start, *outlooks)[1:]]


def test_up_down_partly_and_outside() -> None:
    start = datetime(2026, 3, 23, 10, 30, tzinfo=UTC)
    night = (datetime(2026, 3, 23, 18, 15, tzinfo=UTC), datetime(2026, 3, 24, 6, tzinfo=UTC))

    found = days_of(ZoneInfo("UTC"), start, outlook(start, 1, night))

    assert found == [
        " " * 10 + "#" * 8 + "+" + "." * 5,
        "." * 6 + "#" * 5 + " " * 13,
    ]
    assert strip_of(ZoneInfo("UTC"), start, outlook(start, 1, night))[0].endswith("UTC; # up  + partly down  . down")
    assert strip_of(ZoneInfo("UTC"), start, outlook(start, 1, night))[1].startswith("  Mon 23 Mar  ")


def test_several_workloads_are_partly_down_where_they_differ() -> None:
    start = datetime(2026, 3, 23, tzinfo=UTC)
    early = outlook(start, 1, (start, start + timedelta(hours=2)))
    late = outlook(start, 1, (start + timedelta(hours=1), start + timedelta(hours=3)))

    # One that never sleeps does not count.
    assert days_of(ZoneInfo("UTC"), start, early, late, outlook(start, 1)) == ["+.+" + "#" * 21]
    assert strip_of(ZoneInfo("UTC"), start, outlook(start, 1)) == []


def test_days_of_a_clock_change_have_23_and_25_hours() -> None:
    spring = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Berlin
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)

    for start, hours in ((spring, 23), (autumn, 25)):
        until = start + timedelta(hours=hours)
        days = days_of(BERLIN, start, outlook(start, 2, (start, until)))
        assert days[0] == "." * hours
        assert "".join(days[1:]).rstrip() == "#" * (48 - hours)


def test_zones_of_half_hours() -> None:
    start = datetime(2026, 3, 23, 18, 30, tzinfo=UTC)  # midnight in Kolkata
    days = days_of(ZoneInfo("Asia/Kolkata"), start, outlook(start, 1, (start, start + timedelta(hours=7))))
    assert days == ["." * 7 + "#" * 17]
