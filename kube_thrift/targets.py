"""kubectl's command line as this plugin reads it: which object is meant, in which namespace, and what is left for the command.

Pure: nothing is asked of a cluster. `TYPE/NAME`, `TYPE NAME` and several of either are read as kubectl reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from shared.errors import UsageError, ValueProblem
from shared.names import check_name, check_namespace

ACCEPTED_TARGET = "TYPE/NAME or TYPE NAME, such as deployment/web"
# kubectl's own flags that this plugin understands itself, by every spelling.
VALUED = {
    "-n": "namespace",
    "--namespace": "namespace",
    "--context": "context",
    "--kubeconfig": "kubeconfig",
}
SWITCHES = {"-A": "everywhere", "--all-namespaces": "everywhere", "-h": "help", "--help": "help"}


@dataclass(frozen=True)
class Target:
    """One object as it was named; `kind` is any name of its type."""

    kind: str
    name: str


@dataclass
class Line:
    """One command line: kubectl's own flags, the words, and the flags that are the command's to read, in their order."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    everywhere: bool = False
    help: bool = False
    words: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def connection(self) -> list[str]:
        """The flags that lead every command to the same cluster."""
        return [f"--{name}={value}" for name in ("kubeconfig", "context") if (value := getattr(self, name)) is not None]


def read_line(argv: Sequence[str], valued: Collection[str] = ()) -> Line:
    """*argv* taken apart. *valued* names the command's own flags that are followed by a value. Raises UsageError."""
    line, left = Line(), list(argv)
    while left:
        word = left.pop(0)
        if word == "--":
            line.words += left
            break
        name, sign, value = _flag(word)
        if name in VALUED:
            setattr(line, VALUED[name], value if sign else _next(left, name))
        elif name in SWITCHES:
            setattr(line, SWITCHES[name], _switched(name, value) if sign else True)
        elif word.startswith("-") and word != "-":
            line.flags.append(word)
            if name in valued and not sign:
                line.flags.append(_next(left, name))
        else:
            line.words.append(word)
    if line.namespace is not None and not line.help:
        try:
            check_namespace(line.namespace)
        except ValueProblem as problem:
            raise UsageError(f"--namespace: {problem}") from None
    return line


def _flag(word: str) -> tuple[str, str, str]:
    """The flag's name, `=` where its value is part of the word, and that value; also `-nshop`."""
    if word.startswith("-n") and len(word) > 2:
        return "-n", "=", word[2:].removeprefix("=")
    name, sign, value = word.partition("=")
    return name, sign, value


def _next(left: list[str], name: str) -> str:
    if not left:
        raise UsageError(f"flag needs a value: {name}")
    return left.pop(0)


def _switched(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise UsageError(f"{name}={value}: accepted: true or false")
    return value == "true"


def read_targets(words: Sequence[str]) -> tuple[Target, ...]:
    """`deployment/web sts/db`, `deployment web api` as targets. Raises UsageError."""
    if not words:
        raise UsageError(f"which object? accepted: {ACCEPTED_TARGET}")
    if "/" in words[0]:
        pairs = [word.partition("/") for word in words]
    else:
        if len(words) == 1:
            raise UsageError(f"{words[0]!r}: the name is missing; accepted: {ACCEPTED_TARGET}")
        pairs = [(words[0], "/", word) for word in words[1:]]
    return tuple(_target(kind, sign, name) for kind, sign, name in pairs)


def _target(kind: str, sign: str, name: str) -> Target:
    if not (kind and sign and name):
        raise UsageError(f"{kind + sign + name!r} is not understood; accepted: {ACCEPTED_TARGET}")
    try:
        return Target(kind, check_name(name))
    except ValueProblem as problem:
        raise UsageError(f"{kind}: {problem}") from None
