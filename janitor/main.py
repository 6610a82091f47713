"""kube-janitor: the process. Without a subcommand it runs turns until it is told to stop, exactly as kube-janitor's flags say."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TextIO

from janitor import access
from janitor.commands import COMMANDS, run_command
from janitor.config import Config
from janitor.flags import DEFAULT_LOG_FORMAT, PROG, config_from, janitor_parser
from janitor.metrics import JanitorMetrics
from janitor.state import State
from janitor.tools import Tools, open_tools
from janitor.turn import run_once
from shared.clock import Clock
from shared.cluster import Cluster, Connection
from shared.errors import ThriftError, UsageError
from shared.flags import Flags, connection_from, fail
from shared.logs import one_line
from shared.loop import TurnResult
from shared.process import Process, Running
from shared.version import own_version

LOG = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """The console script. Returns the exit code; wrong usage exits with 2 and one line."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    position = _command_at(arguments)
    if position is not None:
        return run_command(arguments[position], arguments[:position] + arguments[position + 1 :])
    flags = janitor_parser().read(arguments)
    try:
        return serve(flags, config_from(flags))
    except UsageError as problem:
        fail(PROG, problem)


def _command_at(arguments: Sequence[str]) -> int | None:
    """Where the subcommand stands, also behind flags: `--context prod plan`. A flag's value is no subcommand."""
    valued = janitor_parser().valued
    for position, argument in enumerate(arguments):
        if not argument.startswith("-") and (position == 0 or arguments[position - 1] not in valued):
            return position if argument in COMMANDS else None
    return None


def serve(flags: Flags, config: Config, clock: Clock | None = None) -> int:
    """Runs the loop. Raises UsageError for what only opening shows: kubeconfig, port, audit log, hook, backup target."""
    process = Process(Running.from_flags(flags), component=PROG, clock=clock)
    _set_log_format(flags)
    with ExitStack() as stack:
        cluster = stack.enter_context(process.connect(_connection(flags, config)))
        tools = open_tools(cluster, config, clock=process.clock, metrics=JanitorMetrics(process.metrics))
        tools.audit = _audit_stream(config, stack)
        LOG.info("%s %s%s", PROG, own_version(), ": dry run, nothing is changed" if cluster.dry_run else "")
        return process.run(_Turns(cluster, config, tools, check_rights=not flags.once), cluster)


def _connection(flags: Flags, config: Config) -> Connection:
    named = config.scope.named_namespaces
    events_in = (*named, config.own_namespace) if named is not None else ()
    return replace(connection_from(flags, component=PROG, version=own_version()), events_in=events_in)


def _set_log_format(flags: Flags) -> None:
    if flags.log_format == DEFAULT_LOG_FORMAT or flags.json_logs:
        return
    try:
        formatter = _LineFormatter(flags.log_format)
    except ValueError as error:
        raise UsageError(f"--log-format {flags.log_format!r}: {error}; accepted: such as {DEFAULT_LOG_FORMAT!r}") from None
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)


class _LineFormatter(logging.Formatter):
    """The user's format, still one line per message whatever a tenant wrote."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


@dataclass
class _Turns:
    """One turn after the other, with what they share."""

    cluster: Cluster
    config: Config
    tools: Tools
    check_rights: bool
    state: State = field(default_factory=State)

    def __call__(self) -> TurnResult:
        metrics = self.tools.metrics
        try:
            result = run_once(self.cluster, self.config, self.tools.clock.now(), self.state, self.tools).result
        except ThriftError as problem:
            if metrics is not None:
                metrics.common.error(type(problem).__name__)
            raise
        if self.check_rights:
            self.check_rights = False
            _name_missing_rights(self.cluster, self.config, self.state)
        return result


def _name_missing_rights(cluster: Cluster, config: Config, state: State) -> None:
    """Once, after the first turn: what this configuration will want to do and may not."""
    try:
        needs = access.needs(cluster, config, state.rules)
    except ThriftError:
        return
    lacking = access.missing(cluster, config, needs)
    if lacking:
        LOG.warning("missing rights (see `%s rbac`): %s", PROG, ", ".join(lacking))


def _audit_stream(config: Config, stack: ExitStack) -> TextIO | None:
    if not config.audit_log:
        return None
    if config.audit_log == "-":
        return sys.stdout
    try:
        return stack.enter_context(open(config.audit_log, "a", encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--audit-log {config.audit_log}: {error.strerror or error}") from None


if __name__ == "__main__":
    sys.exit(main())
