"""Every flag of the report with its variable and default: those of earlier versions under their names, and the newer ones.

Texts only; `config.py` gives them a meaning.
"""

from __future__ import annotations

from resource_report.sharing import STRATEGIES
from shared.errors import ValueProblem
from shared.flags import FlagParser, add_log_flags, env_flag, number, positive_seconds, switch, whole

COMPONENT = "kube-resource-report"


def parser() -> FlagParser:
    """All of them."""
    flags = FlagParser(COMPONENT, "Writes static pages with what every team requests, uses and pays in Kubernetes clusters.")
    flags.add_argument("output_dir", help="folder for the pages; must exist")
    _add_clusters(flags)
    _add_connection(flags)
    _add_reading(flags)
    _add_labels(flags)
    _add_figures(flags)
    _add_sharing(flags)
    _add_prices(flags)
    _add_pages(flags)
    _add_run(flags)
    return flags


def _add_clusters(flags: FlagParser) -> None:
    env_flag(flags, "--clusters", env="CLUSTERS", help="API server URLs that want no credentials, separated by commas")
    env_flag(flags, "--cluster-registry", help="URL of a cluster registry; wins over the other ways to name clusters")
    env_flag(flags, "--kubeconfig", "--kubeconfig-path", default="~/.kube/config", help="kubeconfig file")
    env_flag(
        flags, "--kubeconfig-contexts", env="KUBECONFIG_CONTEXTS", help="contexts to read, by commas; without it all of them"
    )
    env_flag(
        flags, "--default-cluster-name", env="DEFAULT_CLUSTER_NAME", default="cluster", help="id of a cluster without a name"
    )
    env_flag(flags, "--include-clusters", help="regular expression for the start of cluster ids: only these are read")
    env_flag(flags, "--exclude-clusters", help="regular expression for the start of cluster ids: these are not read")
    env_flag(flags, "--parallel-clusters", type=whole(1, 64), default=4, help="clusters that are read at the same time")
    env_flag(flags, "--cluster-timeout", type=positive_seconds, default=300.0, help="seconds after which a cluster is given up")


def _add_connection(flags: FlagParser) -> None:
    env_flag(
        flags, "--api-server-timeout", env="API_SERVER_TIMEOUT", type=positive_seconds, default=10.0, help="seconds per API call"
    )
    env_flag(flags, "--qps", env="QPS", type=number(0), default=0.0, help="API calls per second at most; 0: no limit")
    env_flag(flags, "--burst", env="BURST", type=whole(0), default=0, help="API calls at once under --qps; 0: as many as --qps")
    env_flag(flags, "--page-size", type=whole(1, 10000), default=1000, help="objects per page of a list")


def _add_reading(flags: FlagParser) -> None:
    env_flag(flags, "--application-registry", help="URL of an application registry that knows each application's team")
    switch(flags, "--use-cache", help="take every cluster as the last run left it, without reading it again")
    switch(flags, "--ingress-status", help="ask every ingress host over HTTPS for its status")
    switch(flags, "--no-ingress-status", help="do not, which is the default")
    env_flag(flags, "--ingress-status-hosts", help="regular expression for whole host names: only these are asked")
    switch(flags, "--ingress-status-private", help="ask hosts with private, loopback or link-local addresses too")
    switch(flags, "--enable-routegroups", help="read Skipper's RouteGroups")
    switch(flags, "--enable-ingressroute", help="read Traefik's IngressRoutes, of the new and of the old API group")
    env_flag(flags, "--system-namespaces", default="kube-system", help="namespaces whose pods are no user pods, by commas")
    env_flag(
        flags, "--alpha-ema", type=_share, default=1.0, help="weight of new usage against that of earlier runs; 1: no smoothing"
    )
    env_flag(flags, "--usage-samples", type=whole(1, 100), default=1, help="usage samples per run, of which the mean counts")
    env_flag(flags, "--usage-sample-interval", type=positive_seconds, default=15.0, help="seconds between two usage samples")
    env_flag(flags, "--map-node-hook", help="module.function(node, mapped), called for every node")
    env_flag(flags, "--map-pod-hook", help="module.function(pod, mapped), called for every pod")


