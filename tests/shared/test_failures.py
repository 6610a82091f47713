"""What went wrong, in our own words."""

from __future__ import annotations

import http.client
import socket
import ssl

import msgspec
import pytest
import requests
import urllib3

from shared import errors
from shared.failures import misshapen, refusal, undecodable, unreachable
from shared.objects import Object

SERVER = "https://api.example:6443"


@pytest.mark.parametrize(
    ("status", "reason", "kind", "start"),
    [
        (400, "BadRequest", "Invalid", "pods a/b: refused: "),
        (401, "Unauthorized", "Unauthorized", "pods a/b: not authenticated: "),
        (403, "Forbidden", "Forbidden", "pods a/b: forbidden: "),
        (404, "NotFound", "NotFound", "pods a/b: not found: "),
        (405, "MethodNotAllowed", "Invalid", "pods a/b: refused: "),
        (409, "Conflict", "Conflict", "pods a/b: conflict: "),
        (409, "AlreadyExists", "AlreadyExists", "pods a/b: already exists: "),
        (410, "Expired", "Gone", "pods a/b: expired: "),
        (413, "RequestEntityTooLarge", "Invalid", "pods a/b: refused: "),
        (415, "UnsupportedMediaType", "Invalid", "pods a/b: refused: "),
        (422, "Invalid", "Invalid", "pods a/b: refused: "),
        (429, "TooManyRequests", "Throttled", "pods a/b: too many requests: "),
        (500, "InternalError", "Unavailable", "pods a/b: server error 500: "),
        (503, "ServiceUnavailable", "Unavailable", "pods a/b: server error 503: "),
        (599, "", "Unavailable", "pods a/b: server error 599: "),
        (302, "", "Unavailable", f"{SERVER} redirects to nowhere"),
    ],
)
def test_refusals_by_status(status: int, reason: str, kind: str, start: str) -> None:
    content = msgspec.json.encode({"kind": "Status", "message": "because\nof it", "reason": reason})
    problem = refusal(status, {}, content, subject="pods a/b", server=SERVER).problem
    assert type(problem) is getattr(errors, kind)
    assert str(problem).startswith(start)
    assert "\n" not in str(problem)
    assert problem.status == status


@pytest.mark.parametrize(
    ("status", "harmless", "permanent"),
    [(429, True, False), (500, False, False), (501, False, True), (502, False, False), (503, True, False), (504, False, False)],
)
def test_which_refusals_may_pass(status: int, harmless: bool, permanent: bool) -> None:
    failure = refusal(status, {}, b"", subject="x", server=SERVER)
    assert (failure.harmless, failure.permanent) == (harmless, permanent)


def wrapped(cause: Exception) -> requests.ConnectionError:
    """As the HTTP library hands it on: in a MaxRetryError in a ConnectionError."""
    pool = urllib3.HTTPSConnectionPool("api.example", 6443)
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/api", cause))


def verification_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


def refused() -> Exception:
    error = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPConnection("x"), "Failed to establish a new connection")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return error


@pytest.mark.parametrize(
    ("error", "text", "harmless"),
    [
        (wrapped(refused()), f"cannot reach {SERVER}: connection refused", True),
        (
            wrapped(urllib3.exceptions.ConnectTimeoutError("connect timeout=3")),
            f"cannot reach {SERVER}: no connection within 3 s",
            True,
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            f"cannot reach {SERVER}: no address is known for the name api.example",
            True,
        ),
        (
            requests.exceptions.SSLError(urllib3.exceptions.SSLError(verification_error())),
            f"cannot trust {SERVER}: certificate verify failed: certificate has expired",
            True,
        ),
        (requests.exceptions.SSLError(ssl.SSLError(1, "WRONG_VERSION_NUMBER")), f"no TLS with {SERVER}: ", True),
        (
            requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF")),
            f"the connection to {SERVER} broke: closed before the answer (pods)",
            False,
        ),
        (wrapped(urllib3.exceptions.ReadTimeoutError(None, "/", "read")), f"no answer from {SERVER} within 3 s (pods)", False),  # type: ignore[arg-type]
        (requests.ReadTimeout("x"), f"no answer from {SERVER} within 3 s (pods)", False),
        (
            requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted", http.client.RemoteDisconnected("gone"))),
            f"the connection to {SERVER} broke: closed before the answer (pods)",
            False,
        ),
        (
            urllib3.exceptions.ProtocolError("broken", http.client.IncompleteRead(b"", 5)),
            f"the connection to {SERVER} broke: closed in the middle of the answer (pods)",
            False,
        ),
        (
            requests.ConnectionError(
                urllib3.exceptions.ProtocolError("aborted", ConnectionResetError(104, "Connection reset by peer"))
            ),
            f"the connection to {SERVER} broke: connection reset by peer (pods)",
            False,
        ),
        (http.client.BadStatusLine("SSH-2.0"), f"the connection to {SERVER} broke: the answer is no HTTP (pods)", False),
        (
            requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support."),
            f"cannot reach {SERVER}: Missing dependencies",
            True,
        ),
    ],
)
def test_connections_that_fail(error: Exception, text: str, harmless: bool) -> None:
    failure = unreachable(error, SERVER, "pods", 3)
    assert str(failure.problem).startswith(text)
    assert failure.harmless is harmless
    for noise in ("HTTPSConnectionPool", "Max retries", "<", "\n"):
        assert noise not in str(failure.problem)


def test_causes_that_point_at_each_other_end() -> None:
    one, two = OSError("one"), OSError("two")
    one.__context__, two.__context__ = two, one
    assert "broke" in str(unreachable(one, SERVER, "pods", 3).problem)


def test_half_an_answer_may_have_been_acted_on() -> None:
    failure = undecodable(SERVER, "pods")
    assert not failure.harmless
    assert not failure.permanent


@pytest.mark.parametrize(
    ("content", "value"), [(b'{"metadata": {"name": 5}}', "metadata.name"), (b"7", "the object"), (b'{"kind": []}', "kind")]
)
def test_a_field_of_another_type_is_named(content: bytes, value: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(content, type=Object)
    assert misshapen(caught.value).value == value
