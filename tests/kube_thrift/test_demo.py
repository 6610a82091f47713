"""The demo: what it prints is true, the same seed gives the same figures, and nothing is left asleep or lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kube_thrift import demo
from kube_thrift.cleanup import clean_up
from kube_thrift.demo_summary import as_json, as_text, cleanup_text
from kube_thrift.week import Week, live_week
from shared.simcluster import SimCluster
from shared.simcluster.accounting import Hours, avoided

TUESDAY = datetime(2026, 3, 24, tzinfo=UTC)


def live_day() -> tuple[Week, list[float]]:
    shares: list[float] = []
    with SimCluster(start=TUESDAY, fleet="demo", live=True, seed=7) as sim:
        week = live_week(sim, seed=7, days=1, progress=lambda share, now: shares.append(share))
    return week, shares


# A day takes half a minute to live: the tests that share one stay together.
of_one_day = pytest.mark.xdist_group("a day of the demo")


@pytest.fixture(scope="module")
def day() -> tuple[Week, list[float]]:
    return live_day()


@of_one_day
def test_a_day_avoids_hours_in_every_team_that_asked_for_it(day: tuple[Week, list[float]]) -> None:
    week, shares = day

    gone = avoided(week.without, week.with_downscaler)

    assert shares[-1] == 1.0
    # A turn each half hour, and one a minute while something wakes.
    assert week.turns > timedelta(days=1) / timedelta(minutes=30)
    assert (week.stuck, week.failures) == ((), ())
    assert {team for team, hours in gone.teams.items() if hours.cores > 1} >= {"growth", "jp-market", "ml-platform"}
    assert gone.node_hours > 0


@of_one_day
def test_broken_annotations_are_named_once_and_stop_nobody_else(day: tuple[Week, list[float]]) -> None:
    week, _ = day

    assert len(week.complaints) == 3
    assert any("growth-us/landing-pages" in line and "set back each time" in line for line in week.complaints)
    assert any("catalog/supplier-portal" in line and "Mon-Fry 9-5" in line for line in week.complaints)
    assert any("growth-us/referral-tracker" in line and "lots" in line for line in week.complaints)


@of_one_day
def test_the_table_adds_up(day: tuple[Week, list[float]]) -> None:
    week, _ = day

    content = json.loads(as_json(week))
    total = sum((hours for hours in week.without.teams.values()), Hours())

    assert sum(team["requested"]["core_hours"] for team in content["teams"].values()) == pytest.approx(total.cores, abs=0.01)
    assert f"{total.cores:,.0f}" in as_text(week)
    assert "every workload is at its original size" in as_text(week)


@of_one_day
def test_the_same_seed_gives_the_same_figures(day: tuple[Week, list[float]]) -> None:
    again, _ = live_day()

    assert as_json(again) == as_json(day[0])


def test_the_clean_up_week_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    cleanup = clean_up(demo.START, tmp_path)

    assert (cleanup.lost, cleanup.left) == ((), ())
    assert cleanup.deleted == 5
    assert cleanup.restored == 3
    assert "rule old-previews would delete" in cleanup.stopped
    assert "The rule gone wrong deleted nothing." in cleanup_text(cleanup)


def test_the_command_writes_its_figures_and_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"

    code = demo.run(demo.DemoSettings(out=str(out), days=1))

    assert code == 0
    assert {path.name for path in out.iterdir()} == {"downscaler.txt", "downscaler.json", "janitor.txt", "report"}
    index = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "Spot nodes save" in index
    printed = capsys.readouterr().out
    assert "2 clusters" in printed
    assert (out / "report" / "index.html").resolve().as_uri() in printed


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(demo.UsageError, match="--out .*file/out: Not a directory"):
        demo.run(demo.DemoSettings(out=str(tmp_path / "file" / "out")))