def _add_labels(flags: FlagParser) -> None:
    env_flag(
        flags, "--node-labels", default="worker", help="roles that count as workers; unless it is set, all but the control plane"
    )
    env_flag(flags, "--node-exclude-labels", default="", help="key=value, by commas: nodes with such a label are left out")
    for name, default in (
        ("spot", "aws.amazon.com/spot"),
        ("spot-value", "true"),
        ("preemptible", "cloud.google.com/gke-preemptible"),
        ("role", "kubernetes.io/role"),
        ("region", "failure-domain.beta.kubernetes.io/region"),
        ("instance-type", "beta.kubernetes.io/instance-type"),
        ("pool", ""),
    ):
        meaning = "values of the spot labels" if name == "spot-value" else f"labels of a node's {name}, the first present wins"
        variable = f"NODE_LABEL_{name.upper().replace('-', '_')}"
        env_flag(flags, f"--node-label-{name}", env=variable, default=default, help=meaning)
    for name, default in (
        ("application", "application,app,app.kubernetes.io/name"),
        ("component", "component,app.kubernetes.io/component"),
        ("team", "team,owner"),
    ):
        meaning = f"labels of a pod's {name}, the first present wins"
        env_flag(flags, f"--object-label-{name}", env=f"OBJECT_LABEL_{name.upper()}", default=default, help=meaning)
    env_flag(
        flags,
        "--object-annotation-team",
        env="OBJECT_ANNOTATION_TEAM",
        default="team,owner",
        help="annotations of a namespace's team",
    )
    env_flag(flags, "--team-mapping-file", help="YAML that names the team of namespaces and applications without a label")


def _add_figures(flags: FlagParser) -> None:
    env_flag(
        flags,
        "--cost-model",
        choices=("split", "max"),
        default="split",
        help="split: costs add up; max: the formulas of earlier versions",
    )
    env_flag(
        flags,
        "--cost-basis",
        choices=("request", "max"),
        default="request",
        help="what a pod pays for; max: of request and usage",
    )
    env_flag(
        flags,
        "--additional-cost-per-cluster",
        type=number(0),
        default=0.0,
        help="USD per month on top of the nodes of each cluster",
    )
    env_flag(flags, "--additional-cost", default="", help="the same for single clusters: CLUSTER=USD, by commas")
    switch(flags, "--eks-fee", help="add the fee of EKS control planes, told from the versions of their nodes")
    env_flag(flags, "--recommendation-margin", type=number(1), default=1.15, help="factor from usage to recommended request")


def _add_sharing(flags: FlagParser) -> None:
    for name, what in (("idle", "idle cost"), ("overhead", "the additional cost of a cluster")):
        env_flag(
            flags,
            f"--share-{name}",
            env=f"SHARE_{name.upper()}",
            choices=STRATEGIES,
            default="none",
            help=f"spread {what} over pods: weighted by their cost; even: the same for each team",
        )
    env_flag(
        flags,
        "--share-namespaces",
        env="SHARE_NAMESPACES",
        default="",
        help="regular expressions for whole namespaces, by commas: the cost of their pods is spread over the others",
    )
    env_flag(
        flags,
        "--share-labels",
        env="SHARE_LABELS",
        default="",
        help="key=value, by commas: the cost of pods with such a label is spread over the others",
    )


def _add_prices(flags: FlagParser) -> None:
    env_flag(flags, "--pricing-file", help="CSV of on-demand prices that win over all others")
    env_flag(flags, "--spot-pricing-file", help="CSV of spot prices that win over all others")
    env_flag(flags, "--discounts-file", help="YAML of discounts and reserved rates")
    env_flag(
        flags,
        "--aws-prices",
        choices=("auto", "on", "off"),
        default="auto",
        help="ask AWS for prices; auto: where credentials are set",
    )
    env_flag(flags, "--currency-rates", default="", help="USD per unit of the currencies in price files: EUR=1.08, by commas")
    env_flag(flags, "--currency", default="USD", help="currency of the pages")
    env_flag(flags, "--currency-rate", type=_rate, default=1.0, help="units of that currency per USD")


def _add_pages(flags: FlagParser) -> None:
    env_flag(flags, "--links-file", help="YAML of custom links; read anew in each run")
    env_flag(flags, "--templates-path", help="folder of Jinja2 templates that go before the built-in ones")
    env_flag(flags, "--prerender-hook", help="module.function(template_name, context), called before each page")
    switch(flags, "--tsv-header", help="give slack.tsv a header line")


def _add_run(flags: FlagParser) -> None:
    env_flag(flags, "--update-interval-minutes", type=number(0), default=0.0, help="minutes from run to run; 0: a single run")
    switch(flags, "--once", help="a single run, whatever the interval")
    env_flag(flags, "--publish", help="s3://BUCKET/PREFIX to which the pages are copied after each run")
    env_flag(flags, "--data-path", help="folder for what a run leaves to the next; must exist; without it OUTPUT_DIR/data")
    env_flag(flags, "--metrics-port", type=whole(0, 65535), default=0, help="port of /metrics, /healthz and /readyz; 0: none")
    env_flag(
        flags,
        "--team-metrics",
        type=whole(0, 1000),
        default=0,
        help="how many of the most expensive teams have metrics of their own; the others are added up",
    )
    add_log_flags(flags)


def _share(text: str) -> float:
    share = number(0)(text)
    if not 0 < share <= 1:
        raise ValueProblem(text, "a number above 0 and up to 1")
    return share


def _rate(text: str) -> float:
    rate = number(0)(text)
    if rate <= 0:
        raise ValueProblem(text, "a number above 0")
    return rate
