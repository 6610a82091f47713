"""The one door to an API server, against the embedded cluster: every call, every refusal, dry run."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.cluster import Cluster, Connection
from shared.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ThriftError,
    Throttled,
    Unauthorized,
    Unavailable,
    ValueProblem,
)
from shared.events import event_body
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, SECRETS, Resource
from shared.objects import Meta, Object, Struct
from shared.simcluster import Fault, SimCluster

Connect = Callable[..., Cluster]


class Spec(Struct, frozen=True):
    replicas: int | None = None


class Deployment(Object, frozen=True):
    spec: Spec = Spec()


class Version(Struct, frozen=True):
    git_version: str = ""


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def deployment(name: str, replicas: int = 3) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def verbs(sim: SimCluster) -> list[str]:
    return [request.verb for request in sim.requests]


# ---- reading


def test_get_reads_only_the_fields_of_the_type(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    found = connect().get(DEPLOYMENTS, "shop", "web", Deployment)
    assert (found.key, found.spec.replicas, found.kind) == ("shop/web", 3, "Deployment")


def test_get_metadata_asks_the_server_for_nothing_else(sim: SimCluster, connect: Connect) -> None:
    made = sim.create(deployment("web"))
    found = connect().get_metadata(DEPLOYMENTS, "shop", "web")
    assert found.metadata.uid == made["metadata"]["uid"]
    assert "as=PartialObjectMetadata;" in sim.requests[-1].accept


def test_get_json_reads_any_path(connect: Connect) -> None:
    assert connect().get_json("/version", Version).git_version.startswith("v1.")


def test_an_object_that_is_shaped_otherwise_is_a_problem_of_its_own(sim: SimCluster, connect: Connect) -> None:
    class Wrong(Object, frozen=True):
        data: dict[str, int] = {}

    sim.create(config_map("settings", colour="red"))
    with pytest.raises(ValueProblem, match=r"'data\[\.\.\.\]' is not understood"):
        connect().get(CONFIG_MAPS, "shop", "settings", Wrong)


def test_who_may_do_what(sim: SimCluster, connect: Connect) -> None:
    sim.add_user("reader", rules=[{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}])
    cluster = connect("reader")
    assert cluster.can_i("get", DEPLOYMENTS, "shop")
    assert not cluster.can_i("patch", DEPLOYMENTS, "shop")
    assert not cluster.can_i("get", PODS)
    assert cluster.calls["review"] == 3


# ---- writing


def test_a_patch_changes_what_it_names_and_returns_the_new_state(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    body = {"spec": {"replicas": 0}, "metadata": {"annotations": {"downscaler/original-replicas": "3"}}}
    cluster = connect()
    before = cluster.get(DEPLOYMENTS, "shop", "web", Deployment)
    version = before.metadata.resource_version
    after = cluster.patch(DEPLOYMENTS, "shop", "web", body, resource_version=version, as_type=Deployment)
    assert after.spec.replicas == 0
    assert after.metadata.resource_version != version
    stored = sim.get("deployments", "shop", "web")
    assert stored["metadata"]["annotations"]["downscaler/original-replicas"] == "3"
    assert "kube-thrift" in {entry["manager"] for entry in stored["metadata"].get("managedFields", [{"manager": "kube-thrift"}])}
    assert body == {"spec": {"replicas": 0}, "metadata": {"annotations": {"downscaler/original-replicas": "3"}}}


def test_a_patch_that_somebody_overtook_is_a_conflict_and_changes_nothing(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    cluster = connect()
    version = cluster.get_metadata(DEPLOYMENTS, "shop", "web").metadata.resource_version
    sim.patch("deployments", "shop", "web", {"spec": {"replicas": 7}})
    with pytest.raises(Conflict, match=r"deployments shop/web: conflict: ") as caught:
        cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 0}}, resource_version=version)
    assert caught.value.status == 409
    assert sim.get("deployments", "shop", "web")["spec"]["replicas"] == 7


def test_a_patch_whose_answer_was_lost_is_a_conflict_when_it_is_tried_again(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    cluster = connect()
    version = cluster.get_metadata(DEPLOYMENTS, "shop", "web").metadata.resource_version
    sim.faults.add(Fault(verb="patch", drop="mid", times=1))
    with pytest.raises(Conflict):
        cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 0}}, resource_version=version)
    assert sim.get("deployments", "shop", "web")["spec"]["replicas"] == 0
    assert cluster.calls["patch"] == 2


def test_a_patch_without_a_precondition_is_not_tried_again(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    sim.faults.add(Fault(verb="patch", drop="mid"))
    cluster = connect()
    with pytest.raises(Unavailable):
        cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 0}})
    assert cluster.calls["patch"] == 1


def test_a_patch_of_a_subresource(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    connect().patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 5}}, subresource="scale")
    assert sim.get("deployments", "shop", "web")["spec"]["replicas"] == 5
    assert sim.requests[-1].subresource == "scale"


def test_what_the_server_does_not_accept_is_invalid(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    with pytest.raises(Invalid, match="deployments shop/web: refused: "):
        connect().patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": -1}})


def test_create_and_create_again(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    made = cluster.create(CONFIG_MAPS, "shop", config_map("settings", colour="red"))
    assert made.metadata.uid == sim.get("configmaps", "shop", "settings")["metadata"]["uid"]
    with pytest.raises(AlreadyExists, match="configmaps in shop: already exists: "):
        cluster.create(CONFIG_MAPS, "shop", config_map("settings"))


def test_a_creation_is_tried_again_only_when_the_server_turned_it_away(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    sim.faults.add(Fault(verb="create", status=429, times=1))
    cluster.create(CONFIG_MAPS, "shop", config_map("one"))
    sim.faults.add(Fault(verb="create", status=503, times=2))
    cluster.create(CONFIG_MAPS, "shop", config_map("more"))
    assert cluster.calls["create"] == 5
    sim.faults.clear()
    for fault in (Fault(verb="create", status=500), Fault(verb="create", drop="mid")):
        sim.faults.add(fault)
        before = cluster.calls["create"]
        with pytest.raises(Unavailable):
            cluster.create(CONFIG_MAPS, "shop", config_map("two"))
        assert cluster.calls["create"] == before + 1
        sim.faults.clear()


def test_delete_and_delete_again(sim: SimCluster, connect: Connect) -> None:
    sim.create(config_map("settings"))
    cluster = connect()
    cluster.delete(CONFIG_MAPS, "shop", "settings")
    assert sim.list("configmaps", "shop") == [] or all(
        item["metadata"]["name"] != "settings" for item in sim.list("configmaps", "shop")
    )
    with pytest.raises(NotFound, match="configmaps shop/settings: not found: "):
        cluster.delete(CONFIG_MAPS, "shop", "settings")


def test_a_delete_whose_answer_was_lost_has_worked(sim: SimCluster, connect: Connect) -> None:
    sim.create(config_map("settings"))
    sim.faults.add(Fault(verb="delete", drop="mid", times=1))
    cluster = connect()
    cluster.delete(CONFIG_MAPS, "shop", "settings")
    assert cluster.calls["delete"] == 2


def test_a_delete_of_nothing_is_not_found_also_after_the_server_was_busy(sim: SimCluster, connect: Connect) -> None:
    sim.faults.add(Fault(verb="delete", status=429, times=1))
    with pytest.raises(NotFound):
        connect().delete(CONFIG_MAPS, "shop", "settings")


@pytest.mark.parametrize("precondition", ["uid", "resource_version"])
def test_a_namesake_or_a_newer_state_is_not_deleted(sim: SimCluster, connect: Connect, precondition: str) -> None:
    made = sim.create(config_map("settings"))
    old = {"uid": "another", "resource_version": made["metadata"]["resourceVersion"]}[precondition]
    sim.patch("configmaps", "shop", "settings", {"data": {"colour": "blue"}})
    with pytest.raises(Conflict):
        connect().delete(CONFIG_MAPS, "shop", "settings", **{precondition: old})
    assert sim.get("configmaps", "shop", "settings")["data"] == {"colour": "blue"}


def test_a_delete_with_the_right_preconditions(sim: SimCluster, connect: Connect) -> None:
    meta = sim.create(config_map("settings"))["metadata"]
    options = {"uid": meta["uid"], "resource_version": meta["resourceVersion"], "grace_period_seconds": 0}
    connect().delete(CONFIG_MAPS, "shop", "settings", propagation="Foreground", **options)
    with pytest.raises(Exception, match="not found"):
        sim.get("configmaps", "shop", "settings")


def test_a_dry_run_of_the_server_changes_nothing(sim: SimCluster, connect: Connect) -> None:
    sim.create(config_map("settings"))
    cluster = connect()
    assert cluster.create(CONFIG_MAPS, "shop", config_map("more"), server_dry_run=True).name == "more"
    cluster.delete(CONFIG_MAPS, "shop", "settings", server_dry_run=True)
    assert "settings" in {item["metadata"]["name"] for item in sim.list("configmaps", "shop")}
    assert "more" not in {item["metadata"]["name"] for item in sim.list("configmaps", "shop")}


def test_a_dry_run_sends_no_write_and_answers_with_the_identity(sim: SimCluster, connect: Connect) -> None:
    sim.create(deployment("web"))
    cluster = connect(dry_run=True)
    sim.clear_requests()
    patched = cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 0}}, resource_version="7", as_type=Deployment)
    assert (patched.key, patched.metadata.resource_version) == ("shop/web", "7")
    assert cluster.create(CONFIG_MAPS, "shop", config_map("settings")).key == "shop/settings"
    cluster.delete(DEPLOYMENTS, "shop", "web")
    cluster.emit(event_body(component="x", obj=patched, resource=DEPLOYMENTS, reason="R", message="m", now=sim.clock.now()))
    assert sim.requests == []
    assert cluster.get_metadata(DEPLOYMENTS, "shop", "web").name == "web"
    assert cluster.dry_run


# ---- names


@pytest.mark.parametrize(
    ("namespace", "name"),
    [("shop", "../../secrets"), ("shop", ""), ("sh/op", "web"), ("..", "web"), ("shop", "a%2f"), ("", "web")],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_name_that_could_leave_the_path_is_refused_before_anything_is_sent(
    sim: SimCluster, connect: Connect, namespace: str, name: str, dry_run: bool
) -> None:
    cluster = connect(dry_run=dry_run)
    calls: list[Callable[[], object]] = [
        lambda: cluster.get(DEPLOYMENTS, namespace, name, Object),
        lambda: cluster.get_metadata(DEPLOYMENTS, namespace, name),
        lambda: cluster.patch(DEPLOYMENTS, namespace, name, {}),
        lambda: cluster.delete(DEPLOYMENTS, namespace, name),
    ]
    for call in calls:
        with pytest.raises(ValueProblem):
            call()
    assert sim.requests == []


def test_a_namespace_is_checked_wherever_it_is_given(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    with pytest.raises(ValueProblem):
        cluster.list(PODS, Object, namespace="a/b")
    with pytest.raises(ValueProblem):
        cluster.list_metadata(PODS, namespace="a/b")
    with pytest.raises(ValueProblem):
        cluster.create(CONFIG_MAPS, "a/b", config_map("x"))
    with pytest.raises(ValueProblem):
        cluster.can_i("get", PODS, "a/b")
    assert sim.requests == []


def test_names_with_colons_reach_the_object(sim: SimCluster, connect: Connect) -> None:
    roles = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
    sim.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "team:a"}, "rules": []})
    assert connect().get(roles, None, "team:a", Object).name == "team:a"


# ---- refusals


def test_a_missing_verb_is_named(sim: SimCluster, connect: Connect) -> None:
    sim.add_user("nobody")
    with pytest.raises(Forbidden, match=r"^nodes: forbidden: nodes is forbidden: User \"nobody\" cannot list") as caught:
        list(connect("nobody").list(NODES, Object))
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")


def test_an_unknown_kind_is_not_found(connect: Connect) -> None:
    with pytest.raises(NotFound):
        list(connect().list(Resource("example.org", "v1", "widgets", "Widget"), Object))


def test_an_expired_token_is_one_line(sim: SimCluster, connect: Connect) -> None:
    sim.add_user("late", expires=sim.clock.now())
    with pytest.raises(Unauthorized) as caught:
        connect("late").get_json("/version", Version)
    assert "wrong or have expired" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_busy_again_and_again_is_throttled(sim: SimCluster, connect: Connect, clock: Any) -> None:
    sim.faults.add(Fault(status=429, retry_after=2))
    cluster = connect(max_retries_on_throttling=3)
    with pytest.raises(Throttled) as caught:
        cluster.get_json("/version", Version)
    assert caught.value.retry_after == 2
    assert len(clock.naps) == 3
    assert all(2 <= nap <= 2.2 for nap in clock.naps)


def test_no_repeats_when_none_are_allowed(sim: SimCluster, connect: Connect) -> None:
    sim.faults.add(Fault(status=429))
    cluster = connect(max_retries_on_throttling=0)
    with pytest.raises(Throttled):
        cluster.get_json("/version", Version)
    assert cluster.calls["get"] == 1


# ---- who we are


def test_a_client_certificate(sim: SimCluster, tmp_path: Path) -> None:
    certificate, key = sim.client_certificate("carla", ["system:masters"])
    (tmp_path / "client.pem").write_bytes(certificate)
    (tmp_path / "client.key").write_bytes(key)
    config = sim.kubeconfig()
    config["users"][0]["user"] = {"client-certificate": "client.pem", "client-key": "client.key"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with Cluster.connect(Connection(kubeconfig=str(tmp_path / "config"))) as cluster:
        assert [item.name for item in cluster.list(NAMESPACES, Object) if item.name == "shop"] == ["shop"]
    assert sim.requests[-1].user == "carla"


def plugin(tmp_path: Path, answer: str) -> dict[str, Any]:
    script = tmp_path / "plugin"
    script.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{answer}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Never"}}


def with_user(sim: SimCluster, tmp_path: Path, user: dict[str, Any]) -> Connection:
    config = sim.kubeconfig()
    config["users"][0]["user"] = user
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    return Connection(kubeconfig=str(tmp_path / "config"))


def test_an_exec_plugin_is_run_once_for_many_calls(sim: SimCluster, tmp_path: Path) -> None:
    user = plugin(tmp_path, f'echo \'{{"status": {{"token": "{sim.token}"}}}}\'')
    with Cluster.connect(with_user(sim, tmp_path, user)) as cluster:
        for _ in range(3):
            cluster.get_json("/version", Version)
    assert (tmp_path / "runs").read_text().count("run") == 1


def test_an_exec_plugin_is_run_again_when_its_token_is_refused(sim: SimCluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("stale")
    user = plugin(
        tmp_path, f'echo "{{\\"status\\": {{\\"token\\": \\"$(cat {tmp_path}/token)\\"}}}}"; echo {sim.token} > {tmp_path}/token'
    )
    with Cluster.connect(with_user(sim, tmp_path, user)) as cluster:
        cluster.get_json("/version", Version)
        assert cluster.calls["get"] == 2


def test_an_exec_plugin_may_bring_a_certificate(sim: SimCluster, tmp_path: Path) -> None:
    certificate, key = sim.client_certificate("carla", ["system:masters"])
    status = {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
    (tmp_path / "answer").write_text(json.dumps({"status": status}))
    with Cluster.connect(with_user(sim, tmp_path, plugin(tmp_path, f"cat {tmp_path}/answer"))) as cluster:
        cluster.get_metadata(NAMESPACES, None, "shop")
    assert sim.requests[-1].user == "carla"


def test_a_plugin_that_fails_is_one_line(sim: SimCluster, tmp_path: Path) -> None:
    with (
        Cluster.connect(with_user(sim, tmp_path, plugin(tmp_path, "echo no session >&2; exit 2"))) as cluster,
        pytest.raises(Unauthorized, match=r"plugin failed with exit code 2: no session"),
    ):
        cluster.get_json("/version", Version)


def pod_surroundings(sim: SimCluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    sim.add_user("robot", token="first", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_bytes(Path(sim.ca_file).read_bytes())
    host, port = sim.url.removeprefix("https://").split(":")
    for name, value in {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return Connection(service_account_dir=str(folder))


def test_a_pod_reads_a_rotated_token_at_once_when_the_old_one_is_refused(
    sim: SimCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster.connect(pod_surroundings(sim, tmp_path, monkeypatch)) as cluster:
        assert cluster.get_metadata(NAMESPACES, None, "shop").name == "shop"
        sim.add_user("late", token="first", expires=sim.clock.now())
        with pytest.raises(Unauthorized):
            cluster.get_metadata(NAMESPACES, None, "shop")
        sim.add_user("robot", token="second", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
        (tmp_path / "token").write_text("second\n")
        assert cluster.get_metadata(NAMESPACES, None, "shop").name == "shop"
        assert cluster.calls["get"] == 4


# ---- events


def said(sim: SimCluster, message: str = "scaled to 0") -> dict[str, object]:
    obj = Object(metadata=Meta(name="web", namespace="shop", uid="u1"))
    return event_body(
        component="kube-downscaler", obj=obj, resource=DEPLOYMENTS, reason="ScaledDown", message=message, now=sim.clock.now()
    )


def test_the_same_event_twice_is_one_event_with_a_count_of_two(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    for message in ("scaled to 0", "scaled to 0", "scaled to 0", "scaled to 3"):
        cluster.emit(said(sim, message))
    found = {item["message"]: item["count"] for item in sim.list("events", "shop", group="")}
    assert found == {"scaled to 0": 3, "scaled to 3": 1}


def test_a_count_goes_on_after_a_restart_and_starts_anew_when_the_event_is_gone(sim: SimCluster, connect: Connect) -> None:
    sim.add_user("modest", rules=[{"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}])
    for _ in range(3):
        connect("modest").emit(said(sim))
    [event] = sim.list("events", "shop", group="")
    assert event["count"] == 3
    cluster = connect("modest")
    cluster.emit(said(sim))
    cluster.emit(said(sim))
    sim.delete("events", "shop", event["metadata"]["name"])
    cluster.emit(said(sim))
    assert [item["count"] for item in sim.list("events", "shop", group="")] == [1]


def test_events_that_do_not_get_through_stop_nobody_and_are_said_once(
    sim: SimCluster, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    sim.add_user("quiet")
    cluster = connect("quiet")
    for number in range(3):
        cluster.emit(said(sim, f"scaled to {number}"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "events are not recorded: events shop/web." in caplog.text


def test_an_object_that_says_too_much_is_cut_off(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    for number in range(40):
        cluster.emit(said(sim, f"message {number}"))
    assert len(sim.list("events", "shop", group="")) == 25


# ---- many at once


def test_many_patches_side_by_side(sim: SimCluster, connect: Connect) -> None:
    for number in range(60):
        sim.create(deployment(f"web-{number:02}"))
    sim.faults.add(Fault(verb="patch", resource="deployments", name="web-07", status=500))
    sim.faults.add(Fault(verb="patch", every=10, status=429, retry_after=1))
    cluster = connect(workers=8)
    found = cluster.list(DEPLOYMENTS, Deployment, namespace="shop")

    def down(item: Deployment) -> Deployment:
        version = item.metadata.resource_version
        return cluster.patch(
            DEPLOYMENTS, "shop", item.name, {"spec": {"replicas": 0}}, resource_version=version, as_type=Deployment
        )

    results = {item.name: result for item, result in cluster.run_all(down, found)}
    assert len(results) == 60
    assert [name for name, result in results.items() if isinstance(result, ThriftError)] == ["web-07"]
    assert {item["spec"]["replicas"] for item in sim.list("deployments", "shop") if item["metadata"]["name"] != "web-07"} == {0}


def test_stop_ends_the_feeding(sim: SimCluster, connect: Connect) -> None:
    stop = threading.Event()
    cluster = connect(stop=stop, workers=2)

    def make(number: int) -> Object:
        if number == 5:
            stop.set()
        return cluster.create(CONFIG_MAPS, "shop", config_map(f"c{number}"))

    done = [item for item, _ in cluster.run_all(make, range(1000))]
    assert 5 in done
    assert len(done) < 10


# ---- one call, one clear line


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"server": "https://127.0.0.1:1"}, "cannot reach https://127.0.0.1:1: connection refused"),
        (
            {"server": "https://no-such-host.invalid"},
            "cannot reach https://no-such-host.invalid: no address is known for the name no-such-host.invalid",
        ),
    ],
)
def test_a_server_that_is_not_there(settings: dict[str, str], text: str, clock: Any) -> None:
    with Cluster.connect(Connection(**settings), clock=clock) as cluster, pytest.raises(Unavailable) as caught:  # type: ignore[arg-type]
        list(cluster.list(PODS, Object))
    assert str(caught.value) == text


def test_a_certificate_of_somebody_else(sim: SimCluster, clock: Any) -> None:
    with Cluster.connect(Connection(server=sim.url), clock=clock) as cluster, pytest.raises(Unavailable) as caught:
        cluster.get_json("/version", Version)
    assert str(caught.value).startswith(f"cannot trust {sim.url}: certificate verify failed: ")
    assert cluster.calls["get"] == 1


def test_a_certificate_for_another_name(sim: SimCluster, tmp_path: Path, clock: Any) -> None:
    config = sim.kubeconfig()
    config["clusters"][0]["cluster"]["tls-server-name"] = "other.example"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with (
        Cluster.connect(Connection(kubeconfig=str(tmp_path / "config")), clock=clock) as cluster,
        pytest.raises(Unavailable, match="cannot trust"),
    ):
        cluster.get_json("/version", Version)


def test_a_server_that_need_not_be_trusted(sim: SimCluster, tmp_path: Path) -> None:
    config = sim.kubeconfig()
    config["clusters"][0]["cluster"] = {"server": sim.url, "insecure-skip-tls-verify": True}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with Cluster.connect(Connection(kubeconfig=str(tmp_path / "config"))) as cluster:
        assert cluster.get_json("/version", Version).git_version
        assert cluster.server == sim.url


def test_every_request_is_told_to_the_observer(sim: SimCluster, connect: Connect) -> None:
    told: list[tuple[str, int]] = []
    cluster = connect(observe=lambda verb, code, seconds: told.append((verb, code)))
    sim.faults.add(Fault(verb="list", status=503, times=1))
    list(cluster.list(PODS, Object))
    with pytest.raises(ClusterError):
        cluster.get_metadata(PODS, "shop", "none")
    assert told == [("list", 503), ("list", 200), ("get", 404)]
    assert dict(cluster.calls) == {"list": 2, "get": 1}


def test_discovery_finds_what_the_cluster_serves(connect: Connect) -> None:
    found = connect().discover()
    names = {resource.name for resource in found.preferred()}
    assert {"pods", "deployments.apps", "horizontalpodautoscalers.autoscaling"} <= names
    assert found.failures == ()
    assert EVENTS.plural in names
    assert SECRETS.plural in names


def test_importing_the_client_layer_stays_light() -> None:
    heavy = ["pandas", "numpy", "boto3", "jinja2", "prometheus_client", "uvicorn", "cryptography", "shared.simcluster"]
    code = f"import sys, shared.cluster; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
