"""The embedded cluster as most of these tests want it; a file that needs another one defines its own `sim`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.simcluster import SimCluster
from tests.janitor.kit import START


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=START) as cluster:
        cluster.namespace("shop")
        yield cluster
