"""The chart as Helm renders it: named combinations of values, and their manifests as dictionaries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).parents[2] / "charts" / "kube-thrift"
NAMESPACE = "cost"
CONTROLLERS = ("downscaler", "janitor", "report")
COMMANDS = {"kube-downscaler", "kube-janitor", "kube-resource-report"}

Manifest = dict[str, Any]

_RULES = [
    {"id": "previews", "resources": ["namespaces"], "jmespath": "metadata.labels.preview == 'true'", "ttl": "4d"},
    {"id": "unlabelled", "resources": ["deployments", "statefulsets"], "jmespath": '!(metadata.labels."a.b/team")', "ttl": "7d"},
]
_PLACED = {
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "system", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}}
    ]}},
    "podDisruptionBudget": {"enabled": True},
    "podLabels": {"team": "platform"},
    "podAnnotations": {"sidecar.istio.io/inject": "false"},
}  # fmt: skip
_EXTRA = {
    "extraArgs": ["--debug"],
    "extraEnv": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "password"}}}],
    "extraEnvFrom": [{"secretRef": {"name": "theirs", "optional": True}}],
    "extraVolumes": [{"name": "ca", "secret": {"secretName": "theirs"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
}
_EVERY_MONITOR = {"enabled": True, "labels": {"release": "prometheus"}, "interval": "30s", "scrapeTimeout": "10s"}
_CLAIM = {"type": "persistentVolumeClaim"}
_S3 = {"type": "s3", "s3": {"bucket": "reports", "prefix": "kubernetes/prod", "region": "eu-central-1"}}


def _each(values: Mapping[str, Any]) -> dict[str, Any]:
    return {controller: dict(values) for controller in CONTROLLERS}


# What a value means to a shell, to YAML, to a template and to the kubelet: nothing of it may.
HOSTILE = "a'b\"c $(HOME) $HOME $$ {{ .Values }} # : \\ - [x] {y} \u00e4 %s"

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "nothing": _each({"enabled": False}),
    "downscaler alone, switched on": {
        "downscaler": {
            "dryRun": False,
            "includeResources": ["deployments", "statefulsets", "cronjobs", "daemonsets"],
            "customKinds": ["postgresql.cnpg.io/v1/clusters:spec.instances", "example.org/v1/widgets:scale"],
            "config": {
                "default-uptime": "Mon-Fri 07:30-20:00 Europe/Berlin",
                "exclude-namespaces": ["kube-.*", "flux-system"],
                "grace-period": 1000000,
                "max-unscheduled": "30%",
                "qps": 12.5,
                "json-logs": True,
                "debug": False,
            },
            "calendars": {"office": "2026-12-24\n2026-12-31\n", "plant": "2026-08-03\n"},
        },
        "janitor": {"enabled": False},
        "report": {"enabled": False},
    },
    "cronjobs, report to S3": {
        **_each({"mode": "cronjob", "cronJob": {"timeZone": "Europe/Berlin"}}),
        "report": {"mode": "cronjob", "storage": _S3},
    },
    "some namespaces": {"namespaces": ["staging", "review"], "clusterName": "prod-eu"},
    "report from a CronJob": {
        "report": {"mode": "cronjob", "storage": _CLAIM, "podDisruptionBudget": {"enabled": True}},
        "networkPolicy": {"enabled": True},
    },
    "report from a CronJob onto a shared volume": {
        "report": {
            "mode": "cronjob",
            "storage": {**_CLAIM, "persistentVolumeClaim": {"accessModes": ["ReadWriteMany"], "storageClassName": "efs"}},
            "nginx": {"replicas": 3, "ipv6": True},
        }
    },
    "report on a claim that exists": {"report": {"storage": {**_CLAIM, "persistentVolumeClaim": {"existingClaim": "theirs"}}}},
    "report without nginx": {"report": {"nginx": {"enabled": False}, "podDisruptionBudget": {"enabled": True}}},
    "report to S3 from a daemon": {"clusterName": "prod", "report": {"storage": _S3}},
    "report with files": {
        "report": {
            "files": {"links.yaml": "cluster: []\n", "discounts.yaml": "{}\n", "prices.csv": "", "teams.yaml": "{}\n"},
            "config": {
                "links-file": "/etc/kube-thrift/report/links.yaml",
                "team-mapping-file": "/etc/kube-thrift/report/teams.yaml",
                "additional-cost-per-cluster": 73,
                "alpha-ema": 0.5,
                "eks-fee": True,
            },
        }
    },
    "report on the web": {
        "report": {
            "service": {"type": "NodePort", "port": 8080, "annotations": {"a": "b"}},
            "ingress": {
                "enabled": True,
                "className": "alb",
                "annotations": {"alb.ingress.kubernetes.io/scheme": "internal"},
                "hosts": ["cost.example.org", "kosten.example.org"],
                "tls": [{"hosts": ["cost.example.org"], "secretName": "theirs"}],
            },
            "httpRoute": {
                "enabled": True,
                "parentRefs": [{"name": "gateway", "namespace": "web"}],
                "hostnames": ["cost.example.org"],
            },
        }
    },
    "any host": {"report": {"ingress": {"enabled": True}}},
    "pod monitors and dashboards": {
        "metrics": {"podMonitor": _EVERY_MONITOR, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}
    },
    "service monitors elsewhere": {
        "metrics": {
            "port": 9090,
            "serviceMonitor": {
                **_EVERY_MONITOR,
                "namespace": "monitoring",
                "relabelings": [{"targetLabel": "cluster", "replacement": "prod"}],
                "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "python_.*", "action": "drop"}],
            },
            "prometheusRule": {
                "enabled": True,
                "namespace": "monitoring",
                "extraGroups": [{"name": "mine", "rules": [{"record": "thrift:up", "expr": "up"}]}],
            },
        }
    },
    "no metrics": {"metrics": {"enabled": False, "podMonitor": _EVERY_MONITOR}, "networkPolicy": {"enabled": True}},
    "locked down and placed": {
        **_each(_PLACED),
        "networkPolicy": {
            "enabled": True,
            "egressCidrs": ["10.0.0.0/8", "fd00::/8"],
            "apiServerPorts": [443],
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "reportFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}], "ports": [{"port": 8443, "protocol": "TCP"}]}],
        },
    },
    "restored on uninstall": {
        "downscaler": {"restoreOnUninstall": True, "dryRun": False, "calendars": {"office": "2026-12-24\n"}},
        "networkPolicy": {"enabled": True},
    },
    "restored on uninstall, CronJob": {
        "downscaler": {"restoreOnUninstall": True, "mode": "cronjob", "includeResources": ["cronjobs"]},
        "namespaces": ["staging"],
    },
    "AWS by IRSA, own registry": {
        "image": {"registry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "repository": "tools/kube-thrift"}
        | {"digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "theirs"}],
        **{
            controller: {
                "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": f"arn:aws:iam::123456789012:role/{controller}"}}
            }
            for controller in ("janitor", "report")
        },
    },
    "accounts of one's own": {
        "rbac": {"create": False},
        "downscaler": {"serviceAccount": {"create": False, "name": "theirs"}},
        "janitor": {"serviceAccount": {"name": "cleaner"}},
        "report": {"serviceAccount": {"create": False}},
    },
    "janitor switched on": {
        "clusterName": "prod",
        "janitor": {
            "dryRun": False,
            "rules": _RULES,
            "includeResources": ["namespaces", "deployments.apps", "statefulsets.apps"],
            "excludeResources": ["secrets"],
            "config": {
                "delete-notification": "1d",
                "backup": "s3://backups/janitor",
                "protect": ["infra", "shop/db"],
                "breaker-percent": 12.5,
                "evict-pods": True,
            },
        },
    },
    "extras": {**_each(_EXTRA), "commonLabels": {"cost-center": "42"}, "commonAnnotations": {"owner": "platform"}},
    "names": {
        "nameOverride": "thrift",
        "fullnameOverride": f"a{'b' * 38}c",
        **_each({"mode": "cronjob"}),
        "report": {"mode": "cronjob", "storage": _CLAIM},
    },
    "hostile texts": {
        "clusterName": "prod",
        "commonAnnotations": {"text": HOSTILE},
        "downscaler": {"config": {"matching-labels": "team=a$,x=$(HOME)", "deployment-time-annotation": HOSTILE}},
        "janitor": {
            "config": {"webhook-owner": HOSTILE, "protect": []},
            "rules": [{"id": "quotes", "resources": ["pods"], "jmespath": "a == '$(HOME) \"x\" {{ y }}'", "ttl": "1d"}],
        },
        "report": {"config": {"object-label-team": HOSTILE}, "files": {"links.yaml": f"# {HOSTILE}\n"}},
    },
    "annotations checked": {"admissionPolicy": {"enabled": True, "action": ["Warn", "Audit"]}},
    # YAML reads some names as numbers or truth values.
    "names like numbers": {
        "fullnameOverride": "true",
        "nameOverride": "42",
        "namespaces": ["007", "true"],
        "commonLabels": {"year": "2026"},
        **_each({"priorityClassName": "1.0", "cronJob": {"activeDeadlineSeconds": 2000000}}),
        "report": {
            "mode": "cronjob",
            "storage": {**_CLAIM, "persistentVolumeClaim": {"storageClassName": "1"}},
            "ingress": {"enabled": True, "className": "0x1", "hosts": ["1.2"]},
        },
        "metrics": {"podMonitor": {"enabled": True, "namespace": "1"}, "prometheusRule": {"enabled": True}},
    },
    "paused": _each({"replicas": 0}),
}


@dataclass(frozen=True)
class Rendered:
    """What Helm makes of one combination: manifests with the template that each comes from, and the notes."""

    notes: str
    documents: tuple[tuple[str, Manifest], ...] = field(repr=False)

    @property
    def manifests(self) -> list[Manifest]:
        return [manifest for _, manifest in self.documents]

    def of_kind(self, *kinds: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [each for each in self.of_kind(kind) if each["metadata"]["name"] == name]
        return found

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """(kind and name, pod template) of everything that makes pods."""
        for manifest in self.of_kind("Deployment", "CronJob", "Job"):
            spec = manifest["spec"]
            spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
            yield f"{manifest['kind']} {manifest['metadata']['name']}", spec["template"]

    def commands(self) -> Iterator[tuple[str, Manifest, Manifest]]:
        """(where, pod template, container) of every container that runs one of the controllers."""
        for where, template in self.pods():
            for container in template["spec"]["containers"]:
                if container["command"][0] in COMMANDS:
                    yield where, template, container


@cache
def chart() -> helm_python.Chart:
    return helm_python.Chart.load(str(CHART))


@cache
def rendered(case: str, name: str = "thrift") -> Rendered:
    return render(CASES[case], name)


def render(values: Mapping[str, Any], name: str = "thrift") -> Rendered:
    """Raises HelmError where the values or a template are refused."""
    texts = chart().render(values=dict(values), name=name, namespace=NAMESPACE)
    documents, notes = [], ""
    for path, text in sorted(texts.items()):
        if path.endswith("NOTES.txt"):
            notes = text
        else:
            documents += [(path, each) for each in yaml.load_all(text, yaml.CSafeLoader) if each is not None]
    return Rendered(notes, tuple(documents))


def digest(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def own_argument(argument: str) -> str:
    """What a process is given for *argument*: the kubelet makes one dollar sign of two. Fails on a variable it would expand."""
    left = argument.replace("$$", "")
    assert "$(" not in left, f"{argument!r}: the kubelet would expand this"
    return argument.replace("$$", "$")
