"""The two registries over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resource_report.registry import (
    RegisteredApplication,
    RegisteredCluster,
    Tokens,
    fetch_applications,
    fetch_clusters,
    without_credentials,
)
from shared.errors import Unavailable
from tests.resource_report.registry_server import Registry, serve_registry

TOKENS = Tokens({"read-only": "s3cret"}, Path("/nowhere"))


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serve_registry() as served:
        yield served


def test_only_ready_clusters_count(registry: Registry) -> None:
    row = {"id": "a", "alias": "prod", "api_server_url": "https://a.example.org"}
    registry.clusters(
        row, {**row, "id": "b", "lifecycle_status": "ready"}, {**row, "id": "c", "lifecycle_status": "decommissioned"}
    )

    found = fetch_clusters(registry.url + "/", TOKENS)

    assert [cluster.id for cluster in found] == ["a", "b"]
    assert found[0] == RegisteredCluster("a", "https://a.example.org", "prod")
    assert registry.authorization == {"Bearer s3cret"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        pytest.param(500, {}, "HTTP 500", id="error"),
        pytest.param(302, {}, "HTTP 302", id="a redirect is not followed"),
        pytest.param(200, b"<html>", "not understood", id="no JSON"),
        pytest.param(200, {"items": [{"id": 1}]}, "not understood", id="another shape"),
    ],
)
def test_a_bad_answer_is_one_line(registry: Registry, status: int, body: object, words: str) -> None:
    registry.answers["/kubernetes-clusters?verbose=false"] = (status, body)

    with pytest.raises(Unavailable, match=words):
        fetch_clusters(registry.url, TOKENS)


def test_no_answer() -> None:
    with pytest.raises(Unavailable, match="ConnectionError"):
        fetch_clusters("http://127.0.0.1:1", TOKENS)


def test_applications_that_fail_are_named_and_others_are_not_lost(registry: Registry) -> None:
    registry.answers["/apps/web"] = (200, {"team_id": "retail", "active": True, "other": 1})
    registry.answers["/apps/old"] = (200, {"team_id": None, "active": False})

    found, failures = fetch_applications(registry.url, ["web", "old", "gone", "../admin", "a/b", ""], TOKENS)

    assert found == {"web": RegisteredApplication("retail", True), "old": RegisteredApplication(None, False)}
    assert list(failures) == ["gone"]
    assert sorted(registry.paths) == ["/apps/gone", "/apps/old", "/apps/web"]


def test_tokens_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "read-only-token-secret").write_text("from-file\n", encoding="utf-8")

    inline = Tokens.from_environment({"OAUTH2_ACCESS_TOKENS": "other=x, read-only=abc=="})
    assert inline.token() == "abc=="
    assert Tokens.from_environment({"CREDENTIALS_DIR": str(tmp_path)}).token() == "from-file"
    assert Tokens.from_environment({"CREDENTIALS_DIR": str(tmp_path / "none")}).token() is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@host:6443/path?token=x#y", "https://host:6443/path"),
        ("https://[::1]:6443", "https://[::1]:6443"),
        ("https://host", "https://host"),
        ("https://user:pass@host:port/", "host:port/"),
    ],
)
def test_urls_are_shown_without_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
