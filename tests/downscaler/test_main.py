"""Whole turns over real HTTP: what is read, decided, written and said."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from downscaler.main import main
from shared.simcluster import Fault
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.downscaler.conftest import World

ALL = "--include-resources=deployments,statefulsets,daemonsets,cronjobs,jobs,horizontalpodautoscalers,poddisruptionbudgets"
NIGHT = "Mon-Fri 20:00-08:00 UTC"


def test_a_night(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment(downtime=NIGHT)
    controller = world.controller()
    assert controller.turn().changed == 0
    world.pass_time(hours=8)
    assert controller.turn().changed == 1
    assert (world.replicas(), world.record()) == (0, {"original-replicas": "3", "downscaled-to": "0"})
    assert controller.turn().changed == 0
    world.pass_time(hours=12)
    assert controller.turn().changed == 1
    assert (world.replicas(), world.record()) == (3, {})
    assert caplog.messages == [
        f"deployments shop/web: scaled down, replicas 3 -> 0, original 3: in downtime {NIGHT} (workload annotation)",
        "deployments shop/web: brought up, replicas 0 -> 3: in uptime always (configuration)",
    ]


KINDS = [
    ("StatefulSet", "statefulsets", {"replicas": 2}, {"replicas": 0}, {}),
    ("CronJob", "cronjobs", {"suspend": False}, {"suspend": True}, {}),
    ("Job", "jobs", {"suspend": False}, {"suspend": True}, {}),
    ("HorizontalPodAutoscaler", "horizontalpodautoscalers", {"minReplicas": 3}, {"minReplicas": 1}, {"downtime_replicas": "1"}),
    ("PodDisruptionBudget", "poddisruptionbudgets", {"minAvailable": "75%"}, {"minAvailable": 0}, {}),
    (
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        {"maxUnavailable": 1},
        {"maxUnavailable": "100%"},
        {"downtime_replicas": "100%"},
    ),
]


@pytest.mark.parametrize(("kind", "plural", "up", "down", "annotations"), KINDS)
def test_each_kind_goes_down_and_comes_back(
    world: World, kind: str, plural: str, up: dict[str, Any], down: dict[str, Any], annotations: dict[str, str]
) -> None:
    world.add(kind, spec=up, downtime=NIGHT, **annotations)
    before = world.sim.get(plural, "shop", "web")["spec"]
    controller = world.controller(ALL)
    world.pass_time(hours=8)
    assert controller.turn().changed == 1
    assert world.sim.get(plural, "shop", "web")["spec"] == before | down
    assert controller.turn().changed == 0
    world.pass_time(hours=12)
    assert controller.turn().changed == 1
    assert world.sim.get(plural, "shop", "web")["spec"] == before | up
    assert world.record(kind=plural) == {}


def test_a_daemon_set_matches_no_node_at_night(world: World) -> None:
    world.add("DaemonSet", downtime=NIGHT)
    controller = world.controller(ALL)
    world.pass_time(hours=8)
    controller.turn()
    pods = world.sim.get("daemonsets", "shop", "web")["spec"]["template"]["spec"]
    assert pods["nodeSelector"] == {"kube-downscaler-non-existent": "true"}
    world.pass_time(hours=12)
    controller.turn()
    assert not world.sim.get("daemonsets", "shop", "web")["spec"]["template"]["spec"].get("nodeSelector")
    assert world.record(kind="daemonsets") == {}


def test_one_list_per_kind_and_two_more(world: World) -> None:
    world.deployment()
    controller = world.controller(ALL)
    controller.turn()
    assert controller.cluster.list_sequences == 7 + 2
    seen = world.sim.requests
    assert len(seen) == 9
    metadata_only = {request.resource for request in seen if "PartialObjectMetadataList" in request.accept}
    assert metadata_only == {"namespaces", "pods"}


def test_a_pod_keeps_the_whole_cluster_up(world: World) -> None:
    world.sim.namespace("lab")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "build", "namespace": "lab"},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    pod["metadata"] |= {"annotations": {"downscaler/force-uptime": "True"}}  # type: ignore[operator]
    world.sim.create(pod)
    world.deployment(downtime="always")
    world.deployment(namespace="lab", downtime="always")
    world.pass_time(hours=1)
    assert world.controller().turn().changed == 0
    # Its own namespace only, where that is what the operator wants.
    assert world.controller("--force-uptime-scope=namespace").turn().changed == 1
    assert (world.replicas(), world.replicas(namespace="lab")) == (0, 3)
    # It is brought up again by the wider scope, and a pod that has ended asks for nothing.
    assert world.controller().turn().changed == 1
    world.sim.patch("pods", "lab", "build", {"status": {"phase": "Succeeded"}}, subresource="status")
    assert world.controller().turn().changed == 2


def test_namespace_annotations_govern(world: World) -> None:
    world.deployment("plain")
    world.deployment("own", uptime="always", downtime="never")
    world.annotate_namespace(uptime="Mon-Fri 08:00-18:00 UTC", downtime_replicas="1")
    world.pass_time(hours=8)
    world.controller().turn()
    assert (world.replicas("plain"), world.replicas("own")) == (1, 3)


def test_excluded_namespaces_and_names_are_left_alone(world: World) -> None:
    world.deployment("kube-downscaler")
    world.deployment("web", namespace="kube-system")
    world.pass_time(hours=1)
    assert world.controller("--default-uptime=never").turn().changed == 0


def test_an_excluded_object_that_is_down_comes_back(world: World) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    world.controller().turn()
    world.annotate(exclude="true")
    assert world.controller("--upscale-target-only").turn().changed == 0
    assert world.controller().turn().changed == 1
    assert (world.replicas(), world.record()) == (3, {})


def test_broken_annotations_stop_only_what_they_govern(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.sim.namespace("lab", annotations={"downscaler/downtime-replicas": "few"})
    world.deployment("good")
    world.deployment("bad", uptime="office hours")
    world.deployment("lost", replicas=0, original_replicas="three")
    world.deployment("web", namespace="lab")
    world.pass_time(hours=1)
    controller = world.controller("--default-uptime=never", "--enable-events")
    result = controller.turn()
    assert (result.ok, result.changed) == (True, 1)
    assert (world.replicas("good"), world.replicas("bad"), world.replicas(namespace="lab")) == (0, 3, 3)
    assert world.record("lost") == {"original-replicas": "three"}
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [line.partition(" is not understood")[0] for line in sorted(warnings)] == [
        "deployments shop/bad: annotation downscaler/uptime='office hours'",
        "deployments shop/lost: annotation downscaler/original-replicas='three'",
        "namespaces lab: annotation downscaler/downtime-replicas='few'",
    ]
    events = [event for event in world.sim.list("events") if event["reason"] == "InvalidConfiguration"]
    assert sorted((event["type"], event["involvedObject"]["name"]) for event in events) == [
        ("Warning", "bad"),
        ("Warning", "lab"),
        ("Warning", "lost"),
    ]
    assert controller.metric("invalid_configuration", kind="deployments") == 2
    # Said once, not every turn; said again when it is another value.
    caplog.clear()
    controller.turn()
    assert caplog.messages == []
    world.annotate("bad", uptime="evenings")
    controller.turn()
    assert len(caplog.messages) == 1


def test_a_kind_that_cannot_be_listed_does_not_stop_the_others(world: World) -> None:
    world.deployment(downtime="always")
    world.add("StatefulSet", spec={"replicas": 2}, downtime="always")
    world.sim.faults.add(Fault(verb="list", resource="deployments", status=403))
    world.pass_time(hours=1)
    controller = world.controller(ALL)
    result = controller.turn()
    assert not result.ok
    assert len(result.failures) == 1
    assert "deployments" in result.failures[0]
    assert world.sim.get("statefulsets", "shop", "web")["spec"]["replicas"] == 0
    assert (
        controller.registry.get_sample_value("kube_thrift_errors_total", {"controller": "kube-downscaler", "reason": "Forbidden"})
        == 1
    )
    world.sim.faults.clear()
    assert controller.turn().ok
    assert world.replicas() == 0


def test_nothing_goes_down_while_pods_cannot_be_read_but_what_wakes_wakes(world: World) -> None:
    world.deployment("day", replicas=0, original_replicas="2")
    world.deployment("night", downtime="always")
    world.sim.faults.add(Fault(verb="list", resource="pods", status=403))
    world.pass_time(hours=1)
    result = world.controller().turn()
    assert (result.ok, result.changed) == (False, 1)
    assert (world.replicas("day"), world.replicas("night")) == (2, 3)


def test_nothing_changes_while_namespaces_cannot_be_read(world: World) -> None:
    world.deployment("day", replicas=0, original_replicas="2")
    world.deployment("night", downtime="always")
    world.sim.faults.add(Fault(verb="list", resource="namespaces", status=403))
    world.pass_time(hours=1)
    result = world.controller().turn()
    assert (result.ok, result.changed) == (False, 0)


def test_with_rights_in_its_namespaces_only(world: World) -> None:
    world.sim.namespace("lab")
    world.sim.namespace("other")
    rules = [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]},
    ]
    world.sim.add_user("team", rules=[{**rule, "namespace": namespace} for rule in rules for namespace in ("shop", "lab")])
    for namespace in ("shop", "lab", "other"):
        world.deployment(namespace=namespace)
    world.pass_time(hours=1)
    result = world.controller("--namespace=shop,lab", "--default-uptime=never", user="team").turn()
    assert (result.failures, result.changed) == ((), 2)
    assert [world.replicas(namespace=namespace) for namespace in ("shop", "lab", "other")] == [0, 0, 3]


def test_a_namespace_that_may_not_be_read_is_left_alone(world: World) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"], "namespace": "shop"},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"], "namespace": "shop"},
    ]
    world.sim.add_user("team", rules=rules)
    world.deployment()
    world.pass_time(hours=1)
    result = world.controller("--namespace=shop", "--default-uptime=never", user="team").turn()
    assert (len(result.failures), result.changed, world.replicas()) == (1, 0, 3)
    assert "namespaces shop" in result.failures[0]


def test_dry_run_says_and_writes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    world.sim.clear_requests()
    assert world.controller("--dry-run", "--enable-events").turn().changed == 1
    assert world.replicas() == 3
    assert {request.verb for request in world.sim.requests} == {"list"}
    assert caplog.messages[0].endswith("(dry run)")


def test_events_and_metrics_of_a_change(world: World) -> None:
    world.deployment(downtime=NIGHT)
    world.deployment("parked", replicas=0, downtime=NIGHT)
    controller = world.controller("--enable-events")
    world.pass_time(hours=8)
    controller.turn()
    (event,) = world.sim.list("events")
    assert (event["reason"], event["type"], event["involvedObject"]["name"]) == ("ScaleDown", "Normal", "web")
    assert event["message"].startswith("scaled down, replicas 3 -> 0, original 3: in downtime")
    assert controller.metric("actions_total", kind="deployments", direction="down") == 1
    assert controller.metric("replicas_avoided", kind="deployments") == 3
    assert controller.metric("kept", kind="deployments", cause="parked") == 1
    controller.turn()
    assert controller.metric("replicas_avoided", kind="deployments") == 3
    world.pass_time(hours=12)
    controller.turn()
    assert {event["reason"] for event in world.sim.list("events")} == {"ScaleDown", "ScaleUp"}
    assert controller.metric("replicas_avoided", kind="deployments") is None
    assert controller.metric("actions_total", kind="deployments", direction="up") == 1


def test_an_object_without_an_own_event_reason_is_forgotten_quietly(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment(original_replicas="3")
    controller = world.controller("--enable-events")
    assert controller.turn().changed == 1
    assert world.record() == {}
    assert world.sim.list("events") == []
    assert caplog.messages == ["deployments shop/web: record removed: already at 3; in uptime always (configuration)"]
    assert controller.metric("actions_total", kind="deployments", direction="forget") == 1


def test_jobs_with_an_owner_are_their_owners(world: World) -> None:
    world.add("CronJob", spec={"suspend": False})
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "web",
        "uid": world.sim.get("cronjobs", "shop", "web")["metadata"]["uid"],
    }
    world.add("Job", "alone")
    world.add("Job", "owned")
    world.sim.patch("jobs", "shop", "owned", {"metadata": {"ownerReferences": [owner]}})
    world.pass_time(hours=1)
    world.controller("--include-resources=jobs", "--default-uptime=never").turn()
    assert world.sim.get("jobs", "shop", "alone")["spec"]["suspend"] is True
    assert not world.sim.get("jobs", "shop", "owned")["spec"].get("suspend")


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> str:
    return str(world.sim.write_kubeconfig(tmp_path / "kubeconfig"))


def test_the_command(kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--once", "--dry-run", f"--kubeconfig={kubeconfig}", "--enable-events", "--admission-controller=kyverno"]
    assert main(argv) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "deployments on https://127.0.0.1" in lines[0]
    assert "--admission-controller kyverno has no effect" in lines[1]
    assert lines[2].endswith("0 scaled down, 0 brought up, 0 left as they are (dry run)")


def test_the_command_with_metrics(world: World, kubeconfig: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    world.sim.faults.add(Fault(verb="list", resource="deployments", status=403))
    assert main(["--once", f"--kubeconfig={kubeconfig}", f"--metrics-port={port}", "--json-logs"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["info", "error", "info"]


def test_the_command_refuses_a_broken_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--once", f"--kubeconfig={tmp_path / 'none'}"])
    assert caught.value.code == 2
    assert "no such file" in capsys.readouterr().err


def get(url: str) -> str:
    """The answer, once the process listens."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers at {url}")


