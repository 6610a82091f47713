"""The demo's fleet: nine teams of a shop, their namespaces and workloads, and every way of asking for off-hours. Pure data.

Broken annotations, parked workloads and exceptions are here on purpose: they are what a controller has to live with.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shared.simcluster import manifests
from shared.simcluster.manifests import Team, Workload
from shared.simcluster.records import JsonObject
from shared.simcluster.templates import ANNOTATION_CPU, ANNOTATION_RUN
from shared.times import format_timestamp

CHECKOUT = Team("checkout")
CATALOG = Team("catalog")
SEARCH = Team("search")
PAYMENTS = Team("payments")
GROWTH = Team("growth", "America/New_York")
JAPAN = Team("jp-market", "Asia/Tokyo")
DATA = Team("data-platform")
ML = Team("ml-platform")
PLATFORM = Team("platform")

UPTIME = "downscaler/uptime"
DOWNTIME = "downscaler/downtime"
EXCLUDE = "downscaler/exclude"
EXCLUDE_UNTIL = "downscaler/exclude-until"
FORCE_UPTIME = "downscaler/force-uptime"
DEPENDS_ON = "downscaler/depends-on"
DOWN_REPLICAS = "downscaler/downtime-replicas"

OFFICE_BERLIN = "Mon-Fri 07:30-20:00 Europe/Berlin"
OFFICE_NEW_YORK = "Mon-Fri 08:00-19:00 America/New_York"
OFFICE_TOKYO = "Mon-Fri 08:30-20:00 Asia/Tokyo"
NIGHT_BERLIN = "Mon-Fri 22:00-06:00 Europe/Berlin"
HOLIDAYS_BERLIN = "holidays(DE-BE) Europe/Berlin"
CRON_NIGHT = "cron(0 20 * * 1-5)/10h Europe/Berlin"


def namespaces(start: datetime) -> list[JsonObject]:
    """The fleet's own namespaces. For two days from the third on, a release keeps the payments staging up."""
    release = "-".join(format_timestamp(start + timedelta(days=days)).replace("Z", "+00:00") for days in (2, 4))
    return [
        manifests.namespace("checkout", "checkout"),
        manifests.namespace("checkout-staging", "checkout", {UPTIME: OFFICE_BERLIN, DOWNTIME: HOLIDAYS_BERLIN}),
        manifests.namespace("catalog", "catalog"),
        manifests.namespace("catalog-staging", "catalog", {UPTIME: OFFICE_BERLIN, DOWNTIME: HOLIDAYS_BERLIN}),
        manifests.namespace("search", "search"),
        manifests.namespace("payments", "payments"),
        manifests.namespace("payments-staging", "payments", {UPTIME: OFFICE_BERLIN, FORCE_UPTIME: release}),
        manifests.namespace("growth-us", "growth", {UPTIME: OFFICE_NEW_YORK}),
        manifests.namespace("jp-market", "jp-market", {UPTIME: OFFICE_TOKYO}),
        manifests.namespace("data-platform", "data-platform"),
        manifests.namespace("ml-platform", "ml-platform"),
        manifests.namespace("monitoring", "platform"),
        manifests.namespace("ingress", "platform"),
    ]


