"""The subcommands of kube-janitor: plan, extend, restore, backups, test-rules, ack, rbac, explain. Each prints and returns an
exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from janitor import access, explain, plan, rehearse, restore, testing
from janitor.account import prepare, read_rules
from janitor.annotations import EXTEND_UNTIL
from janitor.flags import PROG, add_object_arguments, config_from, janitor_parser
from janitor.state import State, acknowledge
from janitor.tools import open_tools
from shared.clock import Clock, SystemClock
from shared.cluster import Cluster
from shared.errors import ThriftError, UsageError
from shared.flags import FlagParser, Flags, connection_from, env_flag, switch
from shared.rights import as_yaml
from shared.times import format_timestamp, parse_duration

OK, FAILED = 0, 1


def run_plan(argv: Sequence[str], clock: Clock) -> int:
    """Exit code 2 where something would be done, 0 where nothing would, 1 where the cluster could not be read in full."""
    parser = _parser("plan", "Shows what would be warned about and deleted, and what is due and kept.")
    env_flag(parser, "-o", "--output", choices=("table", "json"), default="table", help="json: one line per object")
    env_flag(parser, "--diff", help="plan of an earlier run (-o json) to compare with")
    env_flag(parser, "--horizon", type=parse_duration, default=timedelta(0), help="also what ends within this time")
    switch(parser, "--check", help="send every deletion as a dry run to the server, which proves rights and admission")
    flags = parser.read(argv)
    flags.dry_run = not flags.check
    with _cluster(flags, clock) as cluster:
        config = config_from(flags)
        found, failures = rehearse.rehearse(cluster, config, clock.now(), State(), horizon=flags.horizon, check=flags.check)
    if flags.diff:
        before = plan.read_previous(_read(flags.diff), flags.diff)
        sys.stdout.write(plan.difference_as_text(plan.difference(before, found)))
    else:
        sys.stdout.write(plan.as_json_lines(found) if flags.output == "json" else plan.as_table(found))
    for failure in failures:
        print(f"{PROG}: {failure}", file=sys.stderr)
    return FAILED if failures else found.exit_code


def run_extend(argv: Sequence[str], clock: Clock) -> int:
    """Moves the end of one object: by a length from its end or from now, whichever is later."""
    parser = _parser("extend", "Moves the end of an object, and has its owner warned anew before it.")
    add_object_arguments(parser)
    parser.add_argument("length", metavar="LENGTH", type=_positional(parse_duration), help="such as 2d")
    flags = parser.read(argv)
    now = clock.now()
    with _cluster(flags, clock) as cluster:
        config = config_from(flags)
        state = State()
        list(prepare(cluster, config, now, state))
        found = explain.explain(cluster, config, flags.kind, _home(flags.namespace), flags.name, now, state=state).judged
        until = max(now, found.due.at if found.due else now) + flags.length
        longest, created = config.policy.longest_life, found.obj.metadata.created
        if longest is not None and created is not None and until > created + longest:
            raise UsageError(f"{found}: --max-lifetime lets nobody extend it beyond {format_timestamp(created + longest)}")
        body = {"metadata": {"annotations": {EXTEND_UNTIL: format_timestamp(until)}}}
        meta = found.obj.metadata
        cluster.patch(found.resource, meta.namespace, meta.name, body, resource_version=meta.resource_version)
    print(f"{found}: kept at least until {format_timestamp(until)}")
    return OK


def run_restore(argv: Sequence[str], clock: Clock) -> int:
    """Exit code 1 where something could not be restored, or existed already."""
    parser = _parser("restore", "Brings deleted objects back from their backup.")
    parser.add_argument("what", metavar="ID|SELECTOR", help=restore.ACCEPTED_SELECTOR)
    env_flag(parser, "--extend", type=parse_duration, default=timedelta(days=1), help="how long a restored object lives at least")
    flags = parser.read(argv)
    with _cluster(flags, clock) as cluster:
        tools = open_tools(cluster, config_from(flags), clock=clock)
        entries = restore.chosen_entries(tools.vault, flags.what)
        results = restore.restore(cluster, tools.vault, entries, clock.now(), respite=flags.extend)
    for result in results:
        print(result)
    good = (restore.Status.RESTORED, restore.Status.WOULD_RESTORE)
    return OK if all(result.status in good for result in results) else FAILED


def run_backups(argv: Sequence[str], clock: Clock) -> int:
    """Lists the backups, the newest last."""
    parser = _parser("backups", "Lists what can be restored.")
    flags = parser.read(argv)
    with _cluster(flags, clock) as cluster:
        sink = open_tools(cluster, config_from(flags), clock=clock).vault.sink
        if sink is None:
            raise UsageError("backups needs --backup: where the backups are")
        for identity in sink.ids():
            entry = sink.load(identity)
            print(f"{identity}  {len(entry.objects)} objects  {entry.reason}")
    return OK


def run_test_rules(argv: Sequence[str], clock: Clock) -> int:
    """Exit code 1 where the rules file has a problem."""
    parser = _parser("test-rules", "Evaluates a rules file against manifests, or against the cluster, and changes nothing.")
    parser.add_argument("file", metavar="FILE", help="rules file")
    parser.add_argument(
        "manifests", metavar="MANIFEST", nargs="*", help="YAML or JSON files, - for standard input; none: the cluster"
    )
    flags = parser.read(argv)
    flags.dry_run = True
    state = State()
    problems = read_rules(flags.file, state)
    for problem in problems:
        print(f"{PROG}: {problem}", file=sys.stderr)
    config = config_from(flags)
    if flags.manifests:
        documents = testing.load_documents({name: _read(name) for name in flags.manifests})
        rows = testing.evaluate(documents, state, config, clock.now())
    else:
        with _cluster(flags, clock) as cluster:
            rows = testing.evaluate_cluster(cluster, state, config, clock.now())
    sys.stdout.write(testing.as_table(rows))
    return FAILED if problems else OK


def run_ack(argv: Sequence[str], clock: Clock) -> int:
    parser = _parser("ack", "Lets the deletions through that a circuit breaker has stopped.")
    parser.add_argument("keys", metavar="RULE", nargs="*", help="ids of rules, or pass; none: every open breaker")
    flags = parser.read(argv)
    config = config_from(flags)
    if config.state is None:
        raise UsageError("ack needs --state NAMESPACE/NAME: the ConfigMap in which the janitor keeps its open breakers")
    with _cluster(flags, clock) as cluster:
        chosen = acknowledge(cluster, config.state, tuple(flags.keys))
    print(f"acknowledged: {', '.join(chosen)}" if chosen else "no breaker is open")
    return OK


def run_rbac(argv: Sequence[str], clock: Clock) -> int:
    """Exit code 1 with --check where a right is missing."""
    parser = _parser("rbac", "Prints the ClusterRole that this configuration needs.")
    switch(parser, "--check", help="name the rights that are missing instead")
    flags = parser.read(argv)
    with _cluster(flags, clock) as cluster:
        config = config_from(flags)
        state = State()
        if config.rules_file:
            read_rules(config.rules_file, state)
        needs = access.needs(cluster, config, state.rules)
        if not flags.check:
            sys.stdout.write(as_yaml(access.role_documents(needs, config)))
            return OK
        lacking = access.missing(cluster, config, needs)
    for line in lacking:
        print(f"missing: {line}")
    return FAILED if lacking else OK


def run_explain(argv: Sequence[str], clock: Clock) -> int:
    parser = _parser("explain", "Says why an object is kept or deleted, and when.")
    add_object_arguments(parser)
    env_flag(parser, "-o", "--output", choices=("text", "json"), default="text", help="form of the answer")
    flags = parser.read(argv)
    now = clock.now()
    with _cluster(flags, clock) as cluster:
        config, state = config_from(flags), State()
        problems = list(prepare(cluster, config, now, state))
        answer = explain.explain(cluster, config, flags.kind, _home(flags.namespace), flags.name, now, state=state)
    for problem in problems:
        print(f"{PROG}: {problem}", file=sys.stderr)
    print(json.dumps(answer.fields) if flags.output == "json" else "\n".join(answer.lines))
    return OK


COMMANDS: Mapping[str, Callable[[Sequence[str], Clock], int]] = {
    "plan": run_plan,
    "extend": run_extend,
    "restore": run_restore,
    "backups": run_backups,
    "test-rules": run_test_rules,
    "ack": run_ack,
    "rbac": run_rbac,
    "explain": run_explain,
}


def run_command(name: str, argv: Sequence[str], clock: Clock | None = None) -> int:
    """Errors are one line on standard error and exit code 2 (wrong usage) or 1 (the cluster's answer)."""
    try:
        return COMMANDS[name](argv, clock or SystemClock())
    except UsageError as problem:
        print(f"{PROG} {name}: error: {problem}", file=sys.stderr)
        return 2
    except ThriftError as problem:
        print(f"{PROG} {name}: {problem}", file=sys.stderr)
        return FAILED


def _parser(command: str, description: str) -> FlagParser:
    return janitor_parser(f"{PROG} {command}", description)


def _cluster(flags: Flags, clock: Clock) -> Cluster:
    return Cluster.connect(connection_from(flags, component=PROG), clock=clock)


def _home(namespace: str) -> str | None:
    return None if namespace == "-" else namespace


def _positional(parse: Callable[[str], timedelta]) -> Callable[[str], timedelta]:
    """argparse shows the message of a ValueError only by way of its own exception."""

    def convert(text: str) -> timedelta:
        try:
            return parse(text)
        except ThriftError as problem:
            raise argparse.ArgumentTypeError(str(problem)) from None

    return convert


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: {error}") from None
