"""Custom resources: served at once, checked by their schema, gone with their definition."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from shared.errors import Invalid, NotFound
from shared.simcluster import SimCluster
from shared.simcluster.client import Client

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/shop/widgets"
SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "title": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "replicas": {"type": "integer"},
        "any": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "list": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "maybe": {"type": "string", "nullable": True},
    },
}
STATUS = {"type": "object", "properties": {"replicas": {"type": "integer"}, "ready": {"type": "boolean"}}}
SCHEMA = {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}}


def definition(**changes: Any) -> dict[str, Any]:
    first = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": SCHEMA,
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    second = {"name": "v1beta1", "served": True, "storage": False, "schema": SCHEMA}
    names = {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [first, second], **changes}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**head, "metadata": {"name": "widgets.example.com"}, "spec": spec}


def widget(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    sim.create(definition())
    with sim.client() as made:
        yield made


def test_a_definition_is_established_at_once(sim: SimCluster, client: Client) -> None:
    status = client.call("GET", f"{CRDS}/widgets.example.com").json["status"]

    assert {each["type"]: each["status"] for each in status["conditions"]} == {"NamesAccepted": "True", "Established": "True"}
    assert status["acceptedNames"]["listKind"] == "WidgetList"
    assert status["storedVersions"] == ["v1"]
    assert sim.store.resource_for("wd").plural == "widgets"


def test_discovery_knows_it(client: Client) -> None:
    document = client.call("GET", "/apis/example.com/v1").json
    groups = client.call("GET", "/apis/example.com").json

    assert [each["name"] for each in document["resources"]] == ["widgets", "widgets/scale", "widgets/status"]
    assert groups["preferredVersion"]["version"] == "v1"


def test_every_served_version_shows_the_same_object(client: Client) -> None:
    client.call("POST", WIDGETS, widget())

    other = client.call("GET", WIDGETS.replace("v1/", "v1beta1/")).json

    assert other["kind"] == "WidgetList"
    assert [(item["apiVersion"], item["kind"], item["spec"]["size"]) for item in other["items"]] == [
        ("example.com/v1beta1", "Widget", 3)
    ]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({}, []),
        ({"size": 0}, ["spec.size"]),
        ({"size": 10}, ["spec.size"]),
        ({"size": "3"}, ["spec.size"]),
        ({"size": True}, ["spec.size"]),
        ({"color": "green"}, ["spec.color"]),
        ({"title": "UPPER"}, ["spec.title"]),
        ({"title": "toolong"}, ["spec.title"]),
        ({"any": 3, "free": {"x": [1]}, "map": {"a": "b"}, "maybe": "x"}, []),
        ({"any": "50%"}, []),
        ({"any": [1]}, ["spec.any"]),
        ({"map": {"a": 1}}, ["spec.map.a"]),
        ({"list": []}, ["spec.list"]),
        ({"list": [{"a": 1}]}, ["spec.list[0].a"]),
        ({"list": "x"}, ["spec.list"]),
    ],
)
def test_the_schema_is_checked(client: Client, spec: dict[str, Any], fields: list[str]) -> None:
    reply = client.call("POST", WIDGETS, widget(**spec))

    found = [cause["field"] for cause in reply.json["details"]["causes"]] if reply.status == 422 else []
    assert found == fields
    assert reply.status == (422 if fields else 201)


def test_a_required_field_must_be_there(client: Client) -> None:
    body = widget()
    del body["spec"]["size"]

    reply = client.call("POST", WIDGETS, body)

    assert reply.json["message"] == 'Widget.example.com "one" is invalid: spec.size: Required value'


def test_defaults_are_filled_in_and_unknown_fields_dropped(client: Client) -> None:
    reply = client.call("POST", WIDGETS, widget(junk=1, list=[{"a": "b", "junk": 2}], free={"kept": 1}))

    assert reply.json["spec"] == {"size": 3, "color": "red", "list": [{"a": "b"}], "free": {"kept": 1}}
    assert reply.headers["warning"] == '299 - "unknown field \\"spec.junk\\"", 299 - "unknown field \\"spec.list[0].junk\\""'


def test_subresources_of_its_own(client: Client) -> None:
    client.call("POST", WIDGETS, {**widget(replicas=2), "status": {"ready": True}})
    status = client.patch(f"{WIDGETS}/one/status", {"status": {"ready": True, "replicas": 2}, "spec": {"size": 9}}).json
    scaled = client.patch(f"{WIDGETS}/one/scale", {"spec": {"replicas": 0}}).json

    assert (status["status"]["ready"], status["spec"]["size"], status["metadata"]["generation"]) == (True, 3, 1)
    assert (scaled["spec"], scaled["status"]) == ({"replicas": 0}, {"replicas": 2})
    assert client.call("GET", f"{WIDGETS}/one").json["metadata"]["generation"] == 2


def test_an_update_must_name_its_version(client: Client) -> None:
    client.call("POST", WIDGETS, widget())

    reply = client.call("PUT", f"{WIDGETS}/one", widget(size=4))

    assert reply.status == 422
    assert "must be specified for an update" in reply.json["message"]


def test_strategic_patches_are_for_built_in_types(client: Client) -> None:
    client.call("POST", WIDGETS, widget())

    assert client.patch(f"{WIDGETS}/one", {"spec": {"size": 4}}, "strategic-merge-patch+json").status == 415
    assert client.patch(f"{WIDGETS}/one", [{"op": "replace", "path": "/spec/size", "value": 4}], "json-patch+json").status == 200


def test_its_own_columns_and_fields(client: Client) -> None:
    client.call("POST", WIDGETS, widget())
    client.call("POST", WIDGETS, widget("two", color="blue"))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}

    table = client.call("GET", f"{WIDGETS}?fieldSelector=spec.color%3Dblue", headers=accept).json

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Age"]
    assert [row["cells"][:2] for row in table["rows"]] == [["two", 3]]


def test_a_changed_definition_takes_effect(sim: SimCluster, client: Client) -> None:
    client.call("POST", WIDGETS, widget())
    changed = deepcopy(definition()["spec"]["versions"])
    changed[1]["served"] = False
    sim.patch("customresourcedefinitions", None, "widgets.example.com", {"spec": {"versions": changed}})

    assert client.call("GET", WIDGETS.replace("v1/", "v1beta1/")).status == 404
    assert len(client.call("GET", WIDGETS).json["items"]) == 1


def test_a_deleted_definition_takes_its_objects_with_it(sim: SimCluster, client: Client) -> None:
    client.call("POST", WIDGETS, widget())
    sim.delete("crd", None, "widgets.example.com")

    assert client.call("GET", WIDGETS).status == 404
    with pytest.raises(NotFound):
        sim.store.resource_for("widgets")


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "Everywhere"},
        {"group": "other.example.com"},
        {"versions": []},
        {"versions": [{"name": "v1", "served": True, "storage": True}]},
        {"names": {"plural": "widgets"}},
    ],
)
def test_definitions_that_are_wrong(sim: SimCluster, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sim.create(definition(**changes))
