"""What routes traffic to an application: Ingress, RouteGroup, IngressRoute and HTTPRoute objects to rows. Pure.

A row is one host of one object (or one rule, for an IngressRoute). Its application is that of the object's own labels, else that
of the services behind it: named by their selector, or by all the pods they select.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from resource_report.kinds import HttpRoute, Ingress, IngressBackend, IngressRoute, Named, RouteGroup, Service
from resource_report.labels import LabelSettings, first
from resource_report.rows import IngressRow
from shared.objects import Object

Route = tuple[IngressRow, tuple[str, ...]]
"""A row, and the names of the services behind it."""

_HOST = re.compile(r"Host(?:SNI)?\(([^)]*)\)")
_QUOTED = re.compile(r"[`\"']([^`\"']*)[`\"']")


def ingress_routes(found: Ingress, start: Callable[[], IngressRow]) -> Iterator[Route]:
    """One route per rule; an ingress with nothing but a default backend is one without a host."""
    spec = found.spec
    secured = {host for tls in spec.tls or () for host in tls.hosts or ()}
    secrets = {host: tls.secret_name for tls in spec.tls or () for host in tls.hosts or ()}
    for rule in spec.rules or ():
        paths = (rule.http.paths if rule.http else None) or []
        row = start()
        row.host = rule.host
        row.rule = ", ".join(dict.fromkeys(path.path for path in paths if path.path))
        row.tls = secrets.get(rule.host, "") if rule.host in secured else ""
        yield row, _names(_service(path.backend) for path in paths)
    if not spec.rules and spec.default_backend:
        yield start(), _names([_service(spec.default_backend)])


def route_group_routes(found: RouteGroup, start: Callable[[], IngressRow]) -> Iterator[Route]:
    names = _names(backend.service_name for backend in found.spec.backends or ())
    for host in found.spec.hosts or [""]:
        row = start()
        row.host = host
        yield row, names


def ingress_route_routes(found: IngressRoute, start: Callable[[], IngressRow]) -> Iterator[Route]:
    """One route per host that a rule's `Host(...)` names; every rule counts, not only the first."""
    tls = found.spec.tls
    for route in found.spec.routes or ():
        names = _names(service.name for service in route.services or ())
        hosts = [host for group in _HOST.findall(route.match) for host in _QUOTED.findall(group)]
        for host in dict.fromkeys(hosts or [""]):
            row = start()
            row.host, row.rule = host, route.match
            row.tls = (tls.cert_resolver or tls.secret_name) if tls else ""
            yield row, names


def http_route_routes(found: HttpRoute, start: Callable[[], IngressRow]) -> Iterator[Route]:
    names = _names(backend.name for rule in found.spec.rules or () for backend in rule.backend_refs or ())
    for host in found.spec.hostnames or [""]:
        row = start()
        row.host = host
        yield row, names


def new_row(kind: str, cluster: str, found: Object, labels: LabelSettings) -> IngressRow:
    application = first(found.metadata.labels, labels.application)
    return IngressRow(kind=kind, cluster=cluster, namespace=found.namespace, name=found.name, application=application)


def _service(backend: IngressBackend | None) -> str:
    return backend.service.name if backend and backend.service else ""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


# ---- from services to applications


@dataclass
class Backends:
    """Which application is behind each service that an unlabelled route names. Fed with services, then with pods, then asked.

    A service without a selector, or that selects nothing, says nothing; it never matches all pods of its namespace.
    """

    wanted: set[tuple[str, str]]
    labels: LabelSettings
    found: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _selectors: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)

    def see_service(self, service: Service) -> None:
        key = (service.namespace, service.name)
        selector = service.spec.selector
        if key not in self.wanted or not selector:
            return
        if application := first(selector, self.labels.application):
            self.found[key] = {application}
        else:
            self._selectors.setdefault(service.namespace, []).append((service.name, selector))

    def see_pod(self, namespace: str, labels: Mapping[str, str] | None, application: str) -> None:
        for name, selector in self._selectors.get(namespace, ()) if application and labels else ():
            if selector.items() <= (labels or {}).items():
                self.found.setdefault((namespace, name), set()).add(application)

    def application(self, namespace: str, services: Iterable[str]) -> str:
        """The one application behind these services; "" where there is none or more than one."""
        candidates = {application for service in services for application in self.found.get((namespace, service), ())}
        return candidates.pop() if len(candidates) == 1 else ""


def backend_text(services: Iterable[Named] | Iterable[str]) -> str:
    """Service names for a page."""
    return ", ".join(service if isinstance(service, str) else service.name for service in services)
