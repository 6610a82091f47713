"""The table of kinds: how big an object is, and the merge patch that makes it another size. Pure.

A size is an int, or a percentage such as "75%" on a PodDisruptionBudget. Kinds without a count have two sizes: 1 is running, 0 is
suspended (CronJob, Job) or matched to no node (DaemonSet). Sizes are ordered by how much they ask for, which for `maxUnavailable`
is the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from downscaler.amounts import Patch, Refusal, Size, compare_amounts, parse_replicas
from downscaler.customs import (
    Generic,
    compare_scaled_objects,
    patch_instances,
    patch_runners,
    patch_scaled_object,
    patch_stack,
    read_instances,
    read_runners,
    read_scaled_object,
    read_stack,
    scaled_object_original,
    shape,
)
from downscaler.keys import ALLOW_VOLUME_DELETION
from downscaler.workloads import Job, Workload
from shared.errors import ValueProblem
from shared.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    STATEFUL_SETS,
    Resource,
)

NO_NODE = "kube-downscaler-non-existent"
# Both mean that the DaemonSet is switched off; the second is what another downscaler writes.
NO_NODE_KEYS = (NO_NODE, "downscaler/match-none")
_SWITCH = {"1": 1, "-1": 1, "false": 1, "0": 0, "true": 0}


def _count_original(text: str) -> Size:
    """A recorded count. -1 is how other downscalers say "the field was unset", which the API reads as 1."""
    if text.strip() == "-1":
        return 1
    size = parse_replicas(text)
    if isinstance(size, str):
        raise ValueProblem(text, "a whole number from 0, or -1 for an unset field")
    return size


def _switch_original(text: str) -> Size:
    """A recorded switch: a count of 1 or 0, or the value that `suspend` had."""
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise ValueProblem(text, "1 or false for an object that was running, 0 or true for one that was not") from None


def _count_target(workload: Workload, target: Size) -> Size | Refusal:
    return (
        target
        if isinstance(target, int)
        else Refusal(f"a whole number; a percentage such as {target} works only on a PodDisruptionBudget")
    )


def _switch_target(workload: Workload, target: Size) -> Size | Refusal:
    reached = _count_target(workload, target)
    return min(reached, 1) if isinstance(reached, int) else reached


def _autoscaler_target(workload: Workload, target: Size) -> Size | Refusal:
    if target == 0:
        return Refusal("1 or more, as minReplicas cannot be 0; or leave the autoscaler alone and scale its workload to 0")
    return _count_target(workload, target)


def _any_target(workload: Workload, target: Size) -> Size | Refusal:
    return target


def _compare_counts(workload: Workload, left: Size, right: Size) -> int | None:
    if isinstance(left, int) and isinstance(right, int):
        return (left > right) - (left < right)
    return None


def _as_is(workload: Workload, size: Size) -> Size:
    return size


def _read_replicas(workload: Workload) -> Size | None:
    return 1 if workload.spec.replicas is None else workload.spec.replicas


def _patch_replicas(workload: Workload, size: Size) -> Patch:
    return {"spec": {"replicas": size}}


def _read_suspend(workload: Workload) -> Size | None:
    return 0 if workload.spec.suspend else 1


def _patch_suspend(workload: Workload, size: Size) -> Patch:
    return {"spec": {"suspend": size == 0}}


def _read_selector(workload: Workload) -> Size | None:
    return 0 if _off_keys(workload) else 1


def _patch_selector(workload: Workload, size: Size) -> Patch:
    selector: Mapping[str, str | None] = {NO_NODE: "true"} if size == 0 else dict.fromkeys(_off_keys(workload))
    return {"spec": {"template": {"spec": {"nodeSelector": selector}}}}


def _off_keys(workload: Workload) -> list[str]:
    selector = workload.spec.template.spec.node_selector or {}
    return [key for key in NO_NODE_KEYS if key in selector]


def _read_min_replicas(workload: Workload) -> Size | None:
    return 1 if workload.spec.min_replicas is None else workload.spec.min_replicas


def _patch_min_replicas(workload: Workload, size: Size) -> Patch:
    return {"spec": {"minReplicas": size}}


def _clamp_min_replicas(workload: Workload, size: Size) -> Size:
    """maxReplicas may have been lowered while the autoscaler was down; the API refuses a minimum above it."""
    ceiling = workload.spec.max_replicas
    return size if ceiling is None or isinstance(size, str) else min(size, ceiling)


def _read_budget(workload: Workload) -> Size | None:
    spec = workload.spec
    return spec.min_available if spec.min_available is not None else spec.max_unavailable


def _patch_budget(workload: Workload, size: Size) -> Patch:
    return {"spec": {_budget_field(workload): size}}


def _budget_field(workload: Workload) -> str:
    return "minAvailable" if workload.spec.min_available is not None else "maxUnavailable"


def _compare_budgets(workload: Workload, left: Size, right: Size) -> int | None:
    """Which budget is stricter. A count and a percentage compare only where one of them is nothing, or everything."""
    order = compare_amounts(left, right)
    return order if order is None or _budget_field(workload) == "minAvailable" else -order


def _always_ready(workload: Workload) -> bool:
    return True


def _replicas_ready(workload: Workload) -> bool:
    wanted = 1 if workload.spec.replicas is None else workload.spec.replicas
    return (workload.status.ready_replicas or 0) >= wanted


def _no_danger(workload: Workload) -> str:
    return ""


def _volumes_at_risk(workload: Workload) -> str:
    policy = workload.spec.persistent_volume_claim_retention_policy
    if policy is None or policy.when_scaled != "Delete":
        return ""
    fact = "it would delete its volumes (persistentVolumeClaimRetentionPolicy.whenScaled is Delete)"
    return f"{fact}; {ALLOW_VOLUME_DELETION}=true allows it"


def _skip_missed_runs(workload: Workload) -> Patch:
    """A minute, as the CronJob controller warns of deadlines under ten seconds and looks every ten."""
    return {} if workload.spec.starting_deadline_seconds is not None else {"spec": {"startingDeadlineSeconds": 60}}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind that can be scaled. `id` is its name in --include-resources, `noun` what its size counts."""

    id: str
    resource: Resource
    noun: str
    read: Callable[[Workload], Size | None]
    patch: Callable[[Workload, Size], Patch]
    reach: Callable[[Workload, Size], Size | Refusal] = _count_target
    parse_original: Callable[[str], Size] = _count_original
    compare: Callable[[Workload, Size, Size], int | None] = _compare_counts
    clamp: Callable[[Workload, Size], Size] = _as_is
    as_type: type[Workload] = Workload
    # Objects that belong to another one are its owner's to scale: an owner kind, or "*" for any owner.
    skip_owned_by: str = ""
    # What kubectl accepts for it beside its plural and its singular.
    short: tuple[str, ...] = ()
    # Comes with a CustomResourceDefinition, which a cluster need not have.
    custom: bool = False
    # Only the server knows the path of its size: the one that the CRD's scale subresource names.
    by_scale: bool = False
    # Whether an object that is up does its work.
    ready: Callable[[Workload], bool] = _always_ready
    # Why this object must not be put down unless somebody allows it, and what to do; empty if it may be.
    danger: Callable[[Workload], str] = _no_danger
    # What a restored object needs beside its size, so that it does not do at once all that it missed.
    resume: Callable[[Workload], Patch] | None = None


