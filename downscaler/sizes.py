"""The table of kinds: how big an object is, and the merge patch that makes it another size. Pure.

A size is an int, or a percentage such as "75%" on a PodDisruptionBudget. Kinds without a count have two sizes: 1 is running, 0 is
suspended (CronJob, Job) or matched to no node (DaemonSet). Sizes are ordered by how much they ask for, which for `maxUnavailable`
is the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

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

Size: TypeAlias = int | str
Patch: TypeAlias = dict[str, object]

LARGEST = 2**31 - 1
NO_NODE = "kube-downscaler-non-existent"
# Both mean that the DaemonSet is switched off; the second is what another downscaler writes.
NO_NODE_KEYS = (NO_NODE, "downscaler/match-none")
ACCEPTED_REPLICAS = "a whole number from 0, or on a PodDisruptionBudget a percentage such as 50%"

_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3})%", re.ASCII)
_SWITCH = {"1": 1, "-1": 1, "false": 1, "0": 0, "true": 0}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kind cannot take a target."""

    reason: str


def parse_replicas(text: str) -> Size:
    """`3` or `50%`. Raises ValueProblem."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped) and int(stripped) <= LARGEST:
        return int(stripped)
    match = _PERCENT.fullmatch(stripped)
    if match and int(match[1]) <= 100:
        return f"{int(match[1])}%"
    raise ValueProblem(text, ACCEPTED_REPLICAS)


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
    order = _compare_amounts(left, right)
    return order if order is None or _budget_field(workload) == "minAvailable" else -order


def _compare_amounts(left: Size, right: Size) -> int | None:
    (a, a_percent), (b, b_percent) = _amount(left), _amount(right)
    if a_percent == b_percent or a == 0 or b == 0:
        return (a > b) - (a < b)
    if a_percent and a >= 100:
        return 1
    return -1 if b_percent and b >= 100 else None


def _amount(size: Size) -> tuple[int, bool]:
    """The number and whether it is a percentage. What the API would not accept counts as 100%: nothing is stricter than that."""
    if isinstance(size, int):
        return size, False
    match = _PERCENT.fullmatch(size)
    return (int(match[1]) if match else 100), True


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


_KINDS = (
    Kind("deployments", DEPLOYMENTS, "replicas", _read_replicas, _patch_replicas, skip_owned_by="Stack", short=("deploy",)),
    Kind("statefulsets", STATEFUL_SETS, "replicas", _read_replicas, _patch_replicas, short=("sts",)),
    Kind("cronjobs", CRON_JOBS, "running", _read_suspend, _patch_suspend, _switch_target, _switch_original, short=("cj",)),
    Kind(
        "horizontalpodautoscalers",
        HORIZONTAL_POD_AUTOSCALERS,
        "minReplicas",
        _read_min_replicas,
        _patch_min_replicas,
        _autoscaler_target,
        clamp=_clamp_min_replicas,
        short=("hpa",),
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
FOREIGN_KINDS = frozenset(
    {
        "autoscalingrunnersets",
        "awselbservices",
        "awsnlbservices",
        "gateways",
        "ingresses",
        "kafkabridges",
        "kafkaconnects",
        "kafkamirrormaker2s",
        "postgresqls",
        "prometheuses",
        "rollouts",
        "scaledobjects",
        "services",
        "stacks",
    }
)


def kind_named(text: str, kinds: Mapping[str, Kind] = KINDS) -> Kind:
    """The kind that *text* names as kubectl would: `deployments`, `Deployment`, `deploy`, `deployments.apps`; or ValueProblem."""
    word = text.strip().lower()
    for kind in kinds.values():
        if word in (kind.id, kind.resource.plural, kind.resource.kind.lower(), kind.resource.name, *kind.short):
            return kind
    raise ValueProblem(text, f"one of {', '.join(kinds)}, also in the singular")
