"""TSV files: the old headings to the byte, clean cells, fixed digits, fixed order."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from resource_report.tsv import FILES, Field, as_tsv, clean, files
from resource_report.views import Currency, Views
from tests.resource_report.sample_report import sample_report

RESOURCES = (
    "CPU Capacity\tMemory Capacity [MiB]\tCPU Allocatable\tMemory Allocatable [MiB]\tCPU Requests\tMemory Requests [MiB]"
    "\tCPU Usage\tMemory Usage [MiB]"
)
USED = "CPU Requests\tMemory Requests\tCPU Usage\tMemory Usage"
OLD_HEADINGS = {
    "clusters": "Cluster ID\tAPI Server URL\tMaster Nodes\tWorker Nodes\tWorker Instance Type\tKubelet Version"
    f"\t{RESOURCES}\tCost [USD]\tSlack Cost [USD]",
    "nodes": f"Cluster ID\tNode\tRole\tInstance Type\tSpot Instance\tKubelet Version\t{RESOURCES}\tCost [USD]",
    "ingresses": "Cluster ID\tAPI Server URL\tNamespace\tName\tApplication\tHost\tStatus",
    "teams": f"ID\tClusters\tApplications\tPods\t{USED}\tCost [USD]\tSlack Cost [USD]",
    "applications": f"ID\tTeam\tClusters\tPods\t{USED}\tCost [USD]\tSlack Cost [USD]",
    "namespaces": f"Name\tStatus\tCluster\tPods\t{USED}\tCost [USD]\tSlack Cost [USD]",
    "pods": f"Cluster ID\tAPI Server URL\tNamespace\tName\tApplication\tComponent\tContainer Images\t{USED}"
    "\tCPU Recommendation\tMemory Recommendation\tCost [USD]\tSlack Cost [USD]",
}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    views = Views(sample_report(hostile=True), Currency())
    return {name: content.decode() for name, content in files(views, header=False)}


@pytest.mark.parametrize("name", OLD_HEADINGS)
def test_old_headings_come_first_and_unchanged(made: dict[str, str], name: str) -> None:
    heading = made[f"{name}.tsv"].splitlines()[0]

    assert heading == OLD_HEADINGS[name] or heading.startswith(OLD_HEADINGS[name] + "\t")


def test_every_row_has_every_column(made: dict[str, str]) -> None:
    assert set(made) == {f"{name}.tsv" for name in FILES} | {"slack.tsv"}
    for name, text in made.items():
        assert text.endswith("\n") or not text
        widths = {line.count("\t") for line in text.split("\n")[:-1]}
        assert len(widths) <= 1, name
        assert "\r" not in text


def test_rows_are_sorted_by_id(made: dict[str, str]) -> None:
    for name, columns in (("pods", (0, 2, 3)), ("teams", (0,)), ("nodes", (0, 1)), ("namespaces", (0, 2))):
        rows = [tuple(line.split("\t")[column].strip("'") for column in columns) for line in made[f"{name}.tsv"].splitlines()[1:]]
        assert rows == sorted(rows), name


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("shop", "shop"),
        ("a\tb\nc\r\nd\x00", "a b c d "),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", " =1"),
        ("a\u2028b", "a b"),
        ('say "x"', 'say "x"'),
    ],
)
def test_a_cell_is_one_cell_and_no_formula(text: str, cell: str) -> None:
    assert clean(text) == cell


def test_digits() -> None:
    kinds = ("money", "cpu", "bytes", "mib", "rate", "share", "int", "yesno")
    frame = pd.DataFrame({kind: [1234567.891, float("nan"), -0.0001] for kind in kinds[:-1]} | {"yesno": [True, False, True]})

    lines = as_tsv([Field(f"{kind} [{{currency}}]", kind, kind) for kind in kinds], frame, "EUR").decode().splitlines()

    assert lines[0].startswith("money [EUR]\tcpu [EUR]")
    assert lines[1] == "1234567.89\t1234567.891\t1234568\t1\t1234567.891000\t1234567.8910\t1234568\tYes"
    assert lines[2] == "\t\t\t\t\t\t\tNo"
    assert lines[3].split("\t")[0] == "0.00"


def test_slack_has_a_heading_only_on_request(made: dict[str, str]) -> None:
    views = Views(sample_report(), Currency())
    with_heading = dict(files(views, header=True))["slack.tsv"].decode().splitlines()
    without = dict(files(views, header=False))["slack.tsv"].decode().splitlines()

    assert with_heading[0] == "Cluster ID\tAPI Server URL\tNamespace\tName\tResource\tAmount\tPotential Savings"
    assert with_heading[1:] == without
    first = without[0].split("\t")
    assert first[0] == "prod-eu"
    assert first[4] == "cpu"
    assert first[6].startswith("$")
    assert first[6].endswith(" potential monthly savings")
    memory = next(line for line in without if "\tmemory\t" in line).split("\t")
    assert memory[5].endswith("Mi")
    assert (
        max(
            sum(1 for line in without if line.startswith(f"{name}\t") and "\tcpu\t" in line) for name in ("prod-eu", "staging-eu")
        )
        <= 20
    )


def test_slack_of_an_unmeasured_fleet_is_empty_and_a_sizeless_cluster_costs_nothing() -> None:
    report = sample_report(measured=False)
    assert dict(files(Views(report, Currency()), header=False))["slack.tsv"] == b""

    report = sample_report()
    report = replace(report, clusters=report.clusters.assign(cpu_allocatable=0.0, memory_allocatable=0.0))
    lines = dict(files(Views(report, Currency("EUR", 2.0)), header=False))["slack.tsv"].decode().splitlines()
    assert all(line.endswith("EUR 0.00 potential monthly savings") for line in lines)


def test_two_runs_over_the_same_report_write_the_same(made: dict[str, str]) -> None:
    again = {name: content.decode() for name, content in files(Views(sample_report(hostile=True), Currency()), header=False)}

    assert again == made
