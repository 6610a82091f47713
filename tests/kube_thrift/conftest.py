"""A small shop on the embedded cluster, and the plugin's scripts on a PATH of their own, for kubectl and for the shells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kube_thrift.kit import Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path) as opened:
        yield opened
