"""`kube-thrift`: the umbrella command. It only wires; what a subcommand does stands in the package it names.

Subcommands import late: `kube-thrift version` must not pay for pandas, and `simcluster` and `demo` need packages that the image
leaves out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec

from kube_thrift.outlet import exit_code
from shared.errors import UsageError

# These read their own flags, after their names.
_WITH_OWN_FLAGS = {
    "simulate": "show what a schedule would save in the week to come, before anybody switches it on",
    "plan": "show what the downscaler and the janitor will do over the next days, hour by hour",
}


def build_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The command line of `kube-thrift`. The options of a subcommand that costs an import are there if *argv* asks for it."""
    parser = argparse.ArgumentParser(
        prog="kube-thrift",
        description="Off-hours scaling, TTL clean-up and a cost report per team. The controllers themselves are "
        "kube-downscaler, kube-janitor and kube-resource-report.",
    )
    parser.add_argument("--version", action="version", version=f"kube-thrift {version('kube-thrift')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_explain(commands)
    for name, summary in _WITH_OWN_FLAGS.items():
        commands.add_parser(name, help=summary, add_help=False)
    _add_simcluster(commands, wanted="simcluster" in argv)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="live some days of off-hours scaling on the embedded cluster and show what they saved",
        description="Starts the embedded cluster, lives some days at high speed while the downscaler acts, and ends with a table "
        "per team.",
    )
    demo.add_argument("--out", default="demo-out", metavar="DIR", help="where the summary goes (default: %(default)s)")
    demo.add_argument("--days", type=_days, default=7, metavar="N", help="simulated days, 1 to 60 (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=1, help="same seed, same figures (default: %(default)s)")
    demo.set_defaults(run=_run_demo)


def _add_simcluster(commands: argparse._SubParsersAction[argparse.ArgumentParser], *, wanted: bool) -> None:
    simcluster = commands.add_parser(
        "simcluster",
        help="run the embedded cluster in the foreground, for kubectl and for the controllers",
        description="Runs a Kubernetes API server in this process until SIGTERM or Ctrl-C.",
    )
    if not wanted:
        return
    _require_sim()
    from shared.simcluster import serve

    serve.add_arguments(simcluster)
    simcluster.set_defaults(run=serve.run)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = commands.add_parser(
        "explain",
        help="say why a workload is up or down, or why an object is kept or deleted, and what comes next",
        usage="kube-thrift explain downscaler|janitor KIND NAMESPACE NAME [-o text|json] [flags of that controller]",
        description="Prints what each layer says about one object, what decided, what the controller would do now and what comes "
        "next. Give it the flags that the controller runs with. The namespace of a cluster-scoped object is -.",
    )
    explain.add_argument("controller", choices=["downscaler", "janitor"], help="whose decision to explain")
    explain.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    explain.set_defaults(run=_run_explain)


def _run_explain(arguments: argparse.Namespace) -> int:
    if arguments.controller == "janitor":
        from janitor.commands import run_command

        return run_command("explain", arguments.rest)
    from kube_thrift import explain

    return explain.run(arguments.rest)


def _run_with_own_flags(name: str, argv: Sequence[str]) -> int:
    if name == "simulate":
        from kube_thrift import simulate

        return simulate.run(argv)
    from kube_thrift import plan

    return plan.run(argv)


def _run_demo(arguments: argparse.Namespace) -> int:
    _require_sim()
    from kube_thrift import demo

    return demo.run(demo.DemoSettings(out=arguments.out, days=arguments.days, seed=arguments.seed))


def _require_sim() -> None:
    if missing := [name for name in ("cryptography", "httptools", "jsonpatch", "uvicorn") if find_spec(name) is None]:
        raise UsageError(f"the embedded cluster needs {', '.join(missing)}; install kube-thrift[sim]")


def _days(text: str) -> int:
    try:
        days = int(text)
    except ValueError:
        days = 0
    if not 1 <= days <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to 60")
    return days


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns its exit code: 0 done, 1 failed, 2 used wrongly."""
    given = sys.argv[1:] if argv is None else argv
    return exit_code("kube-thrift", lambda: _run(given))


def _run(argv: Sequence[str]) -> int:
    if argv and argv[0] in _WITH_OWN_FLAGS:
        return _run_with_own_flags(argv[0], argv[1:])
    arguments = build_parser(argv).parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
