"""Which of the configured kinds the server has, and under which version. A missing CRD is no failure and is probed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from downscaler.customs import Generic, field_at
from downscaler.memory import Memory
from downscaler.sizes import Kind, generic_kind
from shared.cluster import Cluster
from shared.discovery import Discovery
from shared.errors import ClusterError, ThriftError
from shared.kinds import CUSTOM_RESOURCE_DEFINITIONS, Resource
from shared.objects import Object, Struct

PROBE_EVERY = timedelta(minutes=5)

OnFailure: TypeAlias = Callable[[ThriftError], None]


class _Scale(Struct, frozen=True):
    spec_replicas_path: str = ".spec.replicas"


class _Subresources(Struct, frozen=True):
    scale: _Scale | None = None


class _Version(Struct, frozen=True):
    name: str = ""
    subresources: _Subresources | None = None


class _DefinitionSpec(Struct, frozen=True):
    versions: list[_Version] = []


class _Definition(Object, frozen=True):
    spec: _DefinitionSpec = _DefinitionSpec()


def served_kinds(cluster: Cluster, kinds: tuple[Kind, ...], memory: Memory, now: datetime, failed: OnFailure) -> tuple[Kind, ...]:
    """*kinds* without those that the server does not know, in their order. Asks every five minutes, never for built-in ones."""
    if not any(kind.custom for kind in kinds):
        return kinds
    fresh = memory.probed is not None and timedelta(0) <= now - memory.probed < PROBE_EVERY
    if not fresh:
        try:
            memory.kinds = tuple(_served(cluster, kinds, cluster.discover(), failed))
            memory.probed = now
        except ClusterError as error:
            failed(error)
    return memory.kinds or tuple(kind for kind in kinds if not kind.custom)


def _served(cluster: Cluster, kinds: tuple[Kind, ...], discovery: Discovery, failed: OnFailure) -> Iterator[Kind]:
    for kind in kinds:
        if not kind.custom:
            yield kind
            continue
        known = [each for each in discovery.resources if (each.group, each.plural) == (kind.resource.group, kind.resource.plural)]
        if not known:
            continue
        resource = next((each for each in known if each.version == kind.resource.version), known[0])
        if not kind.by_scale:
            yield replace(kind, resource=resource)
        elif (generic := _by_scale(cluster, resource, failed)) is not None:
            yield replace(generic_kind(generic), id=kind.id)


def _by_scale(cluster: Cluster, resource: Resource, failed: OnFailure) -> Generic | None:
    """The kind with the path that its CRD names; None with a failure where it has no scale subresource or cannot be read."""
    try:
        definition = cluster.get(CUSTOM_RESOURCE_DEFINITIONS, None, resource.name, _Definition)
        version = next((each for each in definition.spec.versions if each.name == resource.version), _Version())
        if version.subresources is None or version.subresources.scale is None:
            raise ClusterError(
                f"customresourcedefinitions {resource.name}: no scale subresource in {resource.version}; name a path"
            )
        return Generic(resource, field_at(version.subresources.scale.spec_replicas_path))
    except ThriftError as error:
        failed(error)
        return None
