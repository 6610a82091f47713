"""Asks a running downscaler for its status over HTTP. What comes back is another process's word: bounded, and decoded."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import requests

from downscaler.status import Status
from kube_thrift.fetch import fetch
from shared.errors import ThriftError, UsageError, shorten
from shared.logs import one_line

_LARGEST = 2_000_000


def fetch_status(url: str, about: tuple[str, str, str], timeout: float) -> Status:
    """The status that the process at *url* gives of one object: kind, namespace, name. *timeout* is in seconds.

    *url* is the address of its metrics port, also behind `kubectl proxy`. Raises UsageError for one that is none, ThriftError
    where nothing, or something else, answers.
    """
    if not _is_address(url):
        raise UsageError(f"--status-url {shorten(url)!r} is not understood; accepted: a URL such as http://127.0.0.1:7979")
    address = url.rstrip("/").removesuffix("/status") + "/status"
    query = dict(zip(("kind", "namespace", "name"), about, strict=True)) | {"limit": "1"}
    try:
        code, body = fetch(address, limit=_LARGEST, timeout=timeout, params=query)
    except (requests.RequestException, ValueError) as error:
        raise ThriftError(f"--status-url {address}: no answer: {one_line(shorten(_cause(error)))}") from None
    if code != 200:
        said = one_line(shorten(body.decode(errors="replace").strip()))
        raise ThriftError(f"--status-url {address}: status {code}: {said}")
    try:
        return msgspec.json.decode(body, type=Status)
    except msgspec.DecodeError as error:
        raise ThriftError(f"--status-url {address}: this is not the status of a downscaler: {one_line(str(error))}") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _cause(error: BaseException) -> str:
    """The innermost reason, which is what people can act on."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or error).lower()
