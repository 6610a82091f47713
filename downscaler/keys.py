"""The names of the `downscaler/*` annotations, and the table of them that the manual shows. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "downscaler/"
UPTIME = "downscaler/uptime"
DOWNTIME = "downscaler/downtime"
UPSCALE_PERIOD = "downscaler/upscale-period"
DOWNSCALE_PERIOD = "downscaler/downscale-period"
FORCE_UPTIME = "downscaler/force-uptime"
FORCE_DOWNTIME = "downscaler/force-downtime"
EXCLUDE = "downscaler/exclude"
EXCLUDE_UNTIL = "downscaler/exclude-until"
DOWNTIME_REPLICAS = "downscaler/downtime-replicas"
DOWNSCALE_REPLICAS = "downscaler/downscale-replicas"
DOWNTIME_MAX_REPLICAS = "downscaler/downtime-max-replicas"
GRACE_PERIOD = "downscaler/grace-period"
WAVE = "downscaler/wave"
DEPENDS_ON = "downscaler/depends-on"
UP_FOR = "downscaler/up-for"
UP_UNTIL = "downscaler/up-until"
ORIGINAL = "downscaler/original-replicas"
TARGET = "downscaler/downscaled-to"
RECORD = "downscaler/record"
ORIGINAL_FIELDS = "downscaler/original-fields"
ALLOW_VOLUME_DELETION = "downscaler/allow-volume-deletion"
SCALE_CHILDREN = "downscaler/scale-children"
# Where another downscaler keeps the pause that a ScaledObject had before; it is in the original as well.
ORIGINAL_PAUSE = "downscaler/original-pause-replicas"


@dataclass(frozen=True, slots=True)
class Key:
    """One annotation, as the manual lists it."""

    name: str
    where: str
    accepted: str
    meaning: str


_SPEC = "a time spec"
KEYS = (
    Key(UPTIME, "workload, namespace", _SPEC, "When the workload is up; outside it is down."),
    Key(DOWNTIME, "workload, namespace", _SPEC, "When the workload is down, even within the uptime."),
    Key(UPSCALE_PERIOD, "workload, namespace", _SPEC, "When a sleeping workload is switched on; outside nothing happens."),
    Key(DOWNSCALE_PERIOD, "workload, namespace", _SPEC, "When a running workload is switched off; outside nothing happens."),
    Key(
        FORCE_UPTIME,
        "workload, namespace, pod",
        f"`true`, `false`, {_SPEC}; on a pod only `true`",
        "Up, whatever the schedule says.",
    ),
    Key(
        FORCE_DOWNTIME,
        "workload, namespace",
        f"`true`, `false`, {_SPEC}",
        "Down, whatever the schedule says; an uptime forced wins.",
    ),
    Key(
        EXCLUDE,
        "workload, namespace",
        "`true`, `false`; anything else counts as `true`",
        "Never scaled down; brought back up if it is down.",
    ),
    Key(
        EXCLUDE_UNTIL,
        "workload, namespace",
        "a time: `2026-04-05`, `2026-04-05T10:00:00Z`",
        "Excluded until then; unreadable: excluded.",
    ),
    Key(
        DOWNTIME_REPLICAS, "workload, namespace", "a whole number from 0; `NN%` on a PodDisruptionBudget", "The size while down."
    ),
    Key(
        DOWNSCALE_REPLICAS,
        "workload, namespace",
        f"as `{DOWNTIME_REPLICAS}`, which wins",
        "Another name for the size while down.",
    ),
    Key(
        DOWNTIME_MAX_REPLICAS,
        "HorizontalPodAutoscaler or what it scales, namespace",
        "a whole number from 1",
        "The `maxReplicas` while down; without it only `minReplicas` is lowered.",
    ),
    Key(
        GRACE_PERIOD,
        "workload, namespace",
        "seconds or a duration, at most `--grace-period`",
        "How long a new object is left up.",
    ),
    Key(
        UP_FOR,
        "workload, namespace",
        "a duration up to 31d: `3h`, `1h30m`",
        "Up from now on for that long, whatever the schedule says; the controller turns it into `downscaler/up-until`.",
    ),
    Key(
        UP_UNTIL,
        "workload, namespace",
        "a time, as for `downscaler/exclude-until`",
        "Up until then, whatever the schedule says; the controller removes it when it is over.",
    ),
    Key(
        WAVE,
        "workload, namespace",
        "a whole number from -1000 to 1000",
        "Lower waves of a namespace wake first and sleep last; without it 0.",
    ),
    Key(
        DEPENDS_ON,
        "workload",
        "`namespace/kind/name` or `kind/name`, several joined by commas",
        "Wakes after these are ready, and sleeps before them.",
    ),
    Key(
        SCALE_CHILDREN,
        "CronJob, namespace",
        "`true`, `false`",
        "The CronJob's unfinished Jobs are suspended and resumed with it.",
    ),
    Key(
        ALLOW_VOLUME_DELETION,
        "StatefulSet, namespace",
        "`true`, `false`",
        "Scaled down although that deletes its volumes (`whenScaled: Delete`).",
    ),
    Key(
        ORIGINAL,
        "written by the controller",
        "`3`, `-1`, `75%`, `true`, `false`, or the word of a type or class",
        "The size to go back to; removed on the way up.",
    ),
    Key(
        TARGET,
        "written by the controller",
        "as `downscaler/original-replicas`",
        "The size that the controller set; removed on the way up.",
    ),
    Key(
        ORIGINAL_FIELDS,
        "written by the controller",
        "JSON of what went along with the size",
        "What else to put back: a maximum, node ports, source ranges; removed on the way up.",
    ),
    Key(
        RECORD,
        "written by the controller",
        "JSON with `at`, `why` and `by`",
        "When, why and by which version it was put down; for people, never read.",
    ),
)
# Read by other downscalers, without effect here; said so rather than passed over.
FOREIGN_KEYS = frozenset({"downscaler/upscale-excluded"})
