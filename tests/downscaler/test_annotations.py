"""Each annotation's accepted forms, and the complaint for what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.annotations import NOTHING, UNTOUCHED, Context, Overrides, read_overrides
from downscaler.keys import KEYS
from downscaler.timespec import Defaults

CONTEXT = Context(Defaults("UTC", "Mon-Fri"), timedelta(seconds=900), "example.org/deployed")
NOON = datetime(2026, 3, 23, 12, tzinfo=UTC)


def read(key: str, value: str) -> Overrides:
    return read_overrides({key: value}, CONTEXT)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("uptime", "uptime"),
        ("downtime", "downtime"),
        ("upscale-period", "upscale_period"),
        ("downscale-period", "downscale_period"),
        ("force-uptime", "force_uptime"),
        ("force-downtime", "force_downtime"),
    ],
)
@pytest.mark.parametrize(
    ("value", "matches"),
    [
        ("always", True),
        ("never", False),
        ("true", True),
        ("False", False),
        ("Mon-Fri 08:00-18:00 UTC", True),
        ("08:00-10:00", False),
        ("cron(0 11 * * *)/2h", True),
        ("until 2026-03-23T12:00:00Z", False),
    ],
)
def test_time_specs(key: str, field: str, value: str, matches: bool) -> None:
    overrides = read(f"downscaler/{key}", value)
    assert getattr(overrides, field).matches(NOON) is matches
    assert overrides.complaints == ()


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("downscaler/exclude", "true", "exclude", True),
        ("downscaler/exclude", " True ", "exclude", True),
        ("downscaler/exclude", "false", "exclude", False),
        ("downscaler/exclude", "FALSE", "exclude", False),
        ("downscaler/exclude-until", "2026-04-05", "exclude_until", datetime(2026, 4, 5, tzinfo=UTC)),
        ("downscaler/exclude-until", "2026-04-05 10:00", "exclude_until", datetime(2026, 4, 5, 10, tzinfo=UTC)),
        ("downscaler/exclude-until", "2026-04-05T10:00", "exclude_until", datetime(2026, 4, 5, 10, tzinfo=UTC)),
        ("downscaler/exclude-until", "2026-04-05T10:00:00Z", "exclude_until", datetime(2026, 4, 5, 10, tzinfo=UTC)),
        ("downscaler/exclude-until", "2026-04-05T10:00:00+02:00", "exclude_until", datetime(2026, 4, 5, 8, tzinfo=UTC)),
        ("downscaler/downtime-replicas", "0", "downtime_replicas", 0),
        ("downscaler/downtime-replicas", " 2 ", "downtime_replicas", 2),
        ("downscaler/downtime-replicas", "50%", "downtime_replicas", "50%"),
        ("downscaler/downscale-replicas", "3", "downtime_replicas", 3),
        ("downscaler/downtime-max-replicas", " 4 ", "downtime_max_replicas", 4),
        ("downscaler/grace-period", "300", "grace_period", timedelta(seconds=300)),
        ("downscaler/grace-period", "5m", "grace_period", timedelta(seconds=300)),
        ("downscaler/grace-period", "900", "grace_period", timedelta(seconds=900)),
        ("downscaler/wave", " -7\x1f", "wave", -7),
        ("downscaler/downtime-max-replicas", " 7\x1f", "downtime_max_replicas", 7),
        ("example.org/deployed", "2026-03-23T11:00:00Z", "deployed_at", datetime(2026, 3, 23, 11, tzinfo=UTC)),
    ],
)
def test_other_values(key: str, value: str, field: str, expected: object) -> None:
    overrides = read(key, value)
    assert getattr(overrides, field) == expected
    assert overrides.complaints == ()


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("downscaler/uptime", "Mon-Fry 8-18", "always, never"),
        ("downscaler/uptime", "", "always, never"),
        ("downscaler/downtime", "Mon-Fri 08:00-18:00 PST", "no zone 'PST'"),
        ("downscaler/upscale-period", "25:99-26:00 UTC", "24:00"),
        ("downscaler/downscale-period", "always, rubbish", "always, never"),
        ("downscaler/force-uptime", "yes", "always, never"),
        ("downscaler/force-downtime", "maybe", "always, never"),
        ("downscaler/downtime-replicas", "-1", "a whole number from 0"),
        ("downscaler/downtime-replicas", "1.5", "a whole number from 0"),
        ("downscaler/downtime-replicas", "101%", "a whole number from 0"),
        ("downscaler/downtime-replicas", "99999999999", "a whole number from 0"),
        ("downscaler/downtime-replicas", "4000000000", "a whole number from 0"),
        ("downscaler/downtime-replicas", "", "a whole number from 0"),
        ("downscaler/downscale-replicas", "true", "a whole number from 0"),
    ],
)
def test_blocking_complaints(key: str, value: str, accepted: str) -> None:
    (complaint,) = read(key, value).complaints
    assert complaint.blocking
    assert complaint.effect == UNTOUCHED
    assert (complaint.key, complaint.value) == (key, value)
    assert accepted in complaint.accepted
    assert key in complaint.text
    assert repr(value) in complaint.text


@pytest.mark.parametrize(
    ("key", "value", "effect"),
    [
        ("downscaler/exclude", "no", "counts as true"),
        ("downscaler/exclude", "0", "counts as true"),
        ("downscaler/exclude", "", "counts as true"),
        ("downscaler/exclude", "Mon-Fri 08:00-18:00 UTC", "counts as true"),
        ("downscaler/exclude-until", "next week", "excluded until that is corrected"),
        ("downscaler/exclude-until", "2026-02-30", "excluded until that is corrected"),
    ],
)
def test_an_unreadable_exclusion_excludes(key: str, value: str, effect: str) -> None:
    overrides = read(key, value)
    assert overrides.exclude is True
    assert [(each.effect, each.blocking) for each in overrides.complaints] == [(effect, False)]


def test_an_unreadable_end_excludes_whatever_exclude_says() -> None:
    assert read_overrides({"downscaler/exclude": "false", "downscaler/exclude-until": "soon"}, CONTEXT).exclude is True


@pytest.mark.parametrize(
    ("key", "value", "effect"),
    [
        ("downscaler/downtime-max-replicas", "0", "it counts as not set"),
        ("downscaler/downtime-max-replicas", "50%", "it counts as not set"),
        ("downscaler/downtime-max-replicas", "9999999999", "it counts as not set"),
        ("downscaler/grace-period", "soon", "--grace-period applies"),
        ("downscaler/grace-period", "0", "--grace-period applies"),
        ("downscaler/grace-period", "-5", "--grace-period applies"),
        ("downscaler/grace-period", "901", "--grace-period applies"),
        ("downscaler/grace-period", "9w", "--grace-period applies"),
        ("example.org/deployed", "yesterday", "the creation time counts"),
        ("downscaler/up-time", "always", "it has no effect"),
        ("downscaler/upscale-excluded", "true", "it has no effect"),
        ("downscaler/uptime", "Mon-Fri 00:00-00:00 UTC", "note that 'Mon-Fri 00:00-00:00 UTC' can never match"),
    ],
)
def test_remarks_that_stop_nothing(key: str, value: str, effect: str) -> None:
    overrides = read(key, value)
    (complaint,) = overrides.complaints
    assert not complaint.blocking
    assert complaint.effect.startswith(effect)
    assert not overrides.exclude


def test_an_empty_force_switches_off() -> None:
    assert read("downscaler/force-uptime", " ").force_uptime is not None
    assert read("downscaler/force-uptime", " ").force_uptime.is_never  # type: ignore[union-attr]


def test_of_the_two_names_for_the_target_the_older_wins() -> None:
    both = {"downscaler/downtime-replicas": "1", "downscaler/downscale-replicas": "rubbish"}
    assert read_overrides(both, CONTEXT) == Overrides(downtime_replicas=1)


def test_a_long_value_is_cut_in_the_line() -> None:
    (complaint,) = read("downscaler/uptime", "x" * 10_000).complaints
    assert len(complaint.text) < 700


@pytest.mark.parametrize("annotations", [None, {}, {"example.org/team": "shop"}])
def test_nothing_said_is_the_shared_nothing(annotations: dict[str, str] | None) -> None:
    assert read_overrides(annotations, CONTEXT) is NOTHING


def test_the_records_are_no_settings() -> None:
    records = {
        "downscaler/original-replicas": "3",
        "downscaler/downscaled-to": "0",
        "downscaler/original-pause-replicas": "1",
        "downscaler/original-fields": '{"maxReplicas":10}',
    }
    assert read_overrides(records, CONTEXT) == NOTHING


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([key.name for key in KEYS] + ["example.org/deployed"]), st.text(max_size=40))
def test_no_value_raises(key: str, value: str) -> None:
    assert isinstance(read(key, value), Overrides)
