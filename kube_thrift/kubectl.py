"""`kubectl thrift`: the commands of both controllers under kubectl's own conventions.

It takes kubectl's flags apart, finds the namespace, and hands over to the commands that exist already; only `up-for` is its own.
kubectl runs any executable `kubectl-thrift` on the PATH as `kubectl thrift`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field

from downscaler.options import parser as downscaler_parser
from downscaler.sizes import kind_named
from janitor.flags import janitor_parser
from kube_thrift.outlet import exit_code
from kube_thrift.shells import SCRIPTS
from kube_thrift.targets import Line, Target, read_line, read_targets
from shared.errors import ThriftError, UsageError, ValueProblem
from shared.flags import FlagParser, add_connection_flags, connection_from, env_flag, switch
from shared.version import own_version

PROG = "kubectl thrift"
CONTROLLERS = ("downscaler", "janitor")


@dataclass(frozen=True)
class Command:
    """One command: its line in the list, how it is called, what else to know, and which flags of its own it understands."""

    summary: str
    usage: str
    details: str
    run: Callable[[Line], int]
    flags: Callable[[], FlagParser]
    # Whether -A makes sense, and the flags beside kubectl's that the help names and completion offers, each with what it does.
    whole: bool = False
    offers: Mapping[str, str] = field(default_factory=dict)


# ---- the commands


def run_explain(line: Line) -> int:
    """One controller's explanation, or both under headings; as JSON an object with a member for each."""
    named = line.words[0] if line.words and line.words[0] in CONTROLLERS else ""
    targets = read_targets(line.words[1:] if named else line.words)
    form, rest = _output(line.flags)
    if rest and not named:
        raise UsageError(f"{rest[0]}: flags of a controller need its name: {PROG} explain downscaler|janitor TYPE/NAME {rest[0]}")
    namespace = namespace_of(line)
    codes = []
    for target in targets:
        if named:
            codes.append(_explained(named, target, namespace, [*line.connection(), *line.flags]))
        else:
            codes.append(_both(target, namespace, line.connection(), form))
    return max(codes)


def _both(target: Target, namespace: str, connection: Sequence[str], form: str) -> int:
    said: dict[str, str] = {}
    for controller in CONTROLLERS:
        if controller == "downscaler" and not _is_scaled(target.kind):
            said[controller] = "null" if form == "json" else f"does not scale {target.kind}\n"
            continue
        heard = io.StringIO()
        with redirect_stdout(heard):
            code = _explained(controller, target, namespace, [*connection, *(["-o=json"] if form == "json" else [])])
        if code:
            return code
        said[controller] = heard.getvalue()
    if form == "json":
        print(json.dumps({controller: json.loads(text) for controller, text in said.items()}, indent=2))
    else:
        print("\n".join(f"# {controller}\n{text}" for controller, text in said.items()), end="")
    return 0


def _is_scaled(kind: str) -> bool:
    try:
        kind_named(kind)
    except ValueProblem:
        return False
    return True


def _explained(controller: str, target: Target, namespace: str, flags: Sequence[str]) -> int:
    address = [target.kind, namespace, target.name]
    if controller == "janitor":
        from janitor.commands import run_command

        return run_command("explain", [*address, *flags])
    from kube_thrift import explain

    # Without flags nobody knows which kinds the controller includes; that this one is not is no news then.
    told = any(flag.startswith("--include-resources") for flag in flags)
    kinds = [] if told or not _is_scaled(target.kind) else [f"--include-resources={kind_named(target.kind).id},scaledobjects"]
    return explain.run([*address, *kinds, *flags])


def run_plan(line: Line) -> int:
    """The janitor's plan; its exit code 2 says that something would be done."""
    from janitor.commands import run_command

    _no_words(line)
    scope = [] if line.everywhere else [f"--include-namespaces={namespace_of(line)}"]
    return run_command("plan", [*scope, *line.connection(), *line.flags])


def run_restore_all(line: Line) -> int:
    """The downscaler's restore-all, in one namespace or in all."""
    from downscaler.main import main as downscale

    _no_words(line)
    namespace = "" if line.everywhere else namespace_of(line)
    if namespace:
        print(f"in namespace {namespace}; -A restores everywhere", file=sys.stderr)
    return downscale(["restore-all", f"--namespace={namespace}", *line.connection(), *line.flags])


