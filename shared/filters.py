"""Include and exclude lists as values: by name, by label. Pure.

Lists are comma-separated, each item is trimmed and empty items vanish, so a space after a comma changes nothing and an empty text
is an empty list (never a list with one pattern that matches everything).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.errors import ValueProblem

ACCEPTED_REGEX = "a comma-separated list of regular expressions"
ACCEPTED_LABELS = "a comma-separated list of regular expressions that are matched against key=value"


def split_list(text: str | None) -> tuple[str, ...]:
    """`" a, b,,c "` as `("a", "b", "c")`; None and an empty text as an empty tuple."""
    return tuple(item for item in (part.strip() for part in (text or "").split(",")) if item)


@dataclass(frozen=True)
class Names:
    """A set of names: some exact, some as anchored patterns (the whole name has to match)."""

    exact: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()

    def __bool__(self) -> bool:
        """False for a list that holds nothing, which matches nothing."""
        return bool(self.exact or self.patterns)

    def matches(self, name: str) -> bool:
        return name in self.exact or any(pattern.fullmatch(name) for pattern in self.patterns)


def exact_names(items: Iterable[str]) -> Names:
    """Names compared letter by letter."""
    return Names(exact=frozenset(items))


def regex_names(items: Iterable[str]) -> Names:
    """Each item a regular expression for the whole name. Raises ValueProblem naming the item that is none."""
    return Names(patterns=tuple(_compile(item, ACCEPTED_REGEX) for item in items))


def glob_names(items: Iterable[str]) -> Names:
    """Each item a shell pattern (`*`, `?`, `[abc]`) for the whole name; items without one are compared exactly."""
    plain, patterns = [], []
    for item in items:
        if any(sign in item for sign in "*?["):
            patterns.append(re.compile(fnmatch.translate(item)))
        else:
            plain.append(item)
    return Names(exact=frozenset(plain), patterns=tuple(patterns))


@dataclass(frozen=True)
class Selection:
    """What an include and an exclude list let through. Exclude wins; an include of None lets everything through."""

    include: Names | None = None
    exclude: Names = Names()

    def allows(self, name: str) -> bool:
        return not self.exclude.matches(name) and (self.include is None or self.include.matches(name))


def include_names(items: Iterable[str], *, everything: str = "all") -> Names | None:
    """An include list of exact names; None (no restriction) where it holds the word *everything*."""
    names = frozenset(items)
    return None if everything in names else Names(exact=names)


@dataclass(frozen=True)
class LabelMatcher:
    """Objects chosen by their labels: one of the patterns has to match a whole `key=value`. No pattern chooses every object."""

    patterns: tuple[re.Pattern[str], ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if not self.patterns:
            return True
        pairs = [f"{key}={value}" for key, value in (labels or {}).items()]
        return any(pattern.fullmatch(pair) for pattern in self.patterns for pair in pairs)


def label_matcher(items: Iterable[str]) -> LabelMatcher:
    """Raises ValueProblem naming the item that is no regular expression."""
    return LabelMatcher(tuple(_compile(item, ACCEPTED_LABELS) for item in items))


def _compile(item: str, accepted: str) -> re.Pattern[str]:
    try:
        return re.compile(item)
    except (re.error, RecursionError, OverflowError):
        raise ValueProblem(item, accepted) from None