def test_a_process_shows_its_objects_and_rests(world: World, kubeconfig: str) -> None:
    world.deployment(uptime="Mon-Fri 08:00-18:00 UTC")
    port = free_port()
    argv = [f"--kubeconfig={kubeconfig}", f"--metrics-port={port}", "--max-interval=1h", "--grace-period=315360000"]
    process = subprocess.Popen([sys.executable, "-m", "downscaler.main", *argv], stderr=subprocess.PIPE, text=True)
    try:
        found = {}
        while found.get("turn") is None:
            found = json.loads(get(f"http://127.0.0.1:{port}/status?namespace=shop"))
        (web,) = found["objects"]
        assert (web["name"], web["size"], web["decidedBy"]) == ("web", 3, "downscaler/uptime (workload annotation)")
        assert found["controller"]["maxInterval"] == 3600
        assert "kube-downscaler" in get(f"http://127.0.0.1:{port}/")
        assert get(f"http://127.0.0.1:{port}/healthz") == "ok\n"
        # The rest begins right after the turn is shown.
        while "kube_thrift_next_turn_timestamp_seconds{" not in (metrics := get(f"http://127.0.0.1:{port}/metrics")):
            time.sleep(0.02)
        at = float(re.findall(r"^kube_thrift_next_turn_timestamp_seconds\{.*\} (\S+)$", metrics, re.M)[0])
        assert at > 0
        assert len([request for request in world.sim.requests if request.resource == "deployments"]) == 1
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.splitlines()[-1].endswith("kube-downscaler: stopped")
