"""API objects: what decodes, what the readers say."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from shared.errors import ValueProblem
from shared.objects import Meta, Object, OwnerReference


def decode(text: str) -> Object:
    return msgspec.json.decode(text, type=Object)


def test_a_whole_object_keeps_only_what_is_read() -> None:
    found = decode(
        '{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":3},"metadata":{"name":"web","namespace":"shop","uid":"u1",'
        '"resourceVersion":"7","creationTimestamp":"2026-03-01T10:00:00Z","labels":{"team":"a"},"annotations":{"k":"v"},'
        '"managedFields":[{"manager":"x"}],"ownerReferences":[{"kind":"App","name":"o","uid":"u0"},'
        '{"kind":"ReplicaSet","name":"rs","uid":"u2","controller":true}]}}'
    )
    assert (found.api_version, found.kind, found.namespace, found.name, found.key) == (
        "apps/v1",
        "Deployment",
        "shop",
        "web",
        "shop/web",
    )
    assert found.metadata.created == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (found.metadata.label("team"), found.metadata.label("x")) == ("a", None)
    assert (found.metadata.annotation("k"), found.metadata.annotation("x")) == ("v", None)
    assert found.metadata.controller == OwnerReference(kind="ReplicaSet", name="rs", uid="u2", controller=True)


@pytest.mark.parametrize("text", ["{}", '{"metadata":{}}', '{"metadata":{"labels":null,"annotations":null,"namespace":null}}'])
def test_what_is_absent_reads_as_nothing(text: str) -> None:
    found = decode(text)
    assert (found.namespace, found.name, found.key) == ("", "", "")
    assert found.metadata.created is None
    assert found.metadata.controller is None
    assert found.metadata.label("a") is None
    assert found.metadata.annotation("a") is None


def test_a_cluster_scoped_object_is_called_by_its_name_alone() -> None:
    assert Object(metadata=Meta(name="n1")).key == "n1"


def test_a_broken_creation_time_is_a_problem_of_its_own() -> None:
    with pytest.raises(ValueProblem):
        _ = Meta(creation_timestamp="yesterday").created


def test_objects_do_not_change() -> None:
    found = decode("{}")
    with pytest.raises(AttributeError):
        found.kind = "Pod"  # type: ignore[misc]