# kind name replicas cpu memory application component, and "spot" for pods that may run on the spot pool.
_TABLES: tuple[tuple[str, Team, str], ...] = (
    ("checkout", CHECKOUT, """
        Deployment   checkout-api       4 500m 768Mi checkout   backend
        Deployment   cart-service       3 400m 512Mi cart       backend
        Deployment   checkout-web       3 250m 384Mi checkout   frontend
        StatefulSet  cart-redis         3 250m 1Gi   cart       cache
        Deployment   promotion-preview  2 500m 512Mi promotions backend"""),
    ("checkout-staging", CHECKOUT, """
        Deployment   checkout-api       4 500m 768Mi checkout   backend  spot
        Deployment   cart-service       3 400m 512Mi cart       backend  spot
        Deployment   checkout-web       2 250m 384Mi checkout   frontend spot
        StatefulSet  cart-redis         3 250m 1Gi   cart       cache    spot"""),
    ("catalog", CATALOG, """
        Deployment   catalog-api        4 500m 1Gi   catalog    backend
        Deployment   catalog-indexer    2 1    2Gi   catalog    worker   spot
        Deployment   image-resizer      3 1    1Gi   media      worker   spot
        StatefulSet  catalog-postgres   2 1    4Gi   catalog    database
        Deployment   supplier-portal    2 300m 512Mi suppliers  frontend"""),
    ("catalog-staging", CATALOG, """
        Deployment   catalog-api        4 500m 1Gi   catalog    backend  spot
        Deployment   catalog-indexer    2 1    2Gi   catalog    worker   spot
        Deployment   image-resizer      2 1    1Gi   media      worker   spot
        StatefulSet  catalog-postgres   1 1    4Gi   catalog    database spot
        Deployment   contract-tests     1 500m 1Gi   catalog    backend  spot"""),
    ("search", SEARCH, """
        Deployment   catalog-search     4 1    2Gi   search     backend
        Deployment   suggest-api        3 500m 768Mi search     backend
        StatefulSet  search-index       3 1    4Gi   search     database
        Deployment   ranking-lab        2 1500m 3Gi  ranking    backend  spot
        Deployment   query-replay       2 750m 1Gi   ranking    worker   spot
        Deployment   search-legacy      0 1    2Gi   search     backend"""),
    ("payments", PAYMENTS, """
        Deployment   payment-gateway    4 500m 1Gi   payments   backend
        Deployment   fraud-scoring      3 1    2Gi   fraud      backend
        Deployment   invoice-renderer   2 500m 512Mi invoices   worker
        StatefulSet  ledger-postgres    3 1    4Gi   payments   database"""),
    ("payments-staging", PAYMENTS, """
        Deployment   payment-gateway    4 500m 1Gi   payments   backend  spot
        Deployment   fraud-scoring      3 1    2Gi   fraud      backend  spot
        Deployment   invoice-renderer   1 500m 512Mi invoices   worker   spot
        StatefulSet  ledger-postgres    3 1    4Gi   payments   database spot"""),
    ("growth-us", GROWTH, """
        Deployment   campaign-api       3 500m 768Mi campaigns  backend  spot
        Deployment   email-composer     2 500m 512Mi email      backend  spot
        Deployment   landing-pages      3 250m 384Mi campaigns  frontend spot
        Deployment   ab-test-console    1 250m 512Mi experiments frontend spot
        Deployment   referral-tracker   2 300m 512Mi referrals  backend  spot
        StatefulSet  segment-store      2 500m 2Gi   campaigns  database"""),
    ("jp-market", JAPAN, """
        Deployment   storefront-jp      3 500m 768Mi storefront frontend
        Deployment   konbini-payments   2 400m 512Mi payments-jp backend
        Deployment   translation-studio 2 500m 1Gi   localisation backend spot
        Deployment   price-import       1 500m 512Mi pricing    worker   spot
        Deployment   merchandising-tool 2 300m 512Mi merchandising frontend spot
        Deployment   point-of-sale-bridge 0 250m 256Mi pos      backend  spot"""),
    ("data-platform", DATA, """
        Deployment   airflow-web        1 500m 1Gi   airflow    frontend
        Deployment   airflow-scheduler  1 500m 1Gi   airflow    backend
        Deployment   event-collector    3 500m 768Mi events     backend
        Deployment   superset           2 750m 2Gi   bi         frontend spot
        StatefulSet  kafka              3 1    4Gi   events     broker
        DaemonSet    spark-shuffle      0 100m 256Mi spark      worker   spot"""),
    ("ml-platform", ML, """
        StatefulSet  notebooks          6 1500m 6Gi  notebooks  backend  spot
        Deployment   feature-store      2 750m 2Gi   features   backend
        Deployment   model-server       2 1    3Gi   recommendations backend
        Deployment   labelling-ui       2 500m 1Gi   labelling  frontend spot
        Deployment   experiment-tracker 1 500m 1Gi   experiments backend spot"""),
    ("kube-system", PLATFORM, """
        DaemonSet    aws-node           0 50m  128Mi vpc-cni    network
        DaemonSet    kube-proxy         0 100m 64Mi  kube-proxy network
        Deployment   coredns            2 100m 170Mi coredns    network
        Deployment   metrics-server     2 100m 200Mi metrics-server metrics
        Deployment   karpenter          2 500m 768Mi karpenter  autoscaling"""),
    ("monitoring", PLATFORM, """
        DaemonSet    node-exporter      0 50m  64Mi  prometheus metrics
        StatefulSet  prometheus         2 1    6Gi   prometheus database
        Deployment   grafana            2 250m 512Mi grafana    frontend
        Deployment   load-test-dashboard 1 500m 1Gi  grafana    frontend"""),
    ("ingress", PLATFORM, """
        Deployment   ingress-controller 3 300m 512Mi ingress    backend"""),
)  # fmt: skip


