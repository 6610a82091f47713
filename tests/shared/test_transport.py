"""One call over HTTP: what is sent, what is tried again, deadlines, the rate limit, proxies."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.cluster import Cluster, Connection
from shared.errors import Invalid, Unavailable, ValueProblem
from shared.kinds import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS
from shared.objects import Object, Struct
from shared.simcluster import Fault, SimCluster

Connect = Callable[..., Cluster]


class Version(Struct, frozen=True):
    git_version: str = ""


class Kept:
    """Answers 200 with an empty object and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def __call__(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((method, path, headers))
        return 200, {}, b"{}"


# ---- what is sent


def test_headers_and_parameters(scripted: Callable[..., str]) -> None:
    kept = Kept()
    connection = Connection(server=scripted(kept), user_agent="kube-janitor/1.2", field_manager="kube-janitor", page_size=7)
    with Cluster.connect(connection) as cluster:
        list(cluster.list(PODS, Object, namespace="shop", label_selector="a in (b,c)", field_selector="spec.nodeName="))
        cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": None}, resource_version="5")
        cluster.get_json("/version", Version, params={"q": "a b&c"})
        cluster.delete(PODS, "shop", "we:b", uid="u", propagation="Orphan")
    listing, patch, version, delete = kept.asked
    assert listing[:2] == (
        "GET",
        "/api/v1/namespaces/shop/pods?limit=7&labelSelector=a+in+%28b%2Cc%29&fieldSelector=spec.nodeName%3D",
    )
    assert (listing[2]["User-Agent"], listing[2]["Accept"], listing[2]["Accept-Encoding"]) == (
        "kube-janitor/1.2",
        "application/json",
        "identity",
    )
    assert "Authorization" not in listing[2]
    assert "Content-Type" not in listing[2]
    assert patch[:2] == ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kube-janitor")
    assert patch[2]["Content-Type"] == "application/merge-patch+json"
    assert version[1] == "/version?q=a+b%26c"
    assert delete[1] == "/api/v1/namespaces/shop/pods/we:b"


def test_no_password_of_the_environment_replaces_ours(
    scripted: Callable[..., str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    kept = Kept()
    with Cluster.connect(Connection(server=scripted(kept))) as cluster:
        cluster.get_json("/version", Version)
    assert "Authorization" not in kept.asked[0][2]


def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch, scripted: Callable[..., str], clock: Any) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    kept = Kept()
    monkeypatch.setenv("HTTP_PROXY", scripted(kept))
    monkeypatch.setenv("http_proxy", scripted(kept))
    with Cluster.connect(Connection(server="http://cluster.example:8001"), clock=clock) as cluster:
        cluster.get_json("/version", Version)
    assert kept.asked[0][1] == "http://cluster.example:8001/version"


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, sim: SimCluster, clock: Any) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Cluster.connect(sim.connection(), clock=clock) as cluster, pytest.raises(Unavailable) as caught:
        cluster.get_json("/version", Version)
    assert str(caught.value) == f"cannot reach {sim.url}: the proxy failed: connection refused"


# ---- what is tried again


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_is_tried_again_while_the_server_is_ill(sim: SimCluster, connect: Connect, clock: Any, status: int) -> None:
    sim.faults.add(Fault(status=status, times=3))
    cluster = connect()
    cluster.get_json("/version", Version)
    assert cluster.calls["get"] == 4
    assert len(clock.naps) == 3
    assert 0.1 <= clock.naps[0] <= 0.2
    assert 0.4 <= clock.naps[2] <= 0.8


def test_and_is_given_up_in_the_end(sim: SimCluster, connect: Connect) -> None:
    sim.faults.add(Fault(status=503))
    cluster = connect()
    with pytest.raises(Unavailable, match="/version: server error 503: ") as caught:
        cluster.get_json("/version", Version)
    assert (cluster.calls["get"], caught.value.status) == (5, 503)


@pytest.mark.parametrize("status", [400, 418, 501])
def test_what_would_fail_again_is_not(sim: SimCluster, connect: Connect, status: int) -> None:
    sim.faults.add(Fault(status=status))
    cluster = connect()
    with pytest.raises((Invalid, Unavailable)):
        cluster.get_json("/version", Version)
    assert cluster.calls["get"] == 1


def test_a_pause_that_is_too_long_is_reported_and_not_waited_for(sim: SimCluster, connect: Connect, clock: Any) -> None:
    sim.faults.add(Fault(status=503, retry_after=3600))
    with pytest.raises(Unavailable):
        connect().get_json("/version", Version)
    assert clock.naps == []


def test_nothing_is_tried_again_once_the_process_was_told_to_stop(sim: SimCluster, connect: Connect) -> None:
    stop = threading.Event()
    stop.set()
    sim.faults.add(Fault(status=503))
    cluster = connect(stop=stop)
    with pytest.raises(Unavailable):
        cluster.get_json("/version", Version)
    assert cluster.calls["get"] == 1


def test_a_connection_that_was_closed_while_idle_is_made_anew(sim: SimCluster, connect: Connect) -> None:
    cluster = connect()
    cluster.get_json("/version", Version)
    cluster.close()
    assert cluster.get_json("/version", Version).git_version


# ---- time


def test_a_slow_answer_is_cut_off_after_the_timeout(sim: SimCluster) -> None:
    sim.faults.add(Fault(latency=1))
    stop = threading.Event()
    stop.set()
    begun = time.monotonic()
    with Cluster.connect(sim.connection(timeout=0.2), stop=stop) as cluster, pytest.raises(Unavailable) as caught:
        cluster.get_json("/version", Version)
    assert time.monotonic() - begun < 2
    assert str(caught.value) == f"no answer from {sim.url} within 0.2 s (/version)"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server whose answer never ends: a byte every 50 ms."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not over.wait(0.05):
                    try:
                        connection.sendall(b" " * 300_000 if over.is_set() else b" ")
                    except OSError:
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    listener.close()
    thread.join(2)


def test_an_answer_that_never_ends_is_cut_off(dripping: str) -> None:
    stop = threading.Event()
    stop.set()
    begun = time.monotonic()
    with Cluster.connect(Connection(server=dripping, timeout=0.2), stop=stop) as cluster, pytest.raises(Unavailable):
        cluster.get_json("/version", Version)
    assert time.monotonic() - begun < 5


def test_a_turns_deadline_ends_waiting_and_sending(sim: SimCluster, connect: Connect, clock: Any) -> None:
    sim.faults.add(Fault(status=429, retry_after=10))
    cluster = connect(max_retries_on_throttling=100)
    with cluster.deadline(35):
        with pytest.raises(Unavailable if clock.at >= 35 else Exception, match="too many requests"):
            cluster.get_json("/version", Version)
        assert 30 <= clock.at < 35
        clock.sleep(10)
        sent = cluster.calls["get"]
        with pytest.raises(Unavailable, match="/version: not sent, the turn's time is used up"):
            cluster.get_json("/version", Version)
        assert cluster.calls["get"] == sent
    sim.faults.clear()
    cluster.get_json("/version", Version)


def test_the_nearer_of_two_deadlines_counts(connect: Connect, clock: Any) -> None:
    cluster = connect()
    with cluster.deadline(5):
        with cluster.deadline(100):
            clock.sleep(6)
            with pytest.raises(Unavailable, match="used up"):
                cluster.get_json("/version", Version)
        with pytest.raises(Unavailable, match="used up"):
            list(cluster.list(PODS, Object))
    cluster.get_json("/version", Version)


def test_a_deadline_holds_in_every_thread(connect: Connect, clock: Any) -> None:
    cluster = connect(workers=4)
    with cluster.deadline(5):
        clock.sleep(6)
        results = [result for _, result in cluster.run_all(lambda n: cluster.get(PODS, "shop", f"p{n}", Object), range(10))]
    assert all(isinstance(result, Unavailable) for result in results)
    assert cluster.calls == {}


def test_the_rate_limit_is_over_every_call(sim: SimCluster, connect: Connect, clock: Any) -> None:
    cluster = connect(qps=10, burst=2, page_size=1)
    sim.namespace("lab")
    count = len(list(cluster.list(NAMESPACES, Object)))
    sim.faults.add(Fault(status=503, times=2))
    cluster.get_json("/version", Version)
    assert sum(cluster.calls.values()) == count + 3
    assert clock.at >= (count + 3 - 2) / 10 - 1e-6


def test_a_rate_limit_that_leaves_no_time_sends_nothing(connect: Connect) -> None:
    cluster = connect(qps=0.01, burst=1)
    with cluster.deadline(5):
        cluster.get_json("/version", Version)
        for _ in range(2):
            with pytest.raises(Unavailable, match="the rate limit leaves no time"):
                cluster.get_json("/version", Version)
    assert cluster.calls["get"] == 1


# ---- answers that no API server gives


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            (403, {"Content-Type": "text/html"}, b"<html><body><h1>Access denied</h1>\nby proxy</body></html>"),
            Exception,
            "forbidden: Access denied by proxy",
        ),
        ((404, {}, b""), Exception, "not found: the server answered 404"),
        ((400, {}, b'{"message": "bad\\n\\u001b[31mthing"}'), Invalid, "refused: bad \\x1b[31mthing"),
        ((302, {"Location": "https://login.example/"}, b""), Unavailable, "redirects to https://login.example/"),
        ((422, {}, b"[" * 5000), Invalid, "refused: [["),
        ((200, {}, b'{"gitVersion": 7}'), ValueProblem, "'gitVersion' is not understood; accepted: expected `str`, got `int`"),
        ((200, {}, b"[1]"), ValueProblem, "'the object' is not understood"),
    ],
)
def test_each_is_one_clear_line(
    scripted: Callable[..., str], answer: tuple[int, dict[str, str], bytes], kind: type[Exception], words: str
) -> None:
    url = scripted(lambda method, path, headers: answer)
    with Cluster.connect(Connection(server=url)) as cluster, pytest.raises(kind) as caught:
        cluster.get_json("/version", Version)
    text = str(caught.value)
    assert words in text
    assert len(text.splitlines()) == 1
    assert len(text) < 600


def test_pauses_named_in_the_body_are_kept_too(scripted: Callable[..., str], clock: Any) -> None:
    answers: list[tuple[int, dict[str, str], bytes]] = [
        (500, {}, b'{"kind": "Status", "message": "try later", "details": {"retryAfterSeconds": 4}}'),
        (200, {}, b'{"gitVersion": "v1"}'),
    ]
    url = scripted(lambda method, path, headers: answers.pop(0))
    with Cluster.connect(Connection(server=url), clock=clock) as cluster:
        assert cluster.get_json("/version", Version).git_version == "v1"
    assert 4 <= clock.naps[0] <= 4.4


def test_many_threads_share_the_connections(sim: SimCluster, connect: Connect) -> None:
    sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}})
    cluster = connect(workers=8)
    results = [
        result for _, result in cluster.run_all(lambda n: cluster.get_metadata(CONFIG_MAPS, "shop", "settings"), range(200))
    ]
    assert all(isinstance(result, Object) for result in results)
    assert cluster.calls["get"] == 200
