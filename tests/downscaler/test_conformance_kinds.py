"""Kinds, records of other tools, and the points where the existing downscalers contradict each other, each as a named case.

The object is three replicas of a Deployment unless the row says otherwise, on Monday 2026-03-23, 12:00 UTC. In the table of
contradictions the two outcomes are those of `--compat=orig` and `--compat=go`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.downscaler.outcomes import ASLEEP, DOWN, Row, kinds, outcome

OFFICE, NIGHT = "Mon-Fri 08:00-18:00 UTC", "Mon-Fri 20:00-06:00 UTC"
CEILING = "downtime-max-replicas"
BOTH_BOUNDS = {"downtime-replicas": "1", CEILING: "1"}
KIND_ROWS: list[Row] = [
    *kinds(
        "statefulsets",
        ("down", "down 0", {"replicas": 2}, DOWN),
        ("up", "up 3", {"replicas": 0}, ASLEEP),
        ("volumes retained", "down 0", {"replicas": 2, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}}, DOWN),
        (
            "volumes deleted",
            "keep refused",
            {"replicas": 2, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}},
            DOWN,
        ),
        (
            "volumes deleted, asleep already",
            "up 3",
            {"replicas": 0, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}},
            ASLEEP,
        ),
        (
            "volumes deleted, allowed",
            "down 0",
            {"replicas": 2, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}},
            {**DOWN, "allow-volume-deletion": "true"},
        ),
    ),
    *kinds(
        "rollouts",
        ("down", "down 0", {"replicas": 2}, DOWN),
        ("down to some", "down 1", {"replicas": 2}, {**DOWN, "downtime-replicas": "1"}),
        ("replicas unset count as one", "down 0", {}, DOWN),
        ("up", "up 3", {"replicas": 0}, ASLEEP),
    ),
    *kinds(
        "stacks",
        ("down", "down 0", {"replicas": 2}, DOWN),
        ("scales itself", "down 0", {"autoscaler": {"maxReplicas": 6}}, DOWN),
        ("scales itself, older field", "down 0", {"horizontalPodAutoscaler": {"maxReplicas": 6}}, DOWN),
        ("up to its maximum", "up 6", {"replicas": 0, "autoscaler": {"maxReplicas": 6}}, {"original-replicas": "6"}),
    ),
    *kinds(
        "prometheuses",
        ("down", "down 0", {"replicas": 2}, DOWN),
        ("replicas unset", "down 0", {}, DOWN),
        ("up", "up 3", {"replicas": 0}, ASLEEP),
    ),
    *kinds(
        "postgresqls",
        ("down", "down 0", {"numberOfInstances": 2}, DOWN),
        ("no instances named", "keep unsized", {}, DOWN),
        ("up", "up 3", {"numberOfInstances": 0}, ASLEEP),
    ),
    *kinds("kafkaconnects", ("down", "down 0", {"replicas": 2}, DOWN), ("up", "up 3", {"replicas": 0}, ASLEEP)),
    *kinds("kafkamirrormaker2s", ("down", "down 0", {"replicas": 2}, DOWN), ("up", "up 3", {"replicas": 0}, ASLEEP)),
    *kinds("kafkabridges", ("down", "down 0", {"replicas": 2}, DOWN), ("up", "up 3", {"replicas": 0}, ASLEEP)),
    *kinds(
        "autoscalingrunnersets",
        ("down", "down 0", {"minRunners": 2}, DOWN),
        ("no minimum is a minimum of none", "keep parked", {}, DOWN),
        ("up", "up 3", {"minRunners": 0}, ASLEEP),
    ),
    *kinds(
        "scaledobjects",
        ("pause", "down 0", {}, DOWN),
        ("pause at some", "down 2", {}, {**DOWN, "downtime-replicas": "2"}),
        ("resume", "up -1", {}, {"autoscaling.keda.sh/paused-replicas": "0", "original-replicas": "-1"}),
        ("back to a pause at more", "up 2", {}, {"autoscaling.keda.sh/paused-replicas": "0", "original-replicas": "2"}),
        ("the pause was taken off by hand", "forget", {}, {"original-replicas": "-1"}),
        ("paused at nothing by hand", "keep parked", {}, {**DOWN, "autoscaling.keda.sh/paused-replicas": "0"}),
        ("paused as it is by hand", "keep unsized", {}, {**DOWN, "autoscaling.keda.sh/paused": "true"}),
        ("record is garbage", "problem", {}, {"original-replicas": "50%"}),
    ),
    *kinds(
        "cronjobs",
        ("suspended", "down 0", {"suspend": False}, DOWN),
        ("suspended by hand", "keep parked", {"suspend": True}, DOWN),
        ("resumed", "up 1", {"suspend": True}, {"original-replicas": "1"}),
        ("resumed, the record of another tool", "up 1", {"suspend": True}, {"original-replicas": "false"}),
        ("resumed, unset in another tool", "up 1", {"suspend": True}, {"original-replicas": "-1"}),
        ("was suspended before", "forget", {"suspend": True}, {"original-replicas": "true"}),
    ),
    *kinds(
        "jobs",
        ("suspended", "down 0", {}, DOWN),
        ("resumed", "up 1", {"suspend": True}, {"original-replicas": "false"}),
    ),
    *kinds(
        "daemonsets",
        ("off", "down 0", {"template": {"spec": {}}}, DOWN),
        (
            "on, this key",
            "up 1",
            {"template": {"spec": {"nodeSelector": {"kube-downscaler-non-existent": "true"}}}},
            {"original-replicas": "1"},
        ),
        (
            "on, the other key",
            "up 1",
            {"template": {"spec": {"nodeSelector": {"downscaler/match-none": "true"}}}},
            {"original-replicas": "false"},
        ),
        ("another selector of its own", "down 0", {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}, DOWN),
    ),
    *kinds(
        "horizontalpodautoscalers",
        ("a target of zero", "keep refused", {"minReplicas": 2, "maxReplicas": 5}, DOWN),
        ("a target of one", "down 1", {"minReplicas": 2, "maxReplicas": 5}, {**DOWN, "downtime-replicas": "1"}),
        ("up", "up 3", {"minReplicas": 1, "maxReplicas": 5}, ASLEEP),
        ("the maximum was lowered", "up 2", {"minReplicas": 1, "maxReplicas": 2}, ASLEEP),
        ("both bounds", "down 1", {"minReplicas": 2, "maxReplicas": 5}, {**DOWN, **BOTH_BOUNDS}),
        ("the maximum alone", "down 1", {"minReplicas": 1, "maxReplicas": 5}, {**DOWN, **BOTH_BOUNDS}),
        ("both at the target", "keep parked", {"minReplicas": 1, "maxReplicas": 1}, {**DOWN, **BOTH_BOUNDS}),
        (
            "both asleep",
            "keep down",
            {"minReplicas": 1, "maxReplicas": 1},
            {**DOWN, **BOTH_BOUNDS, "original-replicas": "2", "original-fields": '{"maxReplicas":5}'},
        ),
        (
            "both come back",
            "up 2",
            {"minReplicas": 1, "maxReplicas": 1},
            {"original-replicas": "2", "original-fields": '{"maxReplicas":5}'},
        ),
        (
            "the maximum comes back alone",
            "up 1",
            {"minReplicas": 1, "maxReplicas": 1},
            {"original-replicas": "1", "original-fields": '{"maxReplicas":5}'},
        ),
        (
            "the maximum was raised by hand at night",
            "down 1",
            {"minReplicas": 1, "maxReplicas": 9},
            {**DOWN, **BOTH_BOUNDS, "original-replicas": "2", "original-fields": '{"maxReplicas":5}'},
        ),
        ("a ceiling of garbage counts as none", "keep parked", {"minReplicas": 1}, {**DOWN, **BOTH_BOUNDS, CEILING: "x"}),
    ),
    *kinds(
        "poddisruptionbudgets",
        ("minimum lowered", "down 0", {"minAvailable": 2}, DOWN),
        ("minimum of a percentage lowered", "down 25%", {"minAvailable": "75%"}, {**DOWN, "downtime-replicas": "25%"}),
        ("minimum not raised", "keep parked", {"minAvailable": 1}, {**DOWN, "downtime-replicas": "3"}),
        ("maximum raised", "down 100%", {"maxUnavailable": 1}, {**DOWN, "downtime-replicas": "100%"}),
        ("maximum not lowered", "keep parked", {"maxUnavailable": 1}, DOWN),
        ("neither", "keep unsized", {}, DOWN),
        ("back to its percentage", "up 75%", {"minAvailable": 0}, {"original-replicas": "75%"}),
    ),
    *kinds(
        "instances",
        ("down", "down 0", {"instances": 2}, DOWN),
        ("up", "up 3", {"instances": 0}, ASLEEP),
        ("not there", "keep unsized", {}, DOWN),
    ),
    *kinds("switch", ("off", "down 0", {}, DOWN), ("on", "up 1", {"suspend": True}, {"original-replicas": "1"})),
    *kinds(
        "word",
        ("off", "down Off", {"power": "On-2"}, DOWN),
        ("on", "up On-2", {"power": "Off"}, {"original-replicas": "On-2"}),
        ("off by hand", "keep parked", {"power": "Off"}, DOWN),
        ("the target was raised", "up On-2", {"power": "Off"}, {**DOWN, "downtime-replicas": "1", "original-replicas": "On-2"}),
        ("changed by hand at night", "forget", {"power": "On-3"}, {"original-replicas": "On-2"}),
        ("a recorded off never switches off", "forget", {"power": "On-2"}, {"original-replicas": "Off"}),
    ),
]

DEPLOYED = ("--deployment-time-annotation=deployed.example.org/at",)
# Name, outcome of orig, outcome of go, the case.
Contradiction = tuple[str, str, str, tuple[str, ...], dict[str, Any]]
CONTRADICTIONS: list[Contradiction] = [
    ("excluded while down", "up 3", "keep excluded", (), {"own": {"exclude": "true", **ASLEEP}, "spec": {"replicas": 0}}),
    (
        "excluded by its namespace's name while down",
        "up 3",
        "keep excluded",
        ("--exclude-namespaces=shop",),
        {"own": ASLEEP, "spec": {"replicas": 0}},
    ),
    ("downtime-replicas", "down 1", "down 1", (), {"own": {**DOWN, "downtime-replicas": "1"}}),
    ("downscale-replicas", "down 1", "down 1", (), {"own": {**DOWN, "downscale-replicas": "1"}}),
    ("a pod that forces uptime", "keep up", "keep up", (), {"own": DOWN, "pod": True}),
    (
        "a workload's uptime under a period by flag",
        "keep no-period",
        "down 0",
        ("--downscale-period=Tue UTC",),
        {"own": {"uptime": "never"}},
    ),
    (
        "a namespace's downtime under a workload's uptime",
        "down 0",
        "keep up",
        (),
        {"namespace": DOWN, "own": {"uptime": "always"}},
    ),
    (
        "a namespace's period under a workload's downtime",
        "keep up",
        "down 0",
        (),
        {"namespace": {"upscale-period": OFFICE}, "own": DOWN},
    ),
    (
        "a flag's downtime under a namespace's uptime",
        "down 0",
        "keep up",
        ("--default-downtime=always",),
        {"namespace": {"uptime": OFFICE}},
    ),
    (
        "forced down by a namespace, up by a workload",
        "keep up",
        "keep up",
        (),
        {"namespace": {"force-downtime": "true"}, "own": {"force-uptime": "true"}},
    ),
    (
        "forced up by a namespace, down by a workload",
        "keep up",
        "down 0",
        (),
        {"namespace": {"force-uptime": "true"}, "own": {"force-downtime": "true"}},
    ),
    (
        "excluded by its namespace, not by itself",
        "keep excluded",
        "down 0",
        (),
        {"namespace": {"exclude": "true"}, "own": {"exclude": "false", **DOWN}},
    ),
    (
        "excluded by itself, not by its namespace",
        "keep excluded",
        "keep excluded",
        (),
        {"namespace": {"exclude": "false"}, "own": {"exclude": "true", **DOWN}},
    ),
    ("a pattern within a namespace's name", "down 0", "keep excluded", ("--exclude-namespaces=sho",), {"own": DOWN}),
    ("a pattern for all of a namespace's name", "keep excluded", "keep excluded", ("--exclude-namespaces=sh.p",), {"own": DOWN}),
    ("an empty list of namespaces", "down 0", "down 0", ("--exclude-namespaces=",), {"own": DOWN}),
    ("a list of nothing but a comma", "down 0", "down 0", ("--exclude-namespaces=,",), {"own": DOWN}),
    ("a pattern within an object's name", "down 0", "keep excluded", ("--exclude-deployments=we",), {"own": DOWN}),
    ("an object's whole name", "keep excluded", "keep excluded", ("--exclude-deployments=web",), {"own": DOWN}),
    ("a pattern for an object's name", "down 0", "keep excluded", ("--exclude-deployments=w.b",), {"own": DOWN}),
    ("its own name by default", "keep excluded", "keep excluded", (), {"own": DOWN, "name": "kube-downscaler"}),
    ("a namesake of a part of its own name", "down 0", "down 0", (), {"own": DOWN, "name": "my-downscaler-ui"}),
    ("a window over midnight, in the evening", "keep up", "keep up", (), {"own": {"downtime": NIGHT}}),
    (
        "grace does not delay coming up",
        "up 3",
        "keep grace",
        (),
        {"own": ASLEEP, "spec": {"replicas": 0}, "created": "2026-03-23T11:55:00Z"},
    ),
    ("grace delays going down", "keep grace", "keep grace", (), {"own": DOWN, "created": "2026-03-23T11:55:00Z"}),
    (
        "a deployment time before the creation",
        "keep grace",
        "down 0",
        DEPLOYED,
        {"own": {**DOWN, "deployed.example.org/at": "2026-01-01T00:00:00Z"}, "created": "2026-03-23T11:55:00Z"},
    ),
    (
        "a deployment time after the creation",
        "keep grace",
        "keep grace",
        DEPLOYED,
        {"own": {**DOWN, "deployed.example.org/at": "2026-03-23T11:55:00Z"}},
    ),
    (
        "a CronJob and a target of one",
        "keep parked",
        "down 0",
        (),
        {"kind": "cronjobs", "spec": {}, "own": {**DOWN, "downtime-replicas": "1"}},
    ),
    (
        "a DaemonSet and a target of one",
        "keep parked",
        "down 0",
        (),
        {"kind": "daemonsets", "spec": {}, "own": {**DOWN, "downtime-replicas": "1"}},
    ),
    (
        "a Service and a target of one",
        "keep parked",
        "down ClusterIP",
        (),
        {"kind": "services", "spec": {"type": "LoadBalancer"}, "own": {**DOWN, "downtime-replicas": "1"}},
    ),
    (
        "a Service exposed again by hand as something less",
        "up LoadBalancer",
        "up LoadBalancer",
        (),
        {"kind": "services", "spec": {"type": "NodePort"}, "own": {"original-replicas": "LoadBalancer"}},
    ),
    (
        "a class changed by hand at night",
        "forget",
        "up nginx",
        (),
        {"kind": "ingresses", "spec": {"ingressClassName": "traefik"}, "own": {"original-replicas": "nginx"}},
    ),
    (
        "a CronJob recorded as 1",
        "up 1",
        "up 1",
        (),
        {"kind": "cronjobs", "spec": {"suspend": True}, "own": {"original-replicas": "1"}},
    ),
    (
        "a CronJob recorded as false",
        "up 1",
        "up 1",
        (),
        {"kind": "cronjobs", "spec": {"suspend": True}, "own": {"original-replicas": "false"}},
    ),
    ("a sleeper raised by hand comes up", "forget", "up 3", (), {"own": ASLEEP, "spec": {"replicas": 5}}),
    ("a sleeper raised by hand to less", "up 3", "up 3", (), {"own": ASLEEP, "spec": {"replicas": 1}}),
    ("an operator's Deployment", "down 0", "keep excluded", (), {"own": DOWN, "owner": "Elasticsearch"}),
    ("a Stack's Deployment", "keep excluded", "keep excluded", (), {"own": DOWN, "owner": "Stack"}),
    ("both uptime and downtime at one level", "down 0", "down 0", (), {"own": {"uptime": OFFICE, "downtime": OFFICE}}),
    (
        "both periods at once",
        "keep no-period",
        "keep no-period",
        (),
        {"own": {"upscale-period": OFFICE, "downscale-period": OFFICE}},
    ),
    ("exclude-until as a date", "keep excluded", "keep excluded", (), {"own": {**DOWN, "exclude-until": "2026-04-05"}}),
    ("exclude-until with Z", "keep excluded", "keep excluded", (), {"own": {**DOWN, "exclude-until": "2026-04-05T00:00:00Z"}}),
    (
        "the end of an absolute window",
        "down 0",
        "keep up",
        (),
        {"own": {"downtime": "2026-03-23T11:00:00Z-2026-03-23T12:00:00Z"}},
    ),
    (
        "an absolute window with Z and spaces",
        "down 0",
        "down 0",
        (),
        {"own": {"downtime": "2026-03-23T11:00:00Z - 2026-03-23T13:00:00Z"}},
    ),
]


@pytest.mark.parametrize("row", KIND_ROWS, ids=[row[0] for row in KIND_ROWS])
def test_kinds(row: Row) -> None:
    assert outcome(**row[2]) == row[1]


@pytest.mark.parametrize("mode", ["orig", "go"])
@pytest.mark.parametrize("row", CONTRADICTIONS, ids=[row[0] for row in CONTRADICTIONS])
def test_contradictions(row: Contradiction, mode: str) -> None:
    _, orig, go, flags, case = row
    assert outcome(f"--compat={mode}", *flags, **case) == (go if mode == "go" else orig)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [row[0] for row in (*KIND_ROWS, *CONTRADICTIONS)]
    assert len(set(names)) == len(names) >= 100
