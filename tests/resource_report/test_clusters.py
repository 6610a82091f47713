"""Which clusters there are, in the order in which the ways to name them count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from resource_report.clusters import ClusterDiscovery, DiscoverySettings, cluster_id
from resource_report.registry import RegisteredCluster, Tokens
from shared.cluster import Connection
from shared.errors import UsageError
from shared.kubeconfig import load_access
from shared.simcluster import tls
from tests.resource_report.registry_server import Registry, serve_registry

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://c.example.org"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [
        {"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("prod", "test", "arn:aws:eks:x:1:cluster/y")
    ],
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(KUBECONFIG), encoding="utf-8")
    return str(path)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve_registry() as served:
        served.clusters(
            {"id": "aws:1:kube-1", "alias": "live", "api_server_url": "https://k1.example.org"},
            {"id": "gone", "alias": "", "api_server_url": "https://k2.example.org"},
        )
        yield served


def ids(settings: DiscoverySettings, environ: dict[str, str] | None = None) -> list[str]:
    refs, _ = ClusterDiscovery(settings, environ or {}).clusters(0.0)
    return [ref.id for ref in refs]


def test_every_context_of_a_kubeconfig(kubeconfig: str) -> None:
    settings = DiscoverySettings(kubeconfig=kubeconfig, has_kubeconfig=True)

    assert ids(settings) == ["prod", "test", "arn:aws:eks:x:1:cluster/y"]


def test_named_contexts(kubeconfig: str) -> None:
    settings = DiscoverySettings(kubeconfig=kubeconfig, has_kubeconfig=True, contexts=("test",))
    refs, _ = ClusterDiscovery(settings, {}).clusters(0.0)

    assert [(ref.id, ref.connection.context, ref.connection.kubeconfig) for ref in refs] == [("test", "test", kubeconfig)]


def test_a_context_that_is_not_there(kubeconfig: str) -> None:
    settings = DiscoverySettings(kubeconfig=kubeconfig, has_kubeconfig=True, contexts=("prod", "nope"))

    with pytest.raises(UsageError, match="there is no context 'nope'"):
        ids(settings)


def test_urls_win_over_the_kubeconfig(kubeconfig: str) -> None:
    urls = ("http://localhost:8001", "https://Kube.Example.org:6443/")
    settings = DiscoverySettings(kubeconfig=kubeconfig, has_kubeconfig=True, urls=urls)

    assert ids(settings) == ["localhost:8001", "kube-example-org:6443"]


def test_without_anything_the_proxy(tmp_path: Path) -> None:
    base = Connection(service_account_dir=str(tmp_path))
    refs, _ = ClusterDiscovery(DiscoverySettings(base=base, default_name="My Cluster"), {}).clusters(0.0)

    assert [(ref.id, ref.connection.server) for ref in refs] == [("my-cluster", "http://localhost:8001/")]


def test_inside_a_cluster_the_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t", encoding="utf-8")
    base = Connection(service_account_dir=str(tmp_path))
    refs, _ = ClusterDiscovery(DiscoverySettings(base=base), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).clusters(0.0)

    assert [(ref.id, ref.connection) for ref in refs] == [("cluster", base)]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        pytest.param("pro", None, ["prod"], id="matched from the start"),
        pytest.param("ro", None, [], id="not from the middle"),
        pytest.param(None, "arn|test", ["prod"], id="excluded"),
        pytest.param("prod|test", "test", ["prod"], id="exclude wins"),
    ],
)
def test_filters(kubeconfig: str, include: str | None, exclude: str | None, expected: list[str]) -> None:
    settings = DiscoverySettings(
        kubeconfig=kubeconfig,
        has_kubeconfig=True,
        include=re.compile(include) if include else None,
        exclude=re.compile(exclude) if exclude else None,
    )

    assert ids(settings) == expected


def test_registry_wins_and_its_token_goes_to_the_clusters(registry: Registry) -> None:
    tokens = Tokens({"read-only": "abc"}, Path("/nowhere"))
    discovery = ClusterDiscovery(DiscoverySettings(registry=registry.url, urls=("http://x",), tokens=tokens), {})
    refs, notes = discovery.clusters(0.0)

    assert [(ref.id, ref.name) for ref in refs] == [("aws:1:kube-1", "live"), ("gone", "gone")]
    assert notes == []
    path = Path(refs[0].connection.kubeconfig or "")
    assert path.stat().st_mode & 0o077 == 0
    assert load_access(str(path), refs[0].connection.context).server == "https://k1.example.org"
    again, _ = discovery.clusters(1000.0)
    assert again[0].connection == refs[0].connection


def test_registry_is_asked_once_a_minute(registry: Registry) -> None:
    discovery = ClusterDiscovery(DiscoverySettings(registry=registry.url), {})
    for now in (0.0, 30.0, 61.0):
        discovery.clusters(now)

    assert len(registry.paths) == 2


def test_registry_that_fails_keeps_the_last_list(registry: Registry) -> None:
    discovery = ClusterDiscovery(DiscoverySettings(registry=registry.url), {})
    discovery.clusters(0.0)
    registry.answers.clear()
    refs, notes = discovery.clusters(100.0)

    assert len(refs) == 2
    assert "HTTP 404; the last list of 2 clusters is used" in notes[0].message


def test_registry_list_of_an_earlier_process() -> None:
    discovery = ClusterDiscovery(DiscoverySettings(registry="http://127.0.0.1:1"), {})
    discovery.remember([RegisteredCluster("a", "https://a")])
    refs, notes = discovery.clusters(0.0)

    assert [ref.id for ref in refs] == ["a"]
    assert discovery.registered == (RegisteredCluster("a", "https://a"),)
    assert len(notes) == 1


def test_two_clusters_of_one_id_are_one(kubeconfig: str) -> None:
    refs, notes = ClusterDiscovery(DiscoverySettings(urls=("http://x/", "https://x")), {}).clusters(0.0)

    assert [ref.id for ref in refs] == ["x"]
    assert "two clusters have the id x" in notes[0].message


def test_a_companys_own_certificate_authority(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(tls.authority().pem)
    settings = DiscoverySettings(urls=("https://k1.example.org", "http://localhost:8001"))
    discovery = ClusterDiscovery(settings, {"REQUESTS_CA_BUNDLE": str(authority)})  # its files live as long as it does
    refs, _ = discovery.clusters(0.0)

    access = [load_access(ref.connection.kubeconfig, ref.connection.context) for ref in refs]
    assert [found.server for found in access] == ["https://k1.example.org", "http://localhost:8001"]


def test_cluster_id() -> None:
    assert cluster_id("https://user:secret@Kube.example.org:6443/a_b/") == "kube-example-org:6443-a-b"
