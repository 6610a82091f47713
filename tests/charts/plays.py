"""Short runs of the three controllers that make use of every right they have: objects, the real commands, and what came of it.

A play is acted with the rendered arguments under the account of the rendered roles. What it comes to is everything that a missing
right could change: exit codes, refused requests, the objects afterwards, and the events.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from downscaler.main import main as downscaler
from downscaler.sizes import KINDS
from janitor.main import main as janitor
from resource_report.clusters import ClusterDiscovery
from resource_report.collect import Hooks, Memory, collect
from resource_report.config import read_config
from resource_report.hooks import HookRunner
from resource_report.notifications import Severity
from shared.clock import SystemClock
from shared.cluster import Cluster
from shared.errors import ClusterError, NotFound
from shared.kinds import NAMESPACES, Resource
from shared.simcluster import SimCluster
from tests.charts.rendering import NAMESPACE, Manifest, Rendered, own_argument
from tests.charts.roles import account_of, install

# What the server chooses differently for each object: uids and the addresses of Services.
_RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|10\.\d+\.\d+\.\d+")
PAST = "2020-01-01T00:00:00Z"
_POD = {"containers": [{"name": "main", "image": "example.org/web:1"}]}
_PODS = {"metadata": {"labels": {"app": "web"}}, "spec": _POD}
_JOB = {"template": {"spec": {**_POD, "restartPolicy": "Never"}}}
_SELECTOR = {"matchLabels": {"app": "web"}}

Objects = list[Manifest]


def thing(api: str, kind: str, name: str, namespace: str = "shop", **body: Any) -> Manifest:
    """An object; `meta` is merged into its metadata."""
    meta = {"name": name} | ({"namespace": namespace} if namespace else {}) | body.pop("meta", {})
    return {"apiVersion": api, "kind": kind, "metadata": meta, **body}


def deployment(name: str, namespace: str = "shop", replicas: int = 3, **meta: Any) -> Manifest:
    spec = {"replicas": replicas, "selector": _SELECTOR, "template": _PODS}
    return thing("apps/v1", "Deployment", name, namespace, spec=spec, meta=meta)


def definition(group: str, version: str, plural: str, kind: str, *, scope: str = "Namespaced", scale: bool = False) -> Manifest:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served: dict[str, Any] = {"name": version, "served": True, "storage": True, "schema": schema}
    if scale:
        paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
        served["subresources"] = {"scale": paths}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    spec = {"group": group, "scope": scope, "names": names, "versions": [served]}
    approved = {"annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"}}
    return thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{group}", "", spec=spec, meta=approved)


def owner(sim: SimCluster, kind: str, plural: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    found = sim.get(plural, namespace, name)
    return {"apiVersion": found["apiVersion"], "kind": kind, "name": name, "uid": found["metadata"]["uid"], "controller": True}


class _Refused(Exception):
    """Something was refused, which is all that a play is about: the rest of it is left out."""


@dataclass
class Stage:
    """A cluster with the rendered roles in it, and one controller's account and arguments."""

    sim: SimCluster
    found: Rendered
    component: str
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    account: str = ""
    placed: list[tuple[Resource, str | None, str]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    _touched: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.account = account_of(self.found, self.component)
        install(self.sim, self.found)
        self.sim.service_account_token(NAMESPACE, self.account)
        self.sim.write_kubeconfig(self.folder / "kubeconfig", self.user)

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{NAMESPACE}:{self.account}"

    def put(self, *objects: Manifest) -> None:
        for each in objects:
            made = self.sim.create(each)
            _, resource = self.sim.store.registry.of_object(made["apiVersion"], made["kind"])
            self.placed.append((resource, made["metadata"].get("namespace"), made["metadata"]["name"]))

    def put_space(self, namespace: Manifest) -> None:
        """A Namespace; one that is there because a Role is in it gets the metadata."""
        known = {each["metadata"]["name"] for each in self.sim.list("namespaces")}
        meta = namespace["metadata"]
        if meta["name"] not in known:
            self.put(namespace)
        else:
            self.sim.patch("namespaces", None, meta["name"], {"metadata": meta})
            self.placed.append((NAMESPACES, None, meta["name"]))

    def arguments(self, component: str = "") -> list[str]:
        """The rendered ones, as a single turn, and with a kubeconfig in the place of the pod's files."""
        for _, template, container in self.found.commands():
            if template["metadata"]["labels"]["app.kubernetes.io/component"] == (component or self.component):
                given = [own_argument(each) for each in container["args"]]
                kept = [each for each in given if not each.startswith(("--metrics-port", "--once", "--rules-file"))]
                # As few connections as possible: each of them costs more than the requests on it.
                few = [] if self.component == "report" else ["--workers=1"]
                return [*kept, *few, "--once", f"--kubeconfig={self.folder / 'kubeconfig'}"]
        raise LookupError(component)

    def run(self, command: Callable[[Sequence[str]], int], *argv: str) -> None:
        """Raises _Refused as soon as something was."""
        self.codes.append(command(argv))
        if self._refused():
            raise _Refused

    def _refused(self) -> tuple[str, ...]:
        return tuple(sorted({each.path for each in self.sim.requests if each.status == 403}))

    def live_in_pod(self, kind: str, plural: str, between: str, name: str) -> None:
        """The pod that the process is: of a Job of a CronJob, or of a ReplicaSet of a Deployment."""
        self.put(next(each for each in self.found.of_kind(kind) if each["metadata"]["name"] == name))
        middle = {"ReplicaSet": ("apps/v1", {"selector": _SELECTOR, "template": _PODS, "replicas": 0}), "Job": ("batch/v1", _JOB)}
        api, spec = middle[between]
        self.put(
            thing(
                api, between, f"{name}-1", NAMESPACE, spec=spec, meta={"ownerReferences": [owner(self.sim, kind, plural, name)]}
            )
        )
        reference = owner(self.sim, between, f"{between.lower()}s", f"{name}-1")
        # One that has ended: the restoring job does not wait for it.
        self.put(
            thing(
                "v1",
                "Pod",
                f"{name}-1-a",
                NAMESPACE,
                spec=_POD,
                status={"phase": "Succeeded"},
                meta={"ownerReferences": [reference]},
            )
        )
        self.monkeypatch.setenv("POD_NAME", f"{name}-1-a")
        self.monkeypatch.setenv("POD_NAMESPACE", NAMESPACE)

    def act(self, play: Callable[[Stage], None], *, quarrel: bool = False) -> Outcome:
        """Acts *play* from the beginning and clears up after it."""
        self.sim.clear_requests()
        self.codes, self._touched = [], set()
        end = self.sim.on_write(self._quarrel) if quarrel else lambda: None
        try:
            with suppress(_Refused):
                play(self)
            return Outcome(tuple(self.codes), self._refused(), tuple(self._states()), tuple(sorted(self._events())))
        finally:
            end()
            self._clear()

    def _quarrel(self, verb: str, plural: str, namespace: str, name: str) -> None:
        """Somebody else writes on each object once, just when it is about to be written."""
        for resource, home, known in self.placed:
            fresh = (plural, name) not in self._touched
            if fresh and verb == "patch" and (resource.plural, home, known) == (plural, namespace, name):
                self._touched.add((plural, name))
                self.sim.patch(resource, home, name, {"metadata": {"labels": {"somebody": "else"}}})

    def _states(self) -> Iterator[str]:
        for resource, namespace, name in self.placed:
            try:
                found = self.sim.get(resource, namespace, name)
            except NotFound:
                yield f"{resource.name} {namespace}/{name}: gone"
                continue
            keys = sorted(found["metadata"].get("annotations") or {})
            ends = "ending" if "deletionTimestamp" in found["metadata"] else ""
            spec = _RANDOM.sub("", json.dumps(found.get("spec"), sort_keys=True))
            yield f"{resource.name} {namespace}/{name}: {ends} {spec} {keys}"

    def _events(self) -> Iterator[str]:
        for each in self.sim.list("events"):
            yield f"{each['reason']} {each['involvedObject']['name']} {each['count']}"

    def _clear(self) -> None:
        for resource, namespace, name in reversed(self.placed):
            try:
                self.sim.delete(resource, namespace, name)
            except NotFound:
                continue
        for plural in ("events", "configmaps"):
            for each in self.sim.list(plural):
                if each["metadata"]["name"] != "kube-root-ca.crt":
                    self.sim.delete(plural, each["metadata"]["namespace"], each["metadata"]["name"])
        self.placed = []


@dataclass(frozen=True)
class Outcome:
    """What a play came to. `refused` are the paths of requests that were answered with 403."""

    codes: tuple[int, ...]
    refused: tuple[str, ...]
    states: tuple[str, ...]
    events: tuple[str, ...]


# ---- the downscaler

_CRON = {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": _JOB}}
_BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
_HPA = {"maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}}


def _workloads(namespace: str) -> Objects:
    asleep_at_one = {"annotations": {"downscaler/downtime-replicas": "1"}}
    children = {"annotations": {"downscaler/scale-children": "true"}}
    pods = {"selector": _SELECTOR, "template": _PODS}
    return [
        deployment("web", namespace),
        deployment("broken", namespace, annotations={"downscaler/uptime": "office hours"}),
        thing("apps/v1", "StatefulSet", "web", namespace, spec={"replicas": 2, "serviceName": "web", **pods}),
        thing("apps/v1", "DaemonSet", "web", namespace, spec=pods),
        thing("batch/v1", "CronJob", "web", namespace, spec=_CRON, meta=children),
        thing("batch/v1", "Job", "alone", namespace, spec=_JOB),
        thing("policy/v1", "PodDisruptionBudget", "web", namespace, spec={"minAvailable": 2, "selector": _SELECTOR}),
        thing("autoscaling/v2", "HorizontalPodAutoscaler", "web", namespace, spec={"minReplicas": 3, **_HPA}, meta=asleep_at_one),
        thing("example.org/v1", "Widget", "web", namespace, spec={"size": 4}),
    ]


def downscaler_play(stage: Stage) -> None:
    """A night of everything in `shop`; then the namespace asks for a length of uptime; a broken annotation, said twice."""
    if _mode(stage) == "Deployment":
        stage.live_in_pod("Deployment", "deployments", "ReplicaSet", stage.account)
    else:
        stage.live_in_pod("CronJob", "cronjobs", "Job", stage.account)
    stage.put(*_workloads("shop"))
    reference = owner(stage.sim, "CronJob", "cronjobs", "web", "shop")
    stage.put(thing("batch/v1", "Job", "web-1", "shop", spec=_JOB, meta={"ownerReferences": [reference]}))
    _annotate(stage, "shop", {"downscaler/downtime": "always", "downscaler/up-for": None, "downscaler/up-until": None})
    stage.run(downscaler, *stage.arguments())
    _annotate(stage, "shop", {"downscaler/up-for": "1h"})
    stage.run(downscaler, *stage.arguments())


def _mode(stage: Stage) -> str:
    for where, template in stage.found.pods():
        if template["metadata"]["labels"]["app.kubernetes.io/component"] == stage.component:
            return where.split()[0]
    raise LookupError(stage.component)


def _annotate(stage: Stage, namespace: str, annotations: dict[str, str | None]) -> None:
    stage.sim.patch("namespaces", None, namespace, {"metadata": {"annotations": annotations}})


# What sleeps, of every kind that a downscaler may have put down: its spec, and the size it has to get back.
_SLEEPERS: dict[str, tuple[dict[str, Any], str]] = {
    "deployments": ({"replicas": 0, "selector": _SELECTOR, "template": _PODS}, "3"),
    "statefulsets": ({"replicas": 0, "serviceName": "web", "selector": _SELECTOR, "template": _PODS}, "3"),
    "rollouts": ({"replicas": 0}, "3"),
    "stacks": ({"replicas": 0}, "3"),
    "prometheuses": ({"replicas": 0}, "3"),
    "postgresqls": ({"numberOfInstances": 0}, "3"),
    "kafkaconnects": ({"replicas": 0}, "3"),
    "kafkamirrormaker2s": ({"replicas": 0}, "3"),
    "kafkabridges": ({"replicas": 0}, "3"),
    "autoscalingrunnersets": ({"minRunners": 0}, "3"),
    "cronjobs": ({**_CRON, "suspend": True}, "1"),
    "horizontalpodautoscalers": ({"minReplicas": 1, **_HPA}, "3"),
    "scaledobjects": ({}, "-1"),
    "daemonsets": (
        {
            "selector": _SELECTOR,
            "template": {**_PODS, "spec": {**_POD, "nodeSelector": {"kube-downscaler-non-existent": "true"}}},
        },
        "1",
    ),
    "poddisruptionbudgets": ({"minAvailable": 0, "selector": _SELECTOR}, "2"),
    "jobs": ({**_JOB, "suspend": True}, "1"),
    "services": ({"ports": [{"port": 80}]}, "NodePort"),
    "ingresses": ({"ingressClassName": "kube-downscaler-ingress-class", "defaultBackend": _BACKEND}, "nginx"),
    "gateways": ({"gatewayClassName": "kube-downscaler-gateway-class", "listeners": []}, "aws-alb"),
}


def sleepers(namespace: str) -> Objects:
    """One of every kind, asleep. Fails for a kind that is not in the table above."""
    found = []
    for kind in KINDS.values():
        if kind.part_of:
            continue
        spec, original = _SLEEPERS[kind.id]
        record = {"downscaler/original-replicas": original}
        if kind.id == "scaledobjects":
            record["autoscaling.keda.sh/paused-replicas"] = "0"
        found.append(
            thing(kind.resource.api_version, kind.resource.kind, "asleep", namespace, spec=spec, meta={"annotations": record})
        )
    return found


def orphans_play(stage: Stage) -> None:
    """Everything sleeps, and most of its kinds are no longer named."""
    stage.live_in_pod("Deployment", "deployments", "ReplicaSet", stage.account)
    stage.put(*sleepers("shop"), deployment("broken", annotations={"downscaler/uptime": "office hours"}))
    _annotate(stage, "shop", {"downscaler/up-for": "1h", "downscaler/up-until": None})
    for _ in range(2):
        stage.run(downscaler, *stage.arguments())


def restore_play(stage: Stage) -> None:
    """The job before `helm uninstall`, twice, as Helm may repeat it: the controller is stopped and everything brought back."""
    name = f"{stage.account}-restore"
    for manifest in stage.found.of_kind(_mode(stage), "Job"):
        if manifest["metadata"]["name"] in (stage.account, name):
            stage.put(manifest)
    reference = owner(stage.sim, "Job", "jobs", name)
    stage.put(thing("v1", "Pod", f"{name}-a", NAMESPACE, spec=_POD, meta={"ownerReferences": [reference]}))
    stage.monkeypatch.setenv("POD_NAME", f"{name}-a")
    stage.monkeypatch.setenv("POD_NAMESPACE", NAMESPACE)
    stage.put(*sleepers("shop"), deployment("broken", annotations={"downscaler/original-replicas": "many"}, replicas=0))
    for _ in range(2):
        stage.run(downscaler, *stage.arguments("downscaler-restore"))


# ---- the janitor


def old_backup(namespace: str, identity: str = "20200101t000000z.configmaps.shop.x.1") -> Manifest:
    """A backup whose retention has long passed."""
    meta = {"labels": {"janitor/keeps": "backup"}, "annotations": {"janitor/backup-bytes": "10"}}
    data = base64.b64encode(gzip.compress(b"{}")).decode()
    return thing("v1", "ConfigMap", f"janitor-backup.{identity}", namespace, binaryData={"entry.json.gz": data}, meta=meta)


def _due(kind: str, name: str, api: str = "v1", *, warn: bool = False, **body: Any) -> Manifest:
    """An object that goes now; or, with *warn*, one whose owner is warned first."""
    meta = {"labels": {"warn": "true"}} if warn else {"annotations": {"janitor/expires": PAST}}
    return thing(api, kind, name, body.pop("namespace", "shop"), meta=meta, **body)


def janitor_play(stage: Stage) -> None:
    """Two turns of two processes: of every type one object that is due and one whose owner is warned; a broken annotation."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    work = {"replicas": 0, "selector": _SELECTOR, "template": _PODS}
    stage.monkeypatch.setenv("POD_NAMESPACE", NAMESPACE)
    stage.put(old_backup("backups"))
    for warn in (False, True):
        name = "warned" if warn else "due"
        stage.put(
            _due("ConfigMap", name, warn=warn),
            _due("Pod", name, warn=warn, spec=_POD),
            _due("PersistentVolumeClaim", name, warn=warn, spec=claim),
            _due("Service", name, warn=warn, spec={"ports": [{"port": 80}], "selector": {"app": "web"}}),
            _due("Deployment", name, "apps/v1", warn=warn, spec=work),
        )
    stage.put(thing("v1", "ConfigMap", "broken", meta={"annotations": {"janitor/ttl": "soon"}}))
    stage.put(thing("v1", "PersistentVolumeClaim", "unused", spec=claim))
    # More than a breaker lets through, where the values set one.
    stage.put(*(thing("v1", "ConfigMap", f"excess-{number}", meta={"labels": {"excess": "true"}}) for number in range(2)))
    stage.put_space(_due("Namespace", "warned-space", warn=True, namespace=""))
    stage.run(janitor, *_with_rules(stage))
    stage.put(_due("ConfigMap", "later"))
    # Last, because a Role in it goes with it.
    stage.put_space(_due("Namespace", "due-space", namespace=""))
    stage.run(janitor, *_with_rules(stage))


def _with_rules(stage: Stage) -> list[str]:
    (rules,) = [each for each in stage.found.of_kind("ConfigMap") if each["metadata"]["name"].endswith("-janitor-rules")]
    path = stage.folder / "rules.yaml"
    path.write_text(rules["data"]["rules.yaml"])
    return [*stage.arguments(), f"--rules-file={path}"]


# ---- the report


def report_play(stage: Stage) -> None:
    """One report on a cluster that has something of everything."""
    size = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    labels = {"node.kubernetes.io/instance-type": "m6i.xlarge", "topology.kubernetes.io/region": "eu-central-1"}
    stage.put(thing("v1", "Node", "n1", "", status={"capacity": size, "allocatable": size}, meta={"labels": labels}))
    for kind, api in (("ReplicaSet", "apps/v1"), ("StatefulSet", "apps/v1"), ("DaemonSet", "apps/v1"), ("Job", "batch/v1")):
        name = f"web-{29_000_000 if kind == 'Job' else '5d9f7c8b4d'}"
        reference = {"apiVersion": api, "kind": kind, "name": name, "uid": f"u-{kind}", "controller": True}
        spec = {**_POD, "nodeName": "n1"}
        meta = {"ownerReferences": [reference], "labels": {"pod-template-hash": "5d9f7c8b4d"} if kind == "ReplicaSet" else {}}
        stage.put(thing("v1", "Pod", f"of-{kind.lower()}", spec=spec, status={"phase": "Running"}, meta=meta))
    rule = {"host": "web.example.org", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": _BACKEND}]}}
    stage.put(thing("networking.k8s.io/v1", "Ingress", "web", spec={"rules": [rule]}))
    stage.run(_read_for_report, *stage.arguments()[1:])


def _read_for_report(argv: Sequence[str]) -> int:
    """What a report does on the API server. Pages, which take most of its time, ask for nothing."""
    given = [each for each in argv if not each.startswith(("--data-path", "--update-interval-minutes"))]
    config = read_config([".", *given], {})
    (ref,), _ = ClusterDiscovery(config.discovery, {}).clusters(0.0)
    hooks = Hooks(HookRunner("--map-node-hook", None), HookRunner("--map-pod-hook", None))
    with Cluster.connect(ref.connection) as cluster:
        try:
            found = collect(cluster, config.collect, hooks, Memory(), SystemClock())
        except ClusterError:
            return 1
    return int(any(note.severity is not Severity.INFO for note in found.notifications))
