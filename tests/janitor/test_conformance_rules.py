"""The rules file as it always was, and what is wrong with it. One case is one object and its fate."""

from __future__ import annotations

import pytest

from tests.janitor.cases import (
    ENDPOINTS,
    INGRESSES,
    KNATIVE,
    OXEN,
    POLICIES,
    SERVICES,
    Case,
    expires,
    rule,
    run,
    told,
    ttl,
)

RULES = [
    Case("a rule that matches", "delete:rule", rules=rule()),
    Case("a rule that is not over", "keep:not-due", rules=rule(ttl="3h")),
    Case("a rule that does not match", "keep:undated", rules=rule("metadata.name == 'other'")),
    Case("a ttl annotation wins over rules", "keep:not-due", rules=rule(), **ttl("7d")),
    Case("an unreadable ttl annotation keeps rules out", "keep:unreadable", rules=rule(), **ttl("foo")),
    Case("an empty ttl annotation lets rules in", "delete:rule", rules=rule(), **ttl("")),
    Case("ttl forever keeps rules out", "keep:forever", rules=rule(), **ttl("forever")),
    Case("a later expires does not keep rules out", "delete:rule", rules=rule(), **expires("2027-01-01")),
    Case("an earlier expires is first", "delete:expires", rules=rule(), **expires("2026-03-23T08:30:00Z")),
    Case("an unreadable expires keeps rules out", "keep:unreadable", rules=rule(), **expires("soon")),
    Case("the first match wins", "keep:not-due", rules=rule(ttl="7d", identity="a") + rule(identity="b")),
    Case(
        "the second rule where the first does not match", "delete:rule", rules=rule("`false`", identity="a") + rule(identity="b")
    ),
    Case("a rule forever exempts", "keep:forever", rules=rule(ttl="forever", identity="a") + rule(identity="b")),
    Case(
        "a rule forever behind another exempts nobody",
        "delete:rule",
        rules=rule(identity="a") + rule(ttl="forever", identity="b"),
    ),
    Case("a rule forever does not cancel expires", "delete:expires", rules=rule(ttl="forever"), **expires("2026-03-23")),
    Case("a rule for every resource", "delete:rule", rules=rule(resources="['*']")),
    Case("a rule for every resource as a bare text", "delete:rule", rules=rule(resources="'*'")),
    Case("a rule for another resource", "keep:undated", rules=rule(resources="[statefulsets]")),
    Case("a rule by kind", "delete:rule", rules=rule(resources="[Deployment]")),
    Case("a rule by singular", "delete:rule", rules=rule(resources="[deployment]")),
    Case("a rule by short name", "delete:rule", rules=rule(resources="[deploy]")),
    Case("a rule by plural and group", "delete:rule", rules=rule(resources="[deployments.apps]")),
    Case("a rule by plural and another group", "keep:undated", rules=rule(resources="[deployments.example.org]")),
    Case("a rule by pattern", "delete:rule", rules=rule(resources="['*.apps']")),
    Case("ingresses", "delete:rule", resource=INGRESSES, rules=rule(resources="[ingresses]")),
    Case("networkpolicies", "delete:rule", resource=POLICIES, rules=rule(resources="[networkpolicies]")),
    Case("endpoints", "delete:rule", resource=ENDPOINTS, rules=rule(resources="[endpoints]")),
    Case("an irregular plural of a custom resource", "delete:rule", resource=OXEN, rules=rule(resources="[oxen]")),
    Case("its kind", "delete:rule", resource=OXEN, rules=rule(resources="[ox]")),
    Case("services of the core group by plural", "delete:rule", resource=SERVICES, rules=rule(resources="[services]")),
    Case("services of another group by plural", "delete:rule", resource=KNATIVE, rules=rule(resources="[services]")),
    Case(
        "groups narrows the plural", "keep:undated", resource=KNATIVE, rules=rule(resources="[services]", more="groups: [core]")
    ),
    Case(
        "groups with the empty group", "delete:rule", resource=SERVICES, rules=rule(resources="[services]", more="groups: ['']")
    ),
    Case(
        "apiVersion names a group",
        "delete:rule",
        resource=KNATIVE,
        rules=rule(resources="[services]", more="apiVersion: serving.knative.dev/v1"),
    ),
    Case(
        "apiVersion v1 is the core group",
        "keep:undated",
        resource=KNATIVE,
        rules=rule(resources="[services]", more="apiVersion: v1"),
    ),
    Case("a wildcard keeps the expression", "keep:undated", rules=rule("metadata.labels.app == 'x'", resources="['*']")),
    Case("truth: an empty text is false", "keep:undated", rules=rule("''")),
    Case("truth: the number 0 is false", "keep:undated", rules=rule("`0`")),
    Case("truth: the number 1 is true", "delete:rule", rules=rule("`1`")),
    Case("truth: an empty list is false", "keep:undated", rules=rule("spec.list"), extra={"spec": {"list": []}}),
    Case("truth: an object is true", "delete:rule", rules=rule("spec"), extra={"spec": {"a": 1}}),
    Case("timestamps compared as texts", "delete:rule", rules=rule("metadata.creationTimestamp < '2026-04-15'")),
    Case("timestamps compared as texts, later", "keep:undated", rules=rule("metadata.creationTimestamp > '2026-04-15'")),
    Case(
        "a missing label and starts_with is no match and no failure",
        "keep:undated",
        rules=rule("starts_with(metadata.labels.foo, 'x')"),
    ),
    Case("a missing label and contains", "keep:undated", rules=rule("contains(metadata.labels.foo, 'x')")),
    Case("contains on a name", "delete:rule", rules=rule("contains(metadata.name, '-pr-1')"), object_name="web-pr-12"),
    Case("no owner", "delete:rule", rules=rule("metadata.ownerReferences == null")),
    Case("no app label", "delete:rule", rules=rule("!(metadata.labels.app)")),
    Case("an app label", "keep:undated", rules=rule("!(metadata.labels.app)"), labels={"app": "web"}),
    Case(
        "pod template labels",
        "delete:rule",
        rules=rule("!(spec.template.metadata.labels.application)"),
        extra={"spec": {"template": {}}},
    ),
    Case("an expression that fails on this object", "keep:rule-broken", rules=rule("length(spec)"), extra={"spec": 5}),
    Case(
        "a failing rule in front of one that matches keeps",
        "keep:rule-broken",
        rules=rule("length(spec)", identity="a") + rule(identity="b"),
        extra={"spec": 5},
    ),
    Case(
        "a failing rule behind one that matches",
        "delete:rule",
        rules=rule(identity="a") + rule("length(spec)", identity="b"),
        extra={"spec": 5},
    ),
    Case(
        "a failing rule does not cancel expires",
        "delete:expires",
        rules=rule("length(spec)"),
        extra={"spec": 5},
        **expires("2026-03-23"),
    ),
    Case("comparing a text with a number is a failure", "keep:rule-broken", rules=rule("metadata.name > `5`")),
    Case("a broken rule in front keeps", "keep:rule-broken", rules=rule("]", identity="a") + rule(identity="b")),
    Case("a broken rule behind", "delete:rule", rules=rule(identity="a") + rule("]", identity="b")),
    Case(
        "a broken rule for other resources", "delete:rule", rules=rule("]", resources="[pods]", identity="a") + rule(identity="b")
    ),
    Case("a broken file keeps", "keep:rule-broken", rules="rules: ["),
    Case("a broken file does not cancel a ttl annotation", "delete:ttl", rules="rules: [", **ttl("1h")),
    Case("an unknown key keeps", "keep:rule-broken", rules=rule(more="colour: red")),
    Case("an id used twice keeps what reaches the second", "keep:rule-broken", rules=rule("`false`") + rule()),
    Case("a ttl of 0s in a rule keeps", "keep:rule-broken", rules=rule(ttl="0s")),
    Case("a number as the ttl of a rule keeps", "keep:rule-broken", rules=rule(ttl="3600")),
]

CASES = [
    *RULES,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
