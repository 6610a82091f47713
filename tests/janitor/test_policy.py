from __future__ import annotations

from datetime import timedelta

import pytest

from janitor.policy import Facts, NamespaceView, Subject
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS
from shared.objects import Meta, Object, OwnerReference


@pytest.mark.parametrize(
    ("unknown", "names", "lacking"),
    [
        (set(), {"a"}, set()),
        ({"a"}, {"a", "b"}, {"a"}),
        ({"a"}, {"b"}, set()),
        ({"*"}, {"a"}, {"a"}),
        ({"*"}, set(), set()),
        ({"a"}, {"*"}, {"a"}),
        (set(), {"*"}, set()),
    ],
)
def test_which_facts_are_lacking(unknown: set[str], names: set[str], lacking: set[str]) -> None:
    assert Facts(unknown=frozenset(unknown)).lacks(frozenset(names)) == lacking


def test_defaults_of_a_namespace() -> None:
    view = NamespaceView.of(Object(metadata=Meta(name="shop", annotations={"janitor/default-ttl": "*=1d,deploy=1h"})))

    assert view.default_ttl(DEPLOYMENTS) == timedelta(hours=1)
    assert view.default_ttl(CONFIG_MAPS) == timedelta(days=1)
    assert NamespaceView.of(Object()).default_ttl(CONFIG_MAPS) is None


def test_defaults_that_cannot_be_read_are_a_problem_and_no_default() -> None:
    view = NamespaceView.of(Object(metadata=Meta(name="shop", annotations={"janitor/default-ttl": "1d"})))

    assert view.problem is not None
    assert view.problem.key == "janitor/default-ttl"
    assert view.default_ttl(CONFIG_MAPS) is None


def test_what_expressions_see_of_metadata() -> None:
    owner = OwnerReference(api_version="apps/v1", kind="Deployment", name="web", uid="u", controller=True)
    obj = Object(metadata=Meta(name="web", namespace="shop", creation_timestamp="2026-03-23T10:00:00Z", owner_references=[owner]))

    seen = Subject(DEPLOYMENTS, obj, facts=Facts({"a": 1})).evaluated()

    assert seen == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "creationTimestamp": "2026-03-23T10:00:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": True}],
        },
        "_context": {"a": 1},
    }


def test_what_expressions_see_of_a_whole_object() -> None:
    document = {"kind": "x", "spec": 1, "_context": {"a": 2}}

    assert Subject(DEPLOYMENTS, Object(), document).evaluated()["_context"] == {}
    assert Subject(DEPLOYMENTS, Object(), document).evaluated()["kind"] == "Deployment"
    assert document["kind"] == "x"


def test_a_subject_in_words() -> None:
    assert str(Subject(DEPLOYMENTS, Object(metadata=Meta(name="web", namespace="shop")))) == "deployments.apps shop/web"
