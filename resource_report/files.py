"""File names for pages: from an id that anybody may have written to a name that is safe on every disk and in every URL. Pure.

An id that is already safe keeps its name, so that links of earlier reports go on working: cluster `prod` is `cluster-
prod.html`. Any other id is slugged and gets a hash of the whole id, so that two ids never share a file and the name stays the
same from run to run.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

Id = tuple[str, ...]

# Most file systems stop at 255 bytes; the rest is room for the kind, the hash and the ending.
MAX_SLUG = 120
HASH_LENGTH = 10

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_UNSAFE_RUN = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)

# Aggregates stand beside the pages: an application named "metrics" must not overwrite application-metrics.json.
RESERVED = frozenset({"application-metrics", "cluster-metrics", "team-metrics"})


def stable_hash(identity: Id) -> str:
    """Ten hexadecimal digits of *identity*, the same on every machine. The parts are kept apart.

    ("a.b", "c") is not ("a", "b.c").
    """
    joined = "\0".join(identity).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=HASH_LENGTH // 2).hexdigest()


def is_safe(text: str) -> bool:
    """Whether *text* may stand in a file name as it is."""
    return len(text) <= MAX_SLUG and ".." not in text and _SAFE.fullmatch(text) is not None


def slug(text: str) -> str:
    """*text* with each run of unsafe characters made one hyphen, shortened; "unnamed" when nothing is left."""
    return _UNSAFE_RUN.sub("-", text).strip("-._")[:60].strip("-._").lower() or "unnamed"


def stem(kind: str, identity: Id) -> str:
    """The name without its ending that *identity* gets when no other id wants the same one: "node-prod.ip-10-0-0-1"."""
    plain = f"{kind}-{'.'.join(identity)}"
    if all(is_safe(part) for part in identity) and is_safe(plain) and plain.lower() not in RESERVED:
        return plain
    return hashed_stem(kind, identity)


def hashed_stem(kind: str, identity: Id) -> str:
    return f"{kind}-{'.'.join(slug(part) for part in identity)[:MAX_SLUG]}-{stable_hash(identity)}"


class FileNames:
    """The map from (kind, id) to file name, for one report.

    Names differ in more than case, because some disks do not tell `team-A.html` from `team-a.html`: where several ids want the
    same name all of them get their hash, whatever the order in which they come.
    """

    def __init__(self, ids: Mapping[str, Iterable[Id]]) -> None:
        self._stems: dict[tuple[str, Id], str] = {}
        for kind, identities in ids.items():
            wanted: dict[str, list[Id]] = defaultdict(list)
            for identity in dict.fromkeys(identities):
                wanted[stem(kind, identity).lower()].append(identity)
            for same in wanted.values():
                for identity in same:
                    self._stems[kind, identity] = stem(kind, identity) if len(same) == 1 else hashed_stem(kind, identity)

    def __contains__(self, key: object) -> bool:
        return key in self._stems

    def page(self, kind: str, *identity: str, ending: str = ".html") -> str:
        """The file of one thing, or "" when the report has no page for it (a pod of a team that is not listed, say)."""
        found = self._stems.get((kind, identity))
        return f"{found}{ending}" if found else ""

    def of_kind(self, kind: str) -> Mapping[Id, str]:
        """Every id of *kind* with its page."""
        return MappingProxyType({identity: f"{name}.html" for (one, identity), name in self._stems.items() if one == kind})
