"""The kube-downscaler command as users run it: a process against an API server."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    INGRESSES,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    STATEFUL_SETS,
    Resource,
)

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.e2e.conftest import ClusterAccess

SERVICES = Resource("", "v1", "services", "Service")
ALL = "deployments,statefulsets,daemonsets,cronjobs,jobs,horizontalpodautoscalers,poddisruptionbudgets"
POD = {
    "metadata": {"labels": {"app": "web"}},
    # Nothing is ever started, also on a real cluster: no node has this label.
    "spec": {"containers": [{"name": "main", "image": "example.invalid/web:1"}], "nodeSelector": {"kube-thrift/e2e": "never"}},
}
JOB_POD = {"spec": {**POD["spec"], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": {"app": "web"}}
FLEET: list[tuple[Resource, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # resource, spec, what changes of it at night, the same by day
    (DEPLOYMENTS, {"replicas": 3, "selector": SELECTOR, "template": POD}, {"replicas": 0}, {"replicas": 3}),
    (
        STATEFUL_SETS,
        {"replicas": 2, "serviceName": "web", "selector": SELECTOR, "template": POD},
        {"replicas": 0},
        {"replicas": 2},
    ),
    (CRON_JOBS, {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": JOB_POD}}}, {"suspend": True}, {"suspend": False}),
    (JOBS, {"template": JOB_POD}, {"suspend": True}, {"suspend": False}),
    (POD_DISRUPTION_BUDGETS, {"minAvailable": "75%", "selector": SELECTOR}, {"minAvailable": 0}, {"minAvailable": "75%"}),
]
NOW = ("--once", "--grace-period=0")


def settle() -> None:
    """Creation times have whole seconds; a grace period of zero seconds is over one second later."""
    time.sleep(1.1)


def lines(process: CompletedProcess[str]) -> list[str]:
    return process.stderr.splitlines()


def errors(process: CompletedProcess[str]) -> list[str]:
    return [line for line in lines(process) if re.search(r" ERROR: | error: ", line)]


def test_a_night_and_a_morning_for_every_kind(cluster_access: ClusterAccess) -> None:
    namespace = cluster_access.namespace()
    for resource, spec, _, _ in FLEET:
        cluster_access.create(resource, namespace, "web", spec)
    cluster_access.create(DAEMON_SETS, namespace, "web", {"selector": SELECTOR, "template": POD})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
    autoscaler = {"minReplicas": 3, "maxReplicas": 5, "scaleTargetRef": target}
    cluster_access.create(HORIZONTAL_POD_AUTOSCALERS, namespace, "web", autoscaler, **{"downscaler/downtime-replicas": "1"})
    settle()

    arguments = (*NOW, f"--namespace={namespace}", f"--include-resources={ALL}")
    night = cluster_access.run("downscaler.main", *arguments, "--default-downtime=always")
    assert (night.returncode, errors(night)) == (0, [])
    assert sum(": scaled down, " in line for line in lines(night)) == 7
    for resource, _, down, _ in FLEET:
        found = cluster_access.read(resource, namespace, "web")
        assert found["spec"].items() >= down.items()
        assert "downscaler/original-replicas" in found["metadata"]["annotations"]
    pods = cluster_access.read(DAEMON_SETS, namespace, "web")["spec"]["template"]["spec"]
    assert pods["nodeSelector"]["kube-downscaler-non-existent"] == "true"
    assert cluster_access.read(HORIZONTAL_POD_AUTOSCALERS, namespace, "web")["spec"]["minReplicas"] == 1

    again = cluster_access.run("downscaler.main", *arguments, "--default-downtime=always")
    assert lines(again)[-1].endswith("0 scaled down, 0 brought up, 7 left as they are")

    morning = cluster_access.run("downscaler.main", *arguments)
    assert (morning.returncode, errors(morning)) == (0, [])
    for resource, _, _, up in FLEET:
        found = cluster_access.read(resource, namespace, "web")
        assert found["spec"].items() >= up.items()
        assert "downscaler/original-replicas" not in (found["metadata"].get("annotations") or {})
    pods = cluster_access.read(DAEMON_SETS, namespace, "web")["spec"]["template"]["spec"]
    assert pods["nodeSelector"] == POD["spec"]["nodeSelector"]  # type: ignore[index]
    assert cluster_access.read(HORIZONTAL_POD_AUTOSCALERS, namespace, "web")["spec"]["minReplicas"] == 3


def test_what_is_exposed_comes_back_with_all_that_went_along(cluster_access: ClusterAccess) -> None:
    """The classes are nobody's, so that no real cluster makes a load balancer of it."""
    namespace = cluster_access.namespace()
    port = {"port": 80, "protocol": "TCP", "targetPort": 80}
    balancer = {"type": "LoadBalancer", "loadBalancerClass": "kube-thrift.io/e2e", "ports": [port]}
    local = {"externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["192.0.2.0/24"]}
    cluster_access.create(SERVICES, namespace, "balancer", {**balancer, **local})
    cluster_access.create(SERVICES, namespace, "port", {"type": "NodePort", "ports": [port]})
    backend = {"service": {"name": "port", "port": {"number": 80}}}
    cluster_access.create(INGRESSES, namespace, "web", {"ingressClassName": "kube-thrift-e2e", "defaultBackend": backend})
    found = [(SERVICES, "balancer"), (SERVICES, "port"), (INGRESSES, "web")]
    before = [cluster_access.read(resource, namespace, name)["spec"] for resource, name in found]
    settle()

    arguments = (*NOW, f"--namespace={namespace}", "--include-resources=services,ingresses")
    night = cluster_access.run("downscaler.main", *arguments, "--default-downtime=always")
    assert (night.returncode, errors(night)) == (0, [])
    assert {cluster_access.read(SERVICES, namespace, name)["spec"]["type"] for name in ("balancer", "port")} == {"ClusterIP"}
    asleep = cluster_access.read(INGRESSES, namespace, "web")["spec"]["ingressClassName"]
    assert asleep == "kube-downscaler-ingress-class"

    morning = cluster_access.run("downscaler.main", *arguments)
    assert (morning.returncode, errors(morning)) == (0, [])
    assert [cluster_access.read(resource, namespace, name)["spec"] for resource, name in found] == before


def test_annotations_of_workload_and_namespace(cluster_access: ClusterAccess) -> None:
    namespace = cluster_access.namespace(**{"downscaler/downtime": "always", "downscaler/downtime-replicas": "1"})
    deployment = {"replicas": 3, "selector": SELECTOR, "template": POD}
    cluster_access.create(DEPLOYMENTS, namespace, "plain", deployment)
    cluster_access.create(DEPLOYMENTS, namespace, "own", deployment, **{"downscaler/downscale-replicas": "2"})
    cluster_access.create(DEPLOYMENTS, namespace, "excluded", deployment, **{"downscaler/exclude": "true"})
    cluster_access.create(DEPLOYMENTS, namespace, "until", deployment, **{"downscaler/exclude-until": "2999-01-01"})
    cluster_access.create(DEPLOYMENTS, namespace, "broken", deployment, **{"downscaler/uptime": "office hours"})
    cluster_access.create(DEPLOYMENTS, namespace, "parked", deployment | {"replicas": 0})
    settle()
    process = cluster_access.run("downscaler.main", *NOW, f"--namespace={namespace}", "--enable-events")
    assert process.returncode == 0
    sizes = {
        name: cluster_access.read(DEPLOYMENTS, namespace, name)["spec"]["replicas"]
        for name in ("plain", "own", "excluded", "until", "broken", "parked")
    }
    assert sizes == {"plain": 1, "own": 2, "excluded": 3, "until": 3, "broken": 3, "parked": 0}
    (warning,) = [line for line in lines(process) if " WARNING: " in line]
    assert f"deployments {namespace}/broken: annotation downscaler/uptime='office hours' is not understood; accepted: " in warning
    events = cluster_access.client.get_json(f"/api/v1/namespaces/{namespace}/events", dict[str, Any])["items"]
    said = {(event["involvedObject"]["name"], event["reason"]) for event in events if event["reason"][:5] in ("Scale", "Inval")}
    assert said == {("plain", "ScaleDown"), ("own", "ScaleDown"), ("broken", "InvalidConfiguration")}


def test_restore_all_brings_back_whatever_carries_a_record(cluster_access: ClusterAccess) -> None:
    namespace = cluster_access.namespace(**{"downscaler/downtime": "always"})
    cluster_access.create(DEPLOYMENTS, namespace, "web", {"replicas": 3, "selector": SELECTOR, "template": POD})
    parked = {"replicas": 0, "selector": SELECTOR, "template": POD}
    cluster_access.create(DEPLOYMENTS, namespace, "parked", parked)
    settle()
    assert cluster_access.run("downscaler.main", *NOW, f"--namespace={namespace}").returncode == 0
    assert cluster_access.read(DEPLOYMENTS, namespace, "web")["spec"]["replicas"] == 0

    dry = cluster_access.run("downscaler.main", "restore-all", "--dry-run", f"--namespace={namespace}")
    assert dry.returncode == 0
    assert cluster_access.read(DEPLOYMENTS, namespace, "web")["spec"]["replicas"] == 0
    process = cluster_access.run("downscaler.main", "restore-all", f"--namespace={namespace}")
    assert (process.returncode, errors(process)) == (0, [])
    found = cluster_access.read(DEPLOYMENTS, namespace, "web")
    assert found["spec"]["replicas"] == 3
    assert not [key for key in found["metadata"].get("annotations") or {} if key.startswith("downscaler/")]
    assert cluster_access.read(DEPLOYMENTS, namespace, "parked")["spec"]["replicas"] == 0


def test_dry_run_changes_nothing(cluster_access: ClusterAccess) -> None:
    namespace = cluster_access.namespace()
    cluster_access.create(DEPLOYMENTS, namespace, "web", {"replicas": 3, "selector": SELECTOR, "template": POD})
    settle()
    before = cluster_access.read(DEPLOYMENTS, namespace, "web")["metadata"]["resourceVersion"]
    process = cluster_access.run("downscaler.main", *NOW, "--dry-run", f"--namespace={namespace}", "--default-uptime=never")
    assert process.returncode == 0
    assert any("scaled down, replicas 3 -> 0" in line and line.endswith("(dry run)") for line in lines(process))
    assert cluster_access.read(DEPLOYMENTS, namespace, "web")["spec"]["replicas"] == 3
    if cluster_access.sim is not None:
        assert cluster_access.read(DEPLOYMENTS, namespace, "web")["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["--include-resources=pods"], {}, "--include-resources: 'pods' is not understood; accepted: one or more of deployments"),
        (["--default-uptime=Mon-Fri 8-18"], {}, "--default-uptime: 'Mon-Fri 8-18' is not understood"),
        ([], {"DEFAULT_DOWNTIME": "Mon-Fri 20:00-08:00 PST"}, "environment variable DEFAULT_DOWNTIME"),
        (["--interval=soon"], {}, "--interval"),
        (["--no-such-flag"], {}, "--no-such-flag"),
        (["--upscale-period=always", "--default-uptime=always"], {}, "exclude each other"),
    ],
)
def test_wrong_flags(cluster_access: ClusterAccess, argv: list[str], environ: dict[str, str], expected: str) -> None:
    process = cluster_access.run("downscaler.main", "--once", *argv, **environ)
    assert process.returncode == 2
    (line,) = lines(process)
    assert line.startswith("kube-downscaler: error: ")
    assert expected in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file"),
        ("{{{", "not YAML"),
        ("apiVersion: v1\nkind: Config\n", "kubeconfig"),
        ("apiVersion: v1\nkind: Config\ncurrent-context: gone\n", "gone"),
    ],
)
def test_broken_kubeconfig(cluster_access: ClusterAccess, tmp_path: Path, content: str | None, expected: str) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    process = cluster_access.run("downscaler.main", "--once", kubeconfig=path)
    assert process.returncode == 2
    (line,) = lines(process)
    assert expected in line


