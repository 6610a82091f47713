"""The conformance tables together: what kube-janitor's users rely on, and the failures of its kind, as named cases."""

from __future__ import annotations

from tests.janitor import (
    test_conformance_expressions,
    test_conformance_marks,
    test_conformance_rule_keys,
    test_conformance_rules,
    test_conformance_safety,
    test_conformance_time,
)

TABLES = (
    test_conformance_time.CASES,
    test_conformance_rules.CASES,
    test_conformance_rule_keys.CASES,
    test_conformance_expressions.CASES,
    test_conformance_safety.CASES,
    test_conformance_marks.CASES,
)


def test_there_are_enough_cases_and_every_one_has_its_own_name() -> None:
    names = [case.name for table in TABLES for case in table]

    assert len(names) >= 300
    assert len(set(names)) == len(names)
