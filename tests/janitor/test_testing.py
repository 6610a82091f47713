from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from janitor.config import Config
from janitor.policy import Policy
from janitor.state import State
from janitor.testing import as_table, evaluate, load_documents, plural_of, resource_of
from shared.errors import UsageError

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
CLAIM = """apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z}
"""
POD = """---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {volumes: [{persistentVolumeClaim: {claimName: data}}]}
"""
RULES = "rules: [{id: unused, resources: [pvc], jmespath: _context.pvc_is_not_referenced, ttl: 1h}]"


def rows(text: str, rules: str = RULES, config: Config = Config()) -> list[tuple[str, ...]]:  # noqa: B008
    state = State()
    state.use_rules(rules, "rules.yaml")
    return [(row.key, row.source, row.decision) for row in evaluate(load_documents({"m.yaml": text}), state, config, NOW)]


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Pod", "pods"),
        ("Ingress", "ingresses"),
        ("NetworkPolicy", "networkpolicies"),
        ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
    ],
)
def test_plurals(kind: str, plural: str) -> None:
    assert plural_of(kind) == plural


def test_types_of_manifests() -> None:
    assert resource_of({"apiVersion": "apps/v1", "kind": "Deployment"}).name == "deployments.apps"
    assert resource_of({"kind": "Namespace"}).path() == "/api/v1/namespaces"
    assert not resource_of({"kind": "Namespace"}).namespaced


def test_the_manifests_are_the_whole_world() -> None:
    assert rows(CLAIM) == [("shop/data", "unused", "delete")]
    assert rows(CLAIM + POD)[0] == ("shop/data", "", "keep (undated)")


def test_lists_and_documents_without_content() -> None:
    text = "---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}}\n"

    assert [row[0] for row in rows(text)] == ["x/a"]


def test_marks_of_a_namespace_count() -> None:
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {janitor/protected: 'true'}}\n---\n"

    assert rows(space + CLAIM)[1][2].startswith("keep (protected): namespace shop")


def test_warnings_and_unreadable_values() -> None:
    text = CLAIM.replace("name: data,", "name: data, annotations: {janitor/expires: soon, janitor/ttl: 1h},")

    from datetime import timedelta

    found = rows(text, config=Config(policy=Policy(notification=timedelta(hours=1))))

    assert found[0][2].startswith("warn, then delete; janitor/expires='soon'")


@pytest.mark.parametrize("text", ["5", "[]", "{a: b}", "{kind: 5}", "{", "{kind: Pod, metadata: {name: 5}}"])
def test_files_that_hold_no_manifests(text: str) -> None:
    with pytest.raises(UsageError):
        rows(text)


def test_a_table() -> None:
    state: Any = State()
    text = as_table(evaluate(load_documents({"m": CLAIM}), state, Config(), NOW))

    assert text.splitlines()[0].split() == ["RESOURCE", "OBJECT", "BY", "ENDS", "DECISION"]
    assert text.splitlines()[1].split() == ["persistentvolumeclaims", "shop/data", "-", "never", "keep", "(undated)"]
