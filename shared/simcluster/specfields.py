"""The fields of `spec` that some built-in types have: enough to tell a misspelt one. Pure.

Source: the Kubernetes API reference, v1.32.
"""

from __future__ import annotations

from collections.abc import Mapping

TOP_FIELDS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_JOB = (
    "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy manualSelector "
    "maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy selector successPolicy suspend template "
    "ttlSecondsAfterFinished"
)
SPEC_FIELDS: Mapping[str, frozenset[str]] = {
    key: frozenset(names.split())
    for key, names in {
        "deployments.apps": (
            "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy template"
        ),
        "replicasets.apps": "minReadySeconds replicas selector template",
        "statefulsets.apps": (
            "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas revisionHistoryLimit "
            "selector serviceName template updateStrategy volumeClaimTemplates"
        ),
        "daemonsets.apps": "minReadySeconds revisionHistoryLimit selector template updateStrategy",
        "jobs.batch": _JOB,
        "cronjobs.batch": (
            "concurrencyPolicy failedJobsHistoryLimit jobTemplate schedule startingDeadlineSeconds successfulJobsHistoryLimit "
            "suspend timeZone"
        ),
        "horizontalpodautoscalers.autoscaling": (
            "behavior maxReplicas metrics minReplicas scaleTargetRef targetCPUUtilizationPercentage"
        ),
        "poddisruptionbudgets.policy": "maxUnavailable minAvailable selector unhealthyPodEvictionPolicy",
    }.items()
}
