"""The Secrets of kube-green, in the forms of all its versions: reading as a table, adopting on the embedded cluster."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downscaler.keys import ORIGINAL, ORIGINAL_FIELDS, RECORD, TARGET
from downscaler.kube_green import Secret, Slept, asleep_since, beyond, is_asleep, slept
from shared.errors import ValueProblem
from shared.objects import Meta


def secret(name: str = "sleepinfo-nights", **data: str) -> Secret:
    return Secret(metadata=Meta(name=name, namespace="shop"), data=encoded(**data))


def encoded(**data: str) -> dict[str, str]:
    return {key.replace("_", "-"): base64.b64encode(text.encode()).decode() for key, text in data.items()}


def today(**kinds: dict[str, Any]) -> str:
    """`original-resource-info` as it is written: each patch is JSON in a string."""
    return json.dumps(
        {key.replace("_", "."): {name: json.dumps(patch) for name, patch in by.items()} for key, by in kinds.items()}
    )


REPLICAS = {"spec": {"replicas": 4}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, []),
        ({"original_resource_info": ""}, []),
        ({"original_resource_info": "null"}, []),
        ({"original_resource_info": "{}"}, []),
        ({"original_resource_info": '{"Deployment.apps": null}'}, []),
        ({"original_resource_info": today(Deployment_apps={"web": REPLICAS})}, [("Deployment", "apps", "web", REPLICAS)]),
        (
            {
                "original_resource_info": today(
                    StatefulSet_apps={"db": REPLICAS}, CronJob_batch={"job": {"spec": {"suspend": False}}}
                )
            },
            [("StatefulSet", "apps", "db", REPLICAS), ("CronJob", "batch", "job", {"spec": {"suspend": False}})],
        ),
        # A group with dots, and the core's, which is empty.
        ({"original_resource_info": today(ScaledObject_keda_sh={"so": {}})}, [("ScaledObject", "keda.sh", "so", {})]),
        ({"original_resource_info": today(Service_={"web": {}})}, [("Service", "", "web", {})]),
        # What was not there before is removed again.
        (
            {"original_resource_info": today(CronJob_batch={"job": {"spec": {"suspend": None}}})},
            [("CronJob", "batch", "job", {"spec": {"suspend": None}})],
        ),
        # A patch that stands there as it is.
        (
            {"original_resource_info": json.dumps({"Deployment.apps": {"web": REPLICAS}})},
            [("Deployment", "apps", "web", REPLICAS)],
        ),
        ({"original_resource_info": today(Deployment_apps={"": REPLICAS})}, []),
        # The older forms.
        ({"deployment_replicas": '[{"name":"web","replicas":4}]'}, [("Deployment", "apps", "web", REPLICAS)]),
        ({"deployment_replicas": "[]"}, []),
        ({"deployment_replicas": "null"}, []),
        ({"deployment_replicas": '[{"name":"web"}]'}, [("Deployment", "apps", "web", {"spec": {"replicas": 0}})]),
        ({"deployment_replicas": '[{"replicas":4}]'}, []),
        ({"cronjobs_info": '[{"name":"job","suspend":false}]'}, [("CronJob", "batch", "job", {"spec": {"suspend": False}})]),
        ({"cronjobs_info": '[{"name":"job"}]'}, [("CronJob", "batch", "job", {"spec": {"suspend": False}})]),
        ({"cronjobs_info": '[{"name":"job","suspend":true}]'}, [("CronJob", "batch", "job", {"spec": {"suspend": True}})]),
        ({"original_cronjobs": '[{"name":"job","suspend":false}]'}, [("CronJob", "batch", "job", {"spec": {"suspend": False}})]),
        # Both at once: nothing is forgotten, and of one object the older form counts, as in kube-green.
        (
            {
                "original_resource_info": today(Deployment_apps={"web": {"spec": {"replicas": 2}}, "api": REPLICAS}),
                "deployment_replicas": '[{"name":"web","replicas":4}]',
            },
            [("Deployment", "apps", "web", REPLICAS), ("Deployment", "apps", "api", REPLICAS)],
        ),
    ],
)
def test_what_a_secret_remembers(data: dict[str, str], expected: list[tuple[str, str, str, dict[str, Any]]]) -> None:
    assert list(slept(secret(**data))) == [Slept(*row) for row in expected]


@pytest.mark.parametrize(
    "data",
    [
        {"original_resource_info": "[]"},
        {"original_resource_info": '"Deployment.apps"'},
        {"original_resource_info": '{"Deployment.apps": "web"}'},
        {"deployment_replicas": "{}"},
        {"deployment_replicas": '[{"name":"web","replicas":"4"}]'},
        {"cronjobs_info": "{}"},
        {"cronjobs_info": '[{"name":3}]'},
    ],
)
def test_what_is_no_secret_of_kube_green(data: dict[str, str]) -> None:
    with pytest.raises(ValueProblem, match="secrets shop/sleepinfo-nights"):
        list(slept(secret(**data)))


@pytest.mark.parametrize("text", ["not base64", "%%%", "/w=="])
@pytest.mark.parametrize("key", ["original-resource-info", "deployment-replicas", "operation-type"])
def test_what_is_no_text(key: str, text: str) -> None:
    broken = Secret(metadata=Meta(name="sleepinfo-nights", namespace="shop"), data={key: text})
    with pytest.raises(ValueProblem):
        list(slept(broken)) if key != "operation-type" else is_asleep(broken)


@pytest.mark.parametrize("patch", ["{", "[]", "3", '"text"', "null"])
def test_one_object_that_cannot_be_read_does_not_hide_the_others(patch: str) -> None:
    text = json.dumps({"Deployment.apps": {"broken": patch, "web": json.dumps(REPLICAS)}})
    problem, found = slept(secret(original_resource_info=text))
    assert "secrets shop/sleepinfo-nights: Deployment broken" in str(problem)
    assert found == Slept("Deployment", "apps", "web", REPLICAS)


@pytest.mark.parametrize(
    ("name", "operation", "expected"),
    [
        ("sleepinfo-nights", "SLEEP", True),
        ("sleepinfo-nights", "WAKE_UP", False),
        ("sleepinfo-nights", "RESTORE", False),
        ("sleepinfo-nights", "SLEEP\n", True),
        ("sleepinfo-nights", None, True),
        ("password", "SLEEP", False),
        ("my-sleepinfo-nights", "SLEEP", False),
    ],
)
def test_which_secrets_are_of_a_sleeping_namespace(name: str, operation: str | None, expected: bool) -> None:
    data = {} if operation is None else {"operation_type": operation}
    assert is_asleep(secret(name, **data)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-22T20:00:00Z", datetime(2026, 3, 22, 20, tzinfo=UTC)),
        ("2026-03-22T20:00:00+01:00", datetime(2026, 3, 22, 19, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_since_when(text: str, expected: datetime | None) -> None:
    assert asleep_since(secret(scheduled_at=text)) == expected


@pytest.mark.parametrize(
    ("patch", "ours", "expected"),
    [
        (REPLICAS, REPLICAS, []),
        ({"spec": {"replicas": 4, "paused": False}}, REPLICAS, ["spec.paused"]),
        ({"metadata": {"annotations": None}, "spec": {"replicas": 4}}, REPLICAS, ["metadata.annotations"]),
        ({"metadata": {"annotations": None}}, {"metadata": {"annotations": {"a/b": None}}}, []),
        (
            {"metadata": {"annotations": {"a/b": None, "c": "1"}}},
            {"metadata": {"annotations": {"a/b": None}}},
            ["metadata.annotations.c"],
        ),
        ({}, REPLICAS, []),
    ],
)
def test_what_only_kube_green_brings_back(patch: dict[str, Any], ours: dict[str, Any], expected: list[str]) -> None:
    assert beyond(patch, ours) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["original-resource-info", "deployment-replicas", "cronjobs-info", "scheduled-at"]), st.text(max_size=60)
    )
)
def test_no_secret_raises_anything_but_our_own_error(data: dict[str, str]) -> None:
    found = secret(**{key.replace("-", "_"): text.encode("utf-8", "replace").decode() for key, text in data.items()})
    try:
        assert all(isinstance(each, Slept | ValueProblem) for each in slept(found))
    except ValueProblem:
        return


# ---- on the embedded cluster


def sleepinfo(world: Any, name: str = "sleepinfo-nights", **data: str) -> None:
    meta = {"name": name, "namespace": "shop"}
    data = {"operation_type": "SLEEP", "scheduled_at": "2026-03-22T20:00:00Z", **data}
    world.sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded(**data)})


def own(world: Any, kind: str, name: str = "web") -> dict[str, str]:
    found: dict[str, str] = world.sim.get(kind, "shop", name)["metadata"].get("annotations") or {}
    return found


def test_the_record_says_since_when_it_sleeps(world: Any) -> None:
    world.deployment(replicas=0)
    sleepinfo(world, original_resource_info=today(Deployment_apps={"web": REPLICAS}))
    assert world.controller().command("import-kube-green").ok
    found = own(world, "deployments")
    assert (found[ORIGINAL], found[TARGET]) == ("4", "0")
    assert json.loads(found[RECORD])["at"] == "2026-03-22T20:00:00Z"
    assert json.loads(found[RECORD])["why"] == "put to sleep by kube-green, adopted"


def test_both_bounds_of_an_autoscaler_are_adopted(world: Any) -> None:
    world.add("HorizontalPodAutoscaler", "hpa", spec={"minReplicas": 1, "maxReplicas": 1})
    back = {"spec": {"minReplicas": 2, "maxReplicas": 10}}
    sleepinfo(world, original_resource_info=today(HorizontalPodAutoscaler_autoscaling={"hpa": back}))
    assert world.controller().command("import-kube-green").ok
    assert json.loads(own(world, "horizontalpodautoscalers", "hpa")[ORIGINAL_FIELDS]) == {"maxReplicas": 10}
    world.controller().command("restore-all")
    spec = world.sim.get("horizontalpodautoscalers", "shop", "hpa")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)


def test_a_maximum_alone_is_adopted_too(world: Any) -> None:
    world.add("HorizontalPodAutoscaler", "hpa", spec={"minReplicas": 1, "maxReplicas": 1})
    sleepinfo(world, original_resource_info=today(HorizontalPodAutoscaler_autoscaling={"hpa": {"spec": {"maxReplicas": 10}}}))
    assert world.controller().command("import-kube-green").changed == 1
    world.controller().command("restore-all")
    assert world.sim.get("horizontalpodautoscalers", "shop", "hpa")["spec"]["maxReplicas"] == 10


def test_a_load_balancer_is_adopted(world: Any) -> None:
    spec = {"type": "ClusterIP", "ports": [{"port": 80}]}
    world.sim.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    sleepinfo(world, original_resource_info=today(Service_={"web": {"spec": {"type": "LoadBalancer"}}}))
    assert world.controller().command("import-kube-green").ok
    world.controller().command("restore-all")
    assert world.sim.get("services", "shop", "web")["spec"]["type"] == "LoadBalancer"


def test_what_only_kube_green_brings_back_is_a_failure_with_its_path(world: Any) -> None:
    world.deployment(replicas=0)
    world.add("DaemonSet", "agent")
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"example.org/off": None}}}}}
    sleepinfo(
        world,
        original_resource_info=today(
            Deployment_apps={"web": {"spec": {"replicas": 4, "paused": None}}}, DaemonSet_apps={"agent": selector}
        ),
    )
    result = world.controller().command("import-kube-green")
    assert (result.ok, result.changed) == (False, 1)
    assert sorted(result.failures) == [
        "daemonsets shop/agent: kube-green changed spec.template.spec.nodeSelector.example.org/off, too, which only kube-green "
        "brings back",
        "deployments shop/web: kube-green changed spec.paused, too, which only kube-green brings back",
    ]
    assert own(world, "deployments")[ORIGINAL] == "4"
    assert own(world, "daemonsets", "agent") == {}


@pytest.mark.parametrize(
    ("by_hand", "adopted"),
    [(0, True), (2, True), (4, False), (6, False)],
)
def test_what_somebody_has_woken_is_left_alone(world: Any, by_hand: int, adopted: bool) -> None:
    world.deployment(replicas=by_hand)
    sleepinfo(world, original_resource_info=today(Deployment_apps={"web": REPLICAS}))
    result = world.controller().command("import-kube-green")
    assert (result.ok, result.changed) == (True, int(adopted))


@pytest.mark.parametrize("patch", [{"spec": {"replicas": "many"}}, {"spec": 3}, {"metadata": {"annotations": [1]}}])
def test_a_patch_that_makes_no_such_object_is_a_failure_of_its_own(world: Any, patch: dict[str, Any]) -> None:
    world.deployment(replicas=0)
    world.deployment("api", replicas=0)
    sleepinfo(world, original_resource_info=today(Deployment_apps={"web": patch, "api": REPLICAS}))
    result = world.controller().command("import-kube-green")
    assert (result.changed, len(result.failures)) == (1, 1)
    assert result.failures[0].startswith("Deployment shop/web: ")
    assert own(world, "deployments") == {}


@pytest.mark.parametrize("name", ["../../../api/v1/secrets", "a/b", "web?x=1", "x" * 300])
def test_a_name_that_is_none_is_a_failure(world: Any, name: str) -> None:
    sleepinfo(world, original_resource_info=today(Deployment_apps={name: REPLICAS}))
    result = world.controller().command("import-kube-green")
    assert (result.ok, result.changed) == (False, 0)


def test_a_paused_scaled_object_is_adopted(world: Any) -> None:
    served = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"plural": "scaledobjects", "kind": "ScaledObject"}
    spec = {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [served]}
    meta = {"name": "scaledobjects.keda.sh"}
    world.sim.create(
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}
    )
    paused = {"autoscaling.keda.sh/paused-replicas": "0"}
    about = {"name": "so", "namespace": "shop", "annotations": paused}
    world.sim.create({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": about, "spec": {}})
    sleepinfo(world, original_resource_info=today(ScaledObject_keda_sh={"so": {"metadata": {"annotations": None}}}))

    result = world.controller("--include-resources=scaledobjects").command("import-kube-green")

    assert (result.ok, result.changed) == (True, 1)
    found = world.sim.list("scaledobjects", group="keda.sh")[0]["metadata"]["annotations"]
    assert (found[ORIGINAL], found[TARGET]) == ("-1", "0")


def test_what_had_no_size_before_is_a_failure(world: Any) -> None:
    world.add("PodDisruptionBudget", "web", spec={"minAvailable": 0})
    sleepinfo(world, original_resource_info=today(PodDisruptionBudget_policy={"web": {"spec": {"minAvailable": None}}}))
    result = world.controller().command("import-kube-green")
    assert result.failures == (
        "poddisruptionbudgets shop/web: kube-green changed spec.minAvailable, too, which only kube-green brings back",
    )
    assert own(world, "poddisruptionbudgets") == {}
