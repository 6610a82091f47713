from __future__ import annotations

import pytest

from janitor.config import Scope, scope_of
from janitor.selectors import parse_selector
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, EVENTS, NAMESPACES, Resource
from shared.objects import Meta, Object

VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)


def namespace(name: str, **labels: str) -> Object:
    return Object(metadata=Meta(name=name, labels=labels))


@pytest.mark.parametrize(
    ("include", "exclude", "resource", "allowed"),
    [
        (("all",), (), DEPLOYMENTS, True),
        (("all",), ("deployments",), DEPLOYMENTS, False),
        (("deployments",), (), DEPLOYMENTS, True),
        (("deployments",), (), CONFIG_MAPS, False),
        (("deployments",), ("deployments",), DEPLOYMENTS, False),
        (("deployments",), ("all",), DEPLOYMENTS, True),
        (("deployments",), ("all",), CONFIG_MAPS, False),
        (("all",), ("all",), DEPLOYMENTS, False),
        ((), (), DEPLOYMENTS, False),
        (("deploy*",), (), DEPLOYMENTS, True),
        (("all",), ("*.apps",), DEPLOYMENTS, False),
        (("Deployment",), (), DEPLOYMENTS, True),
        (("all",), ("events", "controllerrevisions"), EVENTS, False),
        (("all",), ("events",), Resource("events.k8s.io", "v1", "events", "Event"), False),
    ],
)
def test_resources(include: tuple[str, ...], exclude: tuple[str, ...], resource: Resource, allowed: bool) -> None:
    assert scope_of(include, exclude, ("all",), ()).allows_resource(resource) is allowed


@pytest.mark.parametrize(
    ("include", "exclude", "name", "allowed"),
    [
        (("all",), ("kube-system",), "shop", True),
        (("all",), ("kube-system",), "kube-system", False),
        (("kube-system",), ("kube-system",), "kube-system", False),
        (("shop",), (), "shop", True),
        (("shop",), (), "shop2", False),
        (("shop",), ("all",), "shop", True),
        (("shop",), ("all",), "other", False),
        (("all",), ("all",), "shop", False),
        (("team-*",), ("team-x",), "team-a", True),
        (("team-*",), ("team-x",), "team-x", False),
    ],
)
def test_namespaces(include: tuple[str, ...], exclude: tuple[str, ...], name: str, allowed: bool) -> None:
    assert scope_of(("all",), (), include, exclude).allows_namespace(namespace(name)) is allowed


def test_a_selector_of_namespaces() -> None:
    scope = Scope(namespace_selector=parse_selector("env=dev"))

    assert scope.allows_namespace(namespace("a", env="dev"))
    assert not scope.allows_namespace(namespace("a"))


def test_named_namespaces_need_no_list() -> None:
    assert scope_of(("all",), (), ("b", "a"), ()).named_namespaces == ("a", "b")
    assert scope_of(("all",), (), ("team-*",), ()).named_namespaces is None
    assert Scope().named_namespaces is None


@pytest.mark.parametrize(
    ("resource", "cluster_scoped", "allowed"),
    [
        (Resource("", "v1", "pods", "Pod", True, ("list", "delete")), False, True),
        (Resource("", "v1", "pods", "Pod", True, ("list",)), False, False),
        (Resource("", "v1", "pods", "Pod", True, ("delete", "deletecollection")), False, False),
        (VOLUMES, False, False),
        (VOLUMES, True, True),
        (NAMESPACES, False, True),
        (EVENTS, False, False),
    ],
)
def test_types(resource: Resource, cluster_scoped: bool, allowed: bool) -> None:
    assert Scope(cluster_scoped=cluster_scoped).allows_type(resource) is allowed
