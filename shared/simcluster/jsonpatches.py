"""JSON patch (RFC 6902) as the API server answers its failures. Pure."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from shared.kinds import Resource
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import RefusedInvalid, bad_request


def json_patch(current: JsonObject, operations: Any, resource: Resource, name: str) -> JsonObject:
    """*current* after *operations*. Invalid: 400 for what is no patch, 422 for an operation or test that fails."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    try:
        return jsonpatch.apply_patch(current, operations)  # type: ignore[no-any-return]
    except (jsonpatch.JsonPatchConflict, jsonpatch.JsonPatchTestFailed, jsonpointer.JsonPointerException) as problem:
        message = f'the server rejected our request due to an error in our request: {resource.name} "{name}": {problem}'
        raise RefusedInvalid(message, status=422, reason="Invalid") from None
    except (jsonpatch.InvalidJsonPatch, TypeError, KeyError) as problem:
        raise bad_request(f"error decoding patch: {problem}") from None
