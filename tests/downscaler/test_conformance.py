"""Behaviour that users of the existing downscalers rely on, and the faults of theirs that must not come back.

Each row is a whole case: flags or variables, namespace and workload annotations, an object, and what is decided about it. Monday
2026-03-23, 12:00 UTC unless a row says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from downscaler.config import read_config
from downscaler.decide import Forget, Keep, Problem, Restore, ScaleTo
from downscaler.plan import Forced, Planner
from downscaler.sizes import KINDS
from shared.objects import Object

DAY, NIGHT = "Mon-Fri 08:00-18:00 UTC", "Mon-Fri 20:00-08:00 UTC"
DOWN = {"downtime": "always"}
ASLEEP = {"original-replicas": "3"}


@dataclass(frozen=True)
class Case:
    name: str
    expected: str
    flags: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, str] = field(default_factory=dict)
    workload: dict[str, str] = field(default_factory=dict)
    size: Any = 3
    kind: str = "deployments"
    at: str = "2026-03-23T12:00:00"
    created: str = "2026-01-01T00:00:00Z"
    labels: dict[str, str] = field(default_factory=dict)
    owner: dict[str, str] | None = None
    object: str = "web"
    within: str = "shop"
    pod: str = ""


def deployments_say(annotation: str, rows: list[tuple[str, str, str]]) -> list[Case]:
    """Rows (name, value, expected) about one annotation on a workload of three replicas."""
    return [Case(f"{annotation}: {name}", expected, workload={annotation: value}) for name, value, expected in rows]


TIME_SPECS = [
    *deployments_say(
        "uptime",
        [
            ("in", DAY, "keep up"),
            ("out", "Mon-Fri 14:00-18:00 UTC", "down 0"),
            ("always", "always", "keep up"),
            ("never", "never", "down 0"),
            ("Never with a capital", "Never", "down 0"),
            ("list, second matches", f"Sat-Sun 10:00-12:00 UTC,{DAY}", "keep up"),
            ("list with spaces", f"Sat-Sun 10:00-12:00 UTC, {DAY}", "keep up"),
            ("always within a list", f"{NIGHT},always", "keep up"),
            ("garbage after a match is noticed", f"{DAY},rubbish", "problem"),
            ("absolute, explicit offset", "2026-03-23T00:00:00+00:00-2026-03-24T00:00:00+00:00", "keep up"),
            ("absolute, Z and spaces", "2026-03-23T00:00:00Z - 2026-03-24T00:00:00Z", "keep up"),
            ("absolute, over", "2026-03-22T00:00:00Z-2026-03-23T00:00:00Z", "down 0"),
            ("absolute, end included", "2026-03-22T00:00:00Z-2026-03-23T12:00:00Z", "keep up"),
            ("from", "from 2026-03-23T00:00:00Z", "keep up"),
            ("until", "until 2026-03-23T12:00:00Z", "down 0"),
            ("single day", "Mon 08:00-18:00 UTC", "keep up"),
            ("whole day", "Mon UTC", "keep up"),
            ("day written twice", "Mon-Mon 08:00-18:00 UTC", "keep up"),
            ("weekdays wrap", "Sat-Mon 08:00-18:00 UTC", "keep up"),
            ("zone with an offset in its name", "Mon-Fri 06:00-08:00 Etc/GMT+5", "keep up"),
            ("zone with dashes", "Mon-Fri 07:00-09:00 America/Port-au-Prince", "keep up"),
            ("zone with digits", "Mon-Fri 07:00-09:00 EST5EDT", "keep up"),
            ("abbreviation that is no zone", "Mon-Fri 08:00-18:00 PST", "problem"),
            ("hours that do not exist", "Mon-Fri 25:99-26:00 UTC", "problem"),
            ("24:00", "Mon-Fri 08:00-24:00 UTC", "keep up"),
            ("empty", "", "problem"),
            ("cron window", "cron(0 8 * * 1-5)/10h UTC", "keep up"),
            ("cron window, over", "cron(0 8 * * 1-5)/2h UTC", "down 0"),
            ("cron with commas", "cron(0 8,11 * * *)/90m UTC", "keep up"),
            ("no zone and no default", "Mon-Fri 08:00-18:00", "problem"),
            ("no weekdays and no default", "08:00-18:00 UTC", "problem"),
        ],
    ),
    *deployments_say(
        "downtime",
        [
            ("in", "Mon-Fri 11:00-13:00 UTC", "down 0"),
            ("out", NIGHT, "keep up"),
            ("always", "always", "down 0"),
            ("garbage", "at night", "problem"),
        ],
    ),
    Case("overnight: evening", "down 0", workload={"downtime": NIGHT}, at="2026-03-23T20:00:00"),
    Case("overnight: after midnight", "down 0", workload={"downtime": NIGHT}, at="2026-03-24T07:59:00"),
    Case("overnight: in the morning", "keep up", workload={"downtime": NIGHT}, at="2026-03-24T08:00:00"),
    Case("overnight: Saturday morning is Friday's", "down 0", workload={"downtime": NIGHT}, at="2026-03-28T07:00:00"),
    Case("overnight: Monday morning is nobody's", "keep up", workload={"downtime": NIGHT}, at="2026-03-23T07:00:00"),
    Case("overnight: Friday alone", "down 0", workload={"downtime": "Fri 22:00-06:00 UTC"}, at="2026-03-28T05:00:00"),
    Case("until midnight", "down 0", workload={"downtime": "Mon-Fri 20:00-00:00 UTC"}, at="2026-03-23T23:59:00"),
    Case("until midnight, over", "keep up", workload={"downtime": "Mon-Fri 20:00-00:00 UTC"}, at="2026-03-24T00:00:00"),
    Case("00:00-00:00 is no window", "keep up", workload={"downtime": "Mon-Sun 00:00-00:00 UTC"}),
    Case("DEFAULT_TIMEZONE", "keep up", env={"DEFAULT_TIMEZONE": "Europe/Berlin"}, workload={"uptime": "Mon-Fri 12:30-13:30"}),
    Case("DEFAULT_WEEKFRAME", "keep up", env={"DEFAULT_WEEKFRAME": "Mon-Fri"}, workload={"uptime": "08:00-18:00 UTC"}),
    Case(
        "both defaults",
        "down 0",
        env={"DEFAULT_WEEKFRAME": "Tue-Fri", "DEFAULT_TIMEZONE": "UTC"},
        workload={"uptime": "08:00-18:00"},
    ),
    Case(
        "default zone and a zone ending in digits",
        "keep up",
        env={"DEFAULT_TIMEZONE": "UTC"},
        workload={"uptime": "Mon 01:00-03:00 Etc/GMT+10"},
    ),
    Case(
        "spring forward, window in the gap",
        "down 0",
        workload={"downtime": "Sun 02:30-03:30 Europe/Berlin"},
        at="2026-03-29T01:15:00",
    ),
    Case("autumn, repeated hour", "down 0", workload={"downtime": "Sun 02:00-03:00 Europe/Berlin"}, at="2026-10-25T01:30:00"),
]

LAYERS = [
    Case("defaults keep everything up", "keep up"),
    Case("flag: default uptime", "down 0", flags=("--default-uptime=never",)),
    Case("variable: DEFAULT_UPTIME", "down 0", env={"DEFAULT_UPTIME": "never"}),
    Case("variable: DEFAULT_DOWNTIME", "down 0", env={"DEFAULT_DOWNTIME": "always"}),
    Case("flag beats variable", "keep up", flags=("--default-downtime=never",), env={"DEFAULT_DOWNTIME": "always"}),
    Case("namespace uptime beats the flag", "keep up", flags=("--default-uptime=never",), namespace={"uptime": "always"}),
    Case("workload uptime beats the namespace", "down 0", namespace={"uptime": "always"}, workload={"uptime": "never"}),
    Case("downtime beats uptime", "down 0", workload={"uptime": "always", "downtime": "always"}),
    Case("layers fold per key: namespace downtime holds", "down 0", namespace=DOWN, workload={"uptime": "always"}),
    Case("flag: upscale period wakes", "up 3", flags=("--upscale-period=always",), workload=ASLEEP, size=0),
    Case(
        "flag: upscale period does not put down",
        "keep no-period",
        flags=("--upscale-period=Tue 08:00-09:00 UTC",),
        workload={"uptime": "never"},
    ),
    Case("flag: downscale period", "down 0", flags=("--downscale-period=always",)),
    Case("variable: DOWNSCALE_PERIOD", "down 0", env={"DOWNSCALE_PERIOD": DAY}),
    Case(
        "a period anywhere disables uptime on the workload",
        "keep no-period",
        flags=("--downscale-period=Tue UTC",),
        workload={"uptime": "never"},
    ),
    Case("both periods leave alone", "keep no-period", workload={"upscale-period": DAY, "downscale-period": DAY}),
    Case("namespace downscale period", "down 0", namespace={"downscale-period": DAY}),
    Case("a capital Never is no period", "down 0", env={"UPSCALE_PERIOD": "Never"}, workload=DOWN),
    Case(
        "workload turns the namespace's period off",
        "down 0",
        namespace={"upscale-period": "Tue UTC"},
        workload={"upscale-period": "never", **DOWN},
    ),
    Case("target: namespace", "down 1", namespace={"downtime-replicas": "1", **DOWN}),
    Case(
        "target: workload beats namespace",
        "down 2",
        namespace={"downtime-replicas": "1", **DOWN},
        workload={"downtime-replicas": "2"},
    ),
    Case("target: flag", "down 1", flags=("--downtime-replicas=1",), workload=DOWN),
    Case("target: variable", "down 1", env={"DOWNTIME_REPLICAS": "1"}, workload=DOWN),
    Case("target: the other name", "down 1", workload={"downscale-replicas": "1", **DOWN}),
    Case("target: the other name on a namespace", "down 1", namespace={"downscale-replicas": "1", **DOWN}),
    Case("target: both names", "down 2", workload={"downscale-replicas": "1", "downtime-replicas": "2", **DOWN}),
    Case("target: negative", "problem", workload={"downtime-replicas": "-1", **DOWN}),
    Case("target: percentage on a Deployment", "keep refused", workload={"downtime-replicas": "50%", **DOWN}),
    Case(
        "target: percentage on a budget",
        "down 25%",
        kind="poddisruptionbudgets",
        size="75%",
        workload={"downtime-replicas": "25%", **DOWN},
    ),
]

FORCING = [
    Case("namespace force-uptime", "keep up", namespace={"force-uptime": "true", **DOWN}),
    Case("namespace force-uptime: any case", "keep up", namespace={"force-uptime": "TRUE", **DOWN}),
    Case("namespace force-uptime: false", "down 0", namespace={"force-uptime": "false", **DOWN}),
    Case("namespace force-uptime: empty is off", "down 0", namespace={"force-uptime": "", **DOWN}),
    Case("namespace force-uptime: window", "keep up", namespace={"force-uptime": DAY, **DOWN}),
    Case("namespace force-uptime: other window", "down 0", namespace={"force-uptime": NIGHT, **DOWN}),
    Case("namespace force-uptime: list", "keep up", namespace={"force-uptime": f"{NIGHT},{DAY}", **DOWN}),
    Case("namespace force-uptime: until", "keep up", namespace={"force-uptime": "until 2026-03-24T00:00:00Z", **DOWN}),
    Case("namespace force-uptime: garbage stops the namespace", "problem", namespace={"force-uptime": "please", **DOWN}),
    Case("namespace force-uptime wakes", "up 3", namespace={"force-uptime": "true", **DOWN}, workload=ASLEEP, size=0),
    Case("workload force-uptime", "keep up", namespace=DOWN, workload={"force-uptime": "true"}),
    Case("namespace force-downtime", "down 0", namespace={"force-downtime": "true"}),
    Case("namespace force-downtime: window", "down 0", namespace={"force-downtime": DAY}),
    Case("namespace force-downtime: false", "keep up", namespace={"force-downtime": "false"}),
    Case("force-uptime beats force-downtime", "keep up", namespace={"force-downtime": "true", "force-uptime": "true"}),
    Case("force-downtime beats periods", "down 0", flags=("--upscale-period=always",), namespace={"force-downtime": "true"}),
    Case("force-downtime garbage stops the namespace", "problem", namespace={"force-downtime": "please"}),
    Case("a pod keeps the cluster up", "keep up", namespace=DOWN, pod="lab"),
    Case("a pod wakes the cluster", "up 3", namespace=DOWN, pod="lab", workload=ASLEEP, size=0),
    Case("a namespace's false beats pods", "down 0", namespace={"force-uptime": "false", **DOWN}, pod="lab"),
    Case("pods of excluded namespaces count too", "keep up", namespace=DOWN, pod="kube-system"),
    Case("a pod keeps only its namespace up", "down 0", flags=("--force-uptime-scope=namespace",), namespace=DOWN, pod="lab"),
    Case("a pod keeps its namespace up", "keep up", flags=("--force-uptime-scope=namespace",), namespace=DOWN, pod="shop"),
]

EXCLUSIONS = [
    *[
        Case(f"exclude: {value!r}", expected, workload={"exclude": value, **DOWN})
        for value, expected in [
            ("true", "keep excluded"),
            ("True", "keep excluded"),
            ("false", "down 0"),
            ("FALSE", "down 0"),
            ("no", "keep excluded"),
            ("0", "keep excluded"),
            ("", "keep excluded"),
        ]
    ],
    *[
        Case(f"exclude-until: {value}", expected, workload={"exclude-until": value, **DOWN})
        for value, expected in [
            ("2026-03-24", "keep excluded"),
            ("2026-03-23", "down 0"),
            ("2026-03-23 13:00", "keep excluded"),
            ("2026-03-23T13:00", "keep excluded"),
            ("2026-03-23T12:00", "down 0"),
            ("2026-03-23T13:00:00Z", "keep excluded"),
            ("2026-03-23T13:00:00+02:00", "down 0"),
            ("tomorrow", "keep excluded"),
        ]
    ],
    Case("namespace exclude", "keep excluded", namespace={"exclude": "true", **DOWN}),
    Case(
        "namespace exclude beats the workload's false",
        "keep excluded",
        namespace={"exclude": "true", **DOWN},
        workload={"exclude": "false"},
    ),
    Case("namespace exclude-until", "keep excluded", namespace={"exclude-until": "2026-03-24", **DOWN}),
    Case("namespace exclude-until unreadable", "keep excluded", namespace={"exclude-until": "tomorrow", **DOWN}),
    Case("excluded while down comes back", "up 3", workload={"exclude": "true", **ASLEEP}, size=0),
    Case("namespace excluded while down comes back", "up 3", namespace={"exclude": "true"}, workload=ASLEEP, size=0),
    Case(
        "excluded while down, only targets",
        "keep excluded",
        flags=("--upscale-target-only",),
        workload={"exclude": "true", **ASLEEP},
        size=0,
    ),
    Case("kube-system by default", "keep excluded", flags=("--default-uptime=never",), within="kube-system"),
    Case("own names by default", "keep excluded", flags=("--default-uptime=never",), object="py-kube-downscaler"),
    Case("own name of this suite", "keep excluded", flags=("--default-uptime=never",), object="kube-thrift-downscaler"),
    Case("names are exact", "down 0", flags=("--default-uptime=never",), object="my-downscaler"),
    Case("namespaces match wholly", "down 0", flags=("--exclude-namespaces=sho", "--default-uptime=never")),
    Case("namespaces are regular expressions", "keep excluded", flags=("--exclude-namespaces=s.*", "--default-uptime=never")),
    Case("spaces in lists do nothing", "keep excluded", flags=("--exclude-namespaces=lab, shop", "--default-uptime=never")),
    Case("an empty list matches nothing", "down 0", flags=("--exclude-namespaces=", "--default-uptime=never")),
    Case("namespace excluded by name while down", "up 3", flags=("--exclude-namespaces=shop",), workload=ASLEEP, size=0),
    Case("label matches", "down 0", flags=("--matching-labels=tier=dev", "--default-uptime=never"), labels={"tier": "dev"}),
    Case(
        "label matches wholly",
        "keep excluded",
        flags=("--matching-labels=tier=dev", "--default-uptime=never"),
        labels={"tier": "devprod"},
    ),
    Case(
        "one of several labels",
        "down 0",
        flags=("--matching-labels=a=b, tier=d.*", "--default-uptime=never"),
        labels={"tier": "dev"},
    ),
    Case("label misses while down", "up 3", flags=("--matching-labels=tier=dev",), workload=ASLEEP, size=0),
    Case(
        "owned by a Stack",
        "keep excluded",
        workload=DOWN,
        owner={"kind": "Stack", "apiVersion": "zalando.org/v1", "name": "web-1"},
    ),
    Case(
        "owned by anything else",
        "down 0",
        workload=DOWN,
        owner={"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "name": "web"},
    ),
    Case(
        "a Job of a CronJob",
        "keep excluded",
        kind="jobs",
        size=1,
        workload=DOWN,
        owner={"kind": "CronJob", "apiVersion": "batch/v1", "name": "web"},
    ),
]

GRACE = [
    Case("new objects are left up", "keep grace", workload=DOWN, created="2026-03-23T11:50:00Z"),
    Case("grace is over", "down 0", workload=DOWN, created="2026-03-23T11:44:00Z"),
    Case("flag", "down 0", flags=("--grace-period=60",), workload=DOWN, created="2026-03-23T11:50:00Z"),
    Case("variable", "keep grace", env={"GRACE_PERIOD": "3600"}, workload=DOWN, created="2026-03-23T11:30:00Z"),
    Case("annotation shortens", "down 0", workload={"grace-period": "60", **DOWN}, created="2026-03-23T11:50:00Z"),
    Case("annotation does not lengthen", "down 0", workload={"grace-period": "86400", **DOWN}, created="2026-03-23T11:00:00Z"),
    Case("unreadable annotation is ignored", "down 0", workload={"grace-period": "long", **DOWN}, created="2026-03-23T11:00:00Z"),
    Case("never delays waking", "up 3", workload=ASLEEP, size=0, created="2026-03-23T11:59:00Z"),
    Case(
        "deployment time is later",
        "keep grace",
        flags=("--deployment-time-annotation=downscaler/deployed",),
        workload={"deployed": "2026-03-23T11:55:00Z", **DOWN},
    ),
    Case(
        "deployment time is earlier",
        "keep grace",
        flags=("--deployment-time-annotation=downscaler/deployed",),
        workload={"deployed": "2026-01-01", **DOWN},
        created="2026-03-23T11:55:00Z",
    ),
    Case(
        "deployment time is unreadable",
        "down 0",
        flags=("--deployment-time-annotation=downscaler/deployed",),
        workload={"deployed": "just now", **DOWN},
    ),
]

STATE = [
    Case("raised by hand at night: original stays", "down 0 of 3", workload={**DOWN, **ASLEEP, "downscaled-to": "0"}, size=5),
    Case("target lowered at night: original stays", "down 0 of 3", workload={**DOWN, **ASLEEP, "downscaled-to": "1"}, size=1),
    Case("target raised at night", "down 1 of 3", workload={**DOWN, **ASLEEP, "downtime-replicas": "1"}, size=0),
    Case("not stuck when sizes differ", "up 3", workload=ASLEEP, size=1),
    Case("not stuck when the target changed", "up 3", workload={"downtime-replicas": "1", **ASLEEP}, size=0),
    Case("stale record is removed", "forget", workload=ASLEEP, size=3),
    Case("raised by hand before waking", "forget", workload=ASLEEP, size=7),
    Case("a recorded zero scales nothing down", "forget", workload={"original-replicas": "0"}, size=4),
    Case("parked at zero is not recorded", "keep parked", workload=DOWN, size=0),
    Case("parked at zero is not raised to a target of one", "keep parked", workload={"downtime-replicas": "1", **DOWN}, size=0),
    Case("parked at zero stays in uptime", "keep up", size=0),
    Case("garbage in the record", "problem", workload={"original-replicas": "many"}, size=0),
    Case("record of -1", "up 1", workload={"original-replicas": "-1"}, size=0),
    Case("restore always", "up 3", flags=("--restore-policy=always",), workload=ASLEEP, size=7),
    Case(
        "restore if untouched",
        "forget",
        flags=("--restore-policy=if-untouched",),
        workload={**ASLEEP, "downscaled-to": "0"},
        size=1,
    ),
    Case("CronJob of another tool, 1", "up 1", kind="cronjobs", workload={"original-replicas": "1"}, size=0),
    Case("CronJob of another tool, false", "up 1", kind="cronjobs", workload={"original-replicas": "false"}, size=0),
    Case("DaemonSet of another tool, false", "up 1", kind="daemonsets", workload={"original-replicas": "false"}, size=0),
    Case(
        "CronJob with a target of one stays", "keep parked", kind="cronjobs", workload={"downtime-replicas": "1", **DOWN}, size=1
    ),
    Case("autoscaler and the default target", "keep refused", kind="horizontalpodautoscalers", workload=DOWN),
    Case("autoscaler clamps", "up 5", kind="horizontalpodautoscalers", workload={"original-replicas": "9"}, size=1),
    Case(
        "budget is not tightened", "keep parked", kind="poddisruptionbudgets", workload={"downtime-replicas": "5", **DOWN}, size=2
    ),
    Case("budget percentage comes back", "up 75%", kind="poddisruptionbudgets", workload={"original-replicas": "75%"}, size=0),
]

BROKEN = [
    Case("broken workload value", "problem", flags=("--default-uptime=never",), workload={"downtime": "x"}),
    Case("broken namespace value", "problem", flags=("--default-uptime=never",), namespace={"downtime": "x"}),
    Case("broken namespace replicas", "problem", namespace={"downtime-replicas": "x", **DOWN}),
    Case("a workload's own value replaces the broken one", "down 0", namespace={"downtime": "x"}, workload=DOWN),
    Case("a broken value strands nothing silently", "problem", workload={"uptime": "x", **ASLEEP}, size=0),
    Case("excluded although something is broken", "keep excluded", workload={"uptime": "x", "exclude": "true"}),
    Case("unknown keys do nothing", "down 0", workload={"up-time": "always", **DOWN}),
    Case("keys of other tools do nothing", "down 0", workload={"scale-children": "true", "upscale-excluded": "true", **DOWN}),
]

CASES = [*TIME_SPECS, *LAYERS, *FORCING, *EXCLUSIONS, *GRACE, *STATE, *BROKEN]


def spec_of(kind: str, size: Any) -> dict[str, Any]:
    match kind:
        case "cronjobs" | "jobs":
            return {"suspend": size == 0}
        case "daemonsets":
            return {"template": {"spec": {"nodeSelector": {"downscaler/match-none": "true"} if size == 0 else None}}}
        case "horizontalpodautoscalers":
            return {"minReplicas": size, "maxReplicas": 5}
        case "poddisruptionbudgets":
            return {"minAvailable": size}
    return {"replicas": size}


def annotations(values: dict[str, str]) -> dict[str, str]:
    return {f"downscaler/{key}": value for key, value in values.items()}


def outcome(case: Case) -> str:
    """The decision in the words of the table."""
    rules = read_config(case.flags, case.env).rules
    namespace = msgspec.convert({"metadata": {"name": case.within, "annotations": annotations(case.namespace)}}, Object)
    now = datetime.fromisoformat(case.at).replace(tzinfo=UTC)
    planner = Planner(rules, {case.within: namespace}, Forced(frozenset({case.pod} - {""})), now)
    owners = [case.owner | {"uid": "u"}] if case.owner else None
    meta = {
        "name": case.object,
        "namespace": case.within,
        "creationTimestamp": case.created,
        "labels": case.labels,
        "ownerReferences": owners,
    }
    body = {"metadata": meta | {"annotations": annotations(case.workload)}, "spec": spec_of(case.kind, case.size)}
    kind = KINDS[case.kind]
    match planner.plan(kind, msgspec.convert(body, kind.as_type)).decision:
        case Keep(cause=cause):
            return f"keep {cause}"
        case ScaleTo(size=size, original=original):
            return f"down {size}" if " of " not in case.expected else f"down {size} of {original}"
        case Restore(size=size):
            return f"up {size}"
        case Forget():
            return "forget"
        case Problem():
            return "problem"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case) -> None:
    assert outcome(case) == case.expected


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 100
