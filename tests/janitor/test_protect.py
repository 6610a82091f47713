from __future__ import annotations

import pytest

from janitor.annotations import Keys
from janitor.protect import (
    Pattern,
    Protection,
    marked_because,
    needs_whole,
    never_deleted,
    parse_pattern,
    protected_because,
)
from shared.errors import ValueProblem
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, LEASES, NAMESPACES, NODES, Resource
from shared.objects import Meta, Object

VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
WEB = Object(metadata=Meta(name="web", namespace="shop"))


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("prod-*", Pattern("*", "prod-*", "*")),
        ("shop/web", Pattern("*", "shop", "web")),
        ("deploy/shop/web", Pattern("deploy", "shop", "web")),
        ("/shop/web", Pattern("*", "shop", "web")),
        ("pv//data-*", Pattern("pv", "", "data-*")),
        (" shop ", Pattern("*", "shop", "*")),
    ],
)
def test_patterns(text: str, pattern: Pattern) -> None:
    assert parse_pattern(text) == pattern


@pytest.mark.parametrize("text", ["", " ", "a/b/c/d", "shop/"])
def test_patterns_that_are_none(text: str) -> None:
    with pytest.raises(ValueProblem, match="NAMESPACE/NAME"):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "resource", "namespace", "name", "matches"),
    [
        ("prod-*", DEPLOYMENTS, "prod-eu", "web", True),
        ("prod-*", DEPLOYMENTS, "dev", "prod-web", False),
        ("prod-*", NAMESPACES, "", "prod-eu", True),
        ("prod-*", NAMESPACES, "", "dev", False),
        ("*/web", NAMESPACES, "", "web", True),
        ("prod/web", NAMESPACES, "", "web", False),
        ("namespaces//pr-keep", NAMESPACES, "", "pr-keep", True),
        ("pv//data", VOLUMES, "", "data", True),
        ("cm/shop/*", CONFIG_MAPS, "shop", "web", True),
        ("cm/shop/*", DEPLOYMENTS, "shop", "web", False),
    ],
)
def test_what_patterns_match(text: str, resource: Resource, namespace: str, name: str, matches: bool) -> None:
    assert parse_pattern(text).matches(resource, namespace, name) is matches


def test_types_of_which_nothing_is_deleted() -> None:
    assert never_deleted(NODES)
    assert never_deleted(LEASES)
    assert not never_deleted(DEPLOYMENTS)
    assert needs_whole(VOLUMES)
    assert not needs_whole(DEPLOYMENTS)


def test_the_reason_names_the_namespace_that_protects() -> None:
    home = Object(metadata=Meta(name="shop", annotations={"janitor/protected": "true"}))

    assert protected_because(DEPLOYMENTS, WEB, None, home, Keys(), Protection()) == "namespace shop is marked as protected"
    assert protected_because(DEPLOYMENTS, WEB, None, None, Keys(), Protection()) is None


def test_a_volume_whose_status_has_the_wrong_shape_is_protected() -> None:
    volume = Object(metadata=Meta(name="data"))

    assert protected_because(VOLUMES, volume, {"status": 5}, None, Keys(), Protection()) is not None


def test_what_keeps_a_namespace_that_holds_it() -> None:
    own = Object(metadata=Meta(name="b", namespace="shop", labels={"janitor/keeps": "backup"}))

    assert marked_because(CONFIG_MAPS, own, Keys(), Protection()) == "it belongs to the janitor"
    assert marked_because(DEPLOYMENTS, WEB, Keys(), Protection((parse_pattern("shop"),))) == "it matches a pattern of --protect"
    assert marked_because(DEPLOYMENTS, WEB, Keys(), Protection()) is None
