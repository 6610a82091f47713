"""Namespace defaults, warnings, extensions, soak, and the keys of other tools. One case is one object and its fate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from janitor.annotations import keys_for
from janitor.policy import Policy
from shared.kinds import (
    CONFIG_MAPS,
    NAMESPACES,
)
from tests.janitor.cases import (
    DAY,
    HELM,
    HOUR,
    MINUTE,
    NOW,
    Case,
    expires,
    rule,
    run,
    told,
    ttl,
)

DEFAULTS = [
    Case("a namespace default", "delete:namespace-default", home={"janitor/default-ttl": "deployments=1h"}),
    Case("a namespace default that is not over", "keep:not-due", home={"janitor/default-ttl": "deployments=3h"}),
    Case("a namespace default for other resources", "keep:undated", home={"janitor/default-ttl": "jobs=1h"}),
    Case("a namespace default for everything", "delete:namespace-default", home={"janitor/default-ttl": "*=1h"}),
    Case("a named default wins over the one for everything", "keep:not-due", home={"janitor/default-ttl": "*=1h, deploy=7d"}),
    Case("a default of forever", "keep:forever", home={"janitor/default-ttl": "*=1h, deployments=forever"}),
    Case("the object's own ttl wins", "keep:not-due", home={"janitor/default-ttl": "*=1h"}, **ttl("7d")),
    Case("the object's own expires wins", "keep:not-due", home={"janitor/default-ttl": "*=1h"}, **expires("2027-01-01")),
    Case("a rule wins", "keep:not-due", home={"janitor/default-ttl": "*=1h"}, rules=rule(ttl="7d")),
    Case(
        "a rule forever exempts from the default", "keep:forever", home={"janitor/default-ttl": "*=1h"}, rules=rule(ttl="forever")
    ),
    Case("a broken rule keeps the default out", "keep:rule-broken", home={"janitor/default-ttl": "*=1h"}, rules=rule("]")),
    Case("an unreadable default keeps", "keep:unreadable", home={"janitor/default-ttl": "7d"}),
    Case(
        "the default does not mean the Namespace itself",
        "keep:undated",
        resource=NAMESPACES,
        object_name="shop",
        own={"janitor/default-ttl": "*=1h"},
    ),
    Case(
        "nor what the control plane writes again",
        "keep:undated",
        resource=CONFIG_MAPS,
        object_name="kube-root-ca.crt",
        home={"janitor/default-ttl": "*=1h"},
    ),
    Case("nor parts of a Helm release", "keep:managed", own=HELM, home={"janitor/default-ttl": "*=1h"}),
]

NOTIFYING = Policy(notification=HOUR)

NOTIFIED = [
    Case("warned an hour before", "notify", policy=NOTIFYING, **ttl("2h30m")),
    Case("not yet to be warned", "keep:not-due", policy=NOTIFYING, **ttl("4h")),
    Case("at the second of the warning not yet", "keep:not-due", policy=NOTIFYING, **ttl("3h")),
    Case("first seen after its end: warned, not deleted", "notify", policy=NOTIFYING, **ttl("1h")),
    Case(
        "warned too late: another hour",
        "keep:warned",
        policy=NOTIFYING,
        own={"janitor/ttl": "1h", "janitor/notified": "2026-03-23T09:30:00Z for 2026-03-23T09:00:00Z"},
    ),
    Case(
        "warned in time and over",
        "delete:ttl",
        policy=NOTIFYING,
        own={"janitor/ttl": "1h", "janitor/notified": "2026-03-23T08:00:00Z for 2026-03-23T09:00:00Z"},
    ),
    Case(
        "warned, not over",
        "keep:warned",
        policy=NOTIFYING,
        own={"janitor/ttl": "2h30m", "janitor/notified": "2026-03-23T09:30:00Z for 2026-03-23T10:30:00Z"},
    ),
    Case(
        "extended after the warning: warned again",
        "notify",
        policy=NOTIFYING,
        own={"janitor/ttl": "2h30m", "janitor/notified": "2026-03-23T08:00:00Z for 2026-03-23T09:00:00Z"},
    ),
    Case("the old value yes counts", "delete:ttl", policy=NOTIFYING, own={"janitor/ttl": "1h", "janitor/notified": "yes"}),
    Case(
        "the old value yes before the end",
        "keep:warned",
        policy=NOTIFYING,
        own={"janitor/ttl": "2h30m", "janitor/notified": "yes"},
    ),
    Case("another value is no warning", "notify", policy=NOTIFYING, own={"janitor/ttl": "1h", "janitor/notified": "maybe"}),
    Case(
        "a warning that the annotation could not hold",
        "delete:ttl",
        policy=NOTIFYING,
        subject={"warned": "2026-03-23T08:00:00Z for 2026-03-23T09:00:00Z"},
        **ttl("1h"),
    ),
    Case("without notification nobody is warned", "delete:ttl", **ttl("1h")),
    Case("expires is warned about too", "notify", policy=NOTIFYING, **expires("2026-03-23T10:30:00Z")),
    Case(
        "a huge ttl does not overflow",
        "keep:not-due",
        policy=Policy(notification=timedelta(days=300_000)),
        **ttl("52000w", age=MINUTE),
    ),
    Case("--quarantine marks what is due", "notify", policy=Policy(quarantine=DAY), **ttl("1h")),
]

EXTENDED = [
    Case("extended", "keep:not-due", own={"janitor/ttl": "1h", "janitor/extend-until": "2026-03-24"}),
    Case("an extension that is over", "delete:ttl", own={"janitor/ttl": "1h", "janitor/extend-until": "2026-03-23T09:30:00Z"}),
    Case(
        "an extension shortens nothing", "keep:not-due", own={"janitor/ttl": "7d", "janitor/extend-until": "2026-03-23T09:30:00Z"}
    ),
    Case(
        "an extension moves expires", "keep:not-due", own={"janitor/expires": "2026-03-23", "janitor/extend-until": "2026-03-24"}
    ),
    Case("an extension moves the end by a rule", "keep:not-due", own={"janitor/extend-until": "2026-03-24"}, rules=rule()),
    Case("an unreadable extension keeps", "keep:unreadable", own={"janitor/ttl": "1h", "janitor/extend-until": "next week"}),
    Case("an extension alone dates nothing", "keep:undated", own={"janitor/extend-until": "2026-03-20"}),
    Case(
        "an extension ends at --max-lifetime",
        "delete:ttl",
        policy=Policy(longest_life=90 * MINUTE),
        own={"janitor/ttl": "1h", "janitor/extend-until": "2026-04-01"},
    ),
    Case("a ttl may be longer than --max-lifetime", "keep:not-due", policy=Policy(longest_life=90 * MINUTE), **ttl("7d")),
]

SOAK = [
    Case("a new rule soaks", "keep:soak", rules=rule(), policy=Policy(soak=DAY)),
    Case(
        "a soak that is over",
        "delete:rule",
        rules=rule(),
        policy=Policy(soak=DAY),
        subject={"first_seen": {"one|deployments|@|1:00:00": NOW - 2 * DAY}},
    ),
    Case(
        "a soak that is not over",
        "keep:soak",
        rules=rule(),
        policy=Policy(soak=DAY),
        subject={"first_seen": {"one|deployments|@|1:00:00": NOW - HOUR}},
    ),
    Case(
        "an edited rule soaks anew",
        "keep:soak",
        rules=rule(ttl="30m"),
        policy=Policy(soak=DAY),
        subject={"first_seen": {"one|deployments|@|1:00:00": NOW - 2 * DAY}},
    ),
    Case("annotations do not soak", "delete:ttl", policy=Policy(soak=DAY), **ttl("1h")),
]

OTHERS = Policy(keys=keys_for(("twin", "kyverno", "cleaner", "mayfly", "janitor.io")))

DIALECTS = [
    Case("k8s-ttl-controller", "delete:ttl", policy=OTHERS, own={"k8s-ttl-controller.twin.sh/ttl": "1h"}),
    Case(
        "k8s-ttl-controller refreshed",
        "keep:not-due",
        policy=OTHERS,
        own={"k8s-ttl-controller.twin.sh/ttl": "1h", "k8s-ttl-controller.twin.sh/refreshed-at": "2026-03-23T09:30:00Z"},
    ),
    Case("not without --also-read", "keep:undated", own={"k8s-ttl-controller.twin.sh/ttl": "1h"}),
    Case("a Kyverno label", "delete:ttl", policy=OTHERS, labels={"cleanup.kyverno.io/ttl": "1h"}),
    Case("a Kyverno label with a date", "delete:expires", policy=OTHERS, labels={"cleanup.kyverno.io/ttl": "2026-03-23"}),
    Case("a Kyverno label that cannot be read", "keep:unreadable", policy=OTHERS, labels={"cleanup.kyverno.io/ttl": "1y"}),
    Case("cleaner/ttl", "delete:ttl", policy=OTHERS, own={"cleaner/ttl": "1h"}),
    Case("cleaner/expires", "delete:expires", policy=OTHERS, own={"cleaner/expires": "2026-03-23T09:00:00Z"}),
    Case("mayfly", "delete:ttl", policy=OTHERS, own={"mayfly.cloud.namecheap.com/expire": "1h"}),
    Case("janitor.io/ttl", "delete:ttl", policy=OTHERS, own={"janitor.io/ttl": "1h"}),
    Case("janitor.io/protected", "keep:protected", policy=OTHERS, own={"janitor.io/ttl": "1h", "janitor.io/protected": "true"}),
    Case(
        "janitor.io/action report", "keep:protected", policy=OTHERS, own={"janitor.io/ttl": "1h", "janitor.io/action": "report"}
    ),
    Case("the janitor's own ttl wins", "keep:not-due", policy=OTHERS, own={"janitor/ttl": "7d", "cleaner/ttl": "1h"}),
    Case("a ttl label of one's own", "delete:ttl", policy=Policy(keys=keys_for(ttl_labels=("ttl",))), labels={"ttl": "1h"}),
    Case(
        "the annotation wins over the label",
        "keep:not-due",
        policy=Policy(keys=keys_for(ttl_labels=("ttl",))),
        labels={"ttl": "1h"},
        own={"janitor/ttl": "7d"},
    ),
]

CASES = [
    *DEFAULTS,
    *NOTIFIED,
    *EXTENDED,
    *SOAK,
    *DIALECTS,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
