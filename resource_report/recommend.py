"""From usage to a recommended size. Pure.

A VerticalPodAutoscaler's target wins. Where there is none, the usage of this run (smoothed over its samples) plus a margin; where
neither is known the recommendation stays unknown, and with it the slack.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MIB = 2**20


@dataclass(frozen=True)
class RecommendSettings:
    """`margin` is the factor on top of usage. The minima keep an idle container schedulable: 1 millicore and 10 MiB."""

    margin: float = 1.15
    minimum_cpu: float = 0.001
    minimum_memory: float = 10.0 * MIB


def with_recommendations(pods: pd.DataFrame, settings: RecommendSettings) -> pd.DataFrame:
    """*pods* with both recommendations and `recommendation_source` filled where something is known.

    Usage of 0 for both resources is the sample of a pod that just started: it says nothing.
    """
    cpu, memory = pods["cpu_usage"], pods["memory_usage"]
    told = ~((cpu == 0) & (memory == 0))
    from_usage = {
        "cpu": (cpu * settings.margin).clip(lower=settings.minimum_cpu).where(told),
        "memory": (memory * settings.margin).clip(lower=settings.minimum_memory).where(told),
    }
    filled = {f"{name}_recommendation": pods[f"{name}_recommendation"].fillna(amount) for name, amount in from_usage.items()}
    known = filled["cpu_recommendation"].notna() & filled["memory_recommendation"].notna()
    source = pods["recommendation_source"].astype("str")
    source = source.mask((source == "") & known, "usage")
    return pods.assign(**filled, recommendation_source=source.astype("category"))
