"""Metrics and the server that shows them."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.clock import SystemClock
from shared.errors import UsageError, ValueProblem
from shared.health import Health
from shared.metrics import OTHER, Bounded, Latest, Metrics, MetricsServer, start_metrics_server
from shared.pages import Document

CLOCK = SystemClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("kube-janitor", "1.2.3", CLOCK)


@pytest.fixture
def health() -> Health:
    return Health(0.01, grace=0.0)


@pytest.fixture
def server(metrics: Metrics, health: Health) -> Iterator[MetricsServer]:
    made = start_metrics_server(0, metrics, health, CLOCK, address="127.0.0.1")
    yield made
    made.close()


def ask(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_what_was_observed_is_shown(server: MetricsServer, metrics: Metrics) -> None:
    metrics.observe_request("list", 200, 0.2)
    metrics.observe_request("list", 200, 0.3)
    metrics.observe_request("patch", 0, 10)
    metrics.turn_ended(True, 2.5)
    metrics.error("Forbidden")
    metrics.error("Conflict", 3)
    status, text = ask(server, "/metrics")
    assert status == 200
    for line in [
        'kube_thrift_api_requests_total{code="200",controller="kube-janitor",verb="list"} 2.0',
        'kube_thrift_api_requests_total{code="none",controller="kube-janitor",verb="patch"} 1.0',
        'kube_thrift_turn_duration_seconds_sum{controller="kube-janitor"} 2.5',
        'kube_thrift_errors_total{controller="kube-janitor",reason="Conflict"} 3.0',
        'kube_thrift_build_info{controller="kube-janitor",version="1.2.3"} 1.0',
    ]:
        assert line in text
    assert 'kube_thrift_last_success_timestamp_seconds{controller="kube-janitor"} 1.' in text


def test_a_failed_turn_is_no_success(metrics: Metrics) -> None:
    metrics.turn_ended(False, 1)
    labels = {"controller": "kube-janitor"}
    assert metrics.registry.get_sample_value("kube_thrift_last_success_timestamp_seconds", labels) is None
    assert metrics.registry.get_sample_value("kube_thrift_turn_duration_seconds_count", labels) == 1


def test_failures_in_a_row_end_with_a_success(metrics: Metrics) -> None:
    labels = {"controller": "kube-janitor"}
    seen = []
    for ok in (True, False, False, True):
        metrics.turn_ended(ok, 1)
        seen.append(metrics.registry.get_sample_value("kube_thrift_consecutive_failed_turns", labels))

    assert seen == [0, 1, 2, 0]
    assert metrics.registry.get_sample_value("kube_thrift_turns_total", labels | {"result": "failed"}) == 2
    assert metrics.registry.get_sample_value("kube_thrift_turns_total", labels | {"result": "succeeded"}) == 2


def test_counters_of_results_start_at_zero(metrics: Metrics) -> None:
    for result in ("failed", "succeeded"):
        labels = {"controller": "kube-janitor", "result": result}
        assert metrics.registry.get_sample_value("kube_thrift_turns_total", labels) == 0


def test_how_it_runs_is_shown(server: MetricsServer, metrics: Metrics) -> None:
    metrics.running(interval=30, dry_run=True)

    text = ask(server, "/metrics")[1]

    assert 'kube_thrift_turn_interval_seconds{controller="kube-janitor"} 30.0' in text
    assert 'kube_thrift_dry_run{controller="kube-janitor"} 1.0' in text
    assert "process_resident_memory_bytes " in text


def test_probes_follow_the_loop(server: MetricsServer, health: Health) -> None:
    assert ask(server, "/healthz") == (200, "ok\n")
    assert ask(server, "/readyz")[0] == 503
    health.begun(CLOCK.monotonic())
    health.ended(CLOCK.monotonic(), ok=True)
    assert ask(server, "/readyz") == (200, "ok\n")
    health.ended(CLOCK.monotonic() - 3600, ok=False)
    assert ask(server, "/healthz")[0] == 503
    assert ask(server, "/readyz")[0] == 200


def test_all_addresses_answer(metrics: Metrics, health: Health) -> None:
    made = start_metrics_server(0, metrics, health, CLOCK)
    try:
        assert ask(made, "/healthz")[0] == 200
    finally:
        made.close()


@pytest.mark.parametrize("path", ["/", "/metricsx", "/../etc/passwd"])
def test_nothing_else_is_there(server: MetricsServer, path: str) -> None:
    assert ask(server, path)[0] == 404


def test_a_port_that_is_taken_is_a_usage_error(metrics: Metrics, health: Health) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match=r"--metrics-port \d+: address already in use"):
            start_metrics_server(other.getsockname()[1], metrics, health, CLOCK, address="127.0.0.1")


def test_two_processes_side_by_side_keep_their_own() -> None:
    one, two = Metrics("a", "1", CLOCK), Metrics("b", "1", CLOCK)
    one.error("x")
    assert two.registry.get_sample_value("kube_thrift_errors_total", {"controller": "b", "reason": "x"}) is None


def test_the_next_turn_is_told(metrics: Metrics) -> None:
    before = CLOCK.now().timestamp()
    metrics.resting(600)
    at = metrics.registry.get_sample_value("kube_thrift_next_turn_timestamp_seconds", {"controller": "kube-janitor"})
    assert at == pytest.approx(before + 600, abs=60)


def echo(given: Mapping[str, str]) -> Document:
    if "bad" in given:
        raise ValueProblem(given["bad"], "something good")
    return Document(repr(sorted(given.items())).encode(), "text/plain", (("X-Own", "1"),))


@pytest.fixture
def with_pages(metrics: Metrics, health: Health) -> Iterator[MetricsServer]:
    made = start_metrics_server(0, metrics, health, CLOCK, address="127.0.0.1", pages={"/": echo, "/status": echo})
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/", 200, "[]"),
        ("/status?namespace=a%26b&limit=", 200, "[('limit', ''), ('namespace', 'a&b')]"),
        ("/status?bad=%3Cscript%3E", 400, "'<script>' is not understood; accepted: something good\n"),
        ("/status?" + "x" * 2001, 414, "a query has 2000 characters at most\n"),
        ("/statusx", 404, "/metrics, /healthz, /, /status and /readyz are here\n"),
    ],
)
def test_pages_are_served_beside_the_metrics(with_pages: MetricsServer, path: str, status: int, said: str) -> None:
    assert ask(with_pages, path) == (status, said)


def test_pages_can_only_be_read_and_say_how_they_may_be_used(with_pages: MetricsServer) -> None:
    url = f"http://127.0.0.1:{with_pages.port}/status"
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5) as answer:
        assert answer.read() == b""
        headers = {name: answer.headers[name] for name in ("X-Own", "X-Content-Type-Options", "X-Frame-Options", "Cache-Control")}
    assert headers == {"X-Own": "1", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data=b"x", method="POST"), timeout=5)
    with caught.value as answer:
        assert (answer.code, answer.read()) == (405, b"this can only be read: GET\n")


def test_a_label_that_others_choose_has_so_many_values_and_no_more() -> None:
    shown = Bounded(2)

    assert [shown(name) for name in ("a", "b", "c", "a", "d", "b")] == ["a", "b", OTHER, "a", OTHER, "b"]


def test_a_connection_opened_in_advance_is_no_news(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("shared.metrics._QuietHandler.timeout", 0.05)
    with caplog.at_level("DEBUG", "shared.metrics"), socket.create_connection(("127.0.0.1", server.port), timeout=5) as idle:
        assert idle.recv(1) == b""
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert capsys.readouterr().err == ""
    assert ask(server, "/healthz")[0] == 200


def test_the_latest_values_take_the_place_of_those_before() -> None:
    registry = CollectorRegistry()
    latest = Latest("seen", "Seen.", ("kind",), registry)

    def shown() -> dict[str, float]:
        return {sample.labels["kind"]: sample.value for family in registry.collect() for sample in family.samples}

    latest.show({("a",): 1, ("b",): 2})
    first = shown()
    latest.show({("b",): 3, ("c",): 4})
    second = shown()
    latest.show({})

    assert (first, second, shown()) == ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {})


def test_a_scrape_between_two_turns_never_sees_a_gap() -> None:
    registry = CollectorRegistry()
    latest = Latest("seen", "Seen.", ("kind",), registry)
    latest.show({("a",): 1})

    class Slow(dict[tuple[str, ...], float]):
        """Looks at the registry while its values are being taken over."""

        def items(self) -> Any:
            for labels, value in super().items():
                yield labels, value
                gaps.append(registry.get_sample_value("seen", {"kind": "a"}) is None)

    gaps: list[bool] = []
    latest.show(Slow({("b",): 5, ("a",): 2}))

    assert gaps == [False, False]
