"""Where the API server is and who we are there, from files and from a pod's surroundings."""

from __future__ import annotations

import base64
import gc
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from shared.credentials import Exec, Fixed, TokenFile
from shared.errors import UsageError
from shared.kubeconfig import Access, context_names, load_access
from shared.simcluster.tls import authority

NOW = datetime(2026, 4, 5, tzinfo=UTC)
CA = authority().pem
CERTIFICATE, KEY = authority().client("carla")
_, OTHER_KEY = authority().client("otto")
LOCKED_KEY = load_pem_private_key(KEY, None).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
)
GARBAGE = base64.b64encode(b"certificate").decode()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


PEM = encoded(CA)


def document(name: str = "main", *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example:6443", **(cluster or {})}}],
        "users": [{"name": name, "user": {"token": f"token-{name}"} if user is None else user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "shop"}}],
        "preferences": {"colors": True},
    }


def write(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def load(path: Path, *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> Access:
    return load_access(write(path / "config", document(cluster=cluster, user=user)), environ={})


def authorization(access: Access) -> str:
    return access.credentials.current(NOW).authorization


def test_a_file_with_a_token(tmp_path: Path) -> None:
    access = load(tmp_path)
    assert (access.server, access.namespace, authorization(access)) == ("https://main.example:6443", "shop", "Bearer token-main")
    assert access.verify
    assert (access.ca_file, access.certificate, access.proxy) == (None, None, None)


def test_another_context_by_name(tmp_path: Path) -> None:
    both = document("one")
    for key in ("clusters", "users", "contexts"):
        both[key] += document("two")[key]
    path = write(tmp_path / "config", both)
    assert load_access(path, "two", environ={}).server == "https://two.example:6443"
    assert load_access(path, environ={}).server == "https://one.example:6443"
    assert context_names(path, {}) == ("one", "two")


def test_several_files_are_merged_as_kubectl_does(tmp_path: Path) -> None:
    (tmp_path / "b" / "certs").mkdir(parents=True)
    (tmp_path / "b" / "certs" / "ca.pem").write_bytes(CA)
    first = {"clusters": [{"name": "main", "cluster": {"server": "https://first:1"}}]}
    second = document(cluster={"server": "https://second:2"})
    third = document("third", cluster={"certificate-authority": "certs/ca.pem"})
    second["current-context"] = ""
    files = [write(tmp_path / "a" / "one", first), write(tmp_path / "a" / "two", second), write(tmp_path / "b" / "three", third)]
    environ = {"KUBECONFIG": os.pathsep.join([str(tmp_path / "missing"), "", *files, files[0]])}
    access = load_access(environ=environ)
    assert (access.server, access.ca_file) == ("https://third.example:6443", str(tmp_path / "b" / "certs" / "ca.pem"))
    access = load_access(context="main", environ=environ)
    assert (access.server, authorization(access)) == ("https://first:1", "Bearer token-main")
    assert context_names(environ=environ) == ("main", "third")


def test_a_named_file_wins_over_the_variable_and_that_over_home(tmp_path: Path) -> None:
    home = write(tmp_path / ".kube" / "config", document("home"))
    variable = write(tmp_path / "variable", document("variable"))
    environ = {"HOME": str(tmp_path), "KUBECONFIG": variable}
    assert load_access(home, environ=environ).server == "https://home.example:6443"
    assert load_access(environ=environ).server == "https://variable.example:6443"
    assert load_access(environ={"HOME": str(tmp_path)}).server == "https://home.example:6443"


def test_an_explicit_server_needs_no_file_and_has_no_credentials() -> None:
    access = load_access(server="http://localhost:8001/", environ={})
    assert (access.server, access.credentials) == ("http://localhost:8001", Fixed())


def test_inline_certificates_become_private_files_and_go_with_the_access(tmp_path: Path) -> None:
    user = {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY)}
    access = load(tmp_path, cluster={"certificate-authority-data": PEM}, user=user)
    assert access.certificate is not None
    assert access.ca_file is not None
    paths = [Path(path) for path in (access.ca_file, *access.certificate)]
    assert [path.read_bytes() for path in paths] == [CA, CERTIFICATE, KEY]
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    del access
    gc.collect()
    assert not any(path.exists() for path in paths)


def test_certificates_beside_the_file_are_found(tmp_path: Path) -> None:
    for name, content in {"ca.pem": CA, "client.pem": CERTIFICATE, "client.key": KEY}.items():
        (tmp_path / name).write_bytes(content)
    access = load(
        tmp_path,
        cluster={"certificate-authority": "ca.pem"},
        user={"client-certificate": "client.pem", "client-key": "client.key"},
    )
    assert access.ca_file == str(tmp_path / "ca.pem")
    assert access.certificate == (str(tmp_path / "client.pem"), str(tmp_path / "client.key"))
    config = access.as_config()
    assert config["users"][0]["user"] == {
        "client-certificate": str(tmp_path / "client.pem"),
        "client-key": str(tmp_path / "client.key"),
    }


@pytest.mark.parametrize(
    ("cluster", "attribute", "value"),
    [
        ({"insecure-skip-tls-verify": True}, "verify", False),
        ({"tls-server-name": "api.example"}, "tls_server_name", "api.example"),
        ({"proxy-url": "http://proxy:3128"}, "proxy", "http://proxy:3128"),
        ({"proxy-url": ""}, "proxy", None),
        ({"server": "https://host/k8s/clusters/c-1/"}, "server", "https://host/k8s/clusters/c-1"),
        ({"server": "https://[::1]:6443"}, "server", "https://[::1]:6443"),
    ],
)
def test_settings_of_a_cluster(tmp_path: Path, cluster: dict[str, Any], attribute: str, value: object) -> None:
    access = load(tmp_path, cluster=cluster)
    assert getattr(access, attribute) == value


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({}, ""),
        ({"token": " abc\n"}, "Bearer abc"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"token": "abc", "username": "u"}, "Bearer abc"),
    ],
)
def test_credentials_of_a_user(tmp_path: Path, user: dict[str, Any], header: str) -> None:
    assert authorization(load(tmp_path, user=user)) == header


