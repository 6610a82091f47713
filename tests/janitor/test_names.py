from __future__ import annotations

import pytest

from janitor.names import names_of, resource_names
from shared.kinds import DEPLOYMENTS, INGRESSES, PODS, Resource

KNATIVE = Resource("serving.knative.dev", "v1", "services", "Service")


def test_every_name_of_a_type() -> None:
    assert names_of(DEPLOYMENTS) == {"deployments", "deployment", "deploy", "deployments.apps", "deployment.apps"}
    assert names_of(PODS) == {"pods", "pod", "po"}


@pytest.mark.parametrize(
    "name", ["ingresses", "Ingress", "ing", "ingresses.networking.k8s.io", "INGRESSES", " ing ", "ingress*", "*"]
)
def test_names_that_match(name: str) -> None:
    assert resource_names([name]).matches(INGRESSES)


@pytest.mark.parametrize("name", ["ingres", "ingresses.extensions", "", "pods", "*.apps"])
def test_names_that_do_not(name: str) -> None:
    assert not resource_names([name]).matches(INGRESSES)


def test_a_plural_means_every_group() -> None:
    assert resource_names(["services"]).matches(KNATIVE)
    assert not resource_names(["svc"]).matches(KNATIVE)


def test_names_that_nothing_answers_to() -> None:
    names = resource_names(["deploy", "widgets", "x*", "d*"])

    assert names.unmatched([DEPLOYMENTS, PODS]) == ("widgets", "x*")
    assert not resource_names([])
    assert resource_names(["a"])
