"""What the server of a process shows beside its metrics: documents that a controller makes when it is asked. Shapes only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Document:
    """A whole body and its media type. `headers` are added to those that every document has."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


# From the parameters of the query to the document; raises ValueProblem for parameters that it does not understand. Called in any
# thread, at any time, also in the middle of a turn.
Page: TypeAlias = Callable[[Mapping[str, str]], Document]
