"""Command-line flags with environment fallbacks, declared together, and the flags that all controllers share.

A flag wins over its environment variable, which wins over the default; an empty variable counts as unset. Values from both places
are read by the same parser, and a value that cannot be read is one line that names the flag or the variable, exit code 2.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, NoReturn

from shared.cluster import Connection
from shared.errors import ThriftError, UsageError, ValueProblem
from shared.times import ACCEPTED_DURATION, format_duration, parse_duration

Source = Literal["flag", "environment", "default"]

ACCEPTED_BOOLEAN = "true, false, yes, no, on, off, 1 or 0"
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class FlagRow:
    """One line of a flag table: what the documentation has to say about it. `env` is empty where there is no variable."""

    flag: str
    env: str
    default: str
    help: str


@dataclass(frozen=True)
class _Declared:
    names: tuple[str, ...]
    dest: str
    env: str
    parse: Callable[[str], Any]
    default: Any
    help: str

    def row(self) -> FlagRow:
        return FlagRow(", ".join(self.names), self.env, _shown(self.default), self.help)


@dataclass
class Flags(argparse.Namespace):
    """The values, as attributes; `sources` tells for each of them where it came from."""

    sources: dict[str, Source] = field(default_factory=dict)


class FlagParser(argparse.ArgumentParser):
    """A parser whose errors are one line and whose flags may fall back on the environment. Call `read`, not `parse_args`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self.declared: list[_Declared] = []
        self._exclusive: list[tuple[str, str]] = []

    @property
    def valued(self) -> frozenset[str]:
        """The names of the flags that are followed by a value."""
        return frozenset(name for each in self.declared if each.parse is not boolean for name in each.names)

    def exclusive(self, one: str, other: str) -> None:
        """Refuses the two flags beside each other on the command line; their environment variables may both be set."""
        self._exclusive.append((one, other))

    def read(self, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Flags:
        """The values of all flags. Exits with code 2 and one line for anything wrong, 0 after --help."""
        given = self.parse_args(argv)
        environ = os.environ if environ is None else environ
        flags = Flags()
        for name, value in vars(given).items():
            setattr(flags, name, value)
            flags.sources[name] = "flag"
        for one, other in self._exclusive:
            if _dest(one) in flags.sources and _dest(other) in flags.sources:
                self.error(f"{one} and {other} exclude each other")
        for declared in self.declared:
            if declared.dest not in flags.sources:
                value, source = self._fallback(declared, environ)
                setattr(flags, declared.dest, value)
                flags.sources[declared.dest] = source
        return flags

    def _fallback(self, declared: _Declared, environ: Mapping[str, str]) -> tuple[Any, Source]:
        text = environ.get(declared.env, "") if declared.env else ""
        if not text.strip():
            return declared.default, "default"
        try:
            return declared.parse(text), "environment"
        except (ThriftError, ValueError, argparse.ArgumentTypeError) as problem:
            self.error(f"environment variable {declared.env}: {problem}")

    def error(self, message: str) -> NoReturn:
        """One line on standard error, exit code 2."""
        fail(self.prog, f"{message}; see {self.prog} --help")


def fail(prog: str, problem: object) -> NoReturn:
    """Ends the process the way every usage error does: one line on standard error, exit code 2."""
    print(f"{prog}: error: {' '.join(str(problem).split())}", file=sys.stderr)
    sys.exit(2)


def env_flag(  # noqa: PLR0913 - a flag is these facts, and they are named at every use
    parser: FlagParser,
    *names: str,
    env: str = "",
    type: Callable[[str], Any] = str,
    default: Any = None,
    help: str = "",
    choices: Sequence[str] | None = None,
    metavar: str | None = None,
) -> None:
    """Declares a flag with a value (`"--grace-period"`) and the environment variable it falls back on.

    *type* reads the text from either place and may raise ValueProblem or ValueError; *default* is no text, but a value.
    """
    parse = _one_of(choices) if choices else type
    declared = _Declared(names, _dest(names[-1]), env, parse, default, help)
    parser.declared.append(declared)
    shown = _help(declared)
    parser.add_argument(
        *names, dest=declared.dest, default=argparse.SUPPRESS, type=_converter(parse), help=shown, metavar=metavar
    )


def switch(parser: FlagParser, *names: str, env: str = "", default: bool = False, help: str = "") -> None:
    """Declares a flag without a value. One with a variable or a default of True can also be denied: `--no-dry-run`."""
    declared = _Declared(names, _dest(names[-1]), env, boolean, default, help)
    parser.declared.append(declared)
    action: Any = argparse.BooleanOptionalAction if env or default else "store_true"
    parser.add_argument(*names, dest=declared.dest, default=argparse.SUPPRESS, action=action, help=_help(declared))


def flag_table(parser: FlagParser) -> list[FlagRow]:
    """All declared flags in order, for documentation and for the test that compares it with the code."""
    return [declared.row() for declared in parser.declared]


# ---- readers of values


def boolean(text: str) -> bool:
    """Raises ValueProblem."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueProblem(text, ACCEPTED_BOOLEAN) from None


def seconds(text: str) -> float:
    """A length of time in seconds: a bare number (`30`, `0.5`) or a duration (`30s`, `5m`), not negative. Raises ValueProblem."""
    accepted = f"a number of seconds, or {ACCEPTED_DURATION}"
    try:
        return number(0)(text)
    except ValueProblem:
        try:
            return parse_duration(text).total_seconds()
        except ValueProblem:
            raise ValueProblem(text, accepted) from None


def number(minimum: float) -> Callable[[str], float]:
    """A reader of numbers from *minimum* up."""

    def read(text: str) -> float:
        accepted = f"a number of at least {minimum:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueProblem(text, accepted) from None
        if not math.isfinite(value) or value < minimum:
            raise ValueProblem(text, accepted)
        return value

    return read


def whole(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers from *minimum* up, to *maximum* where one is given."""

    def read(text: str) -> int:
        accepted = f"a whole number of at least {minimum}" if maximum is None else f"a whole number from {minimum} to {maximum}"
        stripped = text.strip()
        if not (stripped.isascii() and stripped.lstrip("+-").isdigit() and len(stripped) < 19):
            raise ValueProblem(text, accepted)
        try:
            value = int(stripped)
        except ValueError:
            raise ValueProblem(text, accepted) from None
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueProblem(text, accepted)
        return value

    return read


# ---- the flags that all controllers share


def add_common_flags(parser: FlagParser, *, component: str, interval: float = 30.0) -> None:
    """--dry-run, --debug, --once, --interval, logging, metrics, and everything about the connection. *interval* is in seconds."""
    switch(parser, "--dry-run", help=f"say what {component} would do, and change nothing")
    switch(parser, "--once", help="run a single time; exit code 1 when anything failed")
    env_flag(parser, "--interval", type=positive_seconds, default=interval, help="seconds from the start of one turn to the next")
    env_flag(parser, "--turn-timeout", type=positive_seconds, default=900.0, help="seconds after which a turn sends nothing more")
    add_log_flags(parser)
    env_flag(parser, "--metrics-port", type=whole(0, 65535), default=0, help="port of /metrics, /healthz and /readyz; 0: none")
    add_connection_flags(parser)


def add_log_flags(parser: FlagParser) -> None:
    """--debug, -d and --json-logs."""
    switch(parser, "-d", "--debug", help="log what is decided about every object")
    switch(parser, "--json-logs", help="log one JSON object per line")


def add_connection_flags(parser: FlagParser) -> None:
    """Where the API server is and how hard it may be pushed."""
    env_flag(parser, "--kubeconfig", help="kubeconfig file instead of $KUBECONFIG, the pod's service account or ~/.kube/config")
    env_flag(parser, "--context", help="context of the kubeconfig instead of its current one")
    env_flag(parser, "--server", help="URL of an API server that wants no credentials, such as kubectl proxy")
    env_flag(
        parser, "--api-server-timeout", env="API_SERVER_TIMEOUT", type=positive_seconds, default=10.0, help="seconds per API call"
    )
    env_flag(parser, "--qps", env="QPS", type=number(0), default=0.0, help="API calls per second at most; 0: no limit")
    env_flag(parser, "--burst", env="BURST", type=whole(0), default=0, help="API calls at once under --qps; 0: as many as --qps")
    env_flag(
        parser,
        "--max-retries-on-conflict",
        env="MAX_RETRIES_ON_CONFLICT",
        type=whole(0, 100),
        default=3,
        help="how often a write that somebody else overtook is decided anew",
    )
    env_flag(
        parser,
        "--max-retries-on-throttling",
        env="MAX_RETRIES_ON_THROTTLING",
        type=whole(0, 100),
        default=5,
        help="how often a call that the server refused as too many (429) is repeated",
    )
    env_flag(parser, "--workers", type=whole(1, 256), default=16, help="writes under way at the same time")
    env_flag(parser, "--page-size", type=whole(1, 10000), default=1000, help="objects per page of a list")


def positive_seconds(text: str) -> float:
    """Like `seconds`, but not zero."""
    value = seconds(text)
    if value <= 0:
        raise ValueProblem(text, f"more than zero: a number of seconds, or {ACCEPTED_DURATION}")
    return value


def connection_from(flags: argparse.Namespace, *, component: str, version: str = "") -> Connection:
    """The Connection that the flags of `add_connection_flags` describe. Raises UsageError where they contradict each other."""
    if flags.burst and not flags.qps:
        raise UsageError("--burst says how many calls may go at once under --qps: give --qps too, or neither")
    if flags.server and (flags.kubeconfig or flags.context):
        raise UsageError("--server takes no credentials from a kubeconfig: leave out --kubeconfig and --context, or --server")
    return Connection(
        kubeconfig=flags.kubeconfig,
        context=flags.context,
        server=flags.server,
        timeout=flags.api_server_timeout,
        qps=flags.qps,
        burst=flags.burst,
        workers=flags.workers,
        page_size=flags.page_size,
        max_retries_on_conflict=flags.max_retries_on_conflict,
        max_retries_on_throttling=flags.max_retries_on_throttling,
        dry_run=getattr(flags, "dry_run", False),
        user_agent=f"{component}/{version}" if version else component,
        field_manager=component,
    )


def _dest(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _shown(default: object) -> str:
    """A default as the documentation shows it: whole numbers without a fraction, durations as one writes them, nothing for None
    and False.
    """
    if default is None or default is False or default == "":
        return ""
    if isinstance(default, list | tuple | set | frozenset):
        return ",".join(str(item) for item in default)
    if isinstance(default, timedelta):
        return format_duration(default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _help(declared: _Declared) -> str:
    facts = [f"env {declared.env}"] if declared.env else []
    facts += [f"default {_shown(declared.default)}"] if _shown(declared.default) else []
    text = f"{declared.help} [{', '.join(facts)}]" if facts else declared.help
    # argparse formats help texts with %; ours are plain.
    return text.replace("%", "%%")


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.strip() not in choices:
            raise ValueProblem(text, ", ".join(choices))
        return text.strip()

    return read


def _converter(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """argparse hides a ValueError's own message; this keeps it."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except (ThriftError, ValueError) as problem:
            raise argparse.ArgumentTypeError(str(problem)) from None

    return convert