def _annotations(start: datetime) -> dict[tuple[str, str], dict[str, str]]:
    """What the teams wrote on single workloads."""
    return {
        ("checkout", "promotion-preview"): {UPTIME: OFFICE_BERLIN},
        ("catalog", "image-resizer"): {DOWNTIME: NIGHT_BERLIN},
        ("catalog", "supplier-portal"): {UPTIME: "Mon-Fry 9-5"},
        ("catalog", "feed-import"): {UPTIME: OFFICE_BERLIN},
        ("catalog-staging", "contract-tests"): {EXCLUDE: "true"},
        ("checkout-staging", "checkout-api"): {DEPENDS_ON: "statefulset/cart-redis"},
        ("checkout-staging", "checkout-web"): {DEPENDS_ON: "deployment/checkout-api"},
        ("search", "ranking-lab"): {DOWNTIME: CRON_NIGHT},
        ("search", "query-replay"): {UPTIME: OFFICE_BERLIN, DOWN_REPLICAS: "1"},
        ("search", "search-legacy"): {UPTIME: OFFICE_BERLIN},
        ("search", "synonym-rebuild"): {DOWNTIME: "always"},
        ("growth-us", "referral-tracker"): {DOWN_REPLICAS: "lots"},
        ("jp-market", "storefront-jp"): {EXCLUDE: "true"},
        ("jp-market", "konbini-payments"): {EXCLUDE: "true"},
        ("data-platform", "airflow-web"): {UPTIME: OFFICE_BERLIN},
        ("data-platform", "superset"): {UPTIME: OFFICE_BERLIN},
        ("data-platform", "spark-shuffle"): {UPTIME: OFFICE_BERLIN},
        ("ml-platform", "notebooks"): {DOWNTIME: CRON_NIGHT},
        ("ml-platform", "model-server"): {UPTIME: OFFICE_BERLIN, EXCLUDE_UNTIL: format_timestamp(start + timedelta(days=3))},
        ("ml-platform", "labelling-ui"): {UPTIME: "Mon-Fri 08:00-18:00 Europe/Berlin, Sat-Sat 10:00-14:00 Europe/Berlin"},
        ("ml-platform", "experiment-tracker"): {UPTIME: OFFICE_BERLIN, EXCLUDE: "true"},
        ("ml-platform", "nightly-training"): {EXCLUDE: "true"},
        ("monitoring", "load-test-dashboard"): {UPTIME: OFFICE_BERLIN},
    }


def _claims(size: str) -> manifests.Extras:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}


