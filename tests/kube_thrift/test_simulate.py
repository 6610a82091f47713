"""`kube-thrift simulate` as users run it: a schedule that nobody switched on, on a cluster that nothing is written to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kube_thrift.main import main
from kube_thrift.simulate import run
from shared.errors import UsageError
from shared.simcluster import SimCluster
from tests.kube_thrift.kit import deployment

# A Wednesday; on Friday is a holiday, and on Sunday Europe changes to summer time.
NOW = datetime(2027, 3, 24, 12, tzinfo=UTC)
# From 13:00 in Berlin on that Wednesday to 14:00 on the next: 5 hours, four days of 10, and 6.
WORK = 51
OFFICE = "Mon-Fri 08:00-18:00 Europe/Berlin"
HEAD = "Cluster ID\tNamespace\tKind\tName\tPods\tCPU Usage\tCost [USD]\n"


@pytest.fixture
def sim() -> Iterator[SimCluster]:
    with SimCluster(start=NOW - timedelta(days=1)) as made:
        made.namespace("shop")
        made.namespace("lab", annotations={"downscaler/uptime": OFFICE})
        made.create(deployment("shop", "web", 4))
        made.create(deployment("shop", "api", 2, {"downscaler/exclude": "true"}))
        made.create(deployment("lab", "trial", 1))
        made.advance(timedelta(days=1))
        yield made


@pytest.fixture
def simulate(sim: SimCluster, capsys: pytest.CaptureFixture[str]) -> Any:
    def simulated(*argv: str) -> str:
        assert run([f"--kubeconfig={sim.connection().kubeconfig}", *argv], {}, sim.clock) == 0
        return capsys.readouterr().out

    return simulated


def by_name(text: str) -> dict[str, Any]:
    return {each["name"]: each for namespace in json.loads(text)["namespaces"] for each in namespace["workloads"]}


def test_the_schedules_that_are_there(simulate: Any) -> None:
    data = json.loads(simulate("--week", "-o", "json"))

    assert (data["start"], data["end"], data["assumed"], data["currency"]) == (
        "2027-03-24T12:00:00Z",
        "2027-03-31T12:00:00Z",
        {},
        None,
    )
    found = by_name(json.dumps(data))
    assert {name: each["hoursDown"] for name, each in found.items()} == {"web": 0, "api": 0, "trial": 168 - WORK}
    assert data["total"]["saved"] == {"replicaHours": 117, "coreHours": 117, "gibHours": 234, "co2Grams": 0}
    assert found["trial"]["money"] is None


def test_a_schedule_that_nobody_switched_on(sim: SimCluster, simulate: Any) -> None:
    sim.clear_requests()

    found = by_name(simulate("--week", f"--uptime={OFFICE}", "--downtime=holidays(DE-BE) Europe/Berlin", "-o", "json"))

    # Good Friday and Easter Monday are holidays; whoever is excluded stays so.
    assert {name: each["hoursDown"] for name, each in found.items()} == {
        "web": 168 - WORK + 20,
        "api": 0,
        "trial": 168 - WORK + 20,
    }
    assert found["web"]["saved"]["coreHours"] == 4 * 137
    assert [change["at"] for change in found["web"]["changes"]][:3] == [
        "2027-03-24T17:00:00Z",
        "2027-03-25T07:00:00Z",
        "2027-03-25T17:00:00Z",
    ]
    # After the clock change the working day begins an hour earlier.
    assert found["web"]["changes"][-1]["at"] == "2027-03-31T06:00:00Z"
    assert {request.verb for request in sim.requests} <= {"get", "list"}
    assert "downscaler/uptime" not in str(sim.list("deployments"))


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (("-n", "shop"), {"web", "api"}),
        (("--namespace=lab",), {"trial"}),
        (("-l", "app in (web,trial)"), {"web", "trial"}),
        (("-l", "app=web", "-n", "lab"), set()),
        (("--include-resources=statefulsets",), set()),
    ],
)
def test_only_some_workloads(simulate: Any, argv: tuple[str, ...], names: set[str]) -> None:
    assert set(by_name(simulate(*argv, "-o", "json"))) == names


def test_the_text_has_totals_workloads_and_hours(simulate: Any) -> None:
    text = simulate(
        f"--uptime={OFFICE}", "-n", "shop", "--default-timezone=Europe/Berlin", "--price-core-hour=0.05", "--co2-core-hour=100"
    )
    lines = text.splitlines()

    assert lines[0] == (
        "7 days from Wed 24 Mar 2027 13:00 Europe/Berlin, as if downscaler/uptime='Mon-Fri 08:00-18:00 Europe/Berlin' "
        "were on each workload; nothing is written."
    )
    head, row = lines[2].split(), next(line for line in lines if line.startswith("all")).split()
    assert head[:2] == ["namespace", "workloads"]
    assert row == ["all", "2", "1", "117", "1,008", "468", "2,016", "936", "46%", "23.40"]
    row = next(line for line in lines if line.startswith("  deployments web")).split()
    assert row[:9] == ["deployments", "web", "4", "117.0", "468.0", "936.0", "23.40", "not", "in"]
    assert "  1 more is up all the time" in text
    assert "46.8 kg of CO2 equivalent are not caused." in lines
    strip = {line[2:12].strip(): line[14:] for line in lines if line[2:5] in ("Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue")}
    assert strip["Thu 25 Mar"] == "........##########......"
    assert strip["Wed 24 Mar"] == " " * 13 + "#####......"
    # The day of the clock change has 23 hours.
    assert strip["Sun 28 Mar"] == "." * 23


def test_money_from_a_report_and_what_it_does_not_know(simulate: Any, tmp_path: Path) -> None:
    (tmp_path / "workloads.tsv").write_text(HEAD + "prod\tshop\tDeployment\tweb\t2\t1.000\t146.10\n")

    text = simulate(f"--uptime={OFFICE}", f"--report={tmp_path}")

    # A tenth of a dollar an hour for each pod, and half a core used.
    assert "46.80" in text
    assert "The cost of 1 of the 2 workloads that sleep is unknown, and not in the sum." in text
    assert "Of the core-hours saved, 234 were in use at the rate that the report saw." in text
    found = by_name(simulate(f"--uptime={OFFICE}", f"--report={tmp_path}", "-o", "json"))
    assert (found["web"]["money"], found["trial"]["money"], found["api"]["money"]) == (46.8, None, 0.0)


def test_annotations_that_cannot_be_read_are_named(sim: SimCluster, simulate: Any) -> None:
    sim.patch("deployments", "shop", "web", {"metadata": {"annotations": {"downscaler/uptime": "Mon-Fry\x1b[31m 9-5"}}})

    text = simulate()

    assert "note: deployments shop/web: annotation downscaler/uptime='Mon-Fry" in text
    assert "\x1b" not in text
    # The schedule to try stands in place of the broken one.
    assert by_name(simulate(f"--uptime={OFFICE}", "-o", "json"))["web"]["hoursDown"] == 117


def test_nothing_to_look_at(simulate: Any) -> None:
    assert "No workload is looked at" in simulate("--namespace=default")
    assert "No prices: give --price-core-hour" in simulate()


def test_what_cannot_be_read_is_one_line_and_exit_code_1(sim: SimCluster, capsys: pytest.CaptureFixture[str]) -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}]
    sim.add_user("ann", rules=[*rules, {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}])

    assert run([f"--kubeconfig={sim.connection('ann').kubeconfig}", "--week"], {}, sim.clock) == 1
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 1
    assert "pods" in said.err
    assert said.out.startswith("7 days from")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--uptime=Mon-Fry 9-5"], "--uptime: 'Mon-Fry 9-5' is not understood; accepted: always"),
        (["--downtime", "soon"], "--downtime: 'soon' is not understood"),
        (["--week", "--days=3"], "--week and --days exclude each other"),
        (["-n", "Shop"], "--namespace: 'Shop' is not understood"),
        (["--report=/no/such/folder"], "--report /no/such/folder: workloads.tsv: No such file or directory"),
    ],
)
def test_mistakes_are_one_line(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *argv]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    with pytest.raises(UsageError):
        run(argv, {})


@pytest.mark.parametrize(
    "argv", [["--days=0"], ["--days=90"], ["--price-core-hour=-1"], ["-l", "a=("], ["-o", "yaml"], ["--loud"]]
)
def test_flags_that_cannot_be_read_exit_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["simulate", *argv])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
