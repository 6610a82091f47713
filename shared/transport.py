"""HTTP to one API server: one call in, one decoded answer or one error of ours out. The only importer of pykube.

pykube-ng brings the session and the handling of certificates; credentials are ours (its own runs an exec plugin for every single
request and keeps a service account's token for ever). Knows nothing of pages, events or kinds.
"""

from __future__ import annotations

import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pykube
import requests
import urllib3
from pykube.http import KubernetesHTTPAdapter
from requests.structures import CaseInsensitiveDict

from shared.clock import Clock
from shared.credentials import Secret
from shared.errors import NotFound, Unauthorized, Unavailable
from shared.failures import misshapen, refusal, undecodable, unreachable
from shared.kubeconfig import Access
from shared.ratelimit import TokenBucket
from shared.retry import Failure, RetryPolicy

T = TypeVar("T")

JSON = "application/json"
# An aggregated API that cannot cut objects down to their metadata answers with whole ones, which decode the same.
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

MERGE_PATCH = "application/merge-patch+json"

_CHUNK = 1 << 18
_PATH_SAFE = "/:@~!$&'()*+,;="
# No call, with its repeats, goes on for longer than this many time-outs.
_CALL_LIMIT = 3


@dataclass(frozen=True)
class Limits:
    """How hard a server may be pushed: seconds per call, calls per second, open connections kept, repeats after 429."""

    timeout: float = 10.0
    qps: float = 0.0
    burst: int = 0
    pool: int = 16
    throttle_retries: int = 5
    user_agent: str = "kube-thrift"


@dataclass(frozen=True)
class Call:
    """One request, before it becomes HTTP. `verb` is what it counts as, `subject` what messages call it.

    `idempotent`: sending it twice comes to the same. `absent_is_done`: nothing left to find on a repeat means that the first try
    worked.
    """

    verb: str
    method: str
    path: str
    subject: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accept: str = JSON
    content_type: str = JSON
    idempotent: bool = True
    absent_is_done: bool = False


_DECODERS: dict[Any, Any] = {}


