"""Usage samples to one figure per pod or node. Pure: state in, state out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Usage = Mapping[tuple[str, str], tuple[float, float]]
"""(namespace, name) to (cores, bytes); the namespace of a node is empty."""


def mean_usage(samples: Sequence[Usage]) -> Usage:
    """The mean over the samples in which a key appears. No sample gives nothing, not zero."""
    if len(samples) == 1:
        return samples[0]
    sums: dict[tuple[str, str], tuple[float, float, int]] = {}
    for sample in samples:
        for key, (cpu, memory) in sample.items():
            old_cpu, old_memory, count = sums.get(key, (0.0, 0.0, 0))
            sums[key] = (old_cpu + cpu, old_memory + memory, count + 1)
    return {key: (cpu / count, memory / count) for key, (cpu, memory, count) in sums.items()}


def smooth(previous: Usage, current: Usage, alpha: float) -> Usage:
    """The exponential moving average: previous + alpha * (current - previous); the first sample of a key is taken as it is.

    Keys that are gone from *current* are dropped. alpha = 1 is the current sample; with 0.5, 100 followed by 200 gives 150.
    """
    if alpha == 1:
        return current
    smoothed = {}
    for key, (cpu, memory) in current.items():
        old_cpu, old_memory = previous.get(key, (cpu, memory))
        smoothed[key] = (old_cpu + alpha * (cpu - old_cpu), old_memory + alpha * (memory - old_memory))
    return smoothed
