"""How the size of the built-in kinds is read, set, compared and recorded. Pure functions for the rows in `sizes.py`."""

from __future__ import annotations

from collections.abc import Mapping

from downscaler.amounts import Patch, Refusal, Size, compare_amounts, no_percentage, parse_replicas
from downscaler.keys import ALLOW_VOLUME_DELETION
from downscaler.workloads import Schedule, Workload
from shared.errors import ValueProblem

NO_NODE = "kube-downscaler-non-existent"
# Both mean that the DaemonSet is switched off; the second is what another downscaler writes.
NO_NODE_KEYS = (NO_NODE, "downscaler/match-none")
_SWITCH = {"1": 1, "-1": 1, "false": 1, "0": 0, "true": 0}


def count_original(text: str) -> Size:
    """A recorded count. -1 is how other downscalers say "the field was unset", which the API reads as 1."""
    if text.strip() == "-1":
        return 1
    size = parse_replicas(text)
    if isinstance(size, str):
        raise ValueProblem(text, "a whole number from 0, or -1 for an unset field")
    return size


def switch_original(text: str) -> Size:
    """A recorded switch: a count of 1 or 0, or the value that `suspend` had."""
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise ValueProblem(text, "1 or false for an object that was running, 0 or true for one that was not") from None


def count_target(workload: Workload, target: Size) -> Size | Refusal:
    return target if isinstance(target, int) else no_percentage(target)


def switch_target(workload: Workload, target: Size) -> Size | Refusal:
    reached = count_target(workload, target)
    return min(reached, 1) if isinstance(reached, int) else reached


def autoscaler_target(workload: Workload, target: Size) -> Size | Refusal:
    if target == 0:
        return Refusal("1 or more, as minReplicas cannot be 0; or leave the autoscaler alone and scale its workload to 0")
    return count_target(workload, target)


def any_target(workload: Workload, target: Size) -> Size | Refusal:
    return target


def compare_counts(workload: Workload, left: Size, right: Size) -> int | None:
    if isinstance(left, int) and isinstance(right, int):
        return (left > right) - (left < right)
    return None


def read_replicas(workload: Workload) -> Size | None:
    return 1 if workload.spec.replicas is None else workload.spec.replicas


def patch_replicas(workload: Workload, size: Size) -> Patch:
    return {"spec": {"replicas": size}}


def read_suspend(workload: Workload) -> Size | None:
    return 0 if workload.spec.suspend else 1


def patch_suspend(workload: Workload, size: Size) -> Patch:
    return {"spec": {"suspend": size == 0}}


def read_selector(workload: Workload) -> Size | None:
    return 0 if _off_keys(workload) else 1


def patch_selector(workload: Workload, size: Size) -> Patch:
    selector: Mapping[str, str | None] = {NO_NODE: "true"} if size == 0 else dict.fromkeys(_off_keys(workload))
    return {"spec": {"template": {"spec": {"nodeSelector": selector}}}}


def _off_keys(workload: Workload) -> list[str]:
    selector = workload.spec.template.spec.node_selector or {}
    return [key for key in NO_NODE_KEYS if key in selector]


def read_min_replicas(workload: Workload) -> Size | None:
    return 1 if workload.spec.min_replicas is None else workload.spec.min_replicas


def patch_min_replicas(workload: Workload, size: Size) -> Patch:
    return {"spec": {"minReplicas": size}}


def read_budget(workload: Workload) -> Size | None:
    spec = workload.spec
    return spec.min_available if spec.min_available is not None else spec.max_unavailable


def patch_budget(workload: Workload, size: Size) -> Patch:
    return {"spec": {_budget_field(workload): size}}


def _budget_field(workload: Workload) -> str:
    return "minAvailable" if workload.spec.min_available is not None else "maxUnavailable"


def compare_budgets(workload: Workload, left: Size, right: Size) -> int | None:
    """Which budget is stricter. A count and a percentage compare only where one of them is nothing, or everything."""
    order = compare_amounts(left, right)
    return order if order is None or _budget_field(workload) == "minAvailable" else -order


def always_ready(workload: Workload) -> bool:
    return True


def replicas_ready(workload: Workload) -> bool:
    wanted = 1 if workload.spec.replicas is None else workload.spec.replicas
    return (workload.status.ready_replicas or 0) >= wanted


def no_danger(workload: Workload) -> str:
    return ""


def volumes_at_risk(workload: Workload) -> str:
    policy = workload.spec.persistent_volume_claim_retention_policy
    if policy is None or policy.when_scaled != "Delete":
        return ""
    fact = "it would delete its volumes (persistentVolumeClaimRetentionPolicy.whenScaled is Delete)"
    return f"{fact}; {ALLOW_VOLUME_DELETION}=true allows it"


def skip_missed_runs(workload: Workload) -> Patch:
    """A minute, as the CronJob controller warns of deadlines under ten seconds and looks every ten."""
    return {} if workload.spec.starting_deadline_seconds is not None else {"spec": {"startingDeadlineSeconds": 60}}


def cron_schedule(workload: Workload) -> tuple[str, str]:
    """The cron expression of a CronJob and its zone; where none is named the controller manager's own, as a rule UTC."""
    spec = workload.spec
    return (spec.schedule, spec.time_zone or "UTC") if isinstance(spec, Schedule) else ("", "UTC")
