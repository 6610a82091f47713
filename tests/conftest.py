"""What every test shares: hypothesis settings, and that a command run in this process leaves no logging set-up behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples start real servers and share two cores, so none of them is timed. In CI the examples are the same every time: what a
# new example finds belongs to whoever is at the keyboard, not to the next change that happens to land.
settings.register_profile(
    "kube-thrift", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("kube-thrift")

# Tracing lines doubles the time of what lives through days, sends thousands of requests or drives other programs. Each line that
# these run is measured by the tests of its own module; here it is the outcome that counts.
NOT_TRACED = (
    "charts",
    "docs",
    "e2e",
    "downscaler/test_restoration.py",
    "janitor/test_property.py",
    "kube_thrift/test_demo.py",
    "kube_thrift/test_nights.py",
    "shared/test_sim_live.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        if any(place.is_relative_to(each) for each in NOT_TRACED):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
