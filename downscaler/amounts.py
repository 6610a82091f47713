"""Sizes as values: a count, or a percentage such as "75%" on a PodDisruptionBudget; reading and comparing them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from shared.errors import ValueProblem

Size: TypeAlias = int | str
Patch: TypeAlias = dict[str, object]

LARGEST = 2**31 - 1
ACCEPTED_REPLICAS = "a whole number from 0, or on a PodDisruptionBudget a percentage such as 50%"

_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3})%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kind cannot take a target."""

    reason: str


def no_percentage(target: Size) -> Refusal:
    """Why a kind that has no share of anything cannot take *target*."""
    return Refusal(f"a whole number; a percentage such as {target} works only on a PodDisruptionBudget")


def parse_replicas(text: str) -> Size:
    """`3` or `50%`. Raises ValueProblem."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped) and int(stripped) <= LARGEST:
        return int(stripped)
    match = _PERCENT.fullmatch(stripped)
    if match and int(match[1]) <= 100:
        return f"{int(match[1])}%"
    raise ValueProblem(text, ACCEPTED_REPLICAS)


def compare_amounts(left: Size, right: Size) -> int | None:
    (a, a_percent), (b, b_percent) = _amount(left), _amount(right)
    if a_percent == b_percent or a == 0 or b == 0:
        return (a > b) - (a < b)
    if a_percent and a >= 100:
        return 1
    return -1 if b_percent and b >= 100 else None


def _amount(size: Size) -> tuple[int, bool]:
    """The number and whether it is a percentage. What the API would not accept counts as 100%: nothing is stricter than that."""
    if isinstance(size, int):
        return size, False
    match = _PERCENT.fullmatch(size)
    return (int(match[1]) if match else 100), True