def test_a_token_file_wins_over_a_token_and_is_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fresh\n")
    access = load(tmp_path, user={"token": "old", "tokenFile": "token"})
    assert isinstance(access.credentials, TokenFile)
    assert authorization(access) == "Bearer fresh"


def test_acting_as_somebody_else(tmp_path: Path) -> None:
    access = load(tmp_path, user={"token": "t", "as": "robot", "as-uid": "7"})
    assert access.headers == {"Impersonate-User": "robot", "Impersonate-Uid": "7"}


def test_a_plugin_that_exists(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    access = load(tmp_path, user={"exec": {"apiVersion": version, "command": "./plugin", "interactiveMode": "IfAvailable"}})
    assert isinstance(access.credentials, Exec)


def test_a_plugin_may_ask_for_what_is_known_of_the_cluster(tmp_path: Path) -> None:
    asked = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "provideClusterInfo": True}
    answer = '{"status": {"token": "t"}}'
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\nprintenv KUBERNETES_EXEC_INFO > {tmp_path}/info\necho '{answer}'\n")
    plugin.chmod(0o755)
    cluster = {"certificate-authority-data": PEM, "tls-server-name": "api.example"}
    assert authorization(load(tmp_path, cluster=cluster, user={"exec": asked})) == "Bearer t"
    spec = json.loads((tmp_path / "info").read_text())["spec"]
    assert spec["cluster"] == {"server": "https://main.example:6443", **cluster}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"cluster": {"server": ""}}, ["cluster 'main'", "server is missing"]),
        ({"cluster": {"server": "example:6443"}}, ["cluster 'main'", "'example:6443'", "https://host:port"]),
        ({"cluster": {"server": "https://host:port"}}, ["https://host:port"]),
        ({"cluster": {"server": "ftp://host"}}, ["ftp://host"]),
        ({"cluster": {"server": "https://ho st"}}, ["ho st"]),
        ({"cluster": {"server": 7}}, ["clusters", "server", "expected str, got int"]),
        ({"cluster": {"certificate-authority": "none.pem"}}, ["certificate-authority", "none.pem is missing"]),
        ({"cluster": {"certificate-authority-data": "%%%"}}, ["certificate-authority-data is not base64"]),
        ({"cluster": {"certificate-authority-data": GARBAGE}}, ["certificate-authority holds no certificate"]),
        ({"user": {"client-certificate-data": GARBAGE, "client-key-data": GARBAGE}}, ["user 'main'", "not a pair"]),
        ({"user": {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(OTHER_KEY)}}, ["not a pair"]),
        (
            {"user": {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(LOCKED_KEY)}},
            ["without a password"],
        ),
        ({"cluster": {"certificate-authority-data": PEM, "insecure-skip-tls-verify": True}}, ["exclude each other"]),
        ({"cluster": {"proxy-url": "gopher://x"}}, ["proxy-url", "gopher://x"]),
        ({"user": {"token": 12345}}, ["token", "expected str, got int"]),
        ({"user": {"token": "a\nb"}}, ["user 'main'", "characters"]),
        ({"user": {"tokenFile": "none"}}, ["tokenFile", "none is missing"]),
        ({"user": {"client-certificate-data": PEM}}, ["client-key is missing"]),
        ({"user": {"client-key-data": PEM}}, ["client-certificate is missing"]),
        ({"user": {"auth-provider": {"name": "gcp"}}}, ["auth-provider", "exec plugin"]),
        ({"user": {"as": "x", "as-groups": ["a"]}}, ["as-groups"]),
        ({"user": {"as": "x\ny"}}, ["as has characters"]),
        (
            {"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-command"}}},
            ["'no-such-command' is not found"],
        ),
        (
            {"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such", "installHint": "get\nit"}}},
            ["not found (get it)"],
        ),
        ({"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v7", "command": "sh"}}}, ["apiVersion", "v7", "v1beta1"]),
        ({"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": ""}}}, ["command '' is not found"]),
        (
            {"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Always"}}},
            ["interactiveMode Always"],
        ),
    ],
)
def test_whatever_is_broken_is_one_line_that_names_the_file(tmp_path: Path, parts: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, **parts)
    text = str(caught.value)
    assert "\n" not in text
    for word in [str(tmp_path / "config"), *words]:
        assert word in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["no current-context", "none"]),
        ("a: [", ["not YAML", "line"]),
        ("\x00", ["not YAML"]),
        ("[]", ["expected object"]),
        ("just text", ["expected object"]),
        ("clusters: 7", ["clusters", "expected array"]),
        ("contexts: [{context: {}}]", ["name"]),
        ("current-context: x", ["no context 'x'", "none"]),
        ({**document(), "clusters": []}, ["cluster 'main'", "not defined"]),
        ({**document(), "users": None}, ["user 'main'", "not defined"]),
        ({**document(), "current-context": None}, ["--context", "main"]),
    ],
)
def test_whatever_is_broken_in_the_file_itself(tmp_path: Path, content: object, words: list[str]) -> None:
    path = write(tmp_path / "config", content)
    with pytest.raises(UsageError) as caught:
        load_access(path, environ={})
    for word in [path, *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_file_never_shows_what_is_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "users: [{name: a, user: {token: SECRET, x: [}}]")
    with pytest.raises(UsageError) as caught:
        load_access(path, environ={})
    assert "SECRET" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_access(str(tmp_path / "missing"), environ={})
    with pytest.raises(UsageError, match="cannot be read"):
        load_access(str(tmp_path), environ={})
    with pytest.raises(UsageError, match=r"\$KUBECONFIG: .*missing: no such file"):
        load_access(environ={"KUBECONFIG": str(tmp_path / "missing")})
    with pytest.raises(UsageError, match="--kubeconfig or --server"):
        load_access(environ={"HOME": str(tmp_path)})


