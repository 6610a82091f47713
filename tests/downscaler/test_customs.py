"""Kinds of well-known operators, kinds by configuration, autoscalers and children: on the embedded cluster."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from downscaler.amounts import Refusal
from downscaler.customs import Field, field_at, parse_generic
from downscaler.keys import ORIGINAL
from downscaler.relations import Relations
from downscaler.sizes import KINDS, Kind, generic_kind
from downscaler.workloads import Workload
from shared.errors import ValueProblem
from shared.simcluster.faults import Fault


def crd(world: Any, group: str, version: str, plural: str, kind: str, **more: Any) -> None:
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        **more,
    }
    spec = {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind}, "versions": [served]}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": spec,
    }
    world.sim.create(body)


def create(world: Any, api: str, kind: str, spec: dict[str, Any], name: str = "it", **annotations: str) -> None:
    own = {key if "/" in key else f"downscaler/{key.replace('_', '-')}": value for key, value in annotations.items()}
    world.sim.create(
        {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop", "annotations": own}, "spec": spec}
    )


def known(world: Any, kind: str) -> None:
    resource = KINDS[kind].resource
    crd(world, resource.group, resource.version, resource.plural, resource.kind)


SIMPLE = [
    ("rollouts", {"replicas": 3}, {"replicas": 0}),
    ("stacks", {"replicas": 3}, {"replicas": 0}),
    ("prometheuses", {"replicas": 2}, {"replicas": 0}),
    ("postgresqls", {"numberOfInstances": 2}, {"numberOfInstances": 0}),
    ("kafkaconnects", {"replicas": 2}, {"replicas": 0}),
    ("kafkamirrormaker2s", {"replicas": 2}, {"replicas": 0}),
    ("kafkabridges", {"replicas": 1}, {"replicas": 0}),
    ("autoscalingrunnersets", {"minRunners": 4}, {"minRunners": 0}),
]


@pytest.mark.parametrize(("kind", "day", "night"), SIMPLE, ids=[row[0] for row in SIMPLE])
def test_down_and_back_up(world: Any, kind: str, day: dict[str, Any], night: dict[str, Any]) -> None:
    known(world, kind)
    resource = KINDS[kind].resource
    create(world, resource.api_version, resource.kind, day)
    world.pass_time(hours=1)

    assert world.controller(f"--include-resources={kind}", "--default-downtime=always").turn().ok
    assert world.sim.get(resource, "shop", "it")["spec"] == day | night
    assert world.controller(f"--include-resources={kind}").turn().ok
    found = world.sim.get(resource, "shop", "it")
    assert found["spec"] == day
    assert not found["metadata"].get("annotations")


def test_a_stack_that_scales_itself_does_so_again_afterwards(world: Any) -> None:
    known(world, "stacks")
    resource = KINDS["stacks"].resource
    create(world, resource.api_version, resource.kind, {"autoscaler": {"maxReplicas": 7}})
    world.pass_time(hours=1)
    world.controller("--include-resources=stacks", "--default-downtime=always").turn()
    found = world.sim.get(resource, "shop", "it")
    assert (found["spec"]["replicas"], found["metadata"]["annotations"][ORIGINAL]) == (0, "7")
    world.controller("--include-resources=stacks").turn()
    assert "replicas" not in world.sim.get(resource, "shop", "it")["spec"]


def test_a_missing_crd_is_skipped_quietly_and_found_when_it_comes(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    controller = world.controller("--include-resources=deployments,rollouts", "--default-downtime=always")
    world.deployment()
    world.pass_time(hours=1)
    assert controller.lasting_turn().ok
    assert world.replicas() == 0

    known(world, "rollouts")
    create(world, "argoproj.io/v1alpha1", "Rollout", {"replicas": 3})
    world.pass_time(hours=1)
    assert controller.lasting_turn().ok
    assert world.sim.get(KINDS["rollouts"].resource, "shop", "it")["spec"]["replicas"] == 0
    assert "WARNING" not in caplog.text


def test_a_newer_version_of_a_kind_is_understood(world: Any) -> None:
    crd(world, "kafka.strimzi.io", "v1", "kafkaconnects", "KafkaConnect")
    create(world, "kafka.strimzi.io/v1", "KafkaConnect", {"replicas": 2})
    world.pass_time(hours=1)
    assert world.controller("--include-resources=kafkaconnects", "--default-downtime=always").turn().ok
    assert world.sim.list("kafkaconnects", group="kafka.strimzi.io")[0]["spec"]["replicas"] == 0


# ---- ScaledObjects


def scaled_object(world: Any, target: str = "web", **annotations: str) -> None:
    create(world, "keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": target}, "triggers": []}, **annotations)


def pause(world: Any) -> str | None:
    annotations = world.sim.get(KINDS["scaledobjects"].resource, "shop", "it")["metadata"].get("annotations") or {}
    paused: str | None = annotations.get("autoscaling.keda.sh/paused-replicas")
    return paused


@pytest.mark.parametrize("carrier", ["scaler", "target"])
def test_a_scaled_object_is_paused_and_its_target_left_to_it(world: Any, carrier: str) -> None:
    known(world, "scaledobjects")
    world.deployment(**({"downtime": "always"} if carrier == "target" else {}))
    scaled_object(world, **({"downtime": "always"} if carrier == "scaler" else {}))
    world.pass_time(hours=1)
    controller = world.controller("--include-resources=deployments,scaledobjects")

    assert controller.turn().ok
    assert (pause(world), world.replicas()) == ("0", 3)
    assert controller.metric("kept", kind="deployments", cause="autoscaled") == 1

    controller = world.controller("--include-resources=deployments,scaledobjects", "--exclude-namespaces=shop")
    controller.turn()
    assert pause(world) is None


@pytest.mark.parametrize(
    ("before", "original", "after"),
    [
        ({"autoscaling.keda.sh/paused-replicas": "0"}, "-1", None),
        ({"autoscaling.keda.sh/paused-replicas": "0", "downscaler/original-pause-replicas": "2"}, "2", "2"),
    ],
)
def test_the_pauses_of_other_tools_are_undone(world: Any, before: dict[str, str], original: str, after: str | None) -> None:
    known(world, "scaledobjects")
    scaled_object(world, **before, **{ORIGINAL: original})
    assert world.controller("--include-resources=scaledobjects").turn().ok
    assert pause(world) == after
    left = world.sim.get(KINDS["scaledobjects"].resource, "shop", "it")["metadata"].get("annotations") or {}
    assert not [key for key in left if key.startswith("downscaler/")]


@pytest.mark.parametrize("own", [{"autoscaling.keda.sh/paused": "true"}, {"autoscaling.keda.sh/paused-replicas": "two"}])
def test_what_somebody_paused_otherwise_is_left_alone(world: Any, own: dict[str, str]) -> None:
    known(world, "scaledobjects")
    scaled_object(world, **own)
    world.pass_time(hours=1)
    controller = world.controller("--include-resources=scaledobjects", "--default-downtime=always")
    controller.turn()
    assert controller.metric("kept", kind="scaledobjects", cause="unsized") == 1


# ---- HorizontalPodAutoscalers


@pytest.mark.parametrize("kinds", ["deployments", "deployments,horizontalpodautoscalers"])
@pytest.mark.parametrize("carrier", ["scaler", "target"])
def test_at_a_target_of_zero_the_workload_goes_down_and_its_autoscaler_rests(world: Any, carrier: str, kinds: str) -> None:
    world.deployment(**({"downtime": "always"} if carrier == "target" else {}))
    world.add(
        "HorizontalPodAutoscaler", "hpa", spec={"minReplicas": 2}, **({"downtime": "always"} if carrier == "scaler" else {})
    )
    world.pass_time(hours=1)
    assert world.controller(f"--include-resources={kinds}").turn().ok
    assert world.replicas() == 0
    assert world.sim.get("horizontalpodautoscalers", "shop", "hpa")["spec"]["minReplicas"] == 2


@pytest.mark.parametrize("carrier", ["scaler", "target"])
def test_at_a_target_above_zero_the_autoscaler_is_lowered_and_the_workload_left_to_it(world: Any, carrier: str) -> None:
    asleep = {"downtime": "always", "downtime_replicas": "1"}
    world.deployment(**(asleep if carrier == "target" else {}))
    world.add("HorizontalPodAutoscaler", "hpa", spec={"minReplicas": 3}, **(asleep if carrier == "scaler" else {}))
    world.pass_time(hours=1)
    assert world.controller("--include-resources=deployments,horizontalpodautoscalers").turn().ok
    assert world.replicas() == 3
    assert world.sim.get("horizontalpodautoscalers", "shop", "hpa")["spec"]["minReplicas"] == 1


def test_no_fight_where_the_autoscaler_is_not_ours(world: Any) -> None:
    world.deployment(downtime="always", downtime_replicas="1")
    world.add("HorizontalPodAutoscaler", "hpa", spec={"minReplicas": 3})
    world.pass_time(hours=1)
    controller = world.controller()
    controller.turn()
    assert world.replicas() == 3
    assert controller.metric("kept", kind="deployments", cause="autoscaled") == 1


def test_autoscalers_that_may_not_be_read_stop_nothing(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "get", "patch"]},
    ]
    world.sim.add_user("narrow", rules=rules)
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    assert world.controller(user="narrow").turn().ok
    assert world.replicas() == 0


# ---- StatefulSets and their volumes


@pytest.mark.parametrize(
    ("when_scaled", "own", "namespace", "flags", "replicas"),
    [
        ("Retain", {}, {}, (), 0),
        ("Delete", {}, {}, (), 2),
        ("Delete", {"allow_volume_deletion": "true"}, {}, (), 0),
        ("Delete", {"allow_volume_deletion": "yes"}, {}, (), 2),
        ("Delete", {}, {"allow_volume_deletion": "true"}, (), 0),
        ("Delete", {"allow_volume_deletion": "false"}, {}, ("--allow-volume-deletion",), 2),
        ("Delete", {}, {}, ("--allow-volume-deletion",), 0),
    ],
)
def test_volumes_are_not_deleted_by_the_way(
    world: Any, when_scaled: str, own: dict[str, str], namespace: dict[str, str], flags: tuple[str, ...], replicas: int
) -> None:
    policy = {"replicas": 2, "persistentVolumeClaimRetentionPolicy": {"whenScaled": when_scaled, "whenDeleted": "Retain"}}
    world.add("StatefulSet", spec=policy, **own)
    world.annotate_namespace(**namespace)
    world.pass_time(hours=1)
    world.controller("--include-resources=statefulsets", "--default-downtime=always", *flags).turn()
    assert world.sim.get("statefulsets", "shop", "web")["spec"]["replicas"] == replicas


# ---- CronJobs


@pytest.mark.parametrize("kinds", ["cronjobs", "cronjobs,jobs"])
def test_the_jobs_of_a_cron_job_follow_it_where_that_is_asked_for(world: Any, kinds: str) -> None:
    for name, own in (("nightly", {"scale_children": "true"}), ("other", {})):
        world.add("CronJob", name, downtime="always", **own)
        uid = world.sim.get("cronjobs", "shop", name)["metadata"]["uid"]
        world.add("Job", f"{name}-1")
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": uid, "controller": True}
        world.sim.patch("jobs", "shop", f"{name}-1", {"metadata": {"ownerReferences": [owner]}})
    world.pass_time(hours=1)

    def suspended(name: str) -> bool:
        return bool(world.sim.get("jobs", "shop", name)["spec"].get("suspend"))

    assert world.controller(f"--include-resources={kinds}").turn().ok
    assert (suspended("nightly-1"), suspended("other-1")) == (True, False)
    world.annotate("nightly", "cronjobs", downtime="never")
    assert world.controller(f"--include-resources={kinds}").turn().ok
    assert not suspended("nightly-1")


@pytest.mark.parametrize(
    ("flags", "before", "after"),
    [((), None, None), (("--missed-runs=skip",), None, 60), (("--missed-runs=skip",), 300, 300)],
)
def test_a_cron_job_that_comes_up_may_leave_out_what_it_missed(
    world: Any, flags: tuple[str, ...], before: int | None, after: int | None
) -> None:
    world.add("CronJob", spec={"suspend": True, "startingDeadlineSeconds": before}, original_replicas="1")
    world.controller("--include-resources=cronjobs", *flags).turn()
    spec = world.sim.get("cronjobs", "shop", "web")["spec"]
    assert (spec["suspend"], spec.get("startingDeadlineSeconds")) == (False, after)


# ---- kinds by configuration


@pytest.mark.parametrize(
    ("path", "day", "night", "original"),
    [
        ("spec.instances", {"instances": 3}, {"instances": 0}, "3"),
        ("spec.minPoolSize", {"minPoolSize": 2, "maxPoolSize": 4}, {"minPoolSize": 0, "maxPoolSize": 4}, "2"),
        ("spec.suspend=true", {"suspend": False}, {"suspend": True}, "1"),
        ("spec.enabled=false", {"enabled": True}, {"enabled": False}, "1"),
        ("spec.power.state=Stopped", {"power": {"state": "Running-Fast"}}, {"power": {"state": "Stopped"}}, "Running-Fast"),
        ("scale", {"size": {"wanted": 5}}, {"size": {"wanted": 0}}, "5"),
    ],
)
def test_a_kind_by_configuration(world: Any, path: str, day: dict[str, Any], night: dict[str, Any], original: str) -> None:
    scale = {"subresources": {"scale": {"specReplicasPath": ".spec.size.wanted", "statusReplicasPath": ".status.size"}}}
    crd(world, "example.org", "v1", "widgets", "Widget", **scale)
    create(world, "example.org/v1", "Widget", day)
    world.pass_time(hours=1)
    flag = f"--custom-kinds=example.org/v1/widgets:{path}"

    assert world.controller(flag, "--default-downtime=always").turn().ok
    found = world.sim.list("widgets", group="example.org")[0]
    assert (found["spec"], found["metadata"]["annotations"][ORIGINAL]) == (night, original)
    assert world.controller(flag, "--default-downtime=always").turn().changed == 0
    assert world.controller(flag).turn().ok
    assert world.sim.list("widgets", group="example.org")[0]["spec"] == day


def test_a_kind_without_a_scale_subresource_is_a_failure_of_its_own(world: Any) -> None:
    crd(world, "example.org", "v1", "widgets", "Widget")
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    result = world.controller("--custom-kinds=example.org/v1/widgets:scale").turn()
    assert result.failures == ("customresourcedefinitions widgets.example.org: no scale subresource in v1; name a path",)
    assert world.replicas() == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "widgets",
        "example.org/v1/widgets",
        "example.org/v1/widgets:",
        "example.org/v1/widgets:status.x",
        "a/b/c:d",
        "x/v1/w:spec..a",
    ],
)
def test_descriptions_that_are_none(text: str) -> None:
    with pytest.raises(ValueProblem):
        parse_generic(text)


def test_an_object_without_the_field_has_no_size() -> None:
    kind = generic_kind(parse_generic("example.org/v1/widgets:spec.size.wanted"))
    assert kind.read(msgspec.convert({"spec": {"other": 1}}, kind.as_type)) is None
    assert field_at(".spec.size") == Field(("spec", "size"))


@pytest.mark.parametrize(
    ("path", "spec", "target", "expected"),
    [
        ("spec.n", {"n": 3}, "50%", None),
        ("spec.n", {"n": 3}, 2, 2),
        ("spec.off=true", {}, 2, 1),
        ("spec.off=true", {}, 0, 0),
        ("spec.power=Off", {"power": "Fast"}, 1, "Fast"),
        ("spec.power=Off", {}, 1, "Off"),
        ("spec.power=Off", {"power": "Fast"}, 0, "Off"),
    ],
)
def test_targets_of_described_kinds(path: str, spec: dict[str, Any], target: Any, expected: Any) -> None:
    kind = generic_kind(parse_generic(f"example.org/v1/widgets:{path}"))
    reached = kind.reach(msgspec.convert({"spec": spec}, kind.as_type), target)
    assert (None if isinstance(reached, Refusal) else reached) == expected


@pytest.mark.parametrize("text", ["many", "", "-1"])
def test_records_of_described_counts_that_are_none(text: str) -> None:
    with pytest.raises(ValueProblem):
        generic_kind(parse_generic("example.org/v1/widgets:spec.n")).parse_original(text)


def test_a_kind_by_its_scale_has_no_size_before_the_server_was_asked() -> None:
    kind = generic_kind(parse_generic("example.org/v1/widgets:scale"))
    assert kind.read(msgspec.convert({"spec": {"n": 1}}, kind.as_type)) is None


def test_of_two_autoscalers_the_scaled_object_counts_and_one_without_a_target_not() -> None:
    def scaler(kind: str, spec: dict[str, Any]) -> tuple[Kind, Workload]:
        row = KINDS[kind]
        return row, msgspec.convert({"metadata": {"name": "it", "namespace": "shop"}, "spec": spec}, row.as_type)

    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    found = [scaler("scaledobjects", target), scaler("horizontalpodautoscalers", target), scaler("horizontalpodautoscalers", {})]
    relations = Relations.of(found)
    assert [each.name for each in relations.scalers.values()] == ["ScaledObject it"]


def test_the_autoscaler_that_keda_made_is_kedas(world: Any) -> None:
    world.add("HorizontalPodAutoscaler", "keda-hpa-web", spec={"minReplicas": 3}, downtime="always", downtime_replicas="1")
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "u", "controller": True}
    world.sim.patch("horizontalpodautoscalers", "shop", "keda-hpa-web", {"metadata": {"ownerReferences": [owner]}})
    world.pass_time(hours=1)
    assert world.controller("--include-resources=horizontalpodautoscalers").turn().changed == 0


def test_discovery_that_fails_leaves_the_built_in_kinds(world: Any) -> None:
    world.deployment(downtime="always")
    world.pass_time(hours=1)
    controller = world.controller("--include-resources=deployments,rollouts", max_retries_on_throttling=0, timeout=1.0)
    world.sim.faults.add(Fault(verb="discover", status=403))
    controller.turn()
    assert world.replicas() == 0
