"""Functions and facts that expressions may use. One case is one object and its fate."""

from __future__ import annotations

import pytest

from janitor.policy import Facts
from tests.janitor.cases import (
    PVC,
    Case,
    rule,
    run,
    told,
    ttl,
)

FUNCTIONS = [
    Case("regex_match", "delete:rule", rules=rule("regex_match(metadata.name, '^web-pr-[0-9]+$')"), object_name="web-pr-12"),
    Case(
        "regex_match that does not match",
        "keep:undated",
        rules=rule("regex_match(metadata.name, '^web-pr-[0-9]+$')"),
        object_name="web-prod",
    ),
    Case("regex_match on a missing label", "keep:undated", rules=rule("regex_match(metadata.labels.x, 'a')")),
    Case("a bad regular expression breaks the rule", "keep:rule-broken", rules=rule("regex_match(metadata.name, '(')")),
    Case("age_seconds", "delete:rule", rules=rule("age_seconds(metadata.creationTimestamp) > `3600`")),
    Case("age_seconds of a missing time", "keep:undated", rules=rule("age_seconds(status.startTime) > `0`")),
    Case("age_seconds of no time", "keep:rule-broken", rules=rule("age_seconds(metadata.name) > `0`")),
    Case("now", "delete:rule", rules=rule("now() == '2026-03-23T10:00:00Z'")),
    Case("duration_seconds", "delete:rule", rules=rule("duration_seconds('1h') == `3600`")),
    Case(
        "semver_compare older",
        "delete:rule",
        rules=rule("semver_compare(metadata.labels.version, '1.10.0') < `0`"),
        labels={"version": "v1.9.3"},
    ),
    Case(
        "semver_compare newer",
        "keep:undated",
        rules=rule("semver_compare(metadata.labels.version, '1.10.0') < `0`"),
        labels={"version": "1.11.0"},
    ),
    Case(
        "semver_compare a pre-release is older",
        "delete:rule",
        rules=rule("semver_compare(metadata.labels.version, '1.10.0') < `0`"),
        labels={"version": "1.10.0-rc.1"},
    ),
    Case(
        "semver_compare no version",
        "keep:undated",
        rules=rule("semver_compare(metadata.labels.version, '1.10.0') < `0`"),
        labels={"version": "latest"},
    ),
    Case("a function that does not exist breaks the rule", "keep:rule-broken", rules=rule("matches(metadata.name, 'a')")),
    Case("a wrong number of arguments breaks the rule", "keep:rule-broken", rules=rule("contains(metadata.name)")),
]

UNUSED = Facts({"pvc_is_not_mounted": True, "pvc_is_not_referenced": True})

CONTEXT = [
    Case(
        "an unused claim", "delete:rule", resource=PVC, rules=rule("_context.pvc_is_not_mounted", resources="[pvc]"), facts=UNUSED
    ),
    Case(
        "a used claim",
        "keep:undated",
        resource=PVC,
        rules=rule("_context.pvc_is_not_mounted", resources="[pvc]"),
        facts=Facts({"pvc_is_not_mounted": False}),
    ),
    Case(
        "a claim about which nothing is known",
        "keep:unknown",
        resource=PVC,
        rules=rule("_context.pvc_is_not_referenced", resources="[pvc]"),
        facts=Facts(unknown=frozenset({"pvc_is_not_referenced"})),
    ),
    Case(
        "unknown and negated",
        "keep:unknown",
        resource=PVC,
        rules=rule("!_context.pvc_is_not_referenced", resources="[pvc]"),
        facts=Facts(unknown=frozenset({"pvc_is_not_referenced"})),
    ),
    Case(
        "unknown in front of a rule that matches",
        "keep:unknown",
        resource=PVC,
        rules=rule("_context.pvc_is_not_mounted", resources="[pvc]", identity="a") + rule(resources="[pvc]", identity="b"),
        facts=Facts(unknown=frozenset({"pvc_is_not_mounted"})),
    ),
    Case(
        "unknown does not stop a ttl annotation",
        "delete:ttl",
        resource=PVC,
        rules=rule("_context.pvc_is_not_mounted", resources="[pvc]"),
        facts=Facts(unknown=frozenset({"pvc_is_not_mounted"})),
        **ttl("1h"),
    ),
    Case(
        "another fact is unknown",
        "delete:rule",
        resource=PVC,
        rules=rule("_context.pvc_is_not_mounted", resources="[pvc]"),
        facts=Facts({"pvc_is_not_mounted": True}, frozenset({"pvc_is_not_referenced"})),
    ),
    Case(
        "a hook that failed makes its names unknown",
        "keep:unknown",
        rules=rule("!_context.requests"),
        facts=Facts(unknown=frozenset({"*"})),
    ),
    Case(
        "a hook that failed does not matter to other rules",
        "delete:rule",
        rules=rule("metadata.name"),
        facts=Facts(unknown=frozenset({"*"})),
    ),
    Case("a value of a hook", "delete:rule", rules=rule("_context.requests == `0`"), facts=Facts({"requests": 0})),
    Case(
        "an object cannot bring its own context",
        "keep:undated",
        resource=PVC,
        rules=rule("_context.pvc_is_not_mounted", resources="[pvc]"),
        facts=Facts({"pvc_is_not_mounted": False}),
        extra={"_context": {"pvc_is_not_mounted": True}},
    ),
    Case(
        "a claim kept by an exemption for unused ones",
        "keep:forever",
        resource=PVC,
        rules=rule("_context.pvc_is_not_referenced", ttl="forever", resources="[pvc]"),
        facts=UNUSED,
    ),
]

CASES = [
    *FUNCTIONS,
    *CONTEXT,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
