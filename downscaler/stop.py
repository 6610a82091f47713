"""Stops the downscaler that runs beside this process, so that what `restore-all` brings up stays up.

A Deployment is scaled to zero, a CronJob suspended; then its pods are waited for: one that was told to stop finishes the
write in hand, which may put something down. Nothing here starts it again: who calls this is about to remove it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from shared.clock import Clock
from shared.cluster import Cluster
from shared.errors import NotFound, ThriftError, ValueProblem
from shared.kinds import CRON_JOBS, DEPLOYMENTS, PODS, Resource
from shared.names import check_name, check_namespace, describe
from shared.objects import Meta, Object, Struct

LOG = logging.getLogger("downscaler")

ACCEPTED = "deployments/NAMESPACE/NAME or cronjobs/NAMESPACE/NAME"
_STOPPED: Mapping[Resource, Mapping[str, object]] = {DEPLOYMENTS: {"replicas": 0}, CRON_JOBS: {"suspend": True}}
_POLL_SECONDS = 2.0
_LIVE_PODS = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True)
class Controller:
    """The Deployment or CronJob that runs a downscaler."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        return describe(self.resource, self.namespace, self.name)


class _Template(Struct, frozen=True):
    metadata: Meta = Meta()


class _JobSpec(Struct, frozen=True):
    template: _Template = _Template()


class _JobTemplate(Struct, frozen=True):
    spec: _JobSpec = _JobSpec()


class _Spec(Struct, frozen=True):
    template: _Template = _Template()
    job_template: _JobTemplate = _JobTemplate()


class _Runner(Object, frozen=True):
    spec: _Spec = _Spec()

    @property
    def pod_labels(self) -> Mapping[str, str]:
        return self.spec.template.metadata.labels or self.spec.job_template.spec.template.metadata.labels or {}


def parse_controller(text: str) -> Controller | None:
    """None for an empty text. Raises ValueProblem."""
    if not text.strip():
        return None
    plural, _, rest = text.strip().partition("/")
    namespace, _, name = rest.partition("/")
    resource = next((each for each in _STOPPED if each.plural == plural), None)
    if resource is None or not name:
        raise ValueProblem(text, ACCEPTED)
    return Controller(resource, check_namespace(namespace), check_name(name))


def stop_controller(cluster: Cluster, controller: Controller, clock: Clock, seconds: float) -> None:
    """Returns once no pod of *controller* lives, at once if it does not exist; in a dry run nothing is waited for.

    Raises ThriftError when a pod still lives after *seconds*: then nothing may be restored.
    """
    try:
        runner = cluster.get(controller.resource, controller.namespace, controller.name, _Runner)
        selector = ",".join(f"{key}={value}" for key, value in sorted(runner.pod_labels.items()))
        if not selector:
            raise ThriftError(f"{controller}: its pods have no labels by which to wait for them; stop it by hand")
        cluster.patch(controller.resource, controller.namespace, controller.name, {"spec": _STOPPED[controller.resource]})
    except NotFound:
        LOG.info("%s: is not there, so that nothing is to be stopped", controller)
        return
    LOG.info("%s: stopped%s", controller, " (dry run)" if cluster.dry_run else "")
    if not cluster.dry_run:
        _wait(cluster, controller, selector, clock, seconds)


def _wait(cluster: Cluster, controller: Controller, selector: str, clock: Clock, seconds: float) -> None:
    begun = clock.monotonic()
    while pods := [
        pod.name
        for pod in cluster.list_metadata(PODS, namespace=controller.namespace, label_selector=selector, field_selector=_LIVE_PODS)
    ]:
        if cluster.stop.is_set() or clock.monotonic() - begun > seconds:
            raise ThriftError(f"{controller}: pods {', '.join(sorted(pods))} still run, so that nothing was restored")
        clock.sleep(_POLL_SECONDS)
