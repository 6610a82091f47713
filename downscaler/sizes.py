"""The table of kinds: how big an object is, and the merge patch that makes it another size. Pure.

A size is an int, a percentage such as "75%" on a PodDisruptionBudget, or a word of which one means down: the type of a Service,
the class of an Ingress. Other kinds that are only on or off have two sizes: 1 is running, 0 is suspended (CronJob, Job) or
matched to no node (DaemonSet). Sizes are ordered by how much they ask for, which for `maxUnavailable` is the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from downscaler import exposure
from downscaler.amounts import Patch, Refusal, Size, parse_replicas
from downscaler.beside import CEILING, Beside, Originals, clamp_to_ceiling
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
from downscaler.fields import (
    always_ready,
    any_target,
    autoscaler_target,
    compare_budgets,
    compare_counts,
    count_original,
    count_target,
    cron_schedule,
    no_danger,
    patch_budget,
    patch_min_replicas,
    patch_replicas,
    patch_selector,
    patch_suspend,
    read_budget,
    read_min_replicas,
    read_replicas,
    read_selector,
    read_suspend,
    replicas_ready,
    skip_missed_runs,
    switch_original,
    switch_target,
    volumes_at_risk,
)
from downscaler.workloads import Exposed, Job, Scheduled, Workload
from shared.errors import ValueProblem
from shared.kinds import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    INGRESSES,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    STATEFUL_SETS,
    Resource,
)

SERVICES = Resource("", "v1", "services", "Service")


def _as_is(workload: Workload, size: Size, originals: Originals) -> Size:
    return size


def _every(workload: Workload) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind that can be scaled. `id` is its name in --include-resources, `noun` what its size counts."""

    id: str
    resource: Resource
    noun: str
    read: Callable[[Workload], Size | None]
    patch: Callable[[Workload, Size], Patch]
    reach: Callable[[Workload, Size], Size | Refusal] = count_target
    parse_original: Callable[[str], Size] = count_original
    compare: Callable[[Workload, Size, Size], int | None] = compare_counts
    clamp: Callable[[Workload, Size, Originals], Size] = _as_is
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
    ready: Callable[[Workload], bool] = always_ready
    # Why this object must not be put down unless somebody allows it, and what to do; empty if it may be.
    danger: Callable[[Workload], str] = no_danger
    # What a restored object needs beside its size, so that it does not do at once all that it missed.
    resume: Callable[[Workload], Patch] | None = None
    # What changes with its size and has to come back with it.
    beside: Beside | None = None
    # Only on or off, so that other downscalers know no target for it.
    switch: bool = False
    # When it does its work by itself: the cron expression and the zone; None for what works all the time.
    runs: Callable[[Workload], tuple[str, str]] | None = None
    # The kind that this one is a part of, and which of those objects it is.
    part_of: str = ""
    includes: Callable[[Workload], bool] = _every

    @property
    def whole(self) -> str:
        """The id under which annotations name its objects."""
        return self.part_of or self.id


