"""What the commands of this package have in common where they end: JSON as they print it, and how they leave the process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from shared.errors import ThriftError, UsageError


def json_text(content: object) -> str:
    """*content* as an indented JSON document that ends its line."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def rounded(value: float | None) -> float | None:
    """An amount of money or of core-hours as JSON shows it; None where it is not known."""
    return None if value is None else round(value, 4)


def exit_code(name: str, run: Callable[[], int]) -> int:
    """What *run* returns. 2 for wrong usage and 1 for any other failure, each said in one line after *name*; 130 for Ctrl-C."""
    try:
        return run()
    except ThriftError as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, UsageError) else 1
    except KeyboardInterrupt:
        return 130