_PARALLEL = {"podManagementPolicy": "Parallel"}
_SPECS: dict[tuple[str, str], manifests.Extras] = {
    ("checkout", "cart-redis"): _claims("8Gi"),
    ("checkout-staging", "cart-redis"): _claims("8Gi"),
    ("catalog", "catalog-postgres"): _claims("100Gi"),
    ("catalog-staging", "catalog-postgres"): _claims("20Gi"),
    ("search", "search-index"): _claims("50Gi"),
    ("payments", "ledger-postgres"): _claims("200Gi"),
    ("payments-staging", "ledger-postgres"): _claims("20Gi") | {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}},
    ("growth-us", "segment-store"): _claims("20Gi"),
    ("data-platform", "kafka"): _claims("250Gi") | _PARALLEL,
    ("ml-platform", "notebooks"): _claims("50Gi") | _PARALLEL,
    ("monitoring", "prometheus"): _claims("200Gi"),
}
_EVERYWHERE: manifests.Extras = {"tolerations": [{"operator": "Exists"}]}
_NODE_CRITICAL: manifests.Extras = _EVERYWHERE | {"priorityClassName": "system-node-critical", "priority": 2000001000}
_CLUSTER_CRITICAL: manifests.Extras = {"priorityClassName": "system-cluster-critical", "priority": 2000000000}
_PODS: dict[tuple[str, str], manifests.Extras] = {
    ("kube-system", "aws-node"): _NODE_CRITICAL | {"hostNetwork": True},
    ("kube-system", "kube-proxy"): _NODE_CRITICAL | {"hostNetwork": True},
    ("kube-system", "coredns"): _CLUSTER_CRITICAL,
    ("kube-system", "metrics-server"): _CLUSTER_CRITICAL,
    ("kube-system", "karpenter"): _CLUSTER_CRITICAL,
    ("monitoring", "node-exporter"): _EVERYWHERE | {"hostNetwork": True},
}
_STEERED = {("ml-platform", "notebooks"): {ANNOTATION_CPU: "0.15"}}


def _rows() -> list[Workload]:
    found = []
    for namespace, team, table in _TABLES:
        for line in table.strip().splitlines():
            kind, name, replicas, cpu, memory, application, component, *pool = line.split()
            place = (namespace, name)
            workload = Workload(
                kind=kind, namespace=namespace, name=name, team=team, replicas=int(replicas), cpu=cpu, memory=memory,
                application=application, component=component, flexible=bool(pool),
                spec=_SPECS.get(place, {}), pod=_PODS.get(place, {}), pod_annotations=_STEERED.get(place, {}),
            )  # fmt: skip
            found.append(workload)
    return found


def _batch() -> list[Workload]:
    """CronJobs of every cadence, one that never runs, and jobs."""

    def cron(namespace: str, name: str, team: Team, schedule: str, seconds: int, **changes: object) -> Workload:
        spec = {"schedule": schedule, "timeZone": team.zone, "concurrencyPolicy": "Forbid"}
        base = Workload(kind="CronJob", namespace=namespace, name=name, team=team, cpu="500m", memory="1Gi", component="batch")
        steered = {"pod_annotations": {ANNOTATION_RUN: str(seconds)}, "flexible": True}
        return msgspec.structs.replace(base, spec=spec, **(steered | changes))

    return [
        cron("data-platform", "orders-export", DATA, "*/30 * * * *", 240, application="exports"),
        cron("data-platform", "warehouse-load", DATA, "15 1 * * *", 5400, application="warehouse", cpu="2", memory="6Gi"),
        cron("data-platform", "clickstream-rollup", DATA, "5 * * * *", 600, application="events"),
        cron("catalog", "feed-import", CATALOG, "*/20 6-22 * * *", 300, application="catalog"),
        cron("catalog-staging", "fixture-refresh", CATALOG, "10 * * * *", 120, application="catalog"),
        cron("checkout-staging", "smoke-test", CHECKOUT, "*/30 * * * *", 90, application="checkout", cpu="250m", memory="512Mi"),
        cron("payments", "settlement", PAYMENTS, "30 2 * * *", 3600, application="payments", cpu="1", flexible=False),
        cron("growth-us", "newsletter-batch", GROWTH, "0 9 * * 1-5", 1800, application="email"),
        cron("jp-market", "exchange-rates", JAPAN, "0 * * * *", 60, application="pricing", cpu="100m", memory="128Mi"),
        cron("ml-platform", "nightly-training", ML, "0 23 * * 1-5", 9000, application="recommendations", cpu="3",
        memory="10Gi"), cron("search", "synonym-rebuild", SEARCH, "45 4 * * *", 1200, application="search"), ]  # fmt: skip


