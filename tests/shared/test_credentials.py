"""Tokens that are rotated and plugins that are run."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.credentials import Exec, Fixed, Plugin, Secret, TokenFile, basic, bearer
from shared.errors import Unauthorized
from shared.privatefiles import PrivateFiles

NOW = datetime(2026, 4, 5, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_fixed_credentials_never_change() -> None:
    fixed = Fixed(bearer("abc"))
    assert fixed.current(NOW) == Secret("Bearer abc")
    assert not fixed.renew(Secret("Bearer abc"), NOW)


def test_a_secret_does_not_print_itself() -> None:
    assert "abc" not in repr(bearer("abc"))


@pytest.mark.parametrize("token", ["a b", "a\nb", "ä", "a\x00"])
def test_tokens_that_no_header_can_carry(token: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        bearer(token)


def test_a_password() -> None:
    assert basic("u", "p").authorization == "Basic dTpw"


def test_a_token_file_is_read_again_after_a_minute_and_after_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    file = TokenFile(path)
    assert file.current(NOW).authorization == "Bearer one"
    path.write_text("two\n")
    assert file.current(NOW + MINUTE / 2).authorization == "Bearer one"
    assert file.current(NOW + MINUTE).authorization == "Bearer two"
    assert not file.renew(bearer("two"), NOW + MINUTE)
    path.write_text("three\n")
    assert file.renew(bearer("two"), NOW + MINUTE)
    assert file.current(NOW + MINUTE).authorization == "Bearer three"


@pytest.mark.parametrize("content", [None, "", "a b", b"\xff\xfe"])
def test_a_token_file_that_breaks_keeps_the_last_good_token(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "token"
    path.write_text("good")
    file = TokenFile(path)
    file.current(NOW)
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert file.current(NOW + 2 * MINUTE).authorization == "Bearer good"


@pytest.mark.parametrize("content", [None, "", "a b", b"\xff\xfe"])
def test_a_token_file_that_never_held_a_token(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Unauthorized, match=str(path)):
        TokenFile(path).current(NOW)


def plugin(tmp_path: Path, script: str, **more: object) -> Exec:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
    path.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    return Exec(Plugin(command=[str(path), "arg"], api_version=version, save=PrivateFiles().save_text, **more))  # type: ignore[arg-type]


def runs(tmp_path: Path) -> int:
    return (tmp_path / "runs").read_text().count("run")


def test_a_plugin_is_run_once_until_its_token_expires(tmp_path: Path) -> None:
    answer = json.dumps({"status": {"token": "abc", "expirationTimestamp": "2026-04-05T11:00:00Z"}})
    made = plugin(tmp_path, f"echo '{answer}'")
    for instant in (NOW, NOW + 30 * MINUTE, NOW + 59 * MINUTE):
        assert made.current(instant).authorization == "Bearer abc"
    assert runs(tmp_path) == 1
    made.current(NOW + 60 * MINUTE)
    assert runs(tmp_path) == 2


def test_a_plugin_without_expiry_is_run_again_only_after_a_refusal(tmp_path: Path) -> None:
    made = plugin(tmp_path, f'echo "{{\\"status\\": {{\\"token\\": \\"t$(wc -l < {tmp_path}/runs | tr -d " ")\\"}}}}"')
    assert made.current(NOW).authorization == "Bearer t1"
    assert made.current(NOW + 10_000 * MINUTE).authorization == "Bearer t1"
    assert made.renew(bearer("t1"), NOW)
    assert made.current(NOW).authorization == "Bearer t2"


def test_a_refusal_in_many_threads_is_one_run(tmp_path: Path) -> None:
    made = plugin(tmp_path, 'echo \'{"status": {"token": "same"}}\'')
    secret = made.current(NOW)
    assert [made.renew(secret, NOW) for _ in range(5)] == [False] * 5
    assert runs(tmp_path) == 2
    assert made.renew(bearer("older"), NOW)
    assert runs(tmp_path) == 2
    made.renew(secret, NOW + MINUTE)
    assert runs(tmp_path) == 3


def test_a_plugin_sees_its_environment_and_what_it_is_asked(tmp_path: Path) -> None:
    script = f'env > {tmp_path}/env; echo "$@" > {tmp_path}/args; echo \'{{"status": {{"token": "t"}}}}\''
    plugin(tmp_path, script, environment={"PROFILE": "prod"}, cluster={"server": "https://x"}).current(NOW)
    lines = (tmp_path / "env").read_text().splitlines()
    assert "PROFILE=prod" in lines
    info = json.loads(next(line for line in lines if line.startswith("KUBERNETES_EXEC_INFO=")).partition("=")[2])
    assert info["spec"] == {"interactive": False, "cluster": {"server": "https://x"}}
    assert (tmp_path / "args").read_text() == "arg\n"


def test_a_plugin_may_print_a_certificate(tmp_path: Path) -> None:
    answer = json.dumps({"status": {"clientCertificateData": "CERT", "clientKeyData": "KEY"}})
    made = plugin(tmp_path, f"echo '{answer}'")
    secret = made.current(NOW)
    assert secret.authorization == ""
    assert secret.certificate is not None
    assert [Path(path).read_text() for path in secret.certificate] == ["CERT", "KEY"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no way >&2; echo at all >&2; exit 3", "exit code 3: no way at all"),
        ("exit 4", "exit code 4: it said nothing"),
        ("echo hello", "did not print an ExecCredential"),
        ("echo '[]'", "did not print an ExecCredential"),
        ('echo \'{"status": {"token": "t", "expirationTimestamp": "soon"}}\'', "did not print an ExecCredential"),
        ("echo '{}'", "neither a token nor a certificate"),
        ('echo \'{"status": {"token": "a b"}}\'', "characters"),
    ],
)
def test_a_plugin_that_fails_is_one_line(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        plugin(tmp_path, script).current(NOW)
    assert words in str(caught.value)
    assert "plugin" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_that_vanished(tmp_path: Path) -> None:
    made = plugin(tmp_path, "")
    (tmp_path / "plugin").unlink()
    with pytest.raises(Unauthorized, match="cannot be run"):
        made.current(NOW)


def test_threads_wait_for_one_run(tmp_path: Path) -> None:
    made = plugin(tmp_path, 'sleep 0.1; echo \'{"status": {"token": "t"}}\'')
    found: list[Secret] = []
    threads = [threading.Thread(target=lambda: found.append(made.current(NOW))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert runs(tmp_path) == 1
