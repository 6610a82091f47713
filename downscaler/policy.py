"""What governs one workload: workload annotations over namespace annotations over the configuration, folded key by key. Pure.

Every setting keeps the layer it came from, for reasons and for `explain`. A broken value is carried along in place of the setting
it would have been, so that it stops exactly what it governs: a namespace's broken uptime does not stop a workload with its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, TypeVar

from downscaler.amounts import Size
from downscaler.annotations import FIELDS, NOTHING, Complaint, Context, Overrides
from downscaler.schedule import Spec
from downscaler.sizes import Kind
from downscaler.timespec import parse
from downscaler.workloads import Workload
from shared.filters import LabelMatcher, Names

T = TypeVar("T")

CONFIGURATION = "configuration"
KUBE_SYSTEM = "kube-system"
POD = "pod annotation"
AUTOSCALER = "autoscaler annotation"
SCALED = "annotation of what it scales"
PARENT = "CronJob annotation"
NAMESPACE = "namespace annotation"
WORKLOAD = "workload annotation"


class RestorePolicy(Enum):
    """What to go back to when somebody changed a sleeping workload: the recorded size, theirs, or the larger of the two."""

    MAX = "max"
    ALWAYS = "always"
    IF_UNTOUCHED = "if-untouched"


class Compat(Enum):
    """Whose rules hold where the existing downscalers contradict one another: kube-downscaler's, or GoKubeDownscaler's."""

    ORIG = "orig"
    GO = "go"


class Overlap(Enum):
    """What holds where uptime and downtime, or the two periods, claim the same moment."""

    DOWN = "down"
    UP = "up"
    KEEP = "keep"


class Orphans(Enum):
    """What becomes of objects that were put down and are no longer in scope."""

    EXCLUDED = "excluded"
    RESTORE = "restore"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value and the layer that it came from."""

    value: T
    source: str = CONFIGURATION


ALWAYS = parse("always")
NEVER = parse("never")


@dataclass(frozen=True, slots=True)
class Policy:
    """All that `decide` needs to know beside the object and the time. The defaults are those of the command line."""

    uptime: Setting[Spec] = Setting(ALWAYS)
    downtime: Setting[Spec] = Setting(NEVER)
    upscale_period: Setting[Spec] = Setting(NEVER)
    downscale_period: Setting[Spec] = Setting(NEVER)
    force_uptime: Setting[Spec] = Setting(NEVER)
    force_downtime: Setting[Spec] = Setting(NEVER)
    downtime_replicas: Setting[Size] = Setting(0)
    # The maximum of an autoscaler that is down; None leaves it as it is.
    downtime_max_replicas: Setting[int | None] = Setting(None)
    grace_period: Setting[timedelta] = Setting(timedelta(seconds=900))
    wave: Setting[int] = Setting(0)
    depends_on: Setting[tuple[tuple[str, str, str], ...]] = Setting(())
    scale_children: Setting[bool] = Setting(value=False)
    allow_volume_deletion: Setting[bool] = Setting(value=False)
    # Whether a CronJob that comes up leaves out the runs that it missed.
    skip_missed_runs: bool = False
    # Whether a CronJob is put down although it would never run; and why it would not, empty if it would.
    suspend_night_runs: bool = False
    never_runs: str = ""
    # Which autoscaler owns the size, and whether it would work against any size but zero; empty without one.
    autoscaler: str = ""
    autoscaler_pauses: bool = False
    # Why the workload is excluded, whatever the time; empty if it is not.
    excluded: str = ""
    exclude_until: Setting[datetime] | None = None
    compat: Compat = Compat.ORIG
    # Until when somebody asked for uptime, whatever the schedule says.
    up_until: Setting[datetime] | None = None
    # None: downtime wins over uptime, and nothing is changed where the two periods overlap.
    overlap: Overlap | None = None
    # When the workload was deployed last, by the annotation named in the configuration; None: when it was created.
    deployed_at: datetime | None = None
    broken: tuple[tuple[str, Complaint], ...] = ()
    # Why nothing may be scaled down this turn, although what is up may stay or come up; empty normally.
    hold: str = ""
    upscale_target_only: bool = False
    restore: RestorePolicy = RestorePolicy.MAX

    def exclusion(self, now: datetime) -> str:
        """Why the workload is excluded at *now*; empty if it is not."""
        if self.excluded:
            return self.excluded
        until = self.exclude_until
        if until is not None and now < until.value:
            return f"excluded until {until.value:%Y-%m-%d %H:%M} UTC ({until.source})"
        return ""


