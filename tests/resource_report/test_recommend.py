"""From usage to a recommended size."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from resource_report.recommend import MIB, RecommendSettings, with_recommendations

NAN = math.nan


@pytest.mark.parametrize(
    ("usage", "given", "source", "expected", "said"),
    [
        pytest.param((1.0, 100 * MIB), (NAN, NAN), "", (1.15, 115 * MIB), "usage", id="usage and a margin"),
        pytest.param((0.0, 1.0), (NAN, NAN), "", (0.001, 10 * MIB), "usage", id="never less than the minimum"),
        pytest.param((0.0, 0.0), (NAN, NAN), "", (NAN, NAN), "", id="nothing measured yet"),
        pytest.param((NAN, NAN), (NAN, NAN), "", (NAN, NAN), "", id="no metrics"),
        pytest.param((1.0, 100 * MIB), (2.0, 5.0), "vpa", (2.0, 5.0), "vpa", id="the autoscaler wins"),
        pytest.param((1.0, 100 * MIB), (2.0, NAN), "vpa", (2.0, 115 * MIB), "vpa", id="and usage fills what it lacks"),
        pytest.param((1.0, NAN), (NAN, NAN), "", (1.15, NAN), "", id="half known is not known"),
    ],
)
def test_recommendation(
    usage: tuple[float, float], given: tuple[float, float], source: str, expected: tuple[float, float], said: str
) -> None:
    pods = pd.DataFrame(
        {
            "cpu_usage": [usage[0]],
            "memory_usage": [usage[1]],
            "cpu_recommendation": [given[0]],
            "memory_recommendation": [given[1]],
            "recommendation_source": [source],
        }
    )
    row = with_recommendations(pods, RecommendSettings()).iloc[0]

    assert row["cpu_recommendation"] == pytest.approx(expected[0], nan_ok=True)
    assert row["memory_recommendation"] == pytest.approx(expected[1], nan_ok=True)
    assert row["recommendation_source"] == said
