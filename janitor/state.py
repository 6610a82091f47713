"""What the janitor remembers between turns, and the one ConfigMap in which a part of it outlives the process.

Most of what a janitor did is written on the objects. What cannot be written there is kept here: open breakers and the deletions
in their
window, when a rule was first seen, how often a rule matched in a row, and warnings whose annotation could not be written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from janitor.breaker import Past, Trip
from janitor.rules import RuleSet, parse_rules
from shared.cluster import Cluster
from shared.errors import AlreadyExists, ClusterError, NotFound, ThriftError
from shared.kinds import CONFIG_MAPS
from shared.objects import Object

ACK = "janitor/ack"
DATA_KEY = "state.json"
# A ConfigMap holds 1 MiB; what is remembered per object is dropped first, as it only delays deletions.
_LARGEST = 900_000


class Memory(msgspec.Struct, kw_only=True):
    """The part that is written down. `seen` maps a uid to counts per rule, `warned` a uid to what the annotation would say."""

    past: list[Past] = msgspec.field(default_factory=list)
    trips: dict[str, Trip] = msgspec.field(default_factory=dict)
    first_seen: dict[str, datetime] = msgspec.field(default_factory=dict)
    seen: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    warned: dict[str, str] = msgspec.field(default_factory=dict)

    def encoded(self) -> str:
        text = msgspec.json.encode(self).decode()
        if len(text) > _LARGEST:
            slim = Memory(past=self.past[-1000:], trips=self.trips, first_seen=self.first_seen)
            return msgspec.json.encode(slim).decode()
        return text


class _StateMap(Object, frozen=True):
    data: dict[str, str] | None = None


@dataclass
class State:
    """One process's memory. `told` holds what was said already, so that it is said once; `rules` the last rules that could be
    read.
    """

    memory: Memory = field(default_factory=Memory)
    acknowledged: dict[str, int] = field(default_factory=dict)
    rules: RuleSet = field(default_factory=RuleSet)
    rules_text: str | None = None
    rules_good: bool = False
    problems: tuple[str, ...] = ()
    told: set[str] = field(default_factory=set)
    loaded: bool = False
    saved: str = ""
    exists: bool = False

    def once(self, line: str) -> bool:
        """True the first time *line* is said; forgets everything after 10,000 lines, so that it cannot grow."""
        if line in self.told:
            return False
        if len(self.told) > 10_000:
            self.told.clear()
        self.told.add(line)
        return True

    def use_rules(self, text: str, source: str) -> tuple[str, ...]:
        """Takes *text* as the rules file. A file that got worse than the one in use is not taken over: the old rules stay.

        Returns the file's problems, on every turn, so that a run with a broken file never counts as good.
        """
        if text == self.rules_text:
            return self.problems
        fresh = parse_rules(text, source)
        self.rules_text, self.problems = text, fresh.problems
        if not fresh.problems or not self.rules_good:
            self.rules, self.rules_good = fresh, not fresh.problems
        return fresh.problems


def load(cluster: Cluster, place: tuple[str, str] | None, state: State) -> str:
    """Reads the ConfigMap where there is something to learn from it: at first, and while a breaker waits for an acknowledgement.

    Returns one line where it cannot be read; the memory of this process then goes on alone.
    """
    if place is None or (state.loaded and not state.memory.trips):
        return ""
    try:
        found = cluster.get(CONFIG_MAPS, *place, _StateMap)
        state.exists = True
        if not state.loaded:
            state.memory = msgspec.json.decode((found.data or {}).get(DATA_KEY, "{}"), type=Memory)
            state.saved = state.memory.encoded()
        state.loaded = True
        asked = {key.strip() for key in (found.metadata.annotation(ACK) or "").split(",")} - {""}
        state.acknowledged = {key: trip.count for key, trip in state.memory.trips.items() if key in asked or "all" in asked}
    except NotFound:
        state.loaded = True
    except (ThriftError, msgspec.MsgspecError) as problem:
        return f"state {'/'.join(place)} cannot be read, going on without it: {problem}"
    return ""


def save(cluster: Cluster, place: tuple[str, str] | None, state: State, spent: frozenset[str]) -> str:
    """Writes what changed, and removes an acknowledgement that was used. Returns one line where that fails."""
    text = state.memory.encoded()
    if place is None or (text == state.saved and not spent) or (not state.exists and text == Memory().encoded()):
        return ""
    metadata: dict[str, object] = {"labels": {"janitor/keeps": "state"}}
    if spent:
        metadata["annotations"] = {ACK: None}
    namespace, name = place
    body = {"metadata": metadata, "data": {DATA_KEY: text}}
    try:
        if not state.exists:
            fresh = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "data": body["data"],
                "metadata": {"name": name, "labels": metadata["labels"]},
            }
            try:
                cluster.create(CONFIG_MAPS, namespace, fresh)
            except AlreadyExists:
                cluster.patch(CONFIG_MAPS, namespace, name, body)
        else:
            cluster.patch(CONFIG_MAPS, namespace, name, body)
    except ClusterError as problem:
        return f"state {namespace}/{name} cannot be written: {problem}"
    state.saved, state.exists = text, True
    return ""


def acknowledge(cluster: Cluster, place: tuple[str, str], keys: tuple[str, ...]) -> tuple[str, ...]:
    """Lets the deletions of these open breakers (none given: of every one) through. Returns their keys. Raises ThriftError."""
    found = cluster.get(CONFIG_MAPS, *place, _StateMap)
    memory = msgspec.json.decode((found.data or {}).get(DATA_KEY, "{}"), type=Memory)
    chosen = tuple(key for key in memory.trips if not keys or key in keys)
    if chosen:
        body = {"metadata": {"annotations": {ACK: ",".join(chosen)}}}
        cluster.patch(CONFIG_MAPS, *place, body, resource_version=found.metadata.resource_version)
    return chosen
