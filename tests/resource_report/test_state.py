"""What is kept on disk from run to run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from resource_report.registry import RegisteredCluster
from resource_report.rows import NodeRow, PodRow, Snapshot
from resource_report.state import State


def test_state_keeps_unknown_numbers_unknown(tmp_path: Path) -> None:
    state = State(tmp_path / "new" / "folder")
    snapshot = Snapshot(cluster="a/b:../c", name="x", api_server_url="", nodes=[NodeRow(cluster="a", node="n")])
    snapshot.pods = [PodRow(cluster="a", namespace="shop", pod="web", cpu_requests=0.5)]
    state.save(snapshot)

    loaded = state.load("a/b:../c")

    assert loaded is not None
    assert msgspec.msgpack.encode(loaded) == msgspec.msgpack.encode(snapshot)
    assert [path.parent for path in tmp_path.rglob("*.msgpack.z")] == [tmp_path / "new" / "folder"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*.msgpack.z"))


@pytest.mark.parametrize("content", [b"", b"\x93\x01", b"not msgpack at all", b"\xc0"])
def test_state_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    state = State(tmp_path)
    state.save(Snapshot(cluster="a", name="a", api_server_url=""))
    next(tmp_path.glob("cluster-*")).write_bytes(content)

    assert state.load("a") is None
    assert state.load("b") is None


def test_registry_list(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.load_registry() == []
    state.save_registry([RegisteredCluster("a", "https://a")])

    assert state.load_registry() == [RegisteredCluster("a", "https://a")]
