"""Holidays in time specs: countries, regions, named calendars as dates and as ICS; and what time turns into something else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downscaler.calendars import Calendar, days_named, next_day, parse_calendar
from downscaler.config import read_config
from downscaler.schedule import next_change
from downscaler.timespec import Defaults, parse
from shared.errors import UsageError, ValueProblem

COMPANY = Calendar("company", frozenset({date(2026, 6, 5)}), frozenset({(12, 24)}))
KNOWN = Defaults(calendars=(COMPANY,))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MATCHES = [
    ("German unity day", "holidays(DE)", "2026-10-03T12:00", True),
    ("the day after", "holidays(DE)", "2026-10-04T12:00", False),
    ("women's day is one in Berlin", "holidays(DE-BE)", "2026-03-08T12:00", True),
    ("and none in the whole country", "holidays(DE)", "2026-03-08T12:00", False),
    ("a movable feast", "holidays(DE)", "2026-04-03T12:00", True),
    ("lower case", "HOLIDAYS( de-be )", "2026-03-08T12:00", True),
    ("another country", "holidays(US)", "2026-11-26T18:00", True),
    ("the day begins on the wall clock: before", "holidays(DE) Europe/Berlin", "2026-10-02T21:59", False),
    ("the day begins on the wall clock: after", "holidays(DE) Europe/Berlin", "2026-10-02T22:00", True),
    ("a calendar's own date", "holidays(company)", "2026-06-05T08:00", True),
    ("a calendar's yearly date", "holidays(Company) UTC", "2031-12-24T08:00", True),
    ("in a list", "Sat-Sun UTC, holidays(DE) UTC", "2026-10-03T12:00", True),
    ("in a list, neither", "Sat-Sun UTC, holidays(DE) UTC", "2026-10-05T12:00", False),
]


@pytest.mark.parametrize(("spec", "now", "expected"), [row[1:] for row in MATCHES], ids=[row[0] for row in MATCHES])
def test_holidays_in_specs(spec: str, now: str, expected: bool) -> None:
    assert parse(spec, KNOWN).matches(at(now)) is expected


@pytest.mark.parametrize(
    ("spec", "now", "expected"),
    [
        ("holidays(DE) Europe/Berlin", "2026-09-30T12:00", "2026-10-02T22:00"),
        ("holidays(DE) Europe/Berlin", "2026-10-03T12:00", "2026-10-03T22:00"),
        ("holidays(DE) Europe/Berlin", "2026-12-25T12:00", "2026-12-26T23:00"),
        ("holidays(company)", "2026-06-06T00:00", "2026-12-24T00:00"),
        ("Mon-Fri 08:00-18:00 UTC, holidays(DE) UTC", "2026-10-02T20:00", "2026-10-03T00:00"),
    ],
)
def test_when_it_changes_next(spec: str, now: str, expected: str) -> None:
    assert next_change(parse(spec, KNOWN), at(now)) == at(expected)


def test_a_default_time_zone_holds_for_holidays() -> None:
    spec = parse("holidays(DE)", Defaults(timezone="Asia/Tokyo"))
    assert spec.matches(at("2026-10-02T15:00"))


@pytest.mark.parametrize("name", ["XX", "DE-QQ", "nowhere", "holidays(DE", "DE DE"])
def test_unknown_calendars_are_refused(name: str) -> None:
    with pytest.raises(ValueProblem, match="accepted: "):
        parse(f"holidays({name})")


def test_an_empty_calendar_is_pointed_out() -> None:
    spec = parse("holidays(none)", Defaults(calendars=(Calendar("none"),)))
    assert spec.warnings == ("'holidays(none)' can never match: the calendar is empty",)


# ---- files

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
{events}
END:VCALENDAR
"""


def event(*lines: str) -> str:
    return ICS.format(events="\n".join(["BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT"])).replace(
        "\n", "\r\n"
    )


