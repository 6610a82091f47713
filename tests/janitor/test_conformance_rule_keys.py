"""The further keys of a rule. One case is one object and its fate."""

from __future__ import annotations

import pytest

from janitor.policy import Policy
from shared.kinds import (
    JOBS,
    NAMESPACES,
    PODS,
)
from tests.janitor.cases import (
    CLUSTER_ROLES,
    DAY,
    Case,
    expires,
    owner,
    rule,
    run,
    told,
)

RULE_KEYS = [
    Case("namespaces by name", "delete:rule", rules=rule(more="namespaces: [shop]")),
    Case("namespaces by pattern", "delete:rule", rules=rule(more="namespaces: ['sh*']")),
    Case("another namespace", "keep:undated", rules=rule(more="namespaces: [prod]")),
    Case("an empty list of namespaces is nowhere", "keep:undated", rules=rule(more="namespaces: []")),
    Case(
        "namespaceSelector that matches",
        "delete:rule",
        rules=rule(more="namespaceSelector: {matchLabels: {env: dev}}"),
        home_labels={"env": "dev"},
    ),
    Case(
        "namespaceSelector that does not match", "keep:undated", rules=rule(more="namespaceSelector: {matchLabels: {env: dev}}")
    ),
    Case(
        "namespaceSelector as a text",
        "delete:rule",
        rules=rule(more="namespaceSelector: env in (dev,test)"),
        home_labels={"env": "dev"},
    ),
    Case("an empty namespaceSelector is every namespace", "delete:rule", rules=rule(more="namespaceSelector: {}")),
    Case(
        "an empty namespaceSelector never reaches cluster-scoped kinds",
        "keep:undated",
        resource=CLUSTER_ROLES,
        rules=rule(resources="['*']", more="namespaceSelector: {}"),
    ),
    Case(
        "namespaces never reaches cluster-scoped kinds",
        "keep:undated",
        resource=CLUSTER_ROLES,
        rules=rule(resources="['*']", more="namespaces: ['*']"),
    ),
    Case(
        "namespaceSelector on a Namespace reads its own labels",
        "delete:rule",
        resource=NAMESPACES,
        object_name="pr-1",
        labels={"env": "dev"},
        rules=rule(resources="[namespaces]", more="namespaceSelector: env=dev"),
    ),
    Case(
        "labelSelector that matches",
        "delete:rule",
        rules=rule(more="labelSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}"),
    ),
    Case("labelSelector that does not match", "keep:undated", rules=rule(more="labelSelector: app=web"), labels={"app": "db"}),
    Case(
        "timestamp by a JMESPath",
        "keep:not-due",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: status.completionTime"),
        extra={"status": {"completionTime": "2026-03-23T09:30:00Z"}},
    ),
    Case(
        "timestamp by a JMESPath, over",
        "delete:rule",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: status.completionTime"),
        extra={"status": {"completionTime": "2026-03-23T08:30:00Z"}},
    ),
    Case(
        "timestamp that the object does not have yet",
        "keep:not-due",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: status.completionTime"),
    ),
    Case(
        "timestamp that is no time",
        "keep:rule-broken",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: status.completionTime"),
        extra={"status": {"completionTime": 5}},
    ),
    Case(
        "timestamp of a condition",
        "delete:rule",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: condition:Complete"),
        extra={"status": {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-23T08:30:00Z"}]}},
    ),
    Case(
        "timestamp of a condition that is not true",
        "keep:not-due",
        resource=JOBS,
        rules=rule(resources="[jobs]", more="timestamp: condition:Complete"),
        extra={"status": {"conditions": [{"type": "Complete", "status": "False", "lastTransitionTime": "2026-03-23T08:30:00Z"}]}},
    ),
    Case(
        "timestamp of an annotation",
        "keep:not-due",
        rules=rule(more="timestamp: annotation:refreshed-at"),
        own={"refreshed-at": "2026-03-23T09:30:00Z"},
    ),
    Case(
        "timestamp of the last change",
        "keep:not-due",
        rules=rule(more="timestamp: changed"),
        metadata={"managedFields": [{"manager": "kubectl", "time": "2026-03-23T09:30:00Z"}]},
    ),
    Case(
        "a status write is no change",
        "delete:rule",
        rules=rule(more="timestamp: changed"),
        metadata={
            "managedFields": [
                {"manager": "kubectl", "time": "2026-03-23T08:30:00Z"},
                {"manager": "controller", "subresource": "status", "time": "2026-03-23T09:59:00Z"},
            ]
        },
    ),
    Case(
        "the janitor's own write is no change",
        "delete:rule",
        rules=rule(more="timestamp: changed"),
        metadata={
            "managedFields": [
                {"manager": "kubectl", "time": "2026-03-23T08:30:00Z"},
                {"manager": "kube-janitor", "time": "2026-03-23T09:59:00Z"},
            ]
        },
    ),
    Case(
        "finished pods by their containers",
        "delete:rule",
        resource=PODS,
        rules=rule(resources="[pods]", more="timestamp: max(status.containerStatuses[*].state.terminated.finishedAt)"),
        extra={"status": {"containerStatuses": [{"state": {"terminated": {"finishedAt": "2026-03-23T08:30:00Z"}}}]}},
    ),
    Case(
        "running pods have no such time",
        "keep:not-due",
        resource=PODS,
        rules=rule(resources="[pods]", more="timestamp: max(status.containerStatuses[*].state.terminated.finishedAt)"),
        extra={"status": {"containerStatuses": [{"state": {"running": {}}}]}},
    ),
    Case("dryRun of one rule", "keep:rule-dry-run", rules=rule(more="dryRun: true")),
    Case(
        "dryRun does not hold back expires", "delete:expires", rules=rule(more="dryRun: true"), **expires("2026-03-23T08:00:00Z")
    ),
    Case("occurrences: the first of two", "keep:occurrences", rules=rule(more="occurrences: 2")),
    Case("occurrences: the second of two", "delete:rule", rules=rule(more="occurrences: 2"), subject={"seen": {"one": 1}}),
    Case("occurrences: the second of three", "keep:occurrences", rules=rule(more="occurrences: 3"), subject={"seen": {"one": 1}}),
    Case("quarantine marks first", "notify", rules=rule(more="quarantine: 7d")),
    Case(
        "quarantine is not over",
        "keep:quarantined",
        rules=rule(more="quarantine: 7d"),
        own={"janitor/quarantined": "2026-03-20T09:00:00Z for 2026-03-23T09:00:00Z"},
    ),
    Case(
        "quarantine is over",
        "delete:rule",
        age=10 * DAY,
        rules=rule(more="quarantine: 7d"),
        own={"janitor/quarantined": "2026-03-14T09:00:00Z for 2026-03-13T11:00:00Z"},
    ),
    Case("quarantine marks nothing before the end", "keep:not-due", rules=rule(ttl="3h", more="quarantine: 7d")),
    Case("notify of one rule", "notify", rules=rule(more="notify: 1h", ttl="2h30m")),
    Case("notify false of one rule", "delete:rule", rules=rule(more="notify: false"), policy=Policy(notification=DAY)),
    Case(
        "includes owned with ownerless false",
        "delete:rule",
        resource=PODS,
        rules=rule(resources="[pods]", more="ownerless: false"),
        metadata=owner("ReplicaSet"),
    ),
    Case(
        "ownerless true leaves objects with any owner",
        "keep:undated",
        rules=rule(more="ownerless: true"),
        metadata=owner("App", controller=None),
    ),
    Case(
        "without ownerless an owner that is no controller does not matter",
        "delete:rule",
        rules=rule(),
        metadata=owner("App", controller=None),
    ),
]

CASES = [
    *RULE_KEYS,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert told(run(case)) == case.expected
