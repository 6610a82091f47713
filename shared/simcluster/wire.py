"""One HTTP request and its answer as values, and how they are negotiated. Knows nothing of the store."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import yaml

from shared.errors import ClusterError
from shared.simcluster.protobuf import ProtobufError, read_object
from shared.simcluster.records import decode, encode
from shared.simcluster.refusals import RefusedInvalid, bad_request, status_body, unsupported_media_type

# The API server's own threshold: smaller answers are not worth compressing.
GZIP_FROM = 128 * 1024
BODY_LIMIT = 3 * 1024 * 1024
_AS = re.compile(r"\s*([a-zA-Z0-9./*+@-]+)((?:\s*;\s*[a-zA-Z]+=[^;,]*)*)\s*")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sent. Header names are lower-case; of a repeated query parameter the first counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def flag(self, name: str) -> bool:
        """A boolean parameter: present and not false or 0."""
        value = self.query.get(name)
        return value is not None and value.lower() not in ("false", "0")

    def number(self, name: str) -> int | None:
        value = self.query.get(name)
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise bad_request(f"{name}: invalid value {value[:40]!r}: must be a whole number")
        return int(value)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def data(self) -> Any:
        """The body, JSON, YAML or protobuf. Invalid (400, 415) for anything else."""
        if len(self.body) > BODY_LIMIT:
            raise RefusedInvalid(f"Request entity too large: limit is {BODY_LIMIT}", status=413, reason="RequestEntityTooLarge")
        try:
            if self.content_type == "application/vnd.kubernetes.protobuf":
                return read_object(self.body)
            if self.content_type in ("application/yaml", "application/apply-patch+yaml"):
                return yaml.safe_load(self.body)
            return decode(self.body)
        except ProtobufError as problem:
            raise unsupported_media_type(f"the body of the request was in an unknown format: {problem}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, yaml.YAMLError) as problem:
            raise bad_request(f"the body of the request cannot be read: {problem}") from None


class Response(msgspec.Struct, kw_only=True):
    """What goes back: a whole body, or a stream of chunks for a watch."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    stream: AsyncIterator[bytes] | None = None


def parse_request(scope: Mapping[str, Any], body: bytes) -> Request:
    """A Request from an ASGI scope."""
    query: dict[str, str] = {}
    for key, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        query.setdefault(key, value)
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    # raw_path keeps an escaped slash inside a name apart from a separating one.
    raw = scope.get("raw_path") or scope["path"].encode()
    return Request(method=scope["method"], path=raw.decode("latin-1").partition("?")[0], query=query, headers=headers, body=body)


def path_parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/") if part]


class Accept(msgspec.Struct, frozen=True):
    """The representation asked for: `as_kind` is "", "Table", "PartialObjectMetadata" or "PartialObjectMetadataList"."""

    media: str = "application/json"
    as_kind: str = ""
    version: str = ""
    group: str = ""


def accepted(header: str) -> list[Accept]:
    """The alternatives of an Accept header in the client's order (its q values are not used by Kubernetes clients)."""
    found = []
    for part in header.split(","):
        match = _AS.fullmatch(part)
        if match is None:
            continue
        options = dict(item.strip().partition("=")[::2] for item in match.group(2).split(";") if item.strip())
        found.append(Accept(match.group(1).lower(), options.get("as", ""), options.get("v", ""), options.get("g", "")))
    return found or [Accept()]


def json_response(value: object, status: int = 200) -> Response:
    return Response(status=status, body=encode(value))


def error_response(error: ClusterError) -> Response:
    """The Status body for *error*, with Retry-After where its details name seconds."""
    body = status_body(error)
    details = body.get("details")
    response = json_response(body, error.status or 500)
    if isinstance(details, dict) and "retryAfterSeconds" in details:
        response.headers = {"Retry-After": str(details["retryAfterSeconds"])}
    return response


def compress(response: Response, accept_encoding: str) -> None:
    """Gzip a large body in place when the client asked for it. Level 1: the API server's choice too, for speed over size."""
    if "gzip" not in accept_encoding or len(response.body) < GZIP_FROM:
        return
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    response.body = packer.compress(response.body) + packer.flush()
    response.headers = {**response.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
