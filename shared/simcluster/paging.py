"""Lists in pages: each continue token stands for a snapshot, so that pages of one list are consistent however much is written
meanwhile.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict

import msgspec

from shared.simcluster.records import Record, encode
from shared.simcluster.refusals import bad_request, expired

# Lists in progress that are remembered. More than any test or demo has at once; the oldest answers 410 when it comes back.
SNAPSHOTS = 64
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
    "continue parameter, or use the continue token in this response to retrieve the remainder of the results."
)


class Token(msgspec.Struct, frozen=True):
    """What is inside a continue token. `rv` -1 continues on current data after *start*, which the 410 answer offers."""

    rv: int
    snapshot: int
    offset: int
    start: tuple[str, str]

    def text(self) -> str:
        return base64.urlsafe_b64encode(encode(self)).decode().rstrip("=")


def read_token(text: str) -> Token:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Token)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise bad_request("continue key is not valid") from None


class Page(msgspec.Struct, frozen=True):
    """One page: its records, the resourceVersion of its snapshot, the token of the next page ("" at the end) and how many
    follow.
    """

    records: list[Record]
    rv: int
    token: str = ""
    remaining: int = 0


class Pages:
    """The snapshots of lists in progress."""

    def __init__(self) -> None:
        self._snapshots: OrderedDict[int, tuple[int, list[Record]]] = OrderedDict()
        self._next = 1

    def clear(self) -> None:
        """Forget every list in progress, as compaction does."""
        self._snapshots.clear()

    def first(self, records: list[Record], rv: int, limit: int) -> Page:
        if not limit or len(records) <= limit:
            return Page(records, rv)
        number, self._next = self._next, self._next + 1
        self._snapshots[number] = (rv, records)
        if len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return self._slice(number, 0, limit)

    def following(self, token: Token, limit: int) -> Page:
        """The page that *token* stands for. Gone (410), with a token for the remainder, once its snapshot is forgotten."""
        if token.snapshot not in self._snapshots:
            refusal = expired(_TOO_OLD)
            refusal.continue_token = msgspec.structs.replace(token, rv=-1).text()
            raise refusal
        return self._slice(token.snapshot, token.offset, limit)

    def _slice(self, number: int, offset: int, limit: int) -> Page:
        rv, records = self._snapshots[number]
        end = offset + limit if limit else len(records)
        page = records[offset:end]
        # The snapshot stays after its last page: a client whose connection broke asks for that page again.
        if end >= len(records):
            return Page(page, rv)
        token = Token(rv, number, end, (page[-1].namespace, page[-1].name))
        return Page(page, rv, token.text(), len(records) - end)
