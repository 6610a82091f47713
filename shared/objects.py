"""API objects as msgspec Structs that hold only the fields we read. Pure readers, nothing here writes or mutates.

A page of a list is decoded straight into these: a field that is not named here is never built. Fields are optional wherever the
API allows their absence, so that an object written by an older server, or half-written by a tenant, still decodes.
Controllers subclass `Object` in their own modules for what only they read.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.times import parse_timestamp


class Struct(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """The base of all API shapes: camelCase on the wire, snake_case here, immutable."""


class OwnerReference(Struct, frozen=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Meta(Struct, frozen=True):
    """`metadata`, without managedFields."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    finalizers: list[str] | None = None

    @property
    def created(self) -> datetime | None:
        """When the object was created, in UTC; None where the server gave no time (never on a real server)."""
        return parse_timestamp(self.creation_timestamp) if self.creation_timestamp else None

    def annotation(self, key: str) -> str | None:
        return self.annotations.get(key) if self.annotations else None

    def label(self, key: str) -> str | None:
        return self.labels.get(key) if self.labels else None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages this object (`controller: true`), if any."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


class Object(Struct, frozen=True):
    """What every object has; enough for a PartialObjectMetadata.

    Items of a typed list carry no kind of their own, so `kind` and `api_version` are empty there: the caller knows which resource
    it listed.
    """

    api_version: str = ""
    kind: str = ""
    metadata: Meta = msgspec.field(default_factory=Meta)

    @property
    def namespace(self) -> str:
        """The namespace, or an empty string for a cluster-scoped object."""
        return self.metadata.namespace or ""

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def key(self) -> str:
        """`namespace/name`, or the name alone for a cluster-scoped object: how log lines name an object."""
        return f"{self.metadata.namespace}/{self.metadata.name}" if self.metadata.namespace else self.metadata.name
