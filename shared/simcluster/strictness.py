"""Field validation: unknown fields in what a client sends, as warnings or as a refusal. Pure.

Custom resources are checked by their schemas. Of built-in kinds only the first level of `spec` is known here, which is where a
misspelt `replicas` or `suspend` stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.simcluster import schemas
from shared.simcluster.catalog import Type
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import bad_request
from shared.simcluster.specfields import SPEC_FIELDS, TOP_FIELDS
from shared.simcluster.writes import copy


def check(kind: Type, version: str, obj: JsonObject, mode: str) -> list[str]:
    """The warnings about unknown fields. *mode* is the request's fieldValidation: Ignore, Warn (also when empty) or Strict.

    Invalid (400) under Strict, as the API server's strict decoding answers.
    """
    if mode == "Ignore":
        return []
    unknown = [f'unknown field "{path}"' for path in _unknown(kind, version, obj)]
    if unknown and mode == "Strict":
        name = kind.resource.kind
        raise bad_request(
            f'{name} in version "{version}" cannot be handled as a {name}: strict decoding error: {", ".join(unknown)}'
        )
    return unknown


def _unknown(kind: Type, version: str, obj: JsonObject) -> list[str]:
    if kind.custom:
        schema: Mapping[str, Any] = kind.schemas.get(version) or {}
        return schemas.prune(schema, copy(obj)) if schema else []
    known = SPEC_FIELDS.get(kind.key)
    if known is None:
        return []
    spec = obj.get("spec")
    inside = [f"spec.{name}" for name in spec if name not in known] if isinstance(spec, dict) else []
    return [name for name in obj if name not in TOP_FIELDS] + inside