_OVERRIDABLE = (
    "uptime",
    "downtime",
    "upscale_period",
    "downscale_period",
    "force_uptime",
    "force_downtime",
    "downtime_replicas",
    "downtime_max_replicas",
    "grace_period",
    "wave",
    "depends_on",
    "scale_children",
    "allow_volume_deletion",
)


def with_layer(policy: Policy, overrides: Overrides, source: str) -> Policy:
    """*policy* with what *overrides* set on top. An exclusion adds to those below and is never taken away."""
    if overrides is NOTHING:
        return policy
    changes: dict[str, object] = {}
    for field in _OVERRIDABLE:
        if (value := getattr(overrides, field)) is not None:
            changes[field] = Setting(value, source)
    if policy.compat is Compat.GO:
        changes = _shadowed(changes, overrides, source)
    if overrides.deployed_at is not None and source == WORKLOAD:
        changes["deployed_at"] = overrides.deployed_at
    if overrides.exclude and not policy.excluded:
        changes["excluded"] = f"excluded by {source}"
    until = overrides.exclude_until
    if until is not None and (policy.exclude_until is None or until > policy.exclude_until.value):
        changes["exclude_until"] = Setting(until, source)
    asked = overrides.up_until
    if asked is not None and (policy.up_until is None or asked > policy.up_until.value):
        changes["up_until"] = Setting(asked, source)
    blocking = tuple((source, complaint) for complaint in overrides.complaints if complaint.blocking)
    set_here = {FIELDS[complaint.key] for _, complaint in blocking} | changes.keys()
    kept = tuple((layer, complaint) for layer, complaint in policy.broken if FIELDS[complaint.key] not in set_here)
    if kept != policy.broken or blocking:
        changes["broken"] = kept + blocking
    return replace(policy, **changes) if changes else policy  # type: ignore[arg-type]  # the names come from Policy's own fields


_TIMES: Mapping[str, Spec] = {"uptime": ALWAYS, "downtime": NEVER, "upscale_period": NEVER, "downscale_period": NEVER}
_FORCES: Mapping[str, Spec] = {"force_uptime": NEVER, "force_downtime": NEVER}


def _shadowed(changes: dict[str, object], overrides: Overrides, source: str) -> dict[str, object]:
    """The layer that sets one key of a group sets all of it, and the nearest layer that says anything of exclusion decides."""
    for group in (_TIMES, _FORCES):
        if not changes.keys().isdisjoint(group):
            changes = {**{key: Setting(value, source) for key, value in group.items()}, **changes}
    if overrides.exclude is False:
        changes["excluded"] = ""
    return changes


def with_forcing_pod(policy: Policy) -> Policy:
    """*policy* while some pod asks for uptime: below the namespace, whose own force-uptime wins."""
    return replace(policy, force_uptime=Setting(ALWAYS, POD))


def excluded_by(policy: Policy, reason: str) -> Policy:
    """*policy* with an exclusion from outside the annotations; an earlier reason stays."""
    return policy if policy.excluded or not reason else replace(policy, excluded=reason)


# What decides beside the schedule, fields of `Policy` and "exclude".
UNSCHEDULED = frozenset({"exclude", "up_until", "force_uptime", "force_downtime"})


