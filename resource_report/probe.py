"""Asks the hosts of ingresses for their HTTP status, where the operator wants that.

Host names come from whoever may create an ingress. Only names that resolve to public addresses are asked unless told otherwise,
the connection goes to exactly the address that was checked, no redirect is followed and no body is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

NO_ANSWER = 999
NOT_PROBED = 0
TIMEOUT = 5.0
WORKERS = 10
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class ProbeSettings:
    """`allow` is matched against whole host names, None lets all through; `port` is another one than HTTPS's only in tests."""

    enabled: bool = False
    allow: re.Pattern[str] | None = None
    private: bool = False
    port: int = 443
    context: ssl.SSLContext | None = None


def probe_hosts(hosts: Iterable[str], settings: ProbeSettings) -> dict[str, int]:
    """The status of each host that may be asked: an HTTP status, or 999 for no answer. Each is asked once, ten at a time."""
    if not settings.enabled:
        return {}
    wanted = sorted({host for host in hosts if _HOST.fullmatch(host) and (not settings.allow or settings.allow.fullmatch(host))})
    context = settings.context or ssl.create_default_context()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="probe") as pool:
        return dict(zip(wanted, pool.map(lambda host: _status(host, settings, context), wanted), strict=True))


def _status(host: str, settings: ProbeSettings, context: ssl.SSLContext) -> int:
    try:
        address = _address(host, settings)
        if address is None:
            return NOT_PROBED
        status = _ask("HEAD", host, address, settings, context)
        # Some servers know no HEAD; that says nothing about the page.
        return _ask("GET", host, address, settings, context) if status in (405, 501) else status
    except (OSError, http.client.HTTPException, ValueError):
        return NO_ANSWER


def _address(host: str, settings: ProbeSettings) -> str | None:
    """The first address of *host*; None where any of them must not be asked."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)]
    if not settings.private and not all(_is_public(address) for address in found):
        return None
    return found[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    return address.is_global and not address.is_multicast


def _ask(method: str, host: str, address: str, settings: ProbeSettings, context: ssl.SSLContext) -> int:
    raw = socket.create_connection((address, settings.port), timeout=TIMEOUT)
    with raw, context.wrap_socket(raw, server_hostname=host) as wrapped:
        connection = http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT)
        connection.sock = wrapped
        connection.request(method, "/", headers={"User-Agent": "kube-resource-report", "Connection": "close"})
        return connection.getresponse().status
