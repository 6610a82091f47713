"""The real kubectl against the embedded cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import NotFound
from shared.simcluster import SimCluster

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

START = datetime(2026, 3, 23, 8, tzinfo=UTC)
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}
CRON_JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "tick", "namespace": "shop"},
    "spec": {
        "schedule": "*/5 * * * *",
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}},
    },
}
AUTOSCALER: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
    },
}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                    }
                },
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
            }
        ],
    },
}
WIDGET: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "one", "namespace": "shop"},
    "spec": {"size": 3},
}


class Kubectl:
    """Runs kubectl as one user, with discovery cached per cluster only."""

    def __init__(self, folder: Path, sim: SimCluster, user: str | None = None) -> None:
        config = sim.write_kubeconfig(folder / f"config-{user}", user)
        self._base = [str(KUBECTL), f"--kubeconfig={config}", f"--cache-dir={folder / 'cache'}", "--namespace=shop"]

    def run(self, *arguments: str, given: object = None) -> subprocess.CompletedProcess[str]:
        text = None if given is None else yaml.safe_dump_all(given if isinstance(given, list) else [given])
        command = [*self._base, *arguments]
        return subprocess.run(command, capture_output=True, text=True, input=text, timeout=60, check=False)

    def __call__(self, line: str, *more: str, given: object = None) -> str:
        """The output of a command that succeeds; *more* are arguments with blanks in them."""
        done = self.run(*line.split(), *more, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, line: str, *more: str, given: object = None) -> str:
        done = self.run(*line.split(), *more, given=given)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def json(self, line: str) -> Any:
        return json.loads(self(f"{line} -o json"))

    @contextmanager
    def started(self, line: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen([*self._base, *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.terminate()
                process.communicate(timeout=10)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "kubectl did not get there in time"
        time.sleep(0.02)


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as made:
        made.namespace("shop")
        yield made


@pytest.fixture
def kubectl(sim: SimCluster, tmp_path: Path) -> Kubectl:
    return Kubectl(tmp_path, sim)


def pods(sim: SimCluster, count: int) -> None:
    for index in range(count):
        container = {"name": "a", "image": "b", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
        sim.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"p{index}", "namespace": "shop", "labels": {"app": "p", "n": str(index)}},
                "spec": {"nodeName": "n1", "containers": [container]},
                "status": {"phase": "Running", "containerStatuses": [{"name": "a", "ready": True, "restartCount": 1}]},
            }
        )


def node(sim: SimCluster) -> None:
    amounts = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}]}
    sim.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": status})


def test_version_and_resources(kubectl: Kubectl) -> None:
    assert "Server Version: v1.32" in kubectl("version")
    listed = kubectl("api-resources --no-headers")
    assert {"deployments", "cronjobs", "leases", "customresourcedefinitions"} <= {line.split()[0] for line in listed.splitlines()}
    assert "autoscaling/v2" in kubectl("api-versions")


def test_get_in_all_its_forms(sim: SimCluster, kubectl: Kubectl) -> None:
    pods(sim, 5)

    table = kubectl("get pods").splitlines()
    assert table[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert table[1].split() == ["p0", "1/1", "Running", "1", "0s"]
    assert "NODE" in kubectl("get pods -o wide").splitlines()[0]
    assert kubectl("get pods -o name -l app=p").split() == [f"pod/p{index}" for index in range(5)]
    assert kubectl("get pods -o name -l", "n in (1,2),app!=x").split() == ["pod/p1", "pod/p2"]
    assert len(kubectl.json("get pods -A --chunk-size=2")["items"]) == 5
    assert kubectl("get pods -o name --field-selector", "spec.nodeName=n1,metadata.name!=p0").split()[0] == "pod/p1"
    assert yaml.safe_load(kubectl("get pod p1 -o yaml"))["status"]["phase"] == "Running"
    assert kubectl("get pod p1 -o jsonpath={.spec.nodeName}") == "n1"
    assert "not supported" in kubectl.fails("get pods --field-selector spec.magic=1")
    assert 'pods "none" not found' in kubectl.fails("get pod none")
    assert "doesn't have a resource type" in kubectl.fails("get nonsense")


def test_get_follows_changes(sim: SimCluster, kubectl: Kubectl) -> None:
    pods(sim, 1)
    with kubectl.started("get pods -w --no-headers") as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline().split()
        sim.patch(
            "pods",
            "shop",
            "p0",
            {"status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": None}},
            subresource="status",
        )
        second = watch.stdout.readline().split()

    assert (first[:3], second[:3]) == (["p0", "1/1", "Running"], ["p0", "0/1", "Evicted"])


def test_create_and_apply(sim: SimCluster, kubectl: Kubectl) -> None:
    created = kubectl("create -f -", given=[DEPLOYMENT, CRON_JOB, AUTOSCALER])
    assert created.split("\n")[0] == "deployment.apps/web created"

    for obj in (DEPLOYMENT, CRON_JOB, AUTOSCALER):
        assert "configured" in kubectl("apply -f -", given=obj)
        assert "unchanged" in kubectl("apply -f -", given=obj)
    changed = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 4, "minReadySeconds": 5}}
    kubectl("apply -f -", given=changed)
    kubectl("apply -f -", given={**changed, "spec": {**DEPLOYMENT["spec"], "replicas": 4}})

    spec = sim.get("deployments", "shop", "web")["spec"]
    assert (spec["replicas"], "minReadySeconds" in spec) == (4, False)
    assert "already exists" in kubectl.fails("create -f -", given=DEPLOYMENT)


def test_apply_on_the_server(sim: SimCluster, kubectl: Kubectl) -> None:
    assert "serverside-applied" in kubectl("apply --server-side -f -", given=DEPLOYMENT)
    kubectl("scale deployment web --replicas=7")

    assert "conflict" in kubectl.fails("apply --server-side -f -", given=DEPLOYMENT)
    kubectl("apply --server-side --force-conflicts -f -", given=DEPLOYMENT)

    assert sim.get("deployments", "shop", "web")["spec"]["replicas"] == 2


def test_a_custom_resource(kubectl: Kubectl) -> None:
    kubectl("create -f -", given=DEFINITION)
    kubectl("wait --for=condition=Established crd/widgets.example.com --timeout=5s")
    kubectl("apply -f -", given=WIDGET)
    kubectl("apply -f -", given={**WIDGET, "spec": {"size": 4}})

    assert kubectl("get wd").splitlines()[1].split() == ["one", "4"]
    assert "unknown field" in kubectl.fails("apply -f -", given={**WIDGET, "spec": {"sizes": 4}})
    assert "must be of type integer" in kubectl.fails("apply -f -", given={**WIDGET, "spec": {"size": "x"}})
    kubectl("delete crd widgets.example.com")
    assert "NotFound" in kubectl.fails("get wd")


def test_changing_one_thing(sim: SimCluster, kubectl: Kubectl) -> None:
    sim.create(DEPLOYMENT)

    kubectl("annotate deployment web a=b")
    kubectl("label deployment web x=y")
    kubectl("scale deployment web --replicas=5")
    kubectl("set image deployment/web web=web:2")
    kubectl("patch deployment web -p", '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}')
    kubectl("patch deployment web --type=merge -p", '{"spec":{"paused":true}}')
    kubectl("patch deployment web --type=json -p", '[{"op":"replace","path":"/spec/replicas","value":6}]')
    refused = kubectl.fails("patch deployment web --type=merge -p", '{"spec":{"replicas":-1}}')
    kubectl("annotate deployment web a-")

    obj = sim.get("deployments", "shop", "web")
    containers = {each["name"]: each["image"] for each in obj["spec"]["template"]["spec"]["containers"]}
    assert containers == {"web": "web:2", "side": "side:1"}
    assert (obj["spec"]["replicas"], obj["spec"]["paused"], obj["metadata"]["labels"]["x"]) == (6, True, "y")
    assert "a" not in obj["metadata"].get("annotations", {})
    assert "must be greater than or equal to 0" in refused


@pytest.mark.parametrize(("cascade", "left"), [("foreground", 0), ("background", 0), ("orphan", 1)])
def test_delete(sim: SimCluster, kubectl: Kubectl, cascade: str, left: int) -> None:
    owner = sim.create(DEPLOYMENT)
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = {"name": "web-1", "namespace": "shop", "ownerReferences": [reference | {"blockOwnerDeletion": True}]}
    sim.create({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": DEPLOYMENT["spec"]})

    assert "(server dry run)" in kubectl("delete deployment web --dry-run=server")
    assert len(sim.list("deployments")) == 1
    kubectl(f"delete deployment web --cascade={cascade}")

    assert (len(sim.list("deployments")), len(sim.list("replicasets"))) == (0, left)


def test_delete_a_namespace_and_wait_for_it(sim: SimCluster, kubectl: Kubectl) -> None:
    pods(sim, 3)

    assert "deleted" in kubectl("delete namespace shop --wait=true")
    with pytest.raises(NotFound):
        sim.get("namespaces", None, "shop")


def test_waiting_for_a_deletion(sim: SimCluster, kubectl: Kubectl) -> None:
    sim.create(DEPLOYMENT)
    sim.clear_requests()
    with kubectl.started("wait --for=delete deployment/web --timeout=20s") as waiting:
        until(lambda: any(request.verb == "watch" for request in sim.requests))
        sim.delete("deployments", "shop", "web")

        assert waiting.wait(timeout=15) == 0


def test_describe(sim: SimCluster, kubectl: Kubectl) -> None:
    node(sim)
    pods(sim, 2)
    for obj in (DEPLOYMENT, CRON_JOB, AUTOSCALER):
        sim.create(obj)
    involved = {"kind": "Pod", "namespace": "shop", "name": "p1", "uid": sim.get("pods", "shop", "p1")["metadata"]["uid"]}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "shop"}, "involvedObject": involved}
    sim.create({**event, "reason": "Scaled", "message": "because", "type": "Normal", "lastTimestamp": "2026-03-23T07:55:00Z"})

    assert "Replicas:               2 desired" in kubectl("describe deployment web")
    assert "because" in kubectl("describe pod p1")
    assert "Non-terminated Pods:          (2 in total)" in kubectl("describe node n1")
    assert "*/5 * * * *" in kubectl("describe cronjob tick")
    assert "Min replicas:" in kubectl("describe hpa web")
    assert "5m" in kubectl("get events").splitlines()[1]
    assert "because" in kubectl("events")


def test_top(sim: SimCluster, kubectl: Kubectl) -> None:
    node(sim)
    pods(sim, 2)
    sim.set_usage("nodes", None, "n1", {"cpu": 1.5, "memory": 2 << 30})
    sim.set_usage("pods", "shop", "p0", {"a": {"cpu": 0.25, "memory": 10 << 20}})

    assert kubectl("top nodes --no-headers").split() == ["n1", "1500m", "37%", "2048Mi", "12%"]
    assert kubectl("top pods --no-headers").split() == ["p0", "250m", "10Mi"]
    assert kubectl("top pods --containers --no-headers").split() == ["p0", "a", "250m", "10Mi"]


def test_who_may_do_what(sim: SimCluster, tmp_path: Path, kubectl: Kubectl) -> None:
    sim.add_user("bob", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"], "namespace": "shop"}])
    bob = Kubectl(tmp_path, sim, "bob")

    assert kubectl("auth can-i delete nodes") == "yes\n"
    assert bob("auth can-i list pods") == "yes\n"
    assert bob.run("auth", "can-i", "delete", "pods").stdout == "no\n"
    assert "pods" in bob("auth can-i --list")
    assert 'User "bob" cannot delete resource "pods" in API group ""' in bob.fails("delete pod p0")
    assert "bob" in bob("auth whoami")
    assert bob("get pods") == ""


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("create namespace made", "namespaces", "made"),
        ("create deployment made --image=web --replicas=3 --port=80", "deployments", "made"),
        ("create configmap made --from-literal=a=b", "configmaps", "made"),
        ("create secret generic made --from-literal=a=b", "secrets", "made"),
        ("create serviceaccount made", "serviceaccounts", "made"),
        ("create job made --image=web", "jobs", "made"),
        ("create job made --from=cronjob/tick", "jobs", "made"),
        ("create role made --verb=get --resource=pods", "roles", "made"),
        ("create clusterrole made --verb=get --resource=nodes", "clusterroles", "made"),
        ("create rolebinding made --clusterrole=view --user=bob", "rolebindings", "made"),
        ("create clusterrolebinding made --clusterrole=view --group=devs", "clusterrolebindings", "made"),
        ("create poddisruptionbudget made --selector=app=web --min-available=1", "poddisruptionbudgets", "made"),
        ("create quota made --hard=cpu=1", "resourcequotas", "made"),
        ("create priorityclass made --value=5", "priorityclasses", "made"),
        ("create service clusterip made --tcp=80:8080", "services", "made"),
        ("create ingress made --rule=example.com/a=web:80", "ingresses", "made"),
        ("autoscale deployment web --name=made --min=1 --max=3 --cpu-percent=50", "horizontalpodautoscalers", "made"),
        ("expose deployment web --name=made --port=80", "services", "made"),
        ("run made --image=web", "pods", "made"),
    ],
)
def test_commands_that_make_objects_themselves(sim: SimCluster, kubectl: Kubectl, line: str, kind: str, name: str) -> None:
    sim.create(DEPLOYMENT)
    sim.create(CRON_JOB)

    kubectl(line)

    namespace = "shop" if sim.store.resource_for(kind).namespaced else None
    assert sim.get(kind, namespace, name)["metadata"]["name"] == name


def test_a_protobuf_body_arrives_whole(sim: SimCluster, kubectl: Kubectl) -> None:
    sim.create(CRON_JOB)
    kubectl("create job made --from=cronjob/tick")
    kubectl("create deployment made --image=web --replicas=0")

    job, deployment = sim.get("jobs", "shop", "made"), sim.get("deployments", "shop", "made")
    assert (
        job["spec"]["template"]["spec"] == sim.get("cronjobs", "shop", "tick")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    )
    assert deployment["spec"]["replicas"] == 0
    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"


def test_drain_logs_and_token(sim: SimCluster, kubectl: Kubectl) -> None:
    node(sim)
    pods(sim, 2)

    assert kubectl("logs p0") == ""
    kubectl("drain n1 --force --timeout=20s")
    assert (sim.list("pods"), sim.get("nodes", None, "n1")["spec"]["unschedulable"]) == ([], True)
    assert len(kubectl("create token default").strip()) > 20


def test_a_rollout_on_a_living_cluster(tmp_path: Path) -> None:
    with SimCluster(start=START, fleet="demo", live=True) as sim:
        sim.namespace("shop")
        kubectl = Kubectl(tmp_path, sim)
        kubectl("create deployment web --image=web --replicas=2")
        with kubectl.started("rollout status deployment web --timeout=30s") as status:
            for _ in range(10):
                sim.advance(timedelta(seconds=30))
            assert status.stdout is not None
            assert "successfully rolled out" in status.stdout.read()

        assert kubectl("get deployment web --no-headers").split()[1:4] == ["2/2", "2", "2"]
        assert "web" in kubectl("rollout history deployment web")
        assert kubectl("top nodes --no-headers")