def test_an_unknown_context_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no context 'other' \(there are: main\)"):
        load_access(write(tmp_path / "config", document()), "other", environ={})


def pod(folder: Path, **more: str) -> dict[str, str]:
    (folder / "token").write_text("pod-token\n")
    (folder / "ca.crt").write_bytes(CA)
    (folder / "namespace").write_text("shop\n")
    return {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "HOME": str(folder), **more}


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    access = load_access(service_account_dir=str(tmp_path), environ=pod(tmp_path))
    assert (access.server, access.namespace, access.ca_file) == ("https://10.0.0.1:443", "shop", str(tmp_path / "ca.crt"))
    assert authorization(access) == "Bearer pod-token"


def test_an_ipv6_service_host(tmp_path: Path) -> None:
    assert (
        load_access(service_account_dir=str(tmp_path), environ=pod(tmp_path, KUBERNETES_SERVICE_HOST="fd00::1")).server
        == "https://[fd00::1]:443"
    )


@pytest.mark.parametrize("how", ["flag", "variable", "context", "no token"])
def test_a_pod_with_a_kubeconfig_uses_that(tmp_path: Path, how: str) -> None:
    environ = pod(tmp_path)
    path = write(tmp_path / ".kube" / "config", document())
    if how == "no token":
        (tmp_path / "token").unlink()
    if how == "variable":
        environ["KUBECONFIG"] = path
    kubeconfig, context = path if how == "flag" else None, "main" if how == "context" else None
    assert (
        load_access(kubeconfig, context, service_account_dir=str(tmp_path), environ=environ).server == "https://main.example:6443"
    )


def test_a_pod_without_the_clusters_certificate(tmp_path: Path) -> None:
    environ = pod(tmp_path)
    (tmp_path / "ca.crt").unlink()
    (tmp_path / "namespace").unlink()
    with pytest.raises(UsageError, match=r"ca\.crt is missing"):
        load_access(service_account_dir=str(tmp_path), environ=environ)


def test_a_pod_with_a_broken_certificate(tmp_path: Path) -> None:
    environ = pod(tmp_path)
    (tmp_path / "ca.crt").write_text("x")
    with pytest.raises(UsageError, match=r"ca\.crt holds no certificate"):
        load_access(service_account_dir=str(tmp_path), environ=environ)


def test_a_pod_without_a_namespace_file(tmp_path: Path) -> None:
    environ = pod(tmp_path)
    (tmp_path / "namespace").unlink()
    assert load_access(service_account_dir=str(tmp_path), environ=environ).namespace == "default"


def test_proxies_come_from_the_environment_unless_the_config_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://env:1")
    assert load(tmp_path).proxies()["https"] == "http://env:1"
    assert load(tmp_path, cluster={"proxy-url": "http://own:2"}).proxies() == {"http": "http://own:2", "https": "http://own:2"}
    monkeypatch.setenv("NO_PROXY", "main.example")
    assert load(tmp_path).proxies() == {}
