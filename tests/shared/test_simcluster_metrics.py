"""metrics.k8s.io: figures that were set, and figures from a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from shared.simcluster import SimCluster
from shared.simcluster.client import Client

BASE = "/apis/metrics.k8s.io/v1beta1"
PODS = f"{BASE}/namespaces/shop/pods"


@pytest.fixture
def client(sim: SimCluster) -> Iterator[Client]:
    for name, labels in (("a", {"app": "x"}), ("b", {})):
        metadata = {"name": name, "namespace": "shop", "labels": labels}
        sim.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        )
    sim.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    with sim.client() as made:
        yield made


def test_usage_that_was_set(sim: SimCluster, client: Client) -> None:
    sim.set_usage("pods", "shop", "a", {"c": {"cpu": 0.25, "memory": 1 << 20}})
    sim.set_usage("nodes", None, "n1", {"cpu": 2, "memory": 3 << 30})

    pod = client.call("GET", f"{PODS}/a").json
    node = client.call("GET", f"{BASE}/nodes/n1").json

    assert (pod["kind"], pod["containers"]) == ("PodMetrics", [{"name": "c", "usage": {"cpu": "250m", "memory": "1024Ki"}}])
    assert (node["kind"], node["usage"]) == ("NodeMetrics", {"cpu": "2", "memory": "3145728Ki"})
    assert {"timestamp", "window"} <= node.keys()


def test_pods_without_figures_are_absent(sim: SimCluster, client: Client) -> None:
    sim.set_usage("pods", "shop", "a", {"c": {"cpu": 1, "memory": 1}})

    listed = client.call("GET", f"{BASE}/pods").json

    assert (listed["kind"], [item["metadata"]["name"] for item in listed["items"]]) == ("PodMetricsList", ["a"])
    assert client.call("GET", f"{PODS}/b").status == 404
    assert client.call("GET", f"{BASE}/nodes/none").status == 404


def test_selectors_work_by_the_pods_labels(sim: SimCluster, client: Client) -> None:
    for name in ("a", "b"):
        sim.set_usage("pods", "shop", name, {"c": {"cpu": 1, "memory": 1}})

    listed = client.call("GET", f"{PODS}?labelSelector=app%3Dx").json

    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]


def test_figures_from_a_source_lose_against_those_that_were_set(sim: SimCluster, client: Client) -> None:
    class Source:
        def pod_usage(self, namespace: str, name: str) -> Mapping[str, Mapping[str, float]] | None:
            return {"c": {"cpu": 0.1, "memory": 1024.0}}

        def node_usage(self, name: str) -> Mapping[str, float] | None:
            return {"cpu": 0.5, "memory": 2048.0}

    sim.api.usage.source = Source()
    sim.set_usage("pods", "shop", "a", {"c": {"cpu": 3, "memory": 4096}})

    usage = {item["metadata"]["name"]: item["containers"][0]["usage"]["cpu"] for item in client.call("GET", PODS).json["items"]}

    assert usage == {"a": "3", "b": "100m"}
    assert client.call("GET", f"{BASE}/nodes").json["items"][0]["usage"] == {"cpu": "500m", "memory": "2Ki"}


def test_a_failure_of_the_server_is_an_answer_too(sim: SimCluster, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def pod_usage(self, namespace: str, name: str) -> Mapping[str, Mapping[str, float]] | None:
            raise RuntimeError("no figures today")

        def node_usage(self, name: str) -> Mapping[str, float] | None:
            return None

    sim.api.usage.source = Broken()

    reply = client.call("GET", PODS)

    assert (reply.status, reply.json["reason"]) == (500, "InternalError")
    assert "no figures today" in caplog.text
    assert client.call("GET", f"{BASE}/nodes").status == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("Table", "Table"), ("PartialObjectMetadataList", "PartialObjectMetadataList")],
    ids=["table", "metadata"],
)
def test_other_representations(sim: SimCluster, client: Client, accept: str, kind: str) -> None:
    sim.set_usage("pods", "shop", "a", {"c": {"cpu": 1, "memory": 1}})

    assert client.call("GET", PODS, headers={"Accept": f"application/json;as={accept};v=v1;g=meta.k8s.io"}).json["kind"] == kind
