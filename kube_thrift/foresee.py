"""Reads what a turn of the downscaler reads, and looks ahead for each workload. Writes nothing: the connection is a dry run.

A schedule that nobody has switched on yet is put on the objects as they were read, never on the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from downscaler.config import Config
from downscaler.memory import Memory
from downscaler.patches import patched
from downscaler.plan import Planner
from downscaler.probe import served_kinds
from downscaler.read import OnProblem, read_forced, read_namespaces, read_scalers, read_workloads
from downscaler.relations import SCALERS, Relations
from downscaler.sizes import Kind
from downscaler.workloads import Workload
from janitor.selectors import Selector
from kube_thrift.ahead import Foresight, Outlook
from shared.cluster import Cluster
from shared.errors import ThriftError


@dataclass(frozen=True)
class Chosen:
    """Which workloads are looked at, and the annotations that they are taken to have."""

    selector: Selector = Selector()
    assumed: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, workload: Workload) -> bool:
        return self.selector.matches(workload.metadata.labels)

    def as_if(self, workload: Workload) -> Workload:
        """*workload* with the annotations that nobody has written yet."""
        if not self.assumed or not self(workload):
            return workload
        return patched(workload, {"metadata": {"annotations": dict(self.assumed)}})


@dataclass
class Foreseen:
    """The outlooks of all chosen workloads, and what could not be read, one line each."""

    outlooks: list[Outlook] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def failed(self, error: ThriftError) -> None:
        self.failures.append(str(error))

    def unreadable(self, kind: Kind) -> OnProblem:
        """Notes objects of *kind* that do not decode."""
        return lambda about, problem: self.failures.append(f"{kind.id} {about.key}: cannot be read: {problem}")


def foresee(cluster: Cluster, config: Config, now: datetime, end: datetime, chosen: Chosen) -> Foreseen:
    """What will happen between *now* and *end* to each workload that the configuration covers. Raises nothing for what fails."""
    found = Foreseen()
    config = replace(config, kinds=served_kinds(cluster, config.kinds, Memory(), now, found.failed))
    namespaces = read_namespaces(cluster, config, found.failed)
    forced = read_forced(cluster, config, found.failed)
    scalers = [
        (kind, chosen.as_if(each)) for kind, each in read_scalers(cluster, config, config.kinds, found.failed, found.unreadable)
    ]
    planner = Planner(config.rules, namespaces, forced, now, Relations.of(scalers))
    ahead = Foresight(planner, end, config.prices)
    for kind, workload in _all(cluster, config, found, scalers):
        outlook = ahead.outlook(kind, workload if kind.id in SCALERS else chosen.as_if(workload))
        if chosen(workload):
            found.outlooks.append(outlook)
    found.outlooks.sort(key=lambda each: (each.namespace, each.kind.id, each.name))
    return found


def _all(
    cluster: Cluster, config: Config, found: Foreseen, scalers: list[tuple[Kind, Workload]]
) -> Iterator[tuple[Kind, Workload]]:
    for kind in config.kinds:
        if kind.id not in SCALERS:
            for workload in read_workloads(cluster, config, kind, found.failed, found.unreadable(kind)):
                yield kind, workload
    for kind, workload in scalers:
        if kind in config.kinds:
            yield kind, workload
