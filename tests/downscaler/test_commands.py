"""Orphans, restore-all and the adoption of what kube-green put to sleep, on the embedded cluster."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from downscaler.commands import COMMANDS
from downscaler.config import read_config
from downscaler.kube_green import Secret, is_asleep, slept
from downscaler.main import main
from downscaler.options import COMMAND_NAMES
from downscaler.sizes import KINDS
from shared.errors import ValueProblem
from shared.objects import Meta

ASLEEP = {"original_replicas": "3", "downscaled_to": "0"}


def encoded(**values: str) -> dict[str, str]:
    return {key.replace("_", "-"): base64.b64encode(value.encode()).decode() for key, value in values.items()}


def sleepinfo(world: Any, name: str = "sleepinfo-nights", **data: str) -> None:
    meta = {"name": name, "namespace": "shop"}
    world.sim.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded(**data)})


TODAY = json.dumps({"Deployment.apps": {"web": json.dumps({"spec": {"replicas": 4}}), "gone": "{}"}})


# ---- the record


def test_the_record_says_when_why_and_by_whom_and_is_written_once(world: Any) -> None:
    world.deployment()
    controller = world.controller("--default-downtime=always")
    world.pass_time(hours=1)
    controller.turn()
    meta = world.sim.get("deployments", "shop", "web")["metadata"]["annotations"]
    record = json.loads(meta["downscaler/record"])
    assert record["at"] == "2026-03-23T13:00:00Z"
    assert record["why"] == "in downtime always (configuration)"
    assert record["by"].startswith("kube-thrift ")

    world.scale(5)
    world.pass_time(minutes=1)
    controller.turn()
    assert world.sim.get("deployments", "shop", "web")["metadata"]["annotations"] == meta

    world.controller().turn()
    assert not world.sim.get("deployments", "shop", "web")["metadata"].get("annotations")


# ---- orphans


@pytest.mark.parametrize(("policy", "replicas"), [("excluded", 0), ("restore", 3), ("report", 0)])
def test_a_kind_that_was_taken_out(world: Any, policy: str, replicas: int, caplog: pytest.LogCaptureFixture) -> None:
    world.deployment(replicas=0, **ASLEEP)
    world.deployment("parked", replicas=0)
    controller = world.controller("--include-resources=statefulsets", f"--orphans={policy}", "--enable-events")

    assert controller.lasting_turn().ok
    controller.lasting_turn()

    assert (world.replicas(), world.replicas("parked")) == (replicas, 0)
    said = "was put down from '3' and is left asleep: deployments is not in --include-resources; --orphans=restore brings it up"
    assert caplog.text.count(said) == (0 if replicas else 1)
    assert ("Orphaned" in {event["reason"] for event in world.sim.list("events")}) is not bool(replicas)


def test_orphans_are_looked_for_once_an_hour(world: Any) -> None:
    controller = world.controller("--include-resources=statefulsets", "--orphans=restore")
    controller.lasting_turn()
    world.deployment(replicas=0, **ASLEEP)
    world.pass_time(minutes=59)
    controller.lasting_turn()
    assert world.replicas() == 0
    world.pass_time(minutes=1)
    controller.lasting_turn()
    assert world.replicas() == 3


def test_a_kind_that_is_named_and_not_served_is_no_orphan(world: Any) -> None:
    """The cluster has no CRDs: there is nothing to ask about kinds that are all named."""
    world.controller(f"--include-resources={','.join(KINDS)}", "--orphans=restore").lasting_turn()

    assert [each.path for each in world.sim.requests if "selfsubjectaccessreviews" in each.path] == []


@pytest.mark.parametrize(
    "flags", [("--exclude-namespaces=shop",), ("--exclude-deployments=web",), ("--matching-labels=team=other",), ()]
)
@pytest.mark.parametrize(("policy", "replicas"), [("excluded", 3), ("restore", 3), ("report", 0)])
def test_what_was_excluded_since(
    world: Any, flags: tuple[str, ...], policy: str, replicas: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.deployment(replicas=0, **ASLEEP, **({} if flags else {"exclude": "true"}))
    world.controller("--default-downtime=always", f"--orphans={policy}", *flags).turn()
    assert world.replicas() == replicas
    assert ("left asleep" in caplog.text) is not bool(replicas)


def test_rights_on_kinds_that_are_left_out_are_not_needed(world: Any) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["namespaces", "pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["list"]},
    ]
    world.sim.add_user("narrow", rules=rules)
    assert world.controller("--include-resources=statefulsets", user="narrow").lasting_turn().ok


# ---- restore-all


def test_everything_comes_back_whatever_schedules_and_exclusions_say(world: Any) -> None:
    world.deployment(replicas=0, downtime="always", **ASLEEP)
    world.deployment("excluded", replicas=0, exclude="true", **ASLEEP)
    world.add("CronJob", "report", spec={"suspend": True}, original_replicas="1")
    world.deployment("parked", replicas=0)
    controller = world.controller("--exclude-namespaces=shop", "--upscale-target-only")

    dry = world.controller("--dry-run").command("restore-all")
    assert dry.changed == 3
    assert world.replicas() == 0

    result = controller.command("restore-all")

    assert (result.ok, result.changed) == (True, 3)
    assert [world.replicas(name) for name in ("web", "excluded", "parked")] == [3, 3, 0]
    assert world.sim.get("cronjobs", "shop", "report")["spec"]["suspend"] is False
    assert controller.command("restore-all").changed == 0


def test_what_cannot_be_brought_back_is_a_failure(world: Any) -> None:
    world.deployment(replicas=0, original_replicas="many")
    world.deployment("other", replicas=0, **ASLEEP)
    result = world.controller().command("restore-all")
    assert world.replicas("other") == 3
    assert result.failures == ("deployments shop/web: left asleep: downscaler/original-replicas cannot be read",)


def test_a_conflict_during_restore_all_is_decided_again(world: Any) -> None:
    world.deployment(replicas=0, downtime="always", **ASLEEP)
    controller, done = world.controller(), []

    def interfere(verb: str, *_: object) -> None:
        if verb == "patch" and not done:
            done.append(verb)
            world.annotate(note="x")

    world.sim.on_write(interfere)
    assert controller.command("restore-all").ok
    assert world.replicas() == 3


# ---- kube-green


def test_what_kube_green_put_to_sleep_is_adopted_and_comes_up(world: Any) -> None:
    world.deployment(replicas=0)
    world.deployment("awake", replicas=2)
    world.add("CronJob", "report", spec={"suspend": True})
    sleepinfo(
        world,
        operation_type="SLEEP",
        original_resource_info=TODAY,
        deployment_replicas=json.dumps([{"name": "awake", "replicas": 2}]),
        cronjobs_info=json.dumps([{"name": "report", "suspend": False}]),
    )
    controller = world.controller("--include-resources=deployments,cronjobs")

    assert world.controller("--dry-run").command("import-kube-green").changed == 2
    assert world.record() == {}
    result = controller.command("import-kube-green")

    assert (result.ok, result.summary) == (True, "2 sleepers of kube-green adopted")
    assert world.record() == {"original-replicas": "4", "downscaled-to": "0"}
    assert controller.command("import-kube-green").changed == 0
    controller.turn()
    assert world.replicas() == 4
    assert world.sim.get("cronjobs", "shop", "report")["spec"]["suspend"] is False


def test_a_namespace_that_kube_green_woke_is_left_alone(world: Any) -> None:
    world.deployment(replicas=0)
    sleepinfo(world, operation_type="WAKE_UP", original_resource_info=TODAY)
    assert world.controller().command("import-kube-green").changed == 0
    assert world.record() == {}


def test_kinds_that_are_not_scaled_here_and_garbage_are_failures(world: Any) -> None:
    sleepinfo(world, operation_type="SLEEP", original_resource_info='{"Gadget.example.org": {"one": "{}"}}')
    sleepinfo(world, "sleepinfo-broken", operation_type="SLEEP", original_resource_info="[]")
    result = world.controller().command("import-kube-green")
    assert [line.partition(":")[0] for line in sorted(result.failures)] == [
        "'secrets shop/sleepinfo-broken' is not understood; accepted",
        "Gadget shop/one",
    ]


@pytest.mark.parametrize("data", [{"original-resource-info": "%%%"}, {"cronjobs-info": "e30="}, {"deployment-replicas": "/w=="}])
def test_no_secret_raises_anything_but_our_own_error(data: dict[str, str]) -> None:
    with pytest.raises(ValueProblem):
        list(slept(Secret(data=data)))


def test_a_secret_that_is_not_base64_is_no_sleeper() -> None:
    with pytest.raises(ValueProblem):
        is_asleep(Secret(metadata=Meta(name="sleepinfo-x"), data={"operation-type": "%"}))
    assert not is_asleep(Secret(metadata=Meta(name="password")))


def test_secrets_that_may_not_be_listed_are_a_failure(world: Any) -> None:
    world.sim.add_user("blind", rules=[])
    assert "secrets" in world.controller(user="blind").command("import-kube-green").failures[0]


# ---- the command line


def test_the_commands_take_the_controllers_flags(world: Any, tmp_path: Any) -> None:
    world.deployment(replicas=0, **ASLEEP)
    path = world.sim.write_kubeconfig(tmp_path / "config")
    assert main([f"--kubeconfig={path}", "restore-all"]) == 0
    assert world.replicas() == 3
    assert main(["import-kube-green", f"--kubeconfig={path}"]) == 0


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["restore-some"])
    assert stopped.value.code == 2
    assert "'restore-some'" in capsys.readouterr().err


def test_every_command_is_declared() -> None:
    assert tuple(COMMANDS) == COMMAND_NAMES


def test_the_orphan_policy_is_read() -> None:
    assert read_config([], {"ORPHANS": "report"}).rules.policy.upscale_target_only
    assert not read_config([], {}).rules.policy.upscale_target_only


@pytest.mark.parametrize(("policy", "replicas", "lists"), [("excluded", 0, 4), ("report", 0, 4), ("restore", 3, None)])
def test_a_single_turn_looks_for_orphans_only_to_restore_them(world: Any, policy: str, replicas: int, lists: int | None) -> None:
    """Namespaces, pods, the kind itself and the autoscalers that may govern it; nothing else where nothing is to be done."""
    world.deployment(replicas=0, **ASLEEP)
    controller = world.controller("--include-resources=statefulsets", f"--orphans={policy}", "--once")

    assert controller.lasting_turn().ok

    assert world.replicas() == replicas
    if lists is not None:
        assert controller.cluster.list_sequences == lists
