"""Kubernetes quantities ("500m", "1Gi", "1e3") to numbers and back. Pure.

Source of the grammar: the Kubernetes API reference, "Quantity": `<signedNumber><suffix>` with binary suffixes Ki..Ei, decimal
suffixes n, u, m, k, M..E, or a decimal exponent.
"""

from __future__ import annotations

import math
import re

from shared.errors import ValueProblem

ACCEPTED = "a Kubernetes quantity such as 500m, 2, 1.5Gi or 1e3"

_PATTERN = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([eE][+-]?[0-9]{1,3})|([KMGTPE]i|[numkMGTPE]))?")
_FACTORS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_FACTORS |= {suffix: 1000.0 ** (power + 1) for power, suffix in enumerate("kMGTPE")}
_FACTORS |= {suffix + "i": 1024.0 ** (power + 1) for power, suffix in enumerate("KMGTPE")}
_BINARY = [(suffix + "i", 1024 ** (power + 1)) for power, suffix in enumerate("KMGTPE")][::-1]


def parse_quantity(text: object) -> float:
    """The number that *text* stands for: cores for a CPU quantity, bytes for memory.

    Raises ValueProblem for anything that is no quantity. `parse_quantity("250m") == 0.25`.
    """
    match = _PATTERN.fullmatch(str(text).strip())
    if match is None:
        raise ValueProblem(text, ACCEPTED)
    number, exponent, suffix = match.groups()
    factor = _FACTORS[suffix or ""]
    # Dividing keeps 100m at exactly 0.1, where multiplying by 0.001 would not.
    value = float(number + (exponent or ""))
    value = value / round(1 / factor) if factor < 1 else value * factor
    if not math.isfinite(value):
        raise ValueProblem(text, ACCEPTED)
    return value


def format_cores(cores: float) -> str:
    """Cores as Kubernetes writes them: whole cores bare, the rest in millicores ("1500m")."""
    return str(int(cores)) if cores == int(cores) else f"{round(cores * 1000)}m"


def format_bytes(amount: float) -> str:
    """Bytes in the largest binary unit that leaves a whole number ("512Mi"), else plain bytes."""
    whole = round(amount)
    for suffix, factor in _BINARY:
        if whole and whole % factor == 0:
            return f"{whole // factor}{suffix}"
    return str(whole)
