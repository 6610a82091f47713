"""How one object is kept: JSON bytes in two pieces plus the few values that selectors and indexes ask for.

`meta` is the encoded metadata, `rest` the encoded remainder without its braces. A list page is then a join of bytes, a metadata-
only page does not touch `rest`, and kind and apiVersion are put in front when an object is served, so one stored object serves
every version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

JsonObject = dict[str, Any]

_encoder = msgspec.json.Encoder()
encode = _encoder.encode
decode = msgspec.json.Decoder().decode

# Fields whose absence means this value and not the empty string (the API server's own conversion does the same).
_FIELD_DEFAULTS = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.successful": "0", "status.replicas": "0"}


class Record(msgspec.Struct, frozen=True, gc=False):
    """One version of one object; never changed, only replaced. `namespace` is empty for a cluster-scoped object."""

    namespace: str
    name: str
    uid: str
    rv: int
    created: str
    deleting: bool
    labels: dict[str, str]
    owners: tuple[str, ...]
    fields: tuple[str, ...]
    meta: bytes
    rest: bytes

    def with_type(self, head: bytes) -> bytes:
        """The object behind *head* (see `type_head`)."""
        return b"%b%b,%b}" % (head, self.meta, self.rest) if self.rest else b"%b%b}" % (head, self.meta)

    def metadata(self) -> JsonObject:
        return decode(self.meta)  # type: ignore[no-any-return]

    def remainder(self) -> JsonObject:
        """Everything but kind, apiVersion and metadata."""
        return decode(b"{%b}" % self.rest)  # type: ignore[no-any-return]

    def decoded(self, api_version: str, kind: str) -> JsonObject:
        """A fresh dict that the caller may change."""
        return {"apiVersion": api_version, "kind": kind, "metadata": decode(self.meta), **self.remainder()}


def type_head(api_version: str, kind: str) -> bytes:
    """The opening of an encoded object up to its metadata."""
    return b'{"kind":%b,"apiVersion":%b,"metadata":' % (encode(kind), encode(api_version))


def lookup(obj: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = obj
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def field_text(obj: Mapping[str, Any], path: str) -> str:
    """The text that a field selector compares: booleans lower-case, numbers bare, absence empty or its API default."""
    value = lookup(obj, path)
    if path == "source":
        value = lookup(obj, "source.component") or obj.get("reportingComponent")
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict | list):
        return _FIELD_DEFAULTS.get(path, "")
    return str(value)


def make_record(obj: Mapping[str, Any], rv: int, fields: tuple[str, ...]) -> Record:
    """Encode *obj*, whose metadata must be complete but for the resourceVersion."""
    metadata = obj["metadata"]
    metadata["resourceVersion"] = str(rv)
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return Record(
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        uid=metadata["uid"],
        rv=rv,
        created=metadata.get("creationTimestamp") or "",
        deleting=bool(metadata.get("deletionTimestamp")),
        labels=metadata.get("labels") or {},
        owners=tuple(owner.get("uid", "") for owner in metadata.get("ownerReferences") or ()),
        fields=tuple([field_text(obj, path) for path in fields]),
        meta=encode(metadata),
        rest=encode(rest)[1:-1],
    )
