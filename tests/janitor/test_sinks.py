from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from janitor.archive import BackupProblem, Entry, Kept
from janitor.config import Backup
from janitor.sinks import ConfigMapSink, DirectorySink, S3Sink, Sink, open_sink, prune, taken_at
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.simcluster import Fault, SimCluster
from tests.aws import moto_server, use_test_credentials

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
OLD, NEW = "20260301t000000z.configmaps.a.1", "20260322t000000z.configmaps.b.2"


def entry(identity: str, size: int = 1) -> Entry:
    return Entry(id=identity, reason="why", objects=[Kept(kind="ConfigMap", name="a", manifest={"data": "x" * size})])


@pytest.fixture(params=["directory", "configmap", "s3"])
def sink(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Each kind of store, empty."""
    if request.param == "directory":
        yield open_sink(Backup(str(tmp_path / "deep" / "er")), None)  # type: ignore[arg-type]
    elif request.param == "configmap":
        with SimCluster() as sim, Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
            yield open_sink(Backup("configmap:default"), cluster)
    else:
        use_test_credentials(monkeypatch)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with moto_server() as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
            boto3.client("s3").create_bucket(Bucket="bucket")
            yield open_sink(Backup("s3://bucket/a/prefix/"), None)  # type: ignore[arg-type]


def test_what_was_saved_is_listed_loaded_and_removed(sink: Sink) -> None:
    sink.save(entry(NEW))
    sink.save(entry(OLD))
    sink.save(entry(OLD))

    assert list(sink.ids()) == [OLD, NEW]
    assert sink.load(OLD) == entry(OLD)
    sink.remove(OLD)
    sink.remove(OLD)
    assert list(sink.ids()) == [NEW]


def test_old_entries_are_pruned(sink: Sink) -> None:
    sink.save(entry(NEW))
    sink.save(entry(OLD))

    assert prune(sink, Backup("", retention=timedelta(days=7)), NOW) == 1
    assert list(sink.ids()) == [NEW]


@pytest.mark.parametrize("identity", ["../../etc/passwd", "missing.1", "a/b", ""])
def test_an_entry_that_is_not_there_is_one_line(sink: Sink, identity: str) -> None:
    with pytest.raises(BackupProblem) as caught:
        sink.load(identity)
    assert "\n" not in str(caught.value)


def test_an_empty_store_has_no_entries(sink: Sink) -> None:
    assert list(sink.ids()) == []


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = DirectorySink(tmp_path / "backups")
    store.save(entry(OLD))

    assert [path.name for path in (tmp_path / "backups").iterdir()] == [f"{OLD}.json.gz"]
    assert (tmp_path / "backups" / f"{OLD}.json.gz").stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / f"{OLD}.json.gz").write_bytes(b"no gzip")
    (tmp_path / f"{NEW}.json.gz").write_bytes(gzip.compress(b"no json"))
    store = DirectorySink(tmp_path)

    for identity in (OLD, NEW):
        with pytest.raises(BackupProblem):
            store.load(identity)


def test_a_file_that_cannot_be_removed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / f"{OLD}.json.gz").mkdir()

    with pytest.raises(BackupProblem):
        DirectorySink(tmp_path).remove(OLD)


@pytest.fixture
def cluster() -> Iterator[tuple[SimCluster, Cluster]]:
    with SimCluster() as sim, Cluster.connect(sim.connection(max_retries_on_throttling=0), clock=sim.clock) as cluster:
        yield sim, cluster


def test_a_full_store_takes_nothing_more(cluster: tuple[SimCluster, Cluster]) -> None:
    store = ConfigMapSink(cluster[1], "default", max_bytes=150)
    store.save(entry(OLD))

    with pytest.raises(BackupProblem, match="--backup-max-size"):
        store.save(entry(NEW))
    with pytest.raises(BackupProblem, match="--backup-max-size"):
        ConfigMapSink(cluster[1], "default", max_bytes=150).save(entry(NEW))


def test_an_entry_too_large_for_a_config_map_is_refused(cluster: tuple[SimCluster, Cluster]) -> None:
    noise = random.Random(1).randbytes(1_000_000).hex()
    big = Entry(id=OLD, objects=[Kept(name="a", manifest={"data": noise})])

    with pytest.raises(BackupProblem, match="more than a ConfigMap holds"):
        ConfigMapSink(cluster[1], "default", 10**9).save(big)


@pytest.mark.parametrize("verb", ["create", "list", "get", "delete"])
def test_a_cluster_that_refuses_is_one_line(cluster: tuple[SimCluster, Cluster], verb: str) -> None:
    sim, client = cluster
    store = ConfigMapSink(client, "default", 10**6)
    store.save(entry(OLD))
    sim.faults.add(Fault(verb=verb, resource="configmaps", status=403))

    actions: dict[str, Any] = {
        "create": lambda: store.save(entry(NEW)),
        "list": lambda: list(store.ids()),
        "get": lambda: store.load(OLD),
        "delete": lambda: store.remove(OLD),
    }
    with pytest.raises(BackupProblem, match="forbidden"):
        actions[verb]()


def test_a_bucket_that_does_not_exist_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_credentials(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        with pytest.raises(BackupProblem, match="backup in s3://nowhere"):
            S3Sink("nowhere", "").save(entry(OLD))


@pytest.mark.parametrize("target", ["s3://", "configmap:", "configmap:Shop", "configmap:a/b"])
def test_targets_that_are_none(target: str) -> None:
    with pytest.raises(UsageError, match="--backup"):
        open_sink(Backup(target), None)  # type: ignore[arg-type]


def test_when_an_entry_was_taken() -> None:
    assert taken_at(OLD) == datetime(2026, 3, 1, tzinfo=UTC)
    assert taken_at("notes") is None
