"""One GET of bounded size, for what other processes serve. What comes back is their word: whoever asks decodes and checks it."""

from __future__ import annotations

from collections.abc import Mapping

import requests

_CHUNK = 65_536


class TooLarge(requests.RequestException):
    """The answer has more bytes than were to be read."""


def fetch(address: str, *, limit: int, timeout: float, params: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of the answer, read in pieces. Redirects are not followed. *timeout* is in seconds, *limit* in bytes.

    Raises TooLarge, and requests.RequestException or ValueError where there is no answer.
    """
    with requests.get(address, params=params, timeout=timeout, stream=True, allow_redirects=False) as answer:
        found = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            found += chunk
            if len(found) > limit:
                raise TooLarge(f"more than {limit} bytes")
        return answer.status_code, bytes(found)