def _jobs() -> list[JsonObject]:
    """One long migration that office hours may suspend, one that is parked, one that cleans up after itself."""

    def job(namespace: str, name: str, team: Team, seconds: int, spec: manifests.Extras, **changes: object) -> JsonObject:
        base = Workload(
            kind="Job", namespace=namespace, name=name, team=team, cpu="1", memory="2Gi", component="batch", flexible=True
        )
        steered = msgspec.structs.replace(base, spec=spec, pod_annotations={ANNOTATION_RUN: str(seconds)}, **changes)
        return manifests.manifest(steered)

    return [
        job("catalog-staging", "backfill-attributes", CATALOG, 14400, {"parallelism": 2, "completions": 40, "backoffLimit": 3}),
        job("ml-platform", "embedding-rebuild", ML, 7200, {"parallelism": 1, "completions": 1, "suspend": True}),
        job(
            "payments", "schema-migration", PAYMENTS, 900, {"parallelism": 1, "completions": 1, "ttlSecondsAfterFinished": 86400}
        ),
    ]


def workloads(start: datetime) -> list[Workload]:
    """Everything that makes pods, jobs apart."""
    annotations = _annotations(start)
    found = [*_rows(), *_batch()]
    return [msgspec.structs.replace(each, annotations=annotations.get((each.namespace, each.name), {})) for each in found]


# (namespace, name): minReplicas, maxReplicas
_AUTOSCALED = {
    ("checkout", "checkout-api"): (3, 8),
    ("checkout", "checkout-web"): (2, 6),
    ("catalog", "catalog-api"): (3, 7),
    ("search", "catalog-search"): (3, 6),
    ("search", "suggest-api"): (2, 5),
    ("payments", "payment-gateway"): (3, 6),
    ("growth-us", "campaign-api"): (2, 6),
    ("checkout-staging", "checkout-api"): (2, 4),
    ("ingress", "ingress-controller"): (3, 6),
}
_BUDGETS: dict[tuple[str, str], manifests.Extras] = {
    ("checkout", "checkout-api"): {"minAvailable": 2},
    ("checkout", "cart-redis"): {"maxUnavailable": 1},
    ("catalog", "catalog-api"): {"maxUnavailable": "34%"},
    ("search", "search-index"): {"maxUnavailable": 1},
    ("payments", "payment-gateway"): {"minAvailable": "50%"},
    ("payments", "ledger-postgres"): {"minAvailable": 2},
    ("payments-staging", "payment-gateway"): {"minAvailable": 1},
    ("data-platform", "kafka"): {"maxUnavailable": 1},
    ("kube-system", "coredns"): {"maxUnavailable": 1},
}
_HOSTS = {
    ("checkout", "checkout-web"): "checkout.shop.example.org",
    ("checkout-staging", "checkout-web"): "checkout.staging.example.org",
    ("catalog", "supplier-portal"): "suppliers.shop.example.org",
    ("growth-us", "landing-pages"): "go.shop.example.com",
    ("jp-market", "storefront-jp"): "shop.example.jp",
    ("data-platform", "superset"): "bi.internal.example.org",
    ("monitoring", "grafana"): "grafana.internal.example.org",
}


def objects(start: datetime) -> list[JsonObject]:
    """The whole fleet as manifests, namespaces first. *start* dates the exceptions that end during the demo."""
    found = [*namespaces(start)]
    for workload in workloads(start):
        place = (workload.namespace, workload.name)
        found.append(manifests.manifest(workload))
        if workload.kind == "Deployment" and workload.component in ("backend", "frontend"):
            found.append(manifests.service(workload))
        if place in _AUTOSCALED:
            found.append(manifests.autoscaler(workload, *_AUTOSCALED[place]))
        if place in _BUDGETS:
            found.append(manifests.budget(workload, **_BUDGETS[place]))
        if place in _HOSTS:
            found.append(manifests.ingress(workload, _HOSTS[place]))
    return [*found, *_jobs()]
