"""Prices by hand and from a resource report, in a folder and over real HTTP; what nobody knows stays unknown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from downscaler.prices import Price, Prices
from downscaler.savings import Amount
from kube_thrift.rates import Rates, add_rate_flags, rates_from, read_report
from shared.errors import UsageError
from shared.flags import FlagParser

HEAD = "Cluster ID\tNamespace\tKind\tName\tPods\tCPU Usage\tCost [EUR]"
# 730.5 hours a month: two pods for 2 EUR an hour; one that was never measured; one that was down.
ROWS = (
    "prod\tshop\tDeployment\tweb\t2\t0.500\t1461.00",
    "prod\tshop\tDeployment\tapi\t1\t\t",
    "prod\tshop\tStatefulSet\tdb\t0\t0.000\t0.00",
)
WEB, API, DB, NEW = (
    ("Deployment", "shop", "web"),
    ("Deployment", "shop", "api"),
    ("StatefulSet", "shop", "db"),
    ("Job", "a", "b"),
)
TEN_HOURS = Amount(20, 10, 40, 0.6)
USUAL = Prices(Price(core_hour=0.04, gib_hour=0.005))


def report(folder: Path, *rows: str, head: str = HEAD) -> Path:
    (folder / "workloads.tsv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return folder


def rates(*argv: str, prices: Prices = USUAL) -> Rates:
    flags = FlagParser("test", "")
    add_rate_flags(flags)
    return rates_from(flags.read(argv, {}), prices)


def test_the_downscalers_own_prices() -> None:
    own = rates()
    assert own.money(WEB, TEN_HOURS) == 0.6
    assert (own.currency, own.given, own.used(WEB, TEN_HOURS)) == ("USD", True, None)
    assert own.money(WEB, Amount()) == 0


def test_without_any_price_money_is_unknown_and_not_zero() -> None:
    none = rates(prices=Prices())
    assert (none.given, none.money(WEB, TEN_HOURS)) == (False, None)
    # Replicas whose requests, or whose price, nobody knows.
    assert rates().money(WEB, Amount(3)) is None


def test_a_report_knows_the_cost_of_each_pod(tmp_path: Path) -> None:
    found = rates(f"--report={report(tmp_path, *ROWS)}")

    assert found.currency == "EUR"
    # One EUR an hour for each of 20 pod-hours; a quarter of a core was used by each.
    assert found.money(WEB, TEN_HOURS) == pytest.approx(20)
    assert found.used(WEB, TEN_HOURS) == pytest.approx(5)
    for unknown in (API, DB, NEW):
        assert found.money(unknown, TEN_HOURS) is None
        assert found.used(unknown, TEN_HOURS) is None


def test_prices_fill_what_the_report_does_not_know_where_it_is_in_the_same_currency(tmp_path: Path) -> None:
    dollars = rates(f"--report={report(tmp_path, *ROWS, head=HEAD.replace('EUR', 'USD'))}")
    assert [dollars.money(key, TEN_HOURS) for key in (WEB, API, NEW)] == [pytest.approx(20), 0.6, 0.6]

    euros = rates(f"--report={report(tmp_path, *ROWS)}")
    assert [euros.money(key, TEN_HOURS) for key in (WEB, API, NEW)] == [pytest.approx(20), None, None]


def test_a_report_of_several_clusters(tmp_path: Path) -> None:
    report(tmp_path, *ROWS, "test\tshop\tDeployment\tweb\t1\t0.1\t730.50")

    with pytest.raises(UsageError, match=r"choose one with --report-cluster \(there are: prod, test\)"):
        rates(f"--report={tmp_path}")
    assert rates(f"--report={tmp_path}", "--report-cluster=test").money(WEB, Amount(1)) == pytest.approx(1)
    with pytest.raises(UsageError, match=r"--report-cluster stage: not in that report \(there are: prod, test\)"):
        rates(f"--report={tmp_path}", "--report-cluster=stage")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    report(tmp_path, *ROWS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("page", ["", "/", "/index.html", "/teams.html?a=b"])
def test_a_report_by_the_address_of_any_of_its_pages(served: str, page: str) -> None:
    currency, known = read_report(served + page)
    assert (currency, known[WEB].hourly) == ("EUR", pytest.approx(1))


def test_an_address_without_a_report_is_one_line(served: str) -> None:
    with pytest.raises(UsageError, match="--report .*/elsewhere: workloads.tsv: the server answers 404"):
        read_report(f"{served}/elsewhere")
    with pytest.raises(UsageError, match="--report http://127.0.0.1:9: workloads.tsv: ") as raised:
        read_report("http://127.0.0.1:9")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "a column is missing"),
        ("a\tb", "a column is missing"),
        (HEAD.replace("Cost [EUR]", "Cost"), "a column is missing"),
        (HEAD.replace("Pods", "Podz"), "a column is missing"),
    ],
)
def test_a_file_that_is_no_report_is_one_line(tmp_path: Path, head: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_report(str(report(tmp_path, head=head)))


def test_a_folder_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workloads.tsv: No such file or directory"):
        read_report(str(tmp_path))
    (tmp_path / "workloads.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="workloads.tsv: "):
        read_report(str(tmp_path))
    with pytest.raises(UsageError, match="--report-cluster chooses a cluster of --report"):
        rates("--report-cluster=prod")


def test_cells_that_are_no_numbers_are_unknown(tmp_path: Path) -> None:
    found = rates(
        f"--report={report(tmp_path, 'prod	shop	Deployment	web	two	nan	inf', 'prod	shop	Deployment	api	1	x	-3')}"
    )
    assert (found.money(WEB, TEN_HOURS), found.money(API, TEN_HOURS)) == (None, None)
