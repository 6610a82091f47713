"""What gives an object its end, and how times are written. One case is one object and its fate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from janitor.annotations import keys_for
from janitor.policy import Policy
from tests.janitor.cases import (
    DAY,
    HOUR,
    MINUTE,
    Case,
    expires,
    rule,
    run,
    told,
    ttl,
)

GRAMMAR_OF_TTL = [
    Case("ttl 1s", "delete:ttl", **ttl("1s")),
    Case("ttl 08s with a leading zero", "delete:ttl", **ttl("08s", age=9 * timedelta(seconds=1))),
    Case("ttl 5m", "delete:ttl", **ttl("5m", age=6 * MINUTE)),
    Case("ttl 5m is not over", "keep:not-due", **ttl("5m", age=4 * MINUTE)),
    Case("ttl 2h", "delete:ttl", **ttl("2h", age=3 * HOUR)),
    Case("ttl 7d", "delete:ttl", **ttl("7d", age=8 * DAY)),
    Case("ttl 7d is not over", "keep:not-due", **ttl("7d", age=6 * DAY)),
    Case("ttl 1w", "delete:ttl", **ttl("1w", age=8 * DAY)),
    Case("ttl 1w is not over", "keep:not-due", **ttl("1w", age=6 * DAY)),
    Case("ttl compound 1h30m", "delete:ttl", **ttl("1h30m", age=91 * MINUTE)),
    Case("ttl compound 1h30m is not over", "keep:not-due", **ttl("1h30m", age=89 * MINUTE)),
    Case("ttl compound 1w2d6h", "delete:ttl", **ttl("1w2d6h", age=10 * DAY)),
    Case("ttl with a space in front", "delete:ttl", **ttl(" 5m")),
    Case("ttl with a newline behind", "delete:ttl", **ttl("5m\n")),
    Case("ttl forever", "keep:forever", **ttl("forever", age=5000 * DAY)),
    Case("ttl FOREVER", "keep:forever", **ttl("FOREVER", age=5000 * DAY)),
    Case("ttl Forever", "keep:forever", **ttl("Forever", age=5000 * DAY)),
    Case("ttl foo", "keep:unreadable", **ttl("foo")),
    Case("ttl 1y", "keep:unreadable", **ttl("1y", age=5000 * DAY)),
    Case("ttl 0s deletes nothing", "keep:unreadable", **ttl("0s")),
    Case("ttl 0w deletes nothing", "keep:unreadable", **ttl("0w")),
    Case("ttl 0h0m deletes nothing", "keep:unreadable", **ttl("0h0m")),
    Case("ttl -1h deletes nothing", "keep:unreadable", **ttl("-1h")),
    Case("ttl +1h", "keep:unreadable", **ttl("+1h")),
    Case("ttl 3600 is no unix time", "keep:unreadable", **ttl("3600")),
    Case("ttl 1237123123 is no unix time", "keep:unreadable", **ttl("1237123123")),
    Case("ttl 5M is neither minutes nor months", "keep:unreadable", **ttl("5M")),
    Case("ttl 1.5h", "keep:unreadable", **ttl("1.5h")),
    Case("ttl 5 m", "keep:unreadable", **ttl("5 m")),
    Case("ttl m", "keep:unreadable", **ttl("m")),
    Case("ttl 99999999w outlasts the calendar", "keep:unreadable", **ttl("99999999w")),
    Case("ttl 999999999999999999999d", "keep:unreadable", **ttl("9" * 21 + "d")),
    Case("ttl 900w of an old object", "delete:ttl", **ttl("900w", age=6500 * DAY)),
    Case("ttl with Arabic digits", "keep:unreadable", **ttl("٥m")),
    Case("ttl never", "keep:unreadable", **ttl("never")),
    Case("ttl with an injected line", "keep:unreadable", **ttl("5m\nERROR: all is lost")),
    Case("empty ttl is as good as none", "keep:undated", **ttl("")),
    Case("blank ttl is no ttl that can be read", "keep:unreadable", **ttl("   ")),
    Case("no annotation at all", "keep:undated"),
    Case("strict: at the very second it still lives", "keep:not-due", **ttl("2h")),
    Case("strict: a second later it goes", "delete:ttl", **ttl("2h", age=2 * HOUR + timedelta(seconds=1))),
]

GRAMMAR_OF_EXPIRES = [
    Case("expires with seconds and Z", "delete:expires", **expires("2026-03-23T09:59:59Z")),
    Case("expires at the exact second", "keep:not-due", **expires("2026-03-23T10:00:00Z")),
    Case("expires a second later", "keep:not-due", **expires("2026-03-23T10:00:01Z")),
    Case("expires with minutes", "delete:expires", **expires("2026-03-23T09:59")),
    Case("expires with minutes, later", "keep:not-due", **expires("2026-03-23T10:01")),
    Case("expires with a date: the start of the day in UTC", "delete:expires", **expires("2026-03-23")),
    Case("expires tomorrow", "keep:not-due", **expires("2026-03-24")),
    Case("expires without leading zeros", "delete:expires", **expires("2019-2-5")),
    Case("expires without leading zeros, with minutes", "delete:expires", **expires("2019-2-5T8:30")),
    Case("expires with an offset", "delete:expires", **expires("2026-03-23T11:59:59+02:00")),
    Case("expires with an offset, later", "keep:not-due", **expires("2026-03-23T12:00:01+02:00")),
    Case("expires with a negative offset", "keep:not-due", **expires("2026-03-23T05:00:01-05:00")),
    Case("expires with fractions", "delete:expires", **expires("2026-03-23T09:59:59.123456Z")),
    Case("expires with a space", "delete:expires", **expires("2010-12-12 09:26:11")),
    Case("expires with seconds without Z is UTC", "delete:expires", **expires("2026-03-23T09:59:59")),
    Case("expires with a two-digit year", "keep:unreadable", **expires("99-06-02T12:12:59")),
    Case("expires on the 30th of February", "keep:unreadable", **expires("2026-02-30")),
    Case("expires 25 o'clock", "keep:unreadable", **expires("2026-03-22T25:00:00Z")),
    Case("expires as a unix time", "keep:unreadable", **expires("1711187999")),
    Case("expires as a duration", "keep:unreadable", **expires("7d")),
    Case("expires forever", "keep:unreadable", **expires("forever")),
    Case("expires soon", "keep:unreadable", **expires("soon")),
    Case("empty expires", "keep:undated", **expires("")),
    Case("expires in the year 9999 with an offset that overflows", "keep:unreadable", **expires("9999-12-31T23:59:59-23:00")),
]

BOTH = [
    Case(
        "ttl and expires due: one decision, the earlier end",
        "delete:ttl",
        own={"janitor/ttl": "1h", "janitor/expires": "2026-03-23T09:30:00Z"},
    ),
    Case("expires before the ttl", "delete:expires", own={"janitor/ttl": "7d", "janitor/expires": "2026-03-23T09:30:00Z"}),
    Case("ttl before expires", "delete:ttl", own={"janitor/ttl": "1h", "janitor/expires": "2027-01-01"}),
    Case("neither due", "keep:not-due", own={"janitor/ttl": "7d", "janitor/expires": "2027-01-01"}),
    Case(
        "ttl forever does not cancel expires", "delete:expires", own={"janitor/ttl": "forever", "janitor/expires": "2026-03-23"}
    ),
    Case(
        "an unreadable ttl does not cancel expires", "delete:expires", own={"janitor/ttl": "foo", "janitor/expires": "2026-03-23"}
    ),
    Case("an unreadable ttl and a later expires", "keep:not-due", own={"janitor/ttl": "foo", "janitor/expires": "2027-01-01"}),
    Case("an unreadable expires does not cancel the ttl", "delete:ttl", own={"janitor/ttl": "1h", "janitor/expires": "soon"}),
    Case("both unreadable", "keep:unreadable", own={"janitor/ttl": "foo", "janitor/expires": "soon"}),
]

DEPLOYED = Policy(keys=keys_for(starts=("deployment-time",)))

START = [
    Case(
        "a later deployment-time prolongs",
        "keep:not-due",
        own={"janitor/ttl": "1h", "deployment-time": "2026-03-23T09:30:00Z"},
        policy=DEPLOYED,
    ),
    Case(
        "an older deployment-time does not shorten",
        "keep:not-due",
        own={"janitor/ttl": "1d", "deployment-time": "2020-01-01T00:00:00Z"},
        policy=DEPLOYED,
    ),
    Case(
        "deployment-time that is over too",
        "delete:ttl",
        own={"janitor/ttl": "1h", "deployment-time": "2026-03-23T08:30:00Z"},
        policy=DEPLOYED,
    ),
    Case("deployment-time without the flag", "delete:ttl", own={"janitor/ttl": "1h", "deployment-time": "2026-03-23T09:30:00Z"}),
    Case(
        "an unreadable deployment-time keeps",
        "keep:unreadable",
        own={"janitor/ttl": "1h", "deployment-time": "yesterday"},
        policy=DEPLOYED,
    ),
    Case(
        "deployment-time does not move expires",
        "delete:expires",
        own={"janitor/expires": "2026-03-23", "deployment-time": "2026-03-23T09:59:00Z"},
        policy=DEPLOYED,
    ),
    Case(
        "an unreadable deployment-time does not stop expires",
        "delete:expires",
        own={"janitor/expires": "2026-03-23", "deployment-time": "x"},
        policy=DEPLOYED,
    ),
    Case(
        "deployment-time prolongs the ttl of a rule",
        "keep:not-due",
        own={"deployment-time": "2026-03-23T09:30:00Z"},
        policy=DEPLOYED,
        rules=rule(),
    ),
    Case("no creation time", "keep:unknown", **ttl("1h", metadata={"creationTimestamp": None})),
    Case("an unreadable creation time", "keep:unreadable", **ttl("1h", metadata={"creationTimestamp": "long ago"})),
    Case("created in the future", "keep:not-due", **ttl("1s", age=-HOUR)),
]

CASES = [
    *GRAMMAR_OF_TTL,
    *GRAMMAR_OF_EXPIRES,
    *BOTH,
    *START,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
