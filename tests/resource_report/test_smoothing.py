"""Samples to one figure."""

from __future__ import annotations

from resource_report.smoothing import mean_usage, smooth

POD = ("shop", "web")


def test_mean_counts_only_samples_that_have_the_pod() -> None:
    assert mean_usage([{POD: (1.0, 10.0)}, {}, {POD: (3.0, 30.0)}]) == {POD: (2.0, 20.0)}
    assert mean_usage([]) == {}


def test_average_moves_by_alpha_and_forgets_what_is_gone() -> None:
    before = {POD: (100.0, 100.0), ("shop", "gone"): (1.0, 1.0)}

    assert smooth(before, {POD: (200.0, 0.0)}, 0.5) == {POD: (150.0, 50.0)}


def test_first_sample_is_taken_as_it_is() -> None:
    assert smooth({}, {POD: (7.0, 9.0)}, 0.1) == {POD: (7.0, 9.0)}


def test_alpha_of_one_is_no_smoothing() -> None:
    assert smooth({POD: (1.0, 1.0)}, {POD: (5.0, 6.0)}, 1.0) == {POD: (5.0, 6.0)}
