"""`kube-thrift plan`: what the downscaler and the janitor will do over the next days, hour by hour. Writes nothing.

The downscaler's part is its own decision at each moment that matters, the janitor's part is its own plan (`kube-janitor plan`).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from downscaler.config import Config
from downscaler.config import config_from as downscaler_config
from downscaler.options import parser as downscaler_parser
from janitor.flags import config_from as janitor_config
from janitor.flags import janitor_parser
from janitor.plan import Plan
from janitor.rehearse import rehearse
from janitor.state import State
from kube_thrift.agenda import Frame, Lead, agenda
from kube_thrift.ahead import Outlook
from kube_thrift.foresee import Chosen, foresee
from kube_thrift.plan_text import as_json, as_text
from kube_thrift.rates import add_rate_flags, rates_from
from kube_thrift.simulate import complain, writing_nothing, zone_of
from shared.clock import Clock, SystemClock
from shared.cluster import Cluster
from shared.errors import UsageError
from shared.flags import FlagParser, Flags, add_connection_flags, connection_from, env_flag, switch, whole
from shared.names import check_namespace
from shared.version import own_version

PROG = "kube-thrift plan"
_LONGEST = 31


def build_parser() -> FlagParser:
    """How far ahead, where, the flags that each controller runs with, prices and the output format."""
    flags = FlagParser(
        PROG,
        "Shows what the downscaler and the janitor will do over the next days, hour by hour, with what it saves where prices are "
        "known, and writes nothing.",
    )
    env_flag(flags, "--days", type=whole(1, _LONGEST), default=3, help="how many days from now")
    env_flag(flags, "-n", "--namespace", type=check_namespace, help="one namespace instead of all")
    env_flag(flags, "--downscaler", metavar="FLAGS", default="", help="the flags that kube-downscaler runs with, in one argument")
    env_flag(flags, "--janitor", metavar="FLAGS", default="", help="the flags that kube-janitor runs with, in one argument")
    switch(flags, "--no-downscaler", help="leave the downscaler out")
    switch(flags, "--no-janitor", help="leave the janitor out")
    add_rate_flags(flags)
    env_flag(flags, "-o", "--output", choices=["text", "json"], default="text", help="text or json")
    add_connection_flags(flags)
    return flags


@dataclass(frozen=True)
class _Asked:
    """The command line, and the time it is about."""

    flags: Flags
    environ: Mapping[str, str] | None
    now: datetime

    @property
    def end(self) -> datetime:
        return self.now + timedelta(days=self.flags.days)


def run(argv: Sequence[str], environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """Prints the plan. 0, or 1 where something could not be read. Raises UsageError and ClusterError of one line."""
    flags = build_parser().read(argv, environ)
    if flags.no_downscaler and flags.no_janitor:
        raise UsageError("--no-downscaler and --no-janitor together leave nothing to show")
    clock = clock or SystemClock()
    asked = _Asked(flags, environ, clock.now().replace(microsecond=0))
    failures: list[str] = []
    connection = replace(connection_from(flags, component="kube-thrift", version=own_version()), dry_run=True)
    with Cluster.connect(connection, clock=clock) as cluster:
        # What a deletion saves is known from the outlooks, so they are read also where scaling is left out.
        outlooks, config = _downscaler(cluster, asked, failures)
        deletions, lead = (Plan(asked.now, ()), Lead()) if flags.no_janitor else _janitor(cluster, asked, failures)
    if flags.no_downscaler:
        outlooks = [replace(each, due=None, phases=(), changes=()) for each in outlooks]
    frame = Frame(asked.now, asked.end, rates_from(flags, config.prices), zone_of(config))
    found = agenda(outlooks, deletions, lead, frame)
    sys.stdout.write(as_json(found) if flags.output == "json" else as_text(found))
    return complain(PROG, failures)


def _downscaler(cluster: Cluster, asked: _Asked, failures: list[str]) -> tuple[list[Outlook], Config]:
    declared = downscaler_parser(commands=False)
    flags = declared.read(_words(asked.flags, "downscaler"), asked.environ)
    _no_connection(flags, "downscaler")
    if asked.flags.namespace:
        flags.namespace = asked.flags.namespace
    config = writing_nothing(downscaler_config(declared, flags))
    found = foresee(cluster, config, asked.now, asked.end, Chosen())
    failures += found.failures
    return found.outlooks, config


def _janitor(cluster: Cluster, asked: _Asked, failures: list[str]) -> tuple[Plan, Lead]:
    flags = janitor_parser().read(_words(asked.flags, "janitor"), asked.environ)
    _no_connection(flags, "janitor")
    if asked.flags.namespace:
        flags.include_namespaces = (asked.flags.namespace,)
    config = janitor_config(flags)
    found, problems = rehearse(cluster, config, asked.now, State(), horizon=asked.end - asked.now)
    failures += problems
    return found, Lead(config.policy.notification, config.policy.quarantine)


def _words(flags: Flags, controller: str) -> list[str]:
    try:
        return shlex.split(getattr(flags, controller))
    except ValueError as error:
        raise UsageError(f"--{controller}: {error}") from None


def _no_connection(flags: Flags, controller: str) -> None:
    """Both look at one cluster; a context inside the one argument would be overlooked."""
    for name in ("kubeconfig", "context", "server"):
        if flags.sources[name] == "flag":
            raise UsageError(f"--{controller}: --{name} stands beside it, not in it")
