"""What went wrong with a call, in our own words: refusals of the server and connections that failed, as one clear line each.

Texts of a server are untrusted: they are cut, and control characters in them are made harmless.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
import requests
import urllib3
import urllib3.util.ssl_match_hostname

from shared.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
    ValueProblem,
    shorten,
)
from shared.logs import one_line
from shared.objects import Struct
from shared.retry import Failure, parse_retry_after

_MESSAGE_LIMIT = 400
_KINDS: dict[int, tuple[type[ClusterError], str]] = {
    401: (Unauthorized, "not authenticated"),
    403: (Forbidden, "forbidden"),
    404: (NotFound, "not found"),
    409: (Conflict, "conflict"),
    410: (Gone, "expired"),
}
_RETRIED = frozenset({500, 502, 503, 504})


class _Details(Struct, frozen=True):
    retry_after_seconds: float | None = None


class _Status(Struct, frozen=True):
    message: str = ""
    reason: str = ""
    details: _Details | None = None


_decode_status = msgspec.json.Decoder(_Status).decode


def refusal(status: int, headers: Mapping[str, str], content: bytes, *, subject: str, server: str) -> Failure:
    """An answer that is not success. `harmless` where the server says that it did nothing: 429, and 503 with a pause named."""
    body = _read_status(content)
    text = _brief(body.message) or f"the server answered {status}"
    retry_after = parse_retry_after(headers.get("Retry-After"))
    if retry_after is None and body.details is not None:
        retry_after = body.details.retry_after_seconds
    if status == 429:
        throttled = Throttled(f"{subject}: too many requests: {text}", retry_after=retry_after, reason=body.reason)
        return Failure(throttled, harmless=True, retry_after=retry_after)
    if status >= 500:
        problem: ClusterError = Unavailable(f"{subject}: server error {status}: {text}", status=status, reason=body.reason)
        return Failure(problem, harmless=status == 503, permanent=status not in _RETRIED, retry_after=retry_after)
    if 300 <= status < 400:
        target = _brief(headers.get("Location", "nowhere"))
        text = f"{server} redirects to {target}: is this the address of an API server?"
        return Failure(Unavailable(text, status=status), harmless=True, permanent=True)
    kind, word = _KINDS.get(status, (Invalid, "refused"))
    if kind is Conflict and body.reason == "AlreadyExists":
        kind, word = AlreadyExists, "already exists"
    if kind is Unauthorized:
        text = f"{text} (the credentials for {server} are wrong or have expired)"
    return Failure(kind(f"{subject}: {word}: {text}", status=status, reason=body.reason), harmless=True, permanent=True)


def unreachable(error: Exception, server: str, subject: str, timeout: float) -> Failure:
    """No answer, or half of one: what the exceptions of the HTTP library and the system underneath say, unwrapped."""
    for cause in _causes(error):
        for kinds, describe in _CAUSES:
            if isinstance(cause, kinds):
                return describe(_Context(error, cause, server, subject, timeout))
    return _broken(_Context(error, error, server, subject, timeout), _innermost(error))


def undecodable(server: str, subject: str) -> Failure:
    """A body that is no JSON although the status was success: cut off half-way, or not from an API server at all."""
    return Failure(Unavailable(f"{subject}: the answer of {server} is not complete JSON"), harmless=False)


def misshapen(error: msgspec.ValidationError) -> ValueProblem:
    """An object whose field has another type than the API defines, named by the path of the field."""
    text, _, path = str(error).partition(" - at ")
    return ValueProblem(path.strip("`").removeprefix("$.") or "the object", text[:1].lower() + text[1:])


def _brief(text: str) -> str:
    """*text* on one line: white space joined, control characters escaped, cut to 400 characters."""
    return shorten(one_line(" ".join(text.split())), _MESSAGE_LIMIT)


def _read_status(content: bytes) -> _Status:
    """The Status that an API server sends with a refusal; for anything else (a proxy's page) its text as the message."""
    try:
        return _decode_status(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = re.sub(r"<[^>]{0,200}>", " ", content[:2000].decode("utf-8", "replace"))
        return _Status(message=shorten(" ".join(text.split())))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """*error* and everything it wraps, outermost first; the libraries hide causes in `args` and `reason` as well."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
        waiting += [item for item in inner if isinstance(item, BaseException)]


def _innermost(error: BaseException) -> str:
    """The system's own words for the deepest cause ("connection refused")."""
    text = ""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            text = cause.strerror
        elif not text or not any(isinstance(item, BaseException) for item in cause.args):
            text = text if isinstance(cause, urllib3.exceptions.HTTPError) and text else str(cause)
    text = _brief(text)
    return text[:1].lower() + text[1:]


@dataclass(frozen=True)
class _Context:
    """One failed exchange: the outermost exception, the cause that was recognised in it, and what messages need."""

    error: BaseException
    cause: BaseException
    server: str
    subject: str
    timeout: float


def _unreached(context: _Context, why: str, *, permanent: bool = False) -> Failure:
    return Failure(Unavailable(f"cannot reach {context.server}: {why}"), harmless=True, permanent=permanent)


def _distrusted(context: _Context) -> Failure:
    why = getattr(context.cause, "verify_message", "") or str(context.cause)
    text = f"cannot trust {context.server}: certificate verify failed: {_brief(why)}"
    return Failure(Unavailable(text), harmless=True, permanent=True)


def _broken(context: _Context, why: str) -> Failure:
    return Failure(Unavailable(f"the connection to {context.server} broke: {why} ({context.subject})"), harmless=False)


def _tls_failed(context: _Context) -> Failure:
    why = getattr(context.cause, "reason", None) or str(context.cause)
    text = f"no TLS with {context.server}: {_brief(str(why)).lower().replace('_', ' ')}"
    return Failure(Unavailable(text), harmless=True, permanent=True)


def _no_name(context: _Context) -> Failure:
    host = urllib3.util.parse_url(context.server).host
    return _unreached(context, f"no address is known for the name {host}")


def _late(context: _Context) -> Failure:
    return Failure(
        Unavailable(f"no answer from {context.server} within {context.timeout:g} s ({context.subject})"), harmless=False
    )


_Describe = Callable[[_Context], Failure]
# The first row whose kind fits wins, for the outermost cause that fits any row.
_CAUSES: tuple[tuple[tuple[type[BaseException], ...], _Describe], ...] = (
    ((ssl.SSLCertVerificationError, urllib3.util.ssl_match_hostname.CertificateError), _distrusted),
    # A peer that vanishes without the closing words of TLS: what a restarting server or load balancer does.
    (
        (ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.RemoteDisconnected),
        lambda context: _broken(context, "closed before the answer"),
    ),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        lambda context: _broken(context, "closed in the middle of the answer"),
    ),
    ((http.client.BadStatusLine,), lambda context: _broken(context, "the answer is no HTTP")),
    ((ssl.SSLError,), _tls_failed),
    ((urllib3.exceptions.ProxyError,), lambda context: _unreached(context, f"the proxy failed: {_innermost(context.error)}")),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), _no_name),
    # A refused connection is, to the library, a kind of connection time-out.
    ((urllib3.exceptions.NewConnectionError,), lambda context: _unreached(context, _innermost(context.error))),
    (
        (urllib3.exceptions.ConnectTimeoutError,),
        lambda context: _unreached(context, f"no connection within {context.timeout:g} s"),
    ),
    ((urllib3.exceptions.ReadTimeoutError, requests.exceptions.Timeout, TimeoutError), _late),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.InvalidProxyURL),
        lambda context: _unreached(context, _brief(str(context.cause)), permanent=True),
    ),
)
