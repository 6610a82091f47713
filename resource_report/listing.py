"""Lists of what a server may or may not have: asked once what it serves, and failures told as notifications.

A missing permission names the rule to add. What cannot be decoded or mapped is reported and left out; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from resource_report.notifications import Complaints, Severity
from shared.cluster import Cluster
from shared.errors import ClusterError, Forbidden, ValueProblem
from shared.kinds import Resource
from shared.objects import Object

T = TypeVar("T", bound=Object)


def subject_of(resource: Resource) -> str:
    """How notifications call a section: the metrics API has pods and nodes of its own."""
    return f"usage of {resource.plural}" if resource.group == "metrics.k8s.io" else resource.plural


class Lists:
    """The lists of one cluster."""

    def __init__(self, cluster: Cluster, complaints: Complaints) -> None:
        self._cluster = cluster
        self._complaints = complaints
        self._served = self._discover()

    def _discover(self) -> frozenset[tuple[str, str, str]] | None:
        """Everything served as (group, version, plural); None where the server would not say: then everything is tried."""
        try:
            discovery = self._cluster.discover()
        except ClusterError as error:
            self.failed("API discovery", error, None)
            return None
        for failure in discovery.failures:
            self._complaints.add(Severity.WARNING, "API discovery", failure, "the API service behind this group does not answer")
        return frozenset((found.group, found.version, found.plural) for found in discovery.resources)

    def find(self, versions: Iterable[Resource]) -> Resource | None:
        """The first of *versions* that the server has."""
        for resource in versions:
            if self._served is None or (resource.group, resource.version, resource.plural) in self._served:
                return resource
        return None

    def failed(self, subject: str, error: Exception, resource: Resource | None) -> None:
        remedy = ""
        if isinstance(error, Forbidden) and resource is not None:
            rule = f'apiGroups: ["{resource.group}"], resources: ["{resource.plural}"], verbs: ["list"]'
            remedy = f"add to the report's ClusterRole: {rule}"
        self._complaints.add(Severity.WARNING, subject, str(error), remedy)

    def each(self, resource: Resource, as_type: type[T]) -> Iterator[T]:
        """All objects, in pages. What cannot be decoded is reported and left out. Raises ClusterError."""
        return self._cluster.list(resource, as_type, on_problem=self._unreadable(resource))

    def _unreadable(self, resource: Resource) -> Callable[[Object, ValueProblem], None]:
        return lambda found, problem: self._complaints.object(subject_of(resource), found.key, f"left out: {problem}")

    def optional(self, resource: Resource | None, as_type: type[T], use: Callable[[T], object]) -> bool:
        """Lists *resource* into *use*; False where it is not served, or failed and was reported."""
        if resource is None:
            return False
        try:
            for found in self.each(resource, as_type):
                self.mapped(resource, found, use)
        except ClusterError as error:
            self.failed(subject_of(resource), error, resource)
            return False
        return True

    def mapped(self, resource: Resource, found: T, use: Callable[[T], object]) -> None:
        try:
            use(found)
        except ValueProblem as problem:
            self._complaints.object(subject_of(resource), found.key, f"left out: {problem}")

    def metadata(self, resource: Resource) -> Iterator[Object]:
        """The metadata of all objects. Raises ClusterError."""
        return self._cluster.list_metadata(resource)
