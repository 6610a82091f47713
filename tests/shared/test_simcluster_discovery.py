"""What the server says about itself: discovery in both forms, version, health, OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.client import Client

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList,application/json"


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def legacy(client: Client) -> set[tuple[str, str, str]]:
    """(group version, name, verbs) of every resource by the legacy documents."""
    paths = [f"/api/{version}" for version in client.call("GET", "/api").json["versions"]]
    for group in client.call("GET", "/apis").json["groups"]:
        paths += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
    found = set()
    for path in paths:
        document = client.call("GET", path).json
        found |= {(document["groupVersion"], each["name"], ",".join(each["verbs"])) for each in document["resources"]}
    return found


def aggregated(client: Client, version: str) -> set[tuple[str, str, str]]:
    found = set()
    for path in ("/api", "/apis"):
        document = client.call("GET", path, headers={"Accept": AGGREGATED.format(version=version)}).json
        for group in document["items"]:
            name = group["metadata"].get("name", "")
            for each in group["versions"]:
                prefix = f"{name}/{each['version']}" if name else each["version"]
                for resource in each["resources"]:
                    found.add((prefix, resource["resource"], ",".join(resource["verbs"])))
                    for below in resource.get("subresources", ()):
                        found.add((prefix, f"{resource['resource']}/{below['subresource']}", ",".join(below["verbs"])))
    return found


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_both_forms_of_discovery_say_the_same(client: Client, version: str) -> None:
    assert aggregated(client, version) == legacy(client)


def test_discovery_names_what_a_controller_looks_for(client: Client) -> None:
    known = {(group_version, name) for group_version, name, _ in legacy(client)}

    assert {
        ("v1", "pods"),
        ("v1", "pods/eviction"),
        ("apps/v1", "deployments/scale"),
        ("batch/v1", "cronjobs"),
        ("autoscaling/v1", "horizontalpodautoscalers"),
        ("autoscaling/v2", "horizontalpodautoscalers"),
        ("events.k8s.io/v1", "events"),
        ("coordination.k8s.io/v1", "leases"),
        ("metrics.k8s.io/v1beta1", "pods"),
    } <= known


def test_the_preferred_version_comes_first(client: Client) -> None:
    groups = {group["name"]: group for group in client.call("GET", "/apis").json["groups"]}

    assert groups["autoscaling"]["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}


def test_the_answer_says_which_form_it_is(client: Client) -> None:
    reply = client.call("GET", "/apis", headers={"Accept": AGGREGATED.format(version="v2")})

    assert reply.headers["content-type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert client.call("GET", "/apis").headers["content-type"] == "application/json"


def test_an_unknown_form_falls_back_to_the_next_one(client: Client) -> None:
    assert client.call("GET", "/apis", headers={"Accept": AGGREGATED.format(version="v9")}).json["kind"] == "APIGroupList"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping"])
def test_health(client: Client, path: str) -> None:
    assert client.call("GET", path).body == b"ok"


def test_version(client: Client) -> None:
    version: dict[str, Any] = client.call("GET", "/version").json

    assert (version["major"], version["minor"]) == ("1", "32")
    assert version["gitVersion"].startswith("v1.32.")


@pytest.mark.parametrize("path", ["/apis/none.example.com", "/apis/apps/v9", "/api/v2", "/openapi/v3/apis/none/v1", "/openapi"])
def test_what_is_not_there(client: Client, path: str) -> None:
    assert client.call("GET", path).status == 404


def test_documents_are_only_read(client: Client) -> None:
    assert client.call("POST", "/apis", {}).status == 405


def test_openapi_declares_field_validation_on_every_write(client: Client) -> None:
    index = client.call("GET", "/openapi/v3").json["paths"]
    document = client.call("GET", index["apis/apps/v1"]["serverRelativeURL"]).json
    path = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments"]["post"]

    assert "fieldValidation" in [parameter["name"] for parameter in path["parameters"]]
    assert path["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    reference = path["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_every_group_version_has_its_document(client: Client) -> None:
    for entry in client.call("GET", "/openapi/v3").json["paths"].values():
        assert client.call("GET", entry["serverRelativeURL"]).status == 200


def test_the_old_document_exists_in_both_encodings(client: Client) -> None:
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

    assert client.call("GET", "/openapi/v2").json["swagger"] == "2.0"
    assert client.call("GET", "/openapi/v2", headers={"Accept": protobuf}).headers["content-type"] == protobuf.replace("@", ".")
    assert client.call("GET", "/openapi/v2", headers={"Accept": "text/html"}).status == 406


def test_a_new_type_changes_the_documents(sim: SimCluster, client: Client) -> None:
    before = client.call("GET", "/apis").json
    names = {"plural": "things", "kind": "Thing"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    sim.create({**head, "metadata": {"name": "things.example.com"}, "spec": spec})

    after = client.call("GET", "/apis").json

    assert {group["name"] for group in after["groups"]} - {group["name"] for group in before["groups"]} == {"example.com"}
