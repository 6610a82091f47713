from __future__ import annotations

from datetime import timedelta

import pytest

from janitor.annotations import FOREVER
from janitor.rules import RULE_KEYS, BrokenRule, Rule, RuleSet, parse_rules
from shared.kinds import DEPLOYMENTS, NAMESPACES, PODS

FULL = """
x-common: &ttl 7d
rules:
- id: require-app-label
  resources:
  - deployments
  - statefulsets
  jmespath: "!(spec.template.metadata.labels.app) && metadata.creationTimestamp > '2019-04-15'"
  ttl: 4d
- id: everything
  description: the whole list of keys
  resources: [deploy, 'stateful*']
  groups: [apps, core]
  jmespath: "metadata.labels.x"
  ttl: *ttl
  namespaces: ['team-*']
  namespaceSelector: {matchLabels: {env: dev}}
  labelSelector: app=web
  timestamp: changed
  dryRun: true
  propagationPolicy: Foreground
  gracePeriodSeconds: 0
  maxDeletions: 5
  notify: 1d
  quarantine: 2d
  ownerless: false
  managed: true
  occurrences: 3
- id: never
  resources: "*"
  jmespath: "_context.pvc_is_not_mounted"
  ttl: Forever
"""


def test_a_rules_file_as_it_always_was_and_with_every_new_key() -> None:
    found = parse_rules(FULL, "rules.yaml")

    assert found.problems == ()
    old, new, never = (rule for rule in found.rules if isinstance(rule, Rule))
    assert (old.id, old.line, old.ttl, old.whole) == ("require-app-label", 4, timedelta(days=4), True)
    assert (new.ttl, new.grace, new.max_deletions, new.occurrences) == (timedelta(days=7), 0, 5, 3)
    assert (new.notify, new.quarantine, new.propagation, new.ownerless) == (
        timedelta(days=1),
        timedelta(days=2),
        "Foreground",
        False,
    )
    assert new.groups == {"apps", ""}
    assert new.whole
    assert never.ttl == FOREVER
    assert never.context == {"pvc_is_not_mounted"}
    assert found.rule("never") is never
    assert found.rule("nobody") is None
    assert found.about(PODS) == (never,)
    assert found.about(NAMESPACES) == (never,)
    assert found.about(DEPLOYMENTS) == (old, new, never)


GOOD = "rules:\n- id: a\n  resources: [pods]\n  jmespath: kind\n  ttl: 1h\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "a mapping with the key rules"),
        ("- a", 1, "a mapping with the key rules"),
        ("rules", 1, "a mapping with the key rules"),
        ("x-a: 1", 1, "the key rules is missing"),
        ("rules: 5", 1, "the key rules is missing or holds no list"),
        ("x-a: b\nrules: [", 2, "no valid YAML"),
        ("a: !!python/object:os.system {}\nrules: []", 1, "unknown key 'a'"),
        ("rules:\n- 5", 2, "a rule has to be a mapping"),
        ("rules:\n- id: a", 2, "missing resources, jmespath, ttl"),
        (GOOD + "  colour: red\n", 6, "unknown key 'colour'"),
        (GOOD + "  ttl: 2h\n", 6, "key 'ttl' is given twice"),
        (GOOD.replace("id: a", "id: A"), 2, "id: 'A' is not understood"),
        (GOOD.replace("id: a", "id: 5"), 2, "id: '5' is not understood"),
        (GOOD.replace("[pods]", "pods"), 3, "resources: 'pods' is not understood; accepted: a list"),
        (GOOD.replace("[pods]", "[]"), 3, "a list of resource names"),
        (GOOD.replace("[pods]", "[5]"), 3, "a list of texts"),
        (GOOD.replace("jmespath: kind", "jmespath: ']'"), 4, "jmespath: ']' is not understood"),
        (GOOD.replace("jmespath: kind", "jmespath: true"), 4, "a text"),
        (GOOD.replace("jmespath: kind", "jmespath: nope(a)"), 4, "nope() is no function"),
        (GOOD.replace("1h", "1y"), 5, "ttl: '1y' is not understood"),
        (GOOD.replace("1h", "3600"), 5, "a text"),
        (GOOD.replace("1h", "2026-13-45"), 5, "ttl:"),
        (GOOD.replace("1h", "!!float x"), 5, "ttl:"),
        (GOOD + "  dryRun: yes please\n", 6, "true or false"),
        (GOOD + "  maxDeletions: -1\n", 6, "0 or more"),
        (GOOD + "  maxDeletions: true\n", 6, "0 or more"),
        (GOOD + "  occurrences: 0\n", 6, "1 or more"),
        (GOOD + "  propagationPolicy: Never\n", 6, "Background, Foreground, Orphan"),
        (GOOD + "  namespaceSelector: {a: b}\n", 6, "matchLabels"),
        (GOOD + "  notify: 5\n", 6, "a text"),
        (GOOD + GOOD.removeprefix("rules:\n"), 6, "the id a is used on line 2 already"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_position(text: str, line: int, says: str) -> None:
    found = parse_rules(text, "rules.yaml")

    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"rules.yaml:{line}: ")
    assert says in found.problems[0]
    assert "\n" not in found.problems[0]


def test_a_broken_rule_stands_where_the_rule_stood_for_what_it_is_about() -> None:
    found = parse_rules(GOOD.replace("1h", "x") + GOOD.removeprefix("rules:\n").replace("id: a", "id: b"), "rules.yaml")

    broken = found.about(PODS)[0]
    assert isinstance(broken, BrokenRule)
    assert broken.id == "a"
    assert found.about(DEPLOYMENTS) == ()


def test_a_rule_of_which_the_resources_are_unreadable_is_about_everything() -> None:
    assert len(parse_rules(GOOD.replace("[pods]", "pods"), "rules.yaml").about(DEPLOYMENTS)) == 1


def test_several_things_wrong_in_one_rule_are_one_line() -> None:
    found = parse_rules(GOOD.replace("1h", "x").replace("id: a", "id: A"), "rules.yaml")

    assert len(found.problems) == 1
    assert "id: 'A'" in found.problems[0]
    assert "ttl: 'x'" in found.problems[0]


def test_no_rules_are_no_problem() -> None:
    assert parse_rules("rules: []", "rules.yaml") == RuleSet()


def test_text_that_is_no_text_for_yaml() -> None:
    assert "no valid YAML" in parse_rules("rules: \x00", "rules.yaml").problems[0]
    assert len(parse_rules("[" * 5000, "rules.yaml").problems) == 1


def test_the_fingerprint_changes_with_what_the_rule_does() -> None:
    one = parse_rules(GOOD, "").rule("a")
    other = parse_rules(GOOD.replace("1h", "2h"), "").rule("a")
    described = parse_rules(GOOD + "  description: x\n", "").rule("a")

    assert one is not None
    assert other is not None
    assert described is not None
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == described.fingerprint


def test_the_context_of_a_time_base_counts_too() -> None:
    rule = parse_rules(GOOD + "  timestamp: _context.last_request\n", "").rule("a")

    assert rule is not None
    assert rule.context == {"last_request"}


def test_every_key_is_listed() -> None:
    assert set(RULE_KEYS) >= {"id", "resources", "jmespath", "ttl", "dryRun", "namespaceSelector", "quarantine"}