_KINDS = (
    Kind(
        "deployments",
        DEPLOYMENTS,
        "replicas",
        read_replicas,
        patch_replicas,
        skip_owned_by="Stack",
        short=("deploy",),
        ready=replicas_ready,
    ),
    Kind(
        "statefulsets",
        STATEFUL_SETS,
        "replicas",
        read_replicas,
        patch_replicas,
        short=("sts",),
        danger=volumes_at_risk,
        ready=replicas_ready,
    ),
    Kind(
        "rollouts",
        Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
        "replicas",
        read_replicas,
        patch_replicas,
        custom=True,
        ready=replicas_ready,
    ),
    Kind("stacks", Resource("zalando.org", "v1", "stacks", "Stack"), "replicas", read_stack, patch_stack, custom=True),
    Kind(
        "prometheuses",
        Resource("monitoring.coreos.com", "v1", "prometheuses", "Prometheus"),
        "replicas",
        read_replicas,
        patch_replicas,
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
            read_replicas,
            patch_replicas,
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
        read_suspend,
        patch_suspend,
        switch_target,
        switch_original,
        as_type=Scheduled,
        short=("cj",),
        resume=skip_missed_runs,
        switch=True,
        runs=cron_schedule,
    ),
    Kind(
        "horizontalpodautoscalers",
        HORIZONTAL_POD_AUTOSCALERS,
        "minReplicas",
        read_min_replicas,
        patch_min_replicas,
        autoscaler_target,
        clamp=clamp_to_ceiling,
        beside=CEILING,
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
    Kind(
        "daemonsets",
        DAEMON_SETS,
        "running",
        read_selector,
        patch_selector,
        switch_target,
        switch_original,
        short=("ds",),
        switch=True,
    ),
    Kind(
        "poddisruptionbudgets",
        POD_DISRUPTION_BUDGETS,
        "budget",
        read_budget,
        patch_budget,
        any_target,
        parse_replicas,
        compare_budgets,
        short=("pdb",),
    ),
    Kind(
        "jobs",
        JOBS,
        "running",
        read_suspend,
        patch_suspend,
        switch_target,
        switch_original,
        as_type=Job,
        skip_owned_by="*",
        switch=True,
    ),
    *(
        Kind(
            name,
            SERVICES,
            "type",
            exposure.read_type,
            exposure.patch_type,
            exposure.reach_type,
            exposure.type_original,
            exposure.compare_types,
            as_type=Exposed,
            skip_owned_by="*",
            short=short,
            beside=exposure.SERVICE,
            switch=True,
            part_of=part_of,
            includes=includes,
        )
        for name, short, part_of, includes in (
            ("services", ("svc",), "", _every),
            ("awselbservices", (), "services", exposure.is_no_network_load_balancer),
            ("awsnlbservices", (), "services", exposure.is_network_load_balancer),
        )
    ),
    Kind(
        "ingresses",
        INGRESSES,
        "class",
        exposure.read_ingress_class,
        exposure.patch_ingress_class,
        exposure.reach_ingress_class,
        exposure.ingress_class_original,
        exposure.compare_ingress_classes,
        as_type=Exposed,
        skip_owned_by="*",
        short=("ing",),
        switch=True,
    ),
    Kind(
        "gateways",
        Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway"),
        "class",
        exposure.read_gateway_class,
        exposure.patch_gateway_class,
        exposure.reach_gateway_class,
        exposure.gateway_class_original,
        exposure.compare_gateway_classes,
        as_type=Exposed,
        skip_owned_by="*",
        custom=True,
        short=("gtw",),
        switch=True,
    ),
)
KINDS: Mapping[str, Kind] = {kind.id: kind for kind in _KINDS}


def kinds_left_out(included: Iterable[Kind]) -> tuple[Kind, ...]:
    """The kinds whose objects none of *included* looks at: each object of the cluster is of one of both, and never of two."""
    kinds = {kind.id: kind for kind in included}
    found = []
    for kind in KINDS.values():
        parts = [each.id for each in KINDS.values() if each.part_of == kind.id]
        covered = kind.part_of in kinds or not kinds.keys().isdisjoint(parts)
        # Without any of its parts it is left out as a whole.
        split = not kind.part_of or any(each.id in kinds for each in KINDS.values() if each.part_of == kind.part_of)
        if kind.id not in kinds and not covered and split:
            found.append(kind)
    return tuple(found)


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
    for kind in kinds.values():
        # Nobody has asked the server yet what one object of a described kind is called.
        if kind.resource.kind == kind.resource.plural and word in _singulars(kind.resource.plural):
            return kind
    raise ValueProblem(text, f"one of {', '.join(kinds)}, also in the singular")


def _singulars(plural: str) -> tuple[str, ...]:
    if plural.endswith("ies"):
        return (plural[:-3] + "y",)
    return (plural[:-1], plural[:-2]) if plural.endswith("es") else (plural[:-1],) if plural.endswith("s") else ()
