"""`kube-thrift explain`: reads one workload and what governs it, and prints the downscaler's own explanation. Writes nothing.

With `--status-url` it also asks a running process what it makes of the object, which knows what no single look can tell.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from downscaler.annotations import read_overrides
from downscaler.config import Config, config_from
from downscaler.explain import as_data, as_text, explain
from downscaler.memory import Memory
from downscaler.options import parser
from downscaler.plan import Planner
from downscaler.probe import served_kinds
from downscaler.read import read_forced, read_namespace, read_scalers
from downscaler.relations import SCALERS, Relations, target_of
from downscaler.sizes import KINDS, Kind, kind_named
from downscaler.workloads import Workload
from kube_thrift.outlet import json_text
from kube_thrift.running import fetch_status
from shared.clock import Clock, SystemClock
from shared.cluster import Cluster
from shared.errors import NotFound, ThriftError, UsageError, ValueProblem
from shared.flags import FlagParser, Flags, env_flag
from shared.names import check_name, check_namespace


def build_parser() -> FlagParser:
    """The controller's own flags, the object's address and the output format."""
    flags = parser(commands=False)
    flags.prog = "kube-thrift explain downscaler"
    flags.description = "Says why a workload is up or down. Give it the flags that the controller runs with."
    flags.add_argument("object_kind", metavar="KIND", help="such as deployment, sts, cronjobs")
    flags.add_argument("object_namespace", metavar="NAMESPACE")
    flags.add_argument("object_name", metavar="NAME")
    env_flag(
        flags,
        "--status-url",
        type=str,
        help="also ask the running process, at its metrics port: http://127.0.0.1:7979 after kubectl port-forward",
    )
    env_flag(flags, "-o", "--output", choices=["text", "json"], default="text", help="text or json")
    return flags


def run(argv: Sequence[str], environ: Mapping[str, str] | None = None, clock: Clock | None = None) -> int:
    """Prints the explanation and returns 0. Raises UsageError for wrong use, ClusterError where the server does not answer."""
    declared = build_parser()
    flags = declared.read(argv, environ)
    try:
        config = config_from(declared, flags)
        kind = kind_named(flags.object_kind, {each.id: each for each in (*KINDS.values(), *config.kinds)})
        namespace, name = check_namespace(flags.object_namespace), check_name(flags.object_name)
    except ValueProblem as problem:
        raise UsageError(str(problem)) from None
    clock = clock or SystemClock()
    with Cluster.connect(config.connection, clock=clock) as cluster:
        memory, now = Memory(), clock.now()
        config = replace(config, kinds=served_kinds(cluster, config.kinds, memory, now, _warn))
        kind = next(iter(served_kinds(cluster, (kind,), Memory(), now, _warn)), kind)
        workload = cluster.get(kind.resource, namespace, name, kind.as_type)
        forced = read_forced(cluster, config, _warn)
        found = read_namespace(cluster, namespace, _warn)
        planner = Planner(config.rules, found, forced, now, _relations(cluster, config, kind, workload))
        explanation = explain(planner, kind, workload)
    said = None
    if flags.status_url:
        said = fetch_status(flags.status_url, (kind.id, namespace, name), config.connection.timeout)
    _print(flags, as_text(explanation, said), as_data(explanation, said))
    if kind.id not in {each.id for each in config.kinds}:
        print(
            f"note: {kind.id} is not in --include-resources, so a controller with these flags does not touch it", file=sys.stderr
        )
    return 0


def _relations(cluster: Cluster, config: Config, kind: Kind, workload: Workload) -> Relations:
    """The autoscalers of the namespace, and for an autoscaler what its target says."""
    config = replace(config, namespaces=(workload.namespace,))
    relations = Relations.of(read_scalers(cluster, config, config.kinds, _warn, lambda scaler: lambda about, problem: None))
    address = target_of(workload) if kind.id in SCALERS else None
    target = next((each for each in config.kinds if address is not None and each.resource.kind == address[0]), None)
    if target is not None and address is not None:
        with suppress(NotFound):
            scaled = cluster.get(target.resource, address[1], address[2], target.as_type)
            relations.note(target, scaled, read_overrides(scaled.metadata.annotations, config.rules.context))
    return relations


def _print(flags: Flags, text: str, data: dict[str, object]) -> None:
    if flags.output == "json":
        text = json_text(data)
    sys.stdout.write(text)


def _warn(error: ThriftError) -> None:
    print(f"kube-thrift: {error}", file=sys.stderr)