def run_up_for(line: Line) -> int:
    """Writes downscaler/up-for on each object named."""
    from kube_thrift import upfor
    from shared.clock import SystemClock
    from shared.cluster import Cluster

    if len(line.words) < 2:
        raise UsageError(f"how long, and which object? {COMMANDS['up-for'].usage}")
    length, targets = line.words[0], read_targets(line.words[1:])
    upfor.read_length(length)
    for target in targets:
        upfor.scalable(target.kind)
    flags = up_for_parser().read([*line.connection(), *line.flags])
    namespace, clock, failed = namespace_of(line), SystemClock(), False
    with Cluster.connect(connection_from(flags, component=PROG.replace(" ", "-"), version=own_version()), clock=clock) as cluster:
        for target in targets:
            try:
                print(upfor.ask(cluster, target, namespace, length, clock.now()))
            except ThriftError as problem:
                failed = True
                print(f"error: {problem}", file=sys.stderr)
    return 1 if failed else 0


def run_extend(line: Line) -> int:
    """The janitor's extend, for each object named."""
    from janitor.commands import run_command

    if len(line.words) < 2:
        raise UsageError(f"how long, and which object? {COMMANDS['extend'].usage}")
    length, targets = line.words[0], read_targets(line.words[1:])
    namespace, rest = namespace_of(line), [*line.connection(), *line.flags]
    return max(run_command("extend", [target.kind, namespace, target.name, length, *rest]) for target in targets)


def run_completion(line: Line) -> int:
    """Prints the completion of `kubectl-thrift` itself for one shell."""
    if len(line.words) != 1 or line.words[0] not in SCRIPTS:
        raise UsageError(f"completion of which shell? accepted: {', '.join(SCRIPTS)}")
    sys.stdout.write(SCRIPTS[line.words[0]])
    return 0


def run_version(line: Line) -> int:
    """The version of this package, which is that of all three controllers."""
    _no_words(line)
    form, _ = _output(line.flags)
    print(json.dumps({"version": own_version()}) if form == "json" else f"kubectl-thrift {own_version()}")
    return 0


# ---- what they share


def namespace_of(line: Line) -> str:
    """The namespace given, else the one of the kubeconfig's context."""
    from shared.kubeconfig import load_access

    return line.namespace or load_access(line.kubeconfig, line.context).namespace


def _no_words(line: Line) -> None:
    if line.words:
        raise UsageError(f"{line.words[0]!r}: no argument is expected here")


def _output(flags: Sequence[str]) -> tuple[str, list[str]]:
    """The value of -o, and the other flags."""
    known, rest = _plain_parser().parse_known_args(list(flags))
    return getattr(known, "output", "text"), rest


def up_for_parser() -> FlagParser:
    """--dry-run and everything about the connection."""
    flags = FlagParser(f"{PROG} up-for", "")
    switch(flags, "--dry-run", help="say until when, and write nothing")
    add_connection_flags(flags)
    return flags


def _plain_parser() -> FlagParser:
    flags = FlagParser(PROG, "")
    env_flag(flags, "-o", "--output", choices=("text", "json"), default="text")
    return flags


def _explain_parser() -> FlagParser:
    from kube_thrift.explain import build_parser

    flags = janitor_parser()
    flags.declared += build_parser().declared
    return flags


def _plan_parser() -> FlagParser:
    flags = janitor_parser()
    env_flag(flags, "-o", "--output", choices=("table", "json"), default="table")
    for name in ("--diff", "--horizon"):
        env_flag(flags, name)
    return flags


