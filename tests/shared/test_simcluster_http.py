"""The API over HTTP: verbs, Status bodies, representations, pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.client import Client

PODS = "/api/v1/namespaces/shop/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;q=0.5"}
CONTAINERS = [{"name": "a", "image": "b"}]
ONE_METADATA = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json;q=0.5"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    with sim.client() as made:
        yield made


def deployment(name: str = "web", replicas: int = 1) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def config(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}}


def fill(sim: SimCluster, count: int) -> None:
    for index in range(count):
        labels = {"app": "a" if index % 2 else "b"}
        pod = {
            "metadata": {"name": f"p{index:03}", "namespace": "shop", "labels": labels},
            "spec": {"nodeName": f"n{index % 3}", "containers": CONTAINERS},
        }
        sim.store.create(sim.store.resource_for("pods"), pod, trusted=True)


def test_an_object_through_its_whole_life(client: Client) -> None:
    created = client.call("POST", DEPLOYMENTS, deployment())
    one = f"{DEPLOYMENTS}/web"
    patched = client.patch(one, {"spec": {"replicas": 3}})
    body = patched.json
    body["spec"]["replicas"] = 4
    replaced = client.call("PUT", one, body)
    deleted = client.call("DELETE", one)

    assert [created.status, patched.status, replaced.status, deleted.status] == [201, 200, 200, 200]
    assert replaced.json["metadata"]["generation"] == 3
    assert deleted.json["status"] == "Success"
    assert deleted.json["details"]["uid"] == created.json["metadata"]["uid"]
    assert client.call("GET", one).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status", "reason"),
    [
        ("GET", f"{DEPLOYMENTS}/none", None, "", 404, "NotFound"),
        ("GET", "/apis/none.example.com/v1/things", None, "", 404, "NotFound"),
        ("GET", "/nowhere", None, "", 404, "NotFound"),
        ("PUT", DEPLOYMENTS, {}, "", 405, "MethodNotAllowed"),
        ("POST", "/apis/metrics.k8s.io/v1beta1/nodes", {}, "", 405, "MethodNotAllowed"),
        ("POST", DEPLOYMENTS, b"{", "", 400, "BadRequest"),
        ("POST", DEPLOYMENTS, b"[]", "", 400, "BadRequest"),
        ("POST", DEPLOYMENTS, {"kind": "Pod"}, "", 400, "BadRequest"),
        ("POST", DEPLOYMENTS, {"metadata": {"name": "Bad_Name"}}, "", 422, "Invalid"),
        ("POST", CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "other"}}, "", 400, "BadRequest"),
        ("POST", CONFIG_MAPS, {"metadata": {"name": "kube-root-ca.crt"}}, "", 409, "AlreadyExists"),
        ("PATCH", f"{CONFIG_MAPS}/kube-root-ca.crt", {}, "text/plain", 415, "UnsupportedMediaType"),
        ("PATCH", f"{CONFIG_MAPS}/kube-root-ca.crt", b"7", "application/merge-patch+json", 400, "BadRequest"),
        ("PATCH", f"{CONFIG_MAPS}/none", {}, "application/merge-patch+json", 404, "NotFound"),
        ("GET", f"{PODS}?labelSelector=a%20b", None, "", 400, "BadRequest"),
        ("GET", f"{PODS}?fieldSelector=spec.nothing%3D1", None, "", 400, "BadRequest"),
        ("GET", f"{PODS}?limit=-1", None, "", 400, "BadRequest"),
        ("GET", f"{PODS}?continue=rubbish", None, "", 400, "BadRequest"),
        ("GET", f"{PODS}?resourceVersion=99999", None, "", 504, "Timeout"),
        ("POST", f"{CONFIG_MAPS}?dryRun=Some", {"metadata": {"name": "a"}}, "", 400, "BadRequest"),
    ],
)
def test_refusals_are_status_objects(
    client: Client, method: str, path: str, body: object, kind: str, status: int, reason: str
) -> None:
    reply = client.call(method, path, body, {"Content-Type": kind} if kind else {})

    assert (reply.status, reply.json["reason"], reply.json["code"]) == (status, reason, status)
    assert reply.json["kind"] == "Status"
    assert reply.json["message"]


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    reply = client.call("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"a": "x" * (3 << 20)}})

    assert (reply.status, reply.json["reason"]) == (413, "RequestEntityTooLarge")


def test_invalid_objects_name_every_mistake(client: Client) -> None:
    body = deployment(replicas=-1)
    body["metadata"]["labels"] = {"a": "not valid!"}

    reply = client.call("POST", DEPLOYMENTS, body)

    assert reply.status == 422
    assert [cause["field"] for cause in reply.json["details"]["causes"]] == ["metadata.labels", "spec.replicas"]
    assert reply.json["message"].startswith('Deployment.apps "web" is invalid: [metadata.labels: Invalid value: "not valid!"')


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", DEPLOYMENTS, deployment("new"), "application/json"),
        ("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 7}}, "application/merge-patch+json"),
        ("PUT", f"{DEPLOYMENTS}/web", deployment(replicas=7), "application/json"),
        ("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 7}}, "application/merge-patch+json"),
        ("DELETE", f"{DEPLOYMENTS}/web", None, "application/json"),
        ("DELETE", DEPLOYMENTS, None, "application/json"),
    ],
)
def test_a_dry_run_stores_nothing(sim: SimCluster, client: Client, method: str, path: str, body: object, kind: str) -> None:
    client.call("POST", DEPLOYMENTS, deployment())
    before = sim.store.rv

    reply = client.call(method, f"{path}?dryRun=All", body, {"Content-Type": kind})

    assert reply.status in (200, 201)
    assert sim.store.rv == before


def test_delete_options_come_in_the_body(sim: SimCluster, client: Client) -> None:
    made = client.call("POST", CONFIG_MAPS, config("one")).json
    wrong = {"preconditions": {"uid": "other"}}
    right = {"preconditions": {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}}

    refused = client.call("DELETE", f"{CONFIG_MAPS}/one", wrong)
    deleted = client.call("DELETE", f"{CONFIG_MAPS}/one", right)

    assert (refused.status, refused.json["reason"]) == (409, "Conflict")
    assert deleted.status == 200


def test_a_collection_is_deleted_by_selector(sim: SimCluster, client: Client) -> None:
    fill(sim, 6)

    reply = client.call("DELETE", f"{PODS}?labelSelector=app%3Da")

    assert len(reply.json["items"]) == 3
    assert [pod["metadata"]["labels"]["app"] for pod in sim.list("pods")] == ["b", "b", "b"]


def test_items_of_built_in_lists_carry_no_kind(client: Client) -> None:
    client.call("POST", CONFIG_MAPS, config("one"))

    reply = client.call("GET", CONFIG_MAPS)

    assert reply.json["kind"] == "ConfigMapList"
    assert all("kind" not in item for item in reply.json["items"])
    assert client.call("GET", f"{CONFIG_MAPS}/one").json["kind"] == "ConfigMap"


def test_pages_are_one_consistent_snapshot(sim: SimCluster, client: Client) -> None:
    fill(sim, 10)
    first = client.call("GET", f"{PODS}?limit=4").json
    sim.delete("pods", "shop", "p005")
    sim.store.create(sim.store.resource_for("pods"), {"metadata": {"name": "p0055", "namespace": "shop"}}, trusted=True)
    second = client.call("GET", f"{PODS}?limit=4&continue={first['metadata']['continue']}").json
    third = client.call("GET", f"{PODS}?limit=4&continue={second['metadata']['continue']}").json

    pages = (first, second, third)
    assert [item["metadata"]["name"] for page in pages for item in page["items"]] == [f"p{index:03}" for index in range(10)]
    assert [page["metadata"].get("remainingItemCount") for page in pages] == [6, 2, None]
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1
    assert "continue" not in third["metadata"]


def test_with_a_selector_the_server_does_not_count_what_remains(sim: SimCluster, client: Client) -> None:
    fill(sim, 10)

    page = client.call("GET", f"{PODS}?limit=2&labelSelector=app%3Da").json

    assert page["metadata"]["continue"]
    assert "remainingItemCount" not in page["metadata"]


def test_after_compaction_a_continue_token_has_expired_and_the_rest_can_still_be_had(sim: SimCluster, client: Client) -> None:
    fill(sim, 6)
    first = client.call("GET", f"{PODS}?limit=4").json
    sim.compact()

    gone = client.call("GET", f"{PODS}?limit=4&continue={first['metadata']['continue']}")
    rest = client.call("GET", f"{PODS}?limit=4&continue={gone.json['metadata']['continue']}").json

    assert (gone.status, gone.json["reason"]) == (410, "Expired")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["p004", "p005"]


def test_field_and_label_selectors_together(sim: SimCluster, client: Client) -> None:
    fill(sim, 9)

    reply = client.call("GET", "/api/v1/pods?labelSelector=app%3Da&fieldSelector=spec.nodeName%3Dn1,metadata.namespace%3Dshop")

    assert [item["metadata"]["name"] for item in reply.json["items"]] == ["p001", "p007"]


def test_metadata_only(sim: SimCluster, client: Client) -> None:
    fill(sim, 2)

    listed = client.call("GET", PODS, headers=METADATA).json
    one = client.call("GET", f"{PODS}/p001", headers=ONE_METADATA).json
    patched = client.call(
        "PATCH",
        f"{PODS}/p001",
        {"metadata": {"labels": {"x": "y"}}},
        {"Content-Type": "application/merge-patch+json", **ONE_METADATA},
    )

    assert listed["kind"] == "PartialObjectMetadataList"
    assert {tuple(item) for item in listed["items"]} == {("kind", "apiVersion", "metadata")}
    assert one["kind"] == "PartialObjectMetadata"
    assert set(patched.json) == {"kind", "apiVersion", "metadata"}


def test_a_table_has_columns_and_rows(sim: SimCluster, client: Client) -> None:
    fill(sim, 2)

    table = client.call("GET", PODS, headers=TABLE).json
    bare = client.call("GET", f"{PODS}?includeObject=None", headers=TABLE).json
    whole = client.call("GET", f"{PODS}/p000?includeObject=Object", headers=TABLE).json

    assert [column["name"] for column in table["columnDefinitions"]][:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert table["rows"][0]["cells"][0] == "p000"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert "object" not in bare["rows"][0]
    assert whole["rows"][0]["object"]["spec"]["nodeName"] == "n0"


def test_only_what_is_served_is_acceptable(client: Client) -> None:
    assert client.call("GET", PODS, headers={"Accept": "text/html"}).status == 406


def test_large_answers_are_compressed_when_asked(sim: SimCluster, client: Client) -> None:
    fill(sim, 1000)

    plain = client.call("GET", PODS)
    packed = client.call("GET", PODS, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json == plain.json


def test_scale_reads_and_writes_replicas(client: Client) -> None:
    client.call("POST", DEPLOYMENTS, deployment(replicas=2))
    scale = client.call("GET", f"{DEPLOYMENTS}/web/scale").json
    scale["spec"]["replicas"] = 6
    put = client.call("PUT", f"{DEPLOYMENTS}/web/scale", scale)
    stale = client.call("PUT", f"{DEPLOYMENTS}/web/scale", scale)
    negative = client.patch(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": -2}})

    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    assert put.json["spec"] == {"replicas": 6}
    assert client.call("GET", f"{DEPLOYMENTS}/web").json["spec"]["replicas"] == 6
    assert (stale.status, negative.status) == (409, 422)


def test_the_status_subresource(client: Client) -> None:
    client.call("POST", DEPLOYMENTS, deployment())

    client.patch(f"{DEPLOYMENTS}/web/status", {"status": {"replicas": 3}, "spec": {"replicas": 9}})

    shown = client.call("GET", f"{DEPLOYMENTS}/web/status").json
    assert (shown["status"]["replicas"], shown["spec"]["replicas"]) == (3, 1)


def test_eviction_respects_a_disruption_budget(sim: SimCluster, client: Client) -> None:
    fill(sim, 2)
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "keep", "namespace": "shop"}}
    sim.create(
        {**budget, "spec": {"selector": {"matchLabels": {"app": "b"}}, "minAvailable": 1}, "status": {"disruptionsAllowed": 0}}
    )

    kept = client.call("POST", f"{PODS}/p000/eviction", {"kind": "Eviction"})
    evicted = client.call("POST", f"{PODS}/p001/eviction", {"kind": "Eviction"})

    assert (kept.status, kept.headers["retry-after"]) == (429, "10")
    assert "disruption budget" in kept.json["message"]
    assert evicted.status == 201
    assert [pod["metadata"]["name"] for pod in sim.list("pods")] == ["p000"]


def test_binding_gives_a_pod_its_node_once(sim: SimCluster, client: Client) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    sim.create({**pod, "spec": {"containers": [{"name": "a", "image": "b"}]}})

    bound = client.call("POST", f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n1"}})
    again = client.call("POST", f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n2"}})

    assert (bound.status, again.status) == (201, 409)
    assert sim.get("pods", "shop", "p")["spec"]["nodeName"] == "n1"


def test_logs_are_empty_and_know_their_containers(sim: SimCluster, client: Client) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    sim.create({**pod, "spec": {"containers": [{"name": "a", "image": "b"}, {"name": "c", "image": "d"}]}})

    assert client.call("GET", f"{PODS}/p/log?container=a").body == b""
    assert client.call("GET", f"{PODS}/p/log").status == 400
    assert client.call("GET", f"{PODS}/p/log?container=z").status == 400
    assert client.call("GET", f"{PODS}/none/log").status == 404


@pytest.mark.parametrize(
    ("mode", "status", "warned"),
    [("Strict", 400, False), ("Warn", 201, True), ("Ignore", 201, False)],
    ids=["strict", "warn", "ignore"],
)
def test_unknown_fields(client: Client, mode: str, status: int, warned: bool) -> None:
    body = deployment()
    body["spec"]["replica"] = 3

    reply = client.call("POST", f"{DEPLOYMENTS}?fieldValidation={mode}", body)

    assert reply.status == status
    assert ('unknown field \\"spec.replica\\"' in reply.headers.get("warning", "")) == warned
    if status == 201:
        assert "replica" not in reply.json["spec"]


def test_the_field_manager_is_recorded(client: Client) -> None:
    client.call("POST", f"{DEPLOYMENTS}?fieldManager=maker", deployment())
    patched = client.call(
        "PATCH",
        f"{DEPLOYMENTS}/web",
        {"spec": {"replicas": 2}},
        {"Content-Type": "application/merge-patch+json", "User-Agent": "tool/1.0"},
    )

    entries = {entry["manager"]: entry for entry in patched.json["metadata"]["managedFields"]}
    assert set(entries) == {"maker", "tool"}
    assert entries["tool"]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert entries["tool"]["operation"] == "Update"


def test_requests_are_recorded(sim: SimCluster, client: Client) -> None:
    sim.clear_requests()
    client.call("GET", f"{DEPLOYMENTS}?limit=5", headers=METADATA)
    client.patch(f"{DEPLOYMENTS}/none", {})
    client.call("GET", "/version")

    listed, patched, version = sim.requests
    assert (listed.verb, listed.group, listed.resource, listed.namespace, listed.status) == (
        "list",
        "apps",
        "deployments",
        "shop",
        200,
    )
    assert "PartialObjectMetadataList" in listed.accept
    assert listed.query == {"limit": "5"}
    assert (patched.verb, patched.name, patched.status) == ("patch", "none", 404)
    assert (version.verb, version.path, version.user) == ("get", "/version", "kubernetes-admin")


def test_escaped_names_stay_apart_from_the_path(client: Client) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles"
    client.call("POST", roles, {"metadata": {"name": "system:odd"}})

    assert client.call("GET", f"{roles}/system%3Aodd").json["metadata"]["name"] == "system:odd"
