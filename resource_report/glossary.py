"""What the figures of the report mean: one entry per term, used by the glossary page and by the explanations beside the figures.

`short` is what stands beside a figure; `text` goes on in the glossary. Values only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    title: str
    short: str
    text: str = ""


TERMS: dict[str, Term] = {
    "cost": Term(
        "Cost",
        "The node's monthly price, split over CPU, memory and GPU, times the share of each that the pod is charged for.",
        "A month has 730.5 hours. A pod is charged on its own node at that node's price, so that a pod on a spot node "
        "costs less than "
        "the same pod on demand. What is charged is the request, or the larger of request and usage when the run was "
        "started that way "
        "(see the settings at the end of the overview). With the cost model “max” a pod costs the larger of its CPU and "
        "its memory share, each "
        "priced at the whole cluster's cost.",
    ),
    "slack": Term(
        "Slack",
        "Cost of the requests minus cost of what is recommended: what right-sizing would save.",
        "Never below zero and never above the cost. Where neither usage nor a recommendation is known, the slack is "
        "unknown and not zero; "
        "coverage says for how many of the pods it is known.",
    ),
    "coverage": Term(
        "Coverage",
        "The share of pods for which usage or a recommendation is known.",
        "Slack is only summed over those pods. With a low coverage the true slack may be much larger.",
    ),
    "idle": Term(
        "Idle cost",
        "The part of the nodes' price for allocatable capacity that no pod is charged for.",
        "It belongs to the cluster, not to a team. Fewer or smaller nodes lower it, right-sized requests alone do not.",
    ),
    "shared": Term(
        "Shared",
        "What these pods take of their cluster's shared pods, idle cost and overhead, beside their own cost.",
        "It is not part of the cost, and the cost of the shared pods still stands where they run. What is spread, and "
        "how, is set with --share-namespaces, --share-labels, --share-idle and --share-overhead; the TSV files hold its "
        "three parts.",
    ),
    "reserved": Term(
        "System reserved",
        "The part of the nodes' price for capacity that pods cannot have: capacity minus allocatable.",
        "It goes to the kubelet, the operating system and the eviction threshold.",
    ),
    "unattached": Term(
        "Unattached cost",
        "The price of nodes whose size is unknown, so that it cannot be split over pods.",
        "",
    ),
    "overhead": Term(
        "Overhead",
        "A fixed amount per cluster: control plane, load balancers, whatever the operator set.",
        "Set with --additional-cost-per-cluster.",
    ),
    "difference": Term(
        "Difference",
        "Cost minus the sum of its parts. It has to be 0.00.",
        "",
    ),
    "price": Term(
        "Price",
        "The node's hourly price by instance type, region, zone and capacity type, and where it was found.",
        "Looked up in this order: the operator's own price file, live AWS prices, the bundled table. A price that had "
        "to be estimated from the "
        "same family or from cores and memory is marked as estimated. The prices page lists each of them with its "
        "source and date.",
    ),
    "spot": Term(
        "Spot savings",
        "What the spot nodes would cost at their on-demand list price, minus what they do cost.",
        "The percentage is of the spot nodes' list price. Discounts and reserved rates of other nodes are not counted.",
    ),
    "requests": Term(
        "Requests",
        "What the pod's containers reserve: the effective request that the scheduler counts.",
        "Containers and native sidecars are added up; an init container counts where it needs more; the runtime's "
        "overhead comes on top.",
    ),
    "usage": Term(
        "Usage",
        "What the Metrics API reported, smoothed over the samples of this run.",
        "Unknown where the cluster has no metrics server or the pod was not measured.",
    ),
    "recommendation": Term(
        "Recommendation",
        "What the pod should request: from a VerticalPodAutoscaler where there is one, else from its usage.",
        "",
    ),
    "bars": Term(
        "Bars",
        "Pale: requested. Strong: used. The mark: recommended. The full width is what is allocatable, or the largest of "
        "the three.",
        "",
    ),
    "allocatable": Term(
        "Allocatable",
        "What a node offers to pods: its capacity minus what the system reserves.",
        "",
    ),
    "price-per-unit": Term(
        "Price per requested unit",
        "Half the clusters' hourly cost, divided by the cores (or GiB) that user pods request.",
        "A rough price for planning: it contains idle capacity and overhead, and rises when fewer requests share the same nodes.",
    ),
    "user-pods": Term(
        "User pods",
        "Pods outside the system namespaces.",
        "The system namespaces are set with --system-namespaces.",
    ),
    "team": Term(
        "Team",
        "From the pod's team label; else its workload, its namespace, an annotation or the mapping file.",
        "Pods without any of these are listed under “(no team)”.",
    ),
    "application": Term(
        "Application",
        "From the pod's application label. Pods without one are listed per namespace as “(unlabelled)”.",
        "",
    ),
    "active": Term(
        "Active",
        "Whether the application registry calls the application active.",
        "Empty without a registry.",
    ),
    "pool": Term(
        "Pool",
        "The node group that a node belongs to, by its labels.",
        "Karpenter node pools, EKS, GKE and AKS node groups, kops instance groups.",
    ),
    "hpa": Term(
        "HPA",
        "Minimum and maximum of the HorizontalPodAutoscaler: requests of such a workload steer its replicas too.",
        "",
    ),
    "ingress-status": Term(
        "Ingress status",
        "The HTTP status that the host answered when the run probed it.",
        "“Not checked” when probing is off, “no answer” for a failed connection.",
    ),
    "stale": Term(
        "Stale",
        "The cluster could not be read in this run: its figures are those of an earlier run.",
        "",
    ),
}
