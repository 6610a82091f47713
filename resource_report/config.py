"""Flags and environment variables as one frozen Config, checked once at the start. No network, no clock.

`parser()` declares every flag with its variable and default; `read_config` turns texts into typed values or fails with one line.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resource_report import labels
from resource_report.clusters import DiscoverySettings
from resource_report.collect import CollectSettings
from resource_report.cost import CostSettings
from resource_report.frames import FigureSettings
from resource_report.hooks import Hook, load_hook
from resource_report.labels import LabelSettings
from resource_report.mapping import MapSettings
from resource_report.prices import PriceSettings
from resource_report.probe import ProbeSettings
from resource_report.publish import Target, parse_target
from resource_report.recommend import RecommendSettings
from resource_report.registry import Tokens
from resource_report.report_flags import COMPONENT, parser
from resource_report.sharing import SharingSettings
from resource_report.teams import load_team_mapping
from resource_report.views import Currency
from shared.cluster import Connection
from shared.errors import UsageError, ValueProblem
from shared.filters import Names, regex_names, split_list
from shared.flags import Flags

# Any of these means that somebody meant this process to talk to AWS; the instance's own role is only used when asked for.
_AWS_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True)
class PageSettings:
    """What the pages depend on, as read from the flags; the files are read anew in each run."""

    links_file: Path | None = None
    templates_path: Path | None = None
    prerender_hook: Hook | None = None
    tsv_header: bool = False
    currency: Currency = field(default_factory=Currency)


@dataclass(frozen=True)
class Config:
    """What one process does, for its whole life. `interval` is in seconds, 0 for a single run."""

    output_dir: Path
    data_path: Path
    discovery: DiscoverySettings
    collect: CollectSettings
    figures: FigureSettings
    prices: PriceSettings
    pages: PageSettings
    probe: ProbeSettings
    application_registry: str | None = None
    publish: Target | None = None
    node_hook: Hook | None = None
    pod_hook: Hook | None = None
    use_cache: bool = False
    eks_fee: bool = False
    cluster_timeout: float = 300.0
    parallel_clusters: int = 4
    interval: float = 0.0
    metrics_port: int = 0
    team_metrics: int = 0
    debug: bool = False
    json_logs: bool = False


def read_config(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process. Raises UsageError with one line; exits with 2 for an unknown or unreadable flag."""
    environ = os.environ if environ is None else environ
    flags = parser().read(argv, environ)
    try:
        return _config(flags, environ)
    except ValueProblem as problem:
        raise UsageError(str(problem)) from None


def _config(flags: Flags, environ: Mapping[str, str]) -> Config:
    output_dir = _folder("output_dir", flags.output_dir)
    data_path = _folder("--data-path", flags.data_path) if flags.data_path else output_dir / "data"
    return Config(
        output_dir=output_dir,
        data_path=data_path,
        discovery=_discovery(flags, environ),
        collect=_collect(flags),
        figures=_figures(flags),
        prices=_prices(flags, environ, data_path),
        pages=_pages(flags),
        probe=ProbeSettings(
            enabled=flags.ingress_status and not flags.no_ingress_status,
            allow=_pattern("--ingress-status-hosts", flags.ingress_status_hosts),
            private=flags.ingress_status_private,
        ),
        application_registry=flags.application_registry,
        publish=_target(flags.publish),
        node_hook=load_hook("--map-node-hook", flags.map_node_hook),
        pod_hook=load_hook("--map-pod-hook", flags.map_pod_hook),
        use_cache=flags.use_cache,
        eks_fee=flags.eks_fee,
        cluster_timeout=flags.cluster_timeout,
        parallel_clusters=flags.parallel_clusters,
        interval=0.0 if flags.once else flags.update_interval_minutes * 60,
        metrics_port=flags.metrics_port,
        team_metrics=flags.team_metrics,
        debug=flags.debug,
        json_logs=flags.json_logs,
    )


def _discovery(flags: Flags, environ: Mapping[str, str]) -> DiscoverySettings:
    named = flags.sources["kubeconfig_path"] != "default"
    path = Path(flags.kubeconfig_path).expanduser()
    if named and not path.is_file():
        raise UsageError(f"--kubeconfig-path {flags.kubeconfig_path}: no such file")
    merged = not named and bool(environ.get("KUBECONFIG"))
    return DiscoverySettings(
        registry=flags.cluster_registry,
        urls=split_list(flags.clusters),
        kubeconfig=None if merged else str(path),
        has_kubeconfig=merged or path.is_file(),
        contexts=split_list(flags.kubeconfig_contexts),
        default_name=flags.default_cluster_name,
        include=_pattern("--include-clusters", flags.include_clusters),
        exclude=_pattern("--exclude-clusters", flags.exclude_clusters),
        base=_connection(flags),
        tokens=Tokens.from_environment(environ),
    )


def _connection(flags: Flags) -> Connection:
    if flags.burst and not flags.qps:
        raise UsageError("--burst says how many calls may go at once under --qps: give --qps too, or neither")
    return Connection(
        timeout=flags.api_server_timeout,
        qps=flags.qps,
        burst=flags.burst,
        page_size=flags.page_size,
        workers=4,
        dry_run=True,  # the report writes nothing to a cluster
        user_agent=COMPONENT,
        field_manager=COMPONENT,
    )