class Want(Enum):
    UP = "up"
    DOWN = "down"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the schedule wants, why, and which key of which layer said so. `key` is a field of `Policy`; empty if none did."""

    want: Want
    reason: str
    key: str = ""
    source: str = ""


def wanted(policy: Policy, now: datetime) -> Ruling:
    """What the schedule wants at *now*, and why. Exclusions and broken values are the caller's to look at first.

    Forced uptime, then forced downtime, then the two periods if either is set at any layer, then uptime less downtime.
    """
    if policy.up_until is not None and now < policy.up_until.value:
        source = policy.up_until.source
        return Ruling(Want.UP, f"asked for until {policy.up_until.value:%Y-%m-%d %H:%M} UTC ({source})", "up_until", source)
    if policy.force_uptime.value.matches(now):
        source = policy.force_uptime.source
        return Ruling(Want.UP, f"uptime is forced ({source})", "force_uptime", source)
    if policy.force_downtime.value.matches(now):
        source = policy.force_downtime.source
        return Ruling(Want.DOWN, f"downtime is forced ({source})", "force_downtime", source)
    if not (policy.upscale_period.value.is_never and policy.downscale_period.value.is_never):
        return _by_periods(policy, now)
    up, down = policy.uptime.value.matches(now), policy.downtime.value.matches(now)
    if up and down and not policy.uptime.value.is_always and policy.overlap in (Overlap.UP, Overlap.KEEP):
        want = Want.UP if policy.overlap is Overlap.UP else Want.LEAVE
        return Ruling(want, f"in uptime and in downtime at once: --overlap={policy.overlap.value}")
    if down:
        return _ruling(Want.DOWN, "in downtime", "downtime", policy.downtime)
    if up:
        return _ruling(Want.UP, "in uptime", "uptime", policy.uptime)
    return _ruling(Want.DOWN, "not in uptime", "uptime", policy.uptime)


def ruling(policy: Policy, now: datetime) -> Ruling:
    """Like `wanted`, with exclusions looked at first: what is excluded is wanted up."""
    if reason := policy.exclusion(now):
        return Ruling(Want.UP, reason, "exclude")
    return wanted(policy, now)


def _by_periods(policy: Policy, now: datetime) -> Ruling:
    up, down = policy.upscale_period.value.matches(now), policy.downscale_period.value.matches(now)
    if up and down and policy.overlap in (Overlap.UP, Overlap.DOWN):
        want = Want.UP if policy.overlap is Overlap.UP else Want.DOWN
        return Ruling(want, f"in both periods at once: --overlap={policy.overlap.value}")
    if up and down:
        return Ruling(Want.LEAVE, "in the upscale period and the downscale period at once")
    if up:
        return _ruling(Want.UP, "in upscale period", "upscale_period", policy.upscale_period)
    if down:
        return _ruling(Want.DOWN, "in downscale period", "downscale_period", policy.downscale_period)
    return Ruling(Want.LEAVE, "in neither the upscale period nor the downscale period")


def _ruling(want: Want, what: str, key: str, setting: Setting[Spec]) -> Ruling:
    return Ruling(want, _said(what, setting), key, setting.source)


def _said(what: str, setting: Setting[Spec]) -> str:
    text = setting.value.text
    return f"{what} {text if len(text) <= 80 else text[:79] + '…'} ({setting.source})"


@dataclass(frozen=True, slots=True)
class Scope:
    """The lists of the configuration that exclude by name, label or owner."""

    namespaces: Names = Names()
    names: Names = Names()
    labels: LabelMatcher = LabelMatcher()
    # The controller's own workloads, as kind (or "*"), namespace and name.
    itself: frozenset[tuple[str, str, str]] = frozenset()
    # Whether whatever has a controller is left to that.
    no_owned: bool = False
    # Whether the cluster's own workloads may be scaled, too.
    kube_system: bool = False

    def namespace_exclusion(self, namespace: str) -> str:
        """Why a whole namespace is excluded; empty if it is not."""
        if self.namespaces.matches(namespace):
            return f"namespace {namespace} is in --exclude-namespaces"
        if namespace == KUBE_SYSTEM and not self.kube_system:
            return f"namespace {namespace} is always excluded without --allow-kube-system"
        return ""

    def exclusion(self, kind: Kind, workload: Workload) -> str:
        """Why one workload is excluded; empty if it is not."""
        meta = workload.metadata
        for own in (kind.resource.kind, "*") if self.itself else ():
            if (own, workload.namespace, meta.name) in self.itself:
                return "it is this controller itself"
        if self.names.matches(meta.name):
            return "its name is in --exclude-deployments"
        if not self.labels.matches(meta.labels):
            return "no label matches --matching-labels"
        if self.no_owned and (manager := meta.controller) is not None:
            return f"owned by {manager.kind} {manager.name}"
        for owner in meta.owner_references or ():
            if kind.skip_owned_by in ("*", owner.kind):
                return f"owned by {owner.kind} {owner.name}"
        return ""


def govern(base: Policy, scope: Scope, kind: Kind, workload: Workload, overrides: Overrides) -> Policy:
    """The policy of one workload; *base* is that of its namespace."""
    return excluded_by(with_layer(base, overrides, WORKLOAD), scope.exclusion(kind, workload))


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about workloads, and nothing of how the process runs."""

    policy: Policy = Policy()
    scope: Scope = Scope()
    context: Context = Context()
    # Whether a pod that asks for uptime keeps up its own namespace only, not the whole cluster.
    forced_per_namespace: bool = False
    orphans: Orphans = Orphans.EXCLUDED
    # The version that signs records.
    version: str = ""
    # The most by which a namespace's schedule is late, so that not all namespaces change at once.
    jitter: timedelta = timedelta(0)
    # How long after a change of the schedule it is still carried out; None: always.
    max_lateness: timedelta | None = None

    def lateness(self, namespace: str) -> timedelta:
        """The share of the jitter that *namespace* has: always the same, in whole seconds."""
        seconds = int(self.jitter.total_seconds())
        return timedelta(seconds=zlib.crc32(namespace.encode()) % seconds) if seconds else timedelta(0)
