"""Answers to get and list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.simcluster.paging import Page, read_token
from shared.simcluster.records import JsonObject
from shared.simcluster.refusals import Cause, Refusal, bad_request, expired, not_found
from shared.simcluster.represent import Writer, negotiate
from shared.simcluster.routes import Target
from shared.simcluster.selectors import Matcher, both, parse_fields, parse_labels
from shared.simcluster.wire import Request, Response

if TYPE_CHECKING:
    from shared.simcluster.api import Api


def get(api: Api, target: Target, request: Request) -> Response:
    """One object."""
    store = api.store
    record = store.record(target.kind, target.namespace, target.name)
    if record is None:
        raise not_found(target.view, target.name)
    style = negotiate(request, collection=False)
    return Response(body=Writer(target.kind, target.view, style, store.clock.now()).one(record))


def matcher(target: Target, request: Request) -> Matcher | None:
    """The request's two selectors as one predicate."""
    labels = parse_labels(request.query.get("labelSelector", ""))
    return both(labels, parse_fields(request.query.get("fieldSelector", ""), target.kind))


def list_all(api: Api, target: Target, request: Request) -> Response:
    """A list, or one page of it."""
    store = api.store
    style = negotiate(request, collection=True)
    selects = matcher(target, request)
    page = _page(api, target, request, selects)
    metadata: JsonObject = {"resourceVersion": str(page.rv)}
    if page.token:
        metadata["continue"] = page.token
        # With a selector the API server does not know how many will match; it leaves the count out, and so do we.
        if selects is None:
            metadata["remainingItemCount"] = page.remaining
    writer = Writer(target.kind, target.view, style, store.clock.now())
    return Response(body=writer.page(page.records, metadata))


def _page(api: Api, target: Target, request: Request, selects: Matcher | None) -> Page:
    store = api.store
    limit = request.number("limit") or 0
    text = request.query.get("continue", "")
    if not text:
        _check_version(api, target, request)
        records = store.records(target.kind, target.namespace)
        return api.pages.first(records if selects is None else list(filter(selects, records)), store.rv, limit)
    if request.query.get("resourceVersion") not in (None, "", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    token = read_token(text)
    if token.rv >= 0:
        return api.pages.following(token, limit)
    rest = [record for record in store.records(target.kind, target.namespace) if (record.namespace, record.name) > token.start]
    return api.pages.first(rest if selects is None else list(filter(selects, rest)), store.rv, limit)


def check_future(api: Api, version: int | None) -> None:
    """A version that was never given out: the client knows another life of this cluster."""
    if version and version > api.store.rv:
        cause = Cause(reason="ResourceVersionTooLarge", message="Too large resource version", field="")
        details = {"causes": [cause], "retryAfterSeconds": 1}
        message = f"Timeout: Too large resource version: {version}, current: {api.store.rv}"
        raise Refusal(message, status=504, reason="Timeout", details=details)


def _check_version(api: Api, target: Target, request: Request) -> None:
    """A list "at least as new as" a version is always served from current data; an exact old version is known only until
    compaction.
    """
    version = request.number("resourceVersion")
    check_future(api, version)
    if version and request.query.get("resourceVersionMatch") == "Exact" and version < api.store.shelf(target.kind).floor:
        raise expired(f"The provided resource version is too old to display a consistent list result: {version}")