def _collect(flags: Flags) -> CollectSettings:
    return CollectSettings(
        mapping=MapSettings(
            "",
            _labels(flags),
            frozenset(split_list(flags.system_namespaces)),
            frozenset(_pairs("--share-labels", flags.share_labels)),
        ),
        exclude_nodes=_pairs("--node-exclude-labels", flags.node_exclude_labels),
        route_groups=flags.enable_routegroups,
        ingress_routes=flags.enable_ingressroute,
        samples=flags.usage_samples,
        sample_seconds=flags.usage_sample_interval,
        alpha=flags.alpha_ema,
        teams=load_team_mapping(flags.team_mapping_file),
    )


def _labels(flags: Flags) -> LabelSettings:
    """The configured keys first, then today's; what the operator sets only decides what is tried first."""

    def keys(text: str, *more: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*split_list(text), *more)))

    values = split_list(flags.node_label_spot_value)
    spot = []
    for number, key in enumerate(split_list(flags.node_label_spot)):
        name, sign, value = key.partition("=")
        spot.append((name, value if sign else values[min(number, len(values) - 1)] if values else "true"))
    preemptible = [(key, "true") for key in split_list(flags.node_label_preemptible)]
    roles_set = flags.sources["node_labels"] != "default"
    return LabelSettings(
        instance_type=keys(flags.node_label_instance_type, *labels.INSTANCE_TYPE),
        region=keys(flags.node_label_region, *labels.REGION),
        role=keys(flags.node_label_role, *labels.ROLE),
        pool=keys(flags.node_label_pool, *labels.POOL),
        spot=(*spot, *preemptible),
        worker_roles=split_list(flags.node_labels) if roles_set else (),
        application=split_list(flags.object_label_application),
        component=split_list(flags.object_label_component),
        team=split_list(flags.object_label_team),
        team_annotations=split_list(flags.object_annotation_team),
    )


def _figures(flags: Flags) -> FigureSettings:
    overhead: dict[str, float] = {}
    for cluster, text in _pairs("--additional-cost", flags.additional_cost):
        overhead[cluster] = _amount(f"--additional-cost {cluster}", text)
    cost = CostSettings(flags.cost_model, flags.cost_basis, flags.additional_cost_per_cluster, overhead)
    return FigureSettings(cost, RecommendSettings(margin=flags.recommendation_margin), _sharing(flags))


def _sharing(flags: Flags) -> SharingSettings:
    for flag, strategy in (("--share-idle", flags.share_idle), ("--share-overhead", flags.share_overhead)):
        if strategy != "none" and flags.cost_model == "max":
            # There, idle cost and overhead are in the cost of the pods already.
            raise UsageError(f"{flag} {strategy}: not with --cost-model max, where pods pay for both; accepted there: none")
    return SharingSettings(
        idle=flags.share_idle,
        overhead=flags.share_overhead,
        namespaces=_names("--share-namespaces", flags.share_namespaces),
        labels=bool(split_list(flags.share_labels)),
    )


def _prices(flags: Flags, environ: Mapping[str, str], data_path: Path) -> PriceSettings:
    live = flags.aws_prices == "on" or (flags.aws_prices == "auto" and _has_aws_credentials(environ))
    rates = {code: _amount(f"--currency-rates {code}", text) for code, text in _pairs("--currency-rates", flags.currency_rates)}
    return PriceSettings(
        pricing_file=flags.pricing_file,
        spot_pricing_file=flags.spot_pricing_file,
        discounts_file=flags.discounts_file,
        rates=rates,
        live_aws=live,
        live_optional=flags.aws_prices == "auto",
        cache_dir=data_path / "prices",
    )


def _has_aws_credentials(environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME") or "~").expanduser()
    return any(environ.get(name) for name in _AWS_CREDENTIALS) or (home / ".aws" / "credentials").is_file()


def _pages(flags: Flags) -> PageSettings:
    return PageSettings(
        links_file=_file("--links-file", flags.links_file),
        templates_path=_folder("--templates-path", flags.templates_path) if flags.templates_path else None,
        prerender_hook=load_hook("--prerender-hook", flags.prerender_hook),
        tsv_header=flags.tsv_header,
        currency=Currency(flags.currency, flags.currency_rate),
    )


# ---- readers of values


def _folder(flag: str, text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise UsageError(f"{flag} {text}: not a folder; create it first")
    return path


def _file(flag: str, text: str | None) -> Path | None:
    if text is None:
        return None
    if not Path(text).is_file():
        raise UsageError(f"{flag} {text}: no such file")
    return Path(text)


def _target(text: str | None) -> Target | None:
    try:
        return parse_target(text) if text else None
    except ValueProblem as problem:
        raise UsageError(f"--publish: {problem}") from None


def _pattern(flag: str, text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise UsageError(f"{flag} {text}: no regular expression: {error}") from None


def _names(flag: str, text: str) -> Names:
    try:
        return regex_names(split_list(text))
    except ValueProblem as problem:
        raise UsageError(f"{flag}: {problem}") from None


def _pairs(flag: str, text: str) -> tuple[tuple[str, str], ...]:
    """`key=value,key=value`. Raises UsageError for an entry without exactly one equals sign."""
    pairs = []
    for item in split_list(text):
        key, _, value = item.partition("=")
        if item.count("=") != 1 or not key or not value:
            raise UsageError(f"{flag}: {item!r} is not understood; accepted: a comma-separated list of key=value")
        pairs.append((key, value))
    return tuple(pairs)


def _amount(place: str, text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount) or amount < 0:
        raise UsageError(f"{place}: {text!r} is not understood; accepted: a number of at least 0")
    return amount
