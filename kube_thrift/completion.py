"""Completing the words of `kubectl thrift`: kubectl's protocol for plugins, and scripts for the name with a hyphen.

kubectl (from 1.26) runs `kubectl_complete-thrift WORD...` with the words after `thrift`, the last of which is being typed. It
reads one completion a line, with a description behind a tab, and a last line `:DIRECTIVE` (the numbers of the cobra library).
Whatever goes wrong means no completions: a Tab must neither print an error nor wait.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from downscaler.sizes import KINDS
from janitor.explain import resolve
from kube_thrift.kubectl import COMMANDS, CONTROLLERS, Command
from kube_thrift.shells import SCRIPTS
from kube_thrift.targets import SWITCHES, VALUED, Line, read_line
from kube_thrift.upfor import scalable
from shared.cluster import Cluster, Connection
from shared.errors import ThriftError
from shared.kinds import NAMESPACES, Resource
from shared.kubeconfig import context_names, load_access

ERROR, NO_FILES, FILES = 1, 4, 0
# Seconds for one call, and for all of them together.
_CALL, _ALL = 2.0, 4.0
# Nobody reads through more names than these.
_MOST_NAMES = 2000
_HOURS = ("1h", "2h", "3h", "8h", "12h")
_DAYS = ("1d", "2d", "1w", "2w")
_BEFORE_TYPE = {"explain": CONTROLLERS, "up-for": ("namespace",)}
_FORMS = {"plan": ("table", "json")}


@dataclass(frozen=True)
class Completions:
    """What could stand at the end of the line, each with an optional description behind a tab, and the directive."""

    words: tuple[str, ...] = ()
    directive: int = NO_FILES

    def lines(self) -> str:
        return "".join(f"{line}\n" for line in (*self.words, f":{self.directive}"))


def complete(words: Sequence[str]) -> Completions:
    """The completions of the last of *words*. Raises UsageError and ClusterError."""
    *before, typed = words or [""]
    if not before:
        offered = [f"{name}\t{command.summary}" for name, command in COMMANDS.items()]
        return _matching(typed, offered)
    if before[0] == "help" and len(before) == 1:
        return _matching(typed, COMMANDS)
    if before[0] not in COMMANDS:
        return Completions()
    name, command = before[0], COMMANDS[before[0]]
    flag, sign, value = typed.partition("=")
    if typed.startswith("--") and sign:
        found = _values(name, flag, value, before[1:])
        return Completions(tuple(f"{flag}={word}" for word in found.words), found.directive)
    if typed.startswith("-"):
        return _matching(typed, _flags_of(command))
    valued = {*VALUED, *command.flags().valued}
    if before[-1] in valued and len(before) > 1:
        return _values(name, before[-1], typed, before[1:-1])
    return _word(name, _line(command, before[1:]), typed)


def _matching(typed: str, offered: Iterable[str], directive: int = NO_FILES) -> Completions:
    return Completions(tuple(each for each in offered if each.startswith(typed)), directive)


def _flags_of(command: Command) -> list[str]:
    common = [flag for flag, meaning in (*VALUED.items(), *SWITCHES.items()) if command.whole or meaning != "everywhere"]
    return sorted({*common, *command.offers}, key=lambda flag: (flag.lstrip("-"), flag))


def _line(command: Command, words: Sequence[str]) -> Line:
    """What stands before the word being typed; a flag that is still to get its value is no mistake here."""
    return read_line(words, command.flags().valued)


def _values(name: str, flag: str, typed: str, before: Sequence[str]) -> Completions:
    """The values of one flag."""
    meaning = VALUED.get(flag, flag.lstrip("-"))
    line = _line(COMMANDS[name], before)
    if meaning == "namespace":
        with _cluster(line) as cluster:
            return _matching(typed, _names(cluster, NAMESPACES, None))
    if meaning == "context":
        return _matching(typed, context_names(line.kubeconfig))
    if meaning in ("o", "output"):
        return _matching(typed, _FORMS.get(name, ("text", "json")))
    if meaning == "horizon":
        return _matching(typed, _DAYS)
    return Completions(directive=FILES if meaning in ("kubeconfig", "rules-file", "diff") else NO_FILES)


def _word(name: str, line: Line, typed: str) -> Completions:
    """A word that is no flag: a length, a type, a name, a shell."""
    words = list(line.words)
    if name == "completion":
        return _matching(typed, SCRIPTS) if not words else Completions()
    if name in ("up-for", "extend"):
        if not words:
            return _matching(typed, _HOURS if name == "up-for" else _DAYS)
        words = words[1:]
    elif name != "explain":
        return Completions()
    scaled = name == "up-for"
    if name == "explain" and words and words[0] in CONTROLLERS:
        scaled, words = words[0] == CONTROLLERS[0], words[1:]
        name = ""
    return _object(line, words, typed, (scaled, _BEFORE_TYPE.get(name, ()) if not words else ()))


def _object(line: Line, words: Sequence[str], typed: str, offer: tuple[bool, tuple[str, ...]]) -> Completions:
    """A type, or the name of an object behind its type in either spelling. *offer*: only what is scaled, and what else."""
    scaled, also = offer
    with _cluster(line) as cluster:
        kind, slash, start = typed.partition("/")
        if not slash and words and "/" not in words[0]:
            return _matching(typed, _names(cluster, _resource(cluster, words[0], scaled=scaled), line, words[1:]))
        if not slash:
            return _matching(typed, (*also, *(_scaled_types(cluster) if scaled else _all_types(cluster))))
        found = _matching(start, _names(cluster, _resource(cluster, kind, scaled=scaled), line))
        return Completions(tuple(f"{kind}/{each}" for each in found.words), found.directive)


def _scaled_types(cluster: Cluster) -> Iterator[str]:
    """What the downscaler scales; of the kinds that come with a CRD those that the server has."""
    served = {(each.group, each.plural) for each in cluster.discover().resources}
    for kind in KINDS.values():
        if not kind.custom or (kind.resource.group, kind.resource.plural) in served:
            yield kind.resource.kind.lower()


def _all_types(cluster: Cluster) -> Iterator[str]:
    """All that can be read, written and deleted, under the shortest name that is not ambiguous."""
    seen: set[str] = set()
    for resource in cluster.discover().preferred():
        if {"list", "delete"} <= set(resource.verbs):
            kind = resource.kind.lower()
            yield f"{kind}.{resource.group}" if kind in seen else kind
            seen.add(kind)


def _resource(cluster: Cluster, kind: str, *, scaled: bool) -> Resource:
    if not scaled:
        return resolve(kind, cluster.discover())
    known = scalable(kind)
    return NAMESPACES if known is None else known.resource


def _names(cluster: Cluster, resource: Resource, line: Line | None, without: Sequence[str] = ()) -> Iterator[str]:
    namespace = None
    if line is not None and resource.namespaced:
        namespace = line.namespace or load_access(line.kubeconfig, line.context).namespace
    for number, each in enumerate(cluster.list_metadata(resource, namespace=namespace)):
        if number >= _MOST_NAMES:
            return
        if each.name not in without:
            yield each.name


@contextmanager
def _cluster(line: Line) -> Iterator[Cluster]:
    """A connection that gives up soon."""
    connection = Connection(
        kubeconfig=line.kubeconfig,
        context=line.context,
        timeout=_CALL,
        max_retries_on_throttling=0,
        user_agent="kubectl-thrift-completion",
    )
    with Cluster.connect(connection) as cluster, cluster.deadline(_ALL):
        yield cluster


def main(argv: Sequence[str] | None = None) -> int:
    """The `kubectl_complete-thrift` script."""
    try:
        found = complete(sys.argv[1:] if argv is None else argv)
    except ThriftError:
        found = Completions(directive=ERROR)
    sys.stdout.write(found.lines())
    return 0


if __name__ == "__main__":
    sys.exit(main())