def decoder(as_type: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """Reads a JSON body as *as_type*. Building one costs as much as hundreds of small decodes, so each is kept."""
    if as_type not in _DECODERS:
        _DECODERS[as_type] = msgspec.json.Decoder(as_type).decode
    found: Callable[[bytes | msgspec.Raw], T] = _DECODERS[as_type]
    return found


class Transport:
    """Sends calls, in any thread. `calls` counts requests by verb, repeats included."""

    def __init__(
        self,
        access: Access,
        limits: Limits,
        *,
        clock: Clock,
        stop: threading.Event,
        observe: Callable[[str, int, float], None] | None = None,
    ) -> None:
        self.server = access.server
        self.calls: Counter[str] = Counter()
        self.received = 0  # bytes of all bodies
        self.clock = clock
        self._access = access
        self._limits = limits
        self._stop = stop
        self._observe = observe
        self._policy = RetryPolicy(throttled=limits.throttle_retries)
        self._bucket = TokenBucket(limits.qps, limits.burst)
        self._until: float | None = None
        self._lock = threading.Lock()
        self._adapter, self._session = _open_session(access, limits)
        self._proxies = access.proxies()
        self._headers = {"User-Agent": limits.user_agent, "Accept-Encoding": "identity", **access.headers}

    # ---- deadline of a turn

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """No call goes on beyond *seconds* from now while this block runs; an outer deadline that is nearer stays."""
        before, until = self._until, self.clock.monotonic() + seconds
        self._until = until if before is None else min(before, until)
        try:
            yield
        finally:
            self._until = before

    def _left(self, call: Call) -> float:
        """Seconds that the turn has left; raises when there are none."""
        left = float("inf") if self._until is None else self._until - self.clock.monotonic()
        if left <= 0:
            raise Unavailable(f"{call.subject}: not sent, the turn's time is used up", reason="DeadlineExceeded")
        return left

    # ---- sending

    def send(self, call: Call, decode: Callable[[bytes], T]) -> T:
        """The decoded answer to *call*. Raises ClusterError, or ValueProblem for an answer that is not shaped as expected."""
        give_up_at = self.clock.monotonic() + _CALL_LIMIT * self._limits.timeout
        repeats = 0
        renewed = uncertain = False
        while True:
            timeout = min(self._limits.timeout, self._left(call))
            self._take_token(call)
            secret = self._access.credentials.current(self.clock.now())
            try:
                return self._attempt(call, decode, secret, timeout)
            except _Failed as failed:
                failure = failed.failure
            if isinstance(failure.problem, Unauthorized) and not renewed:
                # Tokens are rotated before they expire, but never in the instant we look.
                renewed = self._access.credentials.renew(secret, self.clock.now())
                if renewed:
                    continue
            if isinstance(failure.problem, NotFound) and uncertain and call.absent_is_done:
                return decode(b"{}")
            uncertain = uncertain or not failure.harmless
            self._wait(call, failure, repeats, give_up_at)
            repeats += 1

    def _wait(self, call: Call, failure: Failure, repeats: int, give_up_at: float) -> None:
        """Sleeps until the next attempt, or raises the failure when there is to be none."""
        pause = self._policy.pause(failure, repeats=repeats, idempotent=call.idempotent, dice=random.random())
        if pause is None or self._stop.is_set():
            raise failure.problem
        # A server that names the pause is alive; waiting as told may take longer than one call otherwise has.
        limits = [limit for limit in (self._until, None if failure.retry_after else give_up_at) if limit is not None]
        if limits and self.clock.monotonic() + pause >= min(limits):
            raise failure.problem
        self.clock.sleep(pause)

    def _attempt(self, call: Call, decode: Callable[[bytes], T], secret: Secret, timeout: float) -> T:
        begun, status = self.clock.monotonic(), 0
        try:
            response = self._exchange(call, secret, timeout)
            status = response.status_code
            content = self._read(response, begun + _CALL_LIMIT * timeout)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _Failed(unreachable(error, self.server, call.subject, timeout)) from None
        finally:
            self._count(call.verb, status, self.clock.monotonic() - begun)
        if not 200 <= status < 300:
            raise _Failed(refusal(status, response.headers, content, subject=call.subject, server=self.server))
        try:
            return decode(content)
        except msgspec.ValidationError as error:
            raise misshapen(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _Failed(undecodable(self.server, call.subject)) from None

    def _take_token(self, call: Call) -> None:
        wait = self._bucket.reserve(self.clock.monotonic())
        if wait <= 0:
            return
        if self._until is not None and self.clock.monotonic() + wait >= self._until:
            self._bucket.give_back()
            raise Unavailable(f"{call.subject}: not sent, the rate limit leaves no time in this turn", reason="DeadlineExceeded")
        self.clock.sleep(wait)

    def _exchange(self, call: Call, secret: Secret, timeout: float) -> requests.Response:
        """Sends the request, put together by hand: what `requests` prepares anew for each call costs as much as the rest."""
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = self.server + urllib.parse.quote(call.path, safe=_PATH_SAFE)
        if call.params:
            request.url += "?" + urllib.parse.urlencode(call.params)
        headers = CaseInsensitiveDict(self._headers)
        headers["Accept"] = call.accept
        if secret.authorization:
            headers["Authorization"] = secret.authorization
        if call.body is not None:
            headers["Content-Type"] = call.content_type
            headers["Content-Length"] = str(len(call.body))
        request.headers, request.body = headers, call.body
        if secret.certificate:
            # The adapter hands these two to the connection pool, which keeps connections of different certificates apart.
            self._adapter.cert, self._adapter.key = (SimpleNamespace(name=path) for path in secret.certificate)
        # The session's adapter, not the session: that one would search the environment and ~/.netrc for each call (a password
        # found there would replace our token), keep cookies and follow redirects. Proxies of the environment are in `_proxies`,
        # read once.
        answer: requests.Response = self._adapter.send(request, stream=True, timeout=timeout, proxies=self._proxies)
        return answer

    def _read(self, response: requests.Response, until: float) -> bytes:
        """The whole body. A server that keeps dripping is cut off at *until*, which a time-out per read would never do."""
        chunks = []
        try:
            # read1 returns what has arrived; a plain read would wait for a whole chunk, and a dripping server with it.
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                chunks.append(chunk)
                if self.clock.monotonic() > until:
                    raise requests.Timeout("the answer did not end")
        except BaseException:
            response.close()
            raise
        content = b"".join(chunks)
        with self._lock:
            self.received += len(content)
        return content

    def _count(self, verb: str, status: int, seconds: float) -> None:
        with self._lock:
            self.calls[verb] += 1
        if self._observe is not None:
            self._observe(verb, status, seconds)

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._session.close()


class _Failed(Exception):
    """One attempt came to nothing; never leaves this module."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.problem))
        self.failure = failure


def _open_session(access: Access, limits: Limits) -> tuple[Any, requests.Session]:
    config = pykube.KubeConfig(access.as_config())
    # One connection per writing thread, one for the thread that lists; more would be closed again after each use.
    adapter = KubernetesHTTPAdapter(config, pool_connections=4, pool_maxsize=limits.pool + 2)
    client = pykube.HTTPClient(config, timeout=limits.timeout, verify=access.verify, http_adapter=adapter)
    if not access.verify:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session: requests.Session = client.session
    return adapter, session
