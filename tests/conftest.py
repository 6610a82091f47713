"""What every test shares: hypothesis settings, and that a command run in this process leaves no logging set-up behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Examples start real servers and share two cores, so none of them is timed. In CI the examples are the same every time: what a
# new example finds belongs to whoever is at the keyboard, not to the next change that happens to land.
settings.register_profile(
    "kube-thrift", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("kube-thrift")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
