"""Bodies of Kubernetes Events, and how many of them one object may get. Pure: nothing here sends one (`Cluster.emit` does).

An event's name is made of the object, the reason and the message, so the same thing said twice is one Event with a count of two,
and a change is never announced by more than one Event.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from shared.errors import shorten
from shared.kinds import Resource
from shared.objects import Object
from shared.times import format_timestamp

# Limits of the API server's own validation of Events.
MESSAGE_LIMIT = 1024
REASON_LIMIT = 128
_NAME_LIMIT = 200
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")


def event_body(  # noqa: PLR0913 - an event is these facts, and every caller names each of them
    *,
    component: str,
    obj: Object,
    resource: Resource,
    reason: str,
    message: str,
    now: datetime,
    kind: Literal["Normal", "Warning"] = "Normal",
) -> dict[str, object]:
    """The body of a v1 Event about *obj*, said by *component* at *now*.

    *reason* is one CamelCase word for machines, *message* a sentence for people (cut to 1,024 characters). Events about
    cluster-scoped objects live in the namespace `default`, as the API server demands.
    """
    reason, message = shorten(reason, REASON_LIMIT), shorten(" ".join(message.split()), MESSAGE_LIMIT)
    namespace = obj.namespace or "default"
    instant = format_timestamp(now)
    involved = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": obj.name,
        "uid": obj.metadata.uid,
        "resourceVersion": obj.metadata.resource_version,
    }
    if obj.namespace:
        involved["namespace"] = obj.namespace
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": _event_name(obj, resource, reason, message), "namespace": namespace},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": kind,
        "count": 1,
        "firstTimestamp": instant,
        "lastTimestamp": instant,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": component,
    }


def _event_name(obj: Object, resource: Resource, reason: str, message: str) -> str:
    """A valid DNS subdomain that is the same for the same object, reason and message."""
    identity = "\n".join((resource.name, obj.metadata.uid or obj.key, reason, message))
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    labels = (_NOT_IN_A_NAME.sub("-", label).strip("-") for label in obj.name.lower()[:_NAME_LIMIT].split("."))
    return ".".join([label for label in labels if label] + [digest])


class EventBudget:
    """How many events each object may still get: `burst` at once, then one every `refill` seconds.

    The figures are those of client-go's spam filter (25, then one in five minutes), so a workload whose annotation makes every
    turn say something cannot fill etcd. Remembers the last `size` objects. Not thread-safe: the caller holds a lock.
    """

    def __init__(self, burst: int = 25, refill: float = 300.0, size: int = 4096) -> None:
        self._burst, self._refill, self._size = burst, refill, size
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, event: Mapping[str, object], monotonic: float) -> bool:
        """True when *event* may be sent at the moment *monotonic* (seconds); counts it."""
        involved = event.get("involvedObject")
        key = str(involved.get("uid") or involved.get("name")) if isinstance(involved, Mapping) else ""
        left, since = self._left.pop(key, (float(self._burst), monotonic))
        left = min(self._burst, left + (monotonic - since) / self._refill)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, monotonic)
        if len(self._left) > self._size:
            self._left.popitem(last=False)
        return allowed
