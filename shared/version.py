"""Which version of the suite this is: what logs, metrics, user agents, records and pages say."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "kube-thrift"


@cache
def own_version() -> str:
    """The installed distribution's version, or "unknown" in a checkout that was never installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # pragma: no cover - the tests run on an installed distribution
        return "unknown"