_KINDS = (
    Kind(
        "deployments",
        DEPLOYMENTS,
        "replicas",
        _read_replicas,
        _patch_replicas,
        skip_owned_by="Stack",
        short=("deploy",),
        ready=_replicas_ready,
    ),
    Kind(
        "statefulsets",
        STATEFUL_SETS,
        "replicas",
        _read_replicas,
        _patch_replicas,
        short=("sts",),
        danger=_volumes_at_risk,
        ready=_replicas_ready,
    ),
    Kind(
        "rollouts",
        Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
        "replicas",
        _read_replicas,
        _patch_replicas,
        custom=True,
        ready=_replicas_ready,
    ),
    Kind("stacks", Resource("zalando.org", "v1", "stacks", "Stack"), "replicas", read_stack, patch_stack, custom=True),
    Kind(
        "prometheuses",
        Resource("monitoring.coreos.com", "v1", "prometheuses", "Prometheus"),
        "replicas",
        _read_replicas,
        _patch_replicas,
        custom=True,
    ),
    Kind(
        "postgresqls",
        Resource("acid.zalan.do", "v1", "postgresqls", "postgresql"),
        "instances",
        read_instances,
        patch_instances,
        custom=True,
        short=("pg",),
    ),
    *(
        Kind(
            plural,
            Resource("kafka.strimzi.io", "v1beta2", plural, kind),
            "replicas",
            _read_replicas,
            _patch_replicas,
            custom=True,
        )
        for plural, kind in (
            ("kafkaconnects", "KafkaConnect"),
            ("kafkamirrormaker2s", "KafkaMirrorMaker2"),
            ("kafkabridges", "KafkaBridge"),
        )
    ),
    Kind(
        "autoscalingrunnersets",
        Resource("actions.github.com", "v1alpha1", "autoscalingrunnersets", "AutoscalingRunnerSet"),
        "minRunners",
        read_runners,
        patch_runners,
        custom=True,
    ),
    Kind(
        "cronjobs",
        CRON_JOBS,
        "running",
        _read_suspend,
        _patch_suspend,
        _switch_target,
        _switch_original,
        short=("cj",),
        resume=_skip_missed_runs,
    ),
    Kind(
        "horizontalpodautoscalers",
        HORIZONTAL_POD_AUTOSCALERS,
        "minReplicas",
        _read_min_replicas,
        _patch_min_replicas,
        _autoscaler_target,
        clamp=_clamp_min_replicas,
        short=("hpa",),
        # KEDA owns the one that it makes for a ScaledObject.
        skip_owned_by="ScaledObject",
    ),
    Kind(
        "scaledobjects",
        Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
        "paused-replicas",
        read_scaled_object,
        patch_scaled_object,
        parse_original=scaled_object_original,
        compare=compare_scaled_objects,
        custom=True,
        short=("so",),
    ),
    Kind("daemonsets", DAEMON_SETS, "running", _read_selector, _patch_selector, _switch_target, _switch_original, short=("ds",)),
    Kind(
        "poddisruptionbudgets",
        POD_DISRUPTION_BUDGETS,
        "budget",
        _read_budget,
        _patch_budget,
        _any_target,
        parse_replicas,
        _compare_budgets,
        short=("pdb",),
    ),
    Kind(
        "jobs",
        JOBS,
        "running",
        _read_suspend,
        _patch_suspend,
        _switch_target,
        _switch_original,
        as_type=Job,
        skip_owned_by="*",
    ),
)
KINDS: Mapping[str, Kind] = {kind.id: kind for kind in _KINDS}

# Names that other downscalers accept and this one does not scale.
FOREIGN_KINDS = frozenset({"awselbservices", "awsnlbservices", "gateways", "ingresses", "services"})


def generic_kind(generic: Generic) -> Kind:
    """The row of a kind that the configuration describes. Where only the server knows the path it has no size yet."""
    resource, field = generic.resource, generic.field
    if field is None:
        return Kind(resource.name, resource, "replicas", _no_size, lambda workload, size: {}, custom=True, by_scale=True)
    return Kind(
        resource.name,
        resource,
        field.path[-1],
        field.read,
        field.patch,
        field.reach,
        field.original,
        field.compare,
        as_type=shape(field),
        custom=True,
    )


def _no_size(workload: Workload) -> Size | None:
    return None


def kind_named(text: str, kinds: Mapping[str, Kind] = KINDS) -> Kind:
    """The kind that *text* names as kubectl would: `deployments`, `Deployment`, `deploy`, `deployments.apps`; or ValueProblem."""
    word = text.strip().lower()
    for kind in kinds.values():
        if word in (kind.id, kind.resource.plural, kind.resource.kind.lower(), kind.resource.name, *kind.short):
            return kind
    raise ValueProblem(text, f"one of {', '.join(kinds)}, also in the singular")