CALENDARS = [
    ("a date", "2026-12-24", ["2026-12-24"], ["2026-12-25", "2027-12-24"]),
    ("a range, both ends", "2026-12-24/2027-01-01  # closed", ["2026-12-24", "2027-01-01"], ["2027-01-02"]),
    ("every year", "--02-29", ["2028-02-29"], ["2028-02-28"]),
    ("comments and blank lines", "# ours\n\n2026-01-02\n", ["2026-01-02"], []),
    ("ICS, a day", event("DTSTART;VALUE=DATE:20261224"), ["2026-12-24"], ["2026-12-25"]),
    ("ICS, end not included", event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261226"), ["2026-12-25"], ["2026-12-26"]),
    ("ICS, hours", event("DTSTART:20261224T180000Z", "DTEND:20261226T000000Z"), ["2026-12-25"], ["2026-12-26"]),
    ("ICS, a duration", event("DTSTART;VALUE=DATE:20261224", "DURATION:P2D"), ["2026-12-25"], ["2026-12-26"]),
    ("ICS, every year", event("DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=YEARLY"), ["2026-12-24"], []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "off", "working"), [row[1:] for row in CALENDARS], ids=[row[0] for row in CALENDARS])
def test_calendars_as_text(text: str, off: list[str], working: list[str]) -> None:
    calendar = parse_calendar("ours", text)
    assert all(date.fromisoformat(day) in calendar for day in off)
    assert not any(date.fromisoformat(day) in calendar for day in working)


@pytest.mark.parametrize(
    "text",
    ["24.12.2026", "2026-13-01", "--13-01", "2026-12-24/2026-12-01", "2026-01-01/2036-01-01",
     "BEGIN:VCALENDAR", event("SUMMARY:none"),
     event("DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=WEEKLY")],
)  # fmt: skip
def test_calendars_that_are_none(text: str) -> None:
    with pytest.raises(ValueProblem):
        parse_calendar("ours", text)


@given(st.text(max_size=200) | st.text("BEGIN:VCALNDRT-\r\n0123456789=;/#", max_size=200).map("BEGIN:VCALENDAR\r\n".__add__))
def test_no_calendar_raises_anything_but_our_own_error(text: str) -> None:
    try:
        parse_calendar("ours", text)
    except ValueProblem:
        return


@given(st.text(max_size=30))
def test_no_name_raises_anything_but_our_own_error(name: str) -> None:
    try:
        days_named(name, ())
    except ValueProblem:
        return


def test_a_calendar_file_is_usable_in_flags_and_annotations(tmp_path: Path) -> None:
    path = tmp_path / "days"
    path.write_text("2026-03-23\n")
    rules = read_config([f"--calendars=ours={path}", "--default-downtime=holidays(ours)"], {}).rules
    assert rules.policy.downtime.value.matches(at("2026-03-23T12:00"))
    assert rules.context.defaults.calendars[0].name == "ours"


@pytest.mark.parametrize("value", ["ours", "=x", "a b=x", "ours=/nowhere/at/all"])
def test_calendar_flags_that_are_wrong(value: str) -> None:
    with pytest.raises(UsageError, match="--calendars: "):
        read_config([f"--calendars={value}"], {})


# ---- up for some hours


@pytest.mark.parametrize("where", ["workload", "namespace"])
def test_up_for_becomes_an_end_and_is_removed_when_it_is_over(world: Any, where: str) -> None:
    world.deployment()
    controller = world.controller("--default-downtime=always", "--grace-period=0")
    world.pass_time(hours=1)
    controller.turn()
    assert world.replicas() == 0
    plural, namespace, name = ("deployments", "shop", "web") if where == "workload" else ("namespaces", None, "shop")

    def own() -> dict[str, str]:
        found = world.sim.get(plural, namespace, name)["metadata"].get("annotations") or {}
        return {key: value for key, value in found.items() if key.startswith("downscaler/up-")}

    world.sim.patch(plural, namespace, name, {"metadata": {"annotations": {"downscaler/up-for": "3h"}}})
    assert controller.turn().ok
    assert world.replicas() == 3
    assert own() == {"downscaler/up-until": "2026-03-23T16:00:00Z"}

    world.pass_time(hours=2, minutes=59)
    controller.turn()
    assert world.replicas() == 3
    world.pass_time(minutes=1)
    controller.turn()
    controller.turn()
    assert world.replicas() == 0
    assert own() == {}


@pytest.mark.parametrize("value", ["3", "0h", "32d", "soon", ""])
def test_an_up_for_that_cannot_be_read_has_no_effect_and_is_said(
    world: Any, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.deployment(downtime="always", up_for=value)
    world.pass_time(hours=1)
    world.controller().turn()
    assert world.replicas() == 0
    assert "annotation downscaler/up-for=" in caplog.text


def test_a_dry_run_turns_nothing_into_anything(world: Any) -> None:
    world.deployment(up_for="3h")
    world.annotate_namespace(up_for="3h")
    world.controller("--dry-run").turn()
    assert world.sim.get("deployments", "shop", "web")["metadata"]["annotations"] == {"downscaler/up-for": "3h"}
    assert world.sim.get("namespaces", None, "shop")["metadata"]["annotations"] == {"downscaler/up-for": "3h"}


def test_a_namespace_that_may_not_be_patched_stays_up_and_says_so(world: Any) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "get", "patch"]},
    ]
    world.sim.add_user("narrow", rules=rules)
    world.deployment(replicas=0, downtime="always", original_replicas="2")
    world.annotate_namespace(up_for="3h")
    result = world.controller(user="narrow").turn()
    assert world.replicas() == 2
    assert result.failures[0].startswith("namespaces shop: forbidden")


def test_the_end_of_the_calendar() -> None:
    assert next_day(Calendar("none"), date(9999, 12, 30), off=True, limit=400) is None
    assert next_change(parse("holidays(none)", Defaults(calendars=(Calendar("none"),))), at("2026-01-01T00:00")) is None


# ---- what is ahead


def test_the_next_transition_of_everything_managed_is_a_metric(world: Any) -> None:
    world.deployment(uptime="Mon-Fri 08:00-18:00 UTC")
    world.deployment("other", uptime="Mon-Fri 08:00-17:30 UTC")
    controller = world.controller()
    controller.turn()
    expected = datetime(2026, 3, 23, 17, 30, tzinfo=UTC).timestamp()
    assert controller.metric("next_transition_timestamp_seconds", direction="down") == expected
    assert controller.metric("next_transition_timestamp_seconds", direction="up") is None


OFFICE = "Mon-Sun 08:00-20:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("now", "hours"),
    # Europe changes on 2026-03-29 and 2026-10-25, both at 01:00 UTC.
    [("2026-03-27T19:00", 12), ("2026-03-28T19:00", 11), ("2026-10-23T18:00", 12), ("2026-10-24T18:00", 13)],
)
def test_a_night_of_a_clock_change_is_an_hour_shorter_or_longer(now: str, hours: int) -> None:
    spec = parse(OFFICE)
    assert not spec.matches(at(now))
    assert next_change(spec, at(now)) == at(now) + timedelta(hours=hours)
