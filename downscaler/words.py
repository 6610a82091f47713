"""Sizes that are words: a type, a class or a state, of which one means down. Pure."""

from __future__ import annotations

from downscaler.amounts import Refusal, Size, no_percentage
from downscaler.keys import ORIGINAL
from downscaler.workloads import Workload


def reach_word(workload: Workload, target: Size, up: Size | None, down: str) -> Size | Refusal:
    """*down* for a target of 0; for any other the word that the object has, or had before it was put down."""
    if not isinstance(target, int):
        return no_percentage(target)
    if target == 0:
        return down
    if up is None or up == down:
        return workload.metadata.annotation(ORIGINAL) or down
    return up


def compare_words(down: str, left: Size, right: Size) -> int:
    """Any other word is more than the one that means down."""
    return (left != down) - (right != down)