def test_expired_token(cluster_access: ClusterAccess) -> None:
    def expire(content: dict[str, Any]) -> None:
        for user in content["users"]:
            user["user"] = {"token": "expired"}

    process = cluster_access.run("downscaler.main", "--once", kubeconfig=cluster_access.altered("expired", expire))
    assert process.returncode == 1
    (line,) = errors(process)
    assert "wrong or have expired" in line


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_unreachable_server(cluster_access: ClusterAccess) -> None:
    def move(content: dict[str, Any]) -> None:
        for cluster in content["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{closed_port()}"

    process = cluster_access.run(
        "downscaler.main", "--once", "--turn-timeout=2", kubeconfig=cluster_access.altered("moved", move)
    )
    assert process.returncode == 1
    assert len(errors(process)) <= 2
    assert "cannot reach https://127.0.0.1" in errors(process)[0]


def test_forbidden_verbs(cluster_access: ClusterAccess) -> None:
    if cluster_access.sim is None:
        pytest.skip("needs a user of its own, which only the embedded cluster can make")
    namespace = cluster_access.namespace()
    cluster_access.create(DEPLOYMENTS, namespace, "web", {"replicas": 3, "selector": SELECTOR, "template": POD})
    settle()
    cluster_access.sim.add_user("reader", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}])
    path = cluster_access.sim.write_kubeconfig(cluster_access.folder / "reader", "reader")
    process = cluster_access.run("downscaler.main", *NOW, f"--namespace={namespace}", "--default-uptime=never", kubeconfig=path)
    assert process.returncode == 1
    (line,) = errors(process)
    assert f"deployments {namespace}/web: forbidden: " in line
    assert "patch" in line


def test_a_daemon_keeps_trying_says_so_once_and_ends_on_sigterm(cluster_access: ClusterAccess) -> None:
    def expire(content: dict[str, Any]) -> None:
        for user in content["users"]:
            user["user"] = {"token": "expired"}

    path = cluster_access.altered("expired-daemon", expire)
    command = [
        sys.executable,
        "-m",
        "downscaler.main",
        "--interval=0.2",
        f"--kubeconfig={path}",
        "--namespace=kube-thrift-e2e-none",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any(" ERROR: " in line for line in said)
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        rest = list(said)
    assert process.returncode == 0
    assert not any(" ERROR: " in line for line in rest)
