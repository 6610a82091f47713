"""Where resources live in the API."""

from __future__ import annotations

import pytest

from shared import kinds
from shared.kinds import DEPLOYMENTS, NAMESPACES, NODES, PODS, Resource


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (PODS, (), "/api/v1/pods"),
        (PODS, ("shop",), "/api/v1/namespaces/shop/pods"),
        (PODS, ("shop", "web"), "/api/v1/namespaces/shop/pods/web"),
        (DEPLOYMENTS, (), "/apis/apps/v1/deployments"),
        (DEPLOYMENTS, ("shop", "web", "scale"), "/apis/apps/v1/namespaces/shop/deployments/web/scale"),
        (NODES, (None, "n1"), "/api/v1/nodes/n1"),
        (NODES, ("shop", "n1"), "/api/v1/nodes/n1"),
        (NAMESPACES, (None, "shop"), "/api/v1/namespaces/shop"),
    ],
)
def test_paths(resource: Resource, arguments: tuple[str | None, ...], path: str) -> None:
    assert resource.path(*arguments) == path


def test_names_are_those_of_custom_resource_definitions() -> None:
    assert (DEPLOYMENTS.name, DEPLOYMENTS.api_version) == ("deployments.apps", "apps/v1")
    assert (PODS.name, PODS.api_version) == ("pods", "v1")


def test_no_two_constants_are_the_same_resource() -> None:
    found = [value for value in vars(kinds).values() if isinstance(value, Resource)]
    assert len({(resource.group, resource.plural) for resource in found}) == len(found)
    assert all(resource.plural == resource.plural.lower() and resource.kind[0].isupper() for resource in found)
