"""Server-side apply: ownership, removal, conflicts, force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.client import Client, Reply
from shared.simcluster.managed import changed, dotted, leaves, remove_at, value_at

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def manifest(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def whole(replicas: int | None = 2, *containers: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers) or [{"name": "a", "image": "b"}]}}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    return manifest(**spec, **({} if replicas is None else {"replicas": replicas}))


def apply(client: Client, body: dict[str, Any], manager: str = "one", *, force: bool = False) -> Reply:
    query = f"fieldManager={manager}" + ("&force=true" if force else "")
    return client.call("PATCH", f"{WEB}?{query}", body, {"Content-Type": "application/apply-patch+yaml"})


def test_apply_creates_and_then_changes(client: Client) -> None:
    created, changed_to = apply(client, whole(2)), apply(client, whole(5))

    assert [created.status, changed_to.status] == [201, 200]
    assert changed_to.json["spec"]["replicas"] == 5
    assert [entry["operation"] for entry in changed_to.json["metadata"]["managedFields"]] == ["Apply"]


def test_applying_the_same_again_changes_nothing(client: Client) -> None:
    first, second = apply(client, whole()), apply(client, whole())

    assert first.json["metadata"]["resourceVersion"] == second.json["metadata"]["resourceVersion"]


def test_a_field_no_longer_stated_is_removed(client: Client) -> None:
    body = whole()
    body["metadata"]["annotations"] = {"a": "1", "b": "2"}
    apply(client, body)
    del body["metadata"]["annotations"]["b"]

    assert apply(client, body).json["metadata"]["annotations"] == {"a": "1"}


def test_a_container_no_longer_stated_is_removed_and_others_stay(client: Client) -> None:
    apply(client, whole(1, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}))

    shown = apply(client, whole(1, {"name": "a", "image": "3"})).json

    assert [(each["name"], each["image"]) for each in shown["spec"]["template"]["spec"]["containers"]] == [("a", "3")]


def test_another_managers_fields_stay(client: Client) -> None:
    apply(client, whole(None))
    apply(client, manifest(minReadySeconds=5), "two")

    assert apply(client, whole(None)).json["spec"]["minReadySeconds"] == 5


def test_a_field_that_another_manager_applied_is_a_conflict(client: Client) -> None:
    apply(client, whole(2))

    refused = apply(client, manifest(replicas=9), "two")
    same = apply(client, manifest(replicas=2), "two")
    forced = apply(client, manifest(replicas=9), "three", force=True)

    assert (refused.status, refused.json["reason"]) == (409, "Conflict")
    assert refused.json["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    assert refused.json["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    assert (same.status, forced.status) == (200, 200)
    assert forced.json["spec"]["replicas"] == 9


def test_a_field_that_somebody_updated_is_a_conflict_too(client: Client) -> None:
    apply(client, whole(2))
    client.call(
        "PATCH",
        f"{WEB}?fieldManager=scaler",
        {"spec": {"replicas": 0}},
        {"Content-Type": "application/merge-patch+json"},
    )

    refused = apply(client, whole(2))

    assert refused.json["message"] == 'Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas'
    assert apply(client, whole(None)).json["spec"]["replicas"] == 0, "who does not state it does not change it"


def test_apply_needs_a_manager_and_takes_no_managed_fields(client: Client) -> None:
    body = whole()
    body["metadata"]["managedFields"] = [{}]

    assert client.call("PATCH", WEB, whole(), {"Content-Type": "application/apply-patch+yaml"}).status == 400
    assert apply(client, body).status == 400


def test_yaml_is_what_the_media_type_says(client: Client) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
    path = "/api/v1/namespaces/shop/configmaps/one?fieldManager=me"

    assert client.call("PATCH", path, body, {"Content-Type": "application/apply-patch+yaml"}).json["data"] == {"a": "b"}


def test_field_sets() -> None:
    obj = {"spec": {"replicas": 1, "containers": [{"name": "a", "image": "b"}], "args": ["x"]}, "metadata": {"finalizers": ["f"]}}

    paths = leaves(obj, None)

    assert {dotted(path) for path in paths} == {
        ".spec.replicas",
        '.spec.containers[name="a"].name',
        '.spec.containers[name="a"].image',
        ".spec.args",
        '.metadata.finalizers[="f"]',
    }
    assert {value for path in paths for value in [repr(value_at(obj, path))]} == {"1", "'a'", "'b'", "['x']", "'f'"}


def test_removing_the_last_field_of_a_list_item_removes_the_item() -> None:
    obj = {"containers": [{"name": "a"}, {"name": "b"}]}

    remove_at(obj, ("f:containers", 'k:{"name":"a"}', "f:name"))
    remove_at(obj, ("f:none", "f:deep"))

    assert obj == {"containers": [{"name": "b"}]}


def test_changed_names_the_leaves_that_differ() -> None:
    old = {"spec": {"replicas": 1, "same": {"a": 1}}}
    new = {"spec": {"replicas": 2, "same": {"a": 1}, "fresh": {"x": {"y": 1}}}}

    assert {dotted(path) for path in changed(old, new)} == {".spec.replicas", ".spec.fresh.x.y"}
