"""`kube-thrift plan` as users run it: both controllers' next days on a cluster that nothing is written to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from janitor.flags import config_from, janitor_parser
from janitor.state import State
from janitor.tools import open_tools
from janitor.turn import run_once
from kube_thrift.main import main
from kube_thrift.plan import run
from shared.cluster import Cluster
from shared.simcluster import SimCluster
from tests.kube_thrift.kit import deployment

# A Monday.
NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
OFFICE = "Mon-Fri 08:00-18:00 UTC"


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW - timedelta(days=1)) as made:
        made.namespace("shop", annotations={"downscaler/uptime": OFFICE})
        made.namespace("shop-pr-7", annotations={"janitor/ttl": "2d"})
        for name in ("web", "api"):
            made.create(deployment("shop", name))
        made.create(deployment("shop-pr-7", "preview", 3))
        made.advance(timedelta(days=1))
        yield made


@pytest.fixture
def plan(sim: SimCluster, capsys: pytest.CaptureFixture[str]) -> Any:
    def planned(*argv: str) -> str:
        assert run([f"--kubeconfig={sim.connection().kubeconfig}", *argv], {}, sim.clock) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return planned


def test_hour_by_hour_with_the_money_beside_it(plan: Any) -> None:
    text = plan("--days=2", "--downscaler=--price-core-hour=0.05", "--janitor=--delete-notification=21600")

    assert text == (
        "2 days from Mon 23 Mar 2026 12:00 UTC; nothing is written.\n"
        "\n"
        "Mon 23 Mar 2026\n"
        "  18:00  down        shop: api, web (-4.0 cores, -8.0 GiB, -0.20 USD an hour): "
        "not in uptime Mon-Fri 08:00-18:00 UTC (namespace annotation)\n"
        "         off now: 2 workloads, 4.0 cores, 8.0 GiB, 0.20 USD an hour\n"
        "\n"
        "Tue 24 Mar 2026\n"
        "  06:00  warn        namespaces shop-pr-7: TTL 2d of janitor/ttl, counted from 2026-03-22T12:00:00Z, "
        "ends 2026-03-24T12:00:00Z\n"
        "         off now: 2 workloads, 4.0 cores, 8.0 GiB, 0.20 USD an hour\n"
        "  08:00  up          shop: api, web (+4.0 cores, +8.0 GiB, +0.20 USD an hour): "
        "in uptime Mon-Fri 08:00-18:00 UTC (namespace annotation)\n"
        "         off now: 0 workloads, 0.0 cores, 0.0 GiB, 0.00 USD an hour\n"
        "  12:00  delete      namespaces shop-pr-7 (-3.0 cores, -6.0 GiB, -0.15 USD an hour): "
        "TTL 2d of janitor/ttl, counted from 2026-03-22T12:00:00Z, ends 2026-03-24T12:00:00Z\n"
        "         off now: 1 workloads, 3.0 cores, 6.0 GiB, 0.15 USD an hour\n"
        "  18:00  down        shop: api, web (-4.0 cores, -8.0 GiB, -0.20 USD an hour): "
        "not in uptime Mon-Fri 08:00-18:00 UTC (namespace annotation)\n"
        "         off now: 3 workloads, 7.0 cores, 14.0 GiB, 0.35 USD an hour\n"
        "\n"
        "Wed 25 Mar 2026\n"
        "  08:00  up          shop: api, web (+4.0 cores, +8.0 GiB, +0.20 USD an hour): "
        "in uptime Mon-Fri 08:00-18:00 UTC (namespace annotation)\n"
        "         off now: 1 workloads, 3.0 cores, 6.0 GiB, 0.15 USD an hour\n"
        "\n"
        "Not requested in all: 184 core-hours, 368 GiB-hours, 9.20 USD.\n"
    )


def test_as_json_every_event_and_every_hour(sim: SimCluster, plan: Any) -> None:
    sim.clear_requests()

    data = json.loads(plan("--days=2", "--downscaler=--price-gib-hour=0.01", "-o", "json"))

    assert {request.verb for request in sim.requests} <= {"get", "list"}
    assert [(each["at"], each["controller"], each["action"], each["name"]) for each in data["events"]][:4] == [
        ("2026-03-23T18:00:00Z", "downscaler", "down", "api"),
        ("2026-03-23T18:00:00Z", "downscaler", "down", "web"),
        ("2026-03-24T08:00:00Z", "downscaler", "up", "api"),
        ("2026-03-24T08:00:00Z", "downscaler", "up", "web"),
    ]
    assert data["events"][0]["moneyPerHourLess"] == 0.04
    assert len(data["hours"]) == 48
    assert data["hours"][6] == {
        "start": "2026-03-23T18:00:00Z",
        "events": 2,
        "workloadsOff": 2,
        "coresOff": 4,
        "gibOff": 8,
        "money": 0.08,
    }
    assert data["total"]["money"] == pytest.approx(sum(hour["money"] for hour in data["hours"]))


@pytest.mark.parametrize(
    ("argv", "actions"),
    [
        (("--no-janitor",), {"up", "down"}),
        (("--no-downscaler",), {"delete"}),
        (("-n", "shop"), {"up", "down"}),
        (("-n", "shop-pr-7"), {"delete"}),
        (("--downscaler=--exclude-namespaces=.*",), {"delete"}),
        (("--janitor=--exclude-namespaces=shop-pr-7",), {"up", "down"}),
        (("--downscaler=--default-downtime='Mon-Fri 20:00-22:00 UTC' --namespace=shop-pr-7",), {"up", "down", "delete"}),
        (("-n", "default"), set()),
    ],
)
def test_one_controller_one_namespace_and_their_own_flags(plan: Any, argv: tuple[str, ...], actions: set[str]) -> None:
    assert {event["action"] for event in json.loads(plan(*argv, "-o=json"))["events"]} == actions


def test_a_deletion_is_worth_something_without_the_downscaler_too(plan: Any) -> None:
    text = plan("--no-downscaler", "--downscaler=--price-core-hour=0.05")
    assert "delete      namespaces shop-pr-7 (-3.0 cores, -6.0 GiB, -0.15 USD an hour)" in text
    assert "Not requested in all: 144 core-hours" in text


def test_nothing_happens(plan: Any) -> None:
    assert "Nothing happens." in plan("-n", "default")


def test_a_warning_that_was_written_sets_the_end(sim: SimCluster, plan: Any) -> None:
    sim.patch("namespaces", None, "shop-pr-7", {"metadata": {"annotations": {"janitor/ttl": "1d"}}})
    flags = janitor_parser().read(["--delete-notification=36000", "--include-cluster-resources"], {})
    config = config_from(flags, {})
    with Cluster.connect(sim.connection(), clock=sim.clock) as cluster:
        assert run_once(cluster, config, NOW, State(), open_tools(cluster, config, clock=sim.clock)).result.ok

    events = json.loads(plan("--no-downscaler", "--janitor=--delete-notification=36000", "-o=json"))["events"]

    assert [(event["at"], event["action"]) for event in events] == [("2026-03-23T22:00:00Z", "delete")]


def test_what_cannot_be_read_is_said_and_exit_code_1(sim: SimCluster, capsys: pytest.CaptureFixture[str]) -> None:
    sim.add_user("ann", rules=[{"apiGroups": ["", "apps"], "resources": ["deployments", "namespaces"], "verbs": ["list"]}])

    assert run([f"--kubeconfig={sim.connection('ann').kubeconfig}", "--no-janitor"], {}, sim.clock) == 1
    said = capsys.readouterr()
    assert "kube-thrift plan: " in said.err
    assert said.out.startswith("3 days from")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--no-janitor", "--no-downscaler"], "--no-downscaler and --no-janitor together leave nothing to show"),
        (["--downscaler=--x 'y"], "--downscaler: No closing quotation"),
        (["--janitor=--context=prod"], "--janitor: --context stands beside it, not in it"),
        (["--downscaler=--include-resources=pods"], "--include-resources: 'pods' is not understood"),
        (["--report=/no/such/folder"], "--report /no/such/folder: workloads.tsv: No such file or directory"),
    ],
)
def test_mistakes_are_one_line(shop: Any, argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", f"--kubeconfig={shop.kubeconfig}", *argv]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("argv", [["--days=0"], ["-n", "Shop"], ["--janitor=--loud"], ["--loud"], ["-o", "yaml"]])
def test_flags_that_cannot_be_read_exit_with_2(shop: Any, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["plan", f"--kubeconfig={shop.kubeconfig}", *argv])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_report_prices_what_it_knows(plan: Any, tmp_path: Path) -> None:
    head = "Cluster ID\tNamespace\tKind\tName\tPods\tCPU Usage\tCost [EUR]"
    (tmp_path / "workloads.tsv").write_text(f"{head}\nprod\tshop\tDeployment\tweb\t2\t0.1\t730.50\n")

    text = plan("--no-janitor", f"--report={tmp_path}")

    # One EUR an hour for both pods of web; what api costs nobody knows.
    assert "shop: api, web (-4.0 cores, -8.0 GiB, -1.00 EUR an hour)" in text
    assert "off now: 2 workloads, 4.0 cores, 8.0 GiB, 1.00 EUR an hour" in text