COMMANDS: Mapping[str, Command] = {
    "explain": Command(
        "say why a workload is up or down, why an object is kept or deleted, and what comes next",
        f"{PROG} explain [downscaler|janitor] TYPE/NAME [-n NAMESPACE] [-o text|json]",
        "Without the name of a controller both explain themselves. With it, the flags that the controller runs with may follow:\n"
        f"    {PROG} explain downscaler deployment/web --default-uptime='Mon-Fri 08:00-18:00 UTC'\n"
        f"    {PROG} explain janitor namespace/shop-pr-7 --rules-file=rules.yaml",
        run_explain,
        _explain_parser,
        offers={"-o": "text or json"},
    ),
    "plan": Command(
        "show what the janitor would warn about and delete, and what is due and kept",
        f"{PROG} plan [-n NAMESPACE | -A] [--horizon 7d] [-o table|json] [flags of kube-janitor]",
        "Writes nothing. Exit code 2: something would be done; 0: nothing; 1: the cluster could not be read in full.\n"
        "Every flag of `kube-janitor plan` is accepted; give those that the janitor runs with, such as --rules-file.",
        run_plan,
        _plan_parser,
        whole=True,
        offers={
            "--horizon": "also what ends within this time, such as 7d",
            "--rules-file": "the rules that the janitor runs with",
            "--diff": "an earlier plan (-o json) to compare with",
            "--check": "send each deletion as a dry run to the server",
            "-o": "table or json",
        },
    ),
    "restore-all": Command(
        "bring everything back up that the downscaler put to sleep",
        f"{PROG} restore-all [-n NAMESPACE | -A] [--dry-run] [flags of kube-downscaler]",
        "Without -A it works in one namespace. A downscaler that still runs puts down again what its schedule wants down.",
        run_restore_all,
        lambda: downscaler_parser(commands=False),
        whole=True,
        offers={"--dry-run": "say what would be brought up, and write nothing"},
    ),
    "up-for": Command(
        "keep a workload, or all of a namespace, up for a while",
        f"{PROG} up-for LENGTH TYPE/NAME [-n NAMESPACE] [--dry-run]",
        "Writes the annotation downscaler/up-for, which the downscaler turns into an end and removes when it is over.\n"
        f"    {PROG} up-for 3h deployment/web\n"
        f"    {PROG} up-for 1h30m sts db cache -n shop\n"
        f"    {PROG} up-for 1d namespace/shop-staging",
        run_up_for,
        up_for_parser,
        offers={"--dry-run": "say until when, and write nothing"},
    ),
    "extend": Command(
        "move the end of an object that the janitor would delete",
        f"{PROG} extend LENGTH TYPE/NAME [-n NAMESPACE] [--dry-run] [flags of kube-janitor]",
        "Counts from its end or from now, whichever is later; its owner is warned anew before the new end.\n"
        f"    {PROG} extend 2d deployment/web\n"
        f"    {PROG} extend 1w namespace/shop-pr-7",
        run_extend,
        janitor_parser,
        offers={
            "--dry-run": "say until when, and write nothing",
            "--max-lifetime": "extensions end this long after creation",
            "--rules-file": "the rules that the janitor runs with",
        },
    ),
    "completion": Command(
        "print the completion script of a shell",
        f"{PROG} completion bash|zsh|fish",
        "kubectl completes `kubectl thrift` by itself (from 1.26 on) when kubectl_complete-thrift is on the PATH, where the\n"
        "package puts it. The script is for the name with a hyphen:\n"
        "    source <(kubectl-thrift completion bash)",
        run_completion,
        _plain_parser,
    ),
    "version": Command(
        "print the version",
        f"{PROG} version [-o text|json]",
        "One version for the plugin and all three controllers.",
        run_version,
        _plain_parser,
        offers={"-o": "text or json"},
    ),
}

_COMMON = {
    "-n, --namespace": "namespace of the object; without it that of the kubeconfig's context",
    "--context": "context of the kubeconfig",
    "--kubeconfig": "kubeconfig file instead of $KUBECONFIG or ~/.kube/config",
    "-h, --help": "this text",
}
_EVERYWHERE = {"-A, --all-namespaces": "in all namespaces"}


def _options(command: Command | None = None) -> str:
    own = {} if command is None else {**command.offers, **(_EVERYWHERE if command.whole else {})}
    return "".join(f"  {flag:<20}  {meaning}\n" for flag, meaning in {**own, **_COMMON}.items())


def help_text(name: str = "") -> str:
    """The help of one command, or the list of all."""
    if name:
        command = COMMANDS[name]
        summary = f"{command.summary[0].upper()}{command.summary[1:]}."
        return f"{summary}\n\nUsage:\n  {command.usage}\n\n{command.details}\n\nOptions:\n{_options(command)}"
    width = max(map(len, COMMANDS))
    listed = "".join(f"  {each.ljust(width)}  {command.summary}\n" for each, command in COMMANDS.items())
    return f"""\
Off-hours scaling and TTL clean-up, from the command line of those who live with them.

Usage:
  {PROG} COMMAND [options]

Commands:
{listed}
Options:
{_options()}
`{PROG} COMMAND --help` says more about one command.
"""


def run(argv: Sequence[str]) -> int:
    """Runs one command. Raises UsageError and ClusterError, each of one line."""
    if not argv or argv[0] in ("help", "-h", "--help"):
        asked = [word for word in argv[1:] if not word.startswith("-")]
        sys.stdout.write(help_text(_known(asked[0]) if asked else ""))
        return 0
    name, rest = argv[0], argv[1:]
    if name.startswith("-"):
        raise UsageError(f"{name}: flags come after the command, as in {PROG} plan {name}")
    command = COMMANDS[_known(name)]
    line = read_line(rest, command.flags().valued)
    if line.help:
        sys.stdout.write(help_text(name))
        return 0
    if line.everywhere and (line.namespace is not None or not command.whole):
        raise UsageError("-A: " + ("beside -n: give one of them" if command.whole else "one object has one namespace: give -n"))
    return command.run(line)


def _known(name: str) -> str:
    if name not in COMMANDS:
        raise UsageError(f"{name!r} is no command; accepted: {', '.join(COMMANDS)}")
    return name


def main(argv: Sequence[str] | None = None) -> int:
    """The `kubectl-thrift` script. 0 done, 1 failed, 2 used wrongly; `plan` says 2 where something would be done."""
    return exit_code("error", lambda: run(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
