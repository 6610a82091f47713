"""`kube-thrift simulate --week`: what a schedule would save in the week to come, before anybody switches it on. Writes nothing.

It reads the cluster as the downscaler does, with the flags that the downscaler runs with, and asks the downscaler's own decision
at each moment that matters.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from downscaler.config import Config, config_from
from downscaler.keys import DOWNTIME, UPTIME
from downscaler.options import parser
from downscaler.timespec import parse, zone_named
from janitor.selectors import Selector, parse_selector
from kube_thrift.foresee import Chosen, foresee
from kube_thrift.rates import add_rate_flags, rates_from
from kube_thrift.savings_text import Forecast, as_json, as_text
from shared.clock import Clock, SystemClock
from shared.cluster import Cluster
from shared.errors import ThriftError, UsageError, ValueProblem
from shared.flags import FlagParser, Flags, env_flag, switch, whole

PROG = "kube-thrift simulate"
_LONGEST = 31


def build_parser() -> FlagParser:
    """The downscaler's own flags, the schedule to try, what to try it on, prices and the output format."""
    flags = parser(commands=False)
    flags.prog = PROG
    flags.description = (
        "Shows what a schedule would save in the week from now, by the downscaler's own decisions, and writes nothing. Without "
        "--uptime or --downtime the schedules that are there count. Give it the flags that the controller runs with."
    )
    switch(flags, "--week", help="seven days from now, which is the default")
    env_flag(flags, "--days", type=whole(1, _LONGEST), default=7, help="how many days from now instead")
    env_flag(flags, "--uptime", help="the downscaler/uptime to try on each workload, instead of its own")
    env_flag(flags, "--downtime", help="the downscaler/downtime to try on each workload, instead of its own")
    env_flag(flags, "-n", help="the same as --namespace")
    env_flag(flags, "-l", "--selector", type=parse_selector, default=Selector(), help="only workloads with these labels")
    add_rate_flags(flags)
    env_flag(flags, "-o", "--output", choices=["text", "json"], default="text", help="text or json")
    return flags


def run(argv: Sequence[str], environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """Prints the forecast. 0, or 1 where something could not be read. Raises UsageError and ClusterError of one line."""
    declared = build_parser()
    flags = declared.read(argv, environ)
    if flags.n is not None:
        flags.namespace = flags.n
    if flags.week and flags.sources["days"] != "default":
        raise UsageError("--week and --days exclude each other")
    config = writing_nothing(config_from(declared, flags))
    chosen = Chosen(flags.selector, _assumed(flags, config))
    rates = rates_from(flags, config.prices)
    clock = clock or SystemClock()
    now = clock.now().replace(microsecond=0)
    end = now + timedelta(days=flags.days)
    with Cluster.connect(config.connection, clock=clock) as cluster:
        found = foresee(cluster, config, now, end, chosen)
    forecast = Forecast(now, end, tuple(found.outlooks), rates, chosen.assumed, zone_of(config))
    sys.stdout.write(as_json(forecast) if flags.output == "json" else as_text(forecast))
    return complain(PROG, found.failures)


def writing_nothing(config: Config) -> Config:
    """*config* with a connection whose writes are gated, whatever is called."""
    return replace(config, connection=replace(config.connection, dry_run=True))


def zone_of(config: Config) -> ZoneInfo:
    """In which time zone the days are shown: --default-timezone, else UTC."""
    return zone_named(config.rules.context.defaults.timezone or "UTC")


def complain(prog: str, failures: Sequence[str]) -> int:
    """Says what could not be read, one line each; returns the exit code."""
    for failure in dict.fromkeys(failures):
        print(f"{prog}: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _assumed(flags: Flags, config: Config) -> dict[str, str]:
    found = {}
    for flag, key in (("uptime", UPTIME), ("downtime", DOWNTIME)):
        if (text := getattr(flags, flag)) is not None:
            try:
                spec = parse(text, config.rules.context.defaults)
            except (ValueProblem, ThriftError) as problem:
                raise UsageError(f"--{flag}: {problem}") from None
            for warning in spec.warnings:
                print(f"{PROG}: --{flag}: {warning}", file=sys.stderr)
            found[key] = text
    return found
